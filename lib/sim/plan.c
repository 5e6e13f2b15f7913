/* SPDX-License-Identifier: MIT */
/* Draws a plan. Everything is drawn within relations under which the promises of docs/protocol.md
 * hold: in calm nothing is lost and the slowest round trip is well below the time-out of a ping. In
 * chaos there are no such relations.
 *
 * Draws come from a stream of their own, so that a plan does not depend on what the network draws.
 */
#include "sim/plan.h"

#include "base/rng.h"

#include <string.h>

#define NODES_LEAST 2
#define NODES_FEW   9
#define NODES_MANY  32
#define NODES_MOST  64
/* A way that takes no more takes the smallest size of all only. */
#define NARROW_LEAST 508
#define NARROW_MOST  1231

static uint32_t
between(struct shoal_rng *rng, uint32_t low, uint32_t high)
{
	return (uint32_t)shoal_rng_between(rng, low, high);
}

static bool
one_in(struct shoal_rng *rng, uint32_t n)
{
	return shoal_rng_below(rng, n) == 0;
}

/* Small clusters are cheap and show most; a quarter are larger, one in 24 much larger. */
static uint32_t
draw_nodes(struct shoal_rng *rng)
{
	if (!one_in(rng, 4)) {
		return between(rng, NODES_LEAST, NODES_FEW);
	}
	return one_in(rng, 6) ? between(rng, NODES_MANY + 1, NODES_MOST)
	                      : between(rng, NODES_FEW + 1, NODES_MANY);
}

static void
draw_detection(struct shoal_rng *rng, struct shoal_profile *profile)
{
	uint32_t interval = profile->probe_interval_ms * between(rng, 1, 4) / 2;

	profile->probe_interval_ms = interval;
	profile->probe_timeout_ms = interval * between(rng, 30, 70) / 100;
	profile->relays = between(rng, 0, 4);
	profile->suspicion_mult = between(rng, 2, 8);
	profile->suspicion_max_mult = between(rng, 1, 6);
	profile->health_max = one_in(rng, 4) ? 0 : between(rng, 1, 8);
	profile->relayed_max = one_in(rng, 4) ? between(rng, 0, 4) : 256;
}

static void
draw_dissemination(struct shoal_rng *rng, struct shoal_profile *profile)
{
	uint32_t interval = profile->probe_interval_ms;

	profile->gossip_interval_ms = between(rng, 20, interval);
	profile->gossip_fanout = between(rng, 1, 5);
	profile->burst_step_ms = between(rng, 1, 20);
	profile->gossip_rate = one_in(rng, 4) ? between(rng, 4096, 16384) : profile->gossip_rate;
	profile->gossip_burst = one_in(rng, 4) ? between(rng, 2048, 8192) : profile->gossip_burst;
	profile->datagram_max = one_in(rng, 3) ? between(rng, 508, 1400) : profile->datagram_max;
}

static void
draw_repair(struct shoal_rng *rng, struct shoal_profile *profile, uint32_t nodes)
{
	uint32_t interval = profile->probe_interval_ms;

	profile->sync_interval_ms = interval * between(rng, 2, 30);
	profile->digest_interval_ms = interval * between(rng, 1, 10);
	profile->heal_interval_ms = interval * between(rng, 2, 10);
	profile->exchange_timeout_ms = interval * between(rng, 3, 10);
	profile->leave_timeout_ms = interval * between(rng, 2, 8);
	profile->hearsay_ms = interval * between(rng, 5, 60);
	profile->verify_rate = between(rng, 5, 40);
	profile->exchanges_max = one_in(rng, 4) ? between(rng, 8, 16) : 128;
	profile->unknown_max = one_in(rng, 4) ? nodes + between(rng, 0, 32) : 1024;
	profile->tombstones_max = nodes + between(rng, 0, 32);
	profile->members_max = 2 * nodes + between(rng, 32, 1000);
}

