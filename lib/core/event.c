/* SPDX-License-Identifier: MIT */
/* Events and log records wait here until the input that caused them is finished; nobody is called
 * from the middle of a change. Both queues are bounded; a full one is counted, and for events
 * followed by one OVERFLOW. */
#include "core/event.h"

#include <string.h>

#include "core/node.h"
#include "core/table/apply.h"

/* Room that an empty queue of events keeps. */
#define EVENTS_KEPT 8
/* Probe intervals for which an event tells of a stall of this member. */
#define LAG_TOLD 10

static struct shoal_event *
push(struct shoal_core *core, enum shoal_event_kind kind)
{
	struct shoal_event *event = shoal_ring_push(&core->events);
	if (event == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_EVENTS_FULL);
		core->events_lost = true;
		return NULL;
	}
	event->kind = kind;
	event->slot = SHOAL_NONE;
	event->mono_ns = core->now - SHOAL_TIME_ORIGIN;
	event->wall_ns = core->wall_ns;
	return event;
}

static void
write_addr(const struct shoal_core *core, const struct shoal_event *event, struct shoal_text *text)
{
	shoal_kind_write_addr(shoal_members_at(core, event->slot), &event->addr, text);
}

static void
log_change(struct shoal_core *core, const struct shoal_event *event)
{
	struct shoal_log_line line;
	/* A thousand members in the table that answers a join are one line of the host, not ours.
	 */
	bool in_table = event->kind == SHOAL_EVENT_JOIN && event->cause.kind == SHOAL_CAUSE_JOIN &&
	                shoal_id_compare(&event->cause.from, &event->id) != 0;
	bool loud =
	        event->kind != SHOAL_EVENT_REAP && event->kind != SHOAL_EVENT_UPDATE && !in_table;

	if (!shoal_log_begin(core, &line, loud ? SHOAL_LOG_INFO : SHOAL_LOG_DEBUG, "members")) {
		return;
	}
	char cause[SHOAL_LOG_TEXT_MAX];
	shoal_text_str(&line.text, event->name);
	shoal_text_str(&line.text, " at ");
	write_addr(core, event, &line.text);
	shoal_text_str(&line.text, ": ");
	shoal_text_str(&line.text, shoal_event_name(event->kind));
	shoal_text_str(&line.text, ", ");
	shoal_text_str(&line.text, shoal_cause_print(&event->cause, cause, sizeof cause));
}

void
shoal_event_member(struct shoal_core *core, uint32_t slot, enum shoal_event_kind kind,
        enum shoal_state was, unsigned changed, const struct shoal_cause *cause)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	/* After a lost one no later change is told before OVERFLOW: what was told chains. */
	if (core->events_lost) {
		shoal_count(core, SHOAL_COUNTER_DROP_EVENTS_FULL);
		return;
	}
	struct shoal_event *event = push(core, kind);
	if (event == NULL) {
		return;
	}
	event->slot = slot;
	event->was = was;
	event->changed = changed;
	event->state = (enum shoal_state)record->state;
#ifdef SHOAL_PLANT_EVENT_WAS
	event->was = kind == SHOAL_EVENT_FAILED ? SHOAL_STATE_ALIVE : was;
#endif
	event->id = record->info->id;
	memcpy(event->name, shoal_members_name(record), record->info->name_len);
	event->addr = shoal_members_addr(record);
	event->incarnation = record->incarnation;
	event->rtt_ns = SHOAL_US(record->srtt_us);
	event->lag_ns = shoal_lag_since(
	        core, core->now - LAG_TOLD * shoal_ms(core->profile.probe_interval_ms));
	if (cause != NULL) {
		event->cause = *cause;
	}
	log_change(core, event);
}

void
shoal_event_update(
        struct shoal_core *core, uint32_t slot, unsigned changed, const struct shoal_cause *cause)
{
	enum shoal_state state = (enum shoal_state)shoal_members_at(core, slot)->state;

	shoal_event_member(core, slot, SHOAL_EVENT_UPDATE, state, changed, cause);
}

static void
joined(struct shoal_core *core, const struct shoal_addr *seed, int code, struct shoal_span reason,
        bool answered)
{
	struct shoal_event *event = push(core, SHOAL_EVENT_JOINED);
	struct shoal_text text;

	if (event != NULL) {
		event->code = code;
		event->addr = *seed;
		event->answered = answered;
		event->cause.kind = SHOAL_CAUSE_JOIN;
		shoal_text_init(&text, event->cause.detail, sizeof event->cause.detail);
		shoal_text_strn(&text, (const char *)reason.data, reason.len);
	}
}

