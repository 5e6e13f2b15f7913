/* SPDX-License-Identifier: MIT */
/* A member that refutes this one's accusations lives, and the way to it is bad: saying again and
 * again that it has failed costs everybody a suspicion and helps nobody. After two refutations that
 * becomes a diagnosis. From then on a failed probe is told to the subject only, and tried again at
 * once, through other relays; each relay that cannot reach it either is a report, and only
 * min(k + 2, n - 2) of them, or failures for as long as the longest suspicion, make a suspicion of
 * it. That always lasts its longest time.
 *
 * The diagnosis ends when direct pings were answered for as long as the longest suspicion.
 *
 * Bounded: SHOAL_PARTIALS_MAX members, found by a pass over them on the end of an own probe. */
#include "core/detect/partial.h"

#include <string.h>

#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"

#define REFUTATIONS_ENOUGH 2
/* Refutations that are further apart have nothing to do with each other. */
#define REFUTATIONS_APART SHOAL_SEC(600)

int
shoal_partial_init(struct shoal_core *core)
{
	uint32_t first;

	shoal_slab_init(
	        &core->partials.slab, &core->mem, sizeof(struct shoal_partial), SHOAL_PARTIALS_MAX);
	/* Room for the first from the start: a refutation is no reason to allocate. */
	if (shoal_slab_take(&core->partials.slab, &first) == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_slab_give(&core->partials.slab, first);
	return SHOAL_OK;
}

void
shoal_partial_done(struct shoal_core *core)
{
	shoal_slab_done(&core->partials.slab);
}

/* SHOAL_NONE: there is none. */
static uint32_t
find(const struct shoal_core *core, const struct shoal_id *id)
{
	const struct shoal_slab *slab = &core->partials.slab;

	for (uint32_t i = 0; i < slab->end; i++) {
		const struct shoal_partial *partial = shoal_slab_at(slab, i);
		if (partial != NULL && memcmp(&partial->id, id, sizeof *id) == 0) {
			return i;
		}
	}
	return SHOAL_NONE;
}

static void
forget_oldest(struct shoal_core *core)
{
	struct shoal_slab *slab = &core->partials.slab;
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < slab->end; i++) {
		const struct shoal_partial *partial = shoal_slab_at(slab, i);
		const struct shoal_partial *least = shoal_slab_at(slab, oldest);
		oldest = partial->used < least->used ? i : oldest;
	}
	shoal_slab_give(slab, oldest);
}

static struct shoal_partial *
take(struct shoal_core *core, const struct shoal_id *id)
{
	struct shoal_slab *slab = &core->partials.slab;
	uint32_t number = find(core, id);

	if (number != SHOAL_NONE) {
		return shoal_slab_at(slab, number);
	}
	if (slab->count == slab->limit) {
		forget_oldest(core);
	}
	struct shoal_partial *partial = shoal_slab_take(slab, &number);
	if (partial == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return NULL;
	}
	partial->id = *id;
	return partial;
}

bool
shoal_partial_is(const struct shoal_core *core, const struct shoal_id *id)
{
	const struct shoal_partial *partial = shoal_slab_at(&core->partials.slab, find(core, id));
	return partial != NULL && partial->refuted >= REFUTATIONS_ENOUGH;
}

static void
log_name(struct shoal_core *core, struct shoal_log_line *line, const struct shoal_id *id)
{
	const struct shoal_record *record = shoal_members_at(core, shoal_members_find(core, id));

	if (record != NULL) {
		shoal_text_str(&line->text, shoal_members_name(record));
		shoal_text_str(&line->text, " at ");
		shoal_kind_write(record, &line->text);
	} else {
		shoal_text_id(&line->text, id);
	}
}

void
shoal_partial_refuted(struct shoal_core *core, const struct shoal_id *id, bool restarted)
{
	struct shoal_log_line line;

	if (restarted) {
		uint32_t number = find(core, id);
		if (number != SHOAL_NONE) {
			shoal_slab_give(&core->partials.slab, number);
		}
		return;
	}
	struct shoal_partial *partial = core->profile.partial != 0 ? take(core, id) : NULL;
	if (partial == NULL) {
		return;
	}
	if (partial->refuted < REFUTATIONS_ENOUGH &&
	        core->now - partial->refuted_at > REFUTATIONS_APART) {
		partial->refuted = 0;
	}
	partial->used = partial->refuted_at = core->now;
	partial->failing_since = partial->well_since = 0;
	partial->reports = 0;
	if (partial->refuted >= REFUTATIONS_ENOUGH) {
		return;
	}
	partial->refuted++;
	if (partial->refuted == REFUTATIONS_ENOUGH &&
	        shoal_log_begin(core, &line, SHOAL_LOG_WARN, "partial")) {
		log_name(core, &line, id);
		shoal_text_str(&line.text, " lives and cannot be reached from here");
	}
}

static uint64_t
longest(const struct shoal_core *core)
{
	return shoal_suspicion_span(&core->profile, shoal_members_n(core)).most;
}

