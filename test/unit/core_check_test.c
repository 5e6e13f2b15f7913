/* SPDX-License-Identifier: MIT */
/* Verify before burying, and hearsay: what somebody else told is tried out here before it counts,
 * in the time, at the rate and within the bounds that docs/protocol.md, "Checks", gives. */
#include "unit.h"

#include "core/detect/check.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)

/* A core that knows puppets. Its own probing may meet the subject meanwhile, and does no harm. */
static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
}

static void
tell_death(struct core_world *world, size_t teller, const struct puppet *subject)
{
	struct shoal_msg_state dead = puppet_state(subject, SHOAL_STATE_DEAD);
	world_tell(world, 0, &world->puppet[teller], SHOAL_MESSAGE_STATE, &dead);
}

/* Hearsay: the subject was heard so many milliseconds ago. */
static void
hear_of(struct core_world *world, size_t teller, const struct puppet *subject, uint64_t age_ms)
{
	struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
	alive.age_ms = age_ms;
	world_tell(world, 0, &world->puppet[teller], SHOAL_MESSAGE_MEMBER, &alive);
}

/* Datagrams to the subject that say it is dead. */
static size_t
count_told(const struct core_world *world, const struct puppet *subject)
{
	const struct world_packet *packet = NULL;
	size_t told = 0;

	while ((packet = world_sent(world, packet, 0, &subject->addr, 0)) != NULL) {
		told += packet_state_of(packet, &subject->id) == SHOAL_STATE_DEAD;
	}
	return told;
}

static void
a_told_death_is_tried_twice_and_then_counts(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	uint64_t begun = world.now;
	tell_death(&world, 0, subject);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_ALIVE);
	world_run(&world, 2 * INTERVAL - 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	world_run(&world, 1);
	const struct shoal_event *event =
	        world_event(&world, 0, SHOAL_EVENT_FAILED, &subject->id, 0);
	assert_non_null(event);
	assert_true(event->mono_ns == begun + 2 * INTERVAL);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_VERIFIED);
	assert_memory_equal(&event->cause.from, &world.puppet[0].id, 16);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFIED_ALIVE), 0);
	/* Once it counts it is told to everyone. */
	world_run(&world, SHOAL_MS(50));
	for (size_t i = 2; i < 6; i++) {
		const struct world_packet *packet = NULL;
		size_t told = 0;
		while ((packet = world_sent(&world, packet, 0, &world.puppet[i].addr, 0)) != NULL) {
			told += packet_state_of(packet, &subject->id) == SHOAL_STATE_DEAD;
		}
		assert_true(told > 0);
	}
	world_done(&world);
}

/* What was sent about the subject at a moment. */
static size_t
count_at(const struct core_world *world, uint64_t at, enum shoal_message_kind kind,
        enum shoal_send_kind by, const struct puppet *subject)
{
	const struct world_packet *packet = NULL;
	size_t count = 0;

	while ((packet = world_sent(world, packet, 0, NULL, kind)) != NULL) {
		const union shoal_wire_message *m = packet_has(packet, kind);
		const struct shoal_id *target =
		        kind == SHOAL_MESSAGE_RELAY ? &m->relay.target : &m->ping.target;
		count += packet->at == at && packet->kind == by &&
		         shoal_id_compare(target, &subject->id) == 0;
	}
	return count;
}

static void
a_verified_death_counts_as_it_was_told(void **state)
{
	struct core_world world;
	struct shoal_core_member held;

	(void)state;
	set_up(&world, 6);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	subject->incarnation += 5;
	tell_death(&world, 0, subject);
	world_run(&world, 0);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &subject->addr, SHOAL_MESSAGE_STATE);
	assert_non_null(packet);
	assert_true(
	        packet_has(packet, SHOAL_MESSAGE_STATE)->state.incarnation == subject->incarnation);
	world_run(&world, 2 * INTERVAL);
	assert_true(world_holds(&world, 0, &subject->id, &held));
	assert_int_equal(held.state, SHOAL_STATE_DEAD);
	assert_true(held.incarnation == subject->incarnation);
	/* What was said before does not revive it. */
	hear_of(&world, 2, subject, 0);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
	world_done(&world);
}

