/* SPDX-License-Identifier: MIT */
/* What is done for others. A relay request of a current member, from its address, is served: the
 * target is pinged, and the answer is passed on or, in time, a nack says that there was none; at
 * most relayed_max at once, four for one origin. A stranger's is not. Only the one that is asked
 * for says that it is there; at the address of another member a ping is answered with that. And who
 * is no current member gets no more back than it sent. */
#include "sim/follow.h"

#define PER_ORIGIN 4
#define TOLD_APART SHOAL_SEC(1)

static bool
is_self(const struct shoal_follow *follow, const struct shoal_id *id)
{
	struct shoal_core_member self;

	return shoal_core_member(follow->core, 0, &self) && shoal_id_compare(&self.id, id) == 0;
}

/* Whether a relay pings the one that it is asked for: it is held, and takes part or is dead. */
void
shoal_served_begin(struct shoal_follow *follow)
{
	const struct shoal_id *target = &follow->heard.message.relay.target;
	struct shoal_core_member member;
	uint32_t slot;

	follow->target_pinged =
	        follow->heard.kind == SHOAL_MESSAGE_RELAY &&
	        shoal_core_find(follow->core, target, &slot) == 0 &&
	        shoal_core_member(follow->core, slot, &member) &&
	        (shoal_follow_counts(member.state) || member.state == SHOAL_STATE_DEAD);
}

/* The target has answered. */
static void
end_answered(struct shoal_follow *follow, uint64_t seq)
{
	for (size_t i = 0; i < follow->relays; i++) {
		if (follow->relayed[i].seq == seq) {
			follow->relayed[i] = follow->relayed[--follow->relays];
			return;
		}
	}
}

/* It has not. A request that came twice has two records. */
static void
end_silent(struct shoal_follow *follow, uint64_t asked)
{
	struct shoal_follow_relayed *first = NULL;

	for (size_t i = 0; i < follow->relays; i++) {
		struct shoal_follow_relayed *relayed = &follow->relayed[i];

		if (relayed->asked == asked &&
		        (first == NULL || relayed->until_ns < first->until_ns)) {
			first = relayed;
		}
	}
	if (first != NULL) {
		(void)shoal_follow_that(follow, SHOAL_CHECKER_RELAYS,
		        first->until_ns <= follow->now, NULL,
		        "a nack before the time that the target had");
		*first = follow->relayed[--follow->relays];
	}
}

void
shoal_served_taken(struct shoal_follow *follow)
{
	bool request = follow->heard.kind == SHOAL_MESSAGE_RELAY;

	/* A stranger's needs nothing; that of a member does. */
	follow->served = !request || !follow->asker_counts;
	follow->gone_said = follow->heard.kind != SHOAL_MESSAGE_PING || !follow->asker_counts ||
	                    follow->input->kind == SHOAL_INPUT_STREAM ||
	                    is_self(follow, &follow->heard.message.ping.target);
}

static void
check_bounds(struct shoal_follow *follow, const struct shoal_id *origin)
{
	size_t of_one = 0;

	for (size_t i = 0; i < follow->relays; i++) {
		of_one += shoal_id_compare(&follow->relayed[i].origin, origin) == 0;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_RELAYS,
	        follow->relays <= follow->watch->profile->relayed_max && of_one <= PER_ORIGIN,
	        origin, "more pings for others at once than are allowed");
}

/* A ping in the step of a relay request. The first is for it, also where it goes by a link or at
 * several addresses; what is told of the target behind the request may lead to a probe of it. Who
 * has no room asks the target to answer the origin. */
