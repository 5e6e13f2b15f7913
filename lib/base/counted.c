/* SPDX-License-Identifier: MIT */
/* In front of each block stands its size. What moves is wiped behind it: it may hold a key. */
#include "base/counted.h"

#include <string.h>

#include "base/alloc.h"
#include "base/wipe.h"

union head {
	size_t size;
	max_align_t align;
};

static void *
take(size_t size, void *arg)
{
	struct shoal_counted *counted = arg;
	union head *head = size < SIZE_MAX - sizeof *head
	                           ? shoal_alloc(counted->mem, sizeof *head + size)
	                           : NULL;

	if (head == NULL) {
		return NULL;
	}
	head->size = sizeof *head + size;
	counted->taken += head->size;
	return head + 1;
}

static void
give(void *ptr, void *arg)
{
	struct shoal_counted *counted = arg;
	union head *head = ptr;

	if (head != NULL) {
		head--;
		counted->taken -= head->size;
		shoal_alloc_free(counted->mem, head);
	}
}

static void *
move(void *ptr, size_t size, void *arg)
{
	const union head *head = ptr;
	void *made = take(size, arg);

	if (made != NULL && head != NULL) {
		size_t held = head[-1].size - sizeof *head;
		memcpy(made, ptr, held < size ? held : size);
		shoal_wipe(ptr, held);
		give(ptr, arg);
	}
	return made;
}

void
shoal_counted_init(struct shoal_counted *counted, const struct shoal_allocator *mem)
{
	*counted = (struct shoal_counted){.hooks = {take, move, give, counted}, .mem = mem};
}
