/* SPDX-License-Identifier: MIT */
/* The death watch over a simulated network: what a killed process looks like, and all that looks
 * like one and is none. */
#include "six.h"

/* What the others told of the one that a test does something to. */
struct told {
	uint32_t subject;
	unsigned failed, refused, updated;
	uint64_t last_ns;
};

static void
on_note(const struct shoal_sim_note *note, void *arg)
{
	struct told *told = arg;

	if (note->kind != SHOAL_SIM_NOTE_EVENT || note->other != told->subject) {
		return;
	}
	if (note->event == SHOAL_EVENT_FAILED) {
		told->failed++;
		told->refused += note->cause == SHOAL_CAUSE_REFUSED;
		told->last_ns = note->at_ns;
	}
	told->updated += note->event == SHOAL_EVENT_UPDATE && note->state == SHOAL_STATE_ALIVE;
}

/* A cluster of lan members whose links are all up; node 1 is the one that it is about. */
static struct shoal_sim *
open_world(uint32_t nodes, struct told *told)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	memset(told, 0, sizeof(*told));
	told->subject = 1;
	shoal_sim_config_init(&config);
	config.seed = nodes;
	config.nodes = nodes;
	config.profile.link_idle_ms = 5000;
	config.on_note = on_note;
	config.arg = told;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	gather(sim);
	run_for(sim, SHOAL_SEC(8));
	for (uint32_t i = 0; i < nodes; i++) {
		uint32_t watches, watched, wanted = nodes - 1 < 3 ? nodes - 1 : 3;
		shoal_sim_links(sim, i, &watches, &watched);
		assert_int_equal(watches, wanted);
		assert_int_equal(watched, wanted);
	}
	return sim;
}

static void
a_killed_process_is_known_to_all_in_half_a_second_whatever_their_number(void **state)
{
	static const uint32_t sizes[] = {2, 3, 4, 5, 6, 24};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct told told;
		struct shoal_sim *sim = open_world(sizes[i], &told);
		uint64_t killed = shoal_sim_now(sim);

		assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_PROCESS), 0);
		run_for(sim, SHOAL_SEC(1));
		assert_int_equal(told.failed, sizes[i] - 1);
		assert_true(told.refused > 0);
		assert_in_range(told.last_ns - killed, SHOAL_MS(300), SHOAL_MS(500));
		shoal_sim_free(sim);
	}
}

static void
a_lost_host_is_no_killed_process(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(6, &told);

	(void)state;
	assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_HOST), 0);
	run_for(sim, SHOAL_SEC(1));
	assert_int_equal(told.failed, 0);
	run_for(sim, SHOAL_SEC(60));
	assert_int_equal(told.failed, 5);
	assert_int_equal(told.refused, 0);
	shoal_sim_free(sim);
}

static void
a_restart_within_200_ms_is_an_update_and_no_failure(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(6, &told);

	(void)state;
	assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_PROCESS), 0);
	run_for(sim, SHOAL_MS(200));
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_int_equal(told.failed, 0);
	assert_true(told.updated >= 5);
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_free(sim);
}

static void
a_restart_after_3_s_fails_first_and_comes_back(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(6, &told);

	(void)state;
	assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_PROCESS), 0);
	run_for(sim, SHOAL_SEC(3));
	assert_int_equal(told.failed, 5);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_SEC(10));
	assert_int_equal(told.failed, 5);
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_free(sim);
}

