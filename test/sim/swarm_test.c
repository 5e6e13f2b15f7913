/* SPDX-License-Identifier: MIT */
/* Clusters drawn from seeds, and the story of a failure. */
#include <shoal/swarm.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint64_t
trace_of(uint64_t seed, uint32_t nodes, char *plan)
{
	struct shoal_swarm *swarm = NULL;

	assert_int_equal(shoal_swarm_new(&swarm, seed, nodes, NULL, NULL), 0);
	assert_int_equal(shoal_swarm_run(swarm), 0);
	shoal_swarm_print(swarm, plan, SHOAL_SWARM_TEXT_MAX);
	uint64_t trace = shoal_sim_trace(shoal_swarm_sim(swarm));
	shoal_swarm_free(swarm);
	return trace;
}

static void
a_seed_is_the_same_run_each_time(void **state)
{
	static char first[SHOAL_SWARM_TEXT_MAX], again[SHOAL_SWARM_TEXT_MAX];

	(void)state;
	uint64_t trace = trace_of(5, 0, first);
	assert_true(trace_of(5, 0, again) == trace);
	assert_string_equal(first, again);
	assert_non_null(strstr(first, "seed 5, "));
	assert_non_null(strstr(first, "probe_interval_ms="));
	assert_true(trace_of(6, 0, again) != trace);
	assert_true(trace_of(5, 11, again) != trace);
	assert_non_null(strstr(again, "members 11"));
}

static void
a_seed_can_be_run_in_each_codec(void **state)
{
	const struct shoal_codec_ops *const codecs[] = {
	        NULL, shoal_codec_binary(), shoal_codec_msgpack(), shoal_codec_json()};
	uint64_t trace[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct shoal_swarm *swarm = NULL;

		assert_int_equal(shoal_swarm_new_coded(&swarm, 5, 8, codecs[i], NULL, NULL), 0);
		assert_int_equal(shoal_swarm_run(swarm), 0);
		trace[i] = shoal_sim_trace(shoal_swarm_sim(swarm));
		shoal_swarm_free(swarm);
	}
	assert_true(trace[0] == trace[1] && trace[1] != trace[2] && trace[2] != trace[3]);
}

static void
a_number_of_members_out_of_bounds_is_refused(void **state)
{
	struct shoal_swarm *swarm = NULL;

	(void)state;
	assert_int_equal(shoal_swarm_new(&swarm, 1, 1, NULL, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_swarm_new(&swarm, 1, SHOAL_SWARM_NODES_MAX + 1, NULL, NULL),
	        SHOAL_ERR_INVALID);
	assert_null(swarm);
	shoal_swarm_free(NULL);
}

static void
what_took_time_stays_within_its_bound(void **state)
{
	struct shoal_swarm_shares shares;
	uint32_t detection = 0, agreement = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct shoal_swarm *swarm = NULL;

		assert_int_equal(shoal_swarm_new(&swarm, seed, 0, NULL, NULL), 0);
		shoal_swarm_shares(swarm, &shares);
		assert_int_equal(shares.detection + shares.agreement, 0);
		assert_int_equal(shoal_swarm_run(swarm), 0);
		shoal_swarm_shares(swarm, &shares);
		assert_true(shares.detection <= 1000 && shares.agreement <= 1000);
		assert_true(shares.leave <= 1000 && shares.digest <= 1000);
		detection += shares.detection;
		agreement += shares.agreement;
		shoal_swarm_free(swarm);
	}
	assert_true(detection > 0 && agreement > 0);
}

struct told {
	size_t count;
	uint64_t last_ns;
	bool strange; /* a note of somebody else */
};

static void
on_note(const struct shoal_sim_note *note, void *arg)
{
	struct told *told = arg;

	told->count++;
	told->strange = told->strange || note->at_ns < told->last_ns ||
	                (note->node != 0 && note->node != SHOAL_SIM_NOBODY);
	told->last_ns = note->at_ns;
}

static bool
ends_after_ten_seconds(struct shoal_sim *sim, uint32_t node, char *why, size_t len, void *arg)
{
	(void)node;
	(void)arg;
	(void)why;
	(void)len;
	return node != 0 || shoal_sim_now(sim) < SHOAL_SEC(10);
}

static void
the_story_of_a_failure_is_that_of_who_showed_it(void **state)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim = NULL;
	struct told all = {0}, few = {0};

	(void)state;
	shoal_sim_config_init(&config);
	config.nodes = 5;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	assert_int_equal(
	        shoal_sim_add_check(sim, "ten", "ten seconds", ends_after_ten_seconds, NULL), 0);
	assert_int_equal(shoal_sim_gather(sim), 0);
	shoal_sim_story(sim, 100, on_note, &all);
	assert_int_equal(all.count, 0);
	assert_int_equal(shoal_sim_run(sim, SHOAL_SEC(60)), SHOAL_ERR_STATE);
	shoal_sim_story(sim, 100, on_note, &all);
	shoal_sim_story(sim, 2, on_note, &few);
	assert_true(all.count > 4 && !all.strange);
	assert_int_equal(few.count, 2);
	assert_true(few.last_ns == all.last_ns);
	assert_int_equal(shoal_sim_find(sim, shoal_sim_id(sim, 3)), 3);
	shoal_sim_free(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_seed_is_the_same_run_each_time),
	        cmocka_unit_test(a_seed_can_be_run_in_each_codec),
	        cmocka_unit_test(a_number_of_members_out_of_bounds_is_refused),
	        cmocka_unit_test(what_took_time_stays_within_its_bound),
	        cmocka_unit_test(the_story_of_a_failure_is_that_of_who_showed_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
