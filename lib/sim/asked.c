/* SPDX-License-Identifier: MIT */
/* Probes, by the numbers of their pings. Whoever says that a probe of its own went unanswered has
 * sent one, has waited for as long as a probe lasts and as it stalled meanwhile, has asked as many
 * relays as there were, and has heard nothing. A round trip is measured by a ping that was sent
 * once. A diagnosed member is accused after more than that. */
#include "sim/follow.h"

#define KEPT_LEAST  32
#define SIZE_SECOND 1232
#define MEMBERS_FEW 4

static struct shoal_follow_ping *
find(struct shoal_follow *follow, uint64_t seq)
{
	for (size_t i = follow->pings; i-- > 0;) {
		if (follow->ping[i].seq == seq) {
			return &follow->ping[i];
		}
	}
	return NULL;
}

static bool
is_walled(const struct shoal_follow *follow, const struct shoal_id *id)
{
	struct shoal_core_member member;
	uint32_t slot;

	return follow->walls && shoal_core_find(follow->core, id, &slot) == 0 &&
	       shoal_core_member(follow->core, slot, &member) &&
	       member.diagnosis == SHOAL_DIAGNOSIS_INBOUND_ONLY;
}

/* This member cannot be dialled: what it says of its leave goes on streams too. */
static bool
is_walled_itself(const struct shoal_follow *follow)
{
	struct shoal_core_member self;

	return shoal_core_member(follow->core, 0, &self) &&
	       self.diagnosis == SHOAL_DIAGNOSIS_INBOUND_ONLY;
}

/* Of those that are alive, who cannot be dialled: they are no relays. */
static uint32_t
walled(const struct shoal_follow *follow, const struct shoal_id *target)
{
	struct shoal_core_member member;
	uint32_t count = 0;

	for (uint32_t slot = 1; follow->walls && slot < shoal_core_slots(follow->core); slot++) {
		count += shoal_core_member(follow->core, slot, &member) &&
		         member.state == SHOAL_STATE_ALIVE &&
		         member.diagnosis == SHOAL_DIAGNOSIS_INBOUND_ONLY &&
		         shoal_id_compare(&member.id, target) != 0;
	}
	return count;
}

/* Members that could be relays in a probe of this one. */
static uint32_t
candidates(const struct shoal_follow *follow, const struct shoal_id *target)
{
	const struct shoal_core *core = follow->core;
	size_t alive = shoal_core_count(core, SHOAL_STATE_ALIVE);
	struct shoal_core_member member;
	uint32_t slot;

	if (shoal_core_member(core, 0, &member) && member.state == SHOAL_STATE_ALIVE) {
		alive--;
	}
	if (shoal_core_find(core, target, &slot) == 0 && shoal_core_member(core, slot, &member) &&
	        member.state == SHOAL_STATE_ALIVE && alive > 0) {
		alive--;
	}
	return (uint32_t)alive - walled(follow, target);
}

static uint64_t
add_up_to(uint64_t moved, uint64_t lag, uint64_t most)
{
	return lag < most - moved ? moved + lag : most;
}

/* Forgets what ended long ago. */
static void
clear(struct shoal_follow *follow)
{
	const struct shoal_profile *profile = follow->watch->profile;
	uint64_t longest = SHOAL_MS(profile->probe_interval_ms) * (profile->health_max + 1);
	size_t kept = 0;

	for (size_t i = 0; i < follow->pings; i++) {
		const struct shoal_follow_ping *ping = &follow->ping[i];

		if (follow->now - ping->begun_ns < 20 * longest + SHOAL_SEC(60)) {
			follow->ping[kept++] = *ping;
		}
	}
	follow->pings = kept;
}

void
shoal_asked_begin(struct shoal_follow *follow)
{
	if (follow->pings >= KEPT_LEAST && follow->pings == follow->ping_room) {
		clear(follow);
	}
	for (size_t i = 0; i < follow->pings && follow->lag != 0; i++) {
		struct shoal_follow_ping *ping = &follow->ping[i];

		ping->moved_ns = add_up_to(ping->moved_ns, follow->lag, ping->whole_ns);
	}
}

/* Whether an answer is one to its only datagram. */
static bool
is_sole(const struct shoal_follow_ping *ping)
{
	return ping->pings == 1 && ping->asked == 0 && !ping->streamed;
}

static bool
is_anybody_at(const struct shoal_follow *follow, const struct shoal_addr *addr)
{
	struct shoal_core_member member;

	for (uint32_t slot = 1; slot < shoal_core_slots(follow->core); slot++) {
		if (shoal_core_member(follow->core, slot, &member) &&
		        shoal_addr_equal(&member.addr[0], addr)) {
			return true;
		}
	}
	return false;
}

