/* SPDX-License-Identifier: MIT */
/* Admission by the application. Where the host asks for it, no instance of another member counts
 * here before the application has been asked about it and has said yes, whether it joins through
 * this member, is told of in gossip or a table, or was known to a former run. What was told of it
 * waits meanwhile and counts then as it would have, that much older; a join waits with it for its
 * answer. What is told of one that was refused is dropped, and so are its packets; who asks with
 * one hears why.
 *
 * It is asked once for an instance: one that takes part was accepted, and so was one that is dead
 * or left here after it did. A tombstone that was only told of, another instance under its id, and
 * what a former run knew were not.
 *
 * Each member asks its own application. It is a rule of the cluster and no defence: who holds the
 * key, or needs none, can make up what it is judged by.
 *
 * Who waits, for WAITS at most, and what was decided is kept in applicant.c. */
#include "core/admission/accept.h"

#include <string.h>

#include "core/admission/applicant.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "core/table/apply.h"
#include "core/table/move.h"

#define WAITS SHOAL_SEC(30)

void
shoal_accept_init(struct shoal_core *core, bool asks)
{
	struct shoal_accept *accept = &core->accept;

	accept->asks = asks;
	accept->timer.kind = SHOAL_TIMER_ACCEPT;
	shoal_waiting_init(core);
}

void
shoal_accept_done(struct shoal_core *core)
{
	shoal_slab_done(&core->accept.waiting);
	shoal_slab_done(&core->accept.decided);
}

static struct shoal_span
reason_of(const struct shoal_decision *decision)
{
	return shoal_exchange_text(decision->reason);
}

/* Whether the instance that is held counts as accepted. */
static bool
is_taken(const struct shoal_core *core, const struct shoal_record *record, uint64_t salt)
{
#ifdef SHOAL_PLANT_INSTANCE_UNASKED
	if (record != NULL) {
		return true;
	}
#endif
	if (record == NULL || shoal_members_salt(record) != salt) {
		return false;
	}
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	bool unasked = hold != NULL && (hold->restored || hold->unasked);

	return shoal_members_counts(record) || record->state == SHOAL_STATE_LEAVING ||
	       ((record->flags & SHOAL_RECORD_SILENT) == 0 && !unasked);
}

static void
arm(struct shoal_core *core)
{
	if (!shoal_timer_armed(&core->accept.timer)) {
		shoal_heap_arm(&core->heap, &core->accept.timer, core->now + WAITS);
	}
}

/* Whether a statement says what the host was asked about. */
static bool
is_as_shown(struct shoal_core *core, const struct shoal_applicant *applicant,
        const struct shoal_msg_member *member)
{
	struct shoal_core_member shown;
	struct shoal_addr_list addrs;

	if (!shoal_core_applicant(core, applicant->number, &shown)) {
		return false;
	}
	addrs.count = shown.addrs;
	memcpy(addrs.item, shown.addr, shown.addrs * sizeof addrs.item[0]);
	return memcmp(&shown.salt, &member->salt, sizeof shown.salt) == 0 &&
	       strlen(shown.name) == member->name.len &&
	       memcmp(shown.name, member->name.data, member->name.len) == 0 &&
	       shoal_info_same_addrs(&addrs, &member->addrs) &&
	       shown.app_version == member->app_version &&
	       shown.protocol_min == member->protocol_min &&
	       shown.protocol_max == member->protocol_max;
}

/* What counts in the end is what the host was asked about. Its own word takes the place of what
 * others said of it, and where that was something else, the host is asked once more. */
static void
hear_again(struct shoal_core *core, struct shoal_applicant *applicant,
        const struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	bool same = is_as_shown(core, applicant, member);
	bool own = shoal_move_is_own(core, member, teller);
	bool newer = member->incarnation > applicant->incarnation;

	if (own && !applicant->own && !same) {
		if (shoal_waiting_note(core, applicant, member, teller)) {
			shoal_waiting_renumber(core, applicant);
			if (!shoal_event_applicant(core, applicant->number, member, teller)) {
				shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
			}
		}
	} else if (same && (applicant->said.len == 0 || (own && (newer || !applicant->own)))) {
		(void)shoal_waiting_note(core, applicant, member, teller);
	}
}