/* Also without parts of the protocol: what each is good for is for others to measure, but none may
 * be needed for what must hold. Who verifies no deaths, or does not hear it first when it is
 * accused, is found dead wrongly now and then, and is excused from that. */
static void
draw_switches(struct shoal_rng *rng, struct shoal_profile *profile)
{
	profile->adaptive_timeout = !one_in(rng, 3);
	profile->probe_floor_ms = between(rng, 1, profile->probe_timeout_ms);
	profile->nacks = !one_in(rng, 4);
	profile->belief = !one_in(rng, 4);
	profile->verify_deaths = !one_in(rng, 16);
	profile->bursts = !one_in(rng, 4);
	if (!profile->bursts) {
		/* Ticks alone must bring a refutation to all before the shortest suspicion ends. */
		profile->gossip_interval_ms = 20 + profile->gossip_interval_ms / 4;
	}
	profile->stream_pings = !one_in(rng, 4);
	profile->watchers = between(rng, 0, 4);
	profile->link_idle_ms = between(rng, 1000, 60000);
	profile->silence = !one_in(rng, 4);
}

static void
draw_form(struct shoal_rng *rng, struct shoal_sim_link *link)
{
	link->latency = (enum shoal_sim_latency)shoal_rng_below(rng, 3);
	link->latency_per_packet = one_in(rng, 3);
}

static void
draw_bursts(struct shoal_rng *rng, struct shoal_sim_link *link, uint32_t interval_ms)
{
	link->burst_loss_ppm = between(rng, 300000, 1000000);
	link->burst_good_ns = SHOAL_MS(interval_ms) * between(rng, 1, 20);
	link->burst_bad_ns = SHOAL_MS(interval_ms) * between(rng, 1, 40) / 8;
}

static void
draw_links(struct shoal_rng *rng, struct shoal_plan *plan)
{
	struct shoal_sim_link *calm = &plan->calm, *chaos = &plan->chaos;
	/* Two ways of latency, jitter and being held back, with timers late at both ends, fit a
	 * ping's time-out. */
	uint64_t way = SHOAL_MS(plan->profile.probe_timeout_ms) / 4;

	plan->timer_lag_ns = one_in(rng, 2) ? SHOAL_MS(1) : 0;
	calm->latency_max_ns = shoal_rng_between(rng, SHOAL_US(20), way / 2);
	calm->latency_min_ns = shoal_rng_between(rng, SHOAL_US(10), calm->latency_max_ns);
	calm->jitter_ns = shoal_rng_between(rng, 0, way / 4);
	calm->reorder_ns = way / 4;
	calm->reorder_ppm = one_in(rng, 2) ? between(rng, 0, 200000) : 0;
	calm->duplicate_ppm = one_in(rng, 2) ? between(rng, 0, 200000) : 0;
	draw_form(rng, calm);
	*chaos = *calm;
	chaos->reset_ppm = one_in(rng, 3) ? between(rng, 0, 200000) : 0;
	if (one_in(rng, 3)) {
		return; /* cuts, crashes and stalls only: what they may not cause shows best alone
		         */
	}
	draw_form(rng, chaos);
	if (one_in(rng, 3)) {
		draw_bursts(rng, chaos, plan->profile.probe_interval_ms);
	}
	chaos->loss_ppm = between(rng, 0, one_in(rng, 3) ? 800000 : 400000);
	chaos->duplicate_ppm = between(rng, 0, 100000);
	chaos->reorder_ppm = between(rng, 0, 300000);
	chaos->reorder_ns = shoal_rng_between(rng, 0, SHOAL_SEC(1));
	chaos->corrupt_ppm = one_in(rng, 2) ? between(rng, 0, 50000) : 0;
	if (one_in(rng, 3)) {
		chaos->latency_max_ns = shoal_rng_between(
		        rng, chaos->latency_max_ns, SHOAL_MS(plan->profile.probe_interval_ms));
	}
}