/* As a datagram it comes from where the target was pinged, or is passed on by a relay, which may
 * have moved since. */
static void
take_ack(struct shoal_follow *follow, uint64_t seq)
{
	const struct shoal_input *input = follow->input;
	struct shoal_follow_ping *ping = find(follow, seq);
	struct shoal_core_member member;
	struct shoal_follow_view *view =
	        ping != NULL ? shoal_follow_find(follow, &ping->target, &member) : NULL;

	if (view == NULL) {
		return;
	}
	bool counts = follow->heard.passed_on ? is_anybody_at(follow, &input->from)
	                                      : shoal_addr_equal(&ping->to, &input->from);
	if (input->kind == SHOAL_INPUT_DATAGRAM && !counts) {
		return;
	}
	follow->answered = *ping;
	ping->answered = true;
	if (ping->len >= SIZE_SECOND && is_sole(ping)) {
		view->size_most = 0;
	}
}

bool
shoal_asked_at(struct shoal_follow *follow, uint64_t seq, uint64_t begun_ns)
{
	const struct shoal_follow_ping *ping = find(follow, seq);

	return ping != NULL && ping->begun_ns == begun_ns;
}

/* The network took no datagram as large as a ping to that address: the member's size falls at once
 * to the largest of three that fits. Only the fall to the smallest shows: larger than the second
 * one are no datagrams then, also not those that try. Whom it is about, a core remembers by a small
 * table; among few members it does. */
static void
take_size(struct shoal_follow *follow, const struct shoal_input *input)
{
	struct shoal_core_member member;
	struct shoal_follow_view *view;

	if (input->size >= SIZE_SECOND || shoal_core_slots(follow->core) > MEMBERS_FEW) {
		return;
	}
	for (size_t i = 0; i < follow->pings; i++) {
		const struct shoal_follow_ping *ping = &follow->ping[i];

		if (ping->len > input->size && shoal_addr_equal(&ping->to, &input->from)) {
			view = shoal_follow_find(follow, &ping->target, &member);
			if (view != NULL) {
				view->size_most = SIZE_SECOND;
			}
		}
	}
}

void
shoal_asked_taken(struct shoal_follow *follow)
{
	const union shoal_wire_message *message = &follow->heard.message;
	struct shoal_follow_ping *ping;
	struct shoal_core_member member;
	struct shoal_follow_view *view;

	if (follow->input->kind == SHOAL_INPUT_TOO_LARGE) {
		take_size(follow, follow->input);
	} else if (follow->heard.kind == SHOAL_MESSAGE_ACK) {
		take_ack(follow, message->ack.seq);
	} else if (follow->heard.kind == SHOAL_MESSAGE_NACK &&
	           message->nack.reason == SHOAL_NACK_SILENT) {
		ping = find(follow, message->nack.seq);
		view = ping != NULL ? shoal_follow_find(follow, &ping->target, &member) : NULL;
		if (view != NULL) {
			ping->silent++;
			view->silent++;
		}
	}
}

static void
begin(struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_msg_ping *sent)
{
	const struct shoal_profile *profile = follow->watch->profile;
	uint64_t interval = SHOAL_MS(profile->probe_interval_ms);
	uint32_t floor = profile->probe_floor_ms < profile->probe_timeout_ms
	                         ? profile->probe_floor_ms
	                         : profile->probe_timeout_ms;
	unsigned health = shoal_core_health(follow->core);
	struct shoal_follow_ping *ping = shoal_follow_push(
	        follow, (void **)&follow->ping, &follow->pings, &follow->ping_room, sizeof(*ping));
	struct shoal_core_member member;
	struct shoal_follow_view *view;

	if (ping == NULL) {
		return;
	}
	health = health < follow->health ? health : follow->health;
	ping->seq = sent->seq;
	ping->target = sent->target;
	ping->to = send->to;
	ping->len = send->len;
	ping->begun_ns = follow->now;
	ping->whole_ns = interval * (health + 1);
	ping->shortest_ns =
	        SHOAL_MS(profile->adaptive_timeout != 0 ? floor : profile->probe_timeout_ms) *
	        (health + 1);
	ping->shortage = follow->shortage;
	ping->candidates = candidates(follow, &sent->target);
	ping->walled = is_walled(follow, &sent->target);
	view = shoal_follow_find(follow, &sent->target, &member);
	(void)shoal_follow_that(follow, SHOAL_CHECKER_SIZES,
	        view == NULL || view->size_most == 0 || send->len <= view->size_most, &sent->target,
	        "a ping is larger than the way takes, as the network said");
}

