/* SPDX-License-Identifier: MIT */
/* Keeping the links.
 *
 * The ring is looked at two seconds after a change, with jitter: a wave of joins is one look. One
 * that cannot be dialled is tried all the same, and the next one in the ring takes its place. A
 * link counts once the watched instance has answered on it under its own salt; before that its end
 * means nothing. Links that the ring no longer asks for end after another two seconds, when those
 * that took their place are up. One that could not be opened, or that ended soon, is opened again
 * after a pause that doubles up to a minute.
 *
 * All tables here are small and fixed: a walk over them is O(1), a look at the ring O(log n). */
#include "core/detect/watch.h"

#include <string.h>

#include "core/detect/hint.h"
#include "core/detect/inbound.h"
#include "core/detect/inquest.h"
#include "core/message/reliable.h"
#include "core/message/user.h"
#include "core/node.h"
#include "core/sync/exchange.h"

#define RING_SETTLES SHOAL_SEC(2)
#define AGAIN_FIRST  SHOAL_SEC(1)
#define AGAIN_STEPS  6 /* 64 s */
/* A link that was up for so long has proved itself: the next failure is the first again. */
#define PROVED SHOAL_SEC(60)

static bool
is_of(const struct shoal_record *record, const struct shoal_id *id)
{
	return record != NULL && memcmp(&record->info->id, id, sizeof *id) == 0;
}

struct shoal_record *
shoal_watch_subject(const struct shoal_core *core, const struct shoal_link *link)
{
	struct shoal_record *record = shoal_members_at(core, link->slot);
	bool same = is_of(record, &link->id) && shoal_members_counts(record) &&
	            shoal_members_salt(record) == link->salt;
	return same ? record : NULL;
}

static void
arm(struct shoal_core *core, uint64_t at)
{
	struct shoal_timer *timer = &core->watch.timer;

	if (!shoal_timer_armed(timer) || timer->at > at) {
		timer->kind = SHOAL_TIMER_WATCH;
		shoal_heap_arm(&core->heap, timer, at);
	}
}

void
shoal_watch_changed(struct shoal_core *core)
{
	if (core->profile.watchers > 0) {
		arm(core, core->now + shoal_jitter(core, RING_SETTLES));
	}
}

void
shoal_watch_joined(struct shoal_core *core)
{
	if (core->profile.watchers > 0) {
		arm(core, core->now + shoal_ms(core->profile.probe_timeout_ms) / 2);
	}
	shoal_poll_joined(core);
}

bool
shoal_watch_is_watcher(struct shoal_core *core, uint32_t slot, uint32_t watcher)
{
	bool inbound = shoal_members_inbound(shoal_members_at(core, slot));
	uint32_t at = slot, between = 0;

	for (uint32_t i = 0; i < SHOAL_RING_STEPS && between < core->profile.watchers; i++) {
		at = shoal_tree_prev(core, at);
		if (at == SHOAL_NONE || at == slot || (inbound && i >= core->profile.watchers)) {
			return false;
		}
		if (at == watcher) {
			return shoal_kind_is_linked(shoal_members_at(core, at));
		}
		between += shoal_inbound_holds_links(shoal_members_at(core, at));
	}
	return false;
}

void
shoal_watch_hang_up(struct shoal_core *core, struct shoal_link *link)
{
	static const struct shoal_addr nowhere;

	if (link->phase == SHOAL_LINK_DIALLED || link->phase == SHOAL_LINK_UP) {
		struct shoal_pending *pending =
		        shoal_send_queue(core, SHOAL_SEND_UNWATCH, &nowhere, SHOAL_NONE, 0);
		struct shoal_exchange ended;
		if (pending != NULL) {
			pending->exchange = link->number;
		}
		(void)shoal_exchange_end(core, link->number, &ended);
	}
	memset(link, 0, sizeof *link);
}

