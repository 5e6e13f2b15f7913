/* SPDX-License-Identifier: MIT */
/* Nobody knows of itself whether others can dial it: a firewall before it tells neither. But each
 * member has watchers, which open links to it and try again when they cannot. One that keeps a link
 * of its own up, and to which nobody has one, may be behind something that lets connections out and
 * none in; or those before it in the ring open none, for they have none themselves. So it asks
 * others to connect (CHECK of itself), and says so only when nobody gets through. Nothing is sent
 * by who is watched. Any request of a member that gets in takes the diagnosis back.
 *
 * A member that has just come has no watchers yet. Until it is known whether it can be dialled it
 * is asked in both ways: who never got a direct answer of it asks its anchors for it.
 *
 * A link says nothing of who opened it but what its first message says. It counts for reaching a
 * member only if that was sealed, or it came from a host of that member, and so do the answers to
 * what goes down it: who knows a member's id and salt gets no further with them than with
 * datagrams, and a member whose address is translated on the way is reached where packets are
 * sealed, or where it advertises the address that others see.
 */
#include "core/detect/inbound.h"

#include <string.h>

#include "core/detect/order.h"
#include "core/node.h"

/* How long nobody has had a link to one that has just come, and to one that was dialled: those who
 * watch it look at the ring two seconds after a change, and dial again after a minute or so. */
#define ALONE_FIRST SHOAL_SEC(8)
#define ALONE_LATER SHOAL_SEC(90)
/* Who has just come may be such a member, and not know it yet. */
#define HEARD_LATELY SHOAL_SEC(30)
/* How long a link of its own has been up: there are others, and they have had the time to dial. */
#define PROVED SHOAL_SEC(8)
/* Others are asked to connect: how many, how often, and how long after that again. */
#define ASKED_AT_ONCE 2
#define ASKED_MOST    3
#define ASK_AGAIN     SHOAL_SEC(2)
#define DOUBT_AGAIN   SHOAL_SEC(600)

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
	if (inbound) {
		shoal_reach_undialled(core, core->inbound.peers);
	} else {
		shoal_reach_dialled(core);
	}
}

static uint64_t
later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* How many others were asked. */
static uint32_t
ask_others(struct shoal_core *core)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_check check = {.seq = shoal_rng_u64(&core->rng),
	        .id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = self->info->id,
	        .instance = shoal_members_salt(self)};
	uint32_t found[ASKED_AT_ONCE];
	uint32_t n = shoal_order_sample(core, SHOAL_SELF, ASKED_AT_ONCE, found);

	for (uint32_t i = 0; i < n; i++) {
		struct shoal_pending *pending =
		        shoal_send_to(core, SHOAL_SEND_DATAGRAM, found[i], 0);
		if (pending != NULL) {
			shoal_send_primary(pending, SHOAL_MESSAGE_CHECK, &check);
		}
	}
	return n;
}

uint64_t
shoal_inbound_ask(struct shoal_core *core)
{
	struct shoal_inbound *inbound = &core->inbound;

	if (inbound->asked == ASKED_MOST) {
		inbound->asked = 0;
		if (!shoal_members_inbound(shoal_members_at(core, SHOAL_SELF))) {
			become(core, true);
		}
		return core->now + DOUBT_AGAIN;
	}
	uint32_t others = ask_others(core);
	inbound->peers = inbound->asked == 0 || others > inbound->peers ? others : inbound->peers;
	inbound->asked = (uint8_t)(inbound->asked + (others > 0));
	return others > 0 ? 0 : core->now + DOUBT_AGAIN;
}

void
shoal_inbound_reached(struct shoal_core *core)
{
	core->inbound.asked = 0;
	if (shoal_members_inbound(shoal_members_at(core, SHOAL_SELF))) {
		become(core, false);
	}
}

