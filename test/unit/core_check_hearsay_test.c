/* SPDX-License-Identifier: MIT */
/* Hearsay against what was tried here: packets to addresses that others name, told ages, and one
 * that left and is told dead. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)

static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
}

static void
tell(struct core_world *world, const struct puppet *subject, enum shoal_state said, uint64_t age_ms)
{
	struct shoal_msg_member member = puppet_member(subject, said);
	member.age_ms = age_ms;
	world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_MEMBER, &member);
}

static void
to_one_address_hearsay_sends_a_probe_in_ten_seconds(void **state)
{
	struct core_world world;
	struct puppet crowd;

	(void)state;
	set_up(&world, 3);
	struct puppet *victim = world_puppet(&world);
	crowd = *victim;
	for (uint8_t i = 0; i < 10; i++) {
		crowd.id.bytes[0] = i;
		tell(&world, &crowd, SHOAL_STATE_ALIVE, 40000);
	}
	uint64_t begun = world.now;
	world_run(&world, SHOAL_SEC(9));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_ADDRESS_TRIED), 9);
	/* The same host with another port is another address. */
	crowd.id.bytes[0] = 77;
	crowd.addr.port++;
	tell(&world, &crowd, SHOAL_STATE_ALIVE, 40000);
	world_run(&world, SHOAL_MS(500));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), 2);
	crowd.addr.port--;
	for (uint64_t at = SHOAL_SEC(10) - 1; at <= SHOAL_SEC(10); at++) {
		crowd.id.bytes[0] = 5;
		world_run(&world, begun + at - world.now);
		tell(&world, &crowd, SHOAL_STATE_ALIVE, 40000);
		world_run(&world, 0);
		crowd.id.bytes[0] = 6;
	}
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_ADDRESS_TRIED), 10);
	tell(&world, &crowd, SHOAL_STATE_ALIVE, 40000);
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), 3);
	world_done(&world);
}

static void
what_others_heard_of_it_does_not_delay_a_verified_death(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	uint64_t begun = world.now;
	struct shoal_msg_state dead = puppet_state(subject, SHOAL_STATE_DEAD);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &dead);
	for (int i = 0; i < 4; i++) {
		world_run(&world, SHOAL_MS(450));
		tell(&world, subject, SHOAL_STATE_ALIVE, 0);
	}
	world_run(&world, begun + 2 * INTERVAL - world.now);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 1);
	world_done(&world);
}

static void
an_answer_to_another_probe_ends_the_check(void **state)
{
	struct core_world world;
	uint32_t slot;

	(void)state;
	set_up(&world, 6);
	struct puppet *subject = &world.puppet[1];
	subject->answers = 0;
	struct shoal_msg_state dead = puppet_state(subject, SHOAL_STATE_DEAD);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &dead);
	world_run(&world, SHOAL_MS(1200));
	shoal_core_find(world_core(&world, 0), &subject->id, &slot);
	const struct shoal_probe *probe =
	        shoal_probe_begin(world_core(&world, 0), slot, SHOAL_PROBE_ROUND);
	struct shoal_msg_ack ack = {
	        .seq = probe->seq, .id = subject->id, .salt = puppet_salt(subject)};
	world_send(&world, 0, &subject->addr, SHOAL_MESSAGE_ACK, &ack);
	world_run(&world, SHOAL_MS(850));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFIED_ALIVE), 1);
	world_done(&world);
}

/* It left, came back unheard, and somebody tells that it died. */
static void
one_that_left_has_failed_only_if_it_does_not_answer_here(void **state)
{
	(void)state;
	for (int form = 0; form < 4; form++) {
		bool answers = (form & 1) != 0, restarted = (form & 2) != 0;
		struct core_world world;

		set_up(&world, 6);
		struct puppet *subject = &world.puppet[1];
		tell(&world, subject, SHOAL_STATE_LEFT, 0);
		subject->answers = answers ? PUPPET_DATAGRAMS : 0;
		subject->incarnation++;
		subject->salt.bytes[0] ^= (uint8_t)restarted;
		uint64_t begun = world.now;
		tell(&world, subject, SHOAL_STATE_DEAD, 0);
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_LEFT);
		world_run(&world, begun + 2 * INTERVAL - 1 - world.now);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
		world_run(&world, 1);
		bool fails = !answers && !restarted;
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), fails);
		assert_int_equal(world_state(&world, 0, &subject->id),
		        fails ? SHOAL_STATE_DEAD : SHOAL_STATE_LEFT);
		/* Of an instance that was never known here, the next copy counts. */
		tell(&world, subject, SHOAL_STATE_DEAD, 0);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), !answers);
		if (!answers) {
			const struct shoal_event *event =
			        world_event(&world, 0, SHOAL_EVENT_FAILED, NULL, 0);
			assert_int_equal(event->was, SHOAL_STATE_LEFT);
			assert_true(event->incarnation == subject->incarnation);
		}
		world_done(&world);
	}
}

static void
a_tombstone_that_no_event_told_of_changes_silently(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject = world_puppet(&world);
	tell(&world, subject, SHOAL_STATE_LEFT, 1000);
	subject->incarnation++;
	tell(&world, subject, SHOAL_STATE_DEAD, 0);
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
	world_run(&world, SHOAL_SEC(5));
	assert_null(world_event(&world, 0, SHOAL_EVENT_FAILED, NULL, 0));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(to_one_address_hearsay_sends_a_probe_in_ten_seconds),
	        cmocka_unit_test(what_others_heard_of_it_does_not_delay_a_verified_death),
	        cmocka_unit_test(an_answer_to_another_probe_ends_the_check),
	        cmocka_unit_test(one_that_left_has_failed_only_if_it_does_not_answer_here),
	        cmocka_unit_test(a_tombstone_that_no_event_told_of_changes_silently),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
