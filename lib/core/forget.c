/* SPDX-License-Identifier: MIT */
/* Forgetting before the time. Whoever removed a tombstone would be told it again in the next table
 * exchange, so it is made old instead: so old that it stands in no table and is shown to nobody,
 * and with some time left in which it still turns away old statements. Ages of one death differ by
 * the way that they took and are never lowered; one that is a whole step above what is held, and
 * near the end, was made so, and is told on. Who missed that tells the young tombstone in an
 * exchange, and is answered with the old one. */
#include "core/forget.h"

#include <string.h>

#include "core/apply.h"
#include "core/event.h"
#include "core/grave.h"
#include "core/node.h"
#include "core/walk.h"

#define STEPS 16 /* of the time that tombstones are remembered */

static uint64_t
step_of(const struct shoal_core *core)
{
	return shoal_ms(core->profile.tombstone_ms) / STEPS;
}

static void
hush(struct shoal_core *core, uint32_t slot, uint64_t age_ns, const struct shoal_id *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_FORGOTTEN, teller);

	if ((record->flags & SHOAL_RECORD_SILENT) == 0) {
		shoal_event_member(
		        core, slot, SHOAL_EVENT_REAP, (enum shoal_state)record->state, &cause);
		record->flags |= SHOAL_RECORD_SILENT;
	}
	shoal_grave_raise_age(core, slot, age_ns);
	shoal_gossip_add(core, slot);
}

int
shoal_forget(struct shoal_core *core, struct shoal_span id)
{
	struct shoal_id wanted;
	uint32_t slot;

	if (id.len != sizeof wanted) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(&wanted, id.data, sizeof wanted);
	slot = shoal_members_find(core, &wanted);
	if (slot == SHOAL_NONE) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (!shoal_state_is_gone((enum shoal_state)shoal_members_at(core, slot)->state)) {
		return SHOAL_ERR_STATE;
	}
	hush(core, slot, (STEPS - 1) * step_of(core), NULL);
	return SHOAL_OK;
}

void
shoal_forget_told(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller)
{
	uint64_t step = step_of(core);
	uint64_t held = shoal_grave_age(core, shoal_members_at(core, slot));

	if (said->age_ns >= (STEPS - 2) * step && said->age_ns > held + step) {
		hush(core, slot, said->age_ns, &teller->id);
		return;
	}
	shoal_grave_raise_age(core, slot, said->age_ns);
	if (teller->path == SHOAL_PATH_SYNC && held > said->age_ns + step) {
		shoal_walk_tell_old(core, slot);
	}
}