static void
pause_link(struct shoal_core *core, struct shoal_link *link)
{
	unsigned steps = link->failures < AGAIN_STEPS ? link->failures : AGAIN_STEPS;

	link->phase = SHOAL_LINK_WAITS;
	link->due = core->now + shoal_jitter(core, AGAIN_FIRST << steps);
	if (link->failures < UINT8_MAX) {
		link->failures++;
	}
	if (link->called) {
		shoal_call_arm(core, link->due);
	} else {
		arm(core, link->due);
	}
}

void
shoal_watch_dial(struct shoal_core *core, struct shoal_link *link)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_addr to = shoal_members_socket(core, shoal_members_at(core, link->slot));
	struct shoal_msg_watch message = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = link->id,
	        .instance = link->salt,
	        .asked = link->called};
	struct shoal_exchange unsent;

	link->number = shoal_exchange_begin(core, SHOAL_EXCHANGE_WATCH, link->slot, NULL);
	struct shoal_pending *pending =
	        link->number == 0 ? NULL
	                          : shoal_send_queue(core, SHOAL_SEND_WATCH, &to, link->slot, 0);
	if (pending == NULL) {
		(void)shoal_exchange_end(core, link->number, &unsent);
		pause_link(core, link);
		return;
	}
	pending->exchange = link->number;
	pending->timeout_ns = shoal_ms(core->profile.exchange_timeout_ms);
	shoal_send_primary(pending, SHOAL_MESSAGE_WATCH, &message);
	link->phase = SHOAL_LINK_DIALLED;
	link->to = to;
	shoal_count(core, link->called ? SHOAL_COUNTER_CALLS_SERVED : SHOAL_COUNTER_WATCH_DIALS);
}

static struct shoal_link *
find_link(struct shoal_core *core, const struct shoal_id *id, uint64_t salt)
{
	struct shoal_link *spare = NULL;

	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		struct shoal_link *link = &core->watch.link[i];
		if (link->phase == SHOAL_LINK_FREE) {
			spare = link;
		} else if (link->salt == salt && memcmp(&link->id, id, sizeof *id) == 0) {
			return link;
		}
	}
	return spare;
}

/* One that the ring asks for; made where it is missing. */
static void
want(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t salt = shoal_members_salt(record);
	struct shoal_link *link = find_link(core, &record->info->id, salt);

	if (link == NULL) {
		return; /* those that it replaces end first */
	}
	bool dialled = link->phase == SHOAL_LINK_DIALLED || link->phase == SHOAL_LINK_UP;
	struct shoal_addr to = shoal_members_socket(core, record);
	if (dialled && !shoal_addr_equal(&to, &link->to)) {
		shoal_watch_hang_up(core, link); /* who is there now says nothing about it */
	}
	if (link->phase == SHOAL_LINK_FREE) {
		link->phase = SHOAL_LINK_WAITS;
		link->id = record->info->id;
		link->salt = salt;
		link->due = core->now;
	}
	link->slot = slot;
	link->wanted = true;
}

/* Those that follow in the ring, and beside those of them that cannot be dialled, which are tried
 * all the same, as many further ones. */
static void
mark(struct shoal_core *core)
{
	bool linked = shoal_kind_is_linked(shoal_members_at(core, SHOAL_SELF));
	uint32_t slot = SHOAL_SELF, found = linked ? 0 : core->profile.watchers;

	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		core->watch.link[i].wanted = false;
	}
	for (uint32_t i = 0; i < SHOAL_RING_STEPS && found < core->profile.watchers; i++) {
		slot = shoal_tree_next(core, slot);
		if (slot == SHOAL_NONE || slot == SHOAL_SELF) {
			return;
		}
		const struct shoal_record *record = shoal_members_at(core, slot);
		bool holds = shoal_inbound_holds_links(record);
		if (holds || (shoal_kind_is_linked(record) && i < core->profile.watchers)) {
			want(core, slot);
		}
		found += holds;
	}
}

