/* SPDX-License-Identifier: MIT */
/* The simulator itself: its network does what it says, its faults reach the cores, and a run is a
 * function of its seed. Everything is seen through real cores: what a join ends with, and whom a
 * node holds alive. */
#include "sim/judge.h"

#include <shoal/error.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct seen {
	int joined[4]; /* code of the last JOINED of each node, 1: none yet */
	unsigned failed;
};

static void
see(const struct shoal_sim_note *note, void *arg)
{
	struct seen *seen = arg;

	if (note->kind == SHOAL_SIM_NOTE_EVENT && note->event == SHOAL_EVENT_JOINED) {
		seen->joined[note->node] = note->code;
	}
	if (note->kind == SHOAL_SIM_NOTE_EVENT && note->event == SHOAL_EVENT_FAILED) {
		seen->failed++;
	}
}

static struct shoal_sim *
make(uint64_t seed, uint32_t nodes, struct seen *seen)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	shoal_sim_config_init(&config);
	config.seed = seed;
	config.nodes = nodes;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	if (seen != NULL) {
		*seen = (struct seen){.joined = {1, 1, 1, 1}};
		config.on_note = see;
		config.arg = seen;
	}
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	return sim;
}

static void
run_for(struct shoal_sim *sim, uint64_t ns)
{
	assert_int_equal(shoal_sim_run(sim, shoal_sim_now(sim) + ns), 0);
}

/* All start, all but the first join through the first, and all agree. */
static void
gather(struct shoal_sim *sim)
{
	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		assert_int_equal(shoal_sim_start(sim, i), 0);
		if (i > 0) {
			assert_int_equal(shoal_sim_join(sim, i, 0), 0);
		}
	}
	run_for(sim, SHOAL_SEC(2));
	assert_true(shoal_sim_agreed(sim, NULL));
}

static uint64_t
trace_of(uint64_t seed)
{
	struct shoal_sim *sim = make(seed, 4, NULL);
	uint64_t trace;

	gather(sim);
	(void)shoal_sim_crash(sim, 2, SHOAL_SIM_CRASH_PROCESS);
	run_for(sim, SHOAL_SEC(20));
	trace = shoal_sim_trace(sim);
	shoal_sim_free(sim);
	return trace;
}

static void
one_seed_and_one_schedule_give_one_trace(void **state)
{
	(void)state;
	assert_true(trace_of(7) == trace_of(7));
	assert_true(trace_of(7) != trace_of(8));
}

static void
cores_of_two_runs_of_one_seed_hold_the_same(void **state)
{
	struct shoal_sim *a = make(3, 3, NULL), *b = make(3, 3, NULL);

	(void)state;
	gather(a);
	gather(b);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(shoal_core_slots(shoal_sim_core(a, i)), 3);
		assert_true(shoal_core_hash(shoal_sim_core(a, i)) ==
		            shoal_core_hash(shoal_sim_core(b, i)));
	}
	assert_true(shoal_core_hash(shoal_sim_core(a, 0)) != shoal_core_hash(shoal_sim_core(a, 1)));
	shoal_sim_free(a);
	shoal_sim_free(b);
}

static void
a_join_where_nobody_listens_ends_refused(void **state)
{
	struct seen seen;
	struct shoal_sim *sim = make(1, 2, &seen);

	(void)state;
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_MS(100));
	assert_int_equal(seen.joined[1], SHOAL_ERR_REFUSED);
	shoal_sim_free(sim);
}

static void
a_join_through_a_lost_host_times_out(void **state)
{
	struct seen seen;
	struct shoal_sim *sim = make(1, 2, &seen);

	(void)state;
	assert_int_equal(shoal_sim_start(sim, 0), 0);
	assert_int_equal(shoal_sim_crash(sim, 0, SHOAL_SIM_CRASH_HOST), 0);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_MS(2900));
	assert_int_equal(seen.joined[1], 1);
	run_for(sim, SHOAL_MS(200));
	assert_int_equal(seen.joined[1], SHOAL_ERR_TIMEOUT);
	shoal_sim_free(sim);
}

static void
a_way_cut_in_either_direction_ends_a_join_by_time_out(void **state)
{
	(void)state;
	for (uint32_t from = 0; from < 2; from++) {
		struct seen seen;
		struct shoal_sim *sim = make(1, 2, &seen);

		assert_int_equal(shoal_sim_start(sim, 0), 0);
		assert_int_equal(shoal_sim_start(sim, 1), 0);
		shoal_sim_cut(sim, from, 1 - from);
		assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
		run_for(sim, SHOAL_MS(3100));
		assert_int_equal(seen.joined[1], SHOAL_ERR_TIMEOUT);
		assert_int_equal(shoal_sim_state(sim, 0, 1), SHOAL_STATE_UNKNOWN);
		shoal_sim_heal(sim);
		run_for(sim, SHOAL_SEC(10));
		assert_int_equal(seen.joined[1], 0);
		assert_true(shoal_sim_agreed(sim, NULL));
		shoal_sim_free(sim);
	}
}

