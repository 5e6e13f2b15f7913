/* SPDX-License-Identifier: MIT */
/* What a statement that counts does to the member that it is about. */
#include "core/table/apply.h"

#include <string.h>

#include "base/text.h"
#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/forget.h"
#include "core/table/grave.h"
#include "core/table/rival.h"

/* Seconds between two starts that count as one start of many. */
#define STARTED_TOGETHER_S 60

/* What was held when a newer statement came. */
struct before {
	enum shoal_state state;
	bool restarted;   /* the statement is of another instance */
	bool newer;       /* of another incarnation or instance */
	unsigned changed; /* what is told of it is not what was held: enum shoal_change */
};

struct shoal_cause
shoal_apply_cause(const struct shoal_teller *teller)
{
	static const enum shoal_cause_kind kinds[] = {
	        [SHOAL_PATH_GOSSIP] = SHOAL_CAUSE_GOSSIP,
	        [SHOAL_PATH_SYNC] = SHOAL_CAUSE_SYNC,
	        [SHOAL_PATH_ASKED] = SHOAL_CAUSE_JOIN,
	        [SHOAL_PATH_JOIN] = SHOAL_CAUSE_JOIN,
	};
	return shoal_cause_of(kinds[teller->path], &teller->id);
}

static void
note_heard(struct shoal_core *core, struct shoal_record *record, const struct shoal_said *said)
{
	shoal_members_hear(
	        core, record, core->now - (said->age_ns < core->now ? said->age_ns : core->now));
}

static void
accuse_all(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_cause *cause)
{
	for (size_t i = 0; i < said->accusers->count; i++) {
		shoal_suspicion_accuse(core, slot, &said->accusers->item[i], cause);
	}
	if (said->accusers->count == 0) {
		shoal_suspicion_accuse(core, slot, &cause->from, cause);
	}
}

/* It has until the time-out that it gave, and the shortest suspicion more, to say left. */
static void
move_leaving(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        struct shoal_cause *cause)
{
	struct shoal_suspicion_span span =
	        shoal_suspicion_span(&core->profile, shoal_members_n(core));
	uint64_t wait = said->age_ns < SHOAL_SEC(600) ? said->age_ns : SHOAL_SEC(600);

	if (shoal_members_hold_take(core, slot) == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	cause->kind = SHOAL_CAUSE_LEAVE;
	bool news = shoal_members_at(core, slot)->state != SHOAL_STATE_LEAVING;
	shoal_members_move(core, slot, SHOAL_STATE_LEAVING,
	        news ? SHOAL_EVENT_LEAVING : (enum shoal_event_kind)0, cause);
	shoal_members_hold(core, shoal_members_at(core, slot))->told_end = core->now + wait;
	shoal_members_hold_until(core, slot, core->now + wait + span.least);
	shoal_gossip_add(core, slot);
}

bool
shoal_apply_spreads(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_teller *teller)
{
	uint64_t mine = shoal_members_at(core, SHOAL_SELF)->incarnation >> 32;

	return teller->path != SHOAL_PATH_ASKED || record->news != SHOAL_NONE ||
	       (record->incarnation >> 32) + STARTED_TOGETHER_S >= mine;
}

/* Newer word that it lives: a newcomer, a refutation, a restart, or a change of what it says of
 * itself. */
static void
revive(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller, const struct before *before)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cause cause = shoal_apply_cause(teller);
	enum shoal_event_kind kind = SHOAL_EVENT_ALIVE;

	note_heard(core, record, said);
	if (before->state == SHOAL_STATE_UNKNOWN || (record->flags & SHOAL_RECORD_SILENT) != 0) {
		kind = SHOAL_EVENT_JOIN;
	} else if (before->state == SHOAL_STATE_ALIVE) {
		kind = (enum shoal_event_kind)0;
	}
	if (before->restarted) {
		cause.kind = SHOAL_CAUSE_RESTARTED;
	} else if (kind != SHOAL_EVENT_JOIN &&
	           (before->state == SHOAL_STATE_SUSPECT || before->state == SHOAL_STATE_DEAD)) {
		cause.kind = SHOAL_CAUSE_REFUTED;
		cause.after_ns = shoal_members_age(core, record);
		shoal_count(core, SHOAL_COUNTER_REFUTATIONS);
		shoal_observe_ns(core, SHOAL_HISTOGRAM_REFUTATION, cause.after_ns);
		if (before->state == SHOAL_STATE_SUSPECT) {
			shoal_observe_ns(core, SHOAL_HISTOGRAM_SUSPICION, cause.after_ns);
		}
	}
	if (!before->restarted) {
		shoal_gone_refuted(core, slot);
	}
	if (before->state == SHOAL_STATE_SUSPECT) {
		shoal_suspicion_refuted(core, slot, before->restarted);
	}
	shoal_members_owe(core, slot, before->changed);
	shoal_members_move(core, slot, SHOAL_STATE_ALIVE, kind, &cause);
	if (kind == 0 && before->changed != 0) {
		shoal_event_update(core, slot, before->changed, &cause);
	}
	if (shoal_apply_spreads(core, record, teller)) {
		bool known =
		        before->state == SHOAL_STATE_ALIVE || before->state == SHOAL_STATE_SUSPECT;
		if (known && !before->restarted &&
		        (before->changed & ~(unsigned)SHOAL_CHANGE_INBOUND) == 0) {
			shoal_gossip_raise(core, slot);
		} else {
			shoal_gossip_add(core, slot);
		}
	}
}