void
shoal_inbound_doubt(struct shoal_core *core)
{
	struct shoal_inbound *inbound = &core->inbound;
	uint64_t since = up_since(core);

	if (inbound->alone == 0 || since == SHOAL_NEVER || core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	uint64_t at = inbound->alone + (inbound->dialled ? ALONE_LATER : ALONE_FIRST);
	at = later(later(at, since + PROVED), inbound->next);
	if (at <= core->now) {
		uint64_t again = shoal_inbound_ask(core);
		at = inbound->next = again != 0 ? again : core->now + ASK_AGAIN;
	}
	shoal_heap_arm(&core->heap, &inbound->timer, at);
}

void
shoal_inbound_dialled(struct shoal_core *core)
{
	struct shoal_inbound *inbound = &core->inbound;

	inbound->dialled = true;
	inbound->asked = 0;
	inbound->next = core->now + ALONE_LATER;
	shoal_reach_streamed(core);
	if (shoal_members_inbound(shoal_members_at(core, SHOAL_SELF))) {
		become(core, false);
	}
}

void
shoal_inbound_watched(struct shoal_core *core)
{
	shoal_inbound_dialled(core);
	core->inbound.alone = core->inbound.next = 0;
	shoal_heap_disarm(&core->heap, &core->inbound.timer);
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

bool
shoal_inbound_is_from(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_addr *from)
{
	return core->seal.sealed || shoal_members_has_host(record, from);
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
	return shoal_call_link(core, slot);
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

bool
shoal_inbound_holds_links(const struct shoal_record *record)
{
	return shoal_kind_is_linked(record) && !shoal_members_inbound(record);
}

/* Those that a member has links to; this one may be among them. */
static uint32_t
anchors_of(struct shoal_core *core, uint32_t slot, uint32_t anchors[SHOAL_ANCHORS_MAX])
{
	uint32_t found = 0, at = slot;

	if (!shoal_kind_is_linked(shoal_members_at(core, slot))) {
		return 0;
	}
	for (unsigned i = 0; i < SHOAL_RING_STEPS && found < core->profile.watchers; i++) {
		at = shoal_tree_next(core, at);
		if (at == SHOAL_NONE || at == slot) {
			break;
		}
		if (shoal_inbound_holds_links(shoal_members_at(core, at))) {
			anchors[found++] = at;
		}
	}
	return found;
}

/* Those that a member polls, where it has no links; they are reached as anchors are. */
static uint32_t
asked_of(struct shoal_core *core, uint32_t slot, uint32_t anchors[SHOAL_ANCHORS_MAX])
{
	return shoal_poll_is_for(core, shoal_members_at(core, slot))
	               ? shoal_poll_anchors(core, slot, anchors)
	               : anchors_of(core, slot, anchors);
}

/* Those of them that can be asked for it now. */
static uint32_t
others_of(struct shoal_core *core, uint32_t all, uint32_t anchors[SHOAL_ANCHORS_MAX])
{
	uint32_t others = 0;

	for (uint32_t i = 0; i < all; i++) {
		const struct shoal_record *anchor = shoal_members_at(core, anchors[i]);
		if (anchors[i] != SHOAL_SELF && anchor->state == SHOAL_STATE_ALIVE &&
		        !shoal_kind_parts(core, anchor)) {
			anchors[others++] = anchors[i];
		}
	}
	return others;
}

uint32_t
shoal_inbound_anchors(struct shoal_core *core, uint32_t slot, uint32_t anchors[SHOAL_ANCHORS_MAX])
{
	return others_of(core, asked_of(core, slot, anchors), anchors);
}

uint32_t
shoal_inbound_relays(struct shoal_core *core, uint32_t slot, uint32_t n, uint32_t *relays)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t anchors[SHOAL_ANCHORS_MAX], first = 0;

	/* Who answered once may have done so through a firewall, and poll: one of its anchors. */
	bool maybe = shoal_inbound_maybe(record);

	if (maybe || shoal_poll_is_for(core, record)) {
		uint32_t all = others_of(core, asked_of(core, slot, anchors), anchors);
		uint32_t most = maybe || n == 0 ? n : 1;
		uint32_t at = maybe ? 0 : slot; /* not the same one for all who ask */
		for (uint32_t i = 0; i < all && first < most; i++) {
			uint32_t anchor = anchors[(at + i) % all];
			if (!shoal_order_is_chosen(core, relays, first, anchor)) {
				relays[first++] = anchor;
			}
		}
	}
	return shoal_order_fill(core, slot, n, relays, first);
}

bool
shoal_inbound_asked(struct shoal_core *core, const struct shoal_probe *probe)
{
	uint32_t anchors[SHOAL_ANCHORS_MAX], all;

	if (!shoal_members_inbound(shoal_members_at(core, probe->slot))) {
		return true;
	}
	all = asked_of(core, probe->slot, anchors);
	for (uint32_t i = 0; i < all; i++) {
		for (uint32_t k = 0; k < probe->asked; k++) {
			if (probe->relay[k] == anchors[i]) {
				return true;
			}
		}
	}
	return all == 0;
}

/* Whether datagrams may not get in to this member: it knows that, or does not know yet. */
static bool
is_deaf(const struct shoal_core *core)
{
	const struct shoal_inbound *inbound = &core->inbound;

	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	if (shoal_members_inbound(self)) {
		return true;
	}
	return shoal_poll_is_for(core, self) ? core->poll.needed
	                                     : inbound->alone != 0 && !inbound->dialled;
}

bool
shoal_inbound_excuses(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t anchors[SHOAL_ANCHORS_MAX];
	bool deaf = shoal_members_inbound(record) ||
	            (record->srtt_us == 0 &&
	                    core->now - shoal_members_heard(core, record) < HEARD_LATELY);

#ifdef SHOAL_PLANT_WALLED_EXCUSED
	return deaf;
#endif
	if (!deaf || !is_deaf(core)) {
		return false;
	}
	uint32_t all = asked_of(core, slot, anchors);
	for (uint32_t i = 0; i < all; i++) {
		if (anchors[i] != SHOAL_SELF) {
			return true;
		}
	}
	return false;
}
