/* SPDX-License-Identifier: MIT */
/* Checkers of the whole cluster: what members hold of each other against what was really done to
 * them. */
#ifndef SHOAL_SIM_JUDGE_H
#define SHOAL_SIM_JUDGE_H

#include "sim/sim.h"

/* Two nodes of which the first holds the second wrongly. */
struct shoal_judge_gap {
	uint32_t observer, subject;
	enum shoal_state state;
};

/* Whether every node that is up and not leaving holds exactly those alive, by the instance that
 * runs. gap (may be NULL) names two that do not agree. O(nodes^2). */
bool shoal_judge_agreed(const struct shoal_sim *sim, struct shoal_judge_gap *gap);

/* Whether all nodes that are up and not leaving hold subject in this state. */
bool shoal_judge_all_hold(const struct shoal_sim *sim, uint32_t subject, enum shoal_state state,
        struct shoal_judge_gap *gap);

/* Longest time, in nanoseconds, from the end of all faults until all of n members agree:
 * docs/protocol.md, "Bounds". */
uint64_t shoal_judge_convergence_bound(const struct shoal_profile *profile, uint32_t n);

/* Longest time from a LEAVE, with nothing lost, until all others hold it left. */
uint64_t shoal_judge_leave_bound(const struct shoal_profile *profile);

/* Fails the check with who holds whom how. */
void shoal_judge_fail(struct shoal_sim *sim, enum shoal_checker check,
        const struct shoal_judge_gap *gap, const char *why);

#endif
