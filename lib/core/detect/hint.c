/* SPDX-License-Identifier: MIT */
/* An ICMP refusal names an address, and anybody can forge one. It counts only where a datagram went
 * to a member at that address lately, which a small table tells without a search: one place an
 * address, the later takes it. Hints are followed at most verify_rate times a second in all and
 * once a probe interval at one place, so that a flood of them costs a bounded number of probes.
 * O(1). */
#include "core/detect/hint.h"

#include <string.h>

#include "base/hash.h"
#include "core/node.h"

static uint32_t
place_of(const struct shoal_core *core, const struct shoal_addr *addr)
{
	uint8_t bytes[18];

	memcpy(bytes, addr->ip, sizeof addr->ip);
	bytes[16] = (uint8_t)(addr->port >> 8);
	bytes[17] = (uint8_t)addr->port;
	return (uint32_t)shoal_hash_sip(core->tree.key, bytes, sizeof bytes) % SHOAL_HINTS;
}

void
shoal_hint_init(struct shoal_core *core)
{
	for (size_t i = 0; i < SHOAL_HINTS; i++) {
		core->hints.slot[i] = SHOAL_NONE;
	}
}

void
shoal_hint_sent(struct shoal_core *core, uint32_t slot, const struct shoal_addr *to)
{
	core->hints.slot[place_of(core, to)] = slot;
}

static void
follow(struct shoal_core *core, uint32_t slot, uint32_t place)
{
	struct shoal_hints *hints = &core->hints;
	uint64_t interval = shoal_ms(core->profile.probe_interval_ms);
	bool early = core->now < hints->next ||
	             (hints->at[place] != 0 && core->now - hints->at[place] < interval);

	if (early || core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	hints->next = core->now + SHOAL_SEC(1) / core->profile.verify_rate;
	hints->at[place] = core->now;
	shoal_count(core, SHOAL_COUNTER_HINTS);
	(void)shoal_probe_begin(core, slot, SHOAL_PROBE_ROUND);
}

void
shoal_hint_about(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record != NULL && shoal_members_counts(record)) {
		struct shoal_addr addr = shoal_members_addr(record);
		follow(core, slot, place_of(core, &addr));
	}
}

void
shoal_hint_refused(struct shoal_core *core, const struct shoal_addr *addr)
{
	uint32_t place = place_of(core, addr), slot = core->hints.slot[place];
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record != NULL && shoal_members_counts(record) && shoal_members_is_at(record, addr)) {
		follow(core, slot, place);
	}
}
