/* SPDX-License-Identifier: MIT */
/* Records: finding, adding, updating, forgetting, and moving from state to state. Every change of a
 * state in the whole core is one call of shoal_members_move, so that the probe order, the holds,
 * the counts and the events cannot disagree.
 *
 * Cost: all O(1) expected, but for the heap of graves, O(log graves). Memory a member: 48 bytes of
 * record, 48 of info with an IPv4 address, the name, and 12 to 20 of table and order. */
#include "core/table/members.h"

#include <string.h>

#include "core/detect/order.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/grave.h"

static bool
has_id(const void *owner, uint32_t slot, const void *key)
{
	const struct shoal_core *core = owner;
	return memcmp(&shoal_members_at(core, slot)->info->id, key, sizeof(struct shoal_id)) == 0;
}

int
shoal_members_init(struct shoal_core *core)
{
	struct shoal_members *members = &core->members;
	uint64_t key[2] = {shoal_rng_u64(&core->rng), shoal_rng_u64(&core->rng)};
	uint32_t limit = core->profile.members_max;

	members->infos.mem = &core->mem;
	shoal_slab_init(&members->records, &core->mem, sizeof(struct shoal_record), limit);
	shoal_slab_init(&members->holds, &core->mem, sizeof(struct shoal_hold), limit);
	shoal_table_init(&members->by_id, &core->mem, key, limit, has_id, core);
	shoal_heap_init(&members->graves, &core->mem);
	return SHOAL_OK;
}

void
shoal_members_done(struct shoal_core *core)
{
	struct shoal_members *members = &core->members;

	for (uint32_t slot = 0; slot < members->records.end; slot++) {
		struct shoal_record *record = shoal_members_at(core, slot);
		if (record != NULL) {
			shoal_info_give(&members->infos, record->info);
		}
	}
	shoal_heap_done(&members->graves);
	shoal_table_done(&members->by_id);
	shoal_slab_done(&members->holds);
	shoal_slab_done(&members->records);
	shoal_alloc_free(&core->mem, members->order);
}

struct shoal_record *
shoal_members_at(const struct shoal_core *core, uint32_t slot)
{
	/* It counts what is read, so that whoever only reads counts too. */
	((struct shoal_core *)(uintptr_t)core)->visited++;
	return shoal_slab_at(&core->members.records, slot);
}

uint32_t
shoal_members_find(const struct shoal_core *core, const struct shoal_id *id)
{
	const struct shoal_table *table = &core->members.by_id;
	const struct shoal_record *sender = shoal_members_at(core, core->members.sender);

	if (sender != NULL && memcmp(&sender->info->id, id, sizeof *id) == 0) {
		return core->members.sender;
	}
	return shoal_table_find(table, shoal_table_hash(table, id, sizeof *id), id);
}

struct shoal_hold *
shoal_members_hold(const struct shoal_core *core, const struct shoal_record *record)
{
	return shoal_slab_at(&core->members.holds, record->hold);
}

struct shoal_claim
shoal_members_claim(const struct shoal_record *record)
{
	return (struct shoal_claim){
	        record->incarnation, shoal_members_salt(record), (enum shoal_state)record->state};
}

/* In milliseconds of the host's scale, whose whole milliseconds so stay whole. */
static uint64_t
whole_ms(uint64_t time)
{
	return (time - SHOAL_TIME_ORIGIN % SHOAL_MS(1)) / SHOAL_MS(1);
}

/* 32 bits of milliseconds tell ages up to 49 days; a member that takes part is asked more often. */
uint64_t
shoal_members_heard(const struct shoal_core *core, const struct shoal_record *record)
{
	uint64_t now = whole_ms(core->now);
	uint32_t age = (uint32_t)now - record->heard_ms;

	return record->heard_ms == 0 ? 0 : SHOAL_MS(now - age) + SHOAL_TIME_ORIGIN % SHOAL_MS(1);
}

void
shoal_members_hear(const struct shoal_core *core, struct shoal_record *record, uint64_t time)
{
	if (time > shoal_members_heard(core, record)) {
		uint32_t ms = (uint32_t)whole_ms(time);
		record->heard_ms = ms == 0 ? 1 : ms;
	}
}

uint64_t
shoal_members_age(const struct shoal_core *core, const struct shoal_record *record)
{
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	return hold == NULL || record->state == SHOAL_STATE_UNKNOWN ? 0 : core->now - hold->since;
}

bool
shoal_members_counts(const struct shoal_record *record)
{
	return record->place != SHOAL_NONE;
}

