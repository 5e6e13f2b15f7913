/* SPDX-License-Identifier: MIT */
/* Pings made for others: one bounded record each, and a nack where no answer came in time
 * (Lifeguard IV-A). */
#ifndef SHOAL_CORE_RELAY_H
#define SHOAL_CORE_RELAY_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/slab.h"
#include "wire/message.h"

#define SHOAL_RELAYED_PER_ORIGIN 4

struct shoal_relayed {
	struct shoal_timer timer;
	uint64_t seq, origin_seq;
	struct shoal_addr origin;
	struct shoal_id origin_id, target;
	bool carried; /* in the reply to a poll of the target */
};

struct shoal_relays {
	struct shoal_slab slab;
};

struct shoal_core;

void shoal_relay_init(struct shoal_core *core);
void shoal_relay_done(struct shoal_core *core);
/* teller: the slot of who asks, as the packet says. */
void shoal_relay_on_request(struct shoal_core *core, const struct shoal_msg_relay *relay,
        uint32_t teller, const struct shoal_input *input);
void shoal_relay_on_ack(
        struct shoal_core *core, const struct shoal_msg_ack *ack, const struct shoal_addr *from);
/* Whether a ping with this number is unanswered. */
bool shoal_relay_awaits(const struct shoal_core *core, uint64_t seq);
void shoal_relay_on_timer(struct shoal_core *core, uint32_t number);
/* Takes the numbers of at most so many pings that wait for a poll of the target; how many. */
unsigned shoal_relay_carry(
        struct shoal_core *core, const struct shoal_id *target, unsigned most, uint64_t *seq);
/* A link of the member in slot is up: who waits for it now asks again by that. */
void shoal_relay_reached(struct shoal_core *core, uint32_t slot);

#endif
