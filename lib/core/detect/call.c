/* SPDX-License-Identifier: MIT */
/* Who wants a link asks the member's anchors, one after the other, with pauses that double, and
 * gives up after some seconds. What they and that member do is in called.c.
 *
 * Who asked ends the link when no message went down it for link_idle_ms; the other end does so
 * after twice that. Where all places are taken, the link that was used longest ago gives its own
 * up, once it has rested for a while. Cost: both tables are small; a walk over them is O(1). */
#include "core/detect/call.h"

#include "core/message/reliable.h"
#include "core/message/user.h"
#include "core/node.h"

#define AGAIN  SHOAL_MS(200)
#define STEPS  2 /* to 0.8 s */
#define ASKED  8
#define RESTED SHOAL_SEC(10)

void
shoal_call_init(struct shoal_core *core)
{
	struct shoal_calls *calls = &core->calls;

	shoal_slab_init(
	        &calls->wanted, &core->mem, sizeof(struct shoal_wanted_link), SHOAL_CALLS_MAX);
	shoal_slab_init(
	        &calls->opened, &core->mem, sizeof(struct shoal_opened_link), SHOAL_CALLS_MAX);
	calls->timer.kind = SHOAL_TIMER_CALL;
}

void
shoal_call_done(struct shoal_core *core)
{
	shoal_slab_done(&core->calls.wanted);
	shoal_slab_done(&core->calls.opened);
}

void
shoal_call_arm(struct shoal_core *core, uint64_t at)
{
	struct shoal_timer *timer = &core->calls.timer;

	if (!shoal_timer_armed(timer) || timer->at > at) {
		shoal_heap_arm(&core->heap, timer, at);
	}
}

static uint64_t
idle(const struct shoal_core *core)
{
	return shoal_ms(core->profile.link_idle_ms);
}

static struct shoal_wanted_link *
wanted_at(const struct shoal_core *core, uint32_t number)
{
	return shoal_slab_at(&core->calls.wanted, number);
}

/* SHOAL_SLAB_NONE: nothing was asked for of it. */
static uint32_t
find_wanted(const struct shoal_core *core, const struct shoal_id *id)
{
	for (uint32_t i = 0; i < core->calls.wanted.end; i++) {
		const struct shoal_wanted_link *call = wanted_at(core, i);
		if (call != NULL && shoal_id_compare(&call->link.id, id) == 0) {
			return i;
		}
	}
	return SHOAL_SLAB_NONE;
}

/* Ends the link, where it is up. */
static void
forget_wanted(struct shoal_core *core, uint32_t number)
{
	uint64_t link = wanted_at(core, number)->link.number;

	if (link != 0) {
		shoal_watch_drop(core, link);
	}
	shoal_slab_give(&core->calls.wanted, number);
}

/* The member that a link was asked of, as the instance that was. NULL: it is gone, or another. */
static const struct shoal_record *
callee_of(const struct shoal_core *core, const struct shoal_wanted_link *call)
{
	const struct shoal_record *record = shoal_members_at(core, call->link.slot);
	bool same = record != NULL && shoal_id_compare(&record->info->id, &call->link.id) == 0 &&
	            shoal_members_salt(record) == call->link.salt;

	return same && shoal_peer_is_there(record) ? record : NULL;
}

static void
ask(struct shoal_core *core, struct shoal_wanted_link *call)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint32_t anchor[SHOAL_ANCHORS_MAX];
	uint32_t n = shoal_inbound_anchors(core, call->link.slot, anchor);
	struct shoal_msg_call message = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = call->link.id,
	        .instance = call->link.salt};
	struct shoal_pending *pending =
	        n == 0 ? NULL
	               : shoal_send_to(core, SHOAL_SEND_DATAGRAM, anchor[call->asked % n], 0);

#ifndef SHOAL_PLANT_LINK_UNASKED
	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_CALL, &message);
		shoal_count(core, SHOAL_COUNTER_CALLS);
	}
#endif
	call->due = core->now +
	            shoal_jitter(core, AGAIN << (call->asked < STEPS ? call->asked : STEPS));
	call->asked++;
	shoal_call_arm(core, call->due);
}