static void
tend(struct shoal_core *core, struct shoal_link *link)
{
	if (link->phase == SHOAL_LINK_FREE) {
		return;
	}
	if (link->wanted) {
		link->due = link->phase == SHOAL_LINK_WAITS ? link->due : 0;
	} else if (link->phase != SHOAL_LINK_UP || (link->due != 0 && link->due <= core->now)) {
		shoal_watch_hang_up(core, link);
	} else if (link->due == 0) {
		link->due = core->now + RING_SETTLES;
	}
	if (link->phase == SHOAL_LINK_WAITS && link->due <= core->now) {
		shoal_watch_dial(core, link);
	} else if (link->due != 0) {
		arm(core, link->due);
	}
}

void
shoal_watch_on_timer(struct shoal_core *core)
{
	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	mark(core);
	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		tend(core, &core->watch.link[i]);
	}
}

void
shoal_watch_renew(struct shoal_core *core)
{
	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		struct shoal_link *link = &core->watch.link[i];
		if (link->phase == SHOAL_LINK_UP && core->now - link->since >= RING_SETTLES) {
			shoal_watch_hang_up(core, link);
		}
	}
	shoal_watch_on_timer(core);
}

static struct shoal_link *
link_of(struct shoal_core *core, uint64_t number, enum shoal_link_phase phase)
{
	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		struct shoal_link *link = &core->watch.link[i];
		if (link->phase == phase && link->number == number) {
			return link;
		}
	}
	return shoal_call_opened(core, number, phase);
}

void
shoal_watch_redial(struct shoal_core *core, uint32_t slot)
{
	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		struct shoal_link *link = &core->watch.link[i];
		if (link->phase == SHOAL_LINK_FREE || !link->wanted || link->slot != slot ||
		        shoal_watch_subject(core, link) == NULL) {
			continue;
		}
		if (link->phase == SHOAL_LINK_UP && core->now - link->since >= RING_SETTLES) {
			shoal_watch_hang_up(core, link); /* the ring asks for it again, now */
		}
		link->due = link->phase == SHOAL_LINK_WAITS ? core->now : link->due;
		arm(core, core->now);
	}
}

bool
shoal_watch_is_up(const struct shoal_core *core, uint32_t slot)
{
	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		const struct shoal_link *link = &core->watch.link[i];
		if (link->phase == SHOAL_LINK_UP && link->slot == slot &&
		        shoal_watch_subject(core, link) != NULL) {
			return true;
		}
	}
	return false;
}

void
shoal_watch_failed(struct shoal_core *core, uint64_t number, bool open)
{
	struct shoal_link *link = link_of(core, number, SHOAL_LINK_DIALLED);

	if (link == NULL) {
		return;
	}
	if (open) {
		struct shoal_link refused = *link;
		shoal_watch_hang_up(core, &refused);
	}
	pause_link(core, link);
}

void
shoal_watch_on_answer(
        struct shoal_core *core, uint64_t number, const struct shoal_msg_answer *answer)
{
	struct shoal_link *link = link_of(core, number, SHOAL_LINK_DIALLED);
	struct shoal_record *record = link != NULL ? shoal_watch_subject(core, link) : NULL;

	if (link == NULL) {
		return;
	}
	bool same = memcmp(&answer->id, &link->id, sizeof link->id) == 0;
	if (record != NULL && same && answer->code == 0 && answer->salt == link->salt) {
		link->phase = SHOAL_LINK_UP;
		link->since = core->now;
		link->due = 0;
		shoal_members_hear(core, record, core->now);
		if (link->called) {
			shoal_call_came_up(core, link);
			return;
		}
		shoal_count(core, SHOAL_COUNTER_WATCH_LINKS_UP);
		shoal_inbound_doubt(core);
		return;
	}
	if (record != NULL && same && answer->salt != link->salt) {
		/* Its successor: it is told what is held of it, and will say what is newer. */
		shoal_send_gossip(core, link->slot, SHOAL_FILL_SELF | SHOAL_FILL_ABOUT, link->slot);
	}
	shoal_watch_failed(core, number, true);
}

