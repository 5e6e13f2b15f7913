/* SPDX-License-Identifier: MIT */
/* The allocator hooks of an object. Every room allocates through one of these, and every size that
 * is a product is checked here. A size of 0 gives a block of 1 byte, so that NULL always means "no
 * memory". */
#ifndef SHOAL_BASE_ALLOC_H
#define SHOAL_BASE_ALLOC_H

#include <shoal/types.h>

extern const struct shoal_allocator shoal_allocator_libc;

/* hooks == NULL: malloc and free. */
struct shoal_allocator shoal_allocator_or_libc(const struct shoal_allocator *hooks);

void *shoal_alloc(const struct shoal_allocator *mem, size_t size);
/* count * size, zeroed; NULL where the product overflows. */
void *shoal_alloc_zeroed(const struct shoal_allocator *mem, size_t count, size_t size);
/* Grows or shrinks to count * size; NULL (ptr untouched) where that fails or overflows. */
void *shoal_alloc_resize(const struct shoal_allocator *mem, void *ptr, size_t count, size_t size);
char *shoal_alloc_text(const struct shoal_allocator *mem, const char *text);
/* NULL is allowed. */
void shoal_alloc_free(const struct shoal_allocator *mem, void *ptr);

#endif
