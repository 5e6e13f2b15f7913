/* SPDX-License-Identifier: MIT */
/* Who wants a link asks the member's anchors, one after the other, with pauses that double, and
 * gives up after some seconds. An anchor passes on what a current member asks from an address of
 * its own, down the link of the one that is meant and nowhere else. That one takes it only on a
 * stream from a host of a member to which it has a link, dials only a member, at the address that
 * it holds, and keeps one link for each: so nobody makes it dial strangers.
 *
 * A request may be made up, or late, so it ends nothing: the link is opened beside those that are
 * up. Who did not ask refuses it; once it is up the older ones are known to be dead. It is charged
 * to the member that passed it on, not to the one that it names.
 *
 * Who asked ends the link when no message went down it for link_idle_ms; the other end does so
 * after twice that. Where all places are taken, the link that was used longest ago gives its own
 * up, once it has rested for a while. Cost: both tables are small; a walk over them is O(1). */
#include "core/detect/call.h"

#include "core/admission/budget.h"
#include "core/message/reliable.h"
#include "core/message/user.h"
#include "core/node.h"

#define AGAIN  SHOAL_MS(200)
#define STEPS  2 /* to 0.8 s */
#define ASKED  8
#define RESTED SHOAL_SEC(10)
/* As for watch links: who says that it has none may not have heard yet that it has. */
#define SETTLES SHOAL_SEC(2)
/* Requests of one member, of all that one member passes on to this one, and of all. */
#define RATE_OF   16
#define BURST_OF  32
#define RATE_BY   64
#define BURST_BY  128
#define RATE_ALL  128
#define BURST_ALL 256

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

static struct shoal_opened_link *
opened_at(const struct shoal_core *core, uint32_t number)
{
	return shoal_slab_at(&core->calls.opened, number);
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

static void
forget_opened(struct shoal_core *core, uint32_t number)
{
	shoal_watch_hang_up(core, &opened_at(core, number)->link);
	shoal_slab_give(&core->calls.opened, number);
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

/* Whether a link used at this time gives its place up before one that was used then. */
static bool
rests(const struct shoal_core *core, uint64_t used, uint64_t than)
{
	return core->now - used >= RESTED && used < than;
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
		if (other != NULL && other->link.number != 0 && rests(core, other->used, used)) {
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
	if (core->leave.phase != SHOAL_LEAVE_NOT ||
	        shoal_members_inbound(shoal_members_at(core, SHOAL_SELF)) ||
	        shoal_inbound_anchors(core, slot, anchor) == 0) {
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
	ask(core, call);
	return true;
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

void
shoal_call_heard(struct shoal_core *core, uint32_t slot)
{
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && called->link.slot == slot) {
			called->used = core->now;
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

/* Whether a request on the account of the member in slot is within its budget and that of all. */
static bool
takes(struct shoal_core *core, uint32_t slot, uint32_t rate, uint32_t burst)
{
	struct shoal_calls *calls = &core->calls;
	uint64_t *by = &calls->spent_by[slot % SHOAL_CALL_BUCKETS];

	if (!shoal_budget_affords(*by, core->now, rate, burst) ||
	        !shoal_budget_affords(calls->spent, core->now, RATE_ALL, BURST_ALL)) {
		return false;
	}
	shoal_budget_spend(by, core->now, rate);
	shoal_budget_spend(&calls->spent, core->now, RATE_ALL);
	return true;
}

/* Who asks, as a current member under the instance that is held. NULL: it is none. */
static const struct shoal_record *
caller_of(struct shoal_core *core, const struct shoal_msg_call *call, uint32_t *slot)
{
	*slot = shoal_members_find(core, &call->id);
	const struct shoal_record *record = shoal_members_at(core, *slot);
	bool counts = record != NULL && *slot != SHOAL_SELF && shoal_members_counts(record) &&
	              shoal_members_salt(record) == call->salt;

	return counts ? record : NULL;
}

/* The member in a request keeps a link to this one: it is told down that. */
static void
pass_on(struct shoal_core *core, const struct shoal_msg_call *call, const struct shoal_input *input)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	uint32_t from, slot = shoal_members_find(core, &call->target);
	const struct shoal_record *caller = caller_of(core, call, &from);
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (caller == NULL || !shoal_members_may_be(core, from, &input->from) ||
	        !shoal_peer_may_say(core, call->salt) || record == NULL ||
	        !shoal_members_counts(record)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	if (shoal_members_salt(record) != call->instance) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		return;
	}
	bool linked = shoal_members_inbound(record) && shoal_inbound_link(core, slot) != 0;
	struct shoal_pending *pending =
	        linked && from != slot && takes(core, from, RATE_OF, BURST_OF)
	                ? shoal_send_to(core, SHOAL_SEND_DATAGRAM, slot, 0)
	                : NULL;
	if (pending == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_CALLS);
		return;
	}
	shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
	shoal_send_primary(pending, SHOAL_MESSAGE_CALL, call);
	shoal_count(core, SHOAL_COUNTER_CALLS_PASSED);
}

/* Whether this came down a link of this member, from who is at its other end. */
static bool
came_down(const struct shoal_core *core, uint32_t slot, const struct shoal_input *input)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (input->kind != SHOAL_INPUT_STREAM || record == NULL ||
	        !shoal_members_has_host(record, &input->from) ||
	        !shoal_peer_may_say(core, shoal_members_salt(record))) {
		return false;
	}
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && called->link.phase == SHOAL_LINK_UP &&
		        called->link.slot == slot &&
		        shoal_watch_subject(core, &called->link) == record) {
			return true;
		}
	}
	return shoal_watch_is_up(core, slot);
}

/* A place for a link to the member in slot. NULL: one is under way, or has just come up, or there
 * is none. */
static struct shoal_opened_link *
place_for_opened(struct shoal_core *core, uint32_t slot)
{
	uint32_t number, oldest = SHOAL_SLAB_NONE;
	uint64_t used = SHOAL_NEVER;

	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *other = opened_at(core, i);
		if (other == NULL) {
			continue;
		}
		bool up = other->link.phase == SHOAL_LINK_UP;
		bool settles = !up || core->now - other->link.since < SETTLES;
		if (settles && other->link.slot == slot &&
		        shoal_watch_subject(core, &other->link) != NULL) {
			return NULL;
		}
		if (up && rests(core, other->used, used)) {
			used = other->used;
			oldest = i;
		}
	}
	if (core->calls.opened.count == SHOAL_CALLS_MAX && oldest != SHOAL_SLAB_NONE) {
		forget_opened(core, oldest);
	}
	struct shoal_opened_link *called = shoal_slab_take(&core->calls.opened, &number);
	if (called == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_CALLS);
	}
	return called;
}