/* A death that counts at once: by a verdict, or because this observer has had its own doubt for
 * long enough. */
static void
bury(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        struct shoal_cause *cause)
{
	if (said->told.refused) {
		struct shoal_text text;
		cause->kind = SHOAL_CAUSE_REFUSED;
		shoal_text_init(&text, cause->detail, sizeof cause->detail);
		shoal_text_str(&text, "the first refusal ");
		shoal_text_duration(&text, said->refused_ns);
		shoal_text_str(&text, " ago");
		shoal_suspicion_convict(
		        core, slot, core->now - said->refused_ns, said->accusers, cause);
		return;
	}
	for (size_t i = 0; i < said->accusers->count; i++) {
		shoal_suspicion_accuse(core, slot, &said->accusers->item[i], cause);
	}
	cause->after_ns = shoal_members_age(core, shoal_members_at(core, slot));
	shoal_suspicion_bury(core, slot, cause);
}

/* It is dead or left, by a newer word about a tombstone or by its own. */
static void
entomb(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller, const struct before *before, struct shoal_cause *cause)
{
	enum shoal_state state = said->told.claim.state;
	bool silent = (shoal_members_at(core, slot)->flags & SHOAL_RECORD_SILENT) != 0;
	enum shoal_event_kind kind =
	        state == SHOAL_STATE_DEAD ? SHOAL_EVENT_FAILED : SHOAL_EVENT_LEFT;

	if (silent || before->state == state) {
		kind = (enum shoal_event_kind)0;
	}
	if (before->restarted) {
		shoal_forget_not(core, slot);
	}
	if (shoal_grave_dig(core, slot, state, kind, cause, said->age_ns)) {
		shoal_members_hold(core, shoal_members_at(core, slot))->unasked |=
		        before->restarted;
		shoal_gossip_add(core, slot);
		if (said->forgotten) {
			shoal_forget_told(core, slot, said, teller);
		}
	}
}

/* It said so itself; or, where there are accusers, these found another member at its address. */
static void
leave(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller, const struct before *before, struct shoal_cause *cause)
{
	const struct shoal_id_list *by = said->accusers;

	cause->kind = by->count > 0 ? SHOAL_CAUSE_REPLACED : SHOAL_CAUSE_LEAVE;
	for (size_t i = 0; i < by->count; i++) {
		shoal_cause_accuse(core, cause, &by->item[i]);
	}
	entomb(core, slot, said, teller, before, cause);
	if (shoal_members_find(core, said->id) != slot) {
		return; /* there was no room for the tombstone */
	}
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_hold *hold = shoal_members_hold(core, record);
	if (hold != NULL && record->state == SHOAL_STATE_LEFT) {
		hold->replaced = by->count > 0;
		hold->doubters = (uint8_t)by->count;
		memcpy(hold->doubter, by->item, by->count * sizeof by->item[0]);
	}
}

