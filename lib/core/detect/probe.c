/* SPDX-License-Identifier: MIT */
/* The failure detector (SWIM 3.1, 4.3; Lifeguard IV).
 *
 * Each interval one member is pinged. Unanswered at the time-out, up to k relays are asked to ping
 * it and a ping goes to it on a stream at the same moment; unanswered at the end of the interval
 * the probe has failed. Interval and time-out stretch with the local health score: who misses
 * answers that it should have got distrusts itself first.
 *
 * An answer counts by its random number and by the instance that was asked, and in a datagram only
 * from the address that was asked or from a relay that was. */
#include "core/detect/probe.h"

#include <string.h>

#include "core/detect/check.h"
#include "core/detect/failure.h"
#include "core/detect/order.h"
#include "core/detect/rtt.h"
#include "core/detect/ways.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/heal.h"
#include "core/table/leave.h"
#include "core/table/rival.h"

/* Shortest pause before a leave is told again. */
#define LEAVE_AGAIN SHOAL_MS(50)

static uint64_t
stretched(const struct shoal_core *core, uint32_t ms)
{
	return shoal_ms(ms) * (core->health + 1);
}

void
shoal_probe_init(struct shoal_core *core)
{
	struct shoal_probes *probes = &core->probes;

	shoal_slab_init(&probes->slab, &core->mem, sizeof(struct shoal_probe), SHOAL_PROBES_MAX);
	probes->round.kind = SHOAL_TIMER_ROUND;
	shoal_probe_arm(core);
}

void
shoal_probe_arm(struct shoal_core *core)
{
	uint64_t interval = shoal_ms(core->profile.probe_interval_ms);

	shoal_heap_arm(&core->heap, &core->probes.round,
	        core->now + shoal_rng_between(&core->rng, 1, interval));
}

void
shoal_probe_done(struct shoal_core *core)
{
	shoal_slab_done(&core->probes.slab);
}

void
shoal_probe_health(struct shoal_core *core, int change)
{
	unsigned most = core->profile.health_max;
	unsigned down = change < 0 ? (unsigned)-change : 0;
	unsigned up = change > 0 ? (unsigned)change : 0;
	unsigned health = core->health + up;

	health = health > most ? most : health;
	health = health > down ? health - down : 0;
	if (health != core->health) {
		core->health = health;
		shoal_event_health(core);
	}
}

uint64_t
shoal_probe_number(struct shoal_core *core, uint32_t number, unsigned kind)
{
	uint64_t random = shoal_rng_u64(&core->rng) | UINT64_C(1) << 63;
	return (random & ~UINT64_C(0x7ffff)) | (uint64_t)kind << 16 | number;
}

struct shoal_probe *
shoal_probe_find(struct shoal_core *core, uint64_t seq)
{
	struct shoal_probe *probe = shoal_slab_at(&core->probes.slab, SHOAL_NUMBER_SLOT(seq));
	return probe != NULL && probe->seq == seq ? probe : NULL;
}

/* The record that is probed; NULL: it was forgotten, or another one lives in its slot. */
static struct shoal_record *
target_of(struct shoal_core *core, const struct shoal_probe *probe)
{
	struct shoal_record *record = shoal_members_at(core, probe->slot);
	bool same = record != NULL &&
	            memcmp(&record->info->id, &probe->target, sizeof probe->target) == 0;
	return same ? record : NULL;
}

void
shoal_probe_drop(struct shoal_core *core, struct shoal_probe *probe)
{
	shoal_heap_disarm(&core->heap, &probe->timer);
	shoal_slab_give(&core->probes.slab, SHOAL_NUMBER_SLOT(probe->seq));
}

