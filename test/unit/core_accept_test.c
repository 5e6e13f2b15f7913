/* SPDX-License-Identifier: MIT */
/* Admission by the application: who is asked about, how often, what waits for the answer, and what
 * becomes of those that are refused. */
#include "unit.h"

#include <stdlib.h>

#include "core_accept_world.h"

#define WAITS SHOAL_SEC(30)
#define KEPT  SHOAL_SEC(60)

/* Node 0 asks; node 1 joins through it and waits. */
static void
begin_join(struct core_world *world)
{
	struct shoal_core_config config;

	world_init(world);
	add_asking(world);
	world_config(world, &config);
	config.app_version = 3;
	world_add(world, &config);
	assert_int_equal(world_join(world, 1, 0), SHOAL_OK);
	world_run(world, SHOAL_SEC(2));
}

static void
a_join_is_answered_when_the_joiner_is_accepted(void **state)
{
	static struct core_world world;

	(void)state;
	begin_join(&world);
	struct shoal_id id = world_id(&world, 1), seed = world_id(&world, 0);
	assert_int_equal(count_asked(&world, 0), 1);
	const struct shoal_event *event = asked(&world, 0, &id, 0);
	assert_non_null(event);
	assert_memory_equal(&event->cause.from, &id, sizeof id);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_JOIN);
	assert_true(shoal_addr_equal(&event->addr, &world.node[1].addr));
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATES);
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_JOINED), 0);
	uint64_t number = event->exchange;
	assert_int_equal(decide(&world, 0, number, SHOAL_OK, ""), SHOAL_OK);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_ALIVE);
	event = world_event(&world, 0, SHOAL_EVENT_JOIN, &id, 0);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_JOIN);
	world_run(&world, SHOAL_SEC(1));
	event = world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_OK);
	assert_int_equal(world_state(&world, 1, &seed), SHOAL_STATE_ALIVE);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_SERVED), 1);
	assert_int_equal(decide(&world, 0, number, SHOAL_OK, ""), SHOAL_ERR_NOT_FOUND);
	world_run(&world, SHOAL_SEC(300));
	assert_int_equal(count_asked(&world, 0), 1);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
a_joiner_that_is_refused_hears_why_and_is_not_asked_about_again_for_a_minute(void **state)
{
	static struct core_world world;

	(void)state;
	begin_join(&world);
	struct shoal_id id = world_id(&world, 1);
	uint64_t number = asked(&world, 0, &id, 0)->exchange;
	assert_int_equal(decide(&world, 0, number, SHOAL_ERR_REJECTED, "app version 3 is too old"),
	        SHOAL_OK);
	for (size_t i = 0; i < 2; i++) {
		world_run(&world, SHOAL_SEC(1));
		const struct shoal_event *event =
		        world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, i);
		assert_non_null(event);
		assert_int_equal(event->code, SHOAL_ERR_REJECTED);
		assert_string_equal(event->cause.detail, "refused: app version 3 is too old");
		assert_int_equal(world_state(&world, 0, &id), SHOAL_STATES);
		assert_int_equal(count_asked(&world, 0), 1);
		assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_APPLICANTS_REFUSED), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_SERVED), 0);
	world_run(&world, KEPT);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(count_asked(&world, 0), 2);
	assert_true(asked(&world, 0, &id, 1)->exchange != number);
	world_done(&world);
}

