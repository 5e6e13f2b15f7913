/* SPDX-License-Identifier: MIT */
/* The instance that this one took over from, which of the two goes on if that one returns (see
 * identity.c). Members say so; the seed of a join in a datagram that may be faster than the table
 * which makes the seed a member, and counts once it is one. O(1). */
#ifndef SHOAL_CORE_TOOK_H
#define SHOAL_CORE_TOOK_H

#include <shoal/types.h>

struct shoal_core;

struct shoal_took {
	uint64_t salt; /* 0: none is known */
	/* What one said that was unknown: a salt, who, and from where. */
	uint64_t early;
	struct shoal_id by;
	struct shoal_addr from;
};

/* 0: none is known. */
uint64_t shoal_took_salt(const struct shoal_core *core);

/* Whether that is a current member, at one of its addresses. */
bool shoal_took_is_member(
        const struct shoal_core *core, const struct shoal_id *id, const struct shoal_addr *from);

/* One says so that is no member there. */
void shoal_took_early(struct shoal_core *core, const struct shoal_id *by,
        const struct shoal_addr *from, uint64_t salt);

#endif
