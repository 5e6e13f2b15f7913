/* SPDX-License-Identifier: MIT */
/* The allocator of one core: counts what it holds, and refuses some of what it asks for while
 * memory is made scarce. */
#include "sim/world.h"

#include "base/alloc.h"

#include <string.h>

/* The allocator of one core: a header keeps the size, so that what is never freed is seen when the
 * core is. */
union block {
	size_t size;
	max_align_t align;
};

static bool
is_refused(struct shoal_sim *sim)
{
	return shoal_sim_net_draw(sim, sim->fail_ppm);
}

static void *
memory_malloc(size_t size, void *arg)
{
	struct shoal_sim_memory *memory = arg;
	struct shoal_sim *sim = memory->sim;
	union block *block = NULL;

	if (size <= SIZE_MAX - sizeof(*block) && !is_refused(sim)) {
		block = shoal_alloc(&sim->mem, sizeof(*block) + size);
	}
	if (block == NULL) {
		return NULL;
	}
	block->size = size;
	memory->held += size;
	return block + 1;
}

static void
memory_free(void *ptr, void *arg)
{
	struct shoal_sim_memory *memory = arg;

	if (ptr != NULL) {
		union block *block = (union block *)ptr - 1;

		memory->held -= block->size;
		shoal_alloc_free(&memory->sim->mem, block);
	}
}

static void *
memory_realloc(void *ptr, size_t size, void *arg)
{
	void *grown = memory_malloc(size, arg);

	if (grown != NULL && ptr != NULL) {
		size_t old = ((union block *)ptr - 1)->size;

		memcpy(grown, ptr, old < size ? old : size);
		memory_free(ptr, arg);
	}
	return grown;
}

void
shoal_sim_memory_init(
        struct shoal_sim_memory *memory, struct shoal_sim *sim, struct shoal_allocator *hooks)
{
	memory->sim = sim;
	memory->held = 0;
	*hooks = (struct shoal_allocator){memory_malloc, memory_realloc, memory_free, memory};
}
