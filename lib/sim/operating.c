/* SPDX-License-Identifier: MIT */
/* Operators of a swarm: in calm they let somebody be forgotten who is gone; while much goes wrong
 * they let others be, narrow the list of who is admitted, and make intervals longer. When the
 * faults end all of it is taken back, and what was longer must not delay what comes then. Draws
 * come from a stream of their own. */
#include "sim/swarm.h"

#define LONGER 40 /* times */

static uint32_t
longer(uint32_t ms, uint32_t most)
{
	return ms < most / LONGER ? ms * LONGER : ms;
}

static void
tune(struct shoal_swarm *swarm, uint32_t node)
{
	const uint32_t day = 86400000;
	struct shoal_profile profile = swarm->plan.profile;

	profile.sync_interval_ms = longer(profile.sync_interval_ms, day);
	profile.digest_interval_ms = longer(profile.digest_interval_ms, day);
	profile.heal_interval_ms = longer(profile.heal_interval_ms, day);
	(void)shoal_judge_tune(swarm->sim, node, &profile);
}

/* Itself and the seed, where everybody finds it, it admits. */
static void
narrow(struct shoal_swarm *swarm, uint32_t node)
{
	uint64_t outside = shoal_rng_u64(&swarm->operating);

	outside &= shoal_rng_u64(&swarm->operating); /* a quarter of them */
	outside &= ~(UINT64_C(1) << node) & ~(UINT64_C(1) << SHOAL_SWARM_SEED);
	outside &= swarm->plan.nodes < 64 ? (UINT64_C(1) << swarm->plan.nodes) - 1 : UINT64_MAX;
	if (node != SHOAL_SWARM_SEED && shoal_judge_admit(swarm->sim, node, outside) == 0) {
		swarm->narrowed[node] = true;
	}
}

void
shoal_swarm_operate(struct shoal_swarm *swarm)
{
	struct shoal_rng *rng = &swarm->operating;
	uint32_t node, other;

	if (!swarm->plan.operated) {
		return;
	}
	node = shoal_rng_below(rng, swarm->plan.nodes);
	other = shoal_rng_below(rng, swarm->plan.nodes);
	switch (shoal_rng_below(rng, 3)) {
	case 0:
		(void)shoal_judge_forget(swarm->sim, node, other);
		break;
	case 1:
		narrow(swarm, node);
		break;
	default:
		tune(swarm, node);
		break;
	}
}

void
shoal_swarm_restore(struct shoal_swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->plan.nodes && swarm->plan.operated; i++) {
		if (swarm->narrowed[i]) {
			(void)shoal_judge_admit(swarm->sim, i, 0);
		}
		(void)shoal_judge_tune(swarm->sim, i, &swarm->plan.profile);
	}
}

/* Somebody whom all hold dead or left, if there is one. */
static uint32_t
draw_gone(struct shoal_swarm *swarm)
{
	uint32_t first = shoal_rng_below(&swarm->operating, swarm->plan.nodes);

	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		uint32_t node = (first + i) % swarm->plan.nodes;

		if (!shoal_sim_is_up(swarm->sim, node) &&
		        (shoal_sim_all_hold(swarm->sim, node, SHOAL_STATE_DEAD, NULL) ||
		                shoal_sim_all_hold(swarm->sim, node, SHOAL_STATE_LEFT, NULL))) {
			return node;
		}
	}
	return SHOAL_SIM_NOBODY;
}

int
shoal_swarm_forget(struct shoal_swarm *swarm)
{
	uint64_t bound = shoal_judge_digest_bound(&swarm->plan.profile, swarm->plan.nodes);
	uint64_t begin = shoal_sim_now(swarm->sim);
	uint32_t subject = draw_gone(swarm), node;
	int rc = 0;

	if (subject == SHOAL_SIM_NOBODY ||
	        shoal_judge_forget(swarm->sim, shoal_swarm_contact(swarm, subject), subject) != 0) {
		return 0;
	}
	while (rc == 0 &&
	        (node = shoal_judge_remembering(swarm->sim, subject)) != SHOAL_SIM_NOBODY) {
		if (!shoal_checker_that(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_FORGOTTEN,
		            shoal_sim_now(swarm->sim) - begin <= bound, node,
		            shoal_sim_id(swarm->sim, subject),
		            "still shown, though it was to be forgotten by all")) {
			return SHOAL_ERR_STATE;
		}
		rc = shoal_swarm_run_for(swarm, shoal_swarm_interval(swarm) / 8 + 1);
	}
	return rc;
}
