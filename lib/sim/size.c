/* SPDX-License-Identifier: MIT */
/* What datagrams show of the sizes that members take for each other's ways. The first probe of a
 * member is as large as may be; on a way that takes less, a few too many are lost, and then only
 * those that try it again, one probe in 256; where it takes more again, one of them finds out.
 *
 * Cost: O(1) a datagram, 8 bytes a pair; not kept for large worlds. */
#include "sim/world.h"

void
shoal_sim_size_sent(struct shoal_sim *sim, uint32_t from, uint32_t to, size_t len, bool too_large)
{
	struct shoal_sim_size *size;

	if (sim->sizes == NULL) {
		return;
	}
	size = &sim->sizes[(size_t)from * sim->nodes + to];
	size->largest = len > size->largest ? (uint32_t)len : size->largest;
	size->lost += too_large;
}

void
shoal_sim_size_reset(struct shoal_sim *sim, uint32_t node)
{
	for (uint32_t i = 0; sim->sizes != NULL && i < sim->nodes; i++) {
		sim->sizes[(size_t)node * sim->nodes + i] = (struct shoal_sim_size){0, 0};
		sim->sizes[(size_t)i * sim->nodes + node] = (struct shoal_sim_size){0, 0};
	}
}

void
shoal_judge_sizes(
        const struct shoal_sim *sim, uint32_t from, uint32_t to, uint32_t *largest, uint32_t *lost)
{
	size_t way = (size_t)from * sim->nodes + to;

	*largest = sim->sizes != NULL ? sim->sizes[way].largest : 0;
	*lost = sim->sizes != NULL ? sim->sizes[way].lost : 0;
}

void
shoal_judge_forget_sizes(struct shoal_sim *sim)
{
	for (uint32_t i = 0; i < sim->nodes; i++) {
		shoal_sim_size_reset(sim, i);
	}
}
