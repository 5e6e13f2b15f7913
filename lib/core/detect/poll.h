/* SPDX-License-Identifier: MIT */
/* Members that can dial and cannot be dialled, where no links are kept: at URLs, and where the
 * profile has no watchers. They ask, and what is for them comes with the answers. */
#ifndef SHOAL_CORE_POLL_H
#define SHOAL_CORE_POLL_H

#include <shoal/core.h>

#include "base/heap.h"
#include "wire/message.h"

/* Whom such a member asks. */
#define SHOAL_POLLED 3
/* Pings, and requests for links, that the reply to a poll brings, at most: as many as fit what is
 * always in a packet. */
#define SHOAL_POLL_PINGS 4

/* The polls of one member that are under way. The reply to one may be long, and takes what time it
 * needs; meanwhile those beside it bring what cannot wait, and no messages. */
struct shoal_polled {
	uint64_t number, beside; /* of the last ones */
	uint32_t slot;
};

struct shoal_poll {
	struct shoal_timer timer;
	struct shoal_polled place[SHOAL_POLLED];
	uint64_t answered; /* the last time that a poll was */
	uint64_t next;     /* others are not asked to connect before */
	uint64_t brought;  /* the last time that one brought a ping; 0: none did */
	uint64_t begun;    /* it polls since */
	uint64_t asked;    /* others were asked to connect last */
	bool told;         /* what came now is a message to this member */
	bool needed;       /* perhaps not all get in to this member */
};

struct shoal_core;
struct shoal_exchange;
struct shoal_pending;
struct shoal_record;

void shoal_poll_init(struct shoal_core *core);

/* Whether a member has no links to be reached by, and polls instead. */
bool shoal_poll_is_for(const struct shoal_core *core, const struct shoal_record *record);

/* A seed let this member in; those who try to reach it cannot; somebody got in. */
void shoal_poll_joined(struct shoal_core *core);
void shoal_poll_unreached(struct shoal_core *core);
void shoal_poll_reached(struct shoal_core *core);

/* Whom a member without links polls: those that follow it in the ring, can be dialled and have a
 * kind of address in common with it. All compute alike who they are; this one may be among them. */
uint32_t shoal_poll_anchors(struct shoal_core *core, uint32_t slot, uint32_t anchors[SHOAL_POLLED]);

/* A ping of the member in slot came in a request: what waits for an answer of it goes along with
 * the reply, and what a datagram to it would take along. */
void shoal_poll_serve(struct shoal_core *core, uint32_t slot, const struct shoal_msg_ping *ping,
        const struct shoal_addr *from, struct shoal_pending *reply);

/* Whether this member is one of those that a member polls which cannot be dialled and has no links.
 */
bool shoal_poll_comes(struct shoal_core *core, uint32_t slot);

/* What came of the member in slot is over. If it was a message, more may wait there: it is polled
 * again. */
void shoal_poll_again(struct shoal_core *core, uint32_t slot);

/* Polls the member in slot, unless both polls of that place are under way. */
void shoal_poll_one(struct shoal_core *core, uint32_t slot, struct shoal_polled *place);

/* How many requests what came may hold: more than one where it answers a ping of this member. NULL:
 * it answers none. */
unsigned shoal_poll_brings(const struct shoal_exchange *exchange);

/* A ping came in the reply to a poll. */
void shoal_poll_brought(struct shoal_core *core);

/* A poll was answered. */
void shoal_poll_on_ack(struct shoal_core *core);

void shoal_poll_on_timer(struct shoal_core *core);

#endif
