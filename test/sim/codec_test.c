/* SPDX-License-Identifier: MIT */
/* The same life of a cluster in each codec: who lives and who is dead does not depend on it, nor
 * that packets may be lost, damaged, doubled and late. */
#include "six.h"

#include <shoal/codec.h>

static const struct shoal_codec_ops *
codec_at(size_t i)
{
	return i == 0 ? shoal_codec_binary() : i == 1 ? shoal_codec_msgpack() : shoal_codec_json();
}

#define CODECS 3

/* Everything that each node holds of each. */
struct outcome {
	enum shoal_state state[NODES][NODES];
};

static void
look(struct shoal_sim *sim, struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	for (uint32_t i = 0; i < NODES; i++) {
		const struct shoal_core *core = shoal_sim_core(sim, i);
		for (uint32_t j = 0; j < NODES; j++) {
			struct shoal_core_member member;
			uint32_t slot;

			outcome->state[i][j] = SHOAL_STATES;
			if (core != NULL &&
			        shoal_core_find(core, shoal_sim_id(sim, j), &slot) == 0 &&
			        shoal_core_member(core, slot, &member)) {
				outcome->state[i][j] = member.state;
			}
		}
	}
}

static struct shoal_sim *
live(const struct shoal_codec_ops *codec, uint64_t seed)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	shoal_sim_config_init(&config);
	config.seed = seed;
	config.nodes = NODES;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	config.link.loss_ppm = 10000;
	config.link.duplicate_ppm = 50000;
	config.link.corrupt_ppm = 10000;
	config.link.reorder_ppm = 50000;
	config.link.reorder_ns = SHOAL_MS(20);
	config.codec = codec;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	gather(sim);
	run_for(sim, SHOAL_SEC(20));
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_HOST), 0);
	assert_int_equal(shoal_sim_crash(sim, 2, SHOAL_SIM_CRASH_PROCESS), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	assert_int_equal(shoal_sim_leave(sim, 3), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_true(shoal_sim_agreed(sim, NULL));
	return sim;
}

static void
who_lives_and_who_does_not_is_the_same_in_each_codec(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct outcome outcome[CODECS];

		for (size_t k = 0; k < CODECS; k++) {
			struct shoal_sim *sim = live(codec_at(k), seed);
			const struct shoal_counters *counters =
			        shoal_core_counters(shoal_sim_core(sim, 0));

			look(sim, &outcome[k]);
			assert_int_equal(
			        shoal_core_count(shoal_sim_core(sim, 0), SHOAL_STATE_ALIVE),
			        NODES - 2);
			assert_int_equal(counters->value[SHOAL_COUNTER_DROP_CODEC], 0);
			assert_true(counters->value[SHOAL_COUNTER_DROP_CHECKSUM] > 0);
			shoal_sim_free(sim);
		}
		assert_memory_equal(&outcome[0], &outcome[1], sizeof(outcome[0]));
		assert_memory_equal(&outcome[0], &outcome[2], sizeof(outcome[0]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_lives_and_who_does_not_is_the_same_in_each_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
