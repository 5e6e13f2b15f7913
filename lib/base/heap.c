/* SPDX-License-Identifier: MIT */
/* The deadline heap. Invariants: no item precedes its parent; item[i].timer->place is i + 1; every
 * item's order is different, so that "precedes" is a total order and the sequence of expiries does
 * not depend on how the heap got its shape. Arm, disarm and expire are O(log n) and allocate
 * nothing; only reserve does. */
#include "base/heap.h"

#include "base/alloc.h"
#include "base/panic.h"
#include <shoal/error.h>

#define HEAP_FIRST 16
#define HEAP_LAST  ((size_t)1 << 28)

void
shoal_heap_init(struct shoal_heap *heap, const struct shoal_allocator *mem)
{
	*heap = (struct shoal_heap){.mem = mem};
}

void
shoal_heap_done(struct shoal_heap *heap)
{
	shoal_alloc_free(heap->mem, heap->item);
	shoal_heap_init(heap, heap->mem);
}

int
shoal_heap_reserve(struct shoal_heap *heap, size_t n)
{
	size_t capacity = heap->capacity > 0 ? heap->capacity : HEAP_FIRST;
	struct shoal_heap_item *item;

	if (n <= heap->capacity) {
		return 0;
	}
	if (n > HEAP_LAST) {
		return SHOAL_ERR_NOMEM;
	}
	while (capacity < n) {
		capacity *= 2;
	}
	item = shoal_alloc_resize(heap->mem, heap->item, capacity, sizeof(*item));
	if (item == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	heap->item = item;
	heap->capacity = capacity;
	return 0;
}

static bool
precedes(const struct shoal_heap_item *a, const struct shoal_heap_item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
put(struct shoal_heap *heap, size_t place, struct shoal_heap_item item)
{
	heap->item[place] = item;
	item.timer->place = (uint32_t)place + 1;
}

/* Carries item from the hole at place towards the root. */
static void
rise(struct shoal_heap *heap, size_t place, struct shoal_heap_item item)
{
	while (place > 0) {
		size_t parent = (place - 1) / 2;

		if (!precedes(&item, &heap->item[parent])) {
			break;
		}
		put(heap, place, heap->item[parent]);
		place = parent;
	}
	put(heap, place, item);
}

/* Carries item from the hole at place towards the leaves. */
static void
sink(struct shoal_heap *heap, size_t place, struct shoal_heap_item item)
{
	for (;;) {
		size_t child = 2 * place + 1;

		if (child >= heap->count) {
			break;
		}
		if (child + 1 < heap->count &&
		        precedes(&heap->item[child + 1], &heap->item[child])) {
			child++;
		}
		if (!precedes(&heap->item[child], &item)) {
			break;
		}
		put(heap, place, heap->item[child]);
		place = child;
	}
	put(heap, place, item);
}

static void
settle(struct shoal_heap *heap, size_t place, struct shoal_heap_item item)
{
	if (place > 0 && precedes(&item, &heap->item[(place - 1) / 2])) {
		rise(heap, place, item);
	} else {
		sink(heap, place, item);
	}
}

void
shoal_heap_arm(struct shoal_heap *heap, struct shoal_timer *timer, uint64_t at)
{
	if (at == SHOAL_NEVER) {
		shoal_heap_disarm(heap, timer);
		return;
	}
	struct shoal_heap_item item = {at, heap->order++, timer};
	timer->at = at;
	if (shoal_timer_armed(timer)) {
		SHOAL_ASSERT(
		        timer->place <= heap->count && heap->item[timer->place - 1].timer == timer);
		settle(heap, timer->place - 1, item);
		return;
	}
	SHOAL_ASSERT(heap->count < heap->capacity);
	rise(heap, heap->count++, item);
}

void
shoal_heap_disarm(struct shoal_heap *heap, struct shoal_timer *timer)
{
	size_t place;
	struct shoal_heap_item last;

	if (!shoal_timer_armed(timer)) {
		return;
	}
	place = timer->place - 1;
	SHOAL_ASSERT(place < heap->count && heap->item[place].timer == timer);
	timer->place = 0;
	last = heap->item[--heap->count];
	if (last.timer != timer) {
		settle(heap, place, last);
	}
}

struct shoal_timer *
shoal_heap_expire(struct shoal_heap *heap, uint64_t now)
{
	struct shoal_timer *first;

	if (heap->count == 0 || heap->item[0].at > now) {
		return NULL;
	}
	first = heap->item[0].timer;
	shoal_heap_disarm(heap, first);
	return first;
}
