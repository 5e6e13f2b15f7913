/* SPDX-License-Identifier: MIT */
/* The transitions that shoal/why.h tells of: a bounded store, written by the loop, read by anyone.
 */
#ifndef SHOAL_CLUSTER_CHRONICLE_H
#define SHOAL_CLUSTER_CHRONICLE_H

#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"

#include <shoal/why.h>

#include <pthread.h>

struct shoal_chronicle {
	const struct shoal_allocator *mem;
	pthread_mutex_t lock;
	uint32_t limit;
	struct shoal_slab entries; /* struct entry */
	struct shoal_slab tracks;  /* struct track: one a member */
	struct shoal_table by_id;  /* of tracks */
	struct shoal_list order;   /* of entries, the oldest first */
};

/* limit: transitions kept, 0 keeps none. key: secret random numbers. SHOAL_ERR_SYSTEM: no lock. */
SHOAL_MUST_USE int shoal_chronicle_init(struct shoal_chronicle *chronicle,
        const struct shoal_allocator *mem, uint32_t limit, const uint64_t key[2]);
void shoal_chronicle_done(struct shoal_chronicle *chronicle);

/* Keeps it, if it is a transition. O(1). */
void shoal_chronicle_add(struct shoal_chronicle *chronicle, const struct shoal_event *event);

/* As shoal_why (id) and shoal_why_all (NULL). */
struct shoal_history *shoal_chronicle_read(
        struct shoal_chronicle *chronicle, const struct shoal_id *id);

#endif
