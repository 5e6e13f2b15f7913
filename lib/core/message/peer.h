/* SPDX-License-Identifier: MIT */
/* What is kept of a member with which messages are exchanged: what was taken from it, and what
 * waits for it. There is one from the first message on, in either direction, until the member is
 * forgotten; all of it is about one instance. */
#ifndef SHOAL_CORE_PEER_H
#define SHOAL_CORE_PEER_H

#include <shoal/core.h>

#include "base/fifo.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/ring.h"
#include "base/slab.h"
#include "base/table.h"

#define SHOAL_PEER_WORDS 65 /* of the window: 4,096 packets and a word that is being filled */
#define SHOAL_PEERS_PAST 1024

/* A reliable message that waits; its bytes stand in the queue. */
struct shoal_letter {
	uint64_t token;
	uint32_t size; /* of its entry */
	uint32_t cost;
	int code; /* its end, of those that have one */
};

/* What was taken from an instance that was forgotten, or that another one took the place of: it may
 * come back. */
struct shoal_peer_past {
	struct shoal_id id;
	uint64_t salt, expected, highest;
};

struct shoal_peer {
	struct shoal_list node;   /* in talk.told: its host has to hear of it */
	struct shoal_timer timer; /* the next try */
	struct shoal_id id;
	uint32_t
	        slot; /* SHOAL_NONE: the member is forgotten, its messages' ends are not told yet */
	uint64_t salt; /* of the instance that all of this is about */

	/* Taken from it. */
	uint64_t expected; /* number of the next reliable message */
	uint64_t highest;  /* number of a best-effort packet, and the window below it */
	uint64_t seen[SHOAL_PEER_WORDS];
	struct shoal_list turned; /* in talk.turned: a batch found no room here ... */
	uint64_t turned_seq;      /* ... that one */
	uint64_t lacks;           /* ... by its message of this cost */

	/* Best effort, to it. */
	struct shoal_fifo mail; /* entries */
	uint64_t packets;       /* number of the last packet */
	size_t written;         /* bytes of mail in the packet that is being made */
	uint32_t letters;       /* entries of them */
	bool mailing;           /* a packet is queued */

	/* Reliable, to it. In order: ended, but that is not told; sent; waiting. */
	struct shoal_ring queue; /* struct shoal_letter */
	struct shoal_fifo bytes; /* of those that have not ended */
	uint64_t cost;           /* of all in the queue */
	uint64_t first;          /* number of the first that has not ended */
	uint64_t lifted;         /* by so much the member's word has raised that */
	uint32_t ended, sent;
	uint32_t batch;  /* messages of the BATCH in flight */
	bool over;       /* none of them will be taken any more ... */
	bool walled;     /* ... since there is no way to it */
	bool moved;      /* a receipt told of some since the request in flight began ... */
	bool full;       /* ... and that there was no room for the others */
	bool late;       /* no receipt in time of what went with the answer to a poll */
	bool doubtful;   /* the request in flight counts among those after a failure */
	bool warned;     /* of numbers that it cannot have */
	uint64_t wanted; /* cost that was refused: the host hears when it fits; 0: nothing */
	uint64_t flight; /* exchange of the request in flight, 0: none; SHOAL_PEER_TOLD */
	uint64_t seq;    /* of the BATCH in flight */
	struct shoal_list place; /* in talk.crowd: waits until a request may be made */
	unsigned failures;       /* in a row */
	unsigned unlinked;       /* tries in a row to find a link of it */
};

/* In flight down a link, where no exchange ends it. */
#define SHOAL_PEER_TOLD 1

struct shoal_talk {
	struct shoal_slab peers;
	struct shoal_table by_slot;
	struct shoal_list told;
	struct shoal_list turned; /* peers that found no room here, the first turned away first */
	uint64_t number;          /* above every number that a peer which is gone was given here */
	uint32_t flying;          /* requests in flight ... */
	uint32_t doubtful;        /* ... of them to members where the last one failed */
	struct shoal_list crowd[2]; /* peers that wait for a place; [1]: after a failure */
	struct shoal_ring past;     /* struct shoal_peer_past, the oldest first */
};

struct shoal_core;
struct shoal_record;

void shoal_peer_init(struct shoal_core *core);
void shoal_peer_done(struct shoal_core *core);

/* NULL: there is none. */
struct shoal_peer *shoal_peer_at(const struct shoal_core *core, uint32_t number);
struct shoal_peer *shoal_peer_find(const struct shoal_core *core, uint32_t slot);
/* The same, made where there is none. NULL: no memory. */
struct shoal_peer *shoal_peer_take(struct shoal_core *core, uint32_t slot);
uint32_t shoal_peer_number(const struct shoal_peer *peer);

/* Whether the packet at hand may be of the instance with this salt: a sealed one names it. */
bool shoal_peer_may_say(const struct shoal_core *core, uint64_t salt);

/* Whether messages are exchanged with the member: it takes part or is leaving. */
bool shoal_peer_is_there(const struct shoal_record *record);

/* The member in slot is dead or left, or another instance of it lives: what waits will not be
 * taken. */
void shoal_peer_lost(struct shoal_core *core, uint32_t slot);
/* There is no way to it. */
void shoal_peer_walled(struct shoal_core *core, struct shoal_peer *peer);
/* It is forgotten. */
void shoal_peer_forget(struct shoal_core *core, uint32_t slot);
/* This member has left. */
void shoal_peer_end_all(struct shoal_core *core);

/* Whether a best-effort packet is too old to tell whether it came before. */
bool shoal_peer_is_past(const struct shoal_peer *peer, uint64_t number);
/* Whether one that is not came before; it has come from now on. */
bool shoal_peer_saw(struct shoal_peer *peer, uint64_t number);

/* Its host has something to hear of, where it has. */
void shoal_peer_tell(struct shoal_core *core, struct shoal_peer *peer);

/* Fills in the next MESSAGE, SENT or WRITABLE. false: there is none. */
bool shoal_peer_next_event(struct shoal_core *core, struct shoal_event *event);

size_t shoal_peer_memory(const struct shoal_core *core);

#endif