uint32_t
shoal_members_n(const struct shoal_core *core)
{
	return core->members.ordered + 1;
}

int
shoal_members_add(struct shoal_core *core, const struct shoal_msg_member *member, uint32_t *slot)
{
	struct shoal_members *members = &core->members;
	uint32_t number;
	struct shoal_record *record;

	if (members->records.count >= members->records.limit) {
		shoal_grave_forget_oldest(core); /* one who lives is worth more than a memory */
	}
	struct shoal_info *info = shoal_info_take(&members->infos, member);
	if (info == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	int rc = shoal_order_reserve(core, members->records.count + 1);
	record = rc == SHOAL_OK ? shoal_slab_take(&members->records, &number) : NULL;
	if (record == NULL) {
		shoal_info_give(&members->infos, info);
		bool full = rc == SHOAL_OK && members->records.count >= members->records.limit;
		return full ? SHOAL_ERR_LIMIT : SHOAL_ERR_NOMEM;
	}
	record->info = info;
	record->both = shoal_members_first(core, info);
	shoal_members_set_inbound(record, (member->marks & SHOAL_MARK_INBOUND) != 0);
	uint64_t hash = shoal_table_hash(&members->by_id, &info->id, sizeof info->id);
	rc = shoal_table_put(&members->by_id, hash, number);
	if (rc == SHOAL_OK) {
		rc = shoal_tree_insert(core, number);
		if (rc != SHOAL_OK) {
			shoal_table_remove(&members->by_id, hash, number);
		}
	}
	if (rc != SHOAL_OK) {
		shoal_slab_give(&members->records, number);
		shoal_info_give(&members->infos, info);
		return rc;
	}
	record->incarnation = member->incarnation;
	record->place = record->news = record->hold = SHOAL_NONE;
	members->count[SHOAL_STATE_UNKNOWN]++;
	*slot = number;
	return SHOAL_OK;
}

/* NULL becomes SHOAL_ERR_NOMEM. */
static int
replace_info(struct shoal_core *core, struct shoal_record *record, struct shoal_info *info)
{
	if (info == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	struct shoal_addr_list before = shoal_info_addrs(record->info);
	struct shoal_addr_list after = shoal_info_addrs(info);
	bool elsewhere = !shoal_info_same_addrs(&before, &after);

	shoal_info_give(&core->members.infos, record->info);
	record->info = info;
	if (elsewhere) {
		shoal_members_choose(core, record);
	}
	return SHOAL_OK;
}

int
shoal_members_readdress(struct shoal_core *core, uint32_t slot, const struct shoal_addr_list *addrs,
        struct shoal_span url, uint64_t moved)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_msg_member member = shoal_info_said(record->info);

	member.addrs = *addrs;
	member.url = url;
	member.moved = moved;
	int rc = replace_info(
	        core, record, shoal_info_renew(&core->members.infos, record->info, &member));

	if (rc == SHOAL_OK) {
		shoal_members_forget_way(core, record);
		shoal_tree_touch(core, slot);
	}
	return rc;
}

int
shoal_members_update(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        unsigned *changed)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_msg_member told = *member;
	bool replaced = memcmp(&record->info->salt, &told.salt, sizeof told.salt) != 0;
	struct shoal_addr_list held = shoal_info_addrs(record->info);

	shoal_info_keep_scopes(&told.addrs, &held, true); /* see move.c */
	if (!replaced) {
		told.addrs = held;
		told.url = shoal_info_said(record->info).url;
		told.moved = shoal_info_moved(record->info);
	}
	*changed = 0;
	if (!shoal_info_same(record->info, &told)) {
		struct shoal_info *info =
		        shoal_info_renew(&core->members.infos, record->info, &told);
		if (info != NULL) {
			*changed = shoal_info_changes(record->info, info);
		}
		int rc = replace_info(core, record, info);
		if (rc != SHOAL_OK) {
			return rc;
		}
	}
	if (replaced) {
		shoal_members_choose(core, record);
		shoal_members_forget_way(core, record);
		record->heard_ms = 0;
	}
	record->incarnation = member->incarnation;
	shoal_members_set_inbound(record, (member->marks & SHOAL_MARK_INBOUND) != 0);
	shoal_tree_touch(core, slot);
	if (replaced) {
		shoal_peer_lost(core, slot);
	}
	return SHOAL_OK;
}

uint64_t
shoal_members_meta_cost(const struct shoal_record *record)
{
	return record->info->described == 0
	               ? 0
	               : shoal_info_meta(record->info).body.len + SHOAL_META_COST;
}

