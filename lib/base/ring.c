/* SPDX-License-Identifier: MIT */
/* The queue. Invariants: count <= capacity <= limit; the objects stand from head on, wrapping once
 * at capacity; head is 0 while it is empty. Push, pop and at are O(1); growing copies, and happens
 * only while the queue is longer than it ever was. */
#include "base/ring.h"

#include "base/alloc.h"
#include "base/panic.h"
#include <string.h>

#define RING_FIRST 8

void
shoal_ring_init(
        struct shoal_ring *ring, const struct shoal_allocator *mem, size_t item_size, size_t limit)
{
	SHOAL_ASSERT(item_size > 0);
	*ring = (struct shoal_ring){.mem = mem, .item_size = item_size, .limit = limit};
}

void
shoal_ring_done(struct shoal_ring *ring)
{
	shoal_alloc_free(ring->mem, ring->item);
	shoal_ring_init(ring, ring->mem, ring->item_size, ring->limit);
}

static uint8_t *
place(const struct shoal_ring *ring, size_t i)
{
	size_t at = ring->head + i;

	return ring->item + (at < ring->capacity ? at : at - ring->capacity) * ring->item_size;
}

static bool
grow(struct shoal_ring *ring)
{
	size_t capacity = ring->capacity > 0 ? ring->capacity : RING_FIRST / 2, tail;
	uint8_t *item;

	capacity = capacity < ring->limit / 2 ? 2 * capacity : ring->limit;
	item = shoal_alloc_resize(ring->mem, NULL, capacity, ring->item_size);
	if (item == NULL) {
		return false;
	}
	if (ring->count > 0) {
		tail = ring->capacity - ring->head;
		if (tail > ring->count) {
			tail = ring->count;
		}
		memcpy(item, place(ring, 0), tail * ring->item_size);
		memcpy(item + tail * ring->item_size, ring->item,
		        (ring->count - tail) * ring->item_size);
	}
	shoal_alloc_free(ring->mem, ring->item);
	ring->item = item;
	ring->capacity = capacity;
	ring->head = 0;
	return true;
}

void *
shoal_ring_room(struct shoal_ring *ring)
{
	if (ring->count >= ring->limit || (ring->count == ring->capacity && !grow(ring))) {
		return NULL;
	}
	return place(ring, ring->count++);
}

void *
shoal_ring_push(struct shoal_ring *ring)
{
	void *item = shoal_ring_room(ring);

	if (item != NULL) {
		memset(item, 0, ring->item_size);
	}
	return item;
}

void *
shoal_ring_front(const struct shoal_ring *ring)
{
	return shoal_ring_at(ring, 0);
}

void *
shoal_ring_at(const struct shoal_ring *ring, size_t i)
{
	return i < ring->count ? place(ring, i) : NULL;
}

void
shoal_ring_pop(struct shoal_ring *ring)
{
	if (ring->count == 0) {
		return;
	}
	ring->count--;
	/* An empty one begins at its start again: a short queue stays within the same memory. */
	bool wraps = ring->count == 0 || ring->head + 1 == ring->capacity;
	ring->head = wraps ? 0 : ring->head + 1;
}

void
shoal_ring_shrink(struct shoal_ring *ring, size_t keep)
{
	uint8_t *item;

	if (ring->count > 0 || ring->capacity <= keep || keep == 0) {
		return;
	}
	item = shoal_alloc_resize(ring->mem, ring->item, keep, ring->item_size);
	if (item == NULL) {
		return;
	}
	ring->item = item;
	ring->capacity = keep;
	ring->head = 0;
}

size_t
shoal_ring_memory(const struct shoal_ring *ring)
{
	return ring->capacity * ring->item_size;
}