/* Another member wants a link of this one, says the one in slot teller. */
static void
serve(struct shoal_core *core, uint32_t teller, const struct shoal_msg_call *call)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint32_t slot;
	const struct shoal_record *caller = caller_of(core, call, &slot);

	if (call->instance != shoal_members_salt(self)) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		return;
	}
	if (caller == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	if (!shoal_members_inbound(self) || shoal_members_inbound(caller) ||
	        core->leave.phase != SHOAL_LEAVE_NOT || !takes(core, teller, RATE_BY, BURST_BY)) {
		shoal_count(core, SHOAL_COUNTER_DROP_CALLS);
		return;
	}
	struct shoal_opened_link *called = place_for_opened(core, slot);
	if (called == NULL) {
		return;
	}
	called->link.called = true;
	called->link.slot = slot;
	called->link.id = caller->info->id;
	called->link.salt = call->salt;
	called->used = core->now;
	shoal_watch_dial(core, &called->link);
}

void
shoal_call_on_message(struct shoal_core *core, uint32_t slot, const struct shoal_msg_call *call,
        const struct shoal_input *input)
{
	const struct shoal_id *self = &shoal_members_at(core, SHOAL_SELF)->info->id;

	if (shoal_id_compare(&call->target, self) != 0) {
		pass_on(core, call, input);
	} else if (came_down(core, slot, input)) {
		serve(core, slot, call);
	} else {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
	}
}

struct shoal_link *
shoal_call_opened(const struct shoal_core *core, uint64_t number, enum shoal_link_phase phase)
{
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && called->link.phase == phase &&
		        called->link.number == number) {
			return &called->link;
		}
	}
	return NULL;
}

/* The other end had none of this member: those that it holds beside it lead nowhere. */
void
shoal_call_came_up(struct shoal_core *core, struct shoal_link *link)
{
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *other = opened_at(core, i);
		if (other != NULL && &other->link != link && other->link.slot == link->slot) {
			forget_opened(core, i);
		}
	}
	shoal_watch_redial(core, link->slot);
	shoal_call_heard(core, link->slot);
	shoal_call_arm(core, core->now + 2 * idle(core));
}

void
shoal_call_closed(struct shoal_core *core, struct shoal_link *link)
{
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && &called->link == link) {
			shoal_slab_give(&core->calls.opened, i);
			return;
		}
	}
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
	bool up = call->link.number != 0;
	uint64_t due = up ? call->used + idle(core) : call->due;

	if (record == NULL) {
		forget_wanted(core, number); /* nothing waits for it any more */
	} else if (due > core->now) {
		shoal_call_arm(core, due);
	} else if (up) {
		forget_wanted(core, number);
	} else if (call->asked < ASKED && shoal_members_inbound(record)) {
		ask(core, call);
	} else {
		give_up(core, number);
	}
}

static void
tend_opened(struct shoal_core *core, uint32_t number)
{
	const struct shoal_opened_link *called = opened_at(core, number);
	enum shoal_link_phase phase = called->link.phase;
	uint64_t due = phase == SHOAL_LINK_UP      ? called->used + 2 * idle(core)
	               : phase == SHOAL_LINK_WAITS ? called->link.due
	                                           : SHOAL_NEVER;

	if (due <= core->now || shoal_watch_subject(core, &called->link) == NULL) {
		forget_opened(core, number);
	} else if (due != SHOAL_NEVER) {
		shoal_call_arm(core, due);
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
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		if (opened_at(core, i) != NULL) {
			tend_opened(core, i);
		}
	}
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
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && shoal_watch_subject(core, &called->link) == NULL) {
			forget_opened(core, i);
		}
	}
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
	uint64_t sum = core->calls.spent;

	for (uint32_t i = 0; i < core->calls.wanted.end; i++) {
		const struct shoal_wanted_link *call = wanted_at(core, i);
		sum += call != NULL ? call->link.number + call->due + call->used : 0;
	}
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *called = opened_at(core, i);
		sum += called != NULL ? called->link.number + called->link.phase + called->used : 0;
	}
	return sum;
}
