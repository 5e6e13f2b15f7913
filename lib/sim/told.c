/* SPDX-License-Identifier: MIT */
/* What is taken over from others: only what was told in the packet that is named as the reason, and
 * only when it may count at once (docs/protocol.md, "States and statements"). */
#include "sim/follow.h"

/* A verdict that is told counts for so long after the first refusal. */
#define VERDICT_MS 3000

static bool
is_told(enum shoal_cause_kind kind)
{
	return kind == SHOAL_CAUSE_GOSSIP || kind == SHOAL_CAUSE_SYNC || kind == SHOAL_CAUSE_JOIN;
}

/* The next statement of the packet about this one. */
static bool
next_about(
        struct shoal_reader *messages, const struct shoal_id *id, struct shoal_read_statement *said)
{
	while (shoal_read_next(messages, said)) {
		if (shoal_id_compare(&said->id, id) == 0) {
			return true;
		}
	}
	return false;
}

/* Whether it may count at once that it lives, though it was not known or was dead here. */
static bool
is_fresh(const struct shoal_follow *follow, const struct shoal_read_statement *said)
{
	bool asked = follow->input->kind == SHOAL_INPUT_RESULT &&
	             follow->heard.kind == SHOAL_MESSAGE_ANSWER &&
	             follow->heard.message.answer.root == 0;

	return asked || said->state == SHOAL_STATE_LEAVING ||
	       said->age_ms <= follow->watch->profile->hearsay_ms;
}

/* It lives, somebody says. */
static void
check_life(struct shoal_follow *follow, const struct shoal_event *event)
{
	bool back = event->was == SHOAL_STATE_UNKNOWN || shoal_follow_is_gone(event->was);
	struct shoal_reader messages = follow->heard.messages;
	struct shoal_read_statement said;
	bool told = false, fresh = false;

	if (follow->input->kind == SHOAL_INPUT_ACCEPT) {
		return; /* it was told before, and waited until it was accepted */
	}
	while (follow->heard.kind != 0 && next_about(&messages, &event->id, &said)) {
		bool fits =
		        said.incarnation == event->incarnation && !shoal_follow_is_gone(said.state);

		told = told || fits;
		fresh = fresh || (fits && is_fresh(follow, &said));
	}
	if (event->cause.kind == SHOAL_CAUSE_RESTARTED && !told) {
		return; /* it was told before, and the known instance was asked first */
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_REASONS, told, &event->id,
	        "said to have been told that it lives, and was not");
	(void)shoal_follow_that(follow, SHOAL_CHECKER_REASONS, fresh || !back, &event->id,
	        "hearsay counted at once");
}

/* It is dead, somebody says: only where this member had a doubt of its own. */
static void
check_death(struct shoal_follow *follow, const struct shoal_event *event)
{
	struct shoal_core_member member;
	const struct shoal_follow_view *view = shoal_follow_find(follow, &event->id, &member);

	if (view == NULL || event->was == SHOAL_STATE_LEFT ||
	        follow->watch->profile->verify_deaths == 0 ||
	        (follow->blind && view->suspect_ns == 0)) {
		return;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_REASONS, shoal_doubt_is_old(follow, view),
	        &event->id, "a told death counted without a check or an own doubt");
}

static uint32_t
distinct(const struct shoal_id_list *list)
{
	uint32_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		bool first = true;

		for (size_t k = 0; k < i; k++) {
			first = first && shoal_id_compare(&list->item[i], &list->item[k]) != 0;
		}
		count += first;
	}
	return count;
}

/* It is dead by a verdict, somebody says: a young one, of enough, about the instance that is held,
 * and nothing was heard from it since. */
static void
check_verdict(struct shoal_follow *follow, const struct shoal_event *event)
{
	uint32_t n = shoal_follow_n(follow->core) + 1;
	uint32_t needed = shoal_refused_needs(n < follow->n ? n : follow->n);
	struct shoal_reader messages = follow->heard.messages;
	struct shoal_core_member member;
	struct shoal_read_statement said;
	bool told = false;

	if (shoal_follow_find(follow, &event->id, &member) == NULL) {
		return;
	}
	while (follow->heard.kind != 0 && !told && next_about(&messages, &event->id, &said)) {
		told = said.state == SHOAL_STATE_DEAD && said.refused_ms != 0 &&
		       said.refused_ms <= VERDICT_MS && distinct(&said.accusers) >= needed &&
		       said.salt == shoal_read_salt(&member.salt) &&
		       member.heard_ns + SHOAL_MS(said.refused_ms) <= follow->now;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_VERDICTS, told, &event->id,
	        "a told verdict counted that is too old, of too few, or contradicted");
}

void
shoal_told_event(struct shoal_follow *follow, const struct shoal_event *event)
{
	enum shoal_cause_kind kind = event->cause.kind;

	if (event->kind == SHOAL_EVENT_FAILED && is_told(kind)) {
		check_death(follow, event);
	} else if (event->kind == SHOAL_EVENT_FAILED && kind == SHOAL_CAUSE_REFUSED &&
	           !shoal_id_is_zero(&event->cause.from)) {
		check_verdict(follow, event);
	} else if ((event->kind == SHOAL_EVENT_JOIN || event->kind == SHOAL_EVENT_ALIVE) &&
	           (is_told(kind) || kind == SHOAL_CAUSE_REFUTED ||
	                   kind == SHOAL_CAUSE_RESTARTED)) {
		check_life(follow, event);
	}
}

/* Who said that it leaves counts as left after its time-out and the shortest suspicion; where the
 * loop of this node is late, as much later, up to that time once more. */
void
shoal_told_look(struct shoal_follow *follow)
{
	const struct shoal_core *core = follow->core;
	uint32_t slots = shoal_core_slots(core), wanted, n = shoal_follow_n(core);
	const struct shoal_profile *profile = follow->watch->profile;
	struct shoal_core_member member;
	uint64_t late = 2 * SHOAL_MS(profile->probe_interval_ms); /* a slow node's timers are */
	uint64_t least, most, span;

	if (shoal_core_count(core, SHOAL_STATE_LEAVING) == 0 || follow->before == 0) {
		return;
	}
	/* It may have been among more members when it was told. */
	shoal_doubt_span(profile, n < slots ? slots : n, &least, &most, &wanted);
	span = SHOAL_MS(profile->leave_timeout_ms) + least;
	span = profile->stall_ms != 0 ? 2 * span : span;
	for (uint32_t slot = 1; slot < slots; slot++) {
		if (!shoal_core_member(core, slot, &member) ||
		        member.state != SHOAL_STATE_LEAVING) {
			continue;
		}
		(void)shoal_follow_that(follow, SHOAL_CHECKER_LEAVE,
		        follow->before <= member.since_ns + span + late, &member.id,
		        "still leaving, long after its time-out");
	}
}
