/* SPDX-License-Identifier: MIT */
/* Nobody knows of itself whether others can dial it: a firewall before it tells neither. But each
 * member has watchers, which open links to it and try again when they cannot. One that keeps a link
 * of its own up, and to which nobody has one, is behind something that lets connections out and
 * none in. So nothing is sent to find that out, and nothing is new for who can be dialled. The
 * first link that gets through takes the diagnosis back.
 *
 * A member that has just come has no watchers yet. Until it is known whether it can be dialled it
 * is asked in both ways: who never got a direct answer of it asks its anchors for it.
 *
 * A link says nothing of who opened it but what its first message says. It counts for reaching a
 * member only if it came from a host of that member, and the answers to what goes down it count
 * only from there: who knows a member's id and salt gets no further with them than with datagrams.
 */
#include "core/inbound.h"

#include <string.h>

#include "core/event.h"
#include "core/node.h"
#include "core/order.h"

/* How long nobody has had a link to one that has just come, and to one that was watched: those who
 * watch it look at the ring two seconds after a change, and dial again after a minute or so. */
#define ALONE_FIRST SHOAL_SEC(8)
#define ALONE_LATER SHOAL_SEC(90)
/* Who has just come may be such a member, and not know it yet. */
#define HEARD_LATELY SHOAL_SEC(30)
/* How long a link of its own has been up: there are others, and they have had the time to dial. */
#define PROVED SHOAL_SEC(8)

void
shoal_inbound_init(struct shoal_core *core)
{
	core->inbound.timer.kind = SHOAL_TIMER_INBOUND;
	core->inbound.alone = core->now;
}

/* The oldest of this member's links that are up. SHOAL_NEVER: none is. */
static uint64_t
up_since(const struct shoal_core *core)
{
	uint64_t since = SHOAL_NEVER;

	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		const struct shoal_link *link = &core->watch.link[i];
		if (link->phase == SHOAL_LINK_UP && link->since < since) {
			since = link->since;
		}
	}
	return since;
}

static void
become(struct shoal_core *core, bool inbound)
{
	struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_addr addr = shoal_members_addr(self);
	struct shoal_log_line line;

	if (self->incarnation == UINT64_MAX) {
		return;
	}
	shoal_members_set_inbound(self, inbound);
	self->incarnation++;
	shoal_tree_touch(core, SHOAL_SELF);
	shoal_gossip_raise(core, SHOAL_SELF);
	shoal_watch_changed(core);
	if (inbound) {
		shoal_count(core, SHOAL_COUNTER_INBOUND_ONLY);
	}
	if (shoal_log_begin(core, &line, inbound ? SHOAL_LOG_WARN : SHOAL_LOG_INFO, "inbound")) {
		shoal_text_str(&line.text, inbound ? "nobody can dial this member at "
		                                   : "this member can be dialled again at ");
		shoal_text_addr(&line.text, &addr);
		shoal_text_str(&line.text, inbound ? ": it is reached by its own links only" : "");
	}
}

void
shoal_inbound_doubt(struct shoal_core *core)
{
	struct shoal_inbound *inbound = &core->inbound;
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint64_t since = up_since(core);
	uint64_t wait = inbound->watched ? ALONE_LATER : ALONE_FIRST;

	if (inbound->alone == 0 || since == SHOAL_NEVER || shoal_members_inbound(self)) {
		return;
	}
	uint64_t at = inbound->alone + wait;
	at = since + PROVED > at ? since + PROVED : at;
	if (at <= core->now) {
		become(core, true);
	} else {
		shoal_heap_arm(&core->heap, &inbound->timer, at);
	}
}

void
shoal_inbound_on_timer(struct shoal_core *core)
{
	if (core->leave.phase == SHOAL_LEAVE_NOT) {
		shoal_inbound_doubt(core);
	}
}

void
shoal_inbound_dialled(struct shoal_core *core)
{
	core->inbound.alone = 0;
	core->inbound.watched = true;
	shoal_heap_disarm(&core->heap, &core->inbound.timer);
	if (shoal_members_inbound(shoal_members_at(core, SHOAL_SELF))) {
		become(core, false);
	}
}

void
shoal_inbound_alone(struct shoal_core *core)
{
	core->inbound.alone = core->now;
	shoal_inbound_doubt(core);
}

bool
shoal_inbound_maybe(const struct shoal_record *record)
{
	return shoal_members_inbound(record) || record->srtt_us == 0;
}

uint64_t
shoal_inbound_link(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	for (size_t i = 0; i < SHOAL_LINKS_IN; i++) {
		const struct shoal_watcher *watcher = &core->watch.watcher[i];
		if (watcher->number != 0 && watcher->slot == slot && watcher->local &&
		        watcher->salt == shoal_members_salt(record) &&
		        memcmp(&watcher->id, &record->info->id, sizeof watcher->id) == 0) {
			return watcher->number;
		}
	}
	return 0;
}

void
shoal_inbound_ping(struct shoal_core *core, uint32_t slot, uint64_t seq)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t link = shoal_inbound_maybe(record) ? shoal_inbound_link(core, slot) : 0;

	if (link != 0) {
		(void)shoal_probe_ping(core, SHOAL_SEND_TELL, slot, seq, NULL, 0, link);
	}
}

/* Those that a member has links to; this one may be among them. */
static uint32_t
anchors_of(struct shoal_core *core, uint32_t slot, uint32_t anchors[SHOAL_ANCHORS_MAX])
{
	uint32_t found = 0, at = slot;

	for (unsigned i = 0; i < SHOAL_RING_STEPS && found < core->profile.watchers; i++) {
		at = shoal_tree_next(core, at);
		if (at == SHOAL_NONE || at == slot) {
			break;
		}
		if (!shoal_members_inbound(shoal_members_at(core, at))) {
			anchors[found++] = at;
		}
	}
	return found;
}

uint32_t
shoal_inbound_relays(struct shoal_core *core, uint32_t slot, uint32_t n, uint32_t *relays)
{
	uint32_t anchors[SHOAL_ANCHORS_MAX], first = 0;

	if (shoal_inbound_maybe(shoal_members_at(core, slot))) {
		uint32_t all = anchors_of(core, slot, anchors);
		for (uint32_t i = 0; i < all && first < n; i++) {
			if (anchors[i] != SHOAL_SELF &&
			        shoal_members_at(core, anchors[i])->state == SHOAL_STATE_ALIVE) {
				relays[first++] = anchors[i];
			}
		}
	}
	return shoal_order_fill(core, slot, n, relays, first);
}

/* Whether datagrams may not get in to this member: it knows that, or does not know yet. */
static bool
is_deaf(const struct shoal_core *core)
{
	const struct shoal_inbound *inbound = &core->inbound;

	return shoal_members_inbound(shoal_members_at(core, SHOAL_SELF)) ||
	       (core->profile.watchers > 0 && inbound->alone != 0 && !inbound->watched);
}

bool
shoal_inbound_excuses(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t anchors[SHOAL_ANCHORS_MAX];
	bool deaf = shoal_members_inbound(record) ||
	            (record->srtt_us == 0 &&
	                    core->now - shoal_members_heard(core, record) < HEARD_LATELY);

	if (!deaf || !is_deaf(core)) {
		return false;
	}
	uint32_t all = anchors_of(core, slot, anchors);
	for (uint32_t i = 0; i < all; i++) {
		if (anchors[i] != SHOAL_SELF) {
			return true;
		}
	}
	return false;
}
