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

/* Around a merge: from begin on whom a node holds alive at that moment it may not find dead while
 * that one is up. SHOAL_ERR_NOMEM. O(nodes^2). */
int shoal_judge_merge_begin(struct shoal_sim *sim);
void shoal_judge_merge_end(struct shoal_sim *sim);

/* Runs for so long without telling any core the time, and fails the world in which packets still
 * fly then. Ends the world: its cores are late from now on. What shoal_sim_run returns. */
int shoal_judge_dies_out(struct shoal_sim *sim, uint64_t ns);

/* The largest datagram that was sent on a way since the nodes at its ends started, and how many
 * were too large for it. Both 0 in a world of more than 256 nodes. */
void shoal_judge_sizes(
        const struct shoal_sim *sim, uint32_t from, uint32_t to, uint32_t *largest, uint32_t *lost);
/* Both begin anew, of all ways. */
void shoal_judge_forget_sizes(struct shoal_sim *sim);

/* Some of the nodes that start from now on are followed (follow.h): all of them are honest. */
void shoal_judge_follow(struct shoal_sim *sim);

/* Members may find the living dead: accuracy is not looked at. */
void shoal_judge_trust(struct shoal_sim *sim);

/* A node sends a message to another one, and what becomes of it is looked at. What the core said.
 */
int shoal_judge_say(struct shoal_sim *sim, uint32_t from, uint32_t to, bool reliable);
/* A node that runs and waits for the end of a reliable message of its; SHOAL_SIM_NOBODY. */
uint32_t shoal_judge_unended(const struct shoal_sim *sim);
/* The host of a node has room for so many bytes of messages from now on. */
void shoal_judge_room(struct shoal_sim *sim, uint32_t node, size_t bytes);
/* Whatever is said from now on is to be accepted and taken. */
void shoal_judge_all_is_due(struct shoal_sim *sim);
/* A node of whose messages one is due and not taken yet; SHOAL_SIM_NOBODY. */
uint32_t shoal_judge_untaken(const struct shoal_sim *sim);

/* A node broadcasts, and who hears it is looked at. What the core said. */
int shoal_judge_cast(struct shoal_sim *sim, uint32_t from, bool reliable);
/* A node that has not heard a reliable broadcast of the last so many nanoseconds, though both it
 * and its origin have run ever since, by the clock of whoever holds it; SHOAL_SIM_NOBODY. */
uint32_t shoal_judge_unheard(const struct shoal_sim *sim, uint64_t ns);
/* The same for all that were ever sent, whether they are reliable or not, where the host of the
 * node always had room for what came; and where all passed on what they heard, for those that are
 * not reliable and that their origin does not tell everybody itself. */
uint32_t shoal_judge_unheard_of_all(const struct shoal_sim *sim);
/* A node that was not told of the end of a broadcast of its own; SHOAL_SIM_NOBODY. */
uint32_t shoal_judge_cast_unended(const struct shoal_sim *sim);

/* Operators' orders to one node, and what comes of it is looked at: the nodes whose bits are set
 * are not admitted any more (0: all are; 64 nodes at most), nor who moves out of the list; one that
 * is gone is to be forgotten by all; other numbers. What the core said. */
int shoal_judge_admit(struct shoal_sim *sim, uint32_t node, uint64_t outside);
int shoal_judge_forget(struct shoal_sim *sim, uint32_t node, uint32_t subject);
int shoal_judge_tune(struct shoal_sim *sim, uint32_t node, const struct shoal_profile *profile);
/* A node that shows the subject, in whatever state; SHOAL_SIM_NOBODY. */
uint32_t shoal_judge_remembering(const struct shoal_sim *sim, uint32_t subject);

struct shoal_checkers *shoal_sim_checkers(struct shoal_sim *sim);

#endif
