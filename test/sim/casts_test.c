/* SPDX-License-Identifier: MIT */
/* Who has to hear a broadcast, and who may miss it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/judge.h"

/* So few that the origin tells each itself, and so many that it does not. */
#define FEW  7
#define MANY 20
/* Bytes of the queues: for all that is said here, and for a few. */
#define ROOMY (1 << 20)
#define TIGHT 1024

static bool
agreed(struct shoal_sim *sim, void *arg)
{
	(void)arg;
	return shoal_sim_agreed(sim, NULL);
}

/* They know each other, and have been there for a while. */
static struct shoal_sim *
make(uint32_t nodes, uint32_t queue_bytes)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	shoal_sim_config_init(&config);
	config.seed = 3;
	config.nodes = nodes;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	config.profile.queue_bytes = queue_bytes;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	assert_int_equal(shoal_sim_gather(sim), 0);
	assert_int_equal(shoal_sim_run_until(sim, SHOAL_SEC(10), SHOAL_MS(10), agreed, NULL), 0);
	return sim;
}

static void
run_for(struct shoal_sim *sim, uint64_t ns)
{
	assert_int_equal(shoal_sim_run(sim, shoal_sim_now(sim) + ns), 0);
}

/* A world of so many in which each says what is not repaired, while nothing comes to
 * `apart`. */
static struct shoal_sim *
cast_all(uint32_t nodes, uint32_t queue_bytes, uint32_t apart)
{
	struct shoal_sim *sim = make(nodes, queue_bytes);

	if (apart != SHOAL_SIM_NOBODY) {
		assert_int_equal(shoal_sim_group(sim, apart, 1), 0);
	}
	for (uint32_t i = 0; i < 4 * nodes; i++) {
		if (i % nodes != apart) {
			(void)shoal_judge_cast(sim, i % nodes, false);
		}
	}
	run_for(sim, SHOAL_SEC(2));
	return sim;
}

static uint64_t
not_passed_on(const struct shoal_sim *sim)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		sum += shoal_core_counters(shoal_sim_core(sim, i))
		               ->value[SHOAL_COUNTER_DROP_CASTS_FULL];
	}
	return sum;
}

static void
who_misses_what_all_passed_on_is_named(void **state)
{
	(void)state;
	struct shoal_sim *sim = cast_all(MANY, ROOMY, SHOAL_SIM_NOBODY);
	assert_int_equal(shoal_judge_unheard_of_all(sim), SHOAL_SIM_NOBODY);
	shoal_sim_free(sim);
	sim = cast_all(MANY, ROOMY, 7);
	assert_int_equal(not_passed_on(sim), 0);
	assert_int_equal(shoal_judge_unheard_of_all(sim), 7);
	shoal_sim_free(sim);
}

static void
what_found_no_room_to_be_passed_on_may_be_missed(void **state)
{
	(void)state;
	struct shoal_sim *sim = cast_all(MANY, TIGHT, 7);
	assert_true(not_passed_on(sim) > 0);
	assert_int_equal(shoal_judge_unheard_of_all(sim), SHOAL_SIM_NOBODY);
	shoal_sim_free(sim);
}

static void
few_hear_each_from_its_origin_whoever_has_room(void **state)
{
	(void)state;
	struct shoal_sim *sim = cast_all(FEW, TIGHT, SHOAL_SIM_NOBODY);
	assert_true(not_passed_on(sim) > 0);
	assert_int_equal(shoal_judge_unheard_of_all(sim), SHOAL_SIM_NOBODY);
	shoal_sim_free(sim);
	sim = cast_all(FEW, TIGHT, 6);
	assert_true(not_passed_on(sim) > 0);
	assert_int_equal(shoal_judge_unheard_of_all(sim), 6);
	shoal_sim_free(sim);
}

/* Node 5 starts anew, and a second later node 0 says something that is to be repaired and reaches
 * nobody. */
static struct shoal_sim *
miss_one(void)
{
	struct shoal_sim *sim = make(6, ROOMY);

	run_for(sim, SHOAL_SEC(20));
	assert_int_equal(shoal_sim_crash(sim, 5, SHOAL_SIM_CRASH_PROCESS), 0);
	assert_int_equal(shoal_sim_start(sim, 5), 0);
	assert_int_equal(shoal_sim_join(sim, 5, 1), 0);
	run_for(sim, SHOAL_SEC(1));
	assert_int_equal(shoal_sim_group(sim, 0, 1), 0);
	assert_int_equal(shoal_judge_cast(sim, 0, true), 0);
	run_for(sim, SHOAL_MS(400));
	assert_int_equal(shoal_judge_unheard(sim, SHOAL_SEC(60)), 1);
	return sim;
}

static uint64_t
heard_by(const struct shoal_sim *sim, uint32_t node)
{
	return shoal_core_counters(shoal_sim_core(sim, node))->value[SHOAL_COUNTER_CASTS_IN];
}

static void
who_seems_to_have_started_after_a_broadcast_may_miss_it(void **state)
{
	(void)state;
	struct shoal_sim *sim = miss_one();
	assert_int_equal(shoal_sim_jump(sim, 0, 0, SHOAL_SEC(5)), 0);
	assert_int_equal(shoal_judge_unheard(sim, SHOAL_SEC(60)), 1);
	shoal_sim_heal(sim);
	run_for(sim, SHOAL_SEC(30));
	assert_int_equal(heard_by(sim, 1), 1);
	assert_int_equal(heard_by(sim, 5), 0);
	assert_int_equal(shoal_judge_unheard(sim, SHOAL_SEC(60)), SHOAL_SIM_NOBODY);
	shoal_sim_free(sim);
}

static void
the_clock_of_who_does_not_hold_a_broadcast_makes_it_no_older(void **state)
{
	(void)state;
	struct shoal_sim *sim = miss_one();
	assert_int_equal(shoal_sim_jump(sim, 2, 0, SHOAL_SEC(50)), 0);
	assert_int_equal(shoal_judge_unheard(sim, SHOAL_SEC(60)), 1);
	shoal_sim_heal(sim);
	run_for(sim, SHOAL_SEC(30));
	assert_int_equal(heard_by(sim, 5), 1);
	assert_int_equal(shoal_judge_unheard(sim, SHOAL_SEC(60)), SHOAL_SIM_NOBODY);
	shoal_sim_free(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_misses_what_all_passed_on_is_named),
	        cmocka_unit_test(what_found_no_room_to_be_passed_on_may_be_missed),
	        cmocka_unit_test(few_hear_each_from_its_origin_whoever_has_room),
	        cmocka_unit_test(who_seems_to_have_started_after_a_broadcast_may_miss_it),
	        cmocka_unit_test(the_clock_of_who_does_not_hold_a_broadcast_makes_it_no_older),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
