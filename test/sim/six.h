/* SPDX-License-Identifier: MIT */
/* A world of six for the tests of the simulator's public functions. */
#ifndef SHOAL_TEST_SIM_SIX_H
#define SHOAL_TEST_SIM_SIX_H

#include <shoal/sim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NODES 6

static inline struct shoal_sim *
make_with(const struct shoal_sim_link *link)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	shoal_sim_config_init(&config);
	config.seed = 3;
	config.nodes = NODES;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	if (link != NULL) {
		config.link = *link;
	}
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	return sim;
}

static inline struct shoal_sim *
make(void)
{
	return make_with(NULL);
}

static inline bool
agreed(struct shoal_sim *sim, void *arg)
{
	(void)arg;
	return shoal_sim_agreed(sim, NULL);
}

static inline void
judge(struct shoal_sim *sim, int rc)
{
	struct shoal_sim_failure failure;

	if (shoal_sim_failure(sim, &failure)) {
		fail_msg("%s: %s, node %u about %u", failure.check, failure.why, failure.observer,
		        failure.subject);
	}
	assert_int_equal(rc, 0);
}

static inline void
gather(struct shoal_sim *sim)
{
	assert_int_equal(shoal_sim_gather(sim), 0);
	judge(sim, shoal_sim_run_until(sim, SHOAL_SEC(10), SHOAL_MS(10), agreed, NULL));
}

static inline void
run_for(struct shoal_sim *sim, uint64_t ns)
{
	judge(sim, shoal_sim_run(sim, shoal_sim_now(sim) + ns));
}

#endif
