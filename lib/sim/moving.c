/* SPDX-License-Identifier: MIT */
/* Members of a swarm that move to other addresses while much goes wrong; in the end all know where
 * each one is. Draws come from a stream of their own. */
#include "sim/swarm.h"

static void
move(struct shoal_swarm *swarm, uint32_t node)
{
	/* The seed stays where everybody finds it. */
	if (node != SHOAL_SWARM_SEED && !shoal_sim_is_leaving(swarm->sim, node) &&
	        shoal_sim_move(swarm->sim, node) == 0) {
		swarm->moved[node] = true;
	}
}

/* While another one is cut off, too short to be missed: gossip passes that one by. */
int
shoal_swarm_move_unseen(struct shoal_swarm *swarm)
{
	uint32_t node, other;
	uint64_t while_ns;
	int rc;

	if (!swarm->plan.moves) {
		return 0;
	}
	node = shoal_rng_below(&swarm->moving, swarm->plan.nodes);
	other = shoal_rng_below(&swarm->moving, swarm->plan.nodes);
	while_ns = shoal_rng_between(
	        &swarm->moving, shoal_swarm_interval(swarm), 2 * shoal_swarm_interval(swarm));
	if (node == other) {
		move(swarm, node);
		return 0;
	}
	(void)shoal_sim_group(swarm->sim, other, swarm->plan.nodes + other);
	move(swarm, node);
	rc = shoal_swarm_run_for(swarm, while_ns);
	(void)shoal_sim_group(swarm->sim, other, 0);
	return rc;
}

int
shoal_swarm_move_one(struct shoal_swarm *swarm)
{
	return swarm->plan.moves && shoal_rng_below(&swarm->moving, 2) == 0
	               ? shoal_swarm_move_unseen(swarm)
	               : 0;
}

void
shoal_swarm_move_some(struct shoal_swarm *swarm)
{
	for (uint32_t i = 0; swarm->plan.moves && i < swarm->plan.nodes; i++) {
		if (shoal_rng_below(&swarm->moving, 3) == 0) {
			move(swarm, i);
		}
	}
}

bool
shoal_swarm_knows(const struct shoal_swarm *swarm, uint32_t observer, uint32_t subject)
{
	const struct shoal_sim *sim = swarm->sim;
	const struct shoal_core *core = shoal_sim_core(sim, observer);
	struct shoal_core_member held;
	uint32_t slot;

	return shoal_core_find(core, shoal_sim_id(sim, subject), &slot) == 0 &&
	       shoal_core_member(core, slot, &held) && held.addrs == 1 &&
	       shoal_addr_equal(&held.addr[0], shoal_sim_addr(sim, subject));
}

/* Of every two that live and stay, the first one that does not know where the other one is. NULL:
 * each knows. */
static const struct shoal_id *
unknown_place(const struct shoal_swarm *swarm, uint32_t *observer)
{
	const struct shoal_sim *sim = swarm->sim;
	uint32_t nodes = swarm->plan.nodes;

	for (uint32_t i = 0; i < nodes * nodes; i++) {
		uint32_t subject = i / nodes;

		*observer = i % nodes;
		if (shoal_sim_is_up(sim, subject) && !shoal_sim_is_leaving(sim, subject) &&
		        shoal_sim_is_up(sim, *observer) && !shoal_sim_is_leaving(sim, *observer) &&
		        !shoal_swarm_knows(swarm, *observer, subject)) {
			return shoal_sim_id(sim, subject);
		}
	}
	return NULL;
}

/* Who missed a move finds it in a walk: until then it may doubt the one that moved. */
int
shoal_swarm_addresses(struct shoal_swarm *swarm)
{
	struct shoal_sim *sim = swarm->sim;
	uint64_t bound = shoal_judge_digest_bound(&swarm->plan.profile, swarm->plan.nodes);
	uint64_t begin = shoal_sim_now(sim);
	const struct shoal_id *subject;
	uint32_t observer;
	int rc = 0;

	while (rc == 0 && (subject = unknown_place(swarm, &observer)) != NULL) {
		if (!shoal_checker_that(shoal_sim_checkers(sim), SHOAL_CHECKER_ADDRESSES,
		            shoal_sim_now(sim) - begin <= bound, observer, subject,
		            "does not know where it is within the bound")) {
			return SHOAL_ERR_STATE;
		}
		rc = shoal_swarm_run_for(swarm, shoal_swarm_interval(swarm) / 8 + 1);
	}
	shoal_sim_checkers(sim)->looked[SHOAL_CHECKER_ADDRESSES]++;
	return rc;
}
