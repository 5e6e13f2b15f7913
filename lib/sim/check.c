/* SPDX-License-Identifier: MIT */
/* Checkers of one core: its events against each other and against what it holds, its packets and
 * queues against its limits.
 *
 * A watch keeps, by slot, what the core told last; a slot is a member's number until it is reaped.
 * Of two views of one member, told or held, {incarnation, salt, state} only ever rises: within one
 * incarnation and salt in the order alive, suspect, dead, leaving, left. From this all legal
 * transitions follow, resurrection included.
 *
 * Cost: O(1) an event and packet, O(members) for shoal_watch_members. */
#include "sim/check.h"

#include "base/alloc.h"
#include "base/text.h"
#include "sim/follow.h"

#include <string.h>

/* What one step may send after a long stall, beside an answer to each ping that it relayed; what
 * may go back to where a datagram came from: its answer, and a packet that goes there as to
 * anybody, a burst of news or the truth about what was told; and what a core may hold: its buffers
 * and queues, and so much a slot. */
#define SENDS_MOST      128
#define ANSWERS_MOST    2
#define MEMORY_FIXED    ((size_t)256 << 10)
#define MEMORY_PER_SLOT ((size_t)1024)

static const char *const check_name[SHOAL_CHECKERS] = {
#define SHOAL_X(name, label, text) [SHOAL_CHECKER_##name] = (label),
        SHOAL_CHECKER_TABLE(SHOAL_X)
#undef SHOAL_X
};

static const char *const check_help[SHOAL_CHECKERS] = {
#define SHOAL_X(name, label, text) [SHOAL_CHECKER_##name] = (text),
        SHOAL_CHECKER_TABLE(SHOAL_X)
#undef SHOAL_X
};

const char *
shoal_checker_name(enum shoal_checker check)
{
	return (size_t)check < SHOAL_CHECKERS ? check_name[check] : "invalid";
}

const char *
shoal_checker_help(enum shoal_checker check)
{
	return (size_t)check < SHOAL_CHECKERS ? check_help[check] : "invalid";
}

int
shoal_checker_parse(enum shoal_checker *check, const char *name)
{
	for (size_t i = 0; i < SHOAL_CHECKERS; i++) {
		if (strcmp(name, check_name[i]) == 0) {
			*check = (enum shoal_checker)i;
			return 0;
		}
	}
	return SHOAL_ERR_NOT_FOUND;
}

void
shoal_checker_fail(struct shoal_checkers *checks, enum shoal_checker check, uint32_t observer,
        const struct shoal_id *subject, const char *why)
{
	struct shoal_checker_report *report = &checks->first;
	struct shoal_text text;

	if ((checks->one && check != checks->which) || checks->fired++ != 0) {
		return;
	}
	memset(report, 0, sizeof(*report));
	report->check = check;
	report->at_ns = checks->now_ns != NULL ? *checks->now_ns : 0;
	report->observer = observer;
	if (subject != NULL) {
		report->subject = *subject;
	}
	shoal_text_init(&text, report->text, sizeof(report->text));
	shoal_text_str(&text, why);
}

static bool
is_judgement(enum shoal_checker check)
{
	return check == SHOAL_CHECKER_CALM || check == SHOAL_CHECKER_ACCURACY;
}

bool
shoal_checker_that(struct shoal_checkers *checks, enum shoal_checker check, bool ok,
        uint32_t observer, const struct shoal_id *subject, const char *why)
{
	checks->looked[check]++;
	if (!ok && !(checks->unjudged && is_judgement(check))) {
		shoal_checker_fail(checks, check, observer, subject, why);
	}
	return ok;
}

void
shoal_watch_init(struct shoal_watch *watch, const struct shoal_allocator *mem,
        struct shoal_checkers *checks, const struct shoal_profile *profile, uint32_t observer)
{
	memset(watch, 0, sizeof(*watch));
	watch->mem = mem;
	watch->checks = checks;
	watch->profile = profile;
	watch->observer = observer;
}

void
shoal_watch_done(struct shoal_watch *watch)
{
	bool limits_only = watch->limits_only;

	shoal_follow_free(watch->follow);
	shoal_alloc_free(watch->mem, watch->view);
	shoal_watch_init(watch, watch->mem, watch->checks, watch->profile, watch->observer);
	watch->limits_only = limits_only;
}

int
shoal_watch_follow(struct shoal_watch *watch, const struct shoal_core *core)
{
	return shoal_follow_new(&watch->follow, watch, core);
}

static bool
that(struct shoal_watch *watch, enum shoal_checker check, bool ok, const struct shoal_id *subject,
        const char *why)
{
	return shoal_checker_that(watch->checks, check, ok, watch->observer, subject, why);
}

