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

	return link->loss_ppm == 0 && link->corrupt_ppm == 0 &&
	       2 * way < SHOAL_MS(profile->probe_timeout_ms) / 4 * 3;
}

static bool
runs(const struct shoal_sim_node *node)
{
	return node->core != NULL && !node->stalled;
}

static bool
is_good(const struct shoal_sim *sim, uint32_t a, uint32_t b)
{
	return runs(&sim->node[a]) && runs(&sim->node[b]) && shoal_sim_net_reaches(sim, a, b) &&
	       shoal_sim_net_reaches(sim, b, a);
}

static bool
is_calm(const struct shoal_sim *sim)
{
	return sim->fail_ppm == 0 &&
	       shoal_sim_link_is_good(&sim->link, &sim->config.profile, sim->config.timer_lag_ns);
}

void
shoal_sim_way_mark(struct shoal_sim *sim)
{
	bool calm = is_calm(sim);

	for (uint32_t a = 0; sim->way != NULL && a < sim->nodes; a++) {
		for (uint32_t b = 0; b < sim->nodes; b++) {
			if (!calm || !is_good(sim, a, b)) {
				sim->way[(size_t)a * sim->nodes + b] = sim->now;
			}
		}
	}
}

uint64_t
shoal_sim_way_good_for(const struct shoal_sim *sim, uint32_t a, uint32_t b)
{
	if (sim->way == NULL || !is_calm(sim) || !is_good(sim, a, b)) {
		return 0;
	}
	return sim->now - sim->way[(size_t)a * sim->nodes + b];
}
