/* SPDX-License-Identifier: MIT */
/* Calls to the allocator hooks, and the one place of the library that names malloc. realloc with
 * NULL and free with NULL are not passed on: a host's hooks need not know these cases. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *
libc_malloc(size_t size, void *arg)
{
	(void)arg;
	return malloc(size);
}

static void *
libc_realloc(void *ptr, size_t size, void *arg)
{
	(void)arg;
	return realloc(ptr, size);
}

static void
libc_free(void *ptr, void *arg)
{
	(void)arg;
	free(ptr);
}

const struct shoal_allocator shoal_allocator_libc = {libc_malloc, libc_realloc, libc_free, NULL};

struct shoal_allocator
shoal_allocator_or_libc(const struct shoal_allocator *hooks)
{
	return hooks != NULL ? *hooks : shoal_allocator_libc;
}

void *
shoal_alloc(const struct shoal_allocator *mem, size_t size)
{
	return mem->malloc(size > 0 ? size : 1, mem->arg);
}

/* false: the product overflows. Never 0. */
static bool
product(size_t count, size_t size, size_t *total)
{
	if (size != 0 && count > SIZE_MAX / size) {
		return false;
	}
	*total = count * size;
	if (*total == 0) {
		*total = 1;
	}
	return true;
}

void *
shoal_alloc_zeroed(const struct shoal_allocator *mem, size_t count, size_t size)
{
	size_t total;
	void *ptr;

	if (!product(count, size, &total)) {
		return NULL;
	}
	ptr = mem->malloc(total, mem->arg);
	if (ptr != NULL) {
		memset(ptr, 0, total);
	}
	return ptr;
}

void *
shoal_alloc_resize(const struct shoal_allocator *mem, void *ptr, size_t count, size_t size)
{
	size_t total;

	if (!product(count, size, &total)) {
		return NULL;
	}
	return ptr != NULL ? mem->realloc(ptr, total, mem->arg) : mem->malloc(total, mem->arg);
}

char *
shoal_alloc_text(const struct shoal_allocator *mem, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = shoal_alloc(mem, size);

	if (copy != NULL) {
		memcpy(copy, text, size);
	}
	return copy;
}

void
shoal_alloc_free(const struct shoal_allocator *mem, void *ptr)
{
	if (ptr != NULL) {
		mem->free(ptr, mem->arg);
	}
}
