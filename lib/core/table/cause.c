/* SPDX-License-Identifier: MIT */
/* Names and phrases of events and causes, for people and for labels. */
#include <shoal/core.h>

#include "base/text.h"

static const struct {
	enum shoal_event_kind kind;
	const char *name;
} event_names[] = {
        {SHOAL_EVENT_JOIN, "join"},
        {SHOAL_EVENT_UPDATE, "update"},
        {SHOAL_EVENT_SUSPECT, "suspect"},
        {SHOAL_EVENT_ALIVE, "alive"},
        {SHOAL_EVENT_FAILED, "failed"},
        {SHOAL_EVENT_LEAVING, "leaving"},
        {SHOAL_EVENT_LEFT, "left"},
        {SHOAL_EVENT_REAP, "reap"},
        {SHOAL_EVENT_CONFLICT, "conflict"},
        {SHOAL_EVENT_OVERFLOW, "overflow"},
        {SHOAL_EVENT_JOINED, "joined"},
        {SHOAL_EVENT_ENDED, "ended"},
        {SHOAL_EVENT_MEASURED, "measured"},
        {SHOAL_EVENT_HEALTH, "health"},
        {SHOAL_EVENT_MESSAGE, "message"},
        {SHOAL_EVENT_SENT, "sent"},
        {SHOAL_EVENT_WRITABLE, "writable"},
        {SHOAL_EVENT_KEYS, "keys"},
        {SHOAL_EVENT_APPLICANT, "applicant"},
};

static const struct {
	const char *name, *phrase;
} causes[] = {
        [SHOAL_CAUSE_NONE] = {"none", "no cause given"},
        [SHOAL_CAUSE_JOIN] = {"join", "joined"},
        [SHOAL_CAUSE_GOSSIP] = {"gossip", "told by gossip"},
        [SHOAL_CAUSE_SYNC] = {"sync", "told in a table"},
        [SHOAL_CAUSE_CONFIRMED] = {"confirmed", "heard of, and it answered"},
        [SHOAL_CAUSE_UNANSWERED] = {"unanswered", "no answer to a probe"},
        [SHOAL_CAUSE_SUSPICION] = {"suspicion", "suspected"},
        [SHOAL_CAUSE_VERIFIED] = {"verified", "told dead, and it does not answer here either"},
        [SHOAL_CAUSE_REFUTED] = {"refuted", "it contradicted"},
        [SHOAL_CAUSE_RESTARTED] = {"restarted", "a new instance under the same id"},
        [SHOAL_CAUSE_LEAVE] = {"leave", "it said so"},
        [SHOAL_CAUSE_UNCONFIRMED] = {"unconfirmed", "it was leaving and never said left"},
        [SHOAL_CAUSE_EXPIRED] = {"expired", "remembered long enough"},
        [SHOAL_CAUSE_REFUSED] = {"refused", "its host refuses connections"},
        [SHOAL_CAUSE_FORGOTTEN] = {"forgotten", "an operator let it be forgotten"},
        [SHOAL_CAUSE_NOT_ALLOWED] = {"not_allowed", "its address is not allowed here any more"},
        [SHOAL_CAUSE_RESTORED] = {"restored", "known from a former run of this member"},
        [SHOAL_CAUSE_REPLACED] = {"replaced", "another member lives at its address"},
        [SHOAL_CAUSE_CONFLICT] = {"conflict", "two instances live under one id"},
};

const char *
shoal_event_name(enum shoal_event_kind kind)
{
	for (size_t i = 0; i < sizeof event_names / sizeof event_names[0]; i++) {
		if (event_names[i].kind == kind) {
			return event_names[i].name;
		}
	}
	return "invalid";
}

const char *
shoal_diagnosis_name(enum shoal_diagnosis diagnosis)
{
	switch (diagnosis) {
	case SHOAL_DIAGNOSIS_NONE:
		return "none";
	case SHOAL_DIAGNOSIS_PARTIAL:
		return "partial";
	case SHOAL_DIAGNOSIS_SHARED_ADDRESS:
		return "shared address";
	case SHOAL_DIAGNOSIS_INBOUND_ONLY:
		return "inbound only";
	}
	return "invalid";
}

static bool
is_cause(enum shoal_cause_kind kind)
{
	return (unsigned)kind < sizeof causes / sizeof causes[0];
}

const char *
shoal_cause_name(enum shoal_cause_kind kind)
{
	return is_cause(kind) ? causes[kind].name : "invalid";
}

static void
print_accusers(const struct shoal_cause *cause, struct shoal_text *text)
{
	for (size_t i = 0; i < cause->accusers && i < SHOAL_ACCUSERS_MAX; i++) {
		const char *first = cause->kind == SHOAL_CAUSE_SUSPICION ? " by "
		                    : cause->kind == SHOAL_CAUSE_REFUSED ? " to "
		                                                         : ", accused by ";
		shoal_text_str(text, i > 0 ? ", " : first);
		if (cause->accuser_name[i][0] != '\0') {
			shoal_text_str(text, cause->accuser_name[i]);
		} else {
			shoal_text_id(text, &cause->accuser[i]);
		}
	}
}

const char *
shoal_cause_print(const struct shoal_cause *cause, char *buf, size_t len)
{
	struct shoal_text text;

	shoal_text_init(&text, buf, len);
	shoal_text_str(&text, is_cause(cause->kind) ? causes[cause->kind].phrase : "invalid");
	if (cause->kind != SHOAL_CAUSE_UNANSWERED) { /* there the accuser is the observer itself */
		print_accusers(cause, &text);
	}
	if (cause->kind == SHOAL_CAUSE_SUSPICION && cause->after_ns > 0) {
		shoal_text_str(&text, " and not refuted for ");
		shoal_text_duration(&text, cause->after_ns);
	} else if (cause->after_ns > 0) {
		shoal_text_str(&text, " after ");
		shoal_text_duration(&text, cause->after_ns);
	}
	if (cause->detail[0] != '\0') {
		shoal_text_str(&text, ": ");
		shoal_text_str(&text, cause->detail);
	}
	return buf;
}