static unsigned
fill_of(const struct shoal_probe *probe)
{
	switch ((enum shoal_probe_purpose)probe->purpose) {
	case SHOAL_PROBE_ROUND:
		return SHOAL_FILL_GOSSIP;
	case SHOAL_PROBE_CHECK:
	case SHOAL_PROBE_CONFLICT:
		return 0;
	case SHOAL_PROBE_HEAL:
		return SHOAL_FILL_SELF;
	case SHOAL_PROBE_LEAVE:
		return SHOAL_FILL_SELF | SHOAL_FILL_GOSSIP;
	}
	return 0;
}

static struct shoal_pending *
ping_directly(struct shoal_core *core, struct shoal_probe *probe, unsigned fill)
{
	probe->to = shoal_members_addr(shoal_members_at(core, probe->slot));
	return shoal_probe_ping(core, SHOAL_SEND_DATAGRAM, probe->slot, probe->seq, NULL, fill, 0);
}

/* Sends the ping and waits for the answer: as long as this peer's round trips tell (rtt.c). */
static void
ask(struct shoal_core *core, struct shoal_probe *probe, const struct shoal_record *record)
{
	uint64_t patience = shoal_rtt_timeout(core, record) * (core->health + 1);

	probe->begun = core->now;
	probe->moved = 0;
	probe->waits = probe->carried = false;
	probe->patience = patience;
	probe->whole = stretched(core, core->profile.probe_interval_ms);
	probe->deadline = core->now + probe->whole;
	if (probe->purpose == SHOAL_PROBE_LEAVE) {
		patience = LEAVE_AGAIN + shoal_ms(core->profile.probe_timeout_ms) / 2;
	}
	struct shoal_pending *pending = ping_directly(core, probe, fill_of(probe));
	bool datagram = pending != NULL && pending->kind == SHOAL_SEND_DATAGRAM;
	if (datagram && probe->purpose == SHOAL_PROBE_ROUND) {
		pending->pad = shoal_path_probe(core, record);
		probe->padded = (uint32_t)pending->pad;
	}
	shoal_heap_arm(&core->heap, &probe->timer, core->now + patience);
}

void
shoal_probe_delay(struct shoal_core *core, uint32_t number, uint64_t lag)
{
	struct shoal_probe *probe = shoal_slab_at(&core->probes.slab, number);
	uint64_t most = probe->whole - probe->moved;

	if (probe->purpose != SHOAL_PROBE_HEAL && probe->purpose != SHOAL_PROBE_LEAVE) {
		lag = lag < most ? lag : most;
		probe->moved += lag;
		probe->deadline += lag;
		shoal_heap_arm(&core->heap, &probe->timer, probe->timer.at + lag);
	}
}

struct shoal_probe *
shoal_probe_begin(struct shoal_core *core, uint32_t slot, enum shoal_probe_purpose purpose)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t number;
	struct shoal_probe *probe = NULL;

	if (shoal_reserve_timers(core) == SHOAL_OK) {
		probe = shoal_slab_take(&core->probes.slab, &number);
	}
	if (probe == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return NULL;
	}
	probe->timer.kind = SHOAL_TIMER_PROBE;
	probe->timer.slot = number;
	probe->seq = shoal_probe_number(core, number, SHOAL_NUMBER_PROBE);
	probe->purpose = (uint8_t)purpose;
	probe->slot = slot;
	probe->target = record->info->id;
	probe->salt = shoal_members_salt(record);
	probe->incarnation = record->incarnation;
	shoal_count(core, SHOAL_COUNTER_PROBES);
	ask(core, probe, record);
	return probe;
}

/* A time-out that comes late leaves the relays the time that they have otherwise, however small or
 * long the lag. */
static void
make_up_lag(const struct shoal_core *core, struct shoal_probe *probe)
{
	uint64_t least = core->now + probe->whole - probe->patience;

	if (core->profile.stall_ms != 0 && probe->deadline < least) {
		probe->deadline = least;
	}
}

/* 0 where the loop came late to the time-out and stalls are not made up for. */
static uint64_t
time_left(const struct shoal_core *core, const struct shoal_probe *probe)
{
	return probe->deadline > core->now ? probe->deadline - core->now : 0;
}