static void
a_request_that_a_crash_cuts_short_ends_closed(void **state)
{
	struct seen seen;
	struct shoal_sim *sim = make(1, 2, &seen);

	(void)state;
	assert_int_equal(shoal_sim_start(sim, 0), 0);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	/* A stalled seed has the request in its socket; its end is the end of the connection. */
	assert_int_equal(shoal_sim_stall(sim, 0, SHOAL_SEC(60)), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_MS(100));
	assert_int_equal(seen.joined[1], 1);
	assert_int_equal(shoal_sim_crash(sim, 0, SHOAL_SIM_CRASH_PROCESS), 0);
	run_for(sim, SHOAL_MS(100));
	assert_int_equal(seen.joined[1], SHOAL_ERR_CLOSED);
	shoal_sim_free(sim);
}

static void
what_comes_for_a_stalled_node_waits_in_its_socket(void **state)
{
	struct seen seen;
	struct shoal_sim *sim = make(1, 2, &seen);

	(void)state;
	assert_int_equal(shoal_sim_start(sim, 0), 0);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_stall(sim, 0, SHOAL_SEC(1)), 0);
	assert_int_equal(shoal_sim_stall(sim, 0, SHOAL_SEC(1)), SHOAL_ERR_STATE);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_MS(900));
	assert_int_equal(shoal_sim_state(sim, 0, 1), SHOAL_STATE_UNKNOWN);
	run_for(sim, SHOAL_MS(200));
	assert_int_equal(shoal_sim_state(sim, 0, 1), SHOAL_STATE_ALIVE);
	assert_int_equal(seen.joined[1], 0);
	shoal_sim_free(sim);
}

static void
a_crash_is_seen_and_a_restart_has_a_higher_incarnation(void **state)
{
	struct shoal_sim *sim = make(5, 3, NULL);
	struct shoal_sim_detection seen;
	struct shoal_core_member before, after;
	uint32_t slot;

	(void)state;
	gather(sim);
	assert_true(shoal_core_member(shoal_sim_core(sim, 2), 0, &before));
	assert_int_equal(shoal_sim_start(sim, 2), SHOAL_ERR_STATE);
	assert_int_equal(shoal_sim_crash(sim, 2, SHOAL_SIM_CRASH_PROCESS), 0);
	assert_null(shoal_sim_core(sim, 2));
	run_for(sim, SHOAL_SEC(30));
	assert_true(shoal_sim_all_hold(sim, 2, SHOAL_STATE_DEAD, NULL));
	shoal_sim_detection(sim, 2, &seen);
	assert_int_equal(seen.by, 2);
	assert_true(seen.down_ns < seen.first_ns && seen.first_ns <= seen.last_ns);
	assert_int_equal(shoal_sim_start(sim, 2), 0);
	assert_int_equal(shoal_sim_join(sim, 2, 0), 0);
	run_for(sim, SHOAL_SEC(2));
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_core_find(shoal_sim_core(sim, 0), shoal_sim_id(sim, 2), &slot), 0);
	assert_true(shoal_core_member(shoal_sim_core(sim, 0), slot, &after));
	assert_true(after.incarnation > before.incarnation);
	assert_true(shoal_sim_same_instance(sim, 0, 2));
	assert_memory_not_equal(&after.salt, &before.salt, sizeof(after.salt));
	shoal_sim_free(sim);
}

static void
groups_part_the_cluster_and_a_heal_joins_it(void **state)
{
	struct shoal_sim *sim = make(6, 4, NULL);
	struct shoal_sim_gap gap;

	(void)state;
	gather(sim);
	shoal_sim_group(sim, 2, 1);
	shoal_sim_group(sim, 3, 1);
	run_for(sim, SHOAL_SEC(30));
	assert_int_equal(shoal_sim_state(sim, 0, 1), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_sim_state(sim, 0, 2), SHOAL_STATE_DEAD);
	assert_int_equal(shoal_sim_state(sim, 3, 2), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_sim_state(sim, 3, 1), SHOAL_STATE_DEAD);
	assert_false(shoal_sim_agreed(sim, &gap));
	assert_int_equal(gap.state, SHOAL_STATE_DEAD);
	shoal_sim_heal(sim);
	run_for(sim, SHOAL_SEC(60));
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_free(sim);
}

/* Two let each other in while the one that both were to join through was cut off: it knows nobody,
 * and they come back to it. */
