/* SPDX-License-Identifier: MIT */
/* What one seed draws: the size of the cluster, the numbers of its profile, the network, how much
 * of what goes wrong. A simulator is worth more when it varies the configuration than when it runs
 * more seeds. */
#ifndef SHOAL_SIM_PLAN_H
#define SHOAL_SIM_PLAN_H

#include "sim/judge.h"

#include <shoal/swarm.h>

struct shoal_plan {
	uint64_t seed;
	uint32_t nodes;
	uint32_t late;                /* of these, start for the first time in chaos */
	enum shoal_profile_kind kind; /* what the profile was drawn around */
	struct shoal_profile profile;
	struct shoal_sim_link calm, chaos;
	enum shoal_log_level log_level;
	uint64_t skew_ns, timer_lag_ns;
	uint64_t join_window_ns, calm_ns, chaos_ns;
	uint32_t faults;   /* in chaos */
	uint32_t fail_ppm; /* allocations that fail in chaos */
	bool credulous;    /* without what keeps the living from being found dead */
	bool crash_host, crash_returns, leave, leave_returns, merge;
	bool flood;  /* strangers use up the budget of datagrams */
	bool narrow; /* the way between the first two takes small datagrams only */
	bool told;   /* and says so */
	uint32_t narrow_mtu;
	bool metadata;                       /* members say something of themselves */
	bool talk;                           /* members send messages to each other */
	bool casts;                          /* members broadcast */
	bool moves;                          /* members move to other addresses */
	bool operated;                       /* operators forget, narrow and tune */
	bool wall;                           /* in the end one cannot be dialled */
	bool forged;                         /* a member makes up where another one is */
	bool asks;                           /* hosts are asked whom to take in */
	const struct shoal_codec_ops *codec; /* not drawn; NULL: compact */
};

/* nodes: 2 to SHOAL_SWARM_NODES_MAX; 0: drawn, 2 to 64. */
void shoal_plan_draw(struct shoal_plan *plan, uint64_t seed, uint32_t nodes);

/* As shoal_swarm_print. */
const char *shoal_plan_print(const struct shoal_plan *plan, char *line, size_t len);

#endif
