/* SPDX-License-Identifier: MIT */
/* Packets on their way to the host. What is queued is the primary message and to whom; the packet
 * itself is made when the host takes it, and filled then with what is most worth telling to that
 * addressee. */
#ifndef SHOAL_CORE_SEND_H
#define SHOAL_CORE_SEND_H

#include <shoal/core.h>

#include "base/ring.h"
#include "wire/message.h"

#define SHOAL_PRIMARY_MAX 336 /* a SENDER, and a CONFLICT with a URL */

enum shoal_fill {
	SHOAL_FILL_GOSSIP = 1, /* fill up with gossip                                             */
	SHOAL_FILL_SELF = 2,   /* this member's own statement, whatever else fits                 */
	SHOAL_FILL_BELIEF =
	        4,            /* what is believed of the addressee, where that is not plain alive */
	SHOAL_FILL_TABLE = 8, /* the whole table                                                 */
	SHOAL_FILL_UNLABELLED = 16, /* to one that carries another label */
	SHOAL_FILL_ABOUT = 32,  /* the statement about the member in `about`                      */
	SHOAL_FILL_BUDGET = 64, /* counts against the byte budget of gossip                       */
	SHOAL_FILL_SPARE = 128, /* takes gossip along only while that budget lasts                */
	SHOAL_FILL_WALK = 256,  /* what the next step of a walk says                              */
	SHOAL_FILL_META = 512,  /* the metadata of the member in `about`, whole                   */
	SHOAL_FILL_BARE = 1024, /* says something where it holds no gossip, too                   */
	SHOAL_FILL_MAIL = 2048, /* best-effort messages, see user.h                               */
	SHOAL_FILL_BATCH = 4096, /* reliable ones, see reliable.h */
	SHOAL_FILL_CASTS = 8192, /* broadcasts, see spread.h                                      */
	SHOAL_FILL_FETCH = 16384, /* the broadcasts that are held, see repair.h                   */
	SHOAL_FILL_FETCHED = 32768, /* those that were asked for */
	SHOAL_FILL_KEYS = 65536, /* the order about keys                                          */
	SHOAL_FILL_CLEAR = 131072, /* not sealed: a refusal for who has not shown the key */
	SHOAL_FILL_BRANCH = 262144 /* with CASTS: those that go down the tree, see branch.h */
};

struct shoal_pending {
	enum shoal_send_kind kind;
	unsigned flags;
	struct shoal_addr to;
	uint32_t slot;  /* the addressee, SHOAL_NONE where it is no member  */
	uint32_t about; /* SHOAL_FILL_ABOUT */
	uint64_t exchange, timeout_ns;
	uint64_t salt;    /* the instance that it is sealed for, 0: not known */
	uint64_t request; /* REPLY: the counter of what it answers, 0: that was clear */
	size_t pad;       /* the datagram is made so long, 0: as long as it needs to be */
	bool fresh;       /* REQUEST: on a connection that is made for it */
	size_t len;
	uint8_t primary[SHOAL_PRIMARY_MAX];
	char url[SHOAL_URL_MAX + 1]; /* what `to` stands for, where no record says it; "": that */
};

struct shoal_sends {
	struct shoal_ring queue;
	uint8_t *datagram; /* profile.datagram_max bytes */
	uint8_t *stream;   /* grows to what the table needs, at most profile.stream_max   */
	size_t stream_capacity;
	size_t bare; /* where the primary message of the packet that is made ends */
	bool holds;  /* a packet that is made waits behind a short one, see SHOAL_FIRST_MAX */
	struct shoal_send held;
};

struct shoal_core;
struct shoal_record;

int shoal_sends_init(struct shoal_core *core);
void shoal_sends_done(struct shoal_core *core);

/* A larger stream buffer, within profile.stream_max. false: it is as large as it can be. */
bool shoal_sends_grow(struct shoal_core *core);

/* Queues a packet without messages yet. NULL: the queue is full, counted. */
struct shoal_pending *shoal_send_queue(struct shoal_core *core, enum shoal_send_kind kind,
        const struct shoal_addr *to, uint32_t slot, unsigned flags);

/* The same to a member; a datagram to one that cannot be dialled is told down its link, where there
 * is one. */
struct shoal_pending *shoal_send_to(
        struct shoal_core *core, enum shoal_send_kind kind, uint32_t slot, unsigned flags);

/* Whether datagrams to the member take nothing along: it cannot be dialled, and has that with what
 * it polls. */
bool shoal_send_is_polled(const struct shoal_core *core, const struct shoal_record *record);

/* What the packet's address stands for, where it is made from a URL and may be of no record. */
void shoal_send_url(struct shoal_pending *pending, struct shoal_span url);

/* Appends a message to what is always in the packet. */
void shoal_send_primary(
        struct shoal_pending *pending, enum shoal_message_kind kind, const void *message);

/* A packet to a member with gossip only. Without SHOAL_FILL_BUDGET it is sent for something that
 * must not wait, and takes gossip along as far as the byte budget allows. NULL: the queue is full.
 */
struct shoal_pending *shoal_send_gossip(
        struct shoal_core *core, uint32_t slot, unsigned flags, uint32_t about);

#endif
