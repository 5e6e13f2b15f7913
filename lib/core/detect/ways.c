/* SPDX-License-Identifier: MIT */
/* Pings, and the ways by which they go. A member with several addresses is asked at one of them; at
 * the time-out, and with the last ping, at all others that are of use too, in datagrams and on
 * streams. So it is accused where none of them answers, and not where one network of several fails.
 *
 * One probe that only another address answered may be mere loss: the member is probed again at
 * once, and when that ends likewise the address that answered is used from then on (where.c). Such
 * members are noted in a few places, of which the newest takes the oldest. O(1). */
#include "core/detect/ways.h"

#include <string.h>

#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"

static void
write_ping(struct shoal_core *core, struct shoal_pending *pending, uint32_t slot, uint64_t seq,
        const struct shoal_origin *origin)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_ping ping = {.seq = seq,
	        .id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = shoal_members_at(core, slot)->info->id,
	        .mark = shoal_tree_mark(shoal_tree_root(core))};

	if (origin != NULL) {
		ping.origin = origin->addr;
		ping.origin_salt = origin->salt;
	}
	shoal_send_primary(pending, SHOAL_MESSAGE_PING, &ping);
	shoal_count(core, SHOAL_COUNTER_PINGS_OUT);
}

struct shoal_pending *
shoal_probe_ping(struct shoal_core *core, enum shoal_send_kind kind, uint32_t slot, uint64_t seq,
        const struct shoal_origin *origin, unsigned flags, uint64_t exchange)
{
	struct shoal_pending *pending = shoal_send_to(core, kind, slot, flags | SHOAL_FILL_BELIEF);

	if (pending == NULL) {
		return NULL;
	}
	if (exchange != 0) {
		pending->exchange = exchange;
	}
	if (pending->kind == SHOAL_SEND_TELL) {
		shoal_count(core, SHOAL_COUNTER_LINK_PINGS);
	}
	write_ping(core, pending, slot, seq, origin);
	return pending;
}

void
shoal_ways_ping(struct shoal_core *core, uint32_t slot, uint64_t seq)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_addr other[SHOAL_ADDRS_MAX];
	unsigned n = shoal_members_inbound(record) ? 0 : shoal_members_others(core, record, other);

	for (unsigned i = 0; i < n; i++) {
		struct shoal_pending *pending = shoal_send_queue(
		        core, SHOAL_SEND_DATAGRAM, &other[i], slot, SHOAL_FILL_BELIEF);
		if (pending != NULL) {
			write_ping(core, pending, slot, seq, NULL);
		}
	}
}

static uint64_t
ping_on_stream(struct shoal_core *core, uint32_t slot, const struct shoal_addr *to, uint64_t seq,
        unsigned flags, uint64_t timeout)
{
	uint64_t number = shoal_exchange_begin(core, SHOAL_EXCHANGE_PING, slot, to);
	struct shoal_exchange unsent;

	if (number == 0) {
		return 0;
	}
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_REQUEST, to, slot, flags | SHOAL_FILL_BELIEF);
	if (pending == NULL) {
		shoal_exchange_end(core, number, &unsent);
		return 0;
	}
	pending->exchange = number;
	pending->timeout_ns = timeout;
	write_ping(core, pending, slot, seq, NULL);
	shoal_count(core, SHOAL_COUNTER_STREAM_PINGS);
	return number;
}

void
shoal_ways_stream(
        struct shoal_core *core, uint32_t slot, uint64_t seq, unsigned flags, uint64_t timeout)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_addr used = shoal_members_addr(record), other[SHOAL_ADDRS_MAX];
	unsigned n = shoal_members_others(core, record, other);

	(void)ping_on_stream(core, slot, &used, seq, flags, timeout);
	for (unsigned i = 0; i < n; i++) {
		(void)ping_on_stream(core, slot, &other[i], seq, 0, timeout);
	}
}

uint64_t
shoal_ways_poll(struct shoal_core *core, uint32_t slot, unsigned kind, uint64_t timeout)
{
	struct shoal_addr used = shoal_members_addr(shoal_members_at(core, slot));

	return ping_on_stream(core, slot, &used, shoal_probe_number(core, 0, kind), 0, timeout);
}

bool
shoal_ways_carry(struct shoal_core *core, uint32_t slot, uint64_t *seq)
{
	const struct shoal_id *id = &shoal_members_at(core, slot)->info->id;

	for (uint32_t i = 0; i < core->probes.slab.end; i++) {
		struct shoal_probe *probe = shoal_slab_at(&core->probes.slab, i);
		if (probe != NULL && probe->waits && probe->slot == slot &&
		        memcmp(&probe->target, id, sizeof *id) == 0) {
			probe->waits = false;
			probe->carried = true;
			*seq = probe->seq;
			return true;
		}
	}
	return false;
}

/* SHOAL_WAYS_NOTED: it is not noted. */
static unsigned
find(const struct shoal_core *core, const struct shoal_id *id)
{
	unsigned i = 0;

	while (i < core->ways.count && memcmp(&core->ways.id[i], id, sizeof *id) != 0) {
		i++;
	}
	return i < core->ways.count ? i : SHOAL_WAYS_NOTED;
}

static void
forget(struct shoal_core *core, unsigned place)
{
	struct shoal_ways *ways = &core->ways;

	if (place < ways->count) {
		ways->count--;
		memmove(&ways->id[place], &ways->id[place + 1],
		        (ways->count - place) * sizeof ways->id[0]);
	}
}

static void
turn_to(struct shoal_core *core, uint32_t slot, const struct shoal_addr *addr)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_addr before = shoal_members_addr(record);
	struct shoal_log_line line;

	shoal_members_turn_to(core, slot, addr);
	shoal_count(core, SHOAL_COUNTER_WAYS_CHANGED);
	if (shoal_log_begin(core, &line, SHOAL_LOG_INFO, "members")) {
		shoal_text_str(&line.text, shoal_members_name(record));
		shoal_text_str(&line.text, " does not answer at ");
		shoal_kind_write_addr(record, &before, &line.text);
		shoal_text_str(&line.text, " and does at ");
		shoal_kind_write_addr(record, addr, &line.text);
		shoal_text_str(&line.text, ", which is used from now on");
	}
}

void
shoal_ways_answered(
        struct shoal_core *core, const struct shoal_probe *probe, const struct shoal_addr *from)
{
	const struct shoal_record *record = shoal_members_at(core, probe->slot);
	unsigned noted = find(core, &probe->target);

	if (shoal_members_is_at(record, from)) {
		forget(core, noted);
		return;
	}
	if (!probe->indirect || !shoal_members_has_addr(record, from)) {
		return;
	}
	bool round = probe->purpose == SHOAL_PROBE_ROUND;
	if (noted < SHOAL_WAYS_NOTED || !round) {
		forget(core, noted);
		turn_to(core, probe->slot, from);
		return;
	}
	if (core->ways.count == SHOAL_WAYS_NOTED) {
		forget(core, 0);
	}
	core->ways.id[core->ways.count++] = probe->target;
	(void)shoal_probe_begin(core, probe->slot, SHOAL_PROBE_ROUND);
}
