/* SPDX-License-Identifier: MIT */
/* What a member says of itself: id, instance, name, addresses, versions, and its metadata where it
 * has some. Immutable: a change makes a new one, so that observers in one process can share it
 * (shoal_pool). Addresses are packed: 7 bytes for an IPv4 one. */
#ifndef SHOAL_CORE_INFO_H
#define SHOAL_CORE_INFO_H

#include <shoal/core.h>

#include "wire/message.h"

struct shoal_info {
	struct shoal_id id;
	struct shoal_salt salt;
	uint32_t app_version;
	uint8_t protocol_min, protocol_max;
	uint8_t name_len;
	uint8_t addrs : 5, web : 1, moved : 1, described : 1; /* described: it has metadata */
	char bytes[]; /* the addresses, which every packet asks for; then the name and a zero; where
	                 it has one, its URL and a zero; where it moved, the incarnation under which
	                 it did; then the metadata: version, hash, length and body */
};

/* A member's metadata, borrowed. */
struct shoal_meta {
	uint64_t version; /* 0: none was ever said */
	uint64_t hash;    /* of the body */
	struct shoal_span body;
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

/* The same info with other metadata. NULL: no memory. */
struct shoal_info *shoal_info_describe(struct shoal_info_source *source,
        const struct shoal_info *info, const struct shoal_meta *meta);
struct shoal_meta shoal_info_meta(const struct shoal_info *info);

/* What a statement says, with the metadata of an older info of the member. NULL: no memory. */
struct shoal_info *shoal_info_renew(struct shoal_info_source *source, const struct shoal_info *info,
        const struct shoal_msg_member *member);

/* The incarnation under which it took its addresses; 0: it has had them since its start. */
uint64_t shoal_info_moved(const struct shoal_info *info);
/* Its addresses, as a statement has them. */
struct shoal_addr_list shoal_info_addrs(const struct shoal_info *info);
/* What it says of the member, as a statement does; the name is borrowed. */
struct shoal_msg_member shoal_info_said(const struct shoal_info *info);

/* Whether the statement says the same, whatever the metadata. */
bool shoal_info_same(const struct shoal_info *info, const struct shoal_msg_member *member);

/* Whether they are the same, whatever their scopes: those are this machine's. */
bool shoal_info_same_addrs(const struct shoal_addr_list *a, const struct shoal_addr_list *b);
/* Gives those that are told without a scope the one that is held of the same IP address; all: also
 * those that are told with another one. */
void shoal_info_keep_scopes(
        struct shoal_addr_list *told, const struct shoal_addr_list *held, bool all);

/* What of what an application sees is another in two infos of a member: enum shoal_change, without
 * the metadata and the scopes. */
unsigned shoal_info_changes(const struct shoal_info *before, const struct shoal_info *after);

const char *shoal_info_name(const struct shoal_info *info);
/* What that of its addresses stands for that is made from a URL; "": there is none. */
const char *shoal_info_url(const struct shoal_info *info);

/* i below info->addrs. */
struct shoal_addr shoal_info_addr(const struct shoal_info *info, unsigned i);

#endif