static void
both_tries_go_directly_through_relays_and_on_a_stream(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	uint64_t begun = world.now;
	tell_death(&world, 0, subject);
	world_run(&world, 2 * INTERVAL);
	for (uint64_t at = begun; at < begun + 2 * INTERVAL; at += INTERVAL) {
		/* Its network answers at once: the shortest time-out. */
		uint64_t later = at + SHOAL_MS(100);
		assert_int_equal(
		        count_at(&world, at, SHOAL_MESSAGE_PING, SHOAL_SEND_DATAGRAM, subject), 1);
		assert_int_equal(
		        count_at(&world, later, SHOAL_MESSAGE_PING, SHOAL_SEND_REQUEST, subject),
		        1);
		assert_int_equal(
		        count_at(&world, later, SHOAL_MESSAGE_RELAY, SHOAL_SEND_DATAGRAM, subject),
		        3);
	}
	world_done(&world);
}

static void
the_subject_is_told_what_is_said_of_it_and_nobody_else_is(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	tell_death(&world, 0, subject);
	world_run(&world, INTERVAL);
	assert_true(count_told(&world, subject) > 0);
	const struct world_packet *said =
	        world_sent(&world, NULL, 0, &subject->addr, SHOAL_MESSAGE_STATE);
	struct shoal_id self = world_id(&world, 0);
	assert_int_equal(said->message[0].kind, SHOAL_MESSAGE_SENDER);
	assert_memory_equal(&said->message[0].m.sender.id, &self, 16);
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_true(shoal_addr_equal(&packet->to, &subject->addr) ||
		            packet_state_of(packet, &subject->id) == SHOAL_STATE_UNKNOWN);
	}
	world_done(&world);
}

static void
an_answer_to_either_try_drops_the_statement(void **state)
{
	static const uint64_t waits[] = {0, SHOAL_MS(500), SHOAL_MS(999), SHOAL_MS(1500)};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		struct core_world world;

		set_up(&world, 6);
		struct puppet *subject = &world.puppet[1];
		subject->answers = 0;
		tell_death(&world, 0, subject);
		world_run(&world, waits[i]);
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, &subject->addr, SHOAL_MESSAGE_PING);
		struct shoal_msg_ack ack = {.seq = packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq,
		        .id = subject->id,
		        .salt = puppet_salt(subject)};
		subject->answers = PUPPET_DATAGRAMS;
		world_send(&world, 0, &subject->addr, SHOAL_MESSAGE_ACK, &ack);
		world_run(&world, SHOAL_SEC(10));
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_ALIVE);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFIED_ALIVE), 1);
		world_done(&world);
	}
}

static void
a_refutation_while_it_is_checked_ends_it_also_without_an_answer(void **state)
{
	(void)state;
	for (int restarted = 0; restarted <= 1; restarted++) {
		struct core_world world;

		set_up(&world, 6);
		struct puppet *subject = &world.puppet[1];
		subject->answers = 0;
		tell_death(&world, 0, subject);
		world_run(&world, SHOAL_MS(1700));
		subject->incarnation++;
		subject->salt.bytes[0] ^= (uint8_t)restarted;
		hear_of(&world, 2, subject, 0);
		world_run(&world, SHOAL_MS(300));
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
		assert_int_not_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
		world_done(&world);
	}
}

/* The first ping to the subject, answered by another instance of it. */
static void
answer_as_another(struct core_world *world, const struct puppet *subject)
{
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &subject->addr, SHOAL_MESSAGE_PING);
	struct shoal_msg_ack ack = {.seq = packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq,
	        .id = subject->id,
	        .salt = puppet_salt(subject) + 1};

	world_send(world, 0, &subject->addr, SHOAL_MESSAGE_ACK, &ack);
}

static void
another_instance_that_answers_a_check_settles_nothing(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	tell_death(&world, 0, subject);
	world_run(&world, 0);
	answer_as_another(&world, subject);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFIED_ALIVE), 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_ALIVE);
	/* It may be told and checked again. */
	tell_death(&world, 0, subject);
	world_run(&world, SHOAL_MS(60));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), 2);

	struct puppet *hearsay = world_puppet(&world);
	hear_of(&world, 0, hearsay, 40000);
	world_run(&world, SHOAL_MS(60));
	answer_as_another(&world, hearsay);
	assert_int_equal(world_state(&world, 0, &hearsay->id), SHOAL_STATE_UNKNOWN);
	world_run(&world, SHOAL_SEC(11));
	hear_of(&world, 0, hearsay, 40000);
	world_run(&world, SHOAL_MS(60));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), 2);
	world_done(&world);
}

static void
copies_of_a_told_death_add_nothing_while_it_is_checked(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 8);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	for (size_t i = 2; i < 8; i++) {
		tell_death(&world, i, subject);
		world_run(&world, SHOAL_MS(200));
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	world_run(&world, SHOAL_MS(800));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 1);
	world_done(&world);
}

