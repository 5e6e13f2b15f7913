/* SPDX-License-Identifier: MIT */
/* Tombstones: dead and left members are remembered so that an old statement cannot revive them, for
 * a time and up to a number. The heap of graves has the oldest first; forgetting one is O(log
 * graves). */
#include "core/table/grave.h"

#include "core/event.h"
#include "core/node.h"

void
shoal_grave_forget(struct shoal_core *core, uint32_t slot, enum shoal_cause_kind kind)
{
	struct shoal_cause cause = shoal_cause_of(kind, NULL);
	struct shoal_record *record = shoal_members_at(core, slot);

	if ((record->flags & SHOAL_RECORD_SILENT) == 0) {
		shoal_event_member(
		        core, slot, SHOAL_EVENT_REAP, (enum shoal_state)record->state, 0, &cause);
	}
	shoal_members_remove(core, slot);
}

bool
shoal_grave_dig(struct shoal_core *core, uint32_t slot, enum shoal_state state,
        enum shoal_event_kind kind, const struct shoal_cause *cause, uint64_t age_ns)
{
	struct shoal_id id = shoal_members_at(core, slot)->info->id;
	uint64_t whole = shoal_ms(core->profile.tombstone_ms);

	if (shoal_members_hold_take(core, slot) == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return false;
	}
	shoal_members_move(core, slot, state, kind, cause);
	shoal_members_hold_until(core, slot, core->now + whole - (age_ns < whole ? age_ns : whole));
	shoal_gone_count(core, slot);
	shoal_grave_forget_old(core);
	return shoal_members_find(core, &id) == slot;
}

void
shoal_grave_forget_old(struct shoal_core *core)
{
	struct shoal_heap *graves = &core->members.graves;
	struct shoal_timer *timer;

	while ((timer = shoal_heap_expire(graves, core->now)) != NULL) {
		shoal_grave_forget(core, timer->slot, SHOAL_CAUSE_EXPIRED);
	}
	while (graves->count > core->profile.tombstones_max) {
		shoal_grave_forget_oldest(core);
	}
}

void
shoal_grave_forget_oldest(struct shoal_core *core)
{
	struct shoal_timer *timer = shoal_heap_expire(&core->members.graves, SHOAL_NEVER - 1);
	if (timer != NULL) {
		shoal_grave_forget(core, timer->slot, SHOAL_CAUSE_EXPIRED);
	}
}

uint64_t
shoal_grave_age(const struct shoal_core *core, const struct shoal_record *record)
{
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	uint64_t whole = shoal_ms(core->profile.tombstone_ms);
	uint64_t left = hold == NULL || hold->timer.at < core->now ? 0 : hold->timer.at - core->now;
	return whole > left ? whole - left : 0;
}

/* An age is never lowered: a tombstone that is told on for ever must die. */
void
shoal_grave_raise_age(struct shoal_core *core, uint32_t slot, uint64_t age_ns)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t whole = shoal_ms(core->profile.tombstone_ms);

	if (age_ns > whole) {
		age_ns = whole;
	}
#ifdef SHOAL_PLANT_AGE_LOWERED
	if (record->hold != SHOAL_NONE) {
		shoal_members_hold_until(core, slot, core->now + whole - age_ns);
		return;
	}
#endif
	if (record->hold != SHOAL_NONE && age_ns > shoal_grave_age(core, record)) {
		shoal_members_hold_until(core, slot, core->now + whole - age_ns);
	}
}

/* From a random grave on to the next that is dead: left ones do not come back by being asked. A
 * walk over what may be many, once in profile.heal_interval_ms. */
uint32_t
shoal_grave_random_dead(struct shoal_core *core)
{
	const struct shoal_heap *graves = &core->members.graves;

	if (core->members.count[SHOAL_STATE_DEAD] == 0) {
		return SHOAL_NONE;
	}
	size_t start = shoal_rng_below(&core->rng, (uint32_t)graves->count);
	for (size_t i = 0; i < graves->count; i++) {
		uint32_t slot = graves->item[(start + i) % graves->count].timer->slot;
		if (shoal_members_at(core, slot)->state == SHOAL_STATE_DEAD) {
			return slot;
		}
	}
	return SHOAL_NONE;
}
