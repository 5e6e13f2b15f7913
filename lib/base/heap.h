/* SPDX-License-Identifier: MIT */
/* Deadlines: a binary heap of timers that live inside their owners and know their place (back
 * reference), so that disarming is O(log n) without a search. Equal deadlines come out in the order
 * in which they were armed (a timer that is moved counts as armed anew): determinism must not
 * depend on the heap's shape. */
#ifndef SHOAL_BASE_HEAP_H
#define SHOAL_BASE_HEAP_H

#include <shoal/types.h>

/* All zero: not armed. */
struct shoal_timer {
	uint64_t at;
	uint32_t place; /* index + 1, 0: not armed */
	uint16_t kind;  /* the owner's */
	uint16_t unused;
	uint32_t slot; /* the owner's */
};

/* What is compared stands here, so that a search through the heap touches no timer. */
struct shoal_heap_item {
	uint64_t at;
	uint64_t order; /* of arming, a number of its own */
	struct shoal_timer *timer;
};

struct shoal_heap {
	const struct shoal_allocator *mem;
	struct shoal_heap_item *item;
	size_t count, capacity;
	uint64_t order;
};

void shoal_heap_init(struct shoal_heap *heap, const struct shoal_allocator *mem);
/* Timers that are still armed are left as they are. */
void shoal_heap_done(struct shoal_heap *heap);
/* Room for n timers in all, so that arming up to n cannot fail. Grows by doubling. SHOAL_ERR_NOMEM:
 * unchanged. */
int shoal_heap_reserve(struct shoal_heap *heap, size_t n);
/* Arms, or moves where it is armed already. SHOAL_NEVER disarms. The timer must stay where it is in
 * memory, and there must be room for it. */
void shoal_heap_arm(struct shoal_heap *heap, struct shoal_timer *timer, uint64_t at);
/* Does nothing where it is not armed. */
void shoal_heap_disarm(struct shoal_heap *heap, struct shoal_timer *timer);
/* Disarms and returns the first timer at or before now; NULL: none. */
struct shoal_timer *shoal_heap_expire(struct shoal_heap *heap, uint64_t now);

static inline bool
shoal_timer_armed(const struct shoal_timer *timer)
{
	return timer->place != 0;
}

/* The next deadline, SHOAL_NEVER where none is armed. */
static inline uint64_t
shoal_heap_next(const struct shoal_heap *heap)
{
	return heap->count > 0 ? heap->item[0].at : SHOAL_NEVER;
}

#endif
