/* SPDX-License-Identifier: MIT */
/* The step as all that follow a core see it, and what they share. */
#include "sim/follow.h"

#include "base/alloc.h"

#include <string.h>

int
shoal_follow_new(
        struct shoal_follow **out, struct shoal_watch *watch, const struct shoal_core *core)
{
	struct shoal_follow *follow = shoal_alloc_zeroed(watch->mem, 1, sizeof(*follow));

	if (follow == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	follow->watch = watch;
	follow->core = core;
	*out = follow;
	return 0;
}

void
shoal_follow_free(struct shoal_follow *follow)
{
	const struct shoal_allocator *mem;

	if (follow == NULL) {
		return;
	}
	mem = follow->watch->mem;
	shoal_alloc_free(mem, follow->view);
	shoal_alloc_free(mem, follow->ping);
	shoal_alloc_free(mem, follow->inquest);
	shoal_alloc_free(mem, follow->relayed);
	shoal_alloc_free(mem, follow);
}

bool
shoal_follow_that(const struct shoal_follow *follow, enum shoal_checker check, bool ok,
        const struct shoal_id *subject, const char *why)
{
	return shoal_checker_that(
	        follow->watch->checks, check, ok, follow->watch->observer, subject, why);
}

static uint64_t
shortage_of(const struct shoal_core *core)
{
	const uint64_t *value = shoal_core_counters(core)->value;

	return value[SHOAL_COUNTER_DROP_SENDS_FULL] + value[SHOAL_COUNTER_DROP_NOMEM] +
	       value[SHOAL_COUNTER_DROP_EVENTS_FULL] + value[SHOAL_COUNTER_DROP_EXCHANGES_FULL] +
	       value[SHOAL_COUNTER_DROP_INQUESTS_FULL];
}

bool
shoal_follow_could(const struct shoal_follow *follow)
{
	return shortage_of(follow->core) == follow->shortage;
}

uint32_t
shoal_follow_n(const struct shoal_core *core)
{
	size_t n = shoal_core_count(core, SHOAL_STATE_ALIVE) +
	           shoal_core_count(core, SHOAL_STATE_SUSPECT);
	struct shoal_core_member self;

	/* This member counts also while it leaves. */
	if (shoal_core_member(core, 0, &self) && !shoal_follow_counts(self.state)) {
		n++;
	}
	return (uint32_t)n;
}

uint32_t
shoal_follow_least_n(const struct shoal_follow *follow)
{
	uint32_t now = shoal_follow_n(follow->core);

	return now < follow->n ? now : follow->n;
}

/* What is kept of the member in that slot. */
static struct shoal_follow_view *
view_of(struct shoal_follow *follow, uint32_t slot, const struct shoal_id *id)
{
	size_t views = follow->views == 0 ? 16 : follow->views;
	struct shoal_follow_view *view;

	while (views <= slot) {
		views *= 2;
	}
	if (slot >= follow->views) {
		view = shoal_alloc_resize(follow->watch->mem, follow->view, views, sizeof(*view));
		if (view == NULL) {
			follow->failed = true;
			return NULL;
		}
		memset(view + follow->views, 0, (views - follow->views) * sizeof(*view));
		follow->view = view;
		follow->views = views;
	}
	view = &follow->view[slot];
	if (shoal_id_compare(&view->id, id) != 0) {
		memset(view, 0, sizeof(*view));
		view->id = *id;
	}
	return view;
}

struct shoal_follow_view *
shoal_follow_find(
        struct shoal_follow *follow, const struct shoal_id *id, struct shoal_core_member *member)
{
	uint32_t slot;

	if (shoal_core_find(follow->core, id, &slot) != 0 ||
	        !shoal_core_member(follow->core, slot, member)) {
		return NULL;
	}
	return view_of(follow, slot, id);
}

void *
shoal_follow_push(
        struct shoal_follow *follow, void **array, size_t *count, size_t *room, size_t size)
{
	size_t wanted = *room == 0 ? 8 : 2 * *room;
	uint8_t *item;