/* What else changed with a statement that does not revive: told before its state is, or with the
 * next one where it is not plainly alive. */
static void
note_changes(struct shoal_core *core, uint32_t slot, const struct before *before,
        const struct shoal_cause *cause)
{
	if (before->state != SHOAL_STATE_ALIVE) {
		shoal_members_owe(core, slot, before->changed);
	} else if (before->changed != 0) {
		shoal_event_update(core, slot, before->changed, cause);
	}
}

/* The state of a newer statement, after what it says of the member itself is stored. */
static void
apply_state(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller, const struct before *before)
{
	struct shoal_cause cause = shoal_apply_cause(teller);
	bool gone = shoal_state_is_gone(before->state);

	switch (said->told.claim.state) {
	case SHOAL_STATE_ALIVE:
		revive(core, slot, said, teller, before);
		break;
	case SHOAL_STATE_SUSPECT:
		if (before->state == SHOAL_STATE_ALIVE
		                ? before->changed != 0
		                : before->state != SHOAL_STATE_SUSPECT || before->newer) {
			revive(core, slot, said, teller, before);
		} else {
			note_changes(core, slot, before, &cause);
		}
		accuse_all(core, slot, said, &cause);
		break;
	case SHOAL_STATE_DEAD:
		note_changes(core, slot, before, &cause);
		if (gone) {
			entomb(core, slot, said, teller, before, &cause);
		} else {
			bury(core, slot, said, &cause);
		}
		break;
	case SHOAL_STATE_LEAVING:
		if (before->state == SHOAL_STATE_UNKNOWN || gone) {
			revive(core, slot, said, teller, before);
		} else {
			note_changes(core, slot, before, &cause);
		}
		move_leaving(core, slot, said, &cause);
		break;
	case SHOAL_STATE_LEFT:
		note_changes(core, slot, before, &cause);
		leave(core, slot, said, teller, before, &cause);
		break;
	case SHOAL_STATE_UNKNOWN:
		break;
	}
}

void
shoal_apply(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct before before = {.state = (enum shoal_state)record->state};

	before.restarted = before.state != SHOAL_STATE_UNKNOWN &&
	                   shoal_members_salt(record) != said->told.claim.salt;
	bool turned = shoal_members_inbound(record) != said->inbound;
	before.newer = before.restarted || said->told.claim.incarnation != record->incarnation;
	uint64_t heir_of =
	        before.restarted ? shoal_rival_heritage(core, slot, said->member, teller) : 0;
	if (said->member == NULL) {
		record->incarnation = said->told.claim.incarnation;
		shoal_members_set_inbound(record, said->inbound);
		shoal_tree_touch(core, slot);
	} else if (shoal_members_update(core, slot, said->member, &before.changed) != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	if (turned) {
		before.changed |= SHOAL_CHANGE_INBOUND;
		shoal_watch_changed(core);
	}
	apply_state(core, slot, said, teller, &before);
	if (heir_of != 0) {
		shoal_rival_tell_heir(core, slot, heir_of);
	}
}

void
shoal_apply_again(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cause cause = shoal_apply_cause(teller);

	switch ((enum shoal_state)record->state) {
	case SHOAL_STATE_ALIVE:
		note_heard(core, record, said);
		break;
	case SHOAL_STATE_SUSPECT:
		accuse_all(core, slot, said, &cause);
		break;
	case SHOAL_STATE_DEAD:
	case SHOAL_STATE_LEFT:
		shoal_forget_told(core, slot, said, teller);
		break;
	default:
		break;
	}
}
