/* SPDX-License-Identifier: MIT */
/* How large a datagram the way to a member takes. */
#ifndef SHOAL_CORE_PATH_H
#define SHOAL_CORE_PATH_H

#include <shoal/core.h>

/* What fits every path that IPv6 allows, less its headers and UDP's; and every path of IPv4. */
#define SHOAL_PATH_IPV6  1232
#define SHOAL_PATH_LEAST 508

/* Members to whom something large was sent lately are remembered by so many places. */
#define SHOAL_PATH_RECENT 256

struct shoal_core;
struct shoal_record;

/* In the high half of shoal_record.flags: which of three sizes is used, and two flags. */
#define SHOAL_PATH_SHIFT 4
enum shoal_path_bits {
	SHOAL_PATH_LEVEL = 3, /* 0: profile.datagram_max, 1: at most 1,232, 2: 508 */
	SHOAL_PATH_DOUBTED =
	        4,            /* the last ping of that size was lost, what followed was answered */
	SHOAL_PATH_PROVEN = 8 /* the last ping of that size was answered */
};

struct shoal_paths {
	uint64_t key[2];
	uint32_t recent[SHOAL_PATH_RECENT]; /* slots, by the hash of the address */
};

void shoal_path_init(struct shoal_core *core);

/* The largest datagram to an address; record: the member there, NULL: none. */
size_t shoal_path_limit(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_addr *to);

/* The size to which a ping to the member is padded, 0: it is not. */
size_t shoal_path_probe(struct shoal_core *core, const struct shoal_record *record);

/* The member answered to a probe that began with a ping of `size` bytes. late: not before a small
 * one had followed it, by whichever way. */
void shoal_path_answered(
        struct shoal_core *core, struct shoal_record *record, size_t size, bool late);

/* A datagram leaves for the member in slot. */
void shoal_path_sent(
        struct shoal_core *core, uint32_t slot, const struct shoal_addr *to, size_t size);

/* One did not fit. size: nothing above it does, 0: not known. */
void shoal_path_too_large(struct shoal_core *core, const struct shoal_addr *to, size_t size);

#endif
