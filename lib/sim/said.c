/* SPDX-License-Identifier: MIT */
/* Statements about others as they go out (docs/protocol.md, "Dissemination"): each at most so
 * often, deaths and suspicions first and inside a class those that were sent least, and never
 * younger than before. What goes to the one that it is about is no gossip; a ping tells it what is
 * believed of it.
 *
 * Cost: a look-up for each statement. */
#include "sim/follow.h"

#include "base/ilog.h"

static int
rank_of(enum shoal_state state)
{
	switch (state) {
	case SHOAL_STATE_DEAD:
		return 0;
	case SHOAL_STATE_SUSPECT:
		return 1;
	case SHOAL_STATE_LEAVING:
	case SHOAL_STATE_LEFT:
		return 3;
	default:
		return 2;
	}
}

/* Another statement than was told of it so far begins anew. */
static void
turn_to(struct shoal_follow_view *view, const struct shoal_read_statement *said)
{
	if (view->incarnation != said->incarnation || view->salt != said->salt ||
	        view->state != said->state || view->forgotten != said->forgotten) {
		view->incarnation = said->incarnation;
		view->salt = said->salt;
		view->state = said->state;
		view->forgotten = said->forgotten;
		view->sends = view->n = 0;
		view->ended_ns = 0;
	}
}

void
shoal_said_taken(struct shoal_follow *follow)
{
	struct shoal_reader messages = follow->heard.messages;
	struct shoal_read_statement said;
	struct shoal_core_member member;

	while (follow->input->kind == SHOAL_INPUT_RESULT && follow->heard.kind != 0 &&
	        shoal_read_next(&messages, &said)) {
		struct shoal_follow_view *view = shoal_follow_find(follow, &said.id, &member);

		if (view != NULL) {
			view->quiet = said.incarnation;
		}
	}
}

static uint32_t
limit_of(const struct shoal_follow *follow, const struct shoal_follow_view *view)
{
	uint32_t limit = shoal_ilog_ln_ceil(view->n) + 10, wanted;
	uint64_t least, most;

	limit = limit < view->n - 1 ? limit : view->n - 1;
	limit = limit > 0 ? limit : 1;
	if (view->state != SHOAL_STATE_SUSPECT) {
		return limit;
	}
	shoal_doubt_span(follow->watch->profile, view->n, &least, &most, &wanted);
	return limit * (wanted + 1);
}

/* What is told is at least as old as what was told before, and as what is known here. */
static void
check_age(const struct shoal_follow *follow, struct shoal_follow_view *view,
        const struct shoal_read_statement *said, const struct shoal_core_member *member)
{
	uint64_t age = SHOAL_MS(said->age_ms),
	         whole = SHOAL_MS(follow->watch->profile->tombstone_ms);
	uint64_t then;

	if (shoal_follow_counts(said->state) && member->heard_ns != 0) {
		(void)shoal_follow_that(follow, SHOAL_CHECKER_AGES,
		        age + SHOAL_MS(1) >= follow->now - member->heard_ns, &said->id,
		        "told to have been heard later than it was");
	} else if (shoal_follow_is_gone(said->state) && age < whole && age < follow->now) {
		then = follow->now - age;
		(void)shoal_follow_that(follow, SHOAL_CHECKER_AGES,
		        view->ended_ns == 0 || then <= view->ended_ns + SHOAL_MS(1), &said->id,
		        "a tombstone became younger");
		view->ended_ns =
		        view->ended_ns == 0 || then < view->ended_ns ? then : view->ended_ns;
	}
}

/* The order of gossip in a packet: where the one before stood. */
struct place {
	int rank;
	uint32_t sends;
};

