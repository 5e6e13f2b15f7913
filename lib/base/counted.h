/* SPDX-License-Identifier: MIT */
/* An allocator that counts what is taken through it: for what a library of others takes by hooks
 * that it was given, and the owner has to tell. */
#ifndef SHOAL_BASE_COUNTED_H
#define SHOAL_BASE_COUNTED_H

#include <shoal/types.h>

struct shoal_counted {
	struct shoal_allocator hooks; /* to be given away */
	const struct shoal_allocator *mem;
	size_t taken; /* bytes, with 16 for each block */
};

/* mem is borrowed; `counted` must not move. */
void shoal_counted_init(struct shoal_counted *counted, const struct shoal_allocator *mem);

#endif
