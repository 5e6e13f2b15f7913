/* SPDX-License-Identifier: MIT */
/* A member whose address another one has: the one that lives there says so to members only, the
 * word counts as an answer to a ping would, ends in left where enough agree, and is a diagnosis
 * where the subject goes on contradicting it. */
#include "unit.h"

#include "base/addr.h"
#include "core_world.h"

#define LEAST SHOAL_SEC(4)  /* lan, up to ten members */
#define MOST  SHOAL_SEC(24) /* with further accusers to wait for */

/* A core, `others` members that answer, and one that does not. */
static struct puppet *
set_up(struct core_world *world, size_t others)
{
	world_begin(world, NULL, others, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	return world_meet(world, 0, 0);
}

static struct shoal_msg_gone
gone_of(const struct core_world *world, const struct puppet *subject, uint64_t seq)
{
	const struct puppet *tenant = &world->puppet[0];
	struct shoal_msg_gone gone = {.seq = seq,
	        .id = tenant->id,
	        .salt = puppet_salt(tenant),
	        .incarnation = tenant->incarnation,
	        .target = subject->id};
	return gone;
}

static uint64_t
await_ping(struct core_world *world, const struct puppet *subject)
{
	world_forget_sent(world);
	const struct world_packet *packet =
	        world_await_sent(world, 0, &subject->addr, SHOAL_MESSAGE_PING, SHOAL_SEC(100));
	assert_non_null(packet);
	return packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq;
}

/* The next ping for it is answered by another member at its address. */
static void
answer_gone(struct core_world *world, const struct puppet *subject)
{
	struct shoal_msg_gone gone = gone_of(world, subject, await_ping(world, subject));

	world_send(world, 0, &subject->addr, SHOAL_MESSAGE_GONE, &gone);
}

static void
accuse(struct core_world *world, const struct puppet *by, const struct puppet *subject)
{
	struct shoal_msg_state said = puppet_state(subject, SHOAL_STATE_SUSPECT);

	said.accusers.count = 1;
	said.accusers.item[0] = by->id;
	world_tell(world, 0, by, SHOAL_MESSAGE_STATE, &said);
}

static void
refute(struct core_world *world, struct puppet *subject)
{
	subject->incarnation++;
	struct shoal_msg_state said = puppet_state(subject, SHOAL_STATE_ALIVE);
	world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_STATE, &said);
	assert_int_equal(world_state(world, 0, &subject->id), SHOAL_STATE_ALIVE);
}

static void
a_ping_for_another_is_answered_gone_to_a_member_at_its_own_address(void **state)
{
	struct core_world world;
	struct shoal_addr elsewhere;

	(void)state;
	struct puppet *subject = set_up(&world, 1);
	struct puppet *asker = &world.puppet[0];
	struct shoal_msg_ping ping = {
	        .seq = 99, .id = asker->id, .salt = puppet_salt(asker), .target = subject->id};
	world_clear(&world);
	world_send(&world, 0, &asker->addr, SHOAL_MESSAGE_PING, &ping);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &asker->addr, SHOAL_MESSAGE_GONE);
	assert_non_null(packet);
	const struct shoal_msg_gone *gone = &packet_has(packet, SHOAL_MESSAGE_GONE)->gone;
	struct shoal_id self = world_id(&world, 0);
	assert_true(gone->seq == 99);
	assert_memory_equal(&gone->id, &self, sizeof self);
	assert_memory_equal(&gone->target, &subject->id, sizeof self);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_GONES_OUT), 1);

	elsewhere = asker->addr;
	elsewhere.port++;
	world_send(&world, 0, &elsewhere, SHOAL_MESSAGE_PING, &ping);
	ping.id.bytes[0] ^= 1; /* a stranger */
	world_send(&world, 0, &asker->addr, SHOAL_MESSAGE_PING, &ping);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_GONE), 1);
	world_done(&world);
}

static void
a_ping_on_a_stream_is_answered_there(void **state)
{
	struct core_world world;
	struct parcel parcel;

	(void)state;
	struct puppet *subject = set_up(&world, 1);
	struct shoal_msg_ping ping = {.seq = 99,
	        .id = world.puppet[0].id,
	        .salt = puppet_salt(&world.puppet[0]),
	        .target = subject->id};
	struct shoal_addr ephemeral = {.port = 0};
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_end(&parcel);
	world_request(&world, 0, &ephemeral, 77, &parcel);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_GONE);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
	assert_true(packet->exchange == 77);
	world_done(&world);
}

static void
gone_makes_it_suspect_at_once_with_the_reason(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 4);
	answer_gone(&world, subject);
	const struct shoal_event *event =
	        world_event(&world, 0, SHOAL_EVENT_SUSPECT, &subject->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REPLACED);
	assert_memory_equal(&event->cause.from, &world.puppet[0].id, sizeof event->cause.from);
	assert_non_null(strstr(event->cause.detail, world.puppet[0].name));
	/* No relays, no doubt of itself. */
	assert_int_equal(shoal_core_health(world_core(&world, 0)), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_ASKED), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_GONES_IN), 1);
	world_done(&world);
}