/* The first packet that goes another way than the ping. */
static void
go_indirect(struct shoal_follow *follow, struct shoal_follow_ping *ping)
{
	if (ping->asked == 0 && !ping->streamed) {
		ping->tried_ns = follow->now;
		(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES,
		        follow->now - ping->begun_ns >= ping->shortest_ns ||
		                is_walled_itself(follow),
		        &ping->target, "relays or a stream before the time-out of the ping");
	}
}

void
shoal_asked_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read)
{
	uint64_t seq = read->kind == SHOAL_MESSAGE_PING    ? read->message.ping.seq
	               : read->kind == SHOAL_MESSAGE_RELAY ? read->message.relay.seq
	                                                   : 0;
	struct shoal_follow_ping *ping = seq != 0 ? find(follow, seq) : NULL;

	if (read->kind == SHOAL_MESSAGE_RELAY && ping != NULL) {
		go_indirect(follow, ping);
		ping->asked++;
	} else if (read->kind != SHOAL_MESSAGE_PING || read->message.ping.origin.port != 0) {
		return;
	} else if (send->kind == SHOAL_SEND_REQUEST && ping != NULL && !send->fresh) {
		go_indirect(follow, ping);
		ping->streamed = true;
	} else if (send->kind == SHOAL_SEND_REQUEST) {
		return;
	} else if (ping != NULL) {
		ping->pings++;
		ping->to = send->to;
	} else if (send->kind == SHOAL_SEND_DATAGRAM || send->kind == SHOAL_SEND_STREAM ||
	           is_walled(follow, &read->message.ping.target)) {
		begin(follow, send, &read->message.ping);
		if (!follow->failed) {
			follow->ping[follow->pings - 1].pings = 1;
		}
	}
}

/* Whether a is rather the one that somebody is accused by: it has ended, and has most to show. */
static bool
shows_more(const struct shoal_follow_ping *a, const struct shoal_follow_ping *b, uint64_t after_ns)
{
	bool a_ended = a->whole_ns + a->moved_ns <= after_ns;
	bool b_ended = b->whole_ns + b->moved_ns <= after_ns;

	if (a_ended != b_ended) {
		return a_ended;
	}
	return b->answered || a->asked > b->asked || (a->streamed && !b->streamed);
}

/* The probe that is said to have begun so long ago; of several, the one that has most to show. */
static const struct shoal_follow_ping *
find_begun(const struct shoal_follow *follow, const struct shoal_id *target, uint64_t after_ns)
{
	const struct shoal_follow_ping *found = NULL;

	for (size_t i = 0; i < follow->pings; i++) {
		const struct shoal_follow_ping *ping = &follow->ping[i];

		if (ping->begun_ns == follow->now - after_ns &&
		        shoal_id_compare(&ping->target, target) == 0 &&
		        (found == NULL || shows_more(ping, found, after_ns))) {
			found = ping;
		}
	}
	return found;
}

/* Reports count from its last accusation on or from later, and all that this probe got; failures
 * count from the probe before, which may have been moved by stalls for as long as it lasts. */
static void
check_diagnosed(struct shoal_follow *follow, const struct shoal_event *event,
        const struct shoal_follow_ping *ping)
{
	const struct shoal_profile *profile = follow->watch->profile;
	struct shoal_core_member member;
	struct shoal_follow_view *view = shoal_follow_find(follow, &event->id, &member);
	uint64_t least, most;
	uint64_t probe = 2 * SHOAL_MS(profile->probe_interval_ms) * (profile->health_max + 1);
	uint32_t wanted, n = shoal_follow_least_n(follow), needed;

	if (view == NULL) {
		return;
	}
	if (view->accused_ns != 0 && n >= 2 && member.diagnosis == SHOAL_DIAGNOSIS_PARTIAL) {
		shoal_doubt_span(profile, n, &least, &most, &wanted);
		needed = wanted + 2 < n - 2 ? wanted + 2 : n - 2;
		(void)shoal_follow_that(follow, SHOAL_CHECKER_SUSPICIONS,
		        view->silent + ping->silent >= needed ||
		                follow->now - view->accused_ns + probe >= most,
		        &event->id, "accused, though it was diagnosed and too few reported");
	}
	view->accused_ns = follow->now;
	view->silent = 0;
}

/* Who has heard nothing from anybody since it asked relays accuses nobody, unless that has lasted
 * for long. */
static void
check_silence(struct shoal_follow *follow, const struct shoal_event *event,
        const struct shoal_follow_ping *ping)
{
	const struct shoal_profile *profile = follow->watch->profile;
	uint64_t least, most;
	uint32_t wanted;

	if (profile->silence == 0 || profile->nacks == 0 || ping->asked == 0) {
		return;
	}
	shoal_doubt_span(profile, shoal_follow_least_n(follow), &least, &most, &wanted);
	(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES,
	        follow->arrived_ns >= ping->tried_ns || follow->now - follow->heard_ns >= most,
	        &event->id, "accused by one that hears nobody");
}

