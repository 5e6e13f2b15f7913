/* SPDX-License-Identifier: MIT */
/* A queue of objects of one size: grows by doubling up to its limit, shrinks when asked. Pointers
 * into it are valid until the next push. */
#ifndef SHOAL_BASE_RING_H
#define SHOAL_BASE_RING_H

#include <shoal/types.h>

struct shoal_ring {
	const struct shoal_allocator *mem;
	uint8_t *item;
	size_t item_size, head, count, capacity, limit;
};

void shoal_ring_init(
        struct shoal_ring *ring, const struct shoal_allocator *mem, size_t item_size, size_t limit);
void shoal_ring_done(struct shoal_ring *ring);
/* The zeroed object at the end. NULL: the limit is reached or no memory. */
void *shoal_ring_push(struct shoal_ring *ring);
/* The same, not zeroed: it holds what was there before. */
void *shoal_ring_room(struct shoal_ring *ring);
/* NULL: empty. */
void *shoal_ring_front(const struct shoal_ring *ring);
/* i-th from the front; NULL: i is not below the count. */
void *shoal_ring_at(const struct shoal_ring *ring, size_t i);
/* Drops the front; does nothing where it is empty. */
void shoal_ring_pop(struct shoal_ring *ring);
/* Gives back what an empty ring holds beyond `keep` objects; does nothing where it is not empty. */
void shoal_ring_shrink(struct shoal_ring *ring, size_t keep);
size_t shoal_ring_memory(const struct shoal_ring *ring);

#endif