static void
the_host_can_look_at_what_an_applicant_says_of_itself(void **state)
{
	static struct core_world world;
	struct shoal_core_member member;

	(void)state;
	begin_join(&world);
	struct shoal_id id = world_id(&world, 1);
	uint64_t number = asked(&world, 0, &id, 0)->exchange;
	struct shoal_core *core = world_core(&world, 0);
	assert_true(shoal_core_applicant(core, number, &member));
	assert_memory_equal(&member.id, &id, sizeof id);
	assert_string_equal(member.name, asked(&world, 0, &id, 0)->name);
	assert_int_equal(member.app_version, 3);
	assert_int_equal(member.addrs, 1);
	assert_true(shoal_addr_equal(&member.addr[0], &world.node[1].addr));
	assert_int_equal(member.state, SHOAL_STATE_ALIVE);
	assert_true(member.protocol_max >= member.protocol_min);
	assert_false(shoal_core_applicant(core, number + 1, &member));
	assert_false(shoal_core_applicant(core, number ^ UINT64_C(1) << 40, &member));
	assert_int_equal(decide(&world, 0, number, SHOAL_OK, ""), SHOAL_OK);
	assert_false(shoal_core_applicant(core, number, &member));
	world_done(&world);
}

static void
a_newcomer_that_others_tell_of_is_asked_about_too(void **state)
{
	static struct core_world world;

	(void)state;
	for (size_t refuse = 0; refuse < 2; refuse++) {
		world_init(&world);
		add_asking(&world);
		world_add(&world, NULL);
		world_add(&world, NULL);
		struct shoal_id id = world_id(&world, 2);
		world_join(&world, 1, 0);
		run_accepting(&world, 0, NULL, 2);
		world_join(&world, 2, 1);
		world_run(&world, SHOAL_SEC(5));
		const struct shoal_event *event = asked(&world, 0, &id, 0);
		assert_non_null(event);
		assert_int_equal(world_state(&world, 0, &id), SHOAL_STATES);
		run_accepting(&world, 0, refuse ? &id : NULL, 300);
		assert_int_equal(
		        world_state(&world, 0, &id), refuse ? SHOAL_STATES : SHOAL_STATE_ALIVE);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOIN), refuse ? 1 : 2);
		assert_int_equal(world_state(&world, 1, &id), SHOAL_STATE_ALIVE);
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_DROP_NOT_ACCEPTED) > 0, refuse);
		world_done(&world);
	}
}

/* The table that answers a join: none of it counts unasked, and more than a teller's share may
 * wait.
 */
static void
who_joins_asks_about_all_that_are_there(void **state)
{
	static struct core_world world;
	size_t members = 41;

	(void)state;
	world_begin(&world, NULL, members - 1, PUPPET_DATAGRAMS);
	add_asking(&world);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0)->code, SHOAL_OK);
	assert_int_equal(count_asked(&world, 1), members);
	assert_int_equal(shoal_core_count(world_core(&world, 1), SHOAL_STATE_ALIVE), 1);
	run_accepting(&world, 1, &world.puppet[7].id, 1);
	assert_int_equal(shoal_core_count(world_core(&world, 1), SHOAL_STATE_ALIVE), members);
	assert_int_equal(world_state(&world, 1, &world.puppet[7].id), SHOAL_STATES);
	world_done(&world);
}

static void
ping(struct core_world *world, size_t node, const struct puppet *from)
{
	struct shoal_msg_ping said = {.seq = 77,
	        .id = from->id,
	        .salt = puppet_salt(from),
	        .target = world_id(world, node)};

	world_tell(world, node, from, SHOAL_MESSAGE_PING, &said);
}

static void
pings_of_one_that_was_refused_are_not_answered_and_its_word_counts_for_nothing(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world), *friend = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	struct parcel *parcel = calloc(1, sizeof *parcel);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	ping(&world, 0, puppet);
	assert_int_equal(world_count_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_ACK), 1);
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_ERR_REJECTED, "no");
	world_clear(&world);
	ping(&world, 0, puppet);
	assert_null(world.sent);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_NOT_ACCEPTED), 1);
	/* Nobody hears of others from it. */
	struct shoal_msg_sender sender = {.id = puppet->id, .salt = puppet_salt(puppet)};
	struct shoal_msg_member other = puppet_member(friend, SHOAL_STATE_ALIVE);
	parcel_begin(parcel, world.label);
	parcel_add(parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(parcel, SHOAL_MESSAGE_MEMBER, &other);
	parcel_end(parcel);
	world_datagram(&world, 0, &puppet->addr, parcel);
	assert_null(asked(&world, 0, &friend->id, 0));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_NOT_ACCEPTED), 2);
	free(parcel);
	world_done(&world);
}

