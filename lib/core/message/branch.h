/* SPDX-License-Identifier: MIT */
/* A broadcast on its first way: down a tree over all members with its origin as the root. */
#ifndef SHOAL_CORE_BRANCH_H
#define SHOAL_CORE_BRANCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define SHOAL_BRANCHES 4

/* Packets down the tree that are queued at once. */
#define SHOAL_BRANCH_PACKETS 64

struct shoal_cast;
struct shoal_core;
struct shoal_id;

struct shoal_branches {
	struct shoal_list casts; /* that somebody below is still to be told, the oldest first */
	uint32_t slot[SHOAL_BRANCH_PACKETS]; /* to whom packets that take them are queued */
	uint32_t count;
};

void shoal_branch_init(struct shoal_core *core);

/* The members below the one in slot, which is `depth` steps from the origin. Returns how many. */
uint32_t shoal_branch_find(struct shoal_core *core, const struct shoal_id *origin, uint32_t slot,
        uint32_t depth, uint32_t found[SHOAL_BRANCHES]);

/* Queues packets to those below this member; whom there is no packet for is left out. */
void shoal_branch_begin(struct shoal_core *core, struct shoal_cast *cast);

/* Whether the member in slot is below this one and was not told yet. */
bool shoal_branch_waits(const struct shoal_cast *cast, uint32_t slot);

/* The member in slot was told, or is not going to be. */
void shoal_branch_told(struct shoal_cast *cast, uint32_t slot);

/* Nobody is told any more. */
void shoal_branch_end(struct shoal_cast *cast);

/* A packet to the member in slot was handed out, or (made false) there was nothing to put into it:
 * what it did not hold goes with the next one, or not at all. */
void shoal_branch_sent(struct shoal_core *core, uint32_t slot, bool made);

#endif
