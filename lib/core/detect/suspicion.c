/* SPDX-License-Identifier: MIT */
/* SWIM 4.2 with the timer of Lifeguard IV-B, in integer arithmetic: a member that many independent
 * members fail to reach is dead soon, one that a single member accuses gets the longest time to
 * refute. */
#include "core/detect/suspicion.h"

#include <string.h>

#include "base/ilog.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/grave.h"

struct shoal_suspicion_span
shoal_suspicion_span(const struct shoal_profile *profile, size_t n)
{
	struct shoal_suspicion_span span;
	uint64_t log10 = shoal_ilog_10_q16(n);
	uint64_t scale = log10 > 65536 ? log10 : 65536;
	uint64_t interval = shoal_ms(profile->probe_interval_ms);
	uint32_t from_mult = profile->suspicion_mult > 2 ? profile->suspicion_mult - 2 : 0;
	uint32_t from_n = n > 2 ? (uint32_t)n - 2 : 0;

	span.least = profile->suspicion_mult * (interval * scale >> 16);
	span.wanted = from_mult < from_n ? from_mult : from_n;
	if (span.wanted > SHOAL_DOUBTERS_MAX - 1) {
		span.wanted = SHOAL_DOUBTERS_MAX - 1;
	}
	span.most = span.wanted == 0 ? span.least : span.least * profile->suspicion_max_mult;
	return span;
}

uint64_t
shoal_suspicion_length(const struct shoal_suspicion_span *span, uint32_t further_q8)
{
#ifdef SHOAL_PLANT_SUSPICION_HASTY
	return span->least;
#endif
	if (further_q8 >= span->wanted * SHOAL_WEIGHT_FULL) {
		return span->least;
	}
	/* log((f + 256) / 256) in Q16, as a part of log(wanted + 1). */
	uint64_t log = shoal_ilog2_q16(further_q8 + SHOAL_WEIGHT_FULL) - (UINT32_C(8) << 16);
	uint64_t part = (log << 16) / shoal_ilog2_q16(span->wanted + 1);
	uint64_t fall = (span->most - span->least) / 65536 * part;
	return span->most - fall;
}

static bool
has_doubter(const struct shoal_hold *hold, const struct shoal_id *id)
{
	for (size_t i = 0; i < hold->doubters; i++) {
		if (memcmp(&hold->doubter[i], id, sizeof *id) == 0) {
			return true;
		}
	}
	return false;
}

static uint64_t
end_of(const struct shoal_core *core, const struct shoal_hold *hold)
{
	struct shoal_suspicion_span span = {hold->least, hold->most, hold->wanted};

	if (shoal_gone_is_agreed(core, hold)) {
		return hold->begun + hold->moved + hold->least;
	}
	uint32_t further = hold->weight > SHOAL_WEIGHT_FULL ? hold->weight - SHOAL_WEIGHT_FULL : 0;
	return hold->begun + hold->moved + shoal_suspicion_length(&span, further);
}

static void
name_doubters(
        const struct shoal_core *core, const struct shoal_hold *hold, struct shoal_cause *cause)
{
	for (size_t i = 0; i < hold->doubters; i++) {
		shoal_cause_accuse(core, cause, &hold->doubter[i]);
	}
}

static void
begin(struct shoal_core *core, uint32_t slot, const struct shoal_id *accuser,
        const struct shoal_cause *cause)
{
	struct shoal_hold *hold = shoal_members_hold_take(core, slot);
	struct shoal_suspicion_span span =
	        shoal_suspicion_span(&core->profile, shoal_members_n(core));
	struct shoal_cause told = *cause;

	if (hold == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	hold->begun = core->now;
	hold->missed = core->now;
	if (cause->kind == SHOAL_CAUSE_UNANSWERED) {
		hold->missed -= cause->after_ns; /* the probe that failed */
	}
	hold->moved = 0;
	hold->least = span.least;
	hold->most = span.most;
	hold->wanted = (uint8_t)span.wanted;
	if (shoal_partial_is(core, &shoal_members_at(core, slot)->info->id)) {
		hold->least = hold->most;
#ifdef SHOAL_PLANT_DIAGNOSED_HASTY
		hold->least = span.least;
#endif
	}
	hold->doubter[0] = *accuser;
	hold->doubters = 1;
	hold->weight = shoal_weight_of(core, accuser);
	hold->rearmed = 0;
	hold->replaced = false;
	name_doubters(core, hold, &told);
	shoal_count(core, SHOAL_COUNTER_SUSPICIONS);
#ifdef SHOAL_PLANT_SUSPICION_STAYS
	hold->most = hold->least = SHOAL_SEC(3600);
#endif
	shoal_members_move(core, slot, SHOAL_STATE_SUSPECT, SHOAL_EVENT_SUSPECT, &told);
	shoal_members_hold_until(core, slot, end_of(core, hold));
	shoal_gossip_add(core, slot);
	if (core->profile.belief != 0) {
		/* The accused hears it first: it is worth a packet of its own. */
		shoal_send_gossip(core, slot, 0, SHOAL_NONE);
	}
}

void
shoal_suspicion_accuse(struct shoal_core *core, uint32_t slot, const struct shoal_id *accuser,
        const struct shoal_cause *cause)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_hold *hold = shoal_members_hold(core, record);

	if (memcmp(accuser, &record->info->id, sizeof *accuser) == 0) {
		return; /* nobody accuses itself: it would refute */
	}
	if (record->state == SHOAL_STATE_ALIVE) {
		begin(core, slot, accuser, cause);
		return;
	}
	uint32_t weight = shoal_weight_of(core, accuser);
	if (record->state != SHOAL_STATE_SUSPECT || weight == 0 || has_doubter(hold, accuser) ||
	        hold->doubters == SHOAL_DOUBTERS_MAX) {
		return;
	}
	hold->doubter[hold->doubters++] = *accuser;
	hold->weight += weight;
	shoal_members_hold_until(core, slot, end_of(core, hold));
	/* News again, but so often only as accusers matter: a statement is sent at most limit * (k
	 * + 1) times. */
	if (hold->rearmed < hold->wanted) {
		hold->rearmed++;
		shoal_gossip_add(core, slot);
	}
}