static void
ask(struct shoal_core *core, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	uint64_t salt = shoal_salt_short(&member->salt);
	bool full = false;
	struct shoal_applicant *applicant =
	        shoal_waiting_find(core, &member->id, salt, teller, &full);

	if (applicant != NULL) {
		hear_again(core, applicant, member, teller);
		return;
	}
	if (full) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
		return;
	}
	applicant = shoal_waiting_take(core, &member->id, salt);
	if (applicant == NULL) {
		return;
	}
	if (!shoal_waiting_note(core, applicant, member, teller) ||
	        !shoal_event_applicant(core, applicant->number, member, teller)) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
		shoal_waiting_give(core, applicant);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_APPLICANTS);
	arm(core);
}

bool
shoal_accept_defers(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t salt = said->told.claim.salt;

	if (!core->accept.asks || slot == SHOAL_SELF ||
	        shoal_state_is_gone(said->told.claim.state) || is_taken(core, record, salt)) {
		return false;
	}
	const struct shoal_decision *decision = shoal_decision_find(core, said->id, salt);
#ifdef SHOAL_PLANT_REFUSED_COUNTS
	if (decision != NULL) {
		return false;
	}
#endif
	if (decision != NULL && decision->accepted) {
		return false;
	}
	if (decision != NULL || said->member == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOT_ACCEPTED);
	} else {
		ask(core, said->member, teller);
	}
	return true;
}

bool
shoal_accept_defers_held(struct shoal_core *core, uint32_t slot, const struct shoal_id *by)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_info *info = record->info;
	uint64_t salt = shoal_members_salt(record);
	struct shoal_teller teller = {.path = SHOAL_PATH_GOSSIP, .id = *by};
	bool full;

	if (!core->accept.asks || is_taken(core, record, salt)) {
		return false;
	}
	const struct shoal_decision *decision = shoal_decision_find(core, &info->id, salt);
	if (decision != NULL) {
		return !decision->accepted;
	}
	if (shoal_waiting_find(core, &info->id, salt, NULL, &full) != NULL) {
		return true;
	}
	if (full) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
		return true;
	}
	struct shoal_applicant *applicant = shoal_waiting_take(core, &info->id, salt);
	if (applicant == NULL) {
		return true;
	}
	struct shoal_msg_member member = {.id = info->id,
	        .incarnation = record->incarnation,
	        .name = {(const uint8_t *)shoal_members_name(record), info->name_len},
	        .addrs = shoal_info_addrs(info)};
	applicant->incarnation = record->incarnation;
	applicant->by = *by;
	if (!shoal_event_applicant(core, applicant->number, &member, &teller)) {
		shoal_waiting_give(core, applicant);
		return true;
	}
	shoal_count(core, SHOAL_COUNTER_APPLICANTS);
	arm(core);
	return true;
}

static void
answer(struct shoal_core *core, const struct shoal_input *request, int code, const char *why,
        struct shoal_span reason)
{
	char line[SHOAL_REASON_MAX] = "";
	struct shoal_text text;

	shoal_text_init(&text, line, sizeof line);
	shoal_text_str(&text, why);
	shoal_text_str(&text, reason.len > 0 ? ": " : "");
	shoal_text_strn(&text, (const char *)reason.data, reason.len);
	struct shoal_span said = shoal_exchange_text(line);
	shoal_count(core, SHOAL_COUNTER_JOINS_REFUSED);
	if (code != SHOAL_ERR_REJECTED) { /* which was logged when it was decided */
		shoal_seal_refused(core, &request->from, &said);
	}
	shoal_exchange_answer(core, request->exchange, &request->from, SHOAL_NONE, code, said);
}