static void
gone_counts_only_from_the_pinged_address_for_the_number_and_the_target_of_a_ping(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 4);
	struct shoal_msg_gone right = gone_of(&world, subject, await_ping(&world, subject));
	struct shoal_msg_gone gone = right;
	world_send(&world, 0, &world.puppet[1].addr, SHOAL_MESSAGE_GONE, &gone);
	gone.target = world.puppet[1].id;
	world_send(&world, 0, &subject->addr, SHOAL_MESSAGE_GONE, &gone);
	gone = right;
	gone.id = subject->id; /* nobody says this of itself */
	world_send(&world, 0, &subject->addr, SHOAL_MESSAGE_GONE, &gone);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 3);
	gone = right;
	gone.seq ^= UINT64_C(1) << 50;
	world_send(&world, 0, &subject->addr, SHOAL_MESSAGE_GONE, &gone);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_ALIVE);
	world_send(&world, 0, &subject->addr, SHOAL_MESSAGE_GONE, &right);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_SUSPECT);
	/* And once only. */
	world_send(&world, 0, &subject->addr, SHOAL_MESSAGE_GONE, &right);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 2);
	world_done(&world);
}

static void
one_that_lives_at_the_address_itself_finds_that_out_by_its_own_ping(void **state)
{
	struct core_world world;

	(void)state;
	world_begin(&world, NULL, 4, PUPPET_DATAGRAMS);
	struct puppet *subject = world_puppet(&world);
	subject->addr = world.node[0].addr;
	struct shoal_msg_member said = puppet_member(subject, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
	const struct shoal_event *event =
	        world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(20));
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REPLACED);
	world_done(&world);
}

static void
two_that_report_it_make_it_left_after_the_shortest_suspicion(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 4);
	answer_gone(&world, subject);
	accuse(&world, &world.puppet[1], subject);
	world_run(&world, LEAST - 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_SUSPECT);
	world_run(&world, 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_LEFT);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_LEFT, &subject->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REPLACED);
	assert_int_equal(event->cause.accusers, 2);
	assert_null(world_event(&world, 0, SHOAL_EVENT_FAILED, NULL, 0));
	world_done(&world);
}

/* What this core tells of it first. */
static const struct shoal_msg_state *
told_of(struct core_world *world, const struct puppet *subject)
{
	world_run(world, SHOAL_MS(100));
	const struct world_packet *packet = world_sent(world, NULL, 0, NULL, SHOAL_MESSAGE_STATE);
	assert_non_null(packet);
	const struct shoal_msg_state *told = &packet_has(packet, SHOAL_MESSAGE_STATE)->state;
	assert_memory_equal(&told->id, &subject->id, sizeof told->id);
	return told;
}

/* A member tells that it left: by its own word, or since others found its address taken. */
static void
who_hears_of_it_later_tells_one_that_was_replaced_from_one_that_said_so(void **state)
{
	(void)state;
	for (size_t accusers = 0; accusers <= 2; accusers += 2) {
		struct core_world world;
		struct puppet *subject = set_up(&world, 4);
		struct shoal_msg_state said = puppet_state(subject, SHOAL_STATE_LEFT);

		said.accusers.count = accusers;
		said.accusers.item[0] = world.puppet[1].id;
		said.accusers.item[1] = world.puppet[2].id;
		world_forget_sent(&world);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &said);
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_LEFT, &subject->id, 0);
		assert_non_null(event);
		assert_int_equal(
		        event->cause.kind, accusers > 0 ? SHOAL_CAUSE_REPLACED : SHOAL_CAUSE_LEAVE);
		assert_int_equal(event->cause.accusers, accusers);
		assert_int_equal(told_of(&world, subject)->accusers.count, accusers);
		world_done(&world);
	}
}

static void
one_alone_makes_it_dead_after_the_longest(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 4);
	answer_gone(&world, subject);
	uint64_t begun = world.now;
	while (world.now < begun + MOST - SHOAL_SEC(1)) {
		world_run(&world, SHOAL_SEC(1));
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_SUSPECT);
	}
	world_run(&world, SHOAL_SEC(1) - 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_SUSPECT);
	world_run(&world, 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
	world_done(&world);
}

static void
of_three_with_the_one_that_lives_there_one_is_enough(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 1);
	answer_gone(&world, subject);
	world_run(&world, LEAST - 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_SUSPECT);
	world_run(&world, 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_LEFT);
	world_done(&world);
}

static void
other_suspicions_end_in_dead_as_ever(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 4);
	for (size_t i = 1; i < 4; i++) {
		accuse(&world, &world.puppet[i], subject);
	}
	world_run(&world, LEAST);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
	world_done(&world);
}

static enum shoal_diagnosis
diagnosis(const struct core_world *world, const struct puppet *puppet)
{
	struct shoal_core_member held;

	assert_true(world_holds(world, 0, &puppet->id, &held));
	return held.diagnosis;
}