static void
serve(struct shoal_follow *follow, const struct shoal_msg_ping *ping)
{
	const struct shoal_msg_relay *relay = &follow->heard.message.relay;
	uint64_t budget = SHOAL_MS(relay->budget_ms);
	struct shoal_follow_relayed *relayed;

	if (!shoal_follow_that(follow, SHOAL_CHECKER_RELAYS, follow->asker_counts, &relay->id,
	            "serves a stranger")) {
		return;
	}
	if (follow->served) {
		return;
	}
	follow->served = true;
	if (ping->origin.port != 0) {
		return;
	}
	relayed = shoal_follow_push(follow, (void **)&follow->relayed, &follow->relays,
	        &follow->relayed_room, sizeof(*relayed));
	if (relayed != NULL) {
		relayed->asked = relay->seq;
		relayed->seq = ping->seq;
		relayed->origin = relay->id;
		relayed->until_ns = follow->now + budget - budget / 5;
		check_bounds(follow, &relay->id);
	}
}

static void
check_nack(struct shoal_follow *follow, const struct shoal_msg_nack *nack)
{
	bool now = follow->heard.kind == SHOAL_MESSAGE_RELAY &&
	           follow->heard.message.relay.seq == nack->seq;

	if (now) {
		(void)shoal_follow_that(follow, SHOAL_CHECKER_RELAYS, follow->asker_counts,
		        &follow->heard.message.relay.id, "serves a stranger");
		follow->served = true;
	}
	if (nack->reason == SHOAL_NACK_SILENT) {
		end_silent(follow, nack->seq);
	}
}

/* A ping that stands behind the answer to a poll. */
static bool
is_polled(const struct shoal_follow *follow, uint64_t seq)
{
	struct shoal_reader messages = follow->heard.messages, body;
	union shoal_wire_message message;
	uint16_t kind;

	while (follow->input->kind == SHOAL_INPUT_RESULT &&
	        shoal_message_next(&messages, &kind, &body) > 0) {
		if (kind == SHOAL_MESSAGE_PING && shoal_message_decode(kind, body, &message) == 0 &&
		        message.ping.seq == seq && is_self(follow, &message.ping.target)) {
			return true;
		}
	}
	return false;
}

/* It says that somebody is there: itself, to who asked for it; or another one, who just said so. */
static void
check_ack(struct shoal_follow *follow, const struct shoal_msg_ack *ack)
{
	const struct shoal_read *heard = &follow->heard;

	if (is_self(follow, &ack->id)) {
		(void)shoal_follow_that(follow, SHOAL_CHECKER_ANSWERS,
		        (heard->kind == SHOAL_MESSAGE_PING && heard->message.ping.seq == ack->seq &&
		                is_self(follow, &heard->message.ping.target)) ||
		                is_polled(follow, ack->seq),
		        &heard->sender, "an ack to what was no ping for this member");
		return;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_ANSWERS,
	        heard->kind == SHOAL_MESSAGE_ACK &&
	                shoal_id_compare(&heard->message.ack.id, &ack->id) == 0,
	        &ack->id, "an ack in the name of another one that did not answer");
	end_answered(follow, heard->message.ack.seq);
}

static bool
is_answer(uint16_t kind)
{
	return kind == SHOAL_MESSAGE_ACK || kind == SHOAL_MESSAGE_NACK ||
	       kind == SHOAL_MESSAGE_GONE || kind == SHOAL_MESSAGE_REFUSED ||
	       kind == SHOAL_MESSAGE_CONFLICT;
}

/* A datagram that goes back to where one came from that is no member's. One that is dead or left is
 * told so once a second, and contradicted when it tells what is wrong. Whoever answers a ping of
 * this core may hear what is held of it. */
static void
check_length(struct shoal_follow *follow, const struct shoal_send *send, uint16_t kind)
{
	struct shoal_core_member member;
	struct shoal_follow_view *view =
	        shoal_id_is_zero(&follow->heard.sender)
	                ? NULL
	                : shoal_follow_find(follow, &follow->heard.sender, &member);
	bool longer = send->len > follow->input->len;

	if (follow->asker_current || follow->heard.kind == SHOAL_MESSAGE_ACK ||
	        (view != NULL && shoal_follow_is_current(&member, &follow->input->from))) {
		return;
	}
	if (longer && view != NULL && follow->asker_stays &&
	        (!is_answer(kind) || view->told_ns == 0 ||
	                follow->now - view->told_ns >= TOLD_APART)) {
		view->told_ns = is_answer(kind) ? follow->now : view->told_ns;
		return;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_ANSWERS, !longer, &follow->heard.sender,
	        "an answer to one that is no member is longer than its request");
}