/* As if the request had come just now: its answer is sealed for who sent it. */
static void
answer_join(struct shoal_core *core, const struct shoal_applicant *applicant, int code,
        const char *why, struct shoal_span reason)
{
	const struct shoal_join *join = &applicant->join;
	struct shoal_input request = {.kind = SHOAL_INPUT_REQUEST,
	        .exchange = join->exchange,
	        .from = join->from,
	        .opened = join->opened,
	        .sender = join->sender,
	        .counter = join->counter};
	uint32_t slot = shoal_members_find(core, &applicant->id);

	if (!join->waits) {
		return;
	}
	shoal_seal_arrive(core, &request);
	if (code == SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_JOINS_SERVED);
		shoal_exchange_answer(core, join->exchange, &join->from, slot, code, reason);
	} else {
		answer(core, &request, code, why, reason);
	}
	shoal_seal_depart(core);
}

bool
shoal_accept_turns_away(struct shoal_core *core, const struct shoal_id *id, uint64_t salt,
        const struct shoal_input *input)
{
	const struct shoal_decision *decision =
	        core->accept.decided.count > 0 ? shoal_decision_find(core, id, salt) : NULL;

	if (decision == NULL || decision->accepted) {
		return false;
	}
	shoal_count(core, SHOAL_COUNTER_DROP_NOT_ACCEPTED);
	if (input->kind == SHOAL_INPUT_REQUEST) {
		answer(core, input, SHOAL_ERR_REJECTED, "refused", reason_of(decision));
	}
	return true;
}

bool
shoal_accept_mutes(struct shoal_core *core, uint32_t slot, uint64_t salt)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (!core->accept.asks || record == NULL || salt == 0 ||
	        salt == shoal_members_salt(record)) {
		return false;
	}
	shoal_count(core, SHOAL_COUNTER_DROP_NOT_ACCEPTED);
	return true;
}

bool
shoal_accept_holds(struct shoal_core *core, const struct shoal_id *id, uint64_t salt,
        const struct shoal_input *input)
{
	const struct shoal_record *record = shoal_members_at(core, shoal_members_find(core, id));
	const struct shoal_span none = {NULL, 0};
	bool full;

	if (!core->accept.asks || is_taken(core, record, salt)) {
		return false;
	}
	const struct shoal_decision *decision = shoal_decision_find(core, id, salt);
	if (decision != NULL && decision->accepted) {
		return false;
	}
	struct shoal_applicant *applicant = shoal_waiting_find(core, id, salt, NULL, &full);
	if (decision != NULL) {
		answer(core, input, SHOAL_ERR_REJECTED, "refused", reason_of(decision));
	} else if (applicant == NULL) {
		answer(core, input, SHOAL_ERR_LIMIT,
		        "too many wait to be accepted: ask again later", none);
	} else {
		/* The later one is the one that surely still waits. */
		answer_join(core, applicant, SHOAL_ERR_LIMIT, "asked again since", none);
		applicant->join = (struct shoal_join){.waits = true,
		        .exchange = input->exchange,
		        .from = input->from,
		        .opened = input->opened,
		        .sender = input->sender,
		        .counter = input->counter};
	}
	return true;
}

/* What a former run knew, and has answered here. */
static void
confirm(struct shoal_core *core, const struct shoal_applicant *applicant)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_CONFIRMED, &applicant->by);
	uint32_t slot = shoal_members_find(core, &applicant->id);
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record != NULL && record->state == SHOAL_STATE_UNKNOWN &&
	        shoal_members_salt(record) == applicant->salt) {
		shoal_members_move(core, slot, SHOAL_STATE_ALIVE, SHOAL_EVENT_JOIN, &cause);
	}
}