	if (*count == *room) {
		void *grown = shoal_alloc_resize(follow->watch->mem, *array, wanted, size);

		if (grown == NULL) {
			follow->failed = true;
			return NULL;
		}
		*array = grown;
		*room = wanted;
	}
	item = (uint8_t *)*array + *count * size;
	memset(item, 0, size);
	++*count;
	return item;
}

/* docs/protocol.md, "Own stalls". */
static uint64_t
lag_of(const struct shoal_follow *follow)
{
	const struct shoal_profile *profile = follow->watch->profile;
	uint64_t least = SHOAL_MS(profile->stall_ms);
	uint64_t part = SHOAL_MS(profile->probe_interval_ms) / 20;
	uint64_t due = shoal_core_deadline(follow->core);
	uint64_t from = due > follow->before ? due : follow->before;

	if (follow->before == 0 || profile->stall_ms == 0 || follow->now <= from ||
	        follow->now - from <= (least > part ? least : part)) {
		return 0;
	}
	return follow->now - from;
}

bool
shoal_follow_is_current(const struct shoal_core_member *member, const struct shoal_addr *from)
{
	bool at = false;

	for (size_t i = 0; i < member->addrs && !at; i++) {
		at = shoal_addr_equal(&member->addr[i], from);
	}
	return at && !member->self &&
	       (shoal_follow_counts(member->state) || member->state == SHOAL_STATE_LEAVING);
}

static void
look_at_asker(struct shoal_follow *follow)
{
	const struct shoal_core *core = follow->core;
	struct shoal_core_member member;
	uint32_t slot;

	follow->asker_counts = follow->asker_current = follow->asker_stays = false;
	follow->rtt_ns = 0;
	if (shoal_id_is_zero(&follow->heard.sender) ||
	        shoal_core_find(core, &follow->heard.sender, &slot) != 0 ||
	        !shoal_core_member(core, slot, &member)) {
		return;
	}
	follow->asker_current = shoal_follow_is_current(&member, &follow->input->from);
	follow->asker_counts = follow->asker_current && shoal_follow_counts(member.state);
	follow->asker_stays = shoal_follow_is_gone(member.state);
	follow->rtt_ns = member.rtt_ns;
}

void
shoal_follow_begin(struct shoal_follow *follow, const struct shoal_input *input)
{
	bool packet = input->kind == SHOAL_INPUT_DATAGRAM || input->kind == SHOAL_INPUT_STREAM ||
	              input->kind == SHOAL_INPUT_REQUEST || input->kind == SHOAL_INPUT_WATCHED ||
	              (input->kind == SHOAL_INPUT_RESULT && input->code == 0);

	follow->input = input;
	follow->now = input->mono_ns;
	follow->lag = lag_of(follow);
	follow->n = follow->running = shoal_follow_n(follow->core);
	follow->health = shoal_core_health(follow->core);
	follow->shortage = shortage_of(follow->core);
	follow->served = follow->gone_said = follow->moved = false;
	follow->answered.seq = 0;
	(void)shoal_read_packet(&follow->heard, input->data, packet ? input->len : 0);
	look_at_asker(follow);
	shoal_asked_begin(follow);
	shoal_doubt_begin(follow);
	shoal_served_begin(follow);
}

/* A stranger's packet is none of those that somebody was heard by. */
static bool
is_of_member(const struct shoal_follow *follow)
{
	uint32_t slot;

	return follow->heard.kind != 0 &&
	       shoal_core_find(follow->core, &follow->heard.sender, &slot) == 0 && slot != 0;
}

/* The result of a request that was forgotten says nothing. */
static void
note_heard(struct shoal_follow *follow, bool taken)
{
	enum shoal_input_kind kind = follow->input->kind;
	bool result = kind == SHOAL_INPUT_RESULT, first = follow->before == 0;
	bool heard = kind == SHOAL_INPUT_REFUSED || follow->heard.kind != 0;

	if (first || result || heard) {
		follow->arrived_ns = follow->now;
	}
	if (first || (taken && (kind == SHOAL_INPUT_REFUSED || is_of_member(follow)) && !result)) {
		follow->heard_ns = follow->now;
	}
}

void
shoal_follow_taken(struct shoal_follow *follow, int rc)
{
	if (rc != 0) {
		follow->heard.kind = 0;
	}
	note_heard(follow, rc == 0);
	shoal_asked_taken(follow);
	shoal_refused_taken(follow);
	shoal_served_taken(follow);
	shoal_said_taken(follow);
}

void
shoal_follow_send(struct shoal_follow *follow, const struct shoal_send *send)
{
	struct shoal_read read;

	if (shoal_read_packet(&read, send->data, send->len)) {
		shoal_asked_send(follow, send, &read);
		shoal_refused_send(follow, send, &read);
		shoal_served_send(follow, send, &read);
		shoal_said_send(follow, send, &read);
	}
}

/* Events were lost: how long somebody has been suspect is not known any more. */
static void
forget_suspicions(struct shoal_follow *follow)
{
	follow->blind = true;
	for (size_t i = 0; follow->view != NULL && i < follow->views; i++) {
		follow->view[i].suspect_ns = 0;
	}
}

void
shoal_follow_event(struct shoal_follow *follow, const struct shoal_event *event)
{
	bool about = event->kind <= SHOAL_EVENT_ALL;
	struct shoal_core_member member;
	struct shoal_follow_view *view =
	        about ? shoal_follow_find(follow, &event->id, &member) : NULL;

	if (event->kind == SHOAL_EVENT_REAP && event->cause.kind != SHOAL_CAUSE_FORGOTTEN &&
	        event->slot < follow->views) {
		/* If it comes again, all of it begins anew. */
		memset(&follow->view[event->slot], 0, sizeof(follow->view[event->slot]));
	}
	follow->moved = follow->moved || about;
	follow->walls = follow->walls || event->kind == SHOAL_EVENT_OVERFLOW ||
	                (view != NULL && member.diagnosis == SHOAL_DIAGNOSIS_INBOUND_ONLY);
	if (view != NULL && shoal_follow_is_gone(event->state)) {
		view->told_ns = 0; /* it has not been told of this end */
	}
	if (event->kind == SHOAL_EVENT_OVERFLOW) {
		forget_suspicions(follow);
	}
	shoal_asked_event(follow, event);
	shoal_refused_event(follow, event);
	shoal_told_event(follow, event);
	shoal_doubt_event(follow, event);
	if (event->kind <= SHOAL_EVENT_ALL &&
	        shoal_follow_counts(event->was) != shoal_follow_counts(event->state)) {
		follow->running += shoal_follow_counts(event->state) ? 1 : UINT32_MAX;
		follow->changed_ns = follow->now;
	}
}

int
shoal_follow_end(struct shoal_follow *follow)
{
	shoal_asked_end(follow);
	shoal_served_end(follow);
	follow->before = follow->now;
	return follow->failed ? SHOAL_ERR_NOMEM : 0;
}

void
shoal_follow_look(struct shoal_follow *follow)
{
	shoal_told_look(follow);
}
