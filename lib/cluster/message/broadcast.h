/* SPDX-License-Identifier: MIT */
/* Broadcasts of the application on their way into the core. */
#ifndef SHOAL_CLUSTER_BROADCAST_H
#define SHOAL_CLUSTER_BROADCAST_H

#include "cluster/loop/callbacks.h"

#include <shoal/message.h>

struct shoal_cluster;

/* All under the cluster's lock. */
struct shoal_broadcasts {
	struct shoal_list waiting[2]; /* struct shoal_broadcast: for the loop; [1]: reliable ones */
	uint64_t cost;          /* of those that wait and of those that the core still tells */
	uint64_t refused;       /* the largest for which there was no room; 0: none */
	struct shoal_call call; /* WRITABLE */
	bool called;            /* it is queued */
	int stalled[2]; /* the loop's own: why the core takes none of those that wait; 0: it does */
};

void shoal_broadcast_init(struct shoal_cluster *cluster);

/* The loop's thread: gives what waits to the core, not all of it at once where that is much. */
void shoal_broadcast_take(struct shoal_cluster *cluster);

/* The loop's thread: the core may take some that it did not, for this reason. */
void shoal_broadcast_resume(struct shoal_cluster *cluster, int reason);

/* Whether the end of a message under this number is that of a broadcast; then its cost is given
 * back. */
bool shoal_broadcast_ended(struct shoal_cluster *cluster, uint64_t number);

/* The core is gone. */
void shoal_broadcast_finish(struct shoal_cluster *cluster);

/* The callbacks' thread: calls back; dropped: nobody is called. */
void shoal_broadcast_call(struct shoal_cluster *cluster, bool dropped);

#endif
