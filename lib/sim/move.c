/* SPDX-License-Identifier: MIT */
/* A node that is at another address from now on: what was and is sent to the old one comes to
 * nobody, and nothing passes on watch links any more. Answers to its own requests still come, as by
 * connections that are there. */
#include "sim/world.h"

static void
lose_flying(struct shoal_sim *sim, uint32_t number)
{
	SHOAL_LIST_FOREACH_SAFE (one, after, &sim->flying) {
		struct shoal_sim_packet *packet =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_packet, link);
		bool opens = packet->kind == SHOAL_INPUT_DATAGRAM ||
		             packet->kind == SHOAL_INPUT_STREAM ||
		             packet->kind == SHOAL_INPUT_REQUEST ||
		             packet->kind == SHOAL_INPUT_WATCHED;

		if (packet->to == number && !packet->arrived && opens) {
			sim->node[packet->from].traffic.lost +=
			        packet->kind == SHOAL_INPUT_DATAGRAM;
			shoal_sim_net_free(sim, packet);
		}
	}
}

static void
forget_links(struct shoal_sim_node *node)
{
	SHOAL_LIST_FOREACH (one, &node->clients) {
		struct shoal_sim_exchange *link =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_client);
		link->forgotten = link->forgotten || link->link;
	}
	SHOAL_LIST_FOREACH (one, &node->servers) {
		struct shoal_sim_exchange *link =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_server);
		link->forgotten = link->forgotten || link->link;
	}
}

int
shoal_sim_move(struct shoal_sim *sim, uint32_t number)
{
	struct shoal_sim_node *node;
	struct shoal_input input = {.kind = SHOAL_INPUT_ADDRESS};
	struct shoal_addr addr;
	int rc = 0;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	addr = node->addr;
	addr.ip[13]++;
	if (node->core != NULL) {
		input.data = (const uint8_t *)&addr;
		input.len = sizeof(addr);
		rc = shoal_sim_step(sim, number, &input);
	}
	if (rc == 0) {
		lose_flying(sim, number);
		forget_links(node);
		node->addr = addr;
		shoal_sim_good_break(sim, number);
		shoal_sim_fault(sim, "moves to address", number, SHOAL_SIM_NOBODY, addr.ip[13]);
	}
	return rc;
}
