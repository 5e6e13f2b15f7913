/* SPDX-License-Identifier: MIT */
/* Broadcasts on their way to everyone. */
#ifndef SHOAL_CORE_SPREAD_H
#define SHOAL_CORE_SPREAD_H

#include <shoal/types.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/writer.h"
#include "core/message/cast.h"
#include "core/sync/gossip.h"

struct shoal_spread {
	struct shoal_timer timer;
	uint64_t used;        /* bit i: bucket i may hold something */
	uint64_t paid;        /* until when the bytes that were sent are paid for */
	uint64_t own, passed; /* cost of this member's own, and of those of others */
	uint32_t count;
	uint32_t turn; /* place in the order of members where the next burst goes on */
	bool bursting; /* the timer is that of the next burst, not of a tick */
	struct shoal_list bucket[SHOAL_NEWS_SENDS_MAX]; /* by how often it was sent */
};

struct shoal_core;

void shoal_spread_init(struct shoal_core *core);

/* How many members may lack a broadcast of this one that was told by the member in `from`,
 * SHOAL_NONE: by nobody. */
uint32_t shoal_spread_reach(
        const struct shoal_core *core, const struct shoal_id *id, uint32_t from);

/* Whether one of this cost may be added. */
bool shoal_spread_has_room(const struct shoal_core *core, bool own, uint64_t cost);

/* From now on it is told. */
void shoal_spread_add(struct shoal_core *core, struct shoal_cast *cast);

/* Appends broadcasts to a packet to the member in slot until the writer is full; each counts as
 * sent. alone: there is nothing else in it, so that what does not fit here is offered. */
void shoal_spread_fill(
        struct shoal_core *core, uint32_t slot, struct shoal_writer *writer, bool alone);

/* Appends to the reply to a poll of one that cannot be dialled what waits for it. */
void shoal_spread_fill_reply(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer);

/* The same for those that go down the tree, to a member below this one: those that it is to be told
 * and nothing else. */
void shoal_spread_fill_branch(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer);

/* Queues a packet to the member in slot that takes broadcasts; flags: of enum shoal_fill, besides.
 * false: there is no room for it. */
bool shoal_spread_tell(struct shoal_core *core, uint32_t slot, unsigned flags);

/* It counts as offered to the member in slot. Returns whether it did not before. */
bool shoal_spread_note(struct shoal_cast *cast, uint32_t slot);

/* The member in slot has it: it was told it, or offers it. */
void shoal_spread_had(struct shoal_core *core, struct shoal_cast *cast, uint32_t slot);

/* The member in slot told it here once more: it is not told it, and where all others were, nobody
 * is any more. */
void shoal_spread_heard(struct shoal_core *core, struct shoal_cast *cast, uint32_t slot);

/* One that is not on its way any more counts no more, though it was offered. */
void shoal_spread_release(struct shoal_core *core, struct shoal_cast *cast);

/* It is told and counts no more; freed where nothing else holds it. */
void shoal_spread_drop(struct shoal_core *core, struct shoal_cast *cast);

void shoal_spread_on_timer(struct shoal_core *core);

/* None of them is told any more. */
void shoal_spread_end_all(struct shoal_core *core);

#endif
