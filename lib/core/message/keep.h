/* SPDX-License-Identifier: MIT */
/* Reliable broadcasts that are kept, so that who missed one can have it. */
#ifndef SHOAL_CORE_KEEP_H
#define SHOAL_CORE_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

/* Reliable ones that any profile keeps of this member, and of others, at most: see
 * SHOAL_SEEN_RELIABLE. */
#define SHOAL_CASTS_MOST 1000

/* Origins are sorted into so many by a hash that nobody else knows. */
#define SHOAL_KEEP_SHARES 64

struct shoal_keep_share {
	struct shoal_list casts; /* the oldest first */
	uint64_t load;
};

struct shoal_keep {
	struct shoal_list own, others; /* the oldest first */
	uint64_t own_bytes, others_bytes;
	uint32_t own_count, others_count;
	uint64_t sum; /* over all */
	struct shoal_keep_share share[SHOAL_KEEP_SHARES];
};

struct shoal_core;
struct shoal_cast;

void shoal_keep_init(struct shoal_core *core);

/* Whether one of this member's of this cost can be kept without one of its going that somebody may
 * still miss. */
bool shoal_keep_has_room(const struct shoal_core *core, uint64_t cost);

/* Whether there is one that all but those that were cut off are to have by now. */
bool shoal_keep_is_fresh(const struct shoal_core *core);

/* Whether so much is said that what is kept, of this member's or of others, may soon make room. */
bool shoal_keep_is_pressed(const struct shoal_core *core);

/* Others make room, where they have to. */
void shoal_keep_add(struct shoal_core *core, struct shoal_cast *cast);
/* Does nothing where it is not kept. */
void shoal_keep_remove(struct shoal_core *core, struct shoal_cast *cast);

static inline uint32_t
shoal_keep_count(const struct shoal_keep *keep)
{
	return keep->own_count + keep->others_count;
}

#endif