/* Others in that step ask what the request told of: whether a known instance lives while a new one
 * says that it is elsewhere; or where a member is, which tells the oldest there can be of it, so
 * that the member says the newest. */
static bool
is_relayed(const struct shoal_follow *follow, const struct shoal_read *ping)
{
	const struct shoal_id *target = &ping->message.ping.target;
	struct shoal_reader messages = ping->messages;
	struct shoal_read_statement said;

	return follow->heard.kind == SHOAL_MESSAGE_RELAY &&
	       shoal_id_compare(target, &follow->heard.message.relay.target) == 0 &&
	       !(shoal_read_next(&messages, &said) && said.incarnation == 0 &&
	               shoal_id_compare(&said.id, target) == 0);
}

void
shoal_served_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read)
{
	const struct shoal_input *input = follow->input;

	if (read->kind == SHOAL_MESSAGE_PING && is_relayed(follow, read)) {
		serve(follow, &read->message.ping);
	} else if (read->kind == SHOAL_MESSAGE_NACK) {
		check_nack(follow, &read->message.nack);
	} else if (read->kind == SHOAL_MESSAGE_ACK) {
		check_ack(follow, &read->message.ack);
	} else if (read->kind == SHOAL_MESSAGE_GONE) {
		follow->gone_said = true;
	}
	if (send->kind == SHOAL_SEND_DATAGRAM && input->kind == SHOAL_INPUT_DATAGRAM &&
	        follow->heard.kind != 0 && follow->answered.seq == 0 &&
	        shoal_addr_equal(&send->to, &input->from)) {
		check_length(follow, send, read->kind);
	}
}

/* Who is not admitted any more hears no nack either. */
static void
forget_origins(struct shoal_follow *follow)
{
	size_t kept = 0;
	uint32_t slot;

	for (size_t i = 0; i < follow->relays; i++) {
		if (shoal_core_find(follow->core, &follow->relayed[i].origin, &slot) == 0) {
			follow->relayed[kept++] = follow->relayed[i];
		}
	}
	follow->relays = kept;
}

/* What was asked for in this step, and what has waited for long enough. */
void
shoal_served_end(struct shoal_follow *follow)
{
	if (follow->input->kind == SHOAL_INPUT_ALLOW) {
		forget_origins(follow);
	}
	bool nacks = follow->watch->profile->nacks != 0, could = shoal_follow_could(follow);

	if (!follow->served && could) {
		const struct shoal_msg_relay *relay = &follow->heard.message.relay;

		(void)shoal_follow_that(follow, SHOAL_CHECKER_RELAYS,
		        is_self(follow, &relay->target) || (!follow->target_pinged && !nacks),
		        &relay->id, "a member's relay request was not served");
	}
	if (!follow->gone_said && could) {
		(void)shoal_follow_that(follow, SHOAL_CHECKER_ANSWERS, false, &follow->heard.sender,
		        "a ping for another member was not answered so");
	}
	for (size_t i = 0; i < follow->relays && follow->input->kind == SHOAL_INPUT_TIMER;) {
		struct shoal_follow_relayed *relayed = &follow->relayed[i];

		if (relayed->until_ns >= follow->now) {
			i++;
			continue;
		}
		(void)shoal_follow_that(follow, SHOAL_CHECKER_RELAYS, !nacks || !could,
		        &relayed->origin, "a ping for another one ended without an answer or nack");
		*relayed = follow->relayed[--follow->relays];
	}
}