static void
count(struct shoal_follow *follow, struct shoal_follow_view *view,
        const struct shoal_read_statement *said, struct place *before)
{
	int rank = rank_of(said->state);
	bool counted = follow->watch->profile->belief != 0 && rank > 1 && rank == before->rank;
	uint32_t n = shoal_follow_n(follow->core);

	if (view->quiet != said->incarnation) {
		(void)shoal_follow_that(follow, SHOAL_CHECKER_GOSSIP,
		        rank >= before->rank && (!counted || view->sends >= before->sends),
		        &said->id, "gossip is not in the order of class and of how often sent");
		*before = (struct place){rank, view->sends};
	}
	view->n = n > view->n ? n : view->n;
	view->sends++;
	(void)shoal_follow_that(follow, SHOAL_CHECKER_GOSSIP, view->sends <= limit_of(follow, view),
	        &said->id, "a statement was sent more often than its limit");
}

static bool
is_to(const struct shoal_core_member *member, const struct shoal_addr *to)
{
	return member->addrs > 0 && shoal_addr_equal(&member->addr[0], to);
}

/* Whether it goes to where the member is, or was before this step: a word for itself. */
static bool
is_for_itself(const struct shoal_follow *follow, struct shoal_follow_view *view,
        const struct shoal_core_member *member, const struct shoal_addr *to)
{
	if (view->step != follow->watch->step) {
		view->step = follow->watch->step;
		view->was_at = view->at;
		view->at = member->addr[0];
	}
	return is_to(member, to) || shoal_addr_equal(&view->was_at, to);
}

/* Wherever a ping goes, to a new address perhaps: what it tells of its target is for the target. */
static bool
is_asked(const struct shoal_read *read, const struct shoal_id *id)
{
	return read->kind == SHOAL_MESSAGE_PING &&
	       shoal_id_compare(&read->message.ping.target, id) == 0;
}

/* Who is in doubt hears so on a ping, before anything else. */
static void
check_belief(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read)
{
	struct shoal_reader messages = read->messages;
	struct shoal_read_statement said;
	struct shoal_core_member member;
	bool doubted, first;

	if (shoal_follow_find(follow, &read->message.ping.target, &member) == NULL ||
	        !is_to(&member, &send->to)) {
		return;
	}
	doubted = shoal_follow_is_gone(member.state) ||
	          (follow->watch->profile->belief != 0 && member.state != SHOAL_STATE_ALIVE &&
	                  member.state != SHOAL_STATE_UNKNOWN);
	first = doubted && shoal_read_next(&messages, &said) &&
	        shoal_id_compare(&said.id, &member.id) == 0 && said.state == member.state;
	(void)shoal_follow_that(follow, SHOAL_CHECKER_GOSSIP, first || !doubted, &member.id,
	        "a ping does not tell what is believed of its addressee");
}

void
shoal_said_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read)
{
	bool gossip = send->kind == SHOAL_SEND_DATAGRAM || send->kind == SHOAL_SEND_STREAM ||
	              send->kind == SHOAL_SEND_TELL;
	/* Also the answer to a ping on a stream, beside what it tells of who asked. */
	bool polled = send->kind == SHOAL_SEND_REPLY && read->kind == SHOAL_MESSAGE_ACK &&
	              follow->heard.kind == SHOAL_MESSAGE_PING;
	const struct shoal_id *asker = &follow->heard.message.ping.id;
	struct shoal_reader messages = read->messages;
	struct place before = {.rank = 0};
	struct shoal_read_statement said;

	if (read->kind == SHOAL_MESSAGE_PING) {
		check_belief(follow, send, read);
	}
	while (shoal_read_next(&messages, &said)) {
		struct shoal_core_member member;
		struct shoal_follow_view *view = shoal_follow_find(follow, &said.id, &member);

		if (view == NULL || member.self || is_asked(read, &said.id) ||
		        (is_for_itself(follow, view, &member, &send->to) && gossip)) {
			continue;
		}
		turn_to(view, &said);
		check_age(follow, view, &said, &member);
		if (gossip || (polled && shoal_id_compare(&said.id, asker) != 0)) {
			count(follow, view, &said, &before);
		}
	}
}
