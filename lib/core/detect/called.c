/* SPDX-License-Identifier: MIT */
/* Who is asked for a link. An anchor passes on what a current member asks from an address of its
 * own, down the link of the one that is meant and nowhere else; where none are kept, with the
 * answer to a poll of that one. It takes it only on a stream from a host of a member to which it
 * has a link, or in the answer to what it asked; it dials, or polls, only a member, at the address
 * that it holds, and keeps one link for each: so nobody makes it dial strangers.
 *
 * A request may be made up, or late, so it ends nothing: the link is opened beside those that are
 * up. Who did not ask refuses it; once it is up the older ones are known to be dead. It is charged
 * to the member that passed it on, not to the one that it names.
 *
 * One that is polled has the place of a link. It is polled until no message came from it for twice
 * the time after which who asked lets go of it; for a few probe intervals where none ever did. */
#include "core/detect/call.h"

#include "core/admission/budget.h"
#include "core/node.h"
#include "core/sync/exchange.h"

/* As for watch links: who says that it has none may not have heard yet that it has. */
#define SETTLES SHOAL_SEC(2)
/* Probe intervals in which the first message has to come of who is polled. */
#define UNHEARD 3
/* Requests of one member, of all that one member passes on to this one, and of all. */
#define RATE_OF   16
#define BURST_OF  32
#define RATE_BY   64
#define BURST_BY  128
#define RATE_ALL  128
#define BURST_ALL 256

static struct shoal_opened_link *
opened_at(const struct shoal_core *core, uint32_t number)
{
	return shoal_slab_at(&core->calls.opened, number);
}

static uint64_t
idle(const struct shoal_core *core)
{
	return shoal_ms(core->profile.link_idle_ms);
}

static void
forget_opened(struct shoal_core *core, uint32_t number)
{
	shoal_watch_hang_up(core, &opened_at(core, number)->link);
	shoal_slab_give(&core->calls.opened, number);
}

void
shoal_call_heard(struct shoal_core *core, uint32_t slot)
{
	core->poll.told = true;
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && called->link.slot == slot) {
			called->used = core->now;
			called->heard = true;
		}
	}
}

/* Until when one that is polled is: requests may be made up, and nobody there have a message. */
static uint64_t
polled_until(const struct shoal_core *core, const struct shoal_opened_link *called)
{
	return called->used + (called->heard ? 2 * SHOAL_CALL_POLLED
	                                     : UNHEARD * shoal_ms(core->profile.probe_interval_ms));
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

/* Until a poll of the one that is meant; in the place of the oldest, which was not polled for. */
static void
keep(struct shoal_core *core, const struct shoal_msg_call *call)
{
	struct shoal_kept_call *place = &core->calls.kept[0];

	for (size_t i = 0; i < SHOAL_CALLS_MAX; i++) {
		struct shoal_kept_call *kept = &core->calls.kept[i];
		if (shoal_id_compare(&kept->call.id, &call->id) == 0 &&
		        shoal_id_compare(&kept->call.target, &call->target) == 0) {
			place = kept;
			break;
		}
		place = kept->at < place->at ? kept : place;
	}
	*place = (struct shoal_kept_call){.call = *call, .at = core->now};
}

unsigned
shoal_call_carry(struct shoal_core *core, uint32_t slot, unsigned most, struct shoal_pending *reply)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t lately = 2 * shoal_ms(core->profile.probe_interval_ms);
	unsigned n = 0;

	for (size_t i = 0; i < SHOAL_CALLS_MAX && n < most; i++) {
		struct shoal_kept_call *kept = &core->calls.kept[i];
		if (kept->at != 0 && core->now - kept->at <= lately &&
		        kept->call.instance == shoal_members_salt(record) &&
		        shoal_id_compare(&kept->call.target, &record->info->id) == 0) {
			kept->at = 0;
			shoal_send_primary(reply, SHOAL_MESSAGE_CALL, &kept->call);
			shoal_count(core, SHOAL_COUNTER_CALLS_PASSED);
			n++;
		}
	}
	return n;
}

