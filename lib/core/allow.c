/* SPDX-License-Identifier: MIT */
/* Admission by address. A packet is judged by where it comes from, before anything in it is read,
 * and a statement by the addresses that its member would be sent to: so one that is not allowed
 * neither speaks here nor is spoken to, whoever tells of it. It is no proof of identity where
 * addresses can be forged; keys are. */
#include "core/allow.h"

#include <string.h>

#include "base/alloc.h"
#include "core/node.h"

#define IP_BITS 128

void
shoal_allow_done(struct shoal_core *core)
{
	shoal_alloc_free(&core->mem, core->allow.range);
	memset(&core->allow, 0, sizeof core->allow);
}

int
shoal_allow_set(struct shoal_core *core, struct shoal_span data)
{
	size_t count = data.len / sizeof(struct shoal_cidr);
	struct shoal_cidr *range = NULL;

	if (data.len % sizeof *range != 0 || count > SHOAL_ALLOW_MAX) {
		return SHOAL_ERR_INVALID;
	}
	if (count > 0) {
		range = shoal_alloc(&core->mem, data.len);
		if (range == NULL) {
			return SHOAL_ERR_NOMEM;
		}
		memcpy(range, data.data, data.len);
	}
	for (size_t i = 0; i < count; i++) {
		if (range[i].bits > IP_BITS) {
			shoal_alloc_free(&core->mem, range);
			return SHOAL_ERR_INVALID;
		}
	}
	shoal_allow_done(core);
	core->allow.range = range;
	core->allow.count = count;
	return SHOAL_OK;
}

bool
shoal_allow_addr(const struct shoal_core *core, const struct shoal_addr *addr)
{
	const struct shoal_allow *allow = &core->allow;

	for (size_t i = 0; i < allow->count; i++) {
		if (shoal_cidr_contains(&allow->range[i], addr)) {
			return true;
		}
	}
	return allow->count == 0;
}

bool
shoal_allow_member(const struct shoal_core *core, const struct shoal_msg_member *member)
{
	const struct shoal_id *self = &shoal_members_at(core, SHOAL_SELF)->info->id;

	if (core->allow.count == 0 || memcmp(&member->id, self, sizeof *self) == 0) {
		return true;
	}
	for (size_t i = 0; i < member->addrs.count; i++) {
		if (!shoal_allow_addr(core, &member->addrs.item[i])) {
			return false;
		}
	}
	return true;
}
