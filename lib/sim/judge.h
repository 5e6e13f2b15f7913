/* SPDX-License-Identifier: MIT */
/* Checkers of the whole cluster: what members hold of each other against what was really done to
 * them. What the simulator's own tests and swarm need beyond the public header. */
#ifndef SHOAL_SIM_JUDGE_H
#define SHOAL_SIM_JUDGE_H

#include "sim/check.h"

#include <shoal/sim.h>

/* Whether nothing is lost and every round trip is well below the time-out of a ping. */
bool shoal_sim_link_is_good(const struct shoal_sim_link *link, const struct shoal_profile *profile,
        uint64_t timer_lag_ns);

/* Longest time from a LEAVE, with nothing lost, until all others hold it left. */
uint64_t shoal_judge_leave_bound(const struct shoal_profile *profile);

/* Longest time from agreement until nobody knows of a difference any more (docs/protocol.md,
 * "Bounds"). */
uint64_t shoal_judge_digest_bound(const struct shoal_profile *profile, uint32_t n);

/* A node that is up, not leaving and knows of one that holds other statements than itself;
 * SHOAL_SIM_NOBODY. */
uint32_t shoal_judge_differing(const struct shoal_sim *sim);

/* Fails the check with who holds whom how. */
void shoal_judge_fail(struct shoal_sim *sim, enum shoal_checker check,
        const struct shoal_sim_gap *gap, const char *why);

struct shoal_checkers *shoal_sim_checkers(struct shoal_sim *sim);

#endif
