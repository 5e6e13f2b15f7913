/* SPDX-License-Identifier: MIT */
/* Where members are reached from here. Of the addresses that one advertises those are of use that
 * are of a kind which this member has one of too. The first of them is used, until a probe that it
 * did not answer is answered at another one (ways.c): then that is, until it fails in turn, the
 * member says other addresses, or another instance of it comes. */
#include <string.h>

#include "base/addr.h"
#include "core/node.h"

bool
shoal_members_has_addr(const struct shoal_record *record, const struct shoal_addr *addr)
{
	for (unsigned i = 0; i < record->info->addrs; i++) {
		struct shoal_addr own = shoal_info_addr(record->info, i);
		if (shoal_addr_equal(&own, addr)) {
			return true;
		}
	}
	return false;
}

bool
shoal_members_has_host(const struct shoal_record *record, const struct shoal_addr *addr)
{
	for (unsigned i = 0; i < record->info->addrs; i++) {
		struct shoal_addr own = shoal_info_addr(record->info, i);
		if (memcmp(own.ip, addr->ip, sizeof own.ip) == 0) {
			return true;
		}
	}
	return false;
}

bool
shoal_members_may_be(const struct shoal_core *core, uint32_t slot, const struct shoal_addr *from)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record == NULL) {
		return false;
	}
	return core->seal.sealed || shoal_members_has_addr(record, from) ||
	       (shoal_members_has_host(record, from) &&
	               (shoal_members_inbound(record) || shoal_inbound_link(core, slot) != 0));
}

struct shoal_addr
shoal_members_source(const struct shoal_core *core, uint32_t slot, const struct shoal_input *input)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	bool its = input->kind == SHOAL_INPUT_STREAM && record != NULL && slot != SHOAL_SELF &&
	           (core->seal.sealed || shoal_members_has_host(record, &input->from));

	return its ? shoal_members_addr(record) : input->from;
}

/* An address of a family that this member has none of is of no use, whatever its place. */
static bool
is_of_use(const struct shoal_core *core, const struct shoal_addr *addr)
{
	return shoal_addr_is_web(addr)    ? core->has_web
	       : shoal_addr_is_ipv4(addr) ? core->has_ipv4
	                                  : core->has_ipv6;
}

uint8_t
shoal_members_first(const struct shoal_core *core, const struct shoal_info *info)
{
	for (uint8_t i = 0; i < info->addrs; i++) {
		struct shoal_addr addr = shoal_info_addr(info, i);
		if (is_of_use(core, &addr)) {
			return i;
		}
	}
	return 0;
}

void
shoal_members_choose(struct shoal_core *core, struct shoal_record *record)
{
	record->both = (uint8_t)((record->both & ~SHOAL_RECORD_ADDR) |
	                         shoal_members_first(core, record->info));
}

const struct shoal_addr *
shoal_members_used(const struct shoal_core *core, const struct shoal_addr_list *addrs)
{
	for (size_t i = 0; i < addrs->count; i++) {
		if (is_of_use(core, &addrs->item[i])) {
			return &addrs->item[i];
		}
	}
	return &addrs->item[0];
}

void
shoal_members_prefer(struct shoal_core *core, const struct shoal_addr *addr, size_t n)
{
	core->has_ipv4 = core->has_ipv6 = core->has_web = false;
	for (size_t i = 0; i < n; i++) {
		bool *has = shoal_addr_is_web(&addr[i])    ? &core->has_web
		            : shoal_addr_is_ipv4(&addr[i]) ? &core->has_ipv4
		                                           : &core->has_ipv6;
		*has = true;
	}
	for (uint32_t slot = 0; slot < core->members.records.end; slot++) {
		if (shoal_members_at(core, slot) != NULL) {
			shoal_members_choose(core, shoal_members_at(core, slot));
		}
	}
}

struct shoal_addr
shoal_members_socket(const struct shoal_core *core, const struct shoal_record *record)
{
	struct shoal_addr used = shoal_members_addr(record), other[SHOAL_ADDRS_MAX];
	unsigned n = shoal_addr_is_web(&used) ? shoal_members_others(core, record, other) : 0;

	for (unsigned i = 0; i < n; i++) {
		if (!shoal_addr_is_web(&other[i])) {
			return other[i];
		}
	}
	return used;
}

unsigned
shoal_members_others(const struct shoal_core *core, const struct shoal_record *record,
        struct shoal_addr other[SHOAL_ADDRS_MAX])
{
	unsigned used = record->both & SHOAL_RECORD_ADDR, n = 0;

	for (unsigned i = 1; i < record->info->addrs; i++) {
		other[n] = shoal_info_addr(record->info, (used + i) % record->info->addrs);
		n += is_of_use(core, &other[n]);
	}
	return n;
}

void
shoal_members_turn_to(struct shoal_core *core, uint32_t slot, const struct shoal_addr *addr)
{
	struct shoal_record *record = shoal_members_at(core, slot);

	for (uint8_t i = 0; i < record->info->addrs; i++) {
		struct shoal_addr own = shoal_info_addr(record->info, i);
		if (shoal_addr_equal(&own, addr)) {
			record->both = (uint8_t)((record->both & ~SHOAL_RECORD_ADDR) | i);
			shoal_members_forget_way(core, record);
			return;
		}
	}
}

void
shoal_members_forget_way(struct shoal_core *core, struct shoal_record *record)
{
	record->srtt_us = record->rttvar_us = 0;
	record->flags &= SHOAL_RECORD_FLAGS;
	record->samples = 0;
	shoal_watch_changed(core);
}
