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
	shoal_alloc_free(mem, follow);
}

bool
shoal_follow_that(const struct shoal_follow *follow, enum shoal_checker check, bool ok,
        const struct shoal_id *subject, const char *why)
{
	return shoal_checker_that(
	        follow->watch->checks, check, ok, follow->watch->observer, subject, why);
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

void
shoal_follow_begin(struct shoal_follow *follow, const struct shoal_input *input)
{
	follow->input = input;
	follow->now = input->mono_ns;
	follow->lag = lag_of(follow);
	follow->running = shoal_follow_n(follow->core);
	shoal_doubt_begin(follow);
}

/* Events were lost: how long somebody has been suspect is not known any more. */
static void
forget_suspicions(struct shoal_follow *follow)
{
	for (size_t i = 0; i < follow->views; i++) {
		follow->view[i].suspect_ns = 0;
	}
}

void
shoal_follow_event(struct shoal_follow *follow, const struct shoal_event *event)
{
	if (event->kind == SHOAL_EVENT_OVERFLOW) {
		forget_suspicions(follow);
	}
	shoal_doubt_event(follow, event);
	if (event->kind <= SHOAL_EVENT_ALL &&
	        shoal_follow_counts(event->was) != shoal_follow_counts(event->state)) {
		follow->running += shoal_follow_counts(event->state) ? 1 : UINT32_MAX;
	}
}

int
shoal_follow_end(struct shoal_follow *follow)
{
	follow->before = follow->now;
	return follow->failed ? SHOAL_ERR_NOMEM : 0;
}
