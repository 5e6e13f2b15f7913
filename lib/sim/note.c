/* SPDX-License-Identifier: MIT */
/* The run's story: one note for each thing that happened, kept in a ring, and their text. */
#include "sim/world.h"

#include "base/text.h"

void
shoal_sim_add_note(struct shoal_sim *sim, const struct shoal_sim_note *note)
{
	struct shoal_sim_note *kept;

	if (sim->config.on_note != NULL) {
		sim->config.on_note(note, sim->config.arg);
	}
	if (sim->notes.count == sim->notes.limit) {
		shoal_ring_pop(&sim->notes);
	}
	kept = shoal_ring_push(&sim->notes);
	if (kept == NULL) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
	} else {
		*kept = *note;
	}
}

void
shoal_sim_fault(
        struct shoal_sim *sim, const char *word, uint32_t node, uint32_t other, uint64_t value)
{
	struct shoal_sim_note note = {.kind = SHOAL_SIM_NOTE_FAULT,
	        .at_ns = sim->now,
	        .node = node,
	        .other = other,
	        .word = word,
	        .value = value,
	        .told_by = SHOAL_SIM_NOBODY};

	shoal_sim_add_note(sim, &note);
}

void
shoal_sim_phase(struct shoal_sim *sim, const char *word)
{
	struct shoal_sim_note note = {.kind = SHOAL_SIM_NOTE_PHASE,
	        .at_ns = sim->now,
	        .node = SHOAL_SIM_NOBODY,
	        .other = SHOAL_SIM_NOBODY,
	        .word = word,
	        .told_by = SHOAL_SIM_NOBODY};

	shoal_sim_add_note(sim, &note);
}

const struct shoal_sim_note *
shoal_sim_note(const struct shoal_sim *sim, size_t i)
{
	return shoal_ring_at(&sim->notes, i);
}

static void
seconds(struct shoal_text *text, uint64_t ns)
{
	uint64_t us = ns / 1000 % 1000000;

	shoal_text_u64(text, ns / 1000000000);
	shoal_text_char(text, '.');
	for (uint64_t unit = 100000; unit > 0; unit /= 10) {
		shoal_text_char(text, (char)('0' + us / unit % 10));
	}
}

static void
who(struct shoal_text *text, uint32_t node)
{
	if (node == SHOAL_SIM_NOBODY) {
		shoal_text_str(text, "-");
	} else {
		shoal_text_u64(text, node);
	}
}

/* Of a member. */
static void
change(struct shoal_text *text, const struct shoal_sim_note *note)
{
	shoal_text_str(text, shoal_state_name(note->was));
	shoal_text_str(text, " -> ");
	shoal_text_str(text, shoal_state_name(note->state));
	shoal_text_str(text, ", incarnation ");
	shoal_text_u64(text, note->incarnation >> 32);
	shoal_text_char(text, '.');
	shoal_text_u64(text, note->incarnation & UINT32_MAX);
	shoal_text_str(text, ", ");
	shoal_text_str(text, shoal_cause_name(note->cause));
	if (note->told_by != SHOAL_SIM_NOBODY) {
		shoal_text_str(text, " from ");
		who(text, note->told_by);
	}
}

static void
event(struct shoal_text *text, const struct shoal_sim_note *note)
{
	shoal_text_str(text, shoal_event_name(note->event));
	if (note->event == SHOAL_EVENT_HEALTH) {
		shoal_text_str(text, " ");
		shoal_text_u64(text, (uint64_t)note->code);
	} else if (note->event > SHOAL_EVENT_ALL) {
		shoal_text_str(text, " ");
		shoal_text_str(text, note->code == 0 ? "ok" : shoal_error_name(note->code));
	} else {
		shoal_text_str(text, " ");
		who(text, note->other);
		shoal_text_str(text, ": ");
		change(text, note);
	}
}

const char *
shoal_sim_note_print(const struct shoal_sim_note *note, char *line, size_t len)
{
	struct shoal_text text;

	shoal_text_init(&text, line, len);
	seconds(&text, note->at_ns);
	shoal_text_str(&text, " ");
	if (note->kind == SHOAL_SIM_NOTE_PHASE) {
		shoal_text_str(&text, "---- ");
		shoal_text_str(&text, note->word);
		return line;
	}
	who(&text, note->node);
	shoal_text_str(&text, ": ");
	if (note->kind == SHOAL_SIM_NOTE_EVENT) {
		event(&text, note);
		return line;
	}
	shoal_text_str(&text, note->word);
	if (note->other != SHOAL_SIM_NOBODY) {
		shoal_text_str(&text, " ");
		who(&text, note->other);
	}
	if (note->value != 0) {
		shoal_text_str(&text, " ");
		shoal_text_u64(&text, note->value);
	}
	return line;
}

static bool
concerns(const struct shoal_sim_note *note, const struct shoal_sim_failure *failure)
{
	uint32_t subject = failure->subject;

	return note->node == failure->observer || note->node == SHOAL_SIM_NOBODY ||
	       (subject != SHOAL_SIM_NOBODY && (note->node == subject || note->other == subject));
}

void
shoal_sim_story(const struct shoal_sim *sim, size_t most, shoal_sim_note_fn fn, void *arg)
{
	struct shoal_sim_failure failure;
	const struct shoal_sim_note *note;
	size_t count = 0;

	if (!shoal_sim_failure(sim, &failure)) {
		return;
	}
	for (size_t i = 0; (note = shoal_sim_note(sim, i)) != NULL; i++) {
		count += concerns(note, &failure);
	}
	for (size_t i = 0; (note = shoal_sim_note(sim, i)) != NULL; i++) {
		if (concerns(note, &failure) && count-- <= most) {
			fn(note, arg);
		}
	}
}
