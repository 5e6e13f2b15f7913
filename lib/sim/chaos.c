/* SPDX-License-Identifier: MIT */
/* What goes wrong in chaos: lives, ways and times of nodes, one thing after the other, drawn from
 * the seed. What does not fit a node's state is no fault that time. All of it but lives and clocks
 * ends with the chaos.
 *
 * One draw a statement: the order in which arguments are evaluated is the compiler's. */
#include "sim/swarm.h"

static uint32_t
draw(struct shoal_swarm *swarm, uint32_t low, uint32_t high)
{
	return (uint32_t)shoal_rng_between(&swarm->rng, low, high);
}

/* In eighths of the probe interval. */
static uint64_t
draw_time(struct shoal_swarm *swarm, uint32_t low, uint32_t high)
{
	uint64_t eighth = shoal_swarm_interval(swarm) / 8;

	return shoal_rng_between(&swarm->rng, low * eighth, high * eighth);
}

static void
cut(struct shoal_swarm *swarm, uint32_t from, bool both)
{
	uint32_t to = shoal_rng_below(&swarm->rng, swarm->plan.nodes);

	if (from != to) {
		(void)shoal_sim_cut(swarm->sim, from, to);
		if (both) {
			(void)shoal_sim_cut(swarm->sim, to, from);
		}
	}
}

/* With the memory of its last save where it has one and is to use it. */
static int
start(struct shoal_swarm *swarm, uint32_t node, bool remembers)
{
	if (shoal_sim_is_up(swarm->sim, node)) {
		return 0;
	}
	if (remembers) {
		int rc = shoal_sim_restore(swarm->sim, node);

		if (rc != SHOAL_ERR_NOT_FOUND) {
			return rc;
		}
	}
	return shoal_swarm_start(swarm, node);
}

/* Ends without a goodbye and is there again at once, as a supervisor does. */
static int
restart(struct shoal_swarm *swarm, uint32_t node)
{
	(void)shoal_sim_crash(swarm->sim, node, SHOAL_SIM_CRASH_PROCESS);
	return start(swarm, node, draw(swarm, 0, 1) == 0);
}

/* All at once, after a power failure: with what each saved some time before, or with nothing. */
static int
restart_all(struct shoal_swarm *swarm)
{
	bool remember = draw(swarm, 0, 1) == 0;
	int rc = 0;

	for (uint32_t i = 0; i < swarm->plan.nodes && remember; i++) {
		(void)shoal_sim_save(swarm->sim, i);
	}
	rc = shoal_swarm_run_for(swarm, draw_time(swarm, 0, 80));
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		(void)shoal_sim_crash(swarm->sim, i, SHOAL_SIM_CRASH_PROCESS);
	}
	for (uint32_t i = 0; i < swarm->plan.nodes && rc == 0; i++) {
		rc = start(swarm, i, remember);
	}
	return rc;
}

/* While one is cut off, too short to be missed, another one starts: gossip passes it by. */
static int
newcomer_unseen(struct shoal_swarm *swarm, uint32_t node)
{
	uint32_t newcomer = swarm->plan.nodes - 1;
	int rc;

	while (newcomer > 0 && shoal_sim_is_up(swarm->sim, newcomer)) {
		newcomer--;
	}
	if (newcomer == 0 || newcomer == node) {
		return 0;
	}
	(void)shoal_sim_group(swarm->sim, node, swarm->plan.nodes + node);
	rc = shoal_swarm_start(swarm, newcomer);
	if (rc == 0) {
		rc = shoal_swarm_run_for(swarm, draw_time(swarm, 8, 16));
	}
	(void)shoal_sim_group(swarm->sim, node, 0);
	return rc;
}

/* It says that it leaves, and is gone before it has said more. */
static void
leave_unfinished(struct shoal_swarm *swarm, uint32_t node)
{
	if (node != SHOAL_SWARM_SEED && shoal_sim_leave(swarm->sim, node) == 0) {
		(void)shoal_swarm_run_for(swarm, draw_time(swarm, 0, 1) / 8);
		(void)shoal_sim_crash(swarm->sim, node, SHOAL_SIM_CRASH_PROCESS);
	}
}

