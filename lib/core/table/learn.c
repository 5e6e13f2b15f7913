/* SPDX-License-Identifier: MIT */
/* Statements about members: both wire forms become one struct, admission (statement.c) gives the
 * verdict, and each verdict has one function, here or in apply.c. Every change of a member that
 * others caused passes through this file. */
#include "core/table/learn.h"

#include <string.h>

#include "core/detect/check.h"
#include "core/detect/suspicion.h"
#include "core/node.h"
#include "core/table/apply.h"
#include "core/table/forget.h"
#include "core/table/grave.h"
#include "core/table/move.h"
#include "core/table/rival.h"
#include "core/table/statement.h"

/* Unconfirmed members that one teller may be the source of. */
#define UNKNOWN_PER_TELLER 16

struct shoal_record *
shoal_learn_teller(struct shoal_core *core, const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, teller->slot);
	bool same =
	        record != NULL && memcmp(&record->info->id, &teller->id, sizeof teller->id) == 0;
	return same ? record : NULL;
}

/* A record for one that was not known. SHOAL_NONE: a limit was reached. */
static uint32_t
meet(struct shoal_core *core, const struct shoal_said *said)
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
remember(struct shoal_core *core, uint32_t slot, const struct shoal_said *said)
{
	const struct shoal_members *members = &core->members;
	const struct shoal_profile *profile = &core->profile;
	uint64_t whole = shoal_ms(profile->tombstone_ms);

	if (said->age_ns >= whole / 2 || said->forgotten) {
		shoal_count(core, SHOAL_COUNTER_DROP_TOMBSTONE_OLD);
		return;
	}
	if (members->graves.count >= profile->tombstones_max &&
	        core->now + whole - said->age_ns <= shoal_heap_next(&members->graves)) {
		shoal_count(core, SHOAL_COUNTER_DROP_TOMBSTONE_OLD);
		return;
	}
	bool known = slot != SHOAL_NONE;
	unsigned changed;
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
hear_of(struct shoal_core *core, const struct shoal_said *said, const struct shoal_teller *teller)
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

/* Contradicts: an incarnation above what was said, at once to everyone (SWIM 4.2). */
static void
refute(struct shoal_core *core, const struct shoal_said *said, const struct shoal_teller *teller)
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
		for (size_t i = 0; i < said->accusers->count; i++) {
			shoal_reach_missed(core, &said->accusers->item[i], true);
		}
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
count_accusers(const struct shoal_core *core, const struct shoal_said *said)
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
is_verdict(const struct shoal_core *core, uint32_t slot, const struct shoal_said *said)
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
judge(struct shoal_core *core, uint32_t slot, struct shoal_said *said,
        const struct shoal_teller *teller, enum shoal_verdict verdict)
{
	bool known = slot != SHOAL_NONE;

	switch (verdict) {
	case SHOAL_VERDICT_STALE:
		/* It is not taken over, but if it lives, both must hear of it. */
		(void)shoal_rival_waits(core, slot, said->member, teller, false);
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		shoal_forget_answer(core, slot, teller);
		break;
	case SHOAL_VERDICT_IGNORE:
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		break;
	case SHOAL_VERDICT_SAME:
		shoal_apply_again(core, slot, said, teller);
		break;
	case SHOAL_VERDICT_APPLY:
		if (known && shoal_rival_waits(core, slot, said->member, teller, true)) {
			break;
		}
		slot = known ? slot : meet(core, said);
		if (slot != SHOAL_NONE) {
			shoal_apply(core, slot, said, teller);
		}
		break;
	case SHOAL_VERDICT_VERIFY:
		shoal_check_queue(core, slot, &teller->id, &said->told.claim);
		break;
	case SHOAL_VERDICT_CHECK:
		if (known) {
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

static void
learn(struct shoal_core *core, struct shoal_said *said, const struct shoal_teller *teller)
{
	uint32_t slot = shoal_members_find(core, said->id);
	struct shoal_view view = {.known = slot != SHOAL_NONE, .self = slot == SHOAL_SELF};

	if (view.known) {
		view.held = shoal_members_claim(shoal_members_at(core, slot));
		view.doubted = shoal_suspicion_is_old(core, slot);
		view.settled = shoal_check_is_settled(core, slot);
	}
	if (view.known && !shoal_allow_word(core, slot, said->told.claim.state)) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOT_ALLOWED);
		return;
	}
	said->was = view.held.state;
	view.credulous = core->profile.verify_deaths == 0;
	said->told.refused = view.known && is_verdict(core, slot, said);
	said->told.full = said->member != NULL;
	said->told.fresh = teller->path == SHOAL_PATH_ASKED || teller->checked ||
	                   said->age_ns <= shoal_ms(core->profile.hearsay_ms) + teller->waited;
#ifdef SHOAL_PLANT_HEARSAY_COUNTS
	said->told.fresh = true;
#endif
	shoal_count(core, SHOAL_COUNTER_STATEMENTS_IN);

	if (view.self && said->told.claim.salt != view.held.salt &&
	        shoal_identity_asks(core, &said->told.claim, said->member)) {
		return;
	}
	enum shoal_verdict verdict = shoal_statement_admit(&view, &said->told);
	/* Who joins may have to hear first that what is held of it is newer. */
	bool joins = teller->path == SHOAL_PATH_JOIN &&
	             memcmp(&teller->id, said->id, sizeof teller->id) == 0;
	bool counts = joins || verdict == SHOAL_VERDICT_APPLY ||
	              (verdict == SHOAL_VERDICT_CHECK && !view.known);
	/* The host is asked about a new instance elsewhere once the known one was found silent, and
	 * about who joins at once, for that one waits for the answer. */
	if (!joins && verdict == SHOAL_VERDICT_APPLY && view.known &&
	        shoal_rival_waits(core, slot, said->member, teller, true)) {
		return;
	}
	if (counts && shoal_accept_defers(core, slot, said, teller)) {
		return;
	}
	judge(core, slot, said, teller, verdict);
	if (view.self && said->member != NULL && shoal_move_denies(core, said->member)) {
		shoal_move_insist(core, said->member);
	}
	shoal_move_told(core, said, teller);
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
	struct shoal_said said = {
	        .told.claim = {member->incarnation, shoal_salt_short(&member->salt),
	                (enum shoal_state)member->state},
	        .id = &member->id,
	        .age_ns = shoal_learn_age(member->age_ms),
	        .refused_ns = shoal_learn_age(member->refused_ms),
	        .accusers = &member->accusers,
	        .member = member,
	        .inbound = (member->marks & SHOAL_MARK_INBOUND) != 0,
	        .forgotten = (member->marks & SHOAL_MARK_FORGOTTEN) != 0};

	if (!shoal_allow_member(core, member)) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOT_ALLOWED);
		return;
	}
	if (shoal_move_is_forged(member)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		return;
	}
	scope_addresses(&member->addrs, &teller->from);
	learn(core, &said, teller);
}

void
shoal_learn_state(struct shoal_core *core, const struct shoal_msg_state *state,
        const struct shoal_teller *teller)
{
	struct shoal_said said = {
	        .told.claim = {state->incarnation, state->salt, (enum shoal_state)state->state},
	        .id = &state->id,
	        .age_ns = shoal_learn_age(state->age_ms),
	        .refused_ns = shoal_learn_age(state->refused_ms),
	        .accusers = &state->accusers,
	        .inbound = (state->marks & SHOAL_MARK_INBOUND) != 0,
	        .forgotten = (state->marks & SHOAL_MARK_FORGOTTEN) != 0};

	learn(core, &said, teller);
}