void
shoal_partial_answered(struct shoal_core *core, const struct shoal_id *id, bool direct)
{
	if (core->partials.slab.count == 0) {
		return;
	}
	uint32_t number = find(core, id);
	struct shoal_partial *partial = shoal_slab_at(&core->partials.slab, number);
	if (partial == NULL) {
		return;
	}
	partial->used = core->now;
	partial->failing_since = 0;
	partial->reports = 0;
	if (!direct) {
		partial->well_since = 0;
	} else if (partial->well_since == 0) {
		partial->well_since = core->now;
	} else if (partial->refuted >= REFUTATIONS_ENOUGH &&
	           core->now - partial->well_since >= longest(core)) {
		shoal_slab_give(&core->partials.slab, number);
	}
}

/* Relays that said that they got no answer, each counted once. */
static void
count_reports(
        struct shoal_core *core, struct shoal_partial *partial, const struct shoal_probe *probe)
{
	for (uint32_t i = 0; i < probe->asked; i++) {
		const struct shoal_record *relay = shoal_members_at(core, probe->relay[i]);
		bool silent = ((probe->nacked & ~probe->absent) >> i & 1) != 0;
		bool known = relay == NULL || partial->reports == SHOAL_REPORTS_MAX;

		for (uint8_t k = 0; k < partial->reports && !known; k++) {
			known = memcmp(&partial->reporter[k], &relay->info->id,
			                sizeof relay->info->id) == 0;
		}
		if (silent && !known) {
			partial->reporter[partial->reports++] = relay->info->id;
		}
	}
}

static void
tell_subject(struct shoal_core *core, const struct shoal_partial *partial, uint32_t slot)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_partial message = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = partial->id,
	        .since_ms = (core->now - partial->failing_since) / SHOAL_MS(1),
	        .reports = partial->reports};
	struct shoal_pending *pending = shoal_send_to(core, SHOAL_SEND_DATAGRAM, slot, 0);

	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_PARTIAL, &message);
		shoal_count(core, SHOAL_COUNTER_PARTIALS_OUT);
	}
}

bool
shoal_partial_withholds(struct shoal_core *core, const struct shoal_probe *probe)
{
	struct shoal_suspicion_span span =
	        shoal_suspicion_span(&core->profile, shoal_members_n(core));
	uint32_t others = shoal_members_n(core) - 2, needed = span.wanted + 2;
	struct shoal_partial *partial =
	        shoal_slab_at(&core->partials.slab, find(core, &probe->target));

#ifdef SHOAL_PLANT_DIAGNOSED_ACCUSED
	return false;
#endif
	if (partial == NULL || partial->refuted < REFUTATIONS_ENOUGH) {
		return false;
	}
	needed = needed < others ? needed : others;
	if (partial->failing_since == 0) {
		partial->failing_since = probe->begun;
	}
	partial->used = core->now;
	partial->well_since = 0;
	count_reports(core, partial, probe);
	if (partial->reports >= needed || core->now - partial->failing_since >= span.most) {
		partial->failing_since = 0;
		partial->reports = 0;
		return false;
	}
	tell_subject(core, partial, probe->slot);
	/* One try at a time, though the rounds come to it too. */
	if (shoal_probe_find(core, partial->again) == NULL) {
		const struct shoal_probe *again =
		        shoal_probe_begin(core, probe->slot, SHOAL_PROBE_ROUND);
		partial->again = again != NULL ? again->seq : 0;
	}
	return true;
}

void
shoal_partial_on_message(struct shoal_core *core, const struct shoal_msg_partial *message)
{
	struct shoal_partials *partials = &core->partials;
	const struct shoal_id *self = &shoal_members_at(core, SHOAL_SELF)->info->id;
	const struct shoal_record *teller =
	        shoal_members_at(core, shoal_members_find(core, &message->id));
	struct shoal_log_line line;

	if (memcmp(&message->target, self, sizeof *self) != 0) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		return;
	}
	if (teller == NULL || !shoal_members_counts(teller)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_PARTIALS_IN);
	shoal_reach_missed(core, &message->id, true);
	for (uint32_t i = 0; i < partials->tellers; i++) {
		if (memcmp(&partials->teller[i], &message->id, sizeof message->id) == 0) {
			return;
		}
	}
	if (partials->tellers == SHOAL_REPORTS_MAX) {
		memmove(partials->teller, partials->teller + 1,
		        (SHOAL_REPORTS_MAX - 1) * sizeof partials->teller[0]);
		partials->tellers--;
	}
	partials->teller[partials->tellers++] = message->id;
	if (shoal_log_begin(core, &line, SHOAL_LOG_WARN, "partial")) {
		log_name(core, &line, &message->id);
		shoal_text_str(&line.text, " cannot reach this member, and ");
		shoal_text_u64(&line.text, message->reports);
		shoal_text_str(&line.text, message->reports == 1 ? " other" : " others");
		shoal_text_str(&line.text, " that it asked cannot either");
	}
}
