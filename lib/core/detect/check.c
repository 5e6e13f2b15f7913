/* SPDX-License-Identifier: MIT */
/* Checks wait in a queue and are begun at most profile.verify_rate a second; a full queue drops,
 * and the next table exchange asks again. Further copies of a statement add nothing while its check
 * waits or runs.
 *
 * A told death: the subject hears what is said of it, and is asked directly and through relays, two
 * tries one probe interval apart. Unanswered it is dead, answered the statement is dropped. Hearsay
 * about one that is dead or left here is a try to heal: if it lives, its answer carries a statement
 * of its own. Hearsay about an unknown one: its answer makes it a member, failure keeps it unknown
 * and accuses nobody. */
#include "core/detect/check.h"

#include <string.h>

#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/heal.h"
#include "core/table/learn.h"

/* An unknown member that did not answer is not tried again so soon, nor is an address. */
#define CHECK_AGAIN SHOAL_SEC(10)
/* Addresses that are remembered for that. */
#define TRIED_MAX 256
/* Of them on one host, of those that moves made this member ask. */
#define MOVES_PER_HOST 4
/* One that left and did not answer a check may be told dead for so long. */
#define SETTLED_FOR SHOAL_SEC(600)

struct check {
	uint32_t slot;
	struct shoal_id subject, from;
	struct shoal_claim told;
};

/* An address that hearsay made this member probe. */
struct tried {
	struct shoal_addr addr;
	uint64_t at;
};

void
shoal_check_init(struct shoal_core *core)
{
	shoal_ring_init(&core->checks.tried, &core->mem, sizeof(struct tried), TRIED_MAX);
	shoal_ring_init(&core->checks.moves, &core->mem, sizeof(struct tried), TRIED_MAX);
	shoal_ring_init(&core->checks.waiting, &core->mem, sizeof(struct check), SHOAL_CHECKS_MAX);
	core->checks.timer.kind = SHOAL_TIMER_CHECK;
}

void
shoal_check_done(struct shoal_core *core)
{
	shoal_ring_done(&core->checks.tried);
	shoal_ring_done(&core->checks.moves);
	shoal_ring_done(&core->checks.waiting);
}

void
shoal_check_queue(struct shoal_core *core, uint32_t slot, const struct shoal_id *from,
        const struct shoal_claim *told)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_hold *hold = shoal_members_hold(core, record);

	if ((record->flags & SHOAL_RECORD_CHECKING) != 0) {
		return;
	}
	if (record->state == SHOAL_STATE_UNKNOWN && hold != NULL && hold->checked &&
	        core->now - hold->begun < CHECK_AGAIN) {
		return;
	}
	struct check *check = shoal_ring_push(&core->checks.waiting);
	if (check == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_VERIFY_FULL);
		return;
	}
	check->slot = slot;
	check->subject = record->info->id;
	check->from = *from;
	check->told = *told;
	record->flags |= SHOAL_RECORD_CHECKING;
	if (!shoal_timer_armed(&core->checks.timer)) {
		shoal_heap_arm(&core->heap, &core->checks.timer, core->now);
	}
}

/* What is said of it, to the one it is said of: it can contradict at once. */
static void
tell_subject(struct shoal_core *core, const struct check *check)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	struct shoal_msg_state said = {.id = check->subject,
	        .salt = check->told.salt,
	        .incarnation = check->told.incarnation,
	        .state = SHOAL_STATE_DEAD};
	struct shoal_pending *pending = shoal_send_to(core, SHOAL_SEND_DATAGRAM, check->slot, 0);

	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
		shoal_send_primary(pending, SHOAL_MESSAGE_STATE, &said);
	}
}

/* Whether what was told is still in question: it is not where newer word has come meanwhile. */
static bool
is_open(const struct shoal_record *record, const struct shoal_claim *told)
{
	struct shoal_claim held = shoal_members_claim(record);

	if (told->state == SHOAL_STATE_DEAD) {
		return (shoal_members_counts(record) || record->state == SHOAL_STATE_LEFT) &&
		       shoal_claim_compare(told, &held) > 0;
	}
	return record->state == SHOAL_STATE_UNKNOWN;
}

