/* SPDX-License-Identifier: MIT */
/* Since when the way between two nodes is good: both are up and run, packets pass both ways, none
 * is lost, and the slowest round trip is well below a ping's time-out.
 *
 * A pair is looked at only before something changes: a pair that is bad then has been so until now.
 * What is good at the moment of the question has been good since. Cost: O(nodes^2) a fault, 8 bytes
 * a pair; not kept for large clusters. */
#include "sim/world.h"

bool
shoal_sim_link_is_good(const struct shoal_sim_link *link, const struct shoal_profile *profile,
        uint64_t timer_lag_ns)
{
	uint64_t held = link->reorder_ppm != 0 ? link->reorder_ns : 0;
	uint64_t way = link->latency_max_ns + link->jitter_ns + held + timer_lag_ns;

	return link->loss_ppm == 0 && link->burst_loss_ppm == 0 && link->corrupt_ppm == 0 &&
	       2 * way < SHOAL_MS(profile->probe_timeout_ms) / 4 * 3;
}

/* It runs as it should, and nothing was done to its ways. A node that was ever blocked is not: its
 * block ends without a word. */
static bool
is_sound(const struct shoal_sim_node *node)
{
	return node->core != NULL && !node->stalled && node->blocked_until == 0 &&
	       node->slow_ns == 0 && node->period_ns == 0 && node->flap_ns == 0 &&
	       node->lost_in_ppm == 0 && node->lost_out_ppm == 0 && node->mtu == 0 &&
	       node->datagrams == SHOAL_SIM_FILTER_PASS && node->streams == SHOAL_SIM_FILTER_PASS;
}

static bool
is_good(const struct shoal_sim *sim, uint32_t a, uint32_t b)
{
	bool told;

	return is_sound(&sim->node[a]) && is_sound(&sim->node[b]) && shoal_sim_reaches(sim, a, b) &&
	       !shoal_sim_is_outside(sim, a, b) && !shoal_sim_is_outside(sim, b, a) &&
	       shoal_sim_reaches(sim, b, a) && shoal_sim_way_mtu(sim, a, b, &told) == 0 &&
	       shoal_sim_way_mtu(sim, b, a, &told) == 0;
}

static bool
is_calm(const struct shoal_sim *sim)
{
	return sim->fail_ppm == 0 &&
	       shoal_sim_link_is_good(&sim->link, &sim->config.profile, sim->config.timer_lag_ns);
}

void
shoal_sim_good_mark(struct shoal_sim *sim)
{
	bool calm = is_calm(sim);

	for (uint32_t a = 0; sim->good != NULL && a < sim->nodes; a++) {
		for (uint32_t b = 0; b < sim->nodes; b++) {
			if (!calm || !is_good(sim, a, b)) {
				sim->good[(size_t)a * sim->nodes + b] = sim->now;
			}
		}
	}
}

void
shoal_sim_good_break(struct shoal_sim *sim, uint32_t node)
{
	for (uint32_t other = 0; sim->good != NULL && other < sim->nodes; other++) {
		sim->good[(size_t)node * sim->nodes + other] = sim->now;
		sim->good[(size_t)other * sim->nodes + node] = sim->now;
	}
}

uint64_t
shoal_sim_good_for(const struct shoal_sim *sim, uint32_t a, uint32_t b)
{
	if (sim->good == NULL || !is_calm(sim) || !is_good(sim, a, b)) {
		return 0;
	}
	return sim->now - sim->good[(size_t)a * sim->nodes + b];
}
