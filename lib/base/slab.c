/* SPDX-License-Identifier: MIT */
/* The slab. Invariants: numbers below end are either used (their bit is set) or on the free list,
 * which runs through the first bytes of the free objects; numbers from end on were never used;
 * chunks are never moved nor freed before the slab is. Which number comes next depends on the
 * history of calls only: determinism. */
#include "base/slab.h"

#include "base/alloc.h"
#include "base/panic.h"
#include <string.h>

_Static_assert(1 << SHOAL_SLAB_SMALL <= 64, "one bit of shoal_slab_chunk.used for each object");

#define LINE 64 /* bytes of a cache line */

void
shoal_slab_init(struct shoal_slab *slab, const struct shoal_allocator *mem, size_t item_size,
        uint32_t limit)
{
	if (item_size < sizeof(uint32_t)) {
		item_size = sizeof(uint32_t);
	}
	SHOAL_ASSERT(item_size <= SIZE_MAX >> (SHOAL_SLAB_LARGE + 1));
	*slab = (struct shoal_slab){
	        .mem = mem,
	        .item_size = item_size,
	        .shift = item_size < LINE ? SHOAL_SLAB_SMALL : SHOAL_SLAB_LARGE,
	        .limit = limit,
	        .free_head = SHOAL_SLAB_NONE,
	};
}

void
shoal_slab_done(struct shoal_slab *slab)
{
	uint32_t i;

	for (i = 0; i < slab->chunks; i++) {
		shoal_alloc_free(slab->mem, slab->chunk[i].item);
	}
	shoal_alloc_free(slab->mem, slab->chunk);
	shoal_slab_init(slab, slab->mem, slab->item_size, slab->limit);
}

static size_t
chunk_size(const struct shoal_slab *slab)
{
	return slab->item_size << slab->shift;
}

static bool
add_chunk(struct shoal_slab *slab)
{
	uint8_t *item;

	if (slab->chunks == slab->chunk_capacity) {
		uint32_t capacity = slab->chunk_capacity > 0 ? 2 * slab->chunk_capacity : 1;
		struct shoal_slab_chunk *array =
		        shoal_alloc_resize(slab->mem, slab->chunk, capacity, sizeof(*array));

		if (array == NULL) {
			return false;
		}
		slab->chunk = array;
		slab->chunk_capacity = capacity;
	}
	item = shoal_alloc(slab->mem, chunk_size(slab));
	if (item == NULL) {
		return false;
	}
	slab->chunk[slab->chunks++] = (struct shoal_slab_chunk){.item = item};
	return true;
}

void *
shoal_slab_take(struct shoal_slab *slab, uint32_t *number)
{
	struct shoal_slab_chunk *chunk;
	uint32_t n = slab->free_head;
	uint8_t *item;

	if (slab->count >= slab->limit) {
		return NULL;
	}
	if (n == SHOAL_SLAB_NONE) {
		n = slab->end;
		if (n >> slab->shift == slab->chunks && !add_chunk(slab)) {
			return NULL;
		}
		slab->end++;
	}
	chunk = &slab->chunk[n >> slab->shift];
	item = chunk->item + shoal_slab_within(slab, n) * slab->item_size;
	if (n == slab->free_head) {
		memcpy(&slab->free_head, item, sizeof(slab->free_head));
	}
	chunk->used |= UINT64_C(1) << shoal_slab_within(slab, n);
	slab->count++;
	memset(item, 0, slab->item_size);
	*number = n;
	return item;
}

void
shoal_slab_give(struct shoal_slab *slab, uint32_t number)
{
	uint8_t *item = shoal_slab_at(slab, number);

	SHOAL_ASSERT(item != NULL);
	memcpy(item, &slab->free_head, sizeof(slab->free_head));
	slab->free_head = number;
	slab->chunk[number >> slab->shift].used &=
	        ~(UINT64_C(1) << shoal_slab_within(slab, number));
	slab->count--;
}

size_t
shoal_slab_memory(const struct shoal_slab *slab)
{
	return slab->chunks * chunk_size(slab) +
	       slab->chunk_capacity * sizeof(struct shoal_slab_chunk);
}