bool
shoal_call_rests(const struct shoal_core *core, uint64_t used, uint64_t than)
{
	return core->now - used >= RESTED && used < than;
}

/* Whether the member in it polls this one. */
static bool
is_polled(const struct shoal_core *core, const struct shoal_wanted_link *call)
{
	uint64_t lately = 2 * shoal_ms(core->profile.probe_interval_ms);

	return call->polled != 0 && core->now - call->polled <= lately;
}

static bool
waits(const struct shoal_core *core, const struct shoal_wanted_link *call)
{
	return callee_of(core, call) != NULL &&
	       (shoal_user_waits(core, call->link.slot) ||
	               shoal_reliable_waits(core, call->link.slot));
}

/* A place, where there is none that of the link that was used longest ago. */
static struct shoal_wanted_link *
place_for_wanted(struct shoal_core *core)
{
	uint32_t number, oldest = SHOAL_SLAB_NONE;
	uint64_t used = SHOAL_NEVER;
	struct shoal_wanted_link *call = shoal_slab_take(&core->calls.wanted, &number);

	for (uint32_t i = 0; call == NULL && i < core->calls.wanted.end; i++) {
		const struct shoal_wanted_link *other = wanted_at(core, i);
		if (other != NULL &&
		        (other->link.number != 0 ||
		                (is_polled(core, other) && !waits(core, other))) &&
		        shoal_call_rests(core, other->used, used)) {
			used = other->used;
			oldest = i;
		}
	}
	if (oldest != SHOAL_SLAB_NONE) {
		forget_wanted(core, oldest);
		call = shoal_slab_take(&core->calls.wanted, &number);
	}
	return call;
}

bool
shoal_call_want(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t number = find_wanted(core, &record->info->id);
	uint32_t anchor[SHOAL_ANCHORS_MAX];

	if (number != SHOAL_SLAB_NONE && callee_of(core, wanted_at(core, number)) == record) {
		return true;
	}
	bool polls = shoal_poll_comes(core, slot);
	if (core->leave.phase != SHOAL_LEAVE_NOT ||
	        shoal_members_inbound(shoal_members_at(core, SHOAL_SELF)) ||
	        (!polls && shoal_inbound_anchors(core, slot, anchor) == 0)) {
		return false;
	}
	if (number != SHOAL_SLAB_NONE) {
		forget_wanted(core, number); /* of another instance */
	}
	struct shoal_wanted_link *call = place_for_wanted(core);
	if (call == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_CALLS);
		return false;
	}
	call->link.slot = slot;
	call->link.id = record->info->id;
	call->link.salt = shoal_members_salt(record);
	if (polls) {
		call->used = call->polled = core->now;
		shoal_call_arm(core, core->now + shoal_ms(core->profile.probe_interval_ms));
	} else {
		ask(core, call);
	}
	return true;
}

void
shoal_call_polled(struct shoal_core *core, uint32_t slot, bool told)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_wanted_link *call = wanted_at(core, find_wanted(core, &record->info->id));

	if (call == NULL || callee_of(core, call) != record) {
		return;
	}
	if (call->polled == 0) {
		shoal_count(core, SHOAL_COUNTER_CALLS_UP);
	}
	call->used = told || call->polled == 0 ? core->now : call->used;
	call->polled = core->now;
	call->asked = 0;
}

bool
shoal_call_is_polled(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_wanted_link *call =
	        wanted_at(core, find_wanted(core, &record->info->id));

	return call != NULL && is_polled(core, call) && callee_of(core, call) == record;
}

uint64_t
shoal_call_link(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	for (uint32_t i = 0; i < core->calls.wanted.end; i++) {
		const struct shoal_wanted_link *call = wanted_at(core, i);
		if (call != NULL && call->link.number != 0 && call->link.slot == slot &&
		        callee_of(core, call) == record) {
			return call->link.number;
		}
	}
	return 0;
}

void
shoal_call_told(struct shoal_core *core, uint64_t number)
{
	for (uint32_t i = 0; i < core->calls.wanted.end; i++) {
		struct shoal_wanted_link *call = wanted_at(core, i);
		if (call != NULL && call->link.number == number) {
			call->used = core->now;
		}
	}
}

