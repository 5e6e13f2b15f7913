/* SPDX-License-Identifier: MIT */
/* One member as the application sees it: immutable, reference counted, its round trip time apart.
 */
#ifndef SHOAL_CLUSTER_MEMBER_H
#define SHOAL_CLUSTER_MEMBER_H

#include "cluster/members/described.h"

#include <shoal/member.h>

#include <stdatomic.h>

struct shoal_member {
	_Atomic uint32_t refs;
	uint32_t app_version;
	const struct shoal_allocator *mem;
	_Atomic uint64_t rtt_ns;
	struct shoal_id id;
	struct shoal_addr addr[SHOAL_ADDRS_MAX];
	size_t addrs;
	enum shoal_state state;
	enum shoal_diagnosis diagnosis;
	uint64_t since_wall_ns;
	uint64_t incarnation;
	uint8_t protocol_min, protocol_max;
	bool self;
	struct shoal_described *described; /* NULL: it says nothing */
	const char *url;                   /* behind the name; "": none */
	char name[];                       /* with its zero */
};

/* A copy of what the core holds, with one reference. before: an older one, whose metadata is shared
 * where it is the same; or NULL. NULL: no memory. */
struct shoal_member *shoal_member_new(const struct shoal_allocator *mem,
        const struct shoal_core_member *from, uint64_t since_wall_ns,
        const struct shoal_member *before);

/* A copy in another state, with one reference: what becomes of a member that the core has
 * forgotten. */
struct shoal_member *shoal_member_copy(
        const struct shoal_member *member, enum shoal_state state, uint64_t since_wall_ns);

/* Seen by everyone who holds this copy. */
void shoal_member_measured(struct shoal_member *member, uint64_t rtt_ns);

#endif
