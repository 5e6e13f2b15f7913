/* SPDX-License-Identifier: MIT */
/* Members without a kind of address in common are members of one cluster all the same: nothing is
 * sent between them, since it would be lost, and those that have both kinds relay probes, gossip
 * and broadcasts. A failed probe is one of the relays then, and without any it says nothing. */
#include "core/table/kind.h"

#include "core/node.h"

#define SOCKET 1u
#define URL    2u

static unsigned
kinds_of(const struct shoal_record *record)
{
	const struct shoal_info *info = record->info;

	return (info->addrs > info->web ? SOCKET : 0u) | (info->web != 0 ? URL : 0u);
}

bool
shoal_kind_has(const struct shoal_record *record, const struct shoal_addr *addr)
{
	return (kinds_of(record) & (shoal_addr_is_web(addr) ? URL : SOCKET)) != 0;
}

bool
shoal_kind_is_own(const struct shoal_core *core, const struct shoal_addr *addr)
{
	return shoal_kind_has(shoal_members_at(core, SHOAL_SELF), addr);
}

bool
shoal_kind_joins(const struct shoal_record *a, const struct shoal_record *b)
{
	return (kinds_of(a) & kinds_of(b)) != 0;
}

bool
shoal_kind_parts(const struct shoal_core *core, const struct shoal_record *record)
{
	return !shoal_kind_joins(shoal_members_at(core, SHOAL_SELF), record);
}

bool
shoal_kind_is_linked(const struct shoal_record *record)
{
	return (kinds_of(record) & SOCKET) != 0;
}

void
shoal_kind_write(const struct shoal_record *record, struct shoal_text *text)
{
	struct shoal_addr addr = shoal_members_addr(record);

	shoal_kind_write_addr(record, &addr, text);
}

void
shoal_kind_write_addr(
        const struct shoal_record *record, const struct shoal_addr *addr, struct shoal_text *text)
{
	bool its = record != NULL && shoal_members_has_addr(record, addr);

	shoal_kind_write_place(addr, its ? shoal_info_url(record->info) : "", text);
}

void
shoal_kind_write_place(const struct shoal_addr *addr, const char *url, struct shoal_text *text)
{
	if (!shoal_addr_is_web(addr)) {
		shoal_text_addr(text, addr);
	} else {
		shoal_text_str(text, url[0] != '\0' ? url : "a URL");
	}
}
