/* SPDX-License-Identifier: MIT */
/* The list of members: a view that the loop changes, and immutable snapshots of it for everyone
 * else. */
#ifndef SHOAL_CLUSTER_SNAPSHOT_H
#define SHOAL_CLUSTER_SNAPSHOT_H

#include "cluster/members/member.h"

struct shoal_page;
struct shoal_index;

/* The loop's side, dense and by the core's slots. Used by one thread. */
struct shoal_view {
	const struct shoal_allocator *mem;
	uint64_t key[2];           /* of the index */
	struct shoal_index *index; /* by id, of indices; NULL: none yet */
	struct shoal_page **page;
	size_t page_capacity;
	size_t count;
	uint32_t *place; /* of a slot: its index + 1, 0: empty */
	uint32_t *slot;  /* of an index  */
	size_t place_capacity, slot_capacity;
};

/* key: random, for the table of ids. */
void shoal_view_init(
        struct shoal_view *view, const struct shoal_allocator *mem, const uint64_t key[2]);
void shoal_view_done(struct shoal_view *view);
/* Borrowed; NULL: the slot is empty. */
struct shoal_member *shoal_view_at(const struct shoal_view *view, uint32_t slot);
/* Puts member in the slot, or replaces what is there; takes a reference of its own.
 * SHOAL_ERR_NOMEM: unchanged. */
SHOAL_MUST_USE int shoal_view_set(
        struct shoal_view *view, uint32_t slot, struct shoal_member *member);
/* Empties the slot, if it is not. SHOAL_ERR_NOMEM: unchanged. */
SHOAL_MUST_USE int shoal_view_remove(struct shoal_view *view, uint32_t slot);
/* A snapshot with one reference, O(members / 64). NULL: no memory. */
struct shoal_member_list *shoal_view_publish(const struct shoal_view *view);

/* Returns list. */
struct shoal_member_list *shoal_member_list_ref(struct shoal_member_list *list);
/* The members of a list that meet a filter; its own reference where that is all. NULL: no memory.
 */
struct shoal_member_list *shoal_member_list_filter(
        struct shoal_member_list *list, const struct shoal_filter *filter);

#endif