/* The target is pinged a last time when there is just so much left as it has to answer in. So an
 * outage that swallows all that is sent before must last for nearly the whole interval, however
 * short the time-out was. */
static void
wait_for_last(struct shoal_core *core, struct shoal_probe *probe)
{
	uint64_t left = time_left(core, probe);
	uint64_t wait = probe->patience < left / 2 ? probe->patience : left / 2;

	probe->last = core->profile.adaptive_timeout == 0;
	shoal_heap_arm(
	        &core->heap, &probe->timer, probe->last ? probe->deadline : probe->deadline - wait);
}

static void
ask_last(struct shoal_core *core, struct shoal_probe *probe)
{
	probe->last = probe->waits = true;
	(void)ping_directly(core, probe, 0);
	shoal_ways_ping(core, probe->slot, probe->seq);
	if (!shoal_members_inbound(shoal_members_at(core, probe->slot))) {
		shoal_inbound_ping(core, probe->slot, probe->seq);
	}
	shoal_heap_arm(&core->heap, &probe->timer, probe->deadline);
}

/* By streams a little longer than the probe has: what comes at its end still counts as an answer.
 * That of a leave lasts as long as the leave does. */
static void
ping_on_streams(struct shoal_core *core, const struct shoal_probe *probe)
{
	uint64_t timeout = probe->purpose == SHOAL_PROBE_LEAVE
	                           ? shoal_ms(core->profile.exchange_timeout_ms)
	                           : time_left(core, probe) + shoal_ms(1);

	shoal_ways_stream(core, probe->slot, probe->seq, fill_of(probe), timeout);
}

/* The time-out: relays, a stream, and its other addresses, at the same moment. */
static void
go_indirect(struct shoal_core *core, struct shoal_probe *probe)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_relay relay = {.seq = probe->seq,
	        .id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = probe->target,
	        .budget_ms = time_left(core, probe) / SHOAL_MS(1)};

	if (relay.budget_ms > SHOAL_BUDGET_MAX_MS) {
		relay.budget_ms = SHOAL_BUDGET_MAX_MS;
	}

	probe->indirect = probe->waits = true;
	probe->tried = core->now;
	if (probe->padded != 0) {
		/* It may have been too long for the way. */
		(void)ping_directly(core, probe, 0);
	}
	shoal_ways_ping(core, probe->slot, probe->seq);
	shoal_inbound_ping(core, probe->slot, probe->seq);
	uint32_t asked =
	        shoal_inbound_relays(core, probe->slot, core->profile.relays, probe->relay);
#ifdef SHOAL_PLANT_RELAYS_UNASKED
	asked = asked > 1 ? 1 : asked;
#endif
	for (uint32_t i = 0; i < asked; i++) {
		struct shoal_pending *pending = shoal_send_to(core, SHOAL_SEND_DATAGRAM,
		        probe->relay[i], SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);
		if (pending != NULL) {
			shoal_send_primary(pending, SHOAL_MESSAGE_RELAY, &relay);
			shoal_count(core, SHOAL_COUNTER_RELAYS_ASKED);
		}
	}
	probe->asked = (uint8_t)asked;
	if (core->profile.stream_pings != 0 &&
	        !shoal_members_inbound(shoal_members_at(core, probe->slot))) {
		ping_on_streams(core, probe);
	}
#ifdef SHOAL_PLANT_ACCUSED_EARLY
	probe->deadline -= time_left(core, probe) / 2;
#endif
	wait_for_last(core, probe);
}

/* Who cannot be dialled may get no datagram back either: what has no relays goes on a stream. */
static void
go_out(struct shoal_core *core, struct shoal_probe *probe)
{
	if (!probe->indirect) {
		shoal_ways_ping(core, probe->slot, probe->seq);
	}
	if (!probe->indirect && core->profile.stream_pings != 0 &&
	        shoal_members_inbound(shoal_members_at(core, SHOAL_SELF))) {
		ping_on_streams(core, probe);
	}
	probe->indirect = true;
}

