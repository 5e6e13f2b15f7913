/* SPDX-License-Identifier: MIT */
/* Objects of one size in chunks, by number: addresses stay valid while the slab grows; the number
 * that was given back last is used again first. Take, give and at are O(1); a chunk is allocated
 * off the steady path. */
#ifndef SHOAL_BASE_SLAB_H
#define SHOAL_BASE_SLAB_H

#include <shoal/types.h>

#define SHOAL_SLAB_NONE UINT32_MAX

/* Its objects are an allocation of their own, aligned for any type; a free one's first bytes hold
 * the number of the next free one. */
struct shoal_slab_chunk {
	uint64_t used; /* one bit an object */
	uint8_t *item;
};

/* Objects of a chunk, as a power of two: 64 small ones; 8 of those that are a cache line or larger,
 * of which mostly there are few. */
#define SHOAL_SLAB_SMALL 6
#define SHOAL_SLAB_LARGE 3

struct shoal_slab {
	const struct shoal_allocator *mem;
	struct shoal_slab_chunk *chunk;
	size_t item_size;
	unsigned shift; /* SHOAL_SLAB_SMALL or _LARGE */
	uint32_t chunks, chunk_capacity;
	uint32_t limit, count, end; /* end: one above the highest number ever used */
	uint32_t free_head;
};

void shoal_slab_init(struct shoal_slab *slab, const struct shoal_allocator *mem, size_t item_size,
        uint32_t limit);
void shoal_slab_done(struct shoal_slab *slab);
/* A zeroed object; its number in *number. NULL: the limit is reached or no memory. */
void *shoal_slab_take(struct shoal_slab *slab, uint32_t *number);
/* The number must be taken. */
void shoal_slab_give(struct shoal_slab *slab, uint32_t number);
size_t shoal_slab_memory(const struct shoal_slab *slab);

static inline uint32_t
shoal_slab_within(const struct shoal_slab *slab, uint32_t number)
{
	return number & ((UINT32_C(1) << slab->shift) - 1);
}

/* NULL: the number is free or was never used. */
static inline void *
shoal_slab_at(const struct shoal_slab *slab, uint32_t number)
{
	const struct shoal_slab_chunk *chunk;

	if (number >= slab->end) {
		return NULL;
	}
	chunk = &slab->chunk[number >> slab->shift];
	uint32_t within = shoal_slab_within(slab, number);
	return (chunk->used >> within & 1) != 0 ? chunk->item + within * slab->item_size : NULL;
}

#endif
