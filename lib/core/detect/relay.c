/* SPDX-License-Identifier: MIT */
/* Relaying: only for current members, to current members, at most profile.relayed_max at once and
 * four for one origin. The record ends with the target's ack, which is passed on, or after four
 * fifths of the time that the origin still had, with a nack. Where the table is full the target is
 * asked to answer the origin itself, and there is no nack; but to a URL, of which it knows nothing
 * more than a made address, unless it spoke with the origin before, and where they have no kind of
 * address in common. */
#include "core/detect/relay.h"

#include <string.h>

#include "core/node.h"

void
shoal_relay_init(struct shoal_core *core)
{
	shoal_slab_init(&core->relays.slab, &core->mem, sizeof(struct shoal_relayed),
	        core->profile.relayed_max);
}

void
shoal_relay_done(struct shoal_core *core)
{
	shoal_slab_done(&core->relays.slab);
}

/* The slab is small and bounded, so that a pass over it is cheaper than keeping counts. */
static bool
may_keep(const struct shoal_core *core, const struct shoal_id *origin)
{
#ifdef SHOAL_PLANT_RELAYS_UNBOUNDED
	return true;
#endif
	const struct shoal_slab *slab = &core->relays.slab;
	unsigned held = 0;

	for (uint32_t i = 0; i < slab->end && held < SHOAL_RELAYED_PER_ORIGIN; i++) {
		const struct shoal_relayed *relayed = shoal_slab_at(slab, i);
		if (relayed != NULL && memcmp(&relayed->origin_id, origin, sizeof *origin) == 0) {
			held++;
		}
	}
	return held < SHOAL_RELAYED_PER_ORIGIN;
}

static struct shoal_relayed *
keep(struct shoal_core *core, const struct shoal_msg_relay *relay, const struct shoal_addr *from,
        const struct shoal_record *target)
{
	uint32_t number;
	struct shoal_relayed *relayed;

	if (!may_keep(core, &relay->id) || shoal_reserve_timers(core) != SHOAL_OK) {
		return NULL;
	}
	relayed = shoal_slab_take(&core->relays.slab, &number);
	if (relayed == NULL) {
		return NULL;
	}
	relayed->timer.kind = SHOAL_TIMER_RELAY;
	relayed->timer.slot = number;
	relayed->seq = shoal_probe_number(core, number, SHOAL_NUMBER_RELAY);
	relayed->origin_seq = relay->seq;
	relayed->origin = *from;
	relayed->origin_id = relay->id;
	relayed->target = target->info->id;
	uint64_t budget = SHOAL_MS(relay->budget_ms);
	shoal_heap_arm(&core->heap, &relayed->timer, core->now + budget - budget / 5 + 1);
	return relayed;
}

static struct shoal_pending *
answer(struct shoal_core *core, const struct shoal_id *origin, const struct shoal_addr *to)
{
	return shoal_send_queue(core, SHOAL_SEND_DATAGRAM, to, shoal_members_find(core, origin),
	        SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);
}

static void
send_nack(struct shoal_core *core, uint64_t seq, const struct shoal_id *origin,
        const struct shoal_addr *to, enum shoal_nack_reason reason)
{
	struct shoal_msg_nack nack = {.seq = seq,
	        .id = shoal_members_at(core, SHOAL_SELF)->info->id,
	        .reason = (uint8_t)reason};

	if (core->profile.nacks == 0) {
		return;
	}
	struct shoal_pending *pending = answer(core, origin, to);
	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_NACK, &nack);
		shoal_count(core, SHOAL_COUNTER_NACKS_OUT);
	}
}

/* Without a record. */
static void
send_to_origin(struct shoal_core *core, const struct shoal_msg_relay *relay, uint32_t slot,
        const struct shoal_origin *asker)
{
	bool answers = shoal_kind_has(shoal_members_at(core, slot), &asker->addr);

	if (answers) {
		shoal_probe_ping(core, SHOAL_SEND_DATAGRAM, slot, relay->seq, asker, 0, 0);
	}
	if (!answers || shoal_addr_is_web(&asker->addr)) {
		send_nack(core, relay->seq, &relay->id, &asker->addr, SHOAL_NACK_UNKNOWN);
	}
}