static void
another_instance_of_a_member_is_asked_about_and_the_known_one_stays_meanwhile(void **state)
{
	static struct core_world world;
	struct shoal_core_member held;

	(void)state;
	for (size_t refuse = 0; refuse < 2; refuse++) {
		world_init(&world);
		add_asking(&world);
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
		assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
		said.incarnation++; /* the same instance */
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		assert_int_equal(count_asked(&world, 0), 1);
		struct shoal_salt before = puppet->salt;
		puppet->salt.bytes[0] ^= 1;
		said.salt = puppet->salt;
		said.incarnation++;
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		assert_int_equal(count_asked(&world, 0), 2);
		assert_true(world_holds(&world, 0, &puppet->id, &held));
		assert_memory_equal(&held.salt, &before, sizeof before);
		decide(&world, 0, asked(&world, 0, &puppet->id, 1)->exchange,
		        refuse ? SHOAL_ERR_REJECTED : SHOAL_OK, "");
		assert_true(world_holds(&world, 0, &puppet->id, &held));
		assert_memory_equal(&held.salt, refuse ? &before : &puppet->salt, sizeof before);
		world_done(&world);
	}
}

static void
one_that_was_dead_and_returns_is_asked_about_only_where_nobody_was_asked_before(void **state)
{
	static struct core_world world;

	(void)state;
	for (size_t known = 0; known < 2; known++) {
		world_init(&world);
		add_asking(&world);
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		if (known) {
			world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
			decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
		}
		struct shoal_msg_member left = puppet_member(puppet, SHOAL_STATE_LEFT);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &left);
		assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_LEFT);
		world_clear(&world);
		/* In short form, with which nobody can be judged, and then in full. */
		struct shoal_msg_state shortly = puppet_state(puppet, SHOAL_STATE_ALIVE);
		shortly.incarnation++;
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_STATE, &shortly);
		assert_int_equal(world_state(&world, 0, &puppet->id),
		        known ? SHOAL_STATE_ALIVE : SHOAL_STATE_LEFT);
		said.incarnation += 2;
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		assert_int_equal(world_state(&world, 0, &puppet->id),
		        known ? SHOAL_STATE_ALIVE : SHOAL_STATE_LEFT);
		assert_int_equal(count_asked(&world, 0), !known);
		world_done(&world);
	}
}

static void
an_instance_that_was_only_told_dead_is_asked_about_when_it_lives(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
	puppet->salt.bytes[0] ^= 1;
	puppet->incarnation += 5;
	struct shoal_msg_member left = puppet_member(puppet, SHOAL_STATE_LEFT);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &left);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_LEFT);
	assert_int_equal(count_asked(&world, 0), 1);
	puppet->incarnation++;
	said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_LEFT);
	assert_int_equal(count_asked(&world, 0), 2);
	world_done(&world);
}

static void
one_about_whom_nobody_decides_is_asked_about_again_when_it_is_heard_again(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	uint64_t number = asked(&world, 0, &puppet->id, 0)->exchange;
	world_run(&world, WAITS - 1);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 1);
	world_run(&world, 1);
	assert_int_equal(decide(&world, 0, number, SHOAL_OK, ""), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATES);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 2);
	decide(&world, 0, asked(&world, 0, &puppet->id, 1)->exchange, SHOAL_OK, "");
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
what_was_told_counts_with_the_age_that_it_has_by_then(void **state)
{
	static struct core_world world;
	struct shoal_core_member held;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	uint64_t told = world.now;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	world_run(&world, SHOAL_SEC(20));
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
	assert_true(world_holds(&world, 0, &puppet->id, &held));
	assert_true(held.heard_ns / SHOAL_MS(1) == told / SHOAL_MS(1));
	world_done(&world);
}