void
shoal_event_joined(
        struct shoal_core *core, const struct shoal_addr *seed, int code, struct shoal_span reason)
{
	joined(core, seed, code, reason, false);
}

void
shoal_event_answered(
        struct shoal_core *core, const struct shoal_addr *seed, int code, struct shoal_span reason)
{
	joined(core, seed, code, reason, true);
}

void
shoal_event_ended(struct shoal_core *core, int code)
{
	struct shoal_event *event = push(core, SHOAL_EVENT_ENDED);
	if (event != NULL) {
		event->code = code;
	}
}

void
shoal_event_measured(struct shoal_core *core, uint32_t slot, uint64_t rtt_ns)
{
	struct shoal_event *event = push(core, SHOAL_EVENT_MEASURED);
	if (event != NULL) {
		event->slot = slot;
		event->rtt_ns = rtt_ns;
	}
}

void
shoal_event_keys(struct shoal_core *core, uint32_t slot, const struct shoal_id *id, int code)
{
	struct shoal_event *event = push(core, SHOAL_EVENT_KEYS);
	if (event != NULL) {
		event->slot = slot;
		event->id = *id;
		event->code = code;
	}
}

void
shoal_event_health(struct shoal_core *core)
{
	struct shoal_event *event = push(core, SHOAL_EVENT_HEALTH);
	if (event != NULL) {
		event->code = (int)core->health;
	}
}

bool
shoal_event_applicant(struct shoal_core *core, uint64_t number,
        const struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	struct shoal_event *event = push(core, SHOAL_EVENT_APPLICANT);

	if (event == NULL) {
		return false;
	}
	event->exchange = number;
	event->id = member->id;
	memcpy(event->name, member->name.data, member->name.len);
	event->addr = *shoal_members_used(core, &member->addrs);
	event->incarnation = member->incarnation;
	event->cause = shoal_apply_cause(teller);
	return true;
}

bool
shoal_core_next_event(struct shoal_core *core, struct shoal_event *event)
{
	const struct shoal_event *front = shoal_ring_front(&core->events);

	if (front != NULL) {
		*event = *front;
		shoal_ring_pop(&core->events);
		shoal_ring_shrink(&core->events, EVENTS_KEPT); /* after the table of a join */
		return true;
	}
	memset(event, 0, sizeof *event);
	event->slot = SHOAL_NONE;
	event->mono_ns = core->now - SHOAL_TIME_ORIGIN;
	event->wall_ns = core->wall_ns;
	if (core->events_lost) {
		core->events_lost = false;
		event->kind = SHOAL_EVENT_OVERFLOW;
		return true;
	}
	return shoal_peer_next_event(core, event) || shoal_cast_next_event(core, event);
}

bool
shoal_log_begin(struct shoal_core *core, struct shoal_log_line *line, enum shoal_log_level level,
        const char *room)
{
	if (level > core->log_level) {
		return false;
	}
	line->record = shoal_ring_push(&core->logs);
	if (line->record == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_LOGS_FULL);
		return false;
	}
	line->record->wall_ns = core->wall_ns;
	line->record->level = level;
	line->record->room = room;
	shoal_text_init(&line->text, line->record->text, sizeof line->record->text);
	return true;
}

bool
shoal_core_next_log(struct shoal_core *core, struct shoal_log_record *record)
{
	const struct shoal_log_record *front = shoal_ring_front(&core->logs);
	if (front == NULL) {
		return false;
	}
	*record = *front;
	shoal_ring_pop(&core->logs);
	return true;
}

struct shoal_cause
shoal_cause_of(enum shoal_cause_kind kind, const struct shoal_id *from)
{
	struct shoal_cause cause;
	memset(&cause, 0, sizeof cause);
	cause.kind = kind;
	if (from != NULL) {
		cause.from = *from;
	}
	return cause;
}

void
shoal_cause_accuse(
        const struct shoal_core *core, struct shoal_cause *cause, const struct shoal_id *accuser)
{
	if (cause->accusers == SHOAL_ACCUSERS_MAX) {
		return;
	}
	size_t i = cause->accusers++;
	cause->accuser[i] = *accuser;
	uint32_t slot = shoal_members_find(core, accuser);
	if (slot != SHOAL_NONE) {
		struct shoal_text text;
		shoal_text_init(&text, cause->accuser_name[i], sizeof cause->accuser_name[i]);
		shoal_text_str(&text, shoal_members_name(shoal_members_at(core, slot)));
	}
}
