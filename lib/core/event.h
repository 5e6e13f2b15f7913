/* SPDX-License-Identifier: MIT */
/* Events and log records on their way to the host. */
#ifndef SHOAL_CORE_EVENT_H
#define SHOAL_CORE_EVENT_H

#include <shoal/core.h>

#include "base/text.h"
#include "wire/field.h"

struct shoal_core;
struct shoal_msg_member;
struct shoal_record;
struct shoal_teller;

/* Queues a change of a member, and what else changed with it: enum shoal_change. cause may be NULL.
 */
void shoal_event_member(struct shoal_core *core, uint32_t slot, enum shoal_event_kind kind,
        enum shoal_state was, unsigned changed, const struct shoal_cause *cause);

/* The same for one whose state stays. */
void shoal_event_update(
        struct shoal_core *core, uint32_t slot, unsigned changed, const struct shoal_cause *cause);

/* The end of a JOIN command. reason may be empty. */
void shoal_event_joined(
        struct shoal_core *core, const struct shoal_addr *seed, int code, struct shoal_span reason);
/* The same of a join whose seed said so itself, in an answer that opened. */
void shoal_event_answered(
        struct shoal_core *core, const struct shoal_addr *seed, int code, struct shoal_span reason);

void shoal_event_ended(struct shoal_core *core, int code);
void shoal_event_measured(struct shoal_core *core, uint32_t slot, uint64_t rtt_ns);
void shoal_event_keys(struct shoal_core *core, uint32_t slot, const struct shoal_id *id, int code);
void shoal_event_health(struct shoal_core *core);

/* Asks the host whether this one is taken in. false: there is no room for the question. */
bool shoal_event_applicant(struct shoal_core *core, uint64_t number,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);

/* A log record under construction: begin, append to the text, end. false: this level is not logged.
 */
struct shoal_log_line {
	struct shoal_log_record *record;
	struct shoal_text text;
};
bool shoal_log_begin(struct shoal_core *core, struct shoal_log_line *line,
        enum shoal_log_level level, const char *room);

/* A cause of this kind that came from a member (may be NULL). */
struct shoal_cause shoal_cause_of(enum shoal_cause_kind kind, const struct shoal_id *from);

/* Adds an accuser, with its name where it is known. */
void shoal_cause_accuse(
        const struct shoal_core *core, struct shoal_cause *cause, const struct shoal_id *accuser);

#endif
