/* SPDX-License-Identifier: MIT */
/* Suspicions (docs/protocol.md, "Suspicion"): from most to least with the number of accusers, and
 * longer by what this member stalled. Accusers are taken for as many and as weighty as they can be,
 * so that only what is too short for certain is found. */
#include "sim/follow.h"

#include "base/ilog.h"

#define DOUBTERS_MOST 8

void
shoal_doubt_span(const struct shoal_profile *profile, uint32_t n, uint64_t *least, uint64_t *most,
        uint32_t *wanted)
{
	uint64_t log10 = shoal_ilog_10_q16(n), scale = log10 > 65536 ? log10 : 65536;
	uint64_t interval = SHOAL_MS(profile->probe_interval_ms);
	uint32_t by_mult = profile->suspicion_mult > 2 ? profile->suspicion_mult - 2 : 0;
	uint32_t by_n = n > 2 ? n - 2 : 0;

	*wanted = by_mult < by_n ? by_mult : by_n;
	*wanted = *wanted < DOUBTERS_MOST - 1 ? *wanted : DOUBTERS_MOST - 1;
	*least = profile->suspicion_mult * (interval * scale >> 16);
	*most = *wanted == 0 ? *least : *least * profile->suspicion_max_mult;
}

void
shoal_doubt_begin(struct shoal_follow *follow)
{
	for (size_t i = 0; i < follow->views && follow->lag != 0; i++) {
		if (follow->view[i].suspect_ns != 0) {
			follow->view[i].moved_ns += follow->lag;
		}
	}
}

/* With so many accusers beyond the first. */
static uint64_t
length(const struct shoal_follow *follow, const struct shoal_follow_view *view, uint32_t further)
{
	uint64_t least, most, part;
	uint32_t wanted;

	shoal_doubt_span(follow->watch->profile, view->suspect_n, &least, &most, &wanted);
	if (view->partial) {
		return most;
	}
	if (further >= wanted) {
		return least;
	}
	part = ((uint64_t)shoal_ilog2_q16(further + 1) << 16) / shoal_ilog2_q16(wanted + 1);
	return most - (most - least) / 65536 * part;
}

static uint64_t
with_stalls(const struct shoal_follow_view *view, uint64_t length_ns)
{
	return length_ns + (view->moved_ns < length_ns ? view->moved_ns : length_ns);
}

bool
shoal_doubt_is_old(const struct shoal_follow *follow, const struct shoal_follow_view *view)
{
	uint64_t least, most;
	uint32_t wanted;

	shoal_doubt_span(follow->watch->profile, view->suspect_n, &least, &most, &wanted);
	return view->suspect_ns != 0 &&
	       follow->now - view->suspect_ns + SHOAL_MS(1) >= with_stalls(view, least / 2);
}

static void
begin(struct shoal_follow *follow, struct shoal_follow_view *view, const struct shoal_event *event,
        const struct shoal_core_member *member)
{
	view->suspect_ns = event->mono_ns;
	view->suspect_n = follow->running;
	view->moved_ns = 0;
	view->partial = member->diagnosis == SHOAL_DIAGNOSIS_PARTIAL;
}

static void
check_end(const struct shoal_follow *follow, const struct shoal_follow_view *view,
        const struct shoal_event *event)
{
	size_t accusers = event->cause.accusers;
	uint32_t further = accusers >= SHOAL_ACCUSERS_MAX ? DOUBTERS_MOST - 1
	                   : accusers > 1                 ? (uint32_t)accusers - 1
	                                                  : 0;

	(void)shoal_follow_that(follow, SHOAL_CHECKER_SUSPICIONS,
	        follow->now - view->suspect_ns + SHOAL_MS(1) >=
	                with_stalls(view, length(follow, view, further)),
	        &event->id, "a suspicion ended before its time");
}

void
shoal_doubt_event(struct shoal_follow *follow, const struct shoal_event *event)
{
	struct shoal_core_member member;
	struct shoal_follow_view *view;

	if (event->kind > SHOAL_EVENT_ALL || event->was == event->state) {
		return;
	}
	view = shoal_follow_find(follow, &event->id, &member);
	if (view == NULL) {
		return;
	}
	if (event->kind == SHOAL_EVENT_SUSPECT) {
		begin(follow, view, event, &member);
		return;
	}
	if (event->kind == SHOAL_EVENT_FAILED && event->cause.kind == SHOAL_CAUSE_SUSPICION &&
	        view->suspect_ns != 0) {
		check_end(follow, view, event);
	}
	view->suspect_ns = 0;
}