void
shoal_watch_on_closed(struct shoal_core *core, uint64_t number, int code)
{
	struct shoal_link *link = link_of(core, number, SHOAL_LINK_UP);
	struct shoal_record *record = link != NULL ? shoal_watch_subject(core, link) : NULL;

	if (link == NULL) {
		return;
	}
	if (link->called) {
		shoal_call_closed(core, link);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_WATCH_LINKS_DOWN);
	if (core->now - link->since >= PROVED) {
		link->failures = 0;
	}
	pause_link(core, link);
	if (record == NULL || core->leave.phase != SHOAL_LEAVE_NOT) {
		return; /* it has left, or this one does */
	}
	if (code == SHOAL_ERR_CLOSED) {
		shoal_inquest_open(core, link->slot);
	} else {
		shoal_hint_about(core, link->slot);
	}
}

void
shoal_watch_drop(struct shoal_core *core, uint64_t number)
{
	static const struct shoal_addr nowhere;
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_DROP, &nowhere, SHOAL_NONE, 0);

	if (pending != NULL) {
		pending->exchange = number;
	}
}

/* A place for a watcher; that of an older link of the same one, which ends. NULL: there is none. */
static struct shoal_watcher *
place_for(struct shoal_core *core, const struct shoal_id *id)
{
	struct shoal_watcher *spare = NULL;

	for (size_t i = 0; i < SHOAL_LINKS_IN; i++) {
		struct shoal_watcher *watcher = &core->watch.watcher[i];
		if (watcher->number == 0) {
			spare = watcher;
		} else if (memcmp(&watcher->id, id, sizeof *id) == 0) {
			shoal_watch_drop(core, watcher->number);
			watcher->number = 0;
			return watcher;
		}
	}
	return spare;
}

/* Whether who opens a link is that member, as the instance that is held, which alone is reached. */
static bool
is_local(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_msg_watch *message, const struct shoal_addr *from)
{
	return message->salt == shoal_members_salt(record) &&
	       shoal_inbound_is_from(core, record, from);
}

/* Why a watcher is refused; SHOAL_OK: it is not. */
static int
judge(struct shoal_core *core, const struct shoal_msg_watch *message, uint32_t slot,
        const struct shoal_addr *from, const char **reason)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	*reason = "";
	if (core->profile.watchers == 0 || (core->unwatched && message->asked == 0)) {
		*reason = "this member is not watched";
		return SHOAL_ERR_UNSUPPORTED;
	}
	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		*reason = "this member is leaving";
		return SHOAL_ERR_STATE;
	}
	if (memcmp(&message->target, &self->info->id, sizeof message->target) != 0 ||
	        message->instance != shoal_members_salt(self)) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		*reason = "another instance is watched";
		return SHOAL_ERR_NOT_FOUND;
	}
	if (slot == SHOAL_NONE || slot == SHOAL_SELF ||
	        !shoal_members_counts(shoal_members_at(core, slot))) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		*reason = "not a member here";
		return SHOAL_ERR_NOT_FOUND;
	}
	const struct shoal_record *record = shoal_members_at(core, slot);
	if (shoal_members_inbound(record) && shoal_inbound_link(core, slot) != 0 &&
	        !is_local(core, record, message, from)) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		*reason = "the link by which this member is reached is up";
		return SHOAL_ERR_REJECTED;
	}
	return SHOAL_OK;
}

