/* SPDX-License-Identifier: MIT */
/* What the transport of a node in the world knows of URLs. To an address that is made from one goes
 * only what it could send there: somebody said what the address stands for, the core with a packet
 * or the test with a join, or something came from it. */
#include "core_world.h"

#include "unit.h"

#include "base/addr.h"

static bool
knows(const struct world_node *node, const struct shoal_addr *addr)
{
	size_t i = 0;

	while (i < node->urls && !shoal_addr_equal(&node->url[i], addr)) {
		i++;
	}
	return i < node->urls;
}

void
world_hears(struct world_node *node, const struct shoal_addr *addr)
{
	if (shoal_addr_is_web(addr) && !knows(node, addr)) {
		assert_true(node->urls < WORLD_URLS);
		node->url[node->urls++] = *addr;
	}
}

bool
world_leaves(struct world_node *node, const struct shoal_send *send)
{
	bool addressed = send->kind == SHOAL_SEND_DATAGRAM || send->kind == SHOAL_SEND_STREAM ||
	                 send->kind == SHOAL_SEND_REQUEST;
	struct shoal_addr made;

	if (send->url != NULL) {
		assert_int_equal(shoal_addr_from_url(&made, send->url), SHOAL_OK);
		assert_true(shoal_addr_equal(&made, &send->to));
		world_hears(node, &made);
	}
	return !addressed || !shoal_addr_is_web(&send->to) || knows(node, &send->to);
}