/* "why: told alive, was dead" and the like. */
static void
state_fail(struct shoal_watch *watch, const char *why, const struct shoal_id *id,
        enum shoal_state before, enum shoal_state after)
{
	char line[SHOAL_CHECKER_TEXT_MAX];
	struct shoal_text text;

	shoal_text_init(&text, line, sizeof(line));
	shoal_text_str(&text, why);
	shoal_text_str(&text, " (");
	shoal_text_str(&text, shoal_state_name(before));
	shoal_text_str(&text, " -> ");
	shoal_text_str(&text, shoal_state_name(after));
	shoal_text_char(&text, ')');
	shoal_checker_fail(watch->checks, SHOAL_CHECKER_EVENTS, watch->observer, id, line);
}

/* Room for the slot. */
static int
reserve(struct shoal_watch *watch, uint32_t slot)
{
	size_t views = watch->views == 0 ? 16 : watch->views;
	struct shoal_watch_view *view;

	if (slot < watch->views) {
		return 0;
	}
	while (views <= slot) {
		views *= 2;
	}
	view = shoal_alloc_resize(watch->mem, watch->view, views, sizeof(*view));
	if (view == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	memset(view + watch->views, 0, (views - watch->views) * sizeof(*view));
	watch->view = view;
	watch->views = views;
	return 0;
}

static bool
kind_fits(const struct shoal_event *event)
{
	switch (event->kind) {
	case SHOAL_EVENT_JOIN:
		return event->was == SHOAL_STATE_UNKNOWN && event->state != SHOAL_STATE_UNKNOWN;
	case SHOAL_EVENT_UPDATE:
	case SHOAL_EVENT_CONFLICT:
		return event->was == event->state;
	case SHOAL_EVENT_SUSPECT:
		return event->was != event->state && event->state == SHOAL_STATE_SUSPECT;
	case SHOAL_EVENT_ALIVE:
		return event->was != event->state && event->state == SHOAL_STATE_ALIVE;
	case SHOAL_EVENT_FAILED:
		return event->was != event->state && event->state == SHOAL_STATE_DEAD;
	case SHOAL_EVENT_LEAVING:
		return event->was != event->state && event->state == SHOAL_STATE_LEAVING;
	case SHOAL_EVENT_LEFT:
		return event->was != event->state && event->state == SHOAL_STATE_LEFT;
	case SHOAL_EVENT_REAP:
		return event->was == SHOAL_STATE_DEAD || event->was == SHOAL_STATE_LEFT;
	default:
		return true;
	}
}

static bool
same_salt(const struct shoal_salt *a, const struct shoal_salt *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool
gone(enum shoal_state state)
{
	return state == SHOAL_STATE_DEAD || state == SHOAL_STATE_LEFT;
}

static void
check_chain(struct shoal_watch *watch, const struct shoal_event *event,
        const struct shoal_watch_view *view)
{
	watch->checks->looked[SHOAL_CHECKER_EVENTS]++;
	if (shoal_id_compare(&view->id, &event->id) != 0 && view->state != SHOAL_STATE_UNKNOWN) {
		state_fail(watch, "another member in this slot without a reap", &event->id,
		        view->state, event->state);
	} else if (event->was != view->state &&
	           !(view->unsure && event->was == SHOAL_STATE_UNKNOWN)) {
		state_fail(watch, "the event's was is not what was told last", &event->id,
		        view->state, event->was);
	} else if (!kind_fits(event)) {
		state_fail(
		        watch, shoal_event_name(event->kind), &event->id, event->was, event->state);
	}
}

/* Whether the member had another salt when this step began, or is held leaving or left at its end:
 * who was found dead and then says goodbye under the same incarnation is told alive and leaving,
 * one after the other. */
static bool
excused(struct shoal_watch *watch, const struct shoal_core *core, const struct shoal_event *event,
        struct shoal_watch_view *view)
{
	struct shoal_core_member member;
	bool leaves = false;

	if (view->step != watch->step) {
		view->step = watch->step;
		view->salt = view->next;
	}
	if (shoal_core_member(core, event->slot, &member)) {
		view->next = member.salt;
		leaves = (view->state == SHOAL_STATE_DEAD || view->grave == SHOAL_STATE_DEAD) &&
		         member.state > SHOAL_STATE_DEAD;
	}
	return leaves || !same_salt(&view->salt, &view->next);
}

static void
check_rise(struct shoal_watch *watch, const struct shoal_core *core,
        const struct shoal_event *event, struct shoal_watch_view *view)
{
	enum shoal_state from = view->state != SHOAL_STATE_UNKNOWN ? view->state : view->grave;
	bool other = excused(watch, core, event, view);
	bool rises = event->incarnation > view->incarnation || other || event->state >= from ||
	             event->cause.kind == SHOAL_CAUSE_NOT_ALLOWED;

	if (from == SHOAL_STATE_UNKNOWN || shoal_id_compare(&view->id, &event->id) != 0 ||
	        (view->state == SHOAL_STATE_UNKNOWN && watch->forgets)) {
		return;
	}
	(void)that(watch, SHOAL_CHECKER_INCARNATIONS, event->incarnation >= view->incarnation,
	        &event->id, "the incarnation fell");
	if (gone(from)) {
		(void)that(watch, SHOAL_CHECKER_RESURRECTION, rises, &event->id,
		        "back from dead or left without a higher incarnation or a new salt");
	} else {
		(void)that(watch, SHOAL_CHECKER_INCARNATIONS, rises, &event->id,
		        "the state fell within one incarnation");
	}
}

int
shoal_watch_event(
        struct shoal_watch *watch, const struct shoal_core *core, const struct shoal_event *event)
{
	struct shoal_watch_view *view;

	if (watch->limits_only) {
		return 0;
	}
	if (watch->follow != NULL) {
		shoal_follow_event(watch->follow, event);
	}
	watch->lost = watch->lost || event->kind == SHOAL_EVENT_OVERFLOW;
	if (watch->lost || event->kind > SHOAL_EVENT_ALL) {
		return 0;
	}
	if (reserve(watch, event->slot) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	view = &watch->view[event->slot];
	check_chain(watch, event, view);
	if (event->kind == SHOAL_EVENT_REAP) {
		memset(view, 0, sizeof(*view));
	} else if (event->kind != SHOAL_EVENT_CONFLICT) {
		check_rise(watch, core, event, view);
		view->id = event->id;
		view->incarnation = event->incarnation;
		view->state = event->state;
		view->grave = SHOAL_STATE_UNKNOWN;
		view->unsure = false;
	}
	return 0;
}

void
shoal_watch_begin(struct shoal_watch *watch, const struct shoal_input *input)
{
	watch->step++;
	watch->sends = watch->answers = 0;
	watch->asker = input->kind == SHOAL_INPUT_DATAGRAM ? input->from : (struct shoal_addr){0};
	if (watch->follow != NULL) {
		shoal_follow_begin(watch->follow, input);
	}
}

void
shoal_watch_taken(struct shoal_watch *watch, int rc)
{
	if (watch->follow != NULL) {
		shoal_follow_taken(watch->follow, rc);
	}
}

void
shoal_watch_send(struct shoal_watch *watch, const struct shoal_send *send)
{
	size_t max = send->kind == SHOAL_SEND_DATAGRAM ? watch->profile->datagram_max
	                                               : watch->profile->stream_max;

	bool bare = send->kind == SHOAL_SEND_UNWATCH || send->kind == SHOAL_SEND_DROP;

	watch->sends++;
	watch->answers += send->kind == SHOAL_SEND_DATAGRAM && watch->asker.port != 0 &&
	                  shoal_addr_equal(&send->to, &watch->asker);
	(void)that(watch, SHOAL_CHECKER_BOUNDS, (send->len > 0) != bare && send->len <= max, NULL,
	        "a packet is empty or above its limit");
	if (watch->follow != NULL) {
		shoal_follow_send(watch->follow, send);
	}
}

void
shoal_watch_memory(struct shoal_watch *watch, const struct shoal_core *core, size_t allocated)
{
	if (allocated == watch->allocated) {
		return;
	}
	size_t held = shoal_core_memory(core);
	watch->allocated = allocated;
	(void)that(watch, SHOAL_CHECKER_MEMORY,
	        held <= MEMORY_FIXED + shoal_core_slots(core) * MEMORY_PER_SLOT, NULL,
	        "more memory than queues and members need");
	(void)that(watch, SHOAL_CHECKER_MEMORY, allocated <= held && held - allocated <= held / 16,
	        NULL, "the memory that it says that it holds is not what it holds");
}

/* After lost events the list is what was told. */
static int
look_again(struct shoal_watch *watch, const struct shoal_core *core)
{
	uint32_t slots = shoal_core_slots(core);
	struct shoal_core_member member;

	if (slots > 0 && reserve(watch, slots - 1) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	memset(watch->view, 0, watch->views * sizeof(*watch->view));
	for (uint32_t slot = 0; slot < slots; slot++) {
		if (shoal_core_member(core, slot, &member) && !member.self) {
			watch->view[slot] = (struct shoal_watch_view){.id = member.id,
			        .salt = member.salt,
			        .next = member.salt,
			        .incarnation = member.incarnation,
			        .state = member.state,
			        .unsure = gone(member.state)};
		}
	}
	watch->lost = false;
	return 0;
}

/* Sooner or later is enough: nothing that falls rises again before the next timer unseen. */
static void
check_own(struct shoal_watch *watch, const struct shoal_core *core)
{
	struct shoal_core_member self;

	if (shoal_core_member(core, 0, &self)) {
		(void)that(watch, SHOAL_CHECKER_INCARNATIONS, self.incarnation >= watch->own,
		        &self.id, "its own incarnation fell");
		watch->own = self.incarnation;
	}
}

int
shoal_watch_end(
        struct shoal_watch *watch, const struct shoal_core *core, const struct shoal_input *input)
{
	size_t slots = shoal_core_slots(core);

	(void)that(watch, SHOAL_CHECKER_BOUNDS,
	        watch->sends <= watch->profile->sends_max &&
	                watch->sends <= SENDS_MOST + watch->profile->relayed_max,
	        NULL, "too many packets from one step");
	(void)that(watch, SHOAL_CHECKER_BOUNDS, slots <= watch->profile->members_max, NULL,
	        "more members than the limit");
	(void)that(watch, SHOAL_CHECKER_CHAINS, watch->answers <= ANSWERS_MOST, NULL,
	        "more than one answer to a datagram");
	(void)that(watch, SHOAL_CHECKER_BOUNDS,
	        shoal_core_health(core) <= watch->profile->health_max, NULL,
	        "the health score is above its limit");
	if (input->kind == SHOAL_INPUT_TIMER) {
		(void)that(watch, SHOAL_CHECKER_BOUNDS, shoal_core_deadline(core) > input->mono_ns,
		        NULL, "the deadline after a timer is not in the future");
		check_own(watch, core);
	}
	if (watch->follow != NULL && shoal_follow_end(watch->follow) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	return watch->lost ? look_again(watch, core) : 0;
}

/* One slot of the list against what was told. */
static void
check_member(struct shoal_watch *watch, uint32_t slot, const struct shoal_core_member *member)
{
	struct shoal_watch_view *view = &watch->view[slot];

	watch->checks->looked[SHOAL_CHECKER_EVENTS]++;
	if (member->self) {
		return;
	}
	if (view->state == SHOAL_STATE_UNKNOWN && gone(member->state)) {
		/* A tombstone that others told of is no event: nobody here ever saw that member. */
		*view = (struct shoal_watch_view){.id = member->id,
		        .salt = member->salt,
		        .next = member->salt,
		        .incarnation = member->incarnation,
		        .grave = member->state};
	} else if (member->state != view->state) {
		state_fail(watch, "the list is not what was told", &member->id, view->state,
		        member->state);
	} else if (view->state != SHOAL_STATE_UNKNOWN) {
		if (shoal_id_compare(&member->id, &view->id) != 0) {
			state_fail(watch, "another member than was told", &member->id, view->state,
			        member->state);
		}
		(void)that(watch, SHOAL_CHECKER_INCARNATIONS,
		        member->incarnation >= view->incarnation, &member->id,
		        "the incarnation fell");
		view->incarnation = member->incarnation;
	}
}

int
shoal_watch_members(struct shoal_watch *watch, const struct shoal_core *core)
{
	size_t count[SHOAL_STATES] = {0};
	uint32_t slots = shoal_core_slots(core);
	struct shoal_core_member member;

	if (watch->limits_only) {
		return 0;
	}
	if (slots > 0 && reserve(watch, slots - 1) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	if (watch->follow != NULL) {
		shoal_follow_look(watch->follow);
	}
	for (uint32_t slot = 0; slot < watch->views; slot++) {
		if (slot < slots && shoal_core_member(core, slot, &member)) {
			check_member(watch, slot, &member);
			count[(size_t)member.state < SHOAL_STATES ? (size_t)member.state : 0]++;
		} else if (watch->view[slot].state != SHOAL_STATE_UNKNOWN) {
			state_fail(watch, "not in the list any more, without a reap",
			        &watch->view[slot].id, watch->view[slot].state,
			        SHOAL_STATE_UNKNOWN);
		}
	}
	for (size_t state = 0; state < SHOAL_STATES; state++) {
		(void)that(watch, SHOAL_CHECKER_EVENTS,
		        shoal_core_count(core, (enum shoal_state)state) == count[state], NULL,
		        "a count of members in a state is wrong");
	}
	return 0;
}
