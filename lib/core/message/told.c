/* SPDX-License-Identifier: MIT */
/* Bits of slots. A row of members is walked no further than until a mask is full. */
#include "core/message/told.h"

#include "core/node.h"

bool
shoal_told_is(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	return record != NULL && record->place != SHOAL_NONE;
}

uint64_t
shoal_told_rest(uint32_t slot)
{
	return slot == SHOAL_NONE ? 0 : UINT64_C(1) << slot % 64;
}

uint64_t
shoal_told_bit(const struct shoal_core *core, uint32_t slot)
{
	return shoal_told_is(core, slot) ? shoal_told_rest(slot) : 0;
}

uint64_t
shoal_told_all(const struct shoal_core *core)
{
	const struct shoal_members *members = &core->members;
	uint64_t bits = 0;

	if (members->ordered > 64) {
		return UINT64_MAX;
	}
	for (uint32_t i = 0; i < members->ordered; i++) {
		uint64_t bit = shoal_told_rest(members->order[i]);
		if ((bits & bit) != 0) {
			return 0;
		}
		bits |= bit;
	}
	return bits;
}

bool
shoal_told_open(const struct shoal_core *core, uint64_t *open)
{
	const struct shoal_members *members = &core->members;
	bool polled = false;

	*open = 0;
	for (uint32_t i = 0; i < members->ordered && *open != UINT64_MAX; i++) {
		uint32_t slot = members->order[i];
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (shoal_send_is_polled(core, record) || shoal_kind_parts(core, record)) {
			polled = true;
		} else {
			*open |= shoal_told_rest(slot);
		}
	}
	return polled && *open != UINT64_MAX;
}

uint64_t
shoal_told_by(const struct shoal_core *core, const struct shoal_cast *cast)
{
	return cast->told | shoal_told_bit(core, cast->from) |
	       shoal_told_bit(core, shoal_members_find(core, &cast->key.id));
}
