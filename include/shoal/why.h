/* SPDX-License-Identifier: MIT */
/* shoal/why.h - why is a member in the state that it is in: what happened to it, as this member
 * saw it, with who said so and what was measured at that moment.
 *
 * A cluster keeps the newest transitions, config.history_max in all and SHOAL_HISTORY_EACH_MAX of a
 * member, also of members that are forgotten meanwhile; the oldest go first, and those for which
 * there was no memory are missing. A transition is an event as the core told it (shoal/core.h):
 * was, state, cause with accusers by name, rtt_ns, lag_ns and times. Updates that change no state
 * and no instance are left out.
 *
 * Threads: any. */
#ifndef SHOAL_WHY_H
#define SHOAL_WHY_H

#include <shoal/cluster.h>
#include <shoal/core.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_HISTORY_EACH_MAX 16

struct shoal_history;

/* A copy of a member's transitions, the oldest first; empty where none is kept. NULL: no memory.
 * Free it with shoal_history_free. */
SHOAL_API struct shoal_history *shoal_why(struct shoal_cluster *cluster, const struct shoal_id *id);

/* The last transition of each member of which one is kept, in no particular order: how a member
 * that is forgotten can be found by its name. O(members). NULL: no memory. */
SHOAL_API struct shoal_history *shoal_why_all(struct shoal_cluster *cluster);

/* How many there are. */
SHOAL_API size_t shoal_history_count(const struct shoal_history *history);
/* NULL: i is not below the count. Lives as long as the history. */
SHOAL_API const struct shoal_event *shoal_history_at(const struct shoal_history *history, size_t i);
/* NULL is allowed. */
SHOAL_API void shoal_history_free(struct shoal_history *history);

#ifdef __cplusplus
}
#endif

#endif
