/* SPDX-License-Identifier: MIT */
/* The death watch (docs/protocol.md): who says that a host refuses it, and what a verdict needs.
 * The tries of an inquest go by one number, on pings, on connections that are made for them, and on
 * the questions to others; so all that it may rest on is seen from outside: two connects that were
 * begun far enough apart and refused, nothing that answered, and enough others who say the same,
 * one of them no watcher. */
#include "sim/follow.h"

#include "base/hash.h"

#define APART_NS      SHOAL_MS(300)
#define OPEN_NS       SHOAL_SEC(60)
#define KEPT_LEAST    16
#define OUTSIDER_FROM 5
#define SETTLED_NS    SHOAL_SEC(3) /* the ring is that of the beginning of the inquest */

uint32_t
shoal_refused_needs(uint32_t n)
{
	return n > 3 ? 3 : n > 1 ? n - 1 : 1;
}

static struct shoal_follow_inquest *
find(struct shoal_follow *follow, uint64_t seq)
{
	for (size_t i = follow->inquests; i-- > 0;) {
		if (follow->inquest[i].seq == seq) {
			return &follow->inquest[i];
		}
	}
	return NULL;
}

static void
forget(struct shoal_follow *follow, struct shoal_follow_inquest *inquest)
{
	*inquest = follow->inquest[--follow->inquests];
}

static void
take_result(struct shoal_follow *follow, uint64_t exchange, int code)
{
	struct shoal_follow_inquest *inquest = follow->inquest;
	const struct shoal_follow_try *attempt = NULL;

	for (size_t i = 0; i < follow->inquests && attempt == NULL; i++) {
		inquest = &follow->inquest[i];
		for (uint32_t k = 0; k < inquest->attempts && attempt == NULL; k++) {
			attempt = inquest->attempt[k].exchange == exchange ? &inquest->attempt[k]
			                                                   : NULL;
		}
	}
	if (attempt == NULL || inquest->proved) {
		return;
	}
	if (code == 0 || code == SHOAL_ERR_CLOSED || code == SHOAL_ERR_TIMEOUT) {
		inquest->refused_ns = 0;
	} else if (code == SHOAL_ERR_REFUSED && inquest->refused_ns == 0) {
		inquest->refused_ns = attempt->begun_ns;
	} else if (code == SHOAL_ERR_REFUSED) {
		inquest->proved = attempt->begun_ns >= inquest->refused_ns + APART_NS;
	}
}

static void
take_sayer(struct shoal_follow *follow, const struct shoal_msg_refused *refused)
{
	struct shoal_follow_inquest *inquest = find(follow, refused->seq);
	bool new = inquest != NULL && inquest->sayers < SHOAL_FOLLOW_SAYERS;

	for (uint32_t i = 0; new &&i < inquest->sayers; i++) {
		new = shoal_id_compare(&inquest->sayer[i], &refused->id) != 0;
	}
	if (new) {
		inquest->sayer[inquest->sayers++] = refused->id;
	}
}

void
shoal_refused_taken(struct shoal_follow *follow)
{
	const union shoal_wire_message *message = &follow->heard.message;
	struct shoal_follow_inquest *inquest;

	if (follow->inquests == 0) {
		return;
	}
	if (follow->input->kind == SHOAL_INPUT_RESULT) {
		take_result(follow, follow->input->exchange, follow->input->code);
	}
	if (follow->heard.kind == SHOAL_MESSAGE_REFUSED) {
		take_sayer(follow, &message->refused);
	} else if (follow->heard.kind == SHOAL_MESSAGE_ACK) {
		inquest = find(follow, message->ack.seq);
		if (inquest != NULL) {
			forget(follow, inquest);
		}
	}
}

static void
clear(struct shoal_follow *follow)
{
	for (size_t i = 0; i < follow->inquests;) {
		if (follow->now - follow->inquest[i].begun_ns > OPEN_NS) {
			forget(follow, &follow->inquest[i]);
		} else {
			i++;
		}
	}
}

static void
note_connect(struct shoal_follow *follow, const struct shoal_send *send,
        const struct shoal_msg_ping *ping)
{
	struct shoal_follow_inquest *inquest = find(follow, ping->seq);

	if (inquest == NULL) {
		if (follow->inquests >= KEPT_LEAST) {
			clear(follow);
		}
		inquest = shoal_follow_push(follow, (void **)&follow->inquest, &follow->inquests,
		        &follow->inquest_room, sizeof(*inquest));
		if (inquest == NULL) {
			return;
		}
		inquest->seq = ping->seq;
		inquest->target = ping->target;
		inquest->begun_ns = follow->now;
	}
	if (inquest->attempts < SHOAL_FOLLOW_TRIES) {
		inquest->attempt[inquest->attempts++] =
		        (struct shoal_follow_try){send->exchange, follow->now};
	}
}

static bool
is_self(const struct shoal_follow *follow, const struct shoal_id *id)
{
	struct shoal_core_member self;

	return shoal_core_member(follow->core, 0, &self) && shoal_id_compare(&self.id, id) == 0;
}

