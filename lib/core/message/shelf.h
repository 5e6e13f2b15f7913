/* SPDX-License-Identifier: MIT */
/* Broadcasts for members that cannot be dialled and poll this one: they wait here for their polls,
 * apart from the queue of spread.h, so that nothing of what can be told waits for them. */
#ifndef SHOAL_CORE_SHELF_H
#define SHOAL_CORE_SHELF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/writer.h"

/* So many wait at most, and profile.queue_bytes of them. */
#define SHOAL_SHELF_MOST 256

struct shoal_shelf {
	struct shoal_list casts; /* the oldest first */
	uint64_t *taken;         /* by slot: the place of the last one that its poll took */
	uint64_t place;          /* of the newest */
	uint64_t bytes;          /* what they cost */
	uint32_t count, slots;   /* how many they are; room in `taken` */
};

struct shoal_cast;
struct shoal_core;

void shoal_shelf_init(struct shoal_core *core);
void shoal_shelf_done(struct shoal_core *core);

/* A new broadcast waits, where a member polls here; the oldest make room. */
void shoal_shelf_add(struct shoal_core *core, struct shoal_cast *cast);

/* It waits no more. */
void shoal_shelf_remove(struct shoal_core *core, struct shoal_cast *cast);

/* Those that have waited for long enough go; or all. */
void shoal_shelf_expire(struct shoal_core *core);
void shoal_shelf_clear(struct shoal_core *core);

/* Makes room for a reply that holds many, where there is something for a poll of that member. */
void shoal_shelf_reserve(struct shoal_core *core, uint32_t slot);

/* Appends to the reply to its poll what it has not taken yet. */
void shoal_shelf_fill(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer);

/* Bytes, without those of the broadcasts. */
size_t shoal_shelf_memory(const struct shoal_core *core);

#endif
