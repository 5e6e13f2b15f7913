/* SPDX-License-Identifier: MIT */
/* Finding out whether a process has died: its host refuses connections, to several members, and
 * nothing that was asked answers. One is opened by a watcher whose link has ended, and by each
 * relay that it asks; an answer to anybody ends all. */
#ifndef SHOAL_CORE_INQUEST_H
#define SHOAL_CORE_INQUEST_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/slab.h"
#include "wire/message.h"

/* Inquests at once, of this member and for others; for one other; and members asked to help. */
#define SHOAL_INQUESTS_MAX        64
#define SHOAL_INQUESTS_PER_ORIGIN 4
#define SHOAL_INQUEST_RELAYS      8
/* A told verdict counts for so long after the first refusal. An inquest and its gossip take less; a
 * cut that has healed since must not fail those whom the other side could not reach. */
#define SHOAL_VERDICT_COUNTS SHOAL_SEC(3)

struct shoal_inquest {
	struct shoal_timer timer;
	uint64_t seq; /* of the pings and the questions, random, with its number in the low bits */
	uint64_t begun;
	uint64_t tried;      /* when the first of the connects in a row that were refused began */
	uint64_t refused_at; /* when that was known; 0: the last one was not refused */
	struct shoal_id target;
	uint64_t salt, incarnation; /* of the target when it was opened */
	uint32_t slot;
	uint8_t tries;
	bool proved; /* two refusals far enough apart: it only waits for answers on their way */
	bool said;   /* this member says refused */

	/* For another member: who asked. */
	struct shoal_id origin_id;
	struct shoal_addr origin;
	uint64_t origin_seq; /* 0: it is this member's own */

	/* This member's own: who was asked; bit i: relay[i] says refused, is no watcher of the
	 * target. */
	uint32_t relay[SHOAL_INQUEST_RELAYS];
	uint8_t asked;
	uint16_t refused_by, outside;
};

struct shoal_core;

/* Whether an inquest waits for an ack with this number. */
bool shoal_inquest_awaits(const struct shoal_core *core, uint64_t seq);

void shoal_inquest_init(struct shoal_core *core);
void shoal_inquest_done(struct shoal_core *core);

/* A link that had been up to this member has ended without a leave. */
void shoal_inquest_open(struct shoal_core *core, uint32_t slot);

void shoal_inquest_on_timer(struct shoal_core *core, uint32_t number);

/* A watcher asks for help. */
void shoal_inquest_on_check(struct shoal_core *core, const struct shoal_msg_check *check,
        const struct shoal_addr *from);
/* A relay that was asked says refused. */
void shoal_inquest_on_refused(struct shoal_core *core, const struct shoal_msg_refused *refused,
        const struct shoal_addr *from);
/* An answer, of the target or passed on by a relay. path: as for shoal_probe_on_ack. */
void shoal_inquest_on_ack(struct shoal_core *core, const struct shoal_msg_ack *ack,
        const struct shoal_addr *from, enum shoal_input_kind path);
/* A connect that was begun at a time has ended without an answer. */
void shoal_inquest_on_connect(struct shoal_core *core, uint64_t seq, uint64_t begun, int code);

/* How many must say refused, among n members. */
static inline uint32_t
shoal_inquest_needs(uint32_t n)
{
	return n > 3 ? 3 : n - 1;
}

#endif