static void
a_seed_that_was_not_reached_is_tried_again_by_who_got_in_elsewhere(void **state)
{
	struct shoal_sim *sim = make(3, 3, NULL);
	struct shoal_profile profile;

	(void)state;
	(void)shoal_profile_init(&profile, SHOAL_PROFILE_LOCAL);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(shoal_sim_start(sim, i), 0);
	}
	assert_int_equal(shoal_sim_group(sim, 0, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	assert_int_equal(shoal_sim_join(sim, 2, 0), 0);
	run_for(sim, SHOAL_MS(profile.exchange_timeout_ms));
	run_for(sim, SHOAL_MS(profile.heal_interval_ms) + SHOAL_MS(500));
	assert_true(shoal_sim_has_joined(sim, 1) && shoal_sim_has_joined(sim, 2));
	shoal_sim_heal(sim);
	run_for(sim, SHOAL_MS(profile.exchange_timeout_ms));
	run_for(sim, SHOAL_MS(profile.heal_interval_ms) + SHOAL_SEC(1));
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_free(sim);
}

static void
who_leaves_is_down_afterwards_and_left_to_the_others(void **state)
{
	struct seen seen;
	struct shoal_sim *sim = make(9, 4, &seen);

	(void)state;
	gather(sim);
	assert_int_equal(shoal_sim_leave(sim, 1), 0);
	assert_true(shoal_sim_is_leaving(sim, 1));
	assert_int_equal(shoal_sim_leave(sim, 1), SHOAL_ERR_STATE);
	run_for(sim, SHOAL_SEC(20));
	assert_false(shoal_sim_is_up(sim, 1));
	assert_true(shoal_sim_all_hold(sim, 1, SHOAL_STATE_LEFT, NULL));
	assert_int_equal(seen.failed, 0);
	shoal_sim_free(sim);
}

static void
damaged_lost_doubled_and_late_packets_fire_no_checker(void **state)
{
	struct shoal_sim_link bad = {.latency_min_ns = SHOAL_MS(1),
	        .latency_max_ns = SHOAL_MS(30),
	        .jitter_ns = SHOAL_MS(10),
	        .reorder_ns = SHOAL_MS(200),
	        .loss_ppm = 300000,
	        .duplicate_ppm = 200000,
	        .reorder_ppm = 300000,
	        .corrupt_ppm = 200000};
	struct shoal_sim *sim = make(11, 4, NULL);
	const struct shoal_counters *counters;

	(void)state;
	gather(sim);
	assert_int_equal(shoal_sim_set_link(sim, &bad), 0);
	run_for(sim, SHOAL_SEC(60));
	counters = shoal_core_counters(shoal_sim_core(sim, 0));
	assert_true(counters->value[SHOAL_COUNTER_DROP_CHECKSUM] > 0);
	assert_true(counters->value[SHOAL_COUNTER_DROP_LATE] > 0);
	assert_true(shoal_sim_checkers(sim)->looked[SHOAL_CHECKER_PACKETS] > 1000);
	shoal_sim_free(sim);
}

static void
scarce_memory_ends_no_core(void **state)
{
	struct shoal_sim *sim = make(12, 4, NULL);

	(void)state;
	assert_int_equal(shoal_sim_start(sim, 0), 0);
	shoal_sim_set_scarcity(sim, 300000);
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(shoal_sim_start(sim, i), 0);
		assert_int_equal(shoal_sim_join(sim, i, 0), 0);
	}
	run_for(sim, SHOAL_SEC(30));
	shoal_sim_set_scarcity(sim, 0);
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(shoal_sim_join(sim, i, 0), 0);
	}
	run_for(sim, SHOAL_SEC(60));
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_free(sim);
}

static void
notes_tell_the_story_and_the_oldest_go_first(void **state)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;
	char line[120];

	(void)state;
	shoal_sim_config_init(&config);
	config.notes_max = 2;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	shoal_sim_phase(sim, "first");
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	shoal_sim_cut(sim, 0, 1);
	assert_string_equal(shoal_sim_note_print(shoal_sim_note(sim, 0), line, sizeof(line)),
	        "0.000000 1: start 1");
	assert_string_equal(shoal_sim_note_print(shoal_sim_note(sim, 1), line, sizeof(line)),
	        "0.000000 0: cut to 1");
	assert_null(shoal_sim_note(sim, 2));
	shoal_sim_free(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_seed_and_one_schedule_give_one_trace),
	        cmocka_unit_test(cores_of_two_runs_of_one_seed_hold_the_same),
	        cmocka_unit_test(a_join_where_nobody_listens_ends_refused),
	        cmocka_unit_test(a_join_through_a_lost_host_times_out),
	        cmocka_unit_test(a_way_cut_in_either_direction_ends_a_join_by_time_out),
	        cmocka_unit_test(a_request_that_a_crash_cuts_short_ends_closed),
	        cmocka_unit_test(what_comes_for_a_stalled_node_waits_in_its_socket),
	        cmocka_unit_test(a_crash_is_seen_and_a_restart_has_a_higher_incarnation),
	        cmocka_unit_test(groups_part_the_cluster_and_a_heal_joins_it),
	        cmocka_unit_test(
	                a_seed_that_was_not_reached_is_tried_again_by_who_got_in_elsewhere),
	        cmocka_unit_test(who_leaves_is_down_afterwards_and_left_to_the_others),
	        cmocka_unit_test(damaged_lost_doubled_and_late_packets_fire_no_checker),
	        cmocka_unit_test(scarce_memory_ends_no_core),
	        cmocka_unit_test(notes_tell_the_story_and_the_oldest_go_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