static void
a_leave_is_no_failure(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(6, &told);

	(void)state;
	assert_int_equal(shoal_sim_leave(sim, 1), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_int_equal(told.failed, 0);
	for (uint32_t i = 0; i < 6; i++) {
		assert_true(i == 1 || shoal_sim_state(sim, i, 1) == SHOAL_STATE_LEFT);
	}
	shoal_sim_free(sim);
}

/* Whatever its filter does to the datagrams or to the streams alone: it is never dead, also when
 * its connections are reset again and again. */
static void
who_rejects_either_datagrams_or_streams_and_serves_the_other_is_never_dead(void **state)
{
	static const enum shoal_sim_filter filters[][2] = {
	        {SHOAL_SIM_FILTER_REJECT, SHOAL_SIM_FILTER_PASS},
	        {SHOAL_SIM_FILTER_PASS, SHOAL_SIM_FILTER_REJECT},
	        {SHOAL_SIM_FILTER_PASS, SHOAL_SIM_FILTER_DROP}};

	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		for (uint32_t nodes = 2; nodes <= 6; nodes++) {
			struct told told;
			struct shoal_sim *sim = open_world(nodes, &told);

			assert_int_equal(shoal_sim_filter(sim, 1, filters[i][0], filters[i][1]), 0);
			for (unsigned again = 0; again < 5; again++) {
				assert_int_equal(shoal_sim_reset(sim, 1), 0);
				run_for(sim, SHOAL_SEC(10));
			}
			assert_int_equal(told.failed, 0);
			shoal_sim_free(sim);
		}
	}
}

static void
a_member_that_rejects_streams_from_the_start_has_no_links_and_lives(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(6, &told);
	uint32_t watches, watched;

	(void)state;
	assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_PROCESS), 0);
	run_for(sim, SHOAL_SEC(5));
	assert_int_equal(
	        shoal_sim_filter(sim, 1, SHOAL_SIM_FILTER_PASS, SHOAL_SIM_FILTER_REJECT), 0);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_SEC(120));
	shoal_sim_links(sim, 1, &watches, &watched);
	assert_int_equal(watches, 3);
	assert_int_equal(watched, 0);
	assert_int_equal(told.failed, 5); /* of the run before */
	shoal_sim_free(sim);
}

static void
links_that_are_reset_or_forgotten_between_healthy_members_come_back(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(6, &told);
	uint32_t watches, watched;

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(shoal_sim_reset(sim, i), 0);
	}
	run_for(sim, SHOAL_SEC(10));
	for (uint32_t i = 0; i < 6; i++) {
		for (uint32_t k = 0; k < i; k++) {
			assert_int_equal(shoal_sim_forget_links(sim, i, k), 0);
		}
	}
	run_for(sim, SHOAL_SEC(90));
	assert_int_equal(told.failed, 0);
	for (uint32_t i = 0; i < 6; i++) {
		shoal_sim_links(sim, i, &watches, &watched);
		assert_int_equal(watches, 3);
		assert_int_equal(watched, 3);
	}
	assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_PROCESS), 0);
	run_for(sim, SHOAL_SEC(1));
	assert_int_equal(told.failed, 5);
	shoal_sim_free(sim);
}

static void
a_stopped_watcher_finds_nobody_dead_when_it_goes_on(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(6, &told);

	(void)state;
	for (uint32_t i = 2; i < 5; i++) {
		assert_int_equal(shoal_sim_stall(sim, i, SHOAL_SEC(3)), 0);
	}
	run_for(sim, SHOAL_SEC(1));
	assert_int_equal(shoal_sim_reset(sim, 1), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_int_equal(told.failed, 0);
	shoal_sim_free(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_killed_process_is_known_to_all_in_half_a_second_whatever_their_number),
	        cmocka_unit_test(a_lost_host_is_no_killed_process),
	        cmocka_unit_test(a_restart_within_200_ms_is_an_update_and_no_failure),
	        cmocka_unit_test(a_restart_after_3_s_fails_first_and_comes_back),
	        cmocka_unit_test(a_leave_is_no_failure),
	        cmocka_unit_test(
	                who_rejects_either_datagrams_or_streams_and_serves_the_other_is_never_dead),
	        cmocka_unit_test(
	                a_member_that_rejects_streams_from_the_start_has_no_links_and_lives),
	        cmocka_unit_test(
	                links_that_are_reset_or_forgotten_between_healthy_members_come_back),
	        cmocka_unit_test(a_stopped_watcher_finds_nobody_dead_when_it_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
