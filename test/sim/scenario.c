/* SPDX-License-Identifier: MIT */
/* 64 nodes through one seed: when all see all, and when a crash is known, first and last, beside
 * the bound that docs/protocol.md states. All on the virtual clock, so it holds on any machine. */
#include "scenario.h"

#include "sim/judge.h"
#include "story.h"
#include <shoal/sim.h>

#include <shoal/error.h>

#include <inttypes.h>
#include <stdio.h>

#define NODES 64

static const struct shoal_sim_link link_of[] = {
        [SHOAL_PROFILE_LAN] = {.latency_min_ns = SHOAL_US(100),
                .latency_max_ns = SHOAL_MS(1),
                .jitter_ns = SHOAL_US(300)},
        [SHOAL_PROFILE_WAN] = {.latency_min_ns = SHOAL_MS(5),
                .latency_max_ns = SHOAL_MS(120),
                .jitter_ns = SHOAL_MS(20)},
        [SHOAL_PROFILE_LOCAL] = {.latency_min_ns = SHOAL_US(10),
                .latency_max_ns = SHOAL_US(60),
                .jitter_ns = SHOAL_US(40)}};

static double
seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static int
make(struct shoal_sim **sim, enum shoal_profile_kind kind, uint32_t nodes, uint64_t seed,
        bool verbose)
{
	struct shoal_sim_config config;

	shoal_sim_config_init(&config);
	config.seed = seed;
	config.nodes = nodes;
	(void)shoal_profile_init(&config.profile, kind);
	config.link = link_of[kind];
	config.on_note = verbose ? sim_story_note : NULL;
	config.arg = stdout;
	return shoal_sim_new(sim, &config);
}

static int
all_join(struct shoal_sim *sim)
{
	int rc = shoal_sim_start(sim, 0);

	shoal_sim_set_calm(sim, true);
	for (uint32_t i = 1; i < shoal_sim_nodes(sim) && rc == 0; i++) {
		rc = shoal_sim_start(sim, i);
		if (rc == 0) {
			rc = shoal_sim_join(sim, i, 0);
		}
	}
	return rc;
}

/* Runs until all agree, or until the limit. */
static int
agree(struct shoal_sim *sim, uint64_t limit)
{
	struct shoal_sim_gap gap;
	int rc = 0;

	while (rc == 0 && !shoal_sim_agreed(sim, &gap)) {
		if (shoal_sim_now(sim) >= limit) {
			shoal_judge_fail(sim, SHOAL_CHECKER_CONVERGENCE, &gap, "not all see all");
			return SHOAL_ERR_TIMEOUT;
		}
		rc = shoal_sim_run(sim, shoal_sim_now(sim) + SHOAL_MS(5));
	}
	return rc;
}

static int
play(struct shoal_sim *sim, const struct shoal_profile *profile, const char *name)
{
	uint32_t nodes = shoal_sim_nodes(sim), victim = nodes / 2;
	uint64_t bound = shoal_profile_detection_bound(profile, nodes);
	uint64_t limit = SHOAL_MS(profile->sync_interval_ms) / 2;
	struct shoal_sim_detection seen;
	struct shoal_sim_gap gap;
	uint64_t agreed;
	int rc = all_join(sim);

	rc = rc == 0 ? agree(sim, limit) : rc;
	agreed = shoal_sim_now(sim);
	rc = rc == 0 ? shoal_sim_run(sim, agreed + 3 * SHOAL_MS(profile->probe_interval_ms)) : rc;
	rc = rc == 0 ? shoal_sim_crash(sim, victim, SHOAL_SIM_CRASH_HOST) : rc;
	rc = rc == 0 ? shoal_sim_run(sim, shoal_sim_now(sim) + bound) : rc;
	if (rc != 0) {
		return rc;
	}
	if (!shoal_sim_all_hold(sim, victim, SHOAL_STATE_DEAD, &gap)) {
		shoal_judge_fail(
		        sim, SHOAL_CHECKER_DETECTION, &gap, "not known to all within the bound");
		return SHOAL_ERR_TIMEOUT;
	}
	shoal_sim_detection(sim, victim, &seen);
	printf("%s, %" PRIu32 " nodes: all see all after %.3f s; a lost host is known first after "
	       "%.3f s, to all after %.3f s, bound %.3f s\n",
	        name, nodes, seconds(agreed), seconds(seen.first_ns - seen.down_ns),
	        seconds(seen.last_ns - seen.down_ns), seconds(bound));
	return seen.by >= nodes - 1 ? 0 : SHOAL_ERR_STATE;
}

int
scenario_run(const char *profile_name, uint32_t nodes, uint64_t seed, bool verbose)
{
	enum shoal_profile_kind kind;
	struct shoal_profile profile;
	struct shoal_sim *sim = NULL;
	int rc = shoal_profile_parse(&kind, profile_name);

	if (rc == 0) {
		rc = shoal_profile_init(&profile, kind);
	}
	if (rc == 0) {
		rc = make(&sim, kind, nodes == 0 ? NODES : nodes, seed, verbose);
	}
	if (rc == 0) {
		rc = play(sim, &profile, profile_name);
	}
	if (rc != 0) {
		printf("FAILED: %s: %s\n", profile_name, shoal_strerror(rc));
		if (sim != NULL && shoal_sim_checkers(sim)->fired != 0) {
			printf("  %s\n", shoal_sim_checkers(sim)->first.text);
		}
	}
	shoal_sim_free(sim);
	return rc == 0 ? 0 : 1;
}
