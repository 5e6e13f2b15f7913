/* SPDX-License-Identifier: MIT */
/* Erasing secrets: a memset of what is not read again, which no compiler leaves out. */
#ifndef SHOAL_BASE_WIPE_H
#define SHOAL_BASE_WIPE_H

#include <stddef.h>

/* Zeroes len bytes. data may be NULL where len is 0. */
void shoal_wipe(void *data, size_t len);

#endif
