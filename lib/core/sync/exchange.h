/* SPDX-License-Identifier: MIT */
/* Requests on streams: joins, steps of walks and pings whose datagrams went unanswered; asked and
 * answered. */
#ifndef SHOAL_CORE_EXCHANGE_H
#define SHOAL_CORE_EXCHANGE_H

#include <shoal/core.h>

#include "wire/cast_key.h"
#include "wire/message.h"

enum shoal_exchange_purpose {
	SHOAL_EXCHANGE_JOIN = 1,
	SHOAL_EXCHANGE_SYNC,
	SHOAL_EXCHANGE_PING,
	SHOAL_EXCHANGE_WATCH,   /* opens a watch link, see watch.c */
	SHOAL_EXCHANGE_INQUEST, /* a ping on a connection that is made for it, see inquest.c */
	SHOAL_EXCHANGE_PULL,    /* metadata, see pull.c */
	SHOAL_EXCHANGE_BATCH,   /* reliable messages, see reliable.c */
	SHOAL_EXCHANGE_FETCH,   /* broadcasts, see repair.c */
	SHOAL_EXCHANGE_KEYS     /* an order about keys, see keys.c */
};

struct shoal_exchange {
	uint64_t number;
	uint64_t begun;
	uint64_t about; /* INQUEST: which; PULL: the slot of the member; BATCH: the peer */
	struct shoal_addr to;
	struct shoal_id asked; /* who; zero: whoever is there */
	uint64_t walk;         /* SYNC: its number in every step  */
	uint64_t salt;         /* JOIN: the instance that is asked, 0: not known */
	uint64_t counter;      /* under which the request was sealed, 0: it was not */
	uint8_t step;          /* SYNC: 1 is the first */
	uint8_t purpose;
	bool last; /* JOIN: it is not begun anew */
};

struct shoal_core;
struct shoal_pending;

void shoal_exchange_init(struct shoal_core *core);
void shoal_exchange_done(struct shoal_core *core);

/* A number for a request to an address, or with to NULL to the member in slot. 0: too many are in
 * flight, counted. */
uint64_t shoal_exchange_begin(struct shoal_core *core, enum shoal_exchange_purpose purpose,
        uint32_t slot, const struct shoal_addr *to);

/* The counter under which the request was sealed, 0: it was not; to which its answer is bound. */
void shoal_exchange_sealed(struct shoal_core *core, uint64_t number, uint64_t counter);
uint64_t shoal_exchange_counter(const struct shoal_core *core, uint64_t number);

/* To whom it went; all zero: it is not in flight. */
struct shoal_addr shoal_exchange_to(const struct shoal_core *core, uint64_t number);

/* What it is about, once it has begun. */
void shoal_exchange_about(struct shoal_core *core, uint64_t number, uint64_t about);

/* This member has left: joins in flight end. */
void shoal_exchange_cancel_joins(struct shoal_core *core);

/* The request could not be made; it ends here. */
void shoal_exchange_unsent(struct shoal_core *core, const struct shoal_pending *pending);

/* Ends the exchange and tells which it was. false: not in flight. */
bool shoal_exchange_end(struct shoal_core *core, uint64_t number, struct shoal_exchange *exchange);

/* Tells whoever asked that it has ended: with rc, which is not SHOAL_OK where what came is of no
 * use; came: something did; answered: what it asked for. */
void shoal_exchange_ended(struct shoal_core *core, const struct shoal_exchange *exchange,
        const struct shoal_input *input, int rc, bool came, bool answered);

/* Whether an answer is of who was asked: of the member, and of the instance where a join named one.
 */
bool shoal_exchange_is_of_asked(
        const struct shoal_exchange *exchange, const struct shoal_msg_answer *answer);

/* JOIN: asks the member at an address. SHOAL_ERR_LIMIT. */
int shoal_exchange_join(struct shoal_core *core, const struct shoal_addr *seed);

/* The same once the seed has said its salt; it ends as the join that it goes on with. last: where
 * its connection is closed it is not begun anew. */
void shoal_exchange_join_again(
        struct shoal_core *core, const struct shoal_addr *seed, uint64_t salt, bool last);

/* SYNC: a step of a walk with the member in slot: the first asks it to compare, a later one takes
 * what walk.h has to say. false: it could not be queued. */
bool shoal_exchange_step(struct shoal_core *core, uint32_t slot, const struct shoal_addr *to,
        uint64_t walk, unsigned step);

/* PULL: asks the member in slot for metadata. false: it could not be queued. */
bool shoal_exchange_pull(struct shoal_core *core, uint32_t slot, const struct shoal_msg_pull *pull,
        uint64_t about, uint64_t *number);

/* BATCH: a request with messages to the member in slot, that of a peer by its number; fresh: on a
 * new connection. 0: it could not be queued. */
uint64_t shoal_exchange_batch(struct shoal_core *core, uint32_t slot, uint32_t peer, bool fresh);

/* FETCH: asks the member in slot for a few broadcasts, or without keys for all that are missing
 * here. 0: it could not be queued. */
uint64_t shoal_exchange_fetch(struct shoal_core *core, uint32_t slot, struct shoal_span keys);

/* KEYS: tells the member in slot the order at hand. false: it could not be queued. */
bool shoal_exchange_keys(struct shoal_core *core, uint32_t slot);

/* A peer's join request. Returns SHOAL_OK, or why it is refused, with a reason for the joiner. */
int shoal_exchange_judge_join(
        struct shoal_core *core, const struct shoal_msg_join *join, struct shoal_span *reason);

/* The answer to a request of a peer: code 0 with what walk.h has to say, and outside of a walk with
 * the table; or an error with its reason. */
void shoal_exchange_answer(struct shoal_core *core, uint64_t request, const struct shoal_addr *to,
        uint32_t slot, int code, struct shoal_span reason);

/* Answers a request whose sender has not shown the key, in clear: a code and a reason, and nothing
 * of this member. */
void shoal_exchange_refuse(struct shoal_core *core, const struct shoal_input *input, int code,
        struct shoal_span reason);

/* An answer without a table: to what opened a watch link. */
void shoal_exchange_reply(struct shoal_core *core, uint64_t request, const struct shoal_addr *to,
        int code, struct shoal_span reason);

struct shoal_span shoal_exchange_text(const char *text);

#endif