static void
what_a_former_run_knew_is_asked_about_when_it_answers(void **state)
{
	static struct core_world world;
	static uint8_t memory[4096];

	(void)state;
	for (size_t refuse = 0; refuse < 2; refuse++) {
		const uint8_t *data;
		size_t len;

		world_init(&world);
		world_add(&world, NULL);
		struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
		assert_int_equal(shoal_core_save(world_core(&world, 0), &data, &len), SHOAL_OK);
		assert_true(len <= sizeof memory);
		memcpy(memory, data, len);
		size_t node = add_asking(&world);
		assert_int_equal(
		        world_step(&world, node,
		                (struct shoal_input){
		                        .kind = SHOAL_INPUT_RESTORE, .data = memory, .len = len}),
		        SHOAL_OK);
		assert_int_equal(count_asked(&world, node), 0);
		world_run(&world, SHOAL_SEC(2));
		const struct shoal_event *event = asked(&world, node, &puppet->id, 0);
		assert_non_null(event);
		struct shoal_core_member member;
		assert_true(
		        shoal_core_applicant(world_core(&world, node), event->exchange, &member));
		assert_string_equal(member.name, puppet->name);
		assert_int_equal(world_state(&world, node, &puppet->id), SHOAL_STATE_UNKNOWN);
		run_accepting(&world, node, refuse ? &puppet->id : NULL, 2);
		assert_int_equal(world_state(&world, node, &puppet->id),
		        refuse ? SHOAL_STATES : SHOAL_STATE_ALIVE);
		world_done(&world);
	}
}

static void
a_decision_that_is_none_changes_nothing(void **state)
{
	static struct core_world world;
	char reason[SHOAL_ACCEPT_REASON_MAX + 2];

	(void)state;
	begin_join(&world);
	struct shoal_id id = world_id(&world, 1);
	uint64_t number = asked(&world, 0, &id, 0)->exchange;
	memset(reason, 'x', sizeof reason);
	reason[sizeof reason - 1] = '\0';
	assert_int_equal(decide(&world, 0, number, SHOAL_ERR_REJECTED, reason), SHOAL_ERR_INVALID);
	assert_int_equal(decide(&world, 0, number, SHOAL_ERR_REJECTED, "a\nb"), SHOAL_ERR_INVALID);
	assert_int_equal(decide(&world, 0, number, SHOAL_ERR_TIMEOUT, ""), SHOAL_ERR_INVALID);
	assert_int_equal(decide(&world, 0, 0, SHOAL_OK, ""), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(decide(&world, 1, number, SHOAL_OK, ""), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATES);
	reason[sizeof reason - 2] = '\0';
	assert_int_equal(decide(&world, 0, number, SHOAL_ERR_REJECTED, reason), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	const struct shoal_event *event = world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0);
	assert_string_equal(event->cause.detail + strlen("refused: "), reason);
	world_done(&world);
}

/* A joiner that asks again while it waits: the request that still waits is answered. */
static void
the_later_of_two_joins_of_one_joiner_is_the_one_that_waits(void **state)
{
	static struct core_world world;

	(void)state;
	begin_join(&world);
	struct shoal_id id = world_id(&world, 1);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	const struct shoal_event *event = world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_LIMIT);
	assert_int_equal(count_asked(&world, 0), 1);
	decide(&world, 0, asked(&world, 0, &id, 0)->exchange, SHOAL_OK, "");
	world_run(&world, SHOAL_SEC(1));
	event = world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 1);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_OK);
	world_done(&world);
}