static void
checks_are_begun_at_the_configured_rate(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 61);
	for (size_t i = 1; i <= 60; i++) {
		tell_death(&world, 0, &world.puppet[i]);
	}
	for (unsigned i = 0; i < 60; i++) {
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), i);
		world_run(&world, i == 0 ? 0 : 1);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), i + 1);
		world_run(&world, SHOAL_MS(50) - 1);
	}
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFIED_ALIVE), 60);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	world_done(&world);
}

static void
a_full_queue_drops_and_counts_and_the_next_copy_asks_again(void **state)
{
	struct core_world world;
	struct puppet crowd;

	(void)state;
	set_up(&world, 3);
	crowd = world.puppet[1];
	for (unsigned i = 0; i < SHOAL_CHECKS_MAX + 10; i++) {
		crowd.id.bytes[0] = (uint8_t)(i >> 8);
		crowd.id.bytes[1] = (uint8_t)i;
		hear_of(&world, 0, &crowd, 0);
		tell_death(&world, 0, &crowd);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_VERIFY_FULL), 10);
	world_run(&world, SHOAL_MS(100));
	tell_death(&world, 0, &crowd);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_VERIFY_FULL), 10);
	world_done(&world);
}

static void
what_was_heard_lately_counts_at_once_and_what_is_older_is_probed(void **state)
{
	(void)state;
	for (int old = 0; old <= 1; old++) {
		struct core_world world;

		set_up(&world, 3);
		struct puppet *subject = world_puppet(&world);
		subject->answers = PUPPET_DATAGRAMS;
		hear_of(&world, 0, subject, 30000 + (uint64_t)old);
		assert_int_equal(world_state(&world, 0, &subject->id),
		        old ? SHOAL_STATE_UNKNOWN : SHOAL_STATE_ALIVE);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOIN), !old);
		world_run(&world, 2 * world.latency);
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_JOIN, &subject->id, 0);
		assert_non_null(event);
		assert_int_equal(event->was, SHOAL_STATE_UNKNOWN);
		assert_int_equal(
		        event->cause.kind, old ? SHOAL_CAUSE_CONFIRMED : SHOAL_CAUSE_GOSSIP);
		assert_memory_equal(&event->cause.from, &world.puppet[0].id, 16);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), old);
		/* Either way the others hear of it. */
		world_run(&world, SHOAL_MS(100));
		for (size_t i = 0; i < 3; i++) {
			assert_true(world_count_sent(&world, 0, &world.puppet[i].addr,
			                    SHOAL_MESSAGE_MEMBER) > 0);
		}
		world_done(&world);
	}
}

static void
a_silent_unknown_accuses_nobody_and_is_forgotten_after_ten_minutes(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject = world_puppet(&world);
	uint64_t begun = world.now;
	hear_of(&world, 0, subject, 40000);
	world_run(&world, SHOAL_SEC(5));
	/* Directly, on a stream, through relays, and directly at the end, twice. */
	assert_int_equal(world_count_sent(&world, 0, &subject->addr, SHOAL_MESSAGE_PING), 6);
	assert_true(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_RELAY) >= 6);
	world_run(&world, begun + SHOAL_SEC(600) - 1 - world.now);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_UNKNOWN);
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_UNKNOWN), 1);
	world_run(&world, 1);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATES);
	assert_null(world_event(&world, 0, SHOAL_EVENT_ALL, NULL, 0));
	for (unsigned bit = 0; bit < 10; bit++) {
		assert_null(world_event(
		        &world, 0, (enum shoal_event_kind)(1u << bit), &subject->id, 0));
	}
	/* It was in no packet to others, and in none of the rounds. */
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_int_equal(packet_state_of(packet, &subject->id), SHOAL_STATE_UNKNOWN);
	}
	assert_int_equal(world_count_sent(&world, 0, &subject->addr, SHOAL_MESSAGE_PING), 6);
	world_done(&world);
}

static void
an_unknown_one_is_tried_again_after_ten_seconds_and_not_before(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject = world_puppet(&world);
	uint64_t begun = world.now;
	hear_of(&world, 0, subject, 40000);
	for (unsigned i = 1; i < 10; i++) {
		world_run(&world, SHOAL_SEC(1));
		hear_of(&world, 1, subject, 40000);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), 1);
	world_run(&world, begun + SHOAL_SEC(10) - world.now);
	subject->answers = PUPPET_STREAMS;
	hear_of(&world, 1, subject, 40000);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), 2);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
