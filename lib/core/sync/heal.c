/* SPDX-License-Identifier: MIT */
/* One dead member is tried each profile.heal_interval_ms, whatever their number, so the cost is
 * O(1) a node. The ping says what is believed of the subject; if it lives, its answer contradicts
 * with a higher incarnation, and a table exchange brings the rest of its side. */
#include "core/sync/heal.h"

#include "core/node.h"
#include "core/table/grave.h"

void
shoal_heal_arm(struct shoal_core *core)
{
	shoal_heap_arm(&core->heap, &core->heal_timer,
	        core->now + shoal_jitter(core, shoal_ms(core->profile.heal_interval_ms)));
}

void
shoal_heal_init(struct shoal_core *core)
{
	core->heal_timer.kind = SHOAL_TIMER_HEAL;
	shoal_heal_arm(core);
}

void
shoal_heal_try(struct shoal_core *core, uint32_t slot)
{
	shoal_count(core, SHOAL_COUNTER_HEALS);
	shoal_probe_begin(core, slot, SHOAL_PROBE_HEAL);
}

void
shoal_heal_on_timer(struct shoal_core *core)
{
	uint32_t slot = shoal_grave_random_dead(core);

	shoal_heal_arm(core);
#ifdef SHOAL_PLANT_NEVER_HEALS
	slot = SHOAL_NONE;
#endif
	if (slot != SHOAL_NONE && core->leave.phase == SHOAL_LEAVE_NOT) {
		shoal_heal_try(core, slot);
	}
}

void
shoal_heal_answered(struct shoal_core *core, uint32_t slot)
{
	shoal_sync_begin(core, slot);
}
