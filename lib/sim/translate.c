/* SPDX-License-Identifier: MIT */
/* A router before a node that translates its address, as between a home and the world: what the
 * node sends comes from another host, and for each addressee from another port of it. What that one
 * sends there gets in while the router remembers, and nothing else does: the node's own address
 * leads nowhere. Streams that the node opened are not forgotten. */
#include "base/alloc.h"
#include "sim/world.h"

/* How long the router remembers to whom the node sent a datagram. */
#define REMEMBERED SHOAL_SEC(30)
#define OUTSIDE    203 /* the first number of addresses outside: 203.x.y.z for 10.x.y.z */
#define PORTS      20000

int
shoal_sim_translate(struct shoal_sim *sim, uint32_t node)
{
	if (!shoal_sim_is_node(sim, node)) {
		return SHOAL_ERR_INVALID;
	}
	struct shoal_sim_node *behind = &sim->node[node];
	if (behind->mapped == NULL) {
		behind->mapped =
		        shoal_alloc_zeroed(&sim->mem, sim->nodes, sizeof(behind->mapped[0]));
	}
	if (behind->mapped == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_sim_good_mark(sim);
	behind->translated = true;
	shoal_sim_fault(sim, "translates its address", node, SHOAL_SIM_NOBODY, 0);
	return 0;
}

/* What peer sees the address of a node as. Where packets are not sealed the node advertises the
 * router's host, and the port alone is another one. */
static void
outside(const struct shoal_sim *sim, struct shoal_addr *addr, uint32_t peer)
{
	if (sim->config.cipher != NULL) {
		addr->ip[12] = OUTSIDE;
	}
	addr->port = (uint16_t)(PORTS + peer);
}

struct shoal_addr
shoal_sim_source(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	struct shoal_sim_node *node = &sim->node[from];
	struct shoal_addr source = node->addr;

	if (node->translated && from != to) {
		node->mapped[to] = sim->now + 1;
		outside(sim, &source, to);
	}
	return source;
}

uint32_t
shoal_sim_node_at(const struct shoal_sim *sim, uint32_t from, const struct shoal_addr *addr)
{
	uint32_t number = (uint32_t)addr->ip[14] << 8 | addr->ip[15];

	if (number >= sim->nodes) {
		return SHOAL_SIM_NOBODY;
	}
	const struct shoal_sim_node *node = &sim->node[number];
	if (!node->translated || number == from) {
		return shoal_addr_equal(addr, &node->addr) ? number : SHOAL_SIM_NOBODY;
	}
	struct shoal_addr there = node->addr;
	outside(sim, &there, from);
	bool remembered = node->mapped[from] != 0 && sim->now - node->mapped[from] < REMEMBERED;
	return remembered && shoal_addr_equal(addr, &there) ? number : SHOAL_SIM_NOBODY;
}