/* Adds what the metadata of another member costs, or takes it away: counts are unsigned and wrap
 * back. */
static void
count_meta(struct shoal_core *core, uint32_t slot, bool held)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t cost = slot == SHOAL_SELF ? 0 : shoal_members_meta_cost(record);
	bool gone = shoal_state_is_gone((enum shoal_state)record->state);

	core->members.meta_bytes += held ? cost : 0 - cost;
	core->members.meta_gone += !gone ? 0 : held ? cost : 0 - cost;
}

/* info: as it is held, with other metadata. */
static int
redescribe(struct shoal_core *core, uint32_t slot, struct shoal_info *info)
{
	if (info != NULL) {
		count_meta(core, slot, false);
	}
	int rc = replace_info(core, shoal_members_at(core, slot), info);
	if (rc == SHOAL_OK) {
		count_meta(core, slot, true);
		shoal_tree_touch(core, slot);
	}
	return rc;
}

int
shoal_members_describe(struct shoal_core *core, uint32_t slot, const struct shoal_meta *meta)
{
	const struct shoal_info *info = shoal_members_at(core, slot)->info;

	return redescribe(core, slot, shoal_info_describe(&core->members.infos, info, meta));
}

int
shoal_members_undescribe(struct shoal_core *core, uint32_t slot)
{
	struct shoal_msg_member said = shoal_info_said(shoal_members_at(core, slot)->info);

	return redescribe(core, slot, shoal_info_take(&core->members.infos, &said));
}

uint8_t
shoal_members_marks(const struct shoal_core *core, const struct shoal_record *record)
{
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	bool gone = shoal_state_is_gone((enum shoal_state)record->state);
	unsigned marks = shoal_members_inbound(record) ? SHOAL_MARK_INBOUND : 0u;

#ifndef SHOAL_PLANT_FORGET_UNTOLD
	marks |= gone && hold != NULL && hold->forgotten ? SHOAL_MARK_FORGOTTEN : 0u;
#endif
	return (uint8_t)marks;
}

struct shoal_hold *
shoal_members_hold_take(struct shoal_core *core, uint32_t slot)
{
	struct shoal_record *record = shoal_members_at(core, slot);

	if (record->hold == SHOAL_NONE) {
		struct shoal_members *members = &core->members;
		struct shoal_hold *hold = NULL;
		uint32_t number;
		/* Its timer has room in either heap from now on: no later move of it can fail. */
		if (shoal_reserve_timers(core) == SHOAL_OK &&
		        shoal_heap_reserve(&members->graves, members->holds.count + 1) ==
		                SHOAL_OK) {
			hold = shoal_slab_take(&members->holds, &number);
		}
		if (hold == NULL) {
			return NULL;
		}
		record->hold = number;
		hold->timer.kind = SHOAL_TIMER_HOLD;
		hold->timer.slot = slot;
		hold->fade.kind = SHOAL_TIMER_FADE;
		hold->fade.slot = slot;
		hold->begun = hold->since = core->now;
	}
	return shoal_members_hold(core, record);
}

static void
disarm_hold(struct shoal_core *core, struct shoal_record *record, struct shoal_hold *hold)
{
	shoal_heap_disarm(shoal_state_is_gone((enum shoal_state)record->state)
	                          ? &core->members.graves
	                          : &core->heap,
	        &hold->timer);
	shoal_heap_disarm(&core->heap, &hold->fade);
}

static void
drop_hold(struct shoal_core *core, struct shoal_record *record)
{
	struct shoal_hold *hold = shoal_members_hold(core, record);
	if (hold != NULL) {
		disarm_hold(core, record, hold);
		shoal_slab_give(&core->members.holds, record->hold);
		record->hold = SHOAL_NONE;
	}
}

void
shoal_members_hold_until(struct shoal_core *core, uint32_t slot, uint64_t at)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_hold *hold = shoal_members_hold(core, record);

	SHOAL_ASSERT(hold != NULL);
	if (!shoal_state_is_gone((enum shoal_state)record->state)) {
		shoal_heap_arm(&core->heap, &hold->timer, at);
		return;
	}
	/* Its place in the heap of timers is free: its own is among the graves. */
	uint64_t half = shoal_ms(core->profile.tombstone_ms) / 2;
	shoal_heap_arm(&core->members.graves, &hold->timer, at);
	shoal_heap_arm(&core->heap, &hold->fade, at - half > core->now ? at - half : SHOAL_NEVER);
	shoal_tree_touch(core, slot);
}

