/* SPDX-License-Identifier: MIT */
/* Members of a swarm broadcast, also while much goes wrong. Where nothing is lost all hear each; in
 * the end whoever ran all the time has heard every reliable one that is young enough, and each has
 * its end. */
#include "sim/swarm.h"

void
shoal_swarm_cast(struct shoal_swarm *swarm, uint32_t casts)
{
	for (uint32_t i = 0; i < casts && swarm->plan.casts; i++) {
		uint32_t from = shoal_rng_below(&swarm->casts, swarm->plan.nodes);
		bool reliable = shoal_rng_below(&swarm->casts, 2) == 0;

		/* One that is down or stands still says nothing. */
		(void)(shoal_sim_is_up(swarm->sim, from) &&
		        shoal_judge_cast(swarm->sim, from, reliable));
	}
}

/* To be called while nothing was ever lost. */
int
shoal_swarm_calm_casts(struct shoal_swarm *swarm)
{
	uint32_t node =
	        swarm->plan.narrow ? SHOAL_SIM_NOBODY : shoal_judge_unheard_of_all(swarm->sim);

	if (node != SHOAL_SIM_NOBODY) {
		shoal_checker_fail(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_BROADCASTS, node,
		        NULL, "a broadcast was not heard, though nothing was lost");
		return SHOAL_ERR_STATE;
	}
	return 0;
}

/* All that was said comes to its end. */
static int
await_ends(struct shoal_swarm *swarm, uint64_t bound)
{
	uint64_t begin = shoal_sim_now(swarm->sim);
	uint32_t node;
	int rc = 0;

	while (rc == 0 && (node = shoal_judge_cast_unended(swarm->sim)) != SHOAL_SIM_NOBODY) {
		if (shoal_sim_now(swarm->sim) - begin > bound) {
			shoal_checker_fail(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_BROADCASTS,
			        node, NULL, "the end of a broadcast was not told within the bound");
			return SHOAL_ERR_STATE;
		}
		rc = shoal_swarm_run_for(swarm, SHOAL_MS(swarm->plan.profile.digest_interval_ms));
	}
	return rc;
}

int
shoal_swarm_casts(struct shoal_swarm *swarm)
{
	const struct shoal_profile *profile = &swarm->plan.profile;
	uint64_t bound = 60 * SHOAL_MS(profile->digest_interval_ms) +
	                 2 * SHOAL_MS(profile->exchange_timeout_ms);
	uint64_t keep = SHOAL_MS(profile->cast_keep_ms), begin = shoal_sim_now(swarm->sim);
	uint64_t age = keep > 2 * bound ? keep - 2 * bound : 0;
	uint32_t node;
	int rc = 0;

	shoal_swarm_cast(swarm, swarm->plan.nodes);
	while (rc == 0 && (node = shoal_judge_unheard(swarm->sim,
	                           age + shoal_sim_now(swarm->sim) - begin)) != SHOAL_SIM_NOBODY) {
		if (shoal_sim_now(swarm->sim) - begin > bound) {
			shoal_checker_fail(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_BROADCASTS,
			        node, NULL, "a reliable broadcast was not heard within the bound");
			return SHOAL_ERR_STATE;
		}
		rc = shoal_swarm_run_for(swarm, SHOAL_MS(profile->digest_interval_ms));
	}
	return rc != 0 ? rc : await_ends(swarm, bound);
}
