/* SPDX-License-Identifier: MIT */
/* A failed probe is evidence against its target, against this member and against the way between
 * them. The score of local health rises by the relays that did not even say no, and by one only
 * where there was nobody to ask (Lifeguard IV-A): once a silence, for a member that is dead would
 * otherwise slow this one down for ever. The target is accused where neither the silence of
 * everybody (silence.c) nor its own refutations (partial.c) speak for it. */
#include "core/detect/failure.h"

#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"

static unsigned
bits(uint32_t set)
{
	unsigned count = 0;

	for (uint32_t left = set; left != 0; left &= left - 1) {
		count++;
	}
	return count;
}

/* Which legs failed: those to the relays, or those from them. */
static void
describe_legs(const struct shoal_probe *probe, struct shoal_text *text)
{
	unsigned absent = bits(probe->nacked & probe->absent);
	unsigned silent = bits(probe->nacked) - absent;

	if (silent != 0) {
		shoal_text_str(text, ", ");
		shoal_text_u64(text, silent);
		shoal_text_str(text, " of which got no answer either");
	}
	if (absent != 0) {
		shoal_text_str(text, ", ");
		shoal_text_u64(text, absent);
		shoal_text_str(text, absent == 1 ? " does not know it" : " do not know it");
	}
}

/* A URL may be long, and the line in which this stands names it. */
static void
describe_way(
        const struct shoal_core *core, const struct shoal_record *record, struct shoal_text *text)
{
	struct shoal_addr addr = shoal_members_addr(record);

	if (shoal_kind_parts(core, record)) {
		shoal_text_str(text, "through ");
		return;
	}
	if (shoal_addr_is_web(&addr)) {
		shoal_text_str(text, "its URL");
	} else {
		shoal_text_addr(text, &addr);
	}
	shoal_text_str(text, core->profile.stream_pings != 0 && !shoal_members_inbound(record)
	                             ? " directly, on a stream and through "
	                             : " directly and through ");
}

static void
describe(struct shoal_core *core, const struct shoal_probe *probe,
        const struct shoal_record *record, struct shoal_cause *cause)
{
	struct shoal_text text;

	cause->after_ns = core->now - probe->begun;
	shoal_text_init(&text, cause->detail, sizeof cause->detail);
	shoal_text_str(&text, "asked ");
	describe_way(core, record, &text);
	shoal_text_u64(&text, probe->asked);
	shoal_text_str(&text, probe->asked == 1 ? " relay" : " relays");
	describe_legs(probe, &text);
	shoal_lag_describe(core, probe->begun, &text);
}

/* Whom this member has no way to is judged by what relays say: where none does, they may have
 * gone themselves; and where it cannot be dialled, by those who hear of it. */
static bool
says_nothing(
        struct shoal_core *core, const struct shoal_probe *probe, const struct shoal_record *record)
{
	bool silent = core->profile.nacks != 0 ? probe->nacked == 0 : probe->asked == 0;

	return shoal_kind_parts(core, record) && (silent || !shoal_inbound_asked(core, probe));
}

void
shoal_failure_of(
        struct shoal_core *core, const struct shoal_probe *probe, const struct shoal_record *record)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_UNANSWERED, NULL);
	bool judged = shoal_members_counts(record) && shoal_members_salt(record) == probe->salt;

	shoal_count(core, SHOAL_COUNTER_PROBES_FAILED);
	if (!judged || shoal_inbound_excuses(core, probe->slot) ||
	        says_nothing(core, probe, record)) {
		return; /* it left, or another instance took its place meanwhile; or others judge */
	}
	if (probe->asked > 0 && core->profile.nacks != 0) {
		shoal_probe_health(core, (int)(probe->asked - bits(probe->nacked)));
	} else if (record->state == SHOAL_STATE_ALIVE) {
		shoal_probe_health(core, 1);
	}
	if (shoal_silence_excuses(core, probe)) {
		return;
	}
	if (record->state == SHOAL_STATE_ALIVE && shoal_partial_withholds(core, probe)) {
		return;
	}
	describe(core, probe, record, &cause);
	shoal_suspicion_accuse(
	        core, probe->slot, &shoal_members_at(core, SHOAL_SELF)->info->id, &cause);
}