void
shoal_relay_on_request(struct shoal_core *core, const struct shoal_msg_relay *relay,
        uint32_t teller, const struct shoal_input *input)
{
	struct shoal_addr source = shoal_members_source(core, teller, input);
	const struct shoal_addr *from = &source;
	uint32_t origin = shoal_members_find(core, &relay->id);
	uint32_t slot = shoal_members_find(core, &relay->target);
	struct shoal_origin asker = {.addr = *from, .salt = relay->salt};

#ifdef SHOAL_PLANT_STRANGERS_SERVED
	if (slot != SHOAL_NONE && slot != SHOAL_SELF) {
		shoal_probe_ping(core, SHOAL_SEND_DATAGRAM, slot, relay->seq, &asker, 0, 0);
		return;
	}
#endif
	if (origin == SHOAL_NONE || slot == SHOAL_SELF ||
	        !shoal_members_counts(shoal_members_at(core, origin)) ||
	        !shoal_members_may_be(core, origin, from)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	const struct shoal_record *target =
	        slot == SHOAL_NONE ? NULL : shoal_members_at(core, slot);
	if (target == NULL ||
	        (!shoal_members_counts(target) && target->state != SHOAL_STATE_DEAD)) {
		/* Not known here, or left: the origin must not think that this relay is silent. */
		send_nack(core, relay->seq, &relay->id, from,
		        target == NULL || target->state == SHOAL_STATE_UNKNOWN ? SHOAL_NACK_UNKNOWN
		                                                               : SHOAL_NACK_LEFT);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_RELAYS_SERVED);
	struct shoal_relayed *relayed = keep(core, relay, from, target);
	if (relayed == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_RELAY_FULL);
		send_to_origin(core, relay, slot, &asker);
		return;
	}
	shoal_probe_ping(core, SHOAL_SEND_DATAGRAM, slot, relayed->seq, NULL, SHOAL_FILL_GOSSIP, 0);
	shoal_ways_ping(core, slot, relayed->seq);
	if (!shoal_members_inbound(target)) {
		shoal_inbound_ping(core, slot, relayed->seq);
	}
}

void
shoal_relay_reached(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_id *id = &shoal_members_at(core, slot)->info->id;

	for (uint32_t i = 0; i < core->relays.slab.end; i++) {
		const struct shoal_relayed *relayed = shoal_slab_at(&core->relays.slab, i);
		if (relayed != NULL && memcmp(&relayed->target, id, sizeof *id) == 0) {
			shoal_inbound_ping(core, slot, relayed->seq);
		}
	}
}

unsigned
shoal_relay_carry(
        struct shoal_core *core, const struct shoal_id *target, unsigned most, uint64_t *seq)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < core->relays.slab.end && n < most; i++) {
		struct shoal_relayed *relayed = shoal_slab_at(&core->relays.slab, i);
		if (relayed != NULL && !relayed->carried &&
		        memcmp(&relayed->target, target, sizeof *target) == 0) {
			relayed->carried = true;
			seq[n++] = relayed->seq;
		}
	}
	return n;
}

/* A poll comes from where no statement told that its sender is. */
static bool
may_answer(const struct shoal_core *core, const struct shoal_relayed *relayed, uint32_t slot,
        const struct shoal_addr *from)
{
	return shoal_members_may_be(core, slot, from) ||
	       (relayed->carried &&
	               shoal_inbound_is_from(core, shoal_members_at(core, slot), from));
}

static void
end(struct shoal_core *core, struct shoal_relayed *relayed)
{
	shoal_heap_disarm(&core->heap, &relayed->timer);
	shoal_slab_give(&core->relays.slab, SHOAL_NUMBER_SLOT(relayed->seq));
}

void
shoal_relay_on_ack(
        struct shoal_core *core, const struct shoal_msg_ack *ack, const struct shoal_addr *from)
{
	struct shoal_relayed *relayed =
	        shoal_slab_at(&core->relays.slab, SHOAL_NUMBER_SLOT(ack->seq));
	uint32_t slot = shoal_members_find(core, &ack->id);

	if (relayed == NULL || relayed->seq != ack->seq) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	if (slot == SHOAL_NONE || memcmp(&ack->id, &relayed->target, sizeof ack->id) != 0 ||
	        !may_answer(core, relayed, slot, from)) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	struct shoal_msg_ack passed = {
	        .seq = relayed->origin_seq, .id = ack->id, .salt = ack->salt, .mark = ack->mark};
	struct shoal_pending *pending = answer(core, &relayed->origin_id, &relayed->origin);
	if (pending != NULL) {
		/* The ack names the target; what else is in the packet comes from here. */
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
		shoal_send_primary(pending, SHOAL_MESSAGE_ACK, &passed);
	}
	shoal_count(core, SHOAL_COUNTER_ACKS_IN);
	end(core, relayed);
}

bool
shoal_relay_awaits(const struct shoal_core *core, uint64_t seq)
{
	const struct shoal_relayed *relayed =
	        shoal_slab_at(&core->relays.slab, SHOAL_NUMBER_SLOT(seq));
	return relayed != NULL && relayed->seq == seq;
}

void
shoal_relay_on_timer(struct shoal_core *core, uint32_t number)
{
	struct shoal_relayed *relayed = shoal_slab_at(&core->relays.slab, number);

#ifdef SHOAL_PLANT_NACK_UNSENT
	end(core, relayed);
	return;
#endif
	send_nack(core, relayed->origin_seq, &relayed->origin_id, &relayed->origin,
	        SHOAL_NACK_SILENT);
	end(core, relayed);
}