static void
one_that_waits_tells_of_nobody_beside_its_own_word(void **state)
{
	static struct core_world world;
	struct parcel *parcel = calloc(1, sizeof *parcel);

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world), *friend = world_puppet(&world);
	struct shoal_msg_sender sender = {.id = puppet->id, .salt = puppet_salt(puppet)};
	struct shoal_msg_member own = puppet_member(puppet, SHOAL_STATE_ALIVE);
	struct shoal_msg_member other = puppet_member(friend, SHOAL_STATE_ALIVE);
	parcel_begin(parcel, world.label);
	parcel_add(parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(parcel, SHOAL_MESSAGE_MEMBER, &own);
	parcel_add(parcel, SHOAL_MESSAGE_MEMBER, &other);
	parcel_end(parcel);
	world_datagram(&world, 0, &puppet->addr, parcel);
	assert_non_null(asked(&world, 0, &puppet->id, 0));
	assert_null(asked(&world, 0, &friend->id, 0));
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
	world_datagram(&world, 0, &puppet->addr, parcel);
	assert_non_null(asked(&world, 0, &friend->id, 0));
	free(parcel);
	world_done(&world);
}

/* Its clock went back while it was down: what is held of it is newer than what it says. */
static void
who_returns_below_its_tombstone_is_asked_about_and_gets_the_table_to_rise_above_it(void **state)
{
	static struct core_world world;
	struct parcel *parcel = calloc(1, sizeof *parcel);

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
	said.state = SHOAL_STATE_LEFT;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	world_clear(&world);
	puppet->salt.bytes[0] ^= 1;
	puppet->incarnation--;
	said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	struct shoal_msg_join join = {
	        .id = puppet->id, .salt = puppet_salt(puppet), .epoch_s = WORLD_EPOCH};
	parcel_begin(parcel, world.label);
	parcel_add(parcel, SHOAL_MESSAGE_JOIN, &join);
	parcel_add(parcel, SHOAL_MESSAGE_MEMBER, &said);
	parcel_end(parcel);
	assert_int_equal(world_request(&world, 0, &puppet->addr, 77, parcel), SHOAL_OK);
	assert_null(world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER));
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
	assert_non_null(packet);
	assert_true(packet->exchange == 77);
	assert_int_equal(packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.code, 0);
	assert_int_equal(packet_state_of(packet, &puppet->id), SHOAL_STATE_LEFT);
	said.incarnation += 2;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	free(parcel);
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_join_is_answered_when_the_joiner_is_accepted),
	        cmocka_unit_test(
	                a_joiner_that_is_refused_hears_why_and_is_not_asked_about_again_for_a_minute),
	        cmocka_unit_test(the_host_can_look_at_what_an_applicant_says_of_itself),
	        cmocka_unit_test(a_newcomer_that_others_tell_of_is_asked_about_too),
	        cmocka_unit_test(who_joins_asks_about_all_that_are_there),
	        cmocka_unit_test(
	                pings_of_one_that_was_refused_are_not_answered_and_its_word_counts_for_nothing),
	        cmocka_unit_test(
	                another_instance_of_a_member_is_asked_about_and_the_known_one_stays_meanwhile),
	        cmocka_unit_test(
	                one_that_was_dead_and_returns_is_asked_about_only_where_nobody_was_asked_before),
	        cmocka_unit_test(an_instance_that_was_only_told_dead_is_asked_about_when_it_lives),
	        cmocka_unit_test(
	                one_about_whom_nobody_decides_is_asked_about_again_when_it_is_heard_again),
	        cmocka_unit_test(what_was_told_counts_with_the_age_that_it_has_by_then),
	        cmocka_unit_test(what_a_former_run_knew_is_asked_about_when_it_answers),
	        cmocka_unit_test(a_decision_that_is_none_changes_nothing),
	        cmocka_unit_test(
	                who_returns_below_its_tombstone_is_asked_about_and_gets_the_table_to_rise_above_it),
	        cmocka_unit_test(one_that_waits_tells_of_nobody_beside_its_own_word),
	        cmocka_unit_test(the_later_of_two_joins_of_one_joiner_is_the_one_that_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