void
shoal_suspicion_bury(struct shoal_core *core, uint32_t slot, struct shoal_cause *cause)
{
	struct shoal_hold *hold = shoal_members_hold_take(core, slot);

	if (hold == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	if (shoal_members_at(core, slot)->state == SHOAL_STATE_SUSPECT) {
		name_doubters(core, hold, cause);
		shoal_weight_judge(core, hold, false);
	}
	shoal_count(core, SHOAL_COUNTER_FAILURES);
	if (shoal_members_at(core, slot)->state == SHOAL_STATE_SUSPECT) {
		shoal_observe_ns(core, SHOAL_HISTOGRAM_SUSPICION, core->now - hold->begun);
		shoal_observe_ns(core, SHOAL_HISTOGRAM_DETECTION, core->now - hold->missed);
	}
	if (shoal_grave_dig(core, slot, SHOAL_STATE_DEAD, SHOAL_EVENT_FAILED, cause, 0)) {
		shoal_gossip_add(core, slot);
	}
}

void
shoal_suspicion_delay(struct shoal_core *core, uint32_t slot, uint64_t lag)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_hold *hold = shoal_members_hold(core, record);

	if (record->state != SHOAL_STATE_SUSPECT) {
		return;
	}
	uint64_t length = end_of(core, hold) - hold->begun - hold->moved;
	uint64_t most = length > hold->moved ? length - hold->moved : 0;
	hold->moved += lag < most ? lag : most;
	shoal_members_hold_until(core, slot, end_of(core, hold));
}

void
shoal_suspicion_replaced(struct shoal_core *core, uint32_t slot)
{
	struct shoal_hold *hold = shoal_members_hold(core, shoal_members_at(core, slot));

	if (hold != NULL && shoal_members_at(core, slot)->state == SHOAL_STATE_SUSPECT) {
		hold->replaced = true;
		shoal_members_hold_until(core, slot, end_of(core, hold));
	}
}

/* Its address is another's, and nobody heard it contradict: its process was stopped. */
static void
leave_replaced(struct shoal_core *core, uint32_t slot, struct shoal_cause *cause)
{
	cause->kind = SHOAL_CAUSE_REPLACED;
	name_doubters(core, shoal_members_hold(core, shoal_members_at(core, slot)), cause);
	if (shoal_grave_dig(core, slot, SHOAL_STATE_LEFT, SHOAL_EVENT_LEFT, cause, 0)) {
		shoal_gossip_add(core, slot);
	}
}

void
shoal_suspicion_refuted(struct shoal_core *core, uint32_t slot, bool restarted)
{
	const struct shoal_hold *hold = shoal_members_hold(core, shoal_members_at(core, slot));

	if (hold == NULL) {
		return;
	}
	shoal_weight_judge(core, hold, !restarted);
	if (!hold->replaced && has_doubter(hold, &shoal_members_at(core, SHOAL_SELF)->info->id)) {
		shoal_partial_refuted(core, &shoal_members_at(core, slot)->info->id, restarted);
	}
}

void
shoal_suspicion_convict(struct shoal_core *core, uint32_t slot, uint64_t refused_at,
        const struct shoal_id_list *by, struct shoal_cause *cause)
{
	struct shoal_hold *hold = shoal_members_hold_take(core, slot);

	if (hold == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	if (shoal_members_at(core, slot)->state == SHOAL_STATE_SUSPECT) {
		shoal_weight_judge(core, hold, false);
	}
	hold->refused_at = refused_at;
	hold->doubters = 0;
	for (size_t i = 0; i < by->count; i++) {
		hold->doubter[hold->doubters++] = by->item[i];
	}
	name_doubters(core, hold, cause);
	shoal_count(core, SHOAL_COUNTER_FAILURES);
	if (shoal_grave_dig(core, slot, SHOAL_STATE_DEAD, SHOAL_EVENT_FAILED, cause, 0)) {
		shoal_gossip_add(core, slot);
	}
}

void
shoal_suspicion_expire(struct shoal_core *core, uint32_t slot)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_SUSPICION, NULL);
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	struct shoal_text text;

	cause.after_ns = shoal_members_age(core, record);
	shoal_text_init(&text, cause.detail, sizeof cause.detail);
	shoal_lag_describe(core, core->now - cause.after_ns, &text);
	if (shoal_gone_is_agreed(core, hold)) {
		leave_replaced(core, slot, &cause);
	} else {
		shoal_suspicion_bury(core, slot, &cause);
	}
}

bool
shoal_suspicion_is_old(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_hold *hold = shoal_members_hold(core, record);

	return record->state == SHOAL_STATE_SUSPECT && hold != NULL &&
	       core->now - hold->begun >= hold->least / 2 + hold->moved;
}
