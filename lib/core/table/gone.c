/* SPDX-License-Identifier: MIT */
/* A process that was stopped and whose address another one took under another id: waiting for it to
 * be silent would take the whole suspicion, and the new one knows better. A gone counts as an
 * answer does, from the address that was pinged and under the ping's number, so that it cannot be
 * forged from elsewhere; and it is an accusation like any other, which its subject may refute.
 *
 * Two members that advertise one address, behind a NAT or by mistake, both live. After two
 * refutations a gone about the one that cannot be reached is only a diagnosis, as long as it is
 * heard in another way; it is heard by its own pings then.
 *
 * Bounds: SHOAL_SHARED_MAX and SHOAL_PLOTS, the least recent makes room. Both are small on purpose:
 * what does not fit is treated like any other member. */
#include "core/table/gone.h"

#include <string.h>

#include "base/addr.h"
#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/grave.h"

#define REFUTATIONS_ENOUGH 2
#define SHARED_KEPT        SHOAL_SEC(600)

void
shoal_gone_answer(struct shoal_core *core, const struct shoal_msg_ping *ping,
        const struct shoal_addr *from, enum shoal_input_kind path, uint64_t exchange)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint32_t slot = shoal_members_find(core, &ping->id);
	const struct shoal_record *sender = shoal_members_at(core, slot);
	struct shoal_msg_gone gone = {.seq = ping->seq,
	        .id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .incarnation = self->incarnation,
	        .target = ping->target};
	bool request = path == SHOAL_INPUT_REQUEST;

#ifdef SHOAL_PLANT_GONE_UNSAID
	return;
#endif
	if (slot == SHOAL_SELF) { /* its own: the other one is thought to live here */
		if (ping->salt == gone.salt && !request) {
			shoal_gone_on_gone(core, &gone, from);
		}
		return;
	}
	/* It is longer than the ping: only a member gets it, where that is known to be. */
	if (path == SHOAL_INPUT_STREAM || sender == NULL || !shoal_members_counts(sender) ||
	        (!request && !shoal_members_is_at(sender, from))) {
		return;
	}
	struct shoal_pending *pending = shoal_send_queue(
	        core, request ? SHOAL_SEND_REPLY : SHOAL_SEND_DATAGRAM, from, slot, 0);
	if (pending != NULL) {
		pending->exchange = exchange;
		shoal_send_primary(pending, SHOAL_MESSAGE_GONE, &gone);
		shoal_count(core, SHOAL_COUNTER_GONES_OUT);
	}
}

static struct shoal_shared *
find_shared(const struct shoal_core *core, const struct shoal_id *id)
{
	for (size_t i = 0; core->gone.latest > core->now && i < SHOAL_SHARED_MAX; i++) {
		const struct shoal_shared *shared = &core->gone.shared[i];
		if (shared->until > core->now && memcmp(&shared->id, id, sizeof *id) == 0) {
			return (struct shoal_shared *)(uintptr_t)shared;
		}
	}
	return NULL;
}

static void
keep(struct shoal_core *core, struct shoal_shared *shared)
{
	shared->until = core->gone.latest = core->now + SHARED_KEPT;
}

bool
shoal_gone_is_shared(const struct shoal_core *core, const struct shoal_id *id)
{
	const struct shoal_shared *shared = find_shared(core, id);
	return shared != NULL && shared->refuted >= REFUTATIONS_ENOUGH;
}

void
shoal_gone_refuted(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	struct shoal_shared *shared = core->gone.shared;

	if (record->state != SHOAL_STATE_SUSPECT || hold == NULL || !hold->replaced) {
		return;
	}
	struct shoal_shared *known = find_shared(core, &record->info->id);
	for (size_t i = 1; known == NULL && i < SHOAL_SHARED_MAX; i++) {
		if (core->gone.shared[i].until < shared->until) {
			shared = &core->gone.shared[i];
		}
	}
	if (known == NULL) {
		shared->id = record->info->id;
		shared->refuted = 0;
		known = shared;
	}
	keep(core, known);
	if (known->refuted < REFUTATIONS_ENOUGH) {
		known->refuted++;
	}
}

/* The one that lives at the address, and perhaps one more, besides this member and the subject. */
bool
shoal_gone_is_agreed(const struct shoal_core *core, const struct shoal_hold *hold)
{
	return hold->replaced && hold->doubters >= (shoal_members_n(core) <= 3 ? 1 : 2);
}

