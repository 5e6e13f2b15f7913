/* SPDX-License-Identifier: MIT */
/* Tombstones: dead and left members are remembered so that an old statement cannot revive them, for
 * a time and up to a number. The heap of graves has the oldest first; forgetting one is O(log
 * graves). */
#include "core/event.h"
#include "core/node.h"

static void
forget(struct shoal_core *core, uint32_t slot)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_EXPIRED, NULL);
	struct shoal_record *record = shoal_members_at(core, slot);

	if ((record->flags & SHOAL_RECORD_SILENT) == 0) {
		shoal_event_member(
		        core, slot, SHOAL_EVENT_REAP, (enum shoal_state)record->state, &cause);
	}
	shoal_members_remove(core, slot);
}

void
shoal_members_bury_old(struct shoal_core *core)
{
	struct shoal_heap *graves = &core->members.graves;
	struct shoal_timer *timer;

	while ((timer = shoal_heap_expire(graves, core->now)) != NULL) {
		forget(core, timer->slot);
	}
	while (graves->count > core->profile.tombstones_max) {
		shoal_members_bury_oldest(core);
	}
}

void
shoal_members_bury_oldest(struct shoal_core *core)
{
	struct shoal_timer *timer = shoal_heap_expire(&core->members.graves, SHOAL_NEVER - 1);
	if (timer != NULL) {
		forget(core, timer->slot);
	}
}

uint64_t
shoal_members_grave_age(const struct shoal_core *core, const struct shoal_record *record)
{
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	uint64_t whole = shoal_ms(core->profile.tombstone_ms);
	uint64_t left = hold == NULL || hold->timer.at < core->now ? 0 : hold->timer.at - core->now;
	return whole > left ? whole - left : 0;
}

/* An age is never lowered: a tombstone that is told on for ever must die. */
void
shoal_members_grave_set_age(struct shoal_core *core, uint32_t slot, uint64_t age_ns)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t whole = shoal_ms(core->profile.tombstone_ms);

	if (age_ns > whole) {
		age_ns = whole;
	}
	if (record->hold != SHOAL_NONE && age_ns > shoal_members_grave_age(core, record)) {
		shoal_members_hold_until(core, slot, core->now + whole - age_ns);
	}
}

/* Left members do not come back by being asked, so a few draws are made for one that is dead. */
uint32_t
shoal_members_random_dead(struct shoal_core *core)
{
	const struct shoal_heap *graves = &core->members.graves;

	for (int i = 0; i < 8 && core->members.count[SHOAL_STATE_DEAD] > 0; i++) {
		uint32_t slot =
		        graves->item[shoal_rng_below(&core->rng, (uint32_t)graves->count)]->slot;
		if (shoal_members_at(core, slot)->state == SHOAL_STATE_DEAD) {
			return slot;
		}
	}
	return SHOAL_NONE;
}