static int
fault_of_life(struct shoal_swarm *swarm, uint32_t node)
{
	struct shoal_sim *sim = swarm->sim;

	switch (shoal_rng_below(&swarm->rng, 18)) {
	case 0:
		return restart_all(swarm);
	case 1:
		return restart(swarm, node);
	case 2:
		(void)shoal_sim_save(sim, node);
		return 0;
	case 3:
		return newcomer_unseen(swarm, node);
	case 16:
		leave_unfinished(swarm, node);
		return 0;
	case 17:
		(void)shoal_swarm_stranger(swarm, node);
		shoal_swarm_ghost(swarm, node);
		return 0;
	case 4:
	case 5:
	case 6:
		if (node != SHOAL_SWARM_SEED) {
			(void)shoal_sim_leave(sim, node);
		}
		return 0;
	case 7:
	case 8:
	case 9:
	case 10:
		return start(swarm, node, draw(swarm, 0, 1) == 0);
	default:
		(void)shoal_sim_crash(
		        sim, node, (enum shoal_sim_crash)shoal_rng_below(&swarm->rng, 2));
		return 0;
	}
}

static void
fault_of_way(struct shoal_swarm *swarm, uint32_t node)
{
	struct shoal_sim *sim = swarm->sim;
	uint32_t other = shoal_rng_below(&swarm->rng, swarm->plan.nodes);
	uint64_t period = draw_time(swarm, 1, 80);
	uint32_t first, second;

	switch (shoal_rng_below(&swarm->rng, 15)) {
	case 14:
		/* What is there ends, and nothing new is let in; datagrams pass. */
		(void)shoal_sim_filter(sim, node, SHOAL_SIM_FILTER_PASS, SHOAL_SIM_FILTER_REJECT);
		(void)shoal_sim_reset(sim, node);
		break;
	case 0:
	case 1:
		cut(swarm, node, false);
		break;
	case 2:
		cut(swarm, node, true);
		break;
	case 3:
	case 4:
		shoal_sim_partition(sim, (enum shoal_sim_partition)shoal_rng_below(&swarm->rng, 3));
		break;
	case 5:
		(void)shoal_sim_group(sim, node, swarm->plan.nodes + node);
		break;
	case 6:
		first = draw(swarm, 0, 1) == 0 ? 0 : draw(swarm, 0, 1000000);
		second = draw(swarm, 0, 1) == 0 ? 0 : draw(swarm, 0, 1000000);
		(void)shoal_sim_lossy(sim, node, first, second);
		break;
	case 7:
		(void)shoal_sim_flap(sim, node, period * draw(swarm, 1, 9) / 10, period);
		break;
	case 8:
		other = draw(swarm, 0, 1) == 0 ? SHOAL_SIM_NOBODY : other;
		first = draw(swarm, 100, 1400);
		second = draw(swarm, 0, 1);
		(void)shoal_sim_set_mtu(sim, node, other, first, second == 0);
		break;
	case 9:
		first = draw(swarm, 0, 2);
		second = draw(swarm, 0, 2);
		(void)shoal_sim_filter(
		        sim, node, (enum shoal_sim_filter)first, (enum shoal_sim_filter)second);
		break;
	case 10:
		(void)shoal_sim_reset(sim, node);
		break;
	case 11:
		(void)shoal_sim_forget_links(sim, node, other);
		break;
	default:
		shoal_sim_heal(sim);
		break;
	}
}

static void
fault_of_time(struct shoal_swarm *swarm, uint32_t node)
{
	struct shoal_sim *sim = swarm->sim;
	uint64_t period = draw_time(swarm, 1, 16);
	int64_t back;

	switch (shoal_rng_below(&swarm->rng, 8)) {
	case 0:
	case 1:
	case 2:
		(void)shoal_sim_stall(sim, node, draw_time(swarm, 1, 80));
		break;
	case 3:
		(void)shoal_sim_starve(sim, node, period * draw(swarm, 1, 9) / 10, period);
		break;
	case 4:
		(void)shoal_sim_slow(sim, node, draw_time(swarm, 0, 6));
		break;
	case 5:
		(void)shoal_sim_jump(sim, node, (int64_t)SHOAL_SEC(draw(swarm, 0, 600)), 0);
		break;
	case 6:
		back = (int64_t)SHOAL_SEC(draw(swarm, 0, 600));
		(void)shoal_sim_jump(sim, node, -back, draw_time(swarm, 0, 80));
		break;
	default:
		shoal_sim_wake(sim);
		break;
	}
}

int
shoal_swarm_fault(struct shoal_swarm *swarm)
{
	uint32_t node = shoal_rng_below(&swarm->rng, swarm->plan.nodes);

	switch (shoal_rng_below(&swarm->rng, 5)) {
	case 0:
	case 1:
		return fault_of_life(swarm, node);
	case 2:
		fault_of_time(swarm, node);
		return 0;
	default:
		fault_of_way(swarm, node);
		return 0;
	}
}
