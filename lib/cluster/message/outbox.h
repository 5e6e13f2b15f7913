/* SPDX-License-Identifier: MIT */
/* Messages of the application on their way into the core, and what becomes of them. */
#ifndef SHOAL_CLUSTER_OUTBOX_H
#define SHOAL_CLUSTER_OUTBOX_H

#include "cluster/report/lines.h"

#include <shoal/message.h>

struct shoal_cluster;

/* All under the cluster's lock. */
struct shoal_outbox {
	struct shoal_list waiting; /* struct shoal_outgoing: for the loop */
	struct shoal_slab sent; /* their addresses, by the number under which the core knows them */
	struct shoal_lines lines;
	shoal_writable_fn writable;
	void *writable_arg;
	bool stalled; /* the loop's own: the core had no memory for the first that waits */
};

/* Bytes that a message may have. */
uint64_t shoal_outbox_limit(const struct shoal_cluster *cluster);

void shoal_outbox_init(struct shoal_cluster *cluster, const uint64_t key[2]);
void shoal_outbox_done(struct shoal_cluster *cluster);

/* The loop's thread: gives what waits to the core; not all of it at once where that is much. */
void shoal_outbox_take(struct shoal_cluster *cluster);
/* The same where the core had no memory for what waits. */
void shoal_outbox_resume(struct shoal_cluster *cluster);
/* The core told the end of a reliable message. */
void shoal_outbox_ended(struct shoal_cluster *cluster, uint64_t number, int code);
/* The core is gone: all that is left ends. */
void shoal_outbox_finish(struct shoal_cluster *cluster);

/* The callbacks' thread: calls back; dropped: nobody is called. */
void shoal_outbox_call(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped);

#endif
