/* SPDX-License-Identifier: MIT */
/* Ranges of addresses as users write them. */
#ifndef SHOAL_CLUSTER_RANGES_H
#define SHOAL_CLUSTER_RANGES_H

#include <shoal/error.h>
#include <shoal/types.h>

/* Reads "10.0.0.0/8,fd00::/8"; spaces around a range are allowed; NULL and "": none.
 * SHOAL_ERR_INVALID with the text of the last error, which names the field "allow". */
SHOAL_MUST_USE int shoal_ranges_parse(
        struct shoal_cidr range[SHOAL_ALLOW_MAX], size_t *count, const char *text);

#endif