/* Unknown members that are no longer unknown stop to count against their reporter. */
static void
release_reporter(struct shoal_core *core, const struct shoal_record *record)
{
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	if (record->state != SHOAL_STATE_UNKNOWN || hold == NULL) {
		return;
	}
	uint32_t reporter = shoal_members_find(core, &hold->from);
	struct shoal_record *teller = shoal_members_at(core, reporter);
	if (teller != NULL && shoal_members_reported(teller) > 0) {
		teller->both = (uint8_t)(teller->both - SHOAL_RECORD_REPORTED);
	}
}

void
shoal_members_owe(struct shoal_core *core, uint32_t slot, unsigned changed)
{
	struct shoal_hold *hold = shoal_members_hold(core, shoal_members_at(core, slot));

	if (hold != NULL) {
		hold->untold = (uint8_t)(hold->untold | changed);
	}
}

/* To whom it is new, all of it is. */
static unsigned
take_untold(struct shoal_core *core, const struct shoal_record *record, enum shoal_event_kind kind)
{
	struct shoal_hold *hold = shoal_members_hold(core, record);
	unsigned changed = hold != NULL && kind != SHOAL_EVENT_JOIN ? hold->untold : 0u;

	if (hold != NULL && kind != 0) {
		hold->untold = 0;
	}
	return changed;
}

void
shoal_members_move(struct shoal_core *core, uint32_t slot, enum shoal_state state,
        enum shoal_event_kind kind, const struct shoal_cause *cause)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_members *members = &core->members;
	enum shoal_state was = (enum shoal_state)record->state;
	bool plain = state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_UNKNOWN;
	bool takes_part = state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;
	bool took_part = was == SHOAL_STATE_ALIVE || was == SHOAL_STATE_SUSPECT;

	unsigned changed = take_untold(core, record, kind);
	release_reporter(core, record);
	if (record->hold != SHOAL_NONE) {
		disarm_hold(core, record, shoal_members_hold(core, record));
	}
	count_meta(core, slot, false);
	members->count[was]--;
	members->count[state]++;
	record->state = (uint8_t)state;
	count_meta(core, slot, true);
	if (plain) {
		drop_hold(core, record);
	} else if (was != state && record->hold != SHOAL_NONE) {
		shoal_members_hold(core, record)->since = core->now;
	}
	shoal_tree_touch(core, slot);
#ifdef SHOAL_PLANT_RETURN_UNPROBED
	takes_part = takes_part && !shoal_state_is_gone(was);
#endif
	if (takes_part && slot != SHOAL_SELF) {
		shoal_order_insert(core, slot);
	} else {
		shoal_order_remove(core, slot);
	}
	if (takes_part != took_part) {
		shoal_watch_changed(core);
	}
	if (shoal_state_is_gone(state)) {
		shoal_peer_lost(core, slot);
	}
	if (kind != 0) {
		bool silent = (record->flags & SHOAL_RECORD_SILENT) != 0;
		record->flags &= (uint8_t)~SHOAL_RECORD_SILENT;
		was = silent ? SHOAL_STATE_UNKNOWN : was;
		shoal_event_member(core, slot, kind, was, changed, cause);
	}
}

void
shoal_members_remove(struct shoal_core *core, uint32_t slot)
{
	struct shoal_members *members = &core->members;
	struct shoal_record *record = shoal_members_at(core, slot);

	SHOAL_ASSERT(slot != SHOAL_SELF);
	release_reporter(core, record);
	drop_hold(core, record);
	shoal_tree_remove(core, slot);
	shoal_order_remove(core, slot);
	shoal_gossip_forget(core, slot);
	shoal_pull_forget(core, slot);
	shoal_peer_forget(core, slot);
	count_meta(core, slot, false);
	members->count[record->state]--;
	shoal_table_remove(&members->by_id,
	        shoal_table_hash(&members->by_id, &record->info->id, sizeof record->info->id),
	        slot);
	shoal_info_give(&members->infos, record->info);
	shoal_slab_give(&members->records, slot);
}

size_t
shoal_members_memory(const struct shoal_core *core)
{
	const struct shoal_members *members = &core->members;
	size_t bytes = shoal_slab_memory(&members->records) + shoal_slab_memory(&members->holds) +
	               shoal_table_memory(&members->by_id) +
	               members->order_capacity * sizeof *members->order +
	               members->graves.capacity * sizeof *members->graves.item +
	               core->heap.capacity * sizeof *core->heap.item;

	return bytes + members->infos.bytes;
}
