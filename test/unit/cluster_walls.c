/* SPDX-License-Identifier: MIT */
/* What a member would say of itself after a while is set. */
#include "cluster_walls.h"

#include "core/node.h"

bool
walls_put_up(struct shoal_core *core, const struct shoal_id *id)
{
	uint32_t slot = shoal_members_find(core, id);
	bool linked = shoal_inbound_link(core, slot) != 0;

	shoal_members_set_inbound(shoal_members_at(core, slot), linked);
	return linked;
}