static void
again(struct shoal_core *core, struct shoal_probe *probe, const struct shoal_record *record)
{
	probe->indirect = probe->last = false;
	probe->asked = 0;
	probe->nacked = probe->absent = 0;
	ask(core, probe, record);
}

/* Whether the one that was asked was heard here meanwhile, or said of itself more than what was
 * told dead. What others heard of it and when does not count: that it lived when they heard it is
 * what the statement contradicts, and the way of such word makes it younger than it is. */
static bool
is_contradicted(const struct shoal_probe *probe, const struct shoal_record *record)
{
	return record->incarnation != probe->incarnation ||
	       shoal_members_salt(record) != probe->salt ||
	       (record->flags & SHOAL_RECORD_ANSWERED) != 0;
}

static void
fail(struct shoal_core *core, struct shoal_probe *probe, struct shoal_record *record)
{
	struct shoal_probe last = *probe;

	if (probe->purpose == SHOAL_PROBE_CHECK || probe->purpose == SHOAL_PROBE_CONFLICT) {
		bool counts = !shoal_silence_excuses(core, probe);
		if (!counts || probe->tries > 0) {
			probe->tries = (uint8_t)(probe->tries - counts);
			again(core, probe, record);
			return;
		}
	}
	shoal_probe_drop(core, probe);
	bool lives = record->state != SHOAL_STATE_UNKNOWN && is_contradicted(&last, record);
	if (last.purpose == SHOAL_PROBE_ROUND) {
		shoal_failure_of(core, &last, record);
	} else if (last.purpose == SHOAL_PROBE_CHECK) {
		shoal_check_ended(core, &last, lives);
	} else if (last.purpose == SHOAL_PROBE_CONFLICT) {
		shoal_rival_checked(core, &last, lives ? shoal_members_salt(record) : 0);
	}
}

void
shoal_probe_on_timer(struct shoal_core *core, uint32_t number)
{
	struct shoal_probe *probe = shoal_slab_at(&core->probes.slab, number);
	struct shoal_record *record = target_of(core, probe);

	if (record == NULL) {
		shoal_probe_drop(core, probe);
	} else if (probe->purpose == SHOAL_PROBE_LEAVE) {
		if (probe->phase != core->leave.phase) {
			shoal_probe_drop(core, probe);
			return;
		}
		shoal_probe_ping(core, SHOAL_SEND_DATAGRAM, probe->slot, probe->seq, NULL,
		        fill_of(probe), 0);
		go_out(core, probe);
		shoal_heap_arm(&core->heap, &probe->timer,
		        core->now + LEAVE_AGAIN + shoal_ms(core->profile.probe_timeout_ms) / 2);
	} else if (!probe->indirect && probe->purpose != SHOAL_PROBE_HEAL) {
		make_up_lag(core, probe);
		go_indirect(core, probe);
	} else if (!probe->indirect) {
		go_out(core, probe);
		probe->last = true;
		shoal_heap_arm(&core->heap, &probe->timer, probe->deadline);
	} else if (probe->heard) {
		shoal_count(core, SHOAL_COUNTER_PROBES_ACKED);
		shoal_partial_answered(core, &probe->target, false);
		shoal_probe_drop(core, probe);
		shoal_probe_health(core, -1);
	} else if (!probe->last) {
		ask_last(core, probe);
	} else {
		fail(core, probe, record);
	}
}

void
shoal_probe_on_round(struct shoal_core *core)
{
	uint32_t slot = shoal_order_next(core);

	shoal_heap_arm(&core->heap, &core->probes.round,
	        core->now + stretched(core, core->profile.probe_interval_ms));
	if (slot != SHOAL_NONE && core->leave.phase == SHOAL_LEAVE_NOT) {
		shoal_probe_begin(core, slot, SHOAL_PROBE_ROUND);
	}
}