static void
accuse(struct shoal_core *core, uint32_t slot, const struct shoal_msg_gone *gone)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_REPLACED, &gone->id);
	uint32_t tenant = shoal_members_find(core, &gone->id);
	struct shoal_addr addr = shoal_members_addr(record);
	struct shoal_text text;

	shoal_text_init(&text, cause.detail, sizeof cause.detail);
	if (shoal_addr_is_web(&addr)) {
		shoal_text_str(&text, "its URL");
	} else {
		shoal_text_addr(&text, &addr);
	}
	shoal_text_str(&text, " is the address of ");
	if (tenant != SHOAL_NONE) {
		shoal_text_str(&text, shoal_members_name(shoal_members_at(core, tenant)));
	} else {
		shoal_text_id(&text, &gone->id);
	}
	const struct shoal_id self = shoal_members_at(core, SHOAL_SELF)->info->id;
	shoal_suspicion_accuse(core, slot, &self, &cause);
	shoal_suspicion_replaced(core, slot);
}

void
shoal_gone_on_gone(
        struct shoal_core *core, const struct shoal_msg_gone *gone, const struct shoal_addr *from)
{
	struct shoal_probe *probe = shoal_probe_find(core, gone->seq);

	if (probe == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	uint32_t slot = probe->slot;
	struct shoal_record *record = shoal_members_at(core, slot);
	if (record == NULL || memcmp(&gone->target, &probe->target, sizeof gone->target) != 0 ||
	        memcmp(&record->info->id, &gone->target, sizeof gone->target) != 0 ||
	        memcmp(&gone->id, &gone->target, sizeof gone->id) == 0 ||
	        !shoal_members_is_at(record, from)) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_GONES_IN);
	if (probe->purpose != SHOAL_PROBE_ROUND || !shoal_members_counts(record) ||
	        shoal_members_salt(record) != probe->salt) {
		return; /* no word about the one that was asked: the probe goes on */
	}
	struct shoal_shared *shared = find_shared(core, &gone->target);
	if (shared != NULL && shared->refuted >= REFUTATIONS_ENOUGH) {
		keep(core, shared);
		if (core->now - shoal_members_heard(core, record) <=
		        shoal_ms(core->profile.hearsay_ms)) {
			shoal_probe_drop(core, probe);
		}
		return;
	}
	shoal_probe_drop(core, probe);
	accuse(core, slot, gone);
}

static bool
lies_at(const struct shoal_core *core, uint32_t slot, const struct shoal_addr *addr)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	return record != NULL && shoal_state_is_gone((enum shoal_state)record->state) &&
	       shoal_members_is_at(record, addr);
}

static uint64_t
age_of(const struct shoal_core *core, uint32_t slot)
{
	return shoal_grave_age(core, shoal_members_at(core, slot));
}

void
shoal_gone_count(struct shoal_core *core, uint32_t slot)
{
	struct shoal_addr addr = shoal_members_addr(shoal_members_at(core, slot));
	uint64_t hash = shoal_table_hash(&core->members.by_id, &addr, sizeof addr);
	struct shoal_plot *plot = &core->gone.plot[hash % SHOAL_PLOTS];
	uint8_t kept = 0;

	if (!shoal_addr_equal(&plot->addr, &addr)) {
		plot->addr = addr;
		plot->count = 0;
	}
	for (uint8_t i = 0; i < plot->count; i++) {
		if (plot->slot[i] != slot && lies_at(core, plot->slot[i], &addr)) {
			plot->slot[kept++] = plot->slot[i];
		}
	}
	plot->count = kept;
	if (kept < SHOAL_PLOT_MAX) {
		plot->slot[plot->count++] = slot;
		return;
	}
	/* The new one may be it: what others still tell must not push out what is younger, each in
	 * its turn. */
	uint64_t most = age_of(core, plot->slot[0]);
	uint8_t first = 0;
	for (uint8_t i = 1; i < SHOAL_PLOT_MAX; i++) {
		uint64_t age = age_of(core, plot->slot[i]);
		first = age > most ? i : first;
		most = age > most ? age : most;
	}
	uint32_t oldest = age_of(core, slot) > most ? slot : plot->slot[first];
	if (oldest != slot) {
		memmove(plot->slot + first, plot->slot + first + 1,
		        (SHOAL_PLOT_MAX - 1u - first) * sizeof plot->slot[0]);
		plot->slot[SHOAL_PLOT_MAX - 1] = slot;
	}
	shoal_grave_forget(core, oldest, SHOAL_CAUSE_EXPIRED);
}