/* Whether all of them say so, this member by the inquest itself. */
static bool
all_say(const struct shoal_follow *follow, const struct shoal_follow_inquest *inquest,
        const struct shoal_cause *cause)
{
	for (size_t i = 0; i < cause->accusers; i++) {
		bool says = is_self(follow, &cause->accuser[i]);

		for (uint32_t k = 0; k < inquest->sayers && !says; k++) {
			says = shoal_id_compare(&inquest->sayer[k], &cause->accuser[i]) == 0;
		}
		if (!says) {
			return false;
		}
	}
	return true;
}

/* An inquest about this one, proved, in which all of those say so. */
static const struct shoal_follow_inquest *
find_proved(const struct shoal_follow *follow, const struct shoal_id *target,
        const struct shoal_cause *cause)
{
	for (size_t i = follow->inquests; i-- > 0;) {
		const struct shoal_follow_inquest *inquest = &follow->inquest[i];

		if (inquest->proved && shoal_id_compare(&inquest->target, target) == 0 &&
		        all_say(follow, inquest, cause)) {
			return inquest;
		}
	}
	return NULL;
}

void
shoal_refused_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read)
{
	if (read->kind == SHOAL_MESSAGE_PING && send->kind == SHOAL_SEND_REQUEST && send->fresh) {
		note_connect(follow, send, &read->message.ping);
	} else if (read->kind == SHOAL_MESSAGE_REFUSED) {
		static const struct shoal_cause nobody;

		(void)shoal_follow_that(follow, SHOAL_CHECKER_VERDICTS,
		        find_proved(follow, &read->message.refused.target, &nobody) != NULL,
		        &read->message.refused.target,
		        "says refused without two refusals, or after an answer");
	}
}

/* Where a member stands in the ring (docs/protocol.md, "Anti-entropy"). */
static uint64_t
place_of(const uint64_t key[2], const struct shoal_id *id)
{
	return shoal_hash_sip(key, id, sizeof(*id));
}

static void
ring_key(uint64_t key[2])
{
	struct shoal_sha256 sha;
	uint8_t digest[32];

	key[0] = key[1] = 0;
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, "shoal tree", 10);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 16; i++) {
		key[i / 8] = key[i / 8] << 8 | digest[i];
	}
}

/* Whether fewer than `watchers` others that take part stand between the two. */
static bool
is_watcher(const struct shoal_follow *follow, const struct shoal_id *who,
        const struct shoal_id *target)
{
	uint32_t slots = shoal_core_slots(follow->core), between = 0;
	struct shoal_core_member member;
	uint64_t key[2], end;

	ring_key(key);
	end = place_of(key, target);
	for (uint32_t slot = 0; slot < slots; slot++) {
		if (!shoal_core_member(follow->core, slot, &member) ||
		        !(member.self || shoal_follow_counts(member.state)) ||
		        shoal_id_compare(&member.id, who) == 0 ||
		        shoal_id_compare(&member.id, target) == 0) {
			continue;
		}
		between += end - place_of(key, &member.id) < end - place_of(key, who);
	}
	return between < follow->watch->profile->watchers;
}

static bool
has_outsider(const struct shoal_follow *follow, const struct shoal_event *event)
{
	for (size_t i = 0; i < event->cause.accusers; i++) {
		if (follow->walls || !is_watcher(follow, &event->cause.accuser[i], &event->id)) {
			return true;
		}
	}
	return false;
}

/* An own verdict. */
static void
check_verdict(struct shoal_follow *follow, const struct shoal_event *event)
{
	const struct shoal_follow_inquest *inquest = find_proved(follow, &event->id, &event->cause);
	bool settled = follow->now - follow->changed_ns > SETTLED_NS;
	struct shoal_core_member member;

	if (!shoal_follow_that(follow, SHOAL_CHECKER_VERDICTS, inquest != NULL, &event->id,
	            "a verdict without two refusals, after an answer, or of who does not say so") ||
	        inquest == NULL) {
		return;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_VERDICTS,
	        follow->n < OUTSIDER_FROM || !settled || has_outsider(follow, event), &event->id,
	        "a verdict of watchers only");
	if (shoal_follow_find(follow, &event->id, &member) != NULL) {
		(void)shoal_follow_that(follow, SHOAL_CHECKER_VERDICTS,
		        member.heard_ns <= inquest->begun_ns, &event->id,
		        "a verdict about one that was heard since");
	}
}

void
shoal_refused_event(struct shoal_follow *follow, const struct shoal_event *event)
{
	uint32_t n = shoal_follow_n(follow->core) + 1; /* with the one that has just failed */

	if (event->kind != SHOAL_EVENT_FAILED || event->cause.kind != SHOAL_CAUSE_REFUSED) {
		return;
	}
	(void)shoal_follow_that(follow, SHOAL_CHECKER_VERDICTS,
	        event->cause.accusers >= shoal_refused_needs(n < follow->n ? n : follow->n),
	        &event->id, "a verdict of too few");
	if (shoal_id_is_zero(&event->cause.from)) {
		check_verdict(follow, event);
	}
}