struct shoal_watcher *
shoal_call_place(struct shoal_core *core, const struct shoal_msg_watch *message)
{
	struct shoal_wanted_link *call = wanted_at(core, find_wanted(core, &message->id));

	if (call == NULL || call->link.number != 0 || call->link.salt != message->salt ||
	        callee_of(core, call) == NULL) {
		return NULL;
	}
	call->used = core->now;
	shoal_count(core, SHOAL_COUNTER_CALLS_UP);
	shoal_call_arm(core, core->now + idle(core));
	return &call->link;
}

void
shoal_call_replaced(struct shoal_core *core, const struct shoal_id *id)
{
	uint32_t number = find_wanted(core, id);

	if (number != SHOAL_SLAB_NONE) {
		forget_wanted(core, number);
	}
}

uint32_t
shoal_call_unwatched(struct shoal_core *core, uint64_t number)
{
	for (uint32_t i = 0; number != 0 && i < core->calls.wanted.end; i++) {
		const struct shoal_wanted_link *call = wanted_at(core, i);
		if (call != NULL && call->link.number == number) {
			uint32_t slot =
			        callee_of(core, call) != NULL ? call->link.slot : SHOAL_NONE;
			shoal_slab_give(&core->calls.wanted, i);
			return slot;
		}
	}
	return SHOAL_NONE;
}

/* The link did not come. */
static void
give_up(struct shoal_core *core, uint32_t number)
{
	uint32_t slot = wanted_at(core, number)->link.slot;

	forget_wanted(core, number);
	shoal_user_unlinked(core, slot);
	shoal_reliable_uncalled(core, slot);
}

static void
tend_wanted(struct shoal_core *core, uint32_t number)
{
	struct shoal_wanted_link *call = wanted_at(core, number);
	const struct shoal_record *record = callee_of(core, call);
	bool up = call->link.number != 0, polled = is_polled(core, call);
	uint64_t interval = shoal_ms(core->profile.probe_interval_ms);
	/* Who polls is waited for while something waits; who has ceased to is asked again for what
	 * there is only. */
	bool more = waits(core, call);
	bool needed = record != NULL && (polled || call->polled == 0 || more);
	uint64_t due = up               ? call->used + idle(core)
	               : polled && more ? core->now + interval
	               : polled         ? call->used + SHOAL_CALL_POLLED
	                                : call->due;

	if (!needed) {
		forget_wanted(core, number); /* nothing waits any more */
	} else if (due > core->now) {
		uint64_t look = core->now + interval;
		shoal_call_arm(core, polled && look < due ? look : due);
	} else if (up || polled) {
		forget_wanted(core, number);
	} else if (call->asked < ASKED && shoal_members_inbound(record)) {
		ask(core, call);
	} else {
		give_up(core, number);
	}
}

void
shoal_call_on_timer(struct shoal_core *core)
{
	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	for (uint32_t i = 0; i < core->calls.wanted.end; i++) {
		if (wanted_at(core, i) != NULL) {
			tend_wanted(core, i);
		}
	}
	shoal_call_tend_opened(core);
}

void
shoal_call_listed(struct shoal_core *core)
{
	for (uint32_t i = 0; i < core->calls.wanted.end; i++) {
		const struct shoal_wanted_link *call = wanted_at(core, i);
		if (call != NULL && (callee_of(core, call) == NULL ||
		                            (call->link.number != 0 &&
		                                    !shoal_allow_addr(core, &call->link.from)))) {
			forget_wanted(core, i);
		}
	}
	shoal_call_opened_listed(core);
}

size_t
shoal_call_memory(const struct shoal_core *core)
{
	return shoal_slab_memory(&core->calls.wanted) + shoal_slab_memory(&core->calls.opened);
}

/* A sum, so that places do not matter. */
uint64_t
shoal_call_hash(const struct shoal_core *core)
{
	uint64_t sum = core->calls.spent + shoal_call_opened_hash(core);

	for (uint32_t i = 0; i < core->calls.wanted.end; i++) {
		const struct shoal_wanted_link *call = wanted_at(core, i);
		sum += call != NULL ? call->link.number + call->due + call->used + call->polled : 0;
	}
	for (size_t i = 0; i < SHOAL_CALLS_MAX; i++) {
		sum += core->calls.kept[i].at;
	}
	return sum;
}
