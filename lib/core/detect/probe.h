/* SPDX-License-Identifier: MIT */
/* Probes: asking one member whether it is there, directly, through relays and on a stream. One is
 * begun each interval for failure detection; checks, healing and leaving use the same machine with
 * other ends. */
#ifndef SHOAL_CORE_PROBE_H
#define SHOAL_CORE_PROBE_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/slab.h"
#include "core/table/statement.h"
#include "wire/message.h"

#define SHOAL_PROBES_MAX 4096
#define SHOAL_RELAYS_MOST                                                                          \
	16 /* upper bound of profile.relays                                        */

enum shoal_probe_purpose {
	SHOAL_PROBE_ROUND = 1, /* failure detection */
	SHOAL_PROBE_CHECK, /* a told death or hearsay is tried out                               */
	SHOAL_PROBE_HEAL,  /* a dead member is tried again                                       */
	SHOAL_PROBE_LEAVE, /* this member's leave is told until it is answered */
	SHOAL_PROBE_CONFLICT /* the known instance of a member, while another says that it is one */
};

struct shoal_probe {
	struct shoal_timer timer;
	uint64_t seq; /* random, with the probe's number in its low bits */
	uint64_t begun, deadline;
	uint64_t patience, whole; /* from `begun` to the time-out and to the end */
	uint64_t moved;           /* by stalls of this member, at most `whole` */
	struct shoal_id target;
	struct shoal_id from; /* CHECK: who told, and what */
	struct shoal_claim told;
	uint64_t salt, incarnation; /* of the target when it began */
	struct shoal_addr to;       /* where it was pinged last */
	uint32_t slot;
	uint8_t purpose, asked;
	uint8_t tries;   /* CHECK: left after this one   */
	uint8_t phase;   /* LEAVE: of the leave   */
	bool indirect;   /* relays and stream have been tried   */
	bool last;       /* so has the last ping */
	bool heard;      /* it was answered, and it is open at which address */
	bool waits;      /* for a poll of the target, whose reply may take the ping along */
	bool carried;    /* one has taken it */
	uint64_t tried;  /* when they were */
	uint32_t nacked; /* bit i: relay[i] is there and passed no ack on */
	uint32_t absent; /* bit i: because it does not hold the target for a member */
	uint32_t padded; /* the ping was made so long, 0: it was not */
	uint32_t relay[SHOAL_RELAYS_MOST];
};

struct shoal_probes {
	struct shoal_slab slab;
	struct shoal_timer round;
};

struct shoal_core;
struct shoal_pending;

void shoal_probe_init(struct shoal_core *core);
void shoal_probe_done(struct shoal_core *core);

/* The next round begins within one interval from now. */
void shoal_probe_arm(struct shoal_core *core);

/* Begins a probe. NULL: no memory or too many, counted. */
struct shoal_probe *shoal_probe_begin(
        struct shoal_core *core, uint32_t slot, enum shoal_probe_purpose purpose);

/* The probe that waits for this number; NULL: none. */
struct shoal_probe *shoal_probe_find(struct shoal_core *core, uint64_t seq);

/* Ends a probe without a verdict. */
void shoal_probe_drop(struct shoal_core *core, struct shoal_probe *probe);

void shoal_probe_on_round(struct shoal_core *core);
void shoal_probe_on_timer(struct shoal_core *core, uint32_t number);

/* path: SHOAL_INPUT_DATAGRAM or SHOAL_INPUT_RESULT (a stream). arrived: on the core's time. */
void shoal_probe_on_ack(struct shoal_core *core, const struct shoal_msg_ack *ack,
        const struct shoal_addr *from, enum shoal_input_kind path, uint64_t arrived);
/* Takes an answer that came on a connection, which does not tell at which of several addresses its
 * sender (the slot) was reached: it is heard, and its probe goes on until a request tells, or its
 * time is over. false: it is an answer like others, for the call above. */
bool shoal_probe_hears(
        struct shoal_core *core, const struct shoal_msg_ack *ack, uint32_t by, uint64_t arrived);
void shoal_probe_on_nack(struct shoal_core *core, const struct shoal_msg_nack *nack);

/* Who is to be answered in the place of the sender. */
struct shoal_origin {
	struct shoal_addr addr;
	uint64_t salt;
};

/* A ping to a member with the given number. NULL: the queue of sends is full, counted. */
struct shoal_pending *shoal_probe_ping(struct shoal_core *core, enum shoal_send_kind kind,
        uint32_t slot, uint64_t seq, const struct shoal_origin *origin, unsigned flags,
        uint64_t exchange);

/* This member stalled: what judges others waits for so much longer. */
void shoal_probe_delay(struct shoal_core *core, uint32_t number, uint64_t lag);

/* Lifeguard's local health multiplier: raises or lowers the score within its bounds. */
void shoal_probe_health(struct shoal_core *core, int change);

/* A random number that names an object of ours in its low 16 bits; `kind` keeps several tables
 * apart. */
uint64_t shoal_probe_number(struct shoal_core *core, uint32_t number, unsigned kind);
#define SHOAL_NUMBER_SLOT(value) ((uint32_t)((value)&0xffff))
#define SHOAL_NUMBER_KIND(value) ((unsigned)((value) >> 16 & 7))

enum shoal_number_kind {
	SHOAL_NUMBER_PROBE = 0,
	SHOAL_NUMBER_RELAY = 1,
	SHOAL_NUMBER_EXCHANGE = 2,
	SHOAL_NUMBER_TWIN = 3,
	SHOAL_NUMBER_INQUEST = 4,
	SHOAL_NUMBER_POLL = 5,
	SHOAL_NUMBER_LOOK = 6 /* a poll that is not for messages */
};
#define SHOAL_NUMBER_POLLS(value) (SHOAL_NUMBER_KIND(value) - SHOAL_NUMBER_POLL < 2)

#endif