static void
take_in(struct shoal_core *core, const struct shoal_applicant *applicant)
{
	struct shoal_teller teller = {.id = applicant->by,
	        .slot = shoal_members_find(core, &applicant->by),
	        .from = applicant->from,
	        .path = applicant->path,
	        .checked = applicant->checked,
	        .sealed = applicant->sealed,
	        .waited = core->now - applicant->told};
	const struct shoal_span none = {NULL, 0};
	union shoal_wire_message message;

	if (!shoal_kept_get(&applicant->said, &message)) {
		confirm(core, applicant);
		return;
	}
	message.member.age_ms += teller.waited / SHOAL_MS(1);
	shoal_learn_member(core, &message.member, &teller);
	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		answer_join(core, applicant, SHOAL_ERR_STATE,
		        "this member is leaving: join through another one", none);
	} else if (shoal_members_find(core, &applicant->id) == SHOAL_NONE) {
		answer_join(core, applicant, SHOAL_ERR_LIMIT,
		        "accepted, and there is no room or no memory for it", none);
	} else {
		answer_join(core, applicant, SHOAL_OK, "", none);
	}
}

static void
refuse(struct shoal_core *core, const struct shoal_applicant *applicant, struct shoal_span reason)
{
	uint32_t slot = shoal_members_find(core, &applicant->id);
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_log_line line;

	shoal_count(core, SHOAL_COUNTER_APPLICANTS_REFUSED);
	if (record != NULL && record->state == SHOAL_STATE_UNKNOWN &&
	        shoal_members_salt(record) == applicant->salt) {
		shoal_members_remove(core, slot);
	}
	if (shoal_log_begin(core, &line, SHOAL_LOG_INFO, "accept")) {
		char id[SHOAL_ID_TEXT];
		shoal_id_print(&applicant->id, id);
		shoal_text_str(&line.text, id);
		shoal_text_str(&line.text, " is refused");
		shoal_text_str(&line.text, reason.len > 0 ? ": " : "");
		shoal_text_strn(&line.text, (const char *)reason.data, reason.len);
	}
	answer_join(core, applicant, SHOAL_ERR_REJECTED, "refused", reason);
}

int
shoal_accept_decide(struct shoal_core *core, const struct shoal_input *input)
{
	const struct shoal_applicant *held =
	        shoal_slab_at(&core->accept.waiting, (uint32_t)input->exchange);
	struct shoal_span reason = {input->data, input->len};
	bool accepted = input->code == SHOAL_OK;

	if ((!accepted && input->code != SHOAL_ERR_REJECTED) ||
	        reason.len > SHOAL_ACCEPT_REASON_MAX ||
	        (reason.len > 0 && !shoal_text_is_name(reason.data, reason.len))) {
		return SHOAL_ERR_INVALID;
	}
	if (held == NULL || held->number != input->exchange) {
		return SHOAL_ERR_NOT_FOUND;
	}
	struct shoal_applicant applicant = *held;
	shoal_waiting_give(core, held);
	shoal_decision_keep(core, &applicant, accepted, reason);
	if (accepted) {
		take_in(core, &applicant);
	} else {
		refuse(core, &applicant, reason);
	}
	return SHOAL_OK;
}

/* Nobody decided: it is asked again when it is heard of again. */
void
shoal_accept_on_timer(struct shoal_core *core)
{
	struct shoal_slab *waiting = &core->accept.waiting;
	const struct shoal_span none = {NULL, 0};
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < waiting->end; i++) {
		const struct shoal_applicant *held = shoal_slab_at(waiting, i);
		if (held == NULL) {
			continue;
		}
		if (core->now - held->begun < WAITS) {
			next = held->begun + WAITS < next ? held->begun + WAITS : next;
			continue;
		}
		struct shoal_applicant applicant = *held;
		shoal_waiting_give(core, held);
		answer_join(core, &applicant, SHOAL_ERR_TIMEOUT, "nobody decided in time", none);
	}
	if (next != UINT64_MAX) {
		shoal_heap_arm(&core->heap, &core->accept.timer, next);
	}
}
