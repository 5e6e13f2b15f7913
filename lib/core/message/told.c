/* SPDX-License-Identifier: MIT */
/* Who can be told is looked up with each burst, and where there was nothing to tell before, in as
 * many steps as there are bits where most can be told: it does not say when it changes. */
#include "core/message/told.h"

#include "core/node.h"

#define BITS 64

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

/* Whether it can be told from here. */
static bool
is_open(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	return shoal_told_is(core, slot) && !shoal_kind_parts(core, record) &&
	       !shoal_send_is_polled(core, record);
}

void
shoal_told_look_up(struct shoal_core *core)
{
	const struct shoal_members *members = &core->members;
	struct shoal_told_open *told = &core->told;
	uint64_t bits = 0, was = told->open;
	uint32_t n = 0;
	bool shared = false;

	for (uint32_t i = 0; i < members->ordered && n <= BITS; i++) {
		uint32_t slot = members->order[i];
		if (is_open(core, slot)) {
			shared = shared || (bits & shoal_told_rest(slot)) != 0;
			bits |= shoal_told_rest(slot);
			n++;
		}
	}
	told->open = n > BITS ? UINT64_MAX : shared ? 0 : bits;
	if (n != told->able || told->open != was || core->now >= told->again) {
		told->changed = true;
		told->again = core->now + shoal_ms(core->profile.gossip_interval_ms);
	}
	told->able = n;
	told->ordered = members->ordered;
}

uint32_t
shoal_told_lacking(const struct shoal_core *core, const struct shoal_cast *cast)
{
	uint32_t origin = shoal_members_find(core, &cast->key.id), n = core->told.able;
	uint32_t had = is_open(core, origin) ? 1 : 0;

	had += cast->from != origin && is_open(core, cast->from) ? 1 : 0;
	return n > had ? n - had : 0;
}

bool
shoal_told_to_all(const struct shoal_core *core, const struct shoal_cast *cast)
{
	const struct shoal_told_open *told = &core->told;

	return (told->open & ~cast->told) == 0 &&
	       (uint32_t)__builtin_popcountll(told->open) == told->able;
}