/* Whether the address is in the ring, or as many of its host as may be. */
static bool
was_tried(const struct shoal_core *core, struct shoal_ring *tried, const struct shoal_addr *addr,
        size_t per_host)
{
	const struct tried *front;
	size_t there = 0;

	while ((front = shoal_ring_front(tried)) != NULL && core->now - front->at >= CHECK_AGAIN) {
		shoal_ring_pop(tried);
	}
	for (size_t i = 0; i < tried->count; i++) {
		const struct tried *one = shoal_ring_at(tried, i);
		there += memcmp(one->addr.ip, addr->ip, sizeof addr->ip) == 0;
		if (shoal_addr_equal(&one->addr, addr) || there >= per_host) {
			return true;
		}
	}
	return false;
}

static bool
note_tried(struct shoal_core *core, struct shoal_ring *tried, const struct shoal_addr *addr)
{
	struct tried *one = shoal_ring_push(tried);

	if (one == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return false;
	}
	one->addr = *addr;
	one->at = core->now;
	return true;
}

/* Hearsay makes this member send packets to addresses that anybody may have named: to each at most
 * one in ten seconds. */
static bool
may_try(struct shoal_core *core, const struct shoal_addr *addr)
{
	struct shoal_ring *tried = &core->checks.tried;

	if (was_tried(core, tried, addr, TRIED_MAX)) {
		shoal_count(core, SHOAL_COUNTER_DROP_ADDRESS_TRIED);
		return false;
	}
	if (tried->count == tried->limit) {
		shoal_ring_pop(tried);
	}
	return note_tried(core, tried, addr);
}

/* Packets name addresses faster than checks do: none is forgotten for another one. What is asked
 * here takes nothing from the checks of others. */
static bool
may_ask(struct shoal_core *core, const struct shoal_teller *teller, const struct shoal_addr *addr)
{
	struct shoal_ring *moves = &core->checks.moves;
	const struct shoal_record *by = shoal_learn_teller(core, teller);

	if (by == NULL || !shoal_members_counts(by)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		return false;
	}
	if (was_tried(core, moves, addr, MOVES_PER_HOST) || moves->count == moves->limit) {
		shoal_count(core, SHOAL_COUNTER_DROP_ADDRESS_TRIED);
		return false;
	}
	return note_tried(core, moves, addr);
}

/* What is older than the subject's own word makes it say the newest; it may not know yet where this
 * member is itself. */
void
shoal_check_move(struct shoal_core *core, uint32_t slot, const struct shoal_teller *teller,
        const struct shoal_addr *addr, struct shoal_span url)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (!may_ask(core, teller, addr)) {
		return;
	}
	struct shoal_msg_ping ping = {.seq = shoal_probe_number(core, 0, SHOAL_NUMBER_PROBE),
	        .id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = record->info->id,
	        .mark = shoal_tree_mark(shoal_tree_root(core))};
	struct shoal_msg_state old = {.id = record->info->id,
	        .salt = shoal_members_salt(record),
	        .age_ms = (core->now - shoal_members_heard(core, record)) / SHOAL_MS(1),
	        .state = SHOAL_STATE_ALIVE};
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_DATAGRAM, addr, slot, SHOAL_FILL_SELF);
	if (pending != NULL) {
		shoal_send_url(pending, url);
		shoal_send_primary(pending, SHOAL_MESSAGE_PING, &ping);
		shoal_send_primary(pending, SHOAL_MESSAGE_STATE, &old);
		shoal_count(core, SHOAL_COUNTER_HEARSAY_PROBES);
		shoal_count(core, SHOAL_COUNTER_PINGS_OUT);
	}
}