/* Asked by a relay that has no room for it, the target answers from where it has moved to. */
static bool
was_asked(struct shoal_core *core, const struct shoal_probe *probe, const struct shoal_addr *from,
        bool *direct)
{
	*direct = shoal_addr_equal(&probe->to, from) && !probe->carried;
	if (*direct || shoal_members_may_be(core, probe->slot, from) ||
	        (probe->carried &&
	                shoal_inbound_is_from(core, shoal_members_at(core, probe->slot), from))) {
		return true;
	}
	for (uint32_t i = 0; i < probe->asked; i++) {
		if (shoal_members_may_be(core, probe->relay[i], from)) {
			return true;
		}
	}
	return false;
}

static void
succeed(struct shoal_core *core, const struct shoal_probe *probe)
{
	switch ((enum shoal_probe_purpose)probe->purpose) {
	case SHOAL_PROBE_ROUND:
		shoal_probe_health(core, -1);
		break;
	case SHOAL_PROBE_CHECK:
		shoal_check_ended(core, probe, true);
		break;
	case SHOAL_PROBE_HEAL:
		shoal_heal_answered(core, probe->slot);
		break;
	case SHOAL_PROBE_LEAVE:
		shoal_leave_told(core, probe->phase);
		break;
	case SHOAL_PROBE_CONFLICT:
		shoal_rival_checked(core, probe, probe->salt);
		break;
	}
}

/* Another instance answers for the one that was asked: nothing is silent here, and nothing is
 * judged. It is told what is held of it, and will say what is newer. */
static void
succeeded_by(struct shoal_core *core, struct shoal_probe *probe, uint64_t salt)
{
	struct shoal_probe last = *probe;

	shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
	shoal_probe_drop(core, probe);
	if (last.purpose == SHOAL_PROBE_CHECK) {
		shoal_check_ended(core, &last, last.told.state == SHOAL_STATE_DEAD);
	} else if (last.purpose == SHOAL_PROBE_LEAVE) {
		shoal_leave_told(core, last.phase); /* whichever instance it is, it has heard */
	} else if (last.purpose == SHOAL_PROBE_CONFLICT) {
		shoal_rival_checked(core, &last, salt);
	}
	if (target_of(core, &last) != NULL) {
		/* With this member's own statement: the instance may know nobody yet. */
		shoal_send_gossip(core, last.slot, SHOAL_FILL_SELF | SHOAL_FILL_ABOUT, last.slot);
	}
}

/* How long the way took by which the answer came. */
static void
observe(struct shoal_core *core, const struct shoal_probe *probe, bool direct,
        enum shoal_input_kind path, uint64_t arrived)
{
	enum shoal_histogram_kind kind = path != SHOAL_INPUT_DATAGRAM ? SHOAL_HISTOGRAM_STREAM_RTT
	                                 : direct                     ? SHOAL_HISTOGRAM_PROBE_RTT
	                                                              : SHOAL_HISTOGRAM_RELAY_RTT;
	uint64_t from = kind == SHOAL_HISTOGRAM_PROBE_RTT ? probe->begun : probe->tried;

	if (from != 0 && arrived >= from) {
		shoal_observe_ns(core, kind, arrived - from);
	}
}

bool
shoal_probe_hears(
        struct shoal_core *core, const struct shoal_msg_ack *ack, uint32_t by, uint64_t arrived)
{
	struct shoal_probe *probe = shoal_probe_find(core, ack->seq);
	struct shoal_record *record = probe != NULL ? target_of(core, probe) : NULL;
	struct shoal_addr other[SHOAL_ADDRS_MAX];