static void
check_accusation(struct shoal_follow *follow, const struct shoal_event *event)
{
	const struct shoal_profile *profile = follow->watch->profile;
	const struct shoal_follow_ping *ping =
	        find_begun(follow, &event->id, event->cause.after_ns);
	bool could = ping != NULL && ping->shortage == follow->shortage;
	uint32_t relays;

	/* For want of memory a ping may have stayed unsent. */
	if (!shoal_follow_that(follow, SHOAL_CHECKER_PROBES, ping != NULL || follow->shortage != 0,
	            &event->id, "accused without a ping") ||
	        ping == NULL) {
		return;
	}
	relays = ping->candidates < profile->relays ? ping->candidates : profile->relays;
	(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES, !ping->answered, &event->id,
	        "accused, though the ping was answered");
	(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES,
	        event->cause.after_ns >= ping->whole_ns + ping->moved_ns, &event->id,
	        "accused before the end of the probe");
	(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES, !could || ping->asked >= relays,
	        &event->id, "accused without asking as many relays as there are");
	(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES,
	        !could || ping->streamed || ping->walled || profile->stream_pings == 0, &event->id,
	        "accused without a ping on a stream");
	check_silence(follow, event, ping);
	check_diagnosed(follow, event, ping);
}

/* A smoothed round trip lies between what it was and what was measured now. */
static void
check_measured(struct shoal_follow *follow, const struct shoal_event *event)
{
	const struct shoal_follow_ping *ping = &follow->answered;
	const struct shoal_input *input = follow->input;
	uint64_t arrived = input->received_ns != 0 && input->received_ns < follow->now
	                           ? input->received_ns
	                           : follow->now;
	uint64_t rtt = arrived - ping->begun_ns, before = follow->rtt_ns;
	uint64_t low = before != 0 && before < rtt ? before : rtt;
	uint64_t high = before > rtt ? before : rtt;

	if (!shoal_follow_that(follow, SHOAL_CHECKER_PROBES,
	            ping->seq != 0 && is_sole(ping) && input->kind == SHOAL_INPUT_DATAGRAM &&
	                    shoal_addr_equal(&ping->to, &input->from),
	            NULL, "a round trip was measured by what was no answer to one ping")) {
		return;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES,
	        event->rtt_ns + SHOAL_US(2) >= low && event->rtt_ns <= high + SHOAL_US(2),
	        &ping->target, "a round trip that was not measured");
}

/* Two tries, each as long as a probe. */
static void
check_verified(struct shoal_follow *follow, const struct shoal_event *event)
{
	uint64_t tries = 2 * SHOAL_MS(follow->watch->profile->probe_interval_ms);
	bool tried = false, answered = false;

	for (size_t i = 0; i < follow->pings; i++) {
		const struct shoal_follow_ping *ping = &follow->ping[i];

		if (shoal_id_compare(&ping->target, &event->id) == 0 && ping->pings >= 2 &&
		        follow->now - ping->begun_ns >= tries) {
			tried = true;
			answered = ping->answered && follow->answered.seq == ping->seq;
		}
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_PROBES, tried && !answered, &event->id,
	        "verified without two tries that went unanswered");
}

void
shoal_asked_event(struct shoal_follow *follow, const struct shoal_event *event)
{
	struct shoal_core_member member;
	struct shoal_follow_view *view = event->kind <= SHOAL_EVENT_ALL
	                                         ? shoal_follow_find(follow, &event->id, &member)
	                                         : NULL;

	if (view != NULL) {
		view->size_most = 0; /* it may be another instance */
	}
	if (event->kind == SHOAL_EVENT_MEASURED) {
		check_measured(follow, event);
	} else if (event->kind == SHOAL_EVENT_SUSPECT &&
	           event->cause.kind == SHOAL_CAUSE_UNANSWERED) {
		check_accusation(follow, event);
	} else if (event->kind == SHOAL_EVENT_FAILED && event->cause.kind == SHOAL_CAUSE_VERIFIED) {
		check_verified(follow, event);
	}
}

/* Forgets what was answered, and counts the candidates anew where a state changed. */
void
shoal_asked_end(struct shoal_follow *follow)
{
	for (size_t i = 0; i < follow->pings && (follow->moved || follow->answered.seq != 0);) {
		struct shoal_follow_ping *ping = &follow->ping[i];
		uint32_t now;

		if (ping->answered) {
			*ping = follow->ping[--follow->pings];
			continue;
		}
		now = follow->moved ? candidates(follow, &ping->target) : ping->candidates;
		ping->candidates = now < ping->candidates ? now : ping->candidates;
		ping->walled = ping->walled || (follow->moved && is_walled(follow, &ping->target));
		i++;
	}
}
