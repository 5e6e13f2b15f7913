/* SPDX-License-Identifier: MIT */
/* Broadcasts of the application: those that are held, on their way to everyone or so that who
 * missed one can have it. spread.h tells them, repair.h finds out who misses what. */
#ifndef SHOAL_CORE_CAST_H
#define SHOAL_CORE_CAST_H

#include <shoal/core.h>

#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"
#include "base/writer.h"
#include "core/message/branch.h"
#include "core/message/keep.h"
#include "wire/cast_key.h"
#include "wire/message.h"

struct shoal_cast {
	struct shoal_list all;    /* by when it came */
	struct shoal_list spread; /* in a bucket of spread.c */
	struct shoal_list down;   /* somebody in `branch` is still to be told */
	struct shoal_list asked;  /* in the answer that is made, see repair.c */
	struct shoal_list kept;   /* a reliable one, see keep.h */
	struct shoal_list share;  /* the same of others */
	struct shoal_list shelf;  /* it waits for polls, see shelf.h */
	struct shoal_list flying; /* this member's own that is not reliable */
	struct shoal_list ended;  /* this member's own, and the host has to hear of its end */
	struct shoal_cast_key key;
	uint64_t born;  /* when it was sent, as told */
	uint64_t stamp; /* of the hybrid clock of its origin */
	uint64_t put;   /* when it came onto the shelf */
	uint64_t place; /* there */
	uint64_t until; /* one that was offered is held until then */
	/* Bit: to a member in a slot with this rest it was offered; that member has it. */
	uint64_t offered, had;
	uint64_t told;  /* the same of those to whom it was sent */
	uint64_t token; /* its own: under which the host hears of its end; 0: it does not */
	uint64_t mark;  /* of the request that named it last, see repair.c */
	uint32_t number;
	uint32_t from;                   /* slot of the member that told it, SHOAL_NONE: nobody */
	uint32_t ttl_ms;                 /* from its birth on; 0: as long as any, see limit.h */
	uint32_t hops;                   /* members that passed it on before this one */
	uint32_t branch[SHOAL_BRANCHES]; /* slots of those to be told first, see branch.h */
	uint16_t type;
	uint8_t flags, sends, tag_len, branches, hops_max;
	uint8_t skips; /* times that it was the turn of a member to whom it was offered before */
	bool own;
	bool counted;  /* in the queue of spread.c */
	bool descends; /* it went down the tree from here */
	bool untaken;  /* the host had no room for it, which a reliable one waits for */
	size_t len;
	uint8_t *data; /* tag and body */
};

struct shoal_casts {
	struct shoal_slab slab;
	struct shoal_table by_key;
	struct shoal_list all, ended;
	struct shoal_list flying; /* this member's own that go once, until they were told */
	uint64_t number[2];       /* the last one of either row */
	uint64_t bytes;           /* of the tags and bodies of all */
	uint64_t refused[2];      /* the largest cost for which either had no room; 0: none */
	uint64_t warned;          /* when it was said last that somebody speaks for another one */
	uint32_t untaken;
	int end_code;
};

struct shoal_core;
struct shoal_teller;

void shoal_cast_init(struct shoal_core *core);
void shoal_cast_done(struct shoal_core *core);

/* SHOAL_INPUT_BROADCAST. */
int shoal_cast_send(struct shoal_core *core, const struct shoal_input *input);

/* Bytes of the longest one that can be sent. */
size_t shoal_cast_most(const struct shoal_core *core);

/* How one comes here. */
enum shoal_cast_way {
	SHOAL_CAST_TOLD,
	SHOAL_CAST_FETCHED, /* it was asked for by its key; it may come late */
	SHOAL_CAST_REPAIRED /* it was missing beside those that are kept here */
};

/* From a member, in a packet of this teller's. Returns whether it was new. */
bool shoal_cast_on_message(struct shoal_core *core, const struct shoal_msg_cast *message,
        const struct shoal_teller *teller, enum shoal_cast_way way);

/* NULL: it is not held. */
struct shoal_cast *shoal_cast_find(const struct shoal_core *core, const struct shoal_cast_key *key);

/* Appends it. false: it does not fit. */
bool shoal_cast_write(
        struct shoal_core *core, const struct shoal_cast *cast, struct shoal_writer *writer);

/* What it counts in a queue. */
uint64_t shoal_cast_cost(const struct shoal_cast *cast);

/* The same at every member: sums are compared. */
uint64_t shoal_cast_sum(const struct shoal_cast_key *key);

/* Frees it where nothing holds it. */
void shoal_cast_free(struct shoal_core *core, struct shoal_cast *cast);

/* It was told as often as it is, and nobody is to have it any more; freed where nothing else holds
 * it. */
void shoal_cast_spent(struct shoal_core *core, struct shoal_cast *cast);

/* What has been kept for long enough goes. */
void shoal_cast_expire(struct shoal_core *core);

/* The host has room: what waited for it is told. */
void shoal_cast_on_room(struct shoal_core *core);

/* This member has left. */
void shoal_cast_end_all(struct shoal_core *core);

/* Fills in the next SENT or WRITABLE of a broadcast. false: there is none. */
bool shoal_cast_next_event(struct shoal_core *core, struct shoal_event *event);

size_t shoal_cast_memory(const struct shoal_core *core);

#endif