void
shoal_watch_on_watched(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_msg_watch *message)
{
	struct shoal_watcher *watcher = NULL;
	const char *reason;

	if (message == NULL) {
		shoal_watch_drop(core, input->exchange);
		return;
	}
	uint32_t slot = shoal_members_find(core, &message->id);
	int code = judge(core, message, slot, &input->from, &reason);
	if (code == SHOAL_OK && message->asked != 0) {
		watcher = is_local(core, shoal_members_at(core, slot), message, &input->from)
		                  ? shoal_call_place(core, message)
		                  : NULL;
		code = watcher != NULL ? SHOAL_OK : SHOAL_ERR_REJECTED;
		reason = watcher != NULL ? "" : "nobody asked for this link";
	} else if (code == SHOAL_OK) {
		watcher = place_for(core, &message->id);
		code = watcher != NULL ? SHOAL_OK : SHOAL_ERR_LIMIT;
		reason = watcher != NULL ? "" : "too many watch this member";
	}
	shoal_exchange_reply(
	        core, input->exchange, &input->from, code, shoal_exchange_text(reason));
	if (watcher == NULL) {
		shoal_watch_drop(core, input->exchange);
		if (code == SHOAL_ERR_UNSUPPORTED && slot != SHOAL_NONE) {
			shoal_inbound_dialled(core);
		}
		return;
	}
	watcher->number = input->exchange;
	watcher->slot = slot;
	watcher->id = message->id;
	watcher->salt = message->salt;
	watcher->from = input->from;
	/* That it is another instance than the one that is held may not have got here yet. */
	watcher->local = shoal_inbound_is_from(core, shoal_members_at(core, slot), &input->from);
	shoal_relay_reached(core, slot);
	if (message->asked != 0) {
		shoal_inbound_dialled(core);
	} else {
		if (shoal_inbound_link(core, slot) == watcher->number) {
			shoal_call_replaced(core, &message->id);
		}
		shoal_inbound_watched(core);
	}
	if (shoal_inbound_link(core, slot) != 0) {
		shoal_reliable_linked(core, slot);
		shoal_user_linked(core, slot);
	}
}

/* The last one: nobody can be sure any more that this member can be dialled. */
static void
count_watchers(struct shoal_core *core)
{
	for (size_t i = 0; i < SHOAL_LINKS_IN; i++) {
		if (core->watch.watcher[i].number != 0) {
			return;
		}
	}
	shoal_inbound_alone(core);
}

void
shoal_watch_on_unwatched(struct shoal_core *core, uint64_t number)
{
	for (size_t i = 0; i < SHOAL_LINKS_IN; i++) {
		struct shoal_watcher *watcher = &core->watch.watcher[i];
		if (watcher->number != number || number == 0) {
			continue;
		}
		uint32_t slot = watcher->slot;
		const struct shoal_record *record = shoal_members_at(core, slot);
		bool reached = is_of(record, &watcher->id) && shoal_members_inbound(record) &&
		               shoal_inbound_link(core, slot) == number;
		watcher->number = 0;
		count_watchers(core);
		if (reached) {
			shoal_hint_about(core, slot); /* it may have died */
			shoal_reliable_unlinked(core, slot);
		}
		return;
	}
	uint32_t called = shoal_call_unwatched(core, number);
	if (called != SHOAL_NONE && shoal_members_inbound(shoal_members_at(core, called))) {
		shoal_hint_about(core, called);
		shoal_reliable_unlinked(core, called);
	}
}

void
shoal_watch_listed(struct shoal_core *core)
{
	bool any = false;

#ifdef SHOAL_PLANT_OUTSIDE_LINKED
	return;
#endif
	for (size_t i = 0; i < SHOAL_LINKS_IN; i++) {
		struct shoal_watcher *watcher = &core->watch.watcher[i];
		if (watcher->number != 0 &&
		        (!shoal_allow_addr(core, &watcher->from) ||
		                shoal_members_find(core, &watcher->id) == SHOAL_NONE)) {
			shoal_watch_drop(core, watcher->number);
			watcher->number = 0;
			any = true;
		}
	}
	if (any) {
		count_watchers(core);
	}
}

void
shoal_watch_tell_leave(struct shoal_core *core)
{
	static const struct shoal_addr nowhere;
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};

#ifdef SHOAL_PLANT_LEAVE_OFF_LINKS
	return;
#endif
	for (size_t i = 0; i < SHOAL_LINKS_IN; i++) {
		const struct shoal_watcher *watcher = &core->watch.watcher[i];
		struct shoal_pending *pending = NULL;
		if (watcher->number != 0) {
			pending = shoal_send_queue(
			        core, SHOAL_SEND_TELL, &nowhere, SHOAL_NONE, SHOAL_FILL_SELF);
		}
		if (pending != NULL) {
			pending->exchange = watcher->number;
			pending->salt = watcher->salt;
			shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
		}
	}
}
