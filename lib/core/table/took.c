/* SPDX-License-Identifier: MIT */
/* One early word is kept, the latest: it is worth something only from who becomes a member. */
#include "core/table/took.h"

#include "core/node.h"

bool
shoal_took_is_member(
        const struct shoal_core *core, const struct shoal_id *id, const struct shoal_addr *from)
{
	const struct shoal_record *record = shoal_members_at(core, shoal_members_find(core, id));

	return record != NULL && shoal_members_counts(record) &&
	       shoal_members_has_addr(record, from);
}

uint64_t
shoal_took_salt(const struct shoal_core *core)
{
	const struct shoal_took *took = &core->took;

	if (took->salt == 0 && took->early != 0 &&
	        shoal_took_is_member(core, &took->by, &took->from)) {
		return took->early;
	}
	return took->salt;
}

void
shoal_took_early(struct shoal_core *core, const struct shoal_id *by, const struct shoal_addr *from,
        uint64_t salt)
{
	if (shoal_members_find(core, by) == SHOAL_NONE) {
		core->took.early = salt;
		core->took.by = *by;
		core->took.from = *from;
	}
}
