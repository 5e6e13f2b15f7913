/* SPDX-License-Identifier: MIT */
/* Statements about members: both wire forms become one struct, admission (statement.c) gives the
 * verdict, and each verdict has one function here. Every change of a member that others caused
 * passes through this file. */
#include "core/learn.h"

#include <string.h>

#include "base/addr.h"
#include "base/text.h"
#include "core/check.h"
#include "core/event.h"
#include "core/grave.h"
#include "core/node.h"
#include "core/statement.h"
#include "core/suspicion.h"

/* Unconfirmed members that one teller may be the source of. */
#define UNKNOWN_PER_TELLER 16
/* Seconds between two starts that count as one start of many. */
#define STARTED_TOGETHER_S 60

/* A statement in either form. */
struct statement {
	struct shoal_told told;
	const struct shoal_id *id;
	uint64_t age_ns;
	uint64_t refused_ns; /* the verdict's age; 0: none */
	const struct shoal_id_list *accusers;
	const struct shoal_msg_member *member; /* NULL: the short form */
	bool inbound;
};

/* What was held when a newer statement came. */
struct before {
	enum shoal_state state;
	bool restarted; /* the statement is of another instance */
	bool newer;     /* of another incarnation or instance */
	bool changed;   /* what it says of the member is not what was held */
	bool turned;    /* so is whether it can be dialled */
};

static struct shoal_cause
cause_by(const struct shoal_teller *teller)
{
	static const enum shoal_cause_kind kinds[] = {
	        [SHOAL_PATH_GOSSIP] = SHOAL_CAUSE_GOSSIP,
	        [SHOAL_PATH_SYNC] = SHOAL_CAUSE_SYNC,
	        [SHOAL_PATH_ASKED] = SHOAL_CAUSE_JOIN,
	        [SHOAL_PATH_JOIN] = SHOAL_CAUSE_JOIN,
	};
	return shoal_cause_of(kinds[teller->path], &teller->id);
}

struct shoal_record *
shoal_learn_teller(struct shoal_core *core, const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, teller->slot);
	bool same =
	        record != NULL && memcmp(&record->info->id, &teller->id, sizeof teller->id) == 0;
	return same ? record : NULL;
}

static void
note_heard(struct shoal_core *core, struct shoal_record *record, const struct statement *said)
{
	shoal_members_hear(
	        core, record, core->now - (said->age_ns < core->now ? said->age_ns : core->now));
}

