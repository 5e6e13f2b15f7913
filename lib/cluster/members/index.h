/* SPDX-License-Identifier: MIT */
/* Where a member stands in the list, by its id. */
#ifndef SHOAL_CLUSTER_INDEX_H
#define SHOAL_CLUSTER_INDEX_H

#include <shoal/types.h>

#include <stdatomic.h>

#define SHOAL_INDEX_NONE UINT32_MAX
#define SHOAL_INDEX_GONE UINT32_MAX /* in an entry: it was emptied, what is behind it counts */

struct shoal_index_page;

struct shoal_index {
	_Atomic uint32_t refs;
	const struct shoal_allocator *mem;
	uint64_t key[2];
	size_t used; /* entries that are not empty, emptied ones too */
	size_t pages;
	struct shoal_index_page *page[];
};

/* Whose ids they are: the one at a place. */
struct shoal_index_owner {
	const struct shoal_id *(*id_at)(const void *owner, uint32_t place);
	const void *owner;
};

/* Without an entry. NULL: no memory. */
struct shoal_index *shoal_index_new(const struct shoal_allocator *mem, const uint64_t key[2]);
/* Returns index. */
struct shoal_index *shoal_index_ref(struct shoal_index *index);
/* NULL is allowed. */
void shoal_index_unref(struct shoal_index *index);

/* The place of an id; SHOAL_INDEX_NONE: it has none. */
uint32_t shoal_index_find(const struct shoal_index *index, const struct shoal_index_owner *owner,
        const struct shoal_id *id);
/* An entry to be written: the place + 1 goes in. count: how many are in use now. Valid until the
 * next call of this. NULL: no memory, and what can be found is what it was. */
uint32_t *shoal_index_room(struct shoal_index **index, const struct shoal_index_owner *owner,
        size_t count, const struct shoal_id *id);
/* The entry that says that id is at place, which is so; to be written. Valid like that of _room.
 * NULL: no memory. */
uint32_t *shoal_index_entry(struct shoal_index **index, const struct shoal_id *id, size_t place);

#endif
