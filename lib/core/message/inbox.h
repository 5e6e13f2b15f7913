/* SPDX-License-Identifier: MIT */
/* Messages that were taken and that the host has not heard yet. */
#ifndef SHOAL_CORE_INBOX_H
#define SHOAL_CORE_INBOX_H

#include <shoal/core.h>

#include "base/fifo.h"
#include "base/ring.h"
#include "wire/entry.h"

struct shoal_inbox {
	struct shoal_ring heads;
	struct shoal_fifo data;
	uint64_t room;          /* bytes that the host takes, each message counted with its cost */
	uint64_t held;          /* bytes that are here, counted so */
	struct shoal_ring lent; /* room that messages took, the oldest first */
	uint64_t *share;        /* of it, that of each member by its slot ... */
	uint32_t shares;        /* ... below this one */
	uint64_t back;          /* room that came back, less than the oldest took */
	bool told;              /* the host was told of the first: it stays until the next call */
	bool kept; /* it could not take it: no further one is told until the next step */
};

struct shoal_core;

void shoal_inbox_init(struct shoal_core *core);
void shoal_inbox_done(struct shoal_core *core);

/* SHOAL_INPUT_ROOM. */
void shoal_inbox_set_room(struct shoal_core *core, size_t room);

/* Whether a message of so many bytes is taken where nothing waits. */
bool shoal_inbox_fits(const struct shoal_core *core, size_t len);

/* Whether the member in slot may have so much of the room, for one message: no more than half of
 * what the others leave, but where nothing of it waits. */
bool shoal_inbox_has_room(const struct shoal_core *core, uint32_t slot, uint64_t cost);

/* Takes a message of the member in slot. false: there is no room, counted. */
bool shoal_inbox_put(
        struct shoal_core *core, uint32_t slot, unsigned flags, const struct shoal_entry *entry);

/* The same of a broadcast of the member in slot. */
bool shoal_inbox_put_cast(struct shoal_core *core, uint32_t slot, unsigned flags, unsigned hops,
        const struct shoal_entry *entry);

/* A step begins: what the host was told of goes, unless it kept it here. */
void shoal_inbox_release(struct shoal_core *core);

/* Fills in the next MESSAGE. false: there is none. */
bool shoal_inbox_next(struct shoal_core *core, struct shoal_event *event);

size_t shoal_inbox_memory(const struct shoal_core *core);

#endif
