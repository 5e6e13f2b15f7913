/* SPDX-License-Identifier: MIT */
/* Two checkers that need a world of their own state: merges, and packets that must die out. */
#include "sim/world.h"

#include "base/alloc.h"

int
shoal_judge_merge_begin(struct shoal_sim *sim)
{
	uint8_t *held = shoal_alloc_zeroed(&sim->mem, (size_t)sim->nodes * sim->nodes, 1);

	if (held == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (uint32_t a = 0; a < sim->nodes; a++) {
		for (uint32_t b = 0; b < sim->nodes; b++) {
			held[(size_t)a * sim->nodes + b] =
			        shoal_sim_state(sim, a, b) == SHOAL_STATE_ALIVE &&
			        shoal_sim_same_instance(sim, a, b);
		}
	}
	shoal_judge_merge_end(sim);
	sim->merging = held;
	sim->checks.looked[SHOAL_CHECKER_HEAL]++;
	return 0;
}

void
shoal_judge_merge_end(struct shoal_sim *sim)
{
	shoal_alloc_free(&sim->mem, sim->merging);
	sim->merging = NULL;
}

int
shoal_judge_dies_out(struct shoal_sim *sim, uint64_t ns)
{
	int rc;

	sim->timeless = true;
	rc = shoal_sim_run(sim, sim->now + ns);
	if (rc == 0 &&
	        !shoal_checker_that(&sim->checks, SHOAL_CHECKER_CHAINS, sim->packets == 0,
	                SHOAL_SIM_NOBODY, NULL, "packets still fly long after the last timer")) {
		rc = SHOAL_ERR_STATE;
	}
	return rc;
}

void
shoal_judge_trust(struct shoal_sim *sim)
{
	sim->accuracy_ns = SHOAL_NEVER;
}
