/* SPDX-License-Identifier: MIT */
/* Secret random bytes: salts and seeds. */
#ifndef SHOAL_CLUSTER_ENTROPY_H
#define SHOAL_CLUSTER_ENTROPY_H

#include <shoal/error.h>

/* Fills len bytes from the kernel. SHOAL_ERR_SYSTEM: it has none; data is not to be used. */
SHOAL_MUST_USE int shoal_entropy_fill(void *data, size_t len);

#endif