	if (record == NULL || probe->slot != by || ack->salt != probe->salt || !probe->indirect ||
	        probe->purpose != SHOAL_PROBE_ROUND ||
	        memcmp(&ack->id, &probe->target, sizeof ack->id) != 0 ||
	        shoal_members_others(core, record, other) == 0) {
		return false;
	}
	shoal_count(core, SHOAL_COUNTER_ACKS_IN);
	shoal_members_hear(core, record, arrived);
	record->flags |= SHOAL_RECORD_ANSWERED;
	probe->heard = true;
	return true;
}

void
shoal_probe_on_ack(struct shoal_core *core, const struct shoal_msg_ack *ack,
        const struct shoal_addr *from, enum shoal_input_kind path, uint64_t arrived)
{
	struct shoal_probe *probe = shoal_probe_find(core, ack->seq);
	struct shoal_record *record = probe != NULL ? target_of(core, probe) : NULL;
	bool direct = false;

	if (SHOAL_NUMBER_POLLS(ack->seq) && path == SHOAL_INPUT_RESULT) {
		shoal_poll_on_ack(core);
		return;
	}
	if (record == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
#ifdef SHOAL_PLANT_LATE_ACK_ANSWERED
		struct shoal_pending *again =
		        shoal_send_queue(core, SHOAL_SEND_DATAGRAM, from, SHOAL_NONE, 0);
		if (again != NULL) {
			shoal_send_primary(again, SHOAL_MESSAGE_ACK, ack);
		}
#endif
		return;
	}
	if (memcmp(&ack->id, &probe->target, sizeof ack->id) != 0 ||
	        (path == SHOAL_INPUT_DATAGRAM && !was_asked(core, probe, from, &direct))) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
	if (ack->salt != probe->salt) {
		succeeded_by(core, probe, ack->salt);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_ACKS_IN);
	shoal_count(core, SHOAL_COUNTER_PROBES_ACKED);
	if (path != SHOAL_INPUT_DATAGRAM) {
		shoal_count(core, SHOAL_COUNTER_STREAM_ACKS);
	}
	/* Only a ping that was sent once measures (Karn): the number is the same on every path and
	 * try. */
	if (probe->padded != 0) {
		shoal_path_answered(core, record, probe->padded, probe->indirect);
	}
	if (probe->purpose == SHOAL_PROBE_ROUND) {
		shoal_partial_answered(core, &probe->target, direct && !probe->indirect);
	}
#ifdef SHOAL_PLANT_LATE_MEASURED
	if (direct && probe->indirect && probe->purpose == SHOAL_PROBE_ROUND) {
		shoal_rtt_measure(core, probe->slot, arrived - probe->begun);
	}
#endif
	if (direct && probe->purpose == SHOAL_PROBE_ROUND) {
		if (probe->indirect && !probe->last) {
			shoal_rtt_late(record);
		} else if (!probe->indirect && arrived > probe->begun) {
			shoal_rtt_measure(core, probe->slot, arrived - probe->begun);
		}
	}
	observe(core, probe, direct, path, arrived);
	shoal_members_hear(core, record, arrived);
	record->flags |= SHOAL_RECORD_ANSWERED;
	struct shoal_probe last = *probe;
	shoal_probe_drop(core, probe);
	shoal_ways_answered(core, &last, from);
	succeed(core, &last);
}

void
shoal_probe_on_nack(struct shoal_core *core, const struct shoal_msg_nack *nack)
{
	struct shoal_probe *probe = shoal_probe_find(core, nack->seq);

	if (probe == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	for (uint32_t i = 0; i < probe->asked; i++) {
		const struct shoal_record *relay = shoal_members_at(core, probe->relay[i]);
		if (relay != NULL && memcmp(&relay->info->id, &nack->id, sizeof nack->id) == 0) {
			shoal_count(core, SHOAL_COUNTER_NACKS_IN);
			probe->nacked |= UINT32_C(1) << i;
			if (nack->reason == SHOAL_NACK_UNKNOWN || nack->reason == SHOAL_NACK_LEFT) {
				probe->absent |= UINT32_C(1) << i;
			}
			return;
		}
	}
	shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
}