static void
refuted_twice_it_is_only_a_diagnosis_while_the_member_is_heard(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 4);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(diagnosis(&world, subject), SHOAL_DIAGNOSIS_NONE);
		answer_gone(&world, subject);
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_SUSPECT);
		refute(&world, subject);
	}
	assert_int_equal(diagnosis(&world, subject), SHOAL_DIAGNOSIS_SHARED_ADDRESS);
	assert_int_equal(diagnosis(&world, &world.puppet[1]), SHOAL_DIAGNOSIS_NONE);
	/* Its own pings, from behind the shared address, keep it alive here. */
	struct shoal_msg_ping ping = {.seq = 5,
	        .id = subject->id,
	        .salt = puppet_salt(subject),
	        .target = world_id(&world, 0)};
	struct shoal_addr outside = subject->addr;
	outside.port++;
	for (size_t i = 0; i < 5; i++) {
		world_send(&world, 0, &outside, SHOAL_MESSAGE_PING, &ping);
		answer_gone(&world, subject);
		world_run(&world, SHOAL_SEC(2));
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_ALIVE);
	}
	world_done(&world);
}

static void
one_with_the_diagnosis_that_is_not_heard_is_suspected_like_any_other(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *subject = set_up(&world, 4);
	for (size_t i = 0; i < 2; i++) {
		answer_gone(&world, subject);
		refute(&world, subject);
	}
	uint64_t heard = world.now;
	while (world_state(&world, 0, &subject->id) == SHOAL_STATE_ALIVE) {
		answer_gone(&world, subject);
		world_run(&world, SHOAL_MS(1500));
	}
	assert_true(world.now > heard + SHOAL_SEC(30) && world.now < heard + SHOAL_SEC(60));
	assert_int_equal(world_event(&world, 0, SHOAL_EVENT_SUSPECT, &subject->id, 2)->cause.kind,
	        SHOAL_CAUSE_UNANSWERED);
	world_done(&world);
}

static void
an_address_has_four_tombstones_at_most(void **state)
{
	struct core_world world;
	struct shoal_id id[6];

	(void)state;
	struct puppet *teller = set_up(&world, 2);
	struct shoal_addr addr = {.port = 0};
	for (size_t i = 0; i < COUNT_OF(id); i++) {
		struct puppet *puppet = world_puppet(&world);
		if (i == 0) {
			addr = puppet->addr;
		}
		puppet->addr = addr;
		id[i] = puppet->id;
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
		said.state = SHOAL_STATE_LEFT;
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
		for (size_t k = 0; k <= i; k++) {
			assert_int_equal(world_state(&world, 0, &id[k]),
			        k + 4 > i ? SHOAL_STATE_LEFT : SHOAL_STATES);
		}
	}
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_REAP), 2);
	world_done(&world);
}

/* What another member still tells must not push out what is newer, again and again. */
static void
of_five_tombstones_at_an_address_the_one_that_died_first_is_forgotten(void **state)
{
	static const uint64_t ages_s[] = {100, 50, 300, 200, 400};
	struct core_world world;
	struct shoal_addr addr = {.port = 0};
	struct shoal_id id[COUNT_OF(ages_s)];

	(void)state;
	struct puppet *teller = set_up(&world, 2);
	for (size_t i = 0; i < COUNT_OF(ages_s); i++) {
		struct puppet *puppet = world_puppet(&world);
		addr = i == 0 ? puppet->addr : addr;
		puppet->addr = addr;
		id[i] = puppet->id;
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_LEFT);
		said.age_ms = 1000 * ages_s[i];
		for (size_t again = 0; again < 3; again++) {
			world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
		}
	}
	for (size_t i = 0; i < COUNT_OF(ages_s); i++) {
		assert_int_equal(world_state(&world, 0, &id[i]),
		        ages_s[i] < 400 ? SHOAL_STATE_LEFT : SHOAL_STATES);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_ping_for_another_is_answered_gone_to_a_member_at_its_own_address),
	        cmocka_unit_test(a_ping_on_a_stream_is_answered_there),
	        cmocka_unit_test(gone_makes_it_suspect_at_once_with_the_reason),
	        cmocka_unit_test(
	                gone_counts_only_from_the_pinged_address_for_the_number_and_the_target_of_a_ping),
	        cmocka_unit_test(
	                one_that_lives_at_the_address_itself_finds_that_out_by_its_own_ping),
	        cmocka_unit_test(two_that_report_it_make_it_left_after_the_shortest_suspicion),
	        cmocka_unit_test(
	                who_hears_of_it_later_tells_one_that_was_replaced_from_one_that_said_so),
	        cmocka_unit_test(one_alone_makes_it_dead_after_the_longest),
	        cmocka_unit_test(of_three_with_the_one_that_lives_there_one_is_enough),
	        cmocka_unit_test(other_suspicions_end_in_dead_as_ever),
	        cmocka_unit_test(refuted_twice_it_is_only_a_diagnosis_while_the_member_is_heard),
	        cmocka_unit_test(
	                one_with_the_diagnosis_that_is_not_heard_is_suspected_like_any_other),
	        cmocka_unit_test(an_address_has_four_tombstones_at_most),
	        cmocka_unit_test(
	                of_five_tombstones_at_an_address_the_one_that_died_first_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