one_member_may_tell_of_sixteen_unknown_and_gets_room_back(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	for (size_t i = 0; i < 17; i++) {
		hear_of(&world, 0, world_puppet(&world), 40000);
	}
	struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_UNKNOWN), 16);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNKNOWN_FULL), 1);
	hear_of(&world, 1, &world.puppet[19], 40000);
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_UNKNOWN), 17);
	/* One of them turns out to live. */
	world.puppet[3].answers = PUPPET_DATAGRAMS;
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_state(&world, 0, &world.puppet[3].id), SHOAL_STATE_ALIVE);
	hear_of(&world, 0, world_puppet(&world), 40000);
	hear_of(&world, 0, world_puppet(&world), 40000);
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_UNKNOWN), 17);
	/* All are forgotten, and all the room is there again. */
	world_run(&world, SHOAL_SEC(601));
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_UNKNOWN), 0);
	for (size_t i = 0; i < 16; i++) {
		hear_of(&world, 0, world_puppet(&world), 40000);
	}
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_UNKNOWN), 16);
	world_done(&world);
}

static void
a_stranger_may_tell_of_nobody_unknown(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	world_puppet(&world);
	hear_of(&world, 3, world_puppet(&world), 40000);
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_UNKNOWN), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNKNOWN_FULL), 1);
	world_done(&world);
}

static void
there_is_a_bound_on_the_unknown(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.unknown_max = 20;
	world_add(&world, &config);
	for (size_t i = 0; i < 3; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	for (size_t i = 0; i < 30; i++) {
		hear_of(&world, i % 3, world_puppet(&world), 40000);
	}
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_UNKNOWN), 20);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNKNOWN_FULL), 10);
	world_done(&world);
}

static void
a_death_told_of_an_unknown_one_is_remembered_at_its_incarnation(void **state)
{
	struct core_world world;
	struct shoal_core_member held;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject = world_puppet(&world);
	hear_of(&world, 0, subject, 40000);
	subject->incarnation += 5;
	struct shoal_msg_member dead = puppet_member(subject, SHOAL_STATE_DEAD);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_MEMBER, &dead);
	assert_true(world_holds(&world, 0, &subject->id, &held));
	assert_int_equal(held.state, SHOAL_STATE_DEAD);
	assert_true(held.incarnation == subject->incarnation);
	/* What lies between revives nobody. */
	subject->incarnation -= 2;
	hear_of(&world, 0, subject, 0);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOIN), 0);
	world_done(&world);
}

static void
hearsay_that_a_dead_one_lives_is_asked_of_itself(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject = world_puppet(&world);
	struct shoal_msg_member dead = puppet_member(subject, SHOAL_STATE_DEAD);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_MEMBER, &dead);
	world_clear(&world);
	subject->incarnation++;
	hear_of(&world, 0, subject, 40000);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
	world_run(&world, 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEALS), 1);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &subject->addr, SHOAL_MESSAGE_PING);
	assert_non_null(packet);
	struct shoal_id self = world_id(&world, 0);
	assert_int_equal(packet_state_of(packet, &subject->id), SHOAL_STATE_DEAD);
	assert_int_equal(packet_state_of(packet, &self), SHOAL_STATE_ALIVE);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_told_death_is_tried_twice_and_then_counts),
	        cmocka_unit_test(both_tries_go_directly_through_relays_and_on_a_stream),
	        cmocka_unit_test(the_subject_is_told_what_is_said_of_it_and_nobody_else_is),
	        cmocka_unit_test(an_answer_to_either_try_drops_the_statement),
	        cmocka_unit_test(a_refutation_while_it_is_checked_ends_it_also_without_an_answer),
	        cmocka_unit_test(copies_of_a_told_death_add_nothing_while_it_is_checked),
	        cmocka_unit_test(checks_are_begun_at_the_configured_rate),
	        cmocka_unit_test(a_full_queue_drops_and_counts_and_the_next_copy_asks_again),
	        cmocka_unit_test(what_was_heard_lately_counts_at_once_and_what_is_older_is_probed),
	        cmocka_unit_test(
	                a_silent_unknown_accuses_nobody_and_is_forgotten_after_ten_minutes),
	        cmocka_unit_test(an_unknown_one_is_tried_again_after_ten_seconds_and_not_before),
	        cmocka_unit_test(one_member_may_tell_of_sixteen_unknown_and_gets_room_back),
	        cmocka_unit_test(a_stranger_may_tell_of_nobody_unknown),
	        cmocka_unit_test(there_is_a_bound_on_the_unknown),
	        cmocka_unit_test(a_death_told_of_an_unknown_one_is_remembered_at_its_incarnation),
	        cmocka_unit_test(hearsay_that_a_dead_one_lives_is_asked_of_itself),
	        cmocka_unit_test(a_verified_death_counts_as_it_was_told),
	        cmocka_unit_test(another_instance_that_answers_a_check_settles_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
