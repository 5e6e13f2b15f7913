/* SPDX-License-Identifier: MIT */
/* What the core measures of its own work: each histogram gets its value at the moment that it is
 * about, and no other. */
#include "unit.h"

#include "core_world.h"

static const struct shoal_histogram *
of(const struct core_world *world, size_t node, enum shoal_histogram_kind kind)
{
	return &shoal_core_histograms(world_core(world, node))->item[kind];
}

static void
an_answered_ping_is_measured_and_nothing_else_of_it(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(10));
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_PROBE_RTT)->count ==
	            world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED));
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_PROBE_RTT)->count >= 5);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_RELAY_RTT)->count == 0);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_STREAM_RTT)->count == 0);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_SUSPICION)->count == 0);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_PACKET_FILL)->count ==
	            world_counter(&world, 0, SHOAL_COUNTER_DATAGRAMS_OUT));
	world_done(&world);
}

static void
a_stream_that_answers_alone_is_measured_from_when_it_was_tried(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_meet(&world, 0, PUPPET_STREAMS);
	world_run(&world, SHOAL_SEC(10));
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_STREAM_RTT)->count ==
	            world_counter(&world, 0, SHOAL_COUNTER_STREAM_ACKS));
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_STREAM_RTT)->count >= 5);
	/* The time-out before the stream was tried is not counted. */
	assert_true(
	        of(&world, 0, SHOAL_HISTOGRAM_STREAM_RTT)->sum <=
	        of(&world, 0, SHOAL_HISTOGRAM_STREAM_RTT)->count * 3 * world.latency / SHOAL_US(1));
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_PROBE_RTT)->count == 0);
	world_done(&world);
}

static void
a_death_is_measured_from_the_first_missed_ping_and_from_the_suspicion(void **state)
{
	const struct shoal_event *suspect, *failed;
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_meet(&world, 0, 0);
	failed = world_await(&world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(120));
	assert_non_null(failed);
	suspect = world_event(&world, 0, SHOAL_EVENT_SUSPECT, NULL, 0);
	failed = world_event(&world, 0, SHOAL_EVENT_FAILED, NULL, 0);
	uint64_t suspicion = failed->mono_ns - suspect->mono_ns;
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_SUSPICION)->count == 1);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_SUSPICION)->sum == suspicion / SHOAL_US(1));
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_DETECTION)->count == 1);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_DETECTION)->sum ==
	            (suspicion + suspect->cause.after_ns) / SHOAL_US(1));
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_REFUTATION)->count == 0);
	world_done(&world);
}

static void
a_suspicion_that_is_contradicted_is_measured_on_both_sides(void **state)
{
	struct shoal_msg_state accusation;
	struct shoal_core_member self;
	struct core_world world;
	struct puppet *puppet;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);
	accusation = puppet_state(puppet, SHOAL_STATE_SUSPECT);
	accusation.accusers.count = 1;
	accusation.accusers.item[0] = teller->id;
	world_tell(&world, 0, teller, SHOAL_MESSAGE_STATE, &accusation);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_SUSPECT);
	world_run(&world, SHOAL_MS(40));
	puppet->incarnation++;
	struct shoal_msg_member alive = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &alive);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_REFUTATION)->count == 1);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_REFUTATION)->sum == 40000);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_SUSPICION)->sum == 40000);

	assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
	accusation.id = self.id;
	accusation.incarnation = self.incarnation;
	accusation.salt = 0;
	for (size_t i = 0; i < 8; i++) {
		accusation.salt = accusation.salt << 8 | self.salt.bytes[i];
	}
	accusation.age_ms = 70;
	world_tell(&world, 0, teller, SHOAL_MESSAGE_STATE, &accusation);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_REFUTATION_OWN)->count == 1);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_REFUTATION_OWN)->sum == 70000);
	world_done(&world);
}

static void
a_timer_that_is_late_is_measured(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	uint64_t due = shoal_core_deadline(world_core(&world, 0));
	world.now = due + SHOAL_MS(7);
	uint64_t before = of(&world, 0, SHOAL_HISTOGRAM_LOOP_LAG)->count;
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_LOOP_LAG)->count == before + 1);
	assert_true(of(&world, 0, SHOAL_HISTOGRAM_LOOP_LAG)->sum == 7000);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_answered_ping_is_measured_and_nothing_else_of_it),
	        cmocka_unit_test(a_stream_that_answers_alone_is_measured_from_when_it_was_tried),
	        cmocka_unit_test(
	                a_death_is_measured_from_the_first_missed_ping_and_from_the_suspicion),
	        cmocka_unit_test(a_suspicion_that_is_contradicted_is_measured_on_both_sides),
	        cmocka_unit_test(a_timer_that_is_late_is_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