static void
accuse_all(struct shoal_core *core, uint32_t slot, const struct statement *said,
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
move_leaving(struct shoal_core *core, uint32_t slot, const struct statement *said,
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

/* What the table of a seed tells is no news to others, but for members that started about when this
 * one did: where many start at once, those who came between them have not heard of each other. */
static bool
is_contemporary(const struct shoal_core *core, const struct shoal_record *record)
{
	uint64_t mine = shoal_members_at(core, SHOAL_SELF)->incarnation >> 32;

	return (record->incarnation >> 32) + STARTED_TOGETHER_S >= mine;
}

/* Newer word that it lives: a newcomer, a refutation, a restart, or a change of what it says of
 * itself. */
static void
revive(struct shoal_core *core, uint32_t slot, const struct statement *said,
        const struct shoal_teller *teller, const struct before *before)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cause cause = cause_by(teller);
	enum shoal_event_kind kind = SHOAL_EVENT_ALIVE;

	note_heard(core, record, said);
	if (before->state == SHOAL_STATE_UNKNOWN || (record->flags & SHOAL_RECORD_SILENT) != 0) {
		kind = SHOAL_EVENT_JOIN;
	} else if (before->state == SHOAL_STATE_ALIVE) {
		bool update = before->changed || before->turned;
		kind = update ? SHOAL_EVENT_UPDATE : (enum shoal_event_kind)0;
	}
	if (before->restarted) {
		cause.kind = SHOAL_CAUSE_RESTARTED;
	} else if (before->state == SHOAL_STATE_SUSPECT || before->state == SHOAL_STATE_DEAD) {
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
	shoal_members_move(core, slot, SHOAL_STATE_ALIVE, kind, &cause);
	if (teller->path != SHOAL_PATH_ASKED || is_contemporary(core, record)) {
		bool known =
		        before->state == SHOAL_STATE_ALIVE || before->state == SHOAL_STATE_SUSPECT;
		if (known && !before->restarted && !before->changed) {
			shoal_gossip_raise(core, slot);
		} else {
			shoal_gossip_add(core, slot);
		}
	}
}

/* A death that counts at once: by a verdict, or because this observer has had its own doubt for
 * long enough. */
static void
bury(struct shoal_core *core, uint32_t slot, const struct statement *said,
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
entomb(struct shoal_core *core, uint32_t slot, const struct statement *said,
        const struct before *before, struct shoal_cause *cause)
{
	enum shoal_state state = said->told.claim.state;
	bool silent = (shoal_members_at(core, slot)->flags & SHOAL_RECORD_SILENT) != 0;
	enum shoal_event_kind kind =
	        state == SHOAL_STATE_DEAD ? SHOAL_EVENT_FAILED : SHOAL_EVENT_LEFT;

	if (silent || before->state == state) {
		kind = (enum shoal_event_kind)0;
	}
	if (shoal_grave_dig(core, slot, state, kind, cause, said->age_ns)) {
		shoal_gossip_add(core, slot);
	}
}

/* The state of a newer statement, after what it says of the member itself is stored. */
static void
apply_state(struct shoal_core *core, uint32_t slot, const struct statement *said,
        const struct shoal_teller *teller, const struct before *before)
{
	struct shoal_cause cause = cause_by(teller);
	bool gone = shoal_state_is_gone(before->state);

	switch (said->told.claim.state) {
	case SHOAL_STATE_ALIVE:
		revive(core, slot, said, teller, before);
		break;
	case SHOAL_STATE_SUSPECT:
		if (before->state == SHOAL_STATE_ALIVE
		                ? before->changed || before->turned
		                : before->state != SHOAL_STATE_SUSPECT || before->newer) {
			revive(core, slot, said, teller, before);
		}
		accuse_all(core, slot, said, &cause);
		break;
	case SHOAL_STATE_DEAD:
		if (gone) {
			entomb(core, slot, said, before, &cause);
		} else {
			bury(core, slot, said, &cause);
		}
		break;
	case SHOAL_STATE_LEAVING:
		if (before->state == SHOAL_STATE_UNKNOWN || gone) {
			revive(core, slot, said, teller, before);
		}
		move_leaving(core, slot, said, &cause);
		break;
	case SHOAL_STATE_LEFT:
		cause.kind = SHOAL_CAUSE_LEAVE;
		entomb(core, slot, said, before, &cause);
		break;
	case SHOAL_STATE_UNKNOWN:
		break;
	}
}

/* Takes a newer statement over. */
static void
apply(struct shoal_core *core, uint32_t slot, const struct statement *said,
        const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct before before = {.state = (enum shoal_state)record->state};

	before.restarted = before.state != SHOAL_STATE_UNKNOWN &&
	                   shoal_members_salt(record) != said->told.claim.salt;
	before.turned = shoal_members_inbound(record) != said->inbound;
	before.newer = before.restarted || said->told.claim.incarnation != record->incarnation;
	uint64_t heir_of =
	        before.restarted ? shoal_identity_heritage(core, slot, said->member, teller) : 0;
	if (said->member == NULL) {
		record->incarnation = said->told.claim.incarnation;
		shoal_members_set_inbound(record, said->inbound);
		shoal_tree_touch(core, slot);
	} else if (shoal_members_update(core, slot, said->member, &before.changed) != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	if (before.turned) {
		shoal_watch_changed(core);
	}
	apply_state(core, slot, said, teller, &before);
	if (heir_of != 0) {
		shoal_identity_tell_heir(core, slot, heir_of);
	}
}

/* A record for one that was not known. SHOAL_NONE: a limit was reached. */
static uint32_t
meet(struct shoal_core *core, const struct statement *said)
{
	uint32_t slot;
	int rc = shoal_members_add(core, said->member, &slot);

	if (rc != SHOAL_OK) {
		shoal_count(core, rc == SHOAL_ERR_LIMIT ? SHOAL_COUNTER_DROP_MEMBERS_FULL
		                                        : SHOAL_COUNTER_DROP_NOMEM);
		return SHOAL_NONE;
	}
	return slot;
}

/* Somebody who died or left before this observer ever knew it: remembered, so that an old statement
 * cannot bring it back. */
static void
remember(struct shoal_core *core, uint32_t slot, const struct statement *said)
{
	const struct shoal_members *members = &core->members;
	const struct shoal_profile *profile = &core->profile;
	uint64_t whole = shoal_ms(profile->tombstone_ms);

	if (said->age_ns >= whole / 2) {
		shoal_count(core, SHOAL_COUNTER_DROP_TOMBSTONE_OLD);
		return;
	}
	if (members->graves.count >= profile->tombstones_max &&
	        core->now + whole - said->age_ns <= shoal_heap_next(&members->graves)) {
		shoal_count(core, SHOAL_COUNTER_DROP_TOMBSTONE_OLD);
		return;
	}
	bool known = slot != SHOAL_NONE, changed;
	if (!known) {
		slot = meet(core, said);
	}
	if (slot == SHOAL_NONE) {
		return;
	}
	if (known && shoal_members_update(core, slot, said->member, &changed) != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	if (shoal_grave_dig(core, slot, said->told.claim.state, 0, NULL, said->age_ns)) {
		shoal_members_at(core, slot)->flags |= SHOAL_RECORD_SILENT;
	} else if (!known && shoal_members_find(core, said->id) == slot) {
		shoal_members_remove(core, slot); /* for want of memory */
	}
}

/* Hearsay about one that is unknown: kept unconfirmed, within bounds, and probed. */
static void
hear_of(struct shoal_core *core, const struct statement *said, const struct shoal_teller *teller)
{
	struct shoal_record *reporter = shoal_learn_teller(core, teller);
	uint32_t unknown = core->members.count[SHOAL_STATE_UNKNOWN];

	if (unknown >= core->profile.unknown_max || reporter == NULL ||
	        shoal_members_reported(reporter) >= UNKNOWN_PER_TELLER) {
		shoal_count(core, SHOAL_COUNTER_DROP_UNKNOWN_FULL);
		return;
	}
	uint32_t slot = meet(core, said);
	if (slot == SHOAL_NONE) {
		return;
	}
	struct shoal_hold *hold = shoal_members_hold_take(core, slot);
	if (hold == NULL) {
		shoal_members_remove(core, slot);
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	hold->from = teller->id;
	reporter = shoal_learn_teller(core, teller); /* meeting one may have cost a tombstone */
	if (reporter != NULL) {
		reporter->both = (uint8_t)(reporter->both + SHOAL_RECORD_REPORTED);
	}
	shoal_members_hold_until(core, slot, core->now + SHOAL_UNKNOWN_KEPT);
	shoal_check_queue(core, slot, &teller->id, &said->told.claim);
}

/* The same statement again: what it adds. */
static void
add_to(struct shoal_core *core, uint32_t slot, const struct statement *said,
        const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cause cause = cause_by(teller);

	switch ((enum shoal_state)record->state) {
	case SHOAL_STATE_ALIVE:
		note_heard(core, record, said);
		break;
	case SHOAL_STATE_SUSPECT:
		accuse_all(core, slot, said, &cause);
		break;
	case SHOAL_STATE_DEAD:
	case SHOAL_STATE_LEFT:
		shoal_grave_raise_age(core, slot, said->age_ns);
		break;
	default:
		break;
	}
}

/* Contradicts: an incarnation above what was said, at once to everyone (SWIM 4.2). */
static void
refute(struct shoal_core *core, const struct statement *said, const struct shoal_teller *teller)
{
	struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	bool accused = said->told.claim.state == SHOAL_STATE_SUSPECT ||
	               said->told.claim.state == SHOAL_STATE_DEAD;

#ifdef SHOAL_PLANT_UNREFUTED
	return;
#endif
	if (said->told.claim.incarnation == UINT64_MAX ||
	        (core->leave.phase != SHOAL_LEAVE_NOT &&
	                said->told.claim.state == SHOAL_STATE_LEFT)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		return;
	}
	bool mine = said->told.claim.salt == shoal_members_salt(self);
	bool succeeded = !mine && core->leave.phase != SHOAL_LEAVE_NOT; /* by a next run of it */
	if (succeeded || (!mine && !shoal_identity_may_outbid(core))) {
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		return;
	}
	if (accused && mine) {
		shoal_observe_ns(core, SHOAL_HISTOGRAM_REFUTATION_OWN, said->age_ns);
		shoal_probe_health(core, 1);
	}
	shoal_identity_rise(core, said->told.claim.incarnation);
	if (accused && mine && shoal_members_inbound(self)) {
		shoal_watch_renew(core);
	}
	if (mine) {
		shoal_gossip_raise(core, SHOAL_SELF);
	} else {
		shoal_gossip_add(core, SHOAL_SELF);
	}
	struct shoal_record *record = shoal_learn_teller(core, teller);
	bool directly = core->profile.belief != 0 || said->told.claim.state != SHOAL_STATE_SUSPECT;
	if (record != NULL && record->state != SHOAL_STATE_UNKNOWN && directly) {
		record->flags |= SHOAL_RECORD_REMIND;
		shoal_send_gossip(core, teller->slot, SHOAL_FILL_SELF, SHOAL_NONE);
	}
}

/* It told of somebody alive whom this observer holds dead, on an old statement. A tombstone that is
 * too old to be in tables is in the next one all the same, so that its subject hears of it and can
 * refute. */
static void
answer(struct shoal_core *core, uint32_t slot, const struct shoal_teller *teller)
{
	shoal_count(core, SHOAL_COUNTER_DROP_STALE);
	if (teller->path == SHOAL_PATH_SYNC) {
		shoal_walk_tell_old(core, slot);
	}
}

static void
remind(struct shoal_core *core, const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_learn_teller(core, teller);
	if (record != NULL) {
		record->flags |= SHOAL_RECORD_REMIND;
	}
}

/* Accusers that are members here, each once. */
static uint32_t
count_accusers(const struct shoal_core *core, const struct statement *said)
{
	const struct shoal_id *by = said->accusers->item;
	uint32_t count = 0;

	for (size_t i = 0; i < said->accusers->count; i++) {
		bool counts = memcmp(&by[i], said->id, sizeof *by) != 0 &&
		              shoal_weight_of(core, &by[i]) != 0;
		for (size_t k = 0; k < i && counts; k++) {
			counts = memcmp(&by[i], &by[k], sizeof *by) != 0;
		}
		count += counts;
	}
	return count;
}

/* Whether a death carries the verdict of as many as it takes, about the instance that is held,
 * recent, and younger than anything that was heard from it. */
static bool
is_verdict(const struct shoal_core *core, uint32_t slot, const struct statement *said)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

#ifdef SHOAL_PLANT_VERDICT_OLD
	return said->told.claim.state == SHOAL_STATE_DEAD && said->refused_ns != 0;
#endif
	return said->told.claim.state == SHOAL_STATE_DEAD && said->refused_ns != 0 &&
	       said->refused_ns <= SHOAL_VERDICT_COUNTS &&
	       said->told.claim.salt == shoal_members_salt(record) &&
	       shoal_members_heard(core, record) <= core->now - said->refused_ns &&
	       count_accusers(core, said) >= shoal_inquest_needs(shoal_members_n(core));
}

static void
learn(struct shoal_core *core, struct statement *said, const struct shoal_teller *teller)
{
	uint32_t slot = shoal_members_find(core, said->id);
	struct shoal_view view = {.known = slot != SHOAL_NONE, .self = slot == SHOAL_SELF};

	if (view.known) {
		view.held = shoal_members_claim(shoal_members_at(core, slot));
		view.doubted = shoal_suspicion_is_old(core, slot);
		view.settled = shoal_check_is_settled(core, slot);
	}
	view.credulous = core->profile.verify_deaths == 0;
	said->told.refused = view.known && is_verdict(core, slot, said);
	said->told.full = said->member != NULL;
	said->told.fresh = teller->path == SHOAL_PATH_ASKED ||
	                   said->age_ns <= shoal_ms(core->profile.hearsay_ms);
#ifdef SHOAL_PLANT_HEARSAY_COUNTS
	said->told.fresh = true;
#endif
	shoal_count(core, SHOAL_COUNTER_STATEMENTS_IN);

	if (view.self && said->told.claim.salt != view.held.salt &&
	        shoal_identity_asks(core, &said->told.claim, said->member)) {
		return;
	}
	switch (shoal_statement_admit(&view, &said->told)) {
	case SHOAL_VERDICT_STALE:
		/* It is not taken over, but if it lives, both must hear of it. */
		(void)shoal_identity_defers(core, slot, said->member, teller);
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		break;
	case SHOAL_VERDICT_IGNORE:
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		break;
	case SHOAL_VERDICT_SAME:
		add_to(core, slot, said, teller);
		break;
	case SHOAL_VERDICT_APPLY:
		if (view.known && shoal_identity_defers(core, slot, said->member, teller)) {
			break;
		}
		slot = view.known ? slot : meet(core, said);
		if (slot != SHOAL_NONE) {
			apply(core, slot, said, teller);
		}
		break;
	case SHOAL_VERDICT_VERIFY:
		shoal_check_queue(core, slot, &teller->id, &said->told.claim);
		break;
	case SHOAL_VERDICT_CHECK:
		if (view.known) {
			shoal_check_queue(core, slot, &teller->id, &said->told.claim);
		} else {
			hear_of(core, said, teller);
		}
		break;
	case SHOAL_VERDICT_BURY:
		remember(core, slot, said);
		break;
	case SHOAL_VERDICT_ANSWER:
		answer(core, slot, teller);
		break;
	case SHOAL_VERDICT_REFUTE:
		refute(core, said, teller);
		break;
	case SHOAL_VERDICT_REMIND:
		remind(core, teller);
		break;
	}
}

uint64_t
shoal_learn_age(uint64_t age_ms)
{
	const uint64_t most = UINT64_C(1) << 30; /* 12 days: any sum with a time of the core fits */
	return SHOAL_MS(age_ms < most ? age_ms : most);
}

/* A link-local address is meant on the link that it came by. */
static void
scope_addresses(struct shoal_addr_list *addrs, const struct shoal_addr *from)
{
	for (size_t i = 0; i < addrs->count; i++) {
		struct shoal_addr *addr = &addrs->item[i];
		if (addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0x80) {
			addr->scope = from->scope;
		}
	}
}

void
shoal_learn_member(
        struct shoal_core *core, struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	struct statement said = {
	        .told.claim = {member->incarnation, shoal_salt_short(&member->salt),
	                (enum shoal_state)member->state},
	        .id = &member->id,
	        .age_ns = shoal_learn_age(member->age_ms),
	        .refused_ns = shoal_learn_age(member->refused_ms),
	        .accusers = &member->accusers,
	        .member = member,
	        .inbound = member->inbound != 0};

	scope_addresses(&member->addrs, &teller->from);
	learn(core, &said, teller);
}

void
shoal_learn_state(struct shoal_core *core, const struct shoal_msg_state *state,
        const struct shoal_teller *teller)
{
	struct statement said = {
	        .told.claim = {state->incarnation, state->salt, (enum shoal_state)state->state},
	        .id = &state->id,
	        .age_ns = shoal_learn_age(state->age_ms),
	        .refused_ns = shoal_learn_age(state->refused_ms),
	        .accusers = &state->accusers,
	        .inbound = state->inbound != 0};

	learn(core, &said, teller);
}