static void
begin(struct shoal_core *core, const struct check *check, struct shoal_record *record)
{
	bool death = check->told.state == SHOAL_STATE_DEAD;
	struct shoal_hold *hold = shoal_members_hold(core, record);
	struct shoal_probe *probe = NULL;

	record->flags &= (uint8_t)~SHOAL_RECORD_ANSWERED;
	struct shoal_addr addr = shoal_members_addr(record);
	bool allowed = death || may_try(core, &addr);
	if (allowed && !death && shoal_state_is_gone((enum shoal_state)record->state)) {
		shoal_heal_try(core, check->slot);
	} else if (allowed && is_open(record, &check->told)) {
		shoal_count(
		        core, death ? SHOAL_COUNTER_VERIFICATIONS : SHOAL_COUNTER_HEARSAY_PROBES);
		probe = shoal_probe_begin(core, check->slot, SHOAL_PROBE_CHECK);
	}
	if (probe == NULL) {
		record->flags &= (uint8_t)~SHOAL_RECORD_CHECKING;
		return;
	}
	probe->tries = 1;
#ifdef SHOAL_PLANT_VERIFIED_ONCE
	probe->tries = 0;
#endif
	probe->from = check->from;
	probe->told = check->told;
	if (death) {
		tell_subject(core, check);
	} else if (hold != NULL) {
		hold->begun = core->now;
		hold->checked = true;
	}
}

void
shoal_check_on_timer(struct shoal_core *core)
{
	const struct check *front;
	bool begun = false;

	while (!begun && (front = shoal_ring_front(&core->checks.waiting)) != NULL) {
		struct check check = *front;
		struct shoal_record *record = shoal_members_at(core, check.slot);

		shoal_ring_pop(&core->checks.waiting);
		if (record != NULL &&
		        memcmp(&record->info->id, &check.subject, sizeof check.subject) == 0) {
			begin(core, &check, record);
			begun = true;
		}
	}
	if (begun) {
		shoal_heap_arm(&core->heap, &core->checks.timer,
		        core->now + SHOAL_SEC(1) / core->profile.verify_rate);
	}
}

/* What was told counts now, as it was told: older word must not revive. Of another instance only
 * the full word can be held, and will be larger than what is; of one that left the next copy
 * counts. */
static void
bury(struct shoal_core *core, const struct shoal_probe *probe, struct shoal_record *record,
        struct shoal_cause *cause)
{
	bool same = probe->told.salt == shoal_members_salt(record);

	if (!same && record->state == SHOAL_STATE_LEFT) {
		struct shoal_hold *hold = shoal_members_hold(core, record);
		hold->checked = true;
		hold->begun = core->now;
		return;
	}
	if (same && shoal_members_hold_take(core, probe->slot) != NULL) {
		record->incarnation = probe->told.incarnation;
		shoal_tree_touch(core, probe->slot);
	}
	shoal_suspicion_bury(core, probe->slot, cause);
}

bool
shoal_check_is_settled(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_hold *hold = shoal_members_hold(core, record);

	if (record->state != SHOAL_STATE_LEFT) {
		return false;
	}
	bool untold =
	        (record->flags & SHOAL_RECORD_SILENT) != 0 && !(hold != NULL && hold->forgotten);

	return untold || (hold != NULL && hold->checked && core->now - hold->begun < SETTLED_FOR);
}

void
shoal_check_ended(struct shoal_core *core, const struct shoal_probe *probe, bool answered)
{
	struct shoal_record *record = shoal_members_at(core, probe->slot);
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_VERIFIED, &probe->from);
	bool death = probe->told.state == SHOAL_STATE_DEAD;

	record->flags &= (uint8_t)~SHOAL_RECORD_CHECKING;
	if (death && answered) {
		shoal_count(core, SHOAL_COUNTER_VERIFIED_ALIVE);
	} else if (!is_open(record, &probe->told)) {
		return;
	} else if (death) {
		bury(core, probe, record, &cause);
	} else if (answered && !shoal_accept_defers_held(core, probe->slot, &probe->from)) {
		const struct shoal_hold *hold = shoal_members_hold(core, record);
		bool news = hold == NULL || !hold->restored;

		cause.kind = SHOAL_CAUSE_CONFIRMED;
		shoal_members_move(core, probe->slot, SHOAL_STATE_ALIVE, SHOAL_EVENT_JOIN, &cause);
		if (news) {
			shoal_gossip_add(core, probe->slot);
		}
	}
}
