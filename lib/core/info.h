/* SPDX-License-Identifier: MIT */
/* What a member says of itself: id, instance, name, addresses, versions. Immutable: a change makes
 * a new one, so that observers in one process can share it (shoal_pool). Addresses are packed: 7
 * bytes for an IPv4 one. */
#ifndef SHOAL_CORE_INFO_H
#define SHOAL_CORE_INFO_H

#include <shoal/core.h>

#include "wire/message.h"

struct shoal_info {
	struct shoal_id id;
	struct shoal_salt salt;
	uint32_t app_version;
	uint8_t protocol_min, protocol_max;
	uint8_t name_len, addrs;
	char bytes[]; /* the addresses, which every packet asks for; then the name and a zero */
};

/* Where infos come from: a pool, or without one the allocator. */
struct shoal_info_source {
	const struct shoal_allocator *mem;
	struct shoal_pool *pool; /* NULL: nothing is shared */
	size_t bytes;            /* held, where there is no pool */
};

/* One reference to what the statement says. NULL: no memory. */
struct shoal_info *shoal_info_take(
        struct shoal_info_source *source, const struct shoal_msg_member *member);
void shoal_info_give(struct shoal_info_source *source, struct shoal_info *info);

/* Whether the statement says the same. */
bool shoal_info_same(const struct shoal_info *info, const struct shoal_msg_member *member);

const char *shoal_info_name(const struct shoal_info *info);

/* i below info->addrs. */
struct shoal_addr shoal_info_addr(const struct shoal_info *info, unsigned i);

#endif
