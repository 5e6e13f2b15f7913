/* SPDX-License-Identifier: MIT */
/* What tests of gossip count. */
#ifndef SHOAL_TEST_CORE_GOSSIP_WORLD_H
#define SHOAL_TEST_CORE_GOSSIP_WORLD_H

#include <math.h>

#include "core_world.h"

/* How often a statement is sent by each of n members. */
static inline size_t
limit_of(size_t n)
{
	size_t limit = (size_t)ceil(log((double)n)) + 10;
	return limit < n - 1 ? limit : n - 1;
}

/* A core that knows `others` puppets and has nothing left to tell. */
static inline void
set_up(struct core_world *world, size_t others, const struct shoal_core_config *config)
{
	world_begin(world, config, others, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_run(world, SHOAL_SEC(40));
	world_clear(world);
}

/* Packets that tell others of the subject; packets to itself are apart from gossip. */
static inline size_t
count_told(const struct core_world *world, const struct puppet *subject, enum shoal_state state)
{
	size_t told = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		if (packet->kind == SHOAL_SEND_DATAGRAM &&
		        !shoal_addr_equal(&packet->to, &subject->addr)) {
			told += packet_state_of(packet, &subject->id) == state;
		}
	}
	return told;
}

#endif
