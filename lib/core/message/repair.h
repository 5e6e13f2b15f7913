/* SPDX-License-Identifier: MIT */
/* Broadcasts that a member missed, or that fit no datagram: offered by their keys, and fetched. */
#ifndef SHOAL_CORE_REPAIR_H
#define SHOAL_CORE_REPAIR_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/writer.h"
#include "wire/cast_key.h"
#include "wire/message.h"

/* Sums of others, and members, that are remembered. */
#define SHOAL_VAIN_MAX 32

/* What was asked in vain: it is not asked again for a while, which doubles. */
struct shoal_vain {
	uint64_t what; /* a sum, or a slot */
	uint64_t until;
	uint32_t times; /* 0: the place is free */
};

struct shoal_repair {
	struct shoal_timer timer;
	uint64_t started;  /* when this member was made: it is told of nothing that is older */
	uint64_t next;     /* not before this another member is asked for what is missing here */
	uint64_t exchange; /* in which one is, 0: none */
	uint32_t slot;     /* that member */
	uint32_t gained;   /* what that brought */
	uint32_t steps;    /* requests in a row to that member */
	uint64_t offered;  /* the sum that it told */
	bool answered;     /* it did */
	uint64_t sum;      /* the one here when something was put into `sums` */
	struct shoal_vain sums[SHOAL_VAIN_MAX];    /* of those who had nothing for that */
	struct shoal_vain members[SHOAL_VAIN_MAX]; /* who had nothing */
	struct shoal_vain deaf[SHOAL_VAIN_MAX];    /* who did not answer */
	uint64_t mark;                             /* of the request that is answered, see choose */
	struct shoal_list answer;                  /* the broadcasts that it is answered with */
	uint32_t asked;                            /* how many it asks for with `others` */
	uint32_t told;                             /* how many of them the packet holds */
};

struct shoal_core;
struct shoal_exchange;
struct shoal_pending;
struct shoal_teller;

void shoal_repair_init(struct shoal_core *core);

/* A broadcast is held. */
void shoal_repair_arm(struct shoal_core *core);
/* One of this member's is kept from now on. */
void shoal_repair_hurry(struct shoal_core *core);
void shoal_repair_on_timer(struct shoal_core *core);

/* Says in a packet what is kept here, where something is, so that its addressee fetches what it has
 * not. NULL: there is none. */
void shoal_repair_sum(struct shoal_core *core, struct shoal_pending *pending);

/* Appends the offer of one. false: it does not fit. */
bool shoal_repair_write_offer(
        struct shoal_core *core, const struct shoal_cast_key *key, struct shoal_writer *writer);

/* Offers those that are known here to the member in slot, which has them: so that it waits no
 * longer. */
void shoal_repair_tell(struct shoal_core *core, uint32_t slot, struct shoal_span keys);

/* CAST, OFFER or FETCH of a teller; exchange: of ours that it answers, NULL: of none. */
void shoal_repair_on_message(struct shoal_core *core, uint16_t kind,
        const union shoal_wire_message *m, const struct shoal_teller *teller,
        const struct shoal_exchange *exchange, const struct shoal_input *input);

/* A request of ours has ended, whatever came of it. */
void shoal_repair_ended(struct shoal_core *core, const struct shoal_exchange *exchange);

/* Writes what goes with a packet; writer->failed: it does not fit. */
void shoal_repair_write_fetch(struct shoal_core *core, struct shoal_writer *writer);
void shoal_repair_write_answer(struct shoal_core *core, struct shoal_writer *writer);
/* It was handed out, to the member in slot. */
void shoal_repair_answered(struct shoal_core *core, uint32_t slot);

#endif
