/* SPDX-License-Identifier: MIT */
/* Making ids; reading and printing is in shoal/types.h. */
#ifndef SHOAL_BASE_ID_H
#define SHOAL_BASE_ID_H

#include <shoal/types.h>

/* UUIDv7 (RFC 9562): milliseconds since 1970, then bits of the 16 random bytes. */
void shoal_id_from_time(struct shoal_id *id, uint64_t wall_ns, const uint8_t random[16]);

#endif