/* A way between the first two, in clusters so small that each member is probed often. */
static void
draw_narrow(struct shoal_rng *rng, struct shoal_plan *plan)
{
	plan->narrow =
	        plan->nodes <= 3 && plan->profile.datagram_max > NARROW_MOST && one_in(rng, 4);
	plan->narrow_mtu = between(rng, NARROW_LEAST, NARROW_MOST);
	plan->told = one_in(rng, 2);
}

/* A budget of datagrams that is soon used up. */
static void
draw_flood(struct shoal_rng *rng, struct shoal_plan *plan)
{
	plan->flood = plan->nodes <= NODES_FEW && one_in(rng, 6);
	if (plan->flood) {
		plan->profile.datagram_rate = between(rng, 500, 5000);
		plan->profile.datagram_burst = between(rng, 100, 1000);
	}
}

void
shoal_plan_draw(struct shoal_plan *plan, uint64_t seed, uint32_t nodes)
{
	struct shoal_rng rng;
	uint64_t interval;

	memset(plan, 0, sizeof(*plan));
	shoal_rng_init(&rng, seed, 0);
	plan->seed = seed;
	plan->nodes = draw_nodes(&rng);
	plan->nodes = nodes != 0 ? nodes : plan->nodes;
	plan->late = plan->nodes > 3 ? between(&rng, 0, plan->nodes / 4) : 0;
	plan->kind = (enum shoal_profile_kind)shoal_rng_below(&rng, 3);
	(void)shoal_profile_init(&plan->profile, plan->kind);
	if (!one_in(&rng, 5)) {
		draw_detection(&rng, &plan->profile);
		draw_dissemination(&rng, &plan->profile);
		draw_repair(&rng, &plan->profile, plan->nodes);
		draw_switches(&rng, &plan->profile);
	}
	draw_links(&rng, plan);
	interval = SHOAL_MS(plan->profile.probe_interval_ms);
	plan->log_level = (enum shoal_log_level)between(&rng, SHOAL_LOG_ERROR, SHOAL_LOG_DEBUG);
	plan->skew_ns = one_in(&rng, 3) ? 0 : SHOAL_SEC(between(&rng, 0, 60));
	plan->join_window_ns = interval * between(&rng, 0, 5);
	plan->calm_ns = interval * (plan->nodes + between(&rng, 3, 10));
	plan->chaos_ns = interval * between(&rng, 10, 60);
	plan->faults = between(&rng, 1, 20);
	plan->fail_ppm = one_in(&rng, 8) ? between(&rng, 1000, 200000) : 0;
	plan->crash_host = one_in(&rng, 2);
	plan->crash_returns = one_in(&rng, 2);
	plan->leave = !one_in(&rng, 4);
	plan->leave_returns = one_in(&rng, 2);
	plan->credulous = plan->profile.verify_deaths == 0 || plan->profile.belief == 0;
	plan->merge = !plan->credulous && one_in(&rng, 3);
	draw_flood(&rng, plan);
	draw_narrow(&rng, plan);
	plan->metadata = one_in(&rng, 3);
	shoal_rng_init(&rng, seed, 5);
	plan->talk = one_in(&rng, 4);
	if (plan->talk && one_in(&rng, 2)) {
		plan->profile.queue_bytes = between(&rng, 1024, 4096);
	}
	shoal_rng_init(&rng, seed, 6);
	plan->casts = one_in(&rng, 8);
	shoal_rng_init(&rng, seed, 8);
	plan->moves = one_in(&rng, 4);
	shoal_rng_init(&rng, seed, 10);
	plan->operated = one_in(&rng, 4);
	shoal_rng_init(&rng, seed, 13);
	plan->wall = one_in(&rng, 4) && plan->nodes >= 4 && plan->nodes <= NODES_FEW &&
	             plan->profile.watchers > 0 && !plan->narrow;
	shoal_rng_init(&rng, seed, 14);
	plan->asks = one_in(&rng, 8);
	shoal_rng_init(&rng, seed, 15);
	plan->forged = one_in(&rng, 6) && plan->nodes - plan->late >= 3;
}