/* The member in a request keeps a link to this one, and is told down that; or polls this one. */
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
	bool polls = shoal_send_is_polled(core, record);
	bool linked = shoal_members_inbound(record) && shoal_inbound_link(core, slot) != 0;
	bool takes_it = from != slot && (linked || polls) && takes(core, from, RATE_OF, BURST_OF);
	if (takes_it && polls) {
		keep(core, call);
		return;
	}
	struct shoal_pending *pending =
	        takes_it ? shoal_send_to(core, SHOAL_SEND_DATAGRAM, slot, 0) : NULL;
	if (pending == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_CALLS);
		return;
	}
	shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
	shoal_send_primary(pending, SHOAL_MESSAGE_CALL, call);
	shoal_count(core, SHOAL_COUNTER_CALLS_PASSED);
}

/* Whether this came down a link of this member, from who is at its other end, or answers it. */
static bool
came_down(const struct shoal_core *core, uint32_t slot, const struct shoal_input *input)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record == NULL || !shoal_members_has_host(record, &input->from) ||
	        !shoal_peer_may_say(core, shoal_members_salt(record))) {
		return false;
	}
	if (input->kind != SHOAL_INPUT_STREAM) {
		return input->kind == SHOAL_INPUT_RESULT;
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
		bool polled = other->link.phase == SHOAL_LINK_POLLED;
		bool up = polled || other->link.phase == SHOAL_LINK_UP;
		bool settles = polled || !up || core->now - other->link.since < SETTLES;
		if (settles && other->link.slot == slot &&
		        shoal_watch_subject(core, &other->link) != NULL) {
			return NULL;
		}
		if (up && shoal_call_rests(core, other->used, used)) {
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
	bool polls = shoal_poll_is_for(core, self);
	if (!shoal_members_inbound(self) || shoal_members_inbound(caller) ||
	        (polls && shoal_kind_parts(core, caller)) || core->leave.phase != SHOAL_LEAVE_NOT ||
	        !takes(core, teller, RATE_BY, BURST_BY)) {
		shoal_count(core, SHOAL_COUNTER_DROP_CALLS);
		return;
	}
	core->poll.told = true; /* others may have asked, too */
	struct shoal_opened_link *called = place_for_opened(core, slot);
	if (called == NULL) {
		return;
	}
	called->link.called = true;
	called->link.slot = slot;
	called->link.id = caller->info->id;
	called->link.salt = call->salt;
	called->used = core->now;
	if (!polls) {
		shoal_watch_dial(core, &called->link);
		return;
	}
	called->link.phase = SHOAL_LINK_POLLED;
	shoal_count(core, SHOAL_COUNTER_CALLS_SERVED);
	shoal_call_poll(core, slot);
	shoal_call_arm(core, polled_until(core, called));
}

void
shoal_call_poll(struct shoal_core *core, uint32_t only)
{
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && called->link.phase == SHOAL_LINK_POLLED &&
		        (only == SHOAL_NONE || only == called->link.slot) &&
		        shoal_watch_subject(core, &called->link) != NULL) {
			shoal_poll_one(core, called->link.slot, &called->polls);
		}
	}
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

static void
tend_opened(struct shoal_core *core, uint32_t number)
{
	const struct shoal_opened_link *called = opened_at(core, number);
	enum shoal_link_phase phase = called->link.phase;
	uint64_t due = phase == SHOAL_LINK_UP       ? called->used + 2 * idle(core)
	               : phase == SHOAL_LINK_POLLED ? polled_until(core, called)
	               : phase == SHOAL_LINK_WAITS  ? called->link.due
	                                            : SHOAL_NEVER;

	if (due <= core->now || shoal_watch_subject(core, &called->link) == NULL) {
		forget_opened(core, number);
	} else if (due != SHOAL_NEVER) {
		shoal_call_arm(core, due);
	}
}

void
shoal_call_tend_opened(struct shoal_core *core)
{
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		if (opened_at(core, i) != NULL) {
			tend_opened(core, i);
		}
	}
}

void
shoal_call_opened_listed(struct shoal_core *core)
{
	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *called = opened_at(core, i);
		if (called != NULL && shoal_watch_subject(core, &called->link) == NULL) {
			forget_opened(core, i);
		}
	}
}

uint64_t
shoal_call_opened_hash(const struct shoal_core *core)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < core->calls.opened.end; i++) {
		const struct shoal_opened_link *called = opened_at(core, i);
		sum += called != NULL ? called->link.number + called->polls.number +
		                                called->link.phase + called->used + called->heard
		                      : 0;
	}
	return sum;
}
