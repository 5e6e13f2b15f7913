/* SPDX-License-Identifier: MIT */
/* What is known of each member to which something was sent: how much waits for it, and whether it
 * is there. */
#ifndef SHOAL_CLUSTER_LINES_H
#define SHOAL_CLUSTER_LINES_H

#include "base/slab.h"
#include "base/table.h"
#include "cluster/loop/callbacks.h"

#include <event2/event.h>

struct shoal_cluster;

struct shoal_line {
	struct shoal_call call;     /* its WRITABLE */
	struct shoal_list node;     /* in made */
	struct shoal_list streamed; /* linked: some of it may wait in the transport */
	struct shoal_id id;
	uint64_t cost;
	uint64_t stuck;  /* bytes that were sent and that the network does not take */
	uint64_t wanted; /* cost that was refused: the caller hears when it fits; 0: nothing */
	uint32_t number;
	bool gone;   /* dead or left */
	bool called; /* WRITABLE is queued */
	bool reaped;
};

/* All under the cluster's lock. */
struct shoal_lines {
	struct shoal_slab slab;
	struct shoal_table by_id;
	struct shoal_list made;     /* since the loop looked at them last */
	struct shoal_list streamed; /* changed by the loop only, and under the lock */
	struct event *timer;        /* the loop's own: when to measure again */
};

void shoal_lines_init(struct shoal_cluster *cluster, const uint64_t key[2]);
void shoal_lines_done(struct shoal_cluster *cluster);

/* Under the lock, which is given up while the list is searched: a member's line, made where there
 * is none. SHOAL_ERR_NOT_FOUND, SHOAL_ERR_INVALID: it is this member itself, SHOAL_ERR_NOMEM. */
int shoal_lines_take(
        struct shoal_cluster *cluster, const struct shoal_id *to, struct shoal_line **line);
/* Without the lock: so much does not wait any more; whoever waits for that is told. */
void shoal_lines_release(struct shoal_cluster *cluster, struct shoal_line *line, uint64_t cost);

/* The loop's thread: a member's state was told. */
void shoal_lines_member(struct shoal_cluster *cluster, const struct shoal_event *event);
/* Once a turn: what was believed of members since the last one is held against the core; all: of
 * all, for events were lost. */
void shoal_lines_look(struct shoal_cluster *cluster, bool all);
/* The loop's thread: something that is not reliable goes to the member, and has not left yet. */
void shoal_lines_streamed(struct shoal_cluster *cluster, struct shoal_line *line);
/* The loop's thread, when all that the core had to send is with the transport: what of it waits
 * there. */
void shoal_lines_measure(struct shoal_cluster *cluster);
/* Under the lock: whether a message of this cost may wait with the others. */
bool shoal_lines_fits(
        const struct shoal_cluster *cluster, const struct shoal_line *line, uint64_t cost);

/* The cluster has stopped. */
void shoal_lines_finish(struct shoal_cluster *cluster);

/* The callbacks' thread: WRITABLE was taken out of the queue. */
void shoal_lines_called(struct shoal_cluster *cluster, struct shoal_line *line);

#endif
