/* SPDX-License-Identifier: MIT */
/* Forgetting before the time. Whoever removed a tombstone would be told it again in the next table
 * exchange, so it stays, marked: it stands in no table, is shown to nobody, and turns away old
 * statements as before. The mark is told by gossip; who missed it tells the tombstone without it in
 * an exchange, and is answered with the marked one. */
#include "core/table/forget.h"

#include <string.h>

#include "core/event.h"
#include "core/node.h"
#include "core/sync/walk.h"
#include "core/table/apply.h"
#include "core/table/grave.h"

void
shoal_forget_marked(struct shoal_core *core, uint32_t slot, const struct shoal_id *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_hold *hold = shoal_members_hold(core, record);
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_FORGOTTEN, teller);

	if (hold == NULL || hold->forgotten) {
		return;
	}
	hold->forgotten = true;
	shoal_tree_touch(core, slot);
	if ((record->flags & SHOAL_RECORD_SILENT) == 0) {
		shoal_event_member(
		        core, slot, SHOAL_EVENT_REAP, (enum shoal_state)record->state, 0, &cause);
		record->flags |= SHOAL_RECORD_SILENT;
	}
	shoal_gossip_add(core, slot);
}

void
shoal_forget_not(struct shoal_core *core, uint32_t slot)
{
	struct shoal_hold *hold = shoal_members_hold(core, shoal_members_at(core, slot));

	if (hold != NULL) {
		hold->forgotten = false;
	}
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
	shoal_forget_marked(core, slot, NULL);
	return SHOAL_OK;
}

void
shoal_forget_answer(struct shoal_core *core, uint32_t slot, const struct shoal_teller *teller)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

#ifdef SHOAL_PLANT_FORGET_UNANSWERED
	return;
#endif
	if (record != NULL && teller->path == SHOAL_PATH_SYNC &&
	        (shoal_members_marks(core, record) & SHOAL_MARK_FORGOTTEN) != 0) {
		shoal_walk_tell_old(core, slot);
	}
}

void
shoal_forget_told(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller)
{
	const struct shoal_record *by = shoal_learn_teller(core, teller);

	shoal_grave_raise_age(core, slot, said->age_ns);
	if (said->forgotten && slot != SHOAL_SELF && by != NULL && shoal_members_counts(by)) {
		shoal_forget_marked(core, slot, &teller->id);
	} else if (!said->forgotten) {
		shoal_forget_answer(core, slot, teller);
	}
}
