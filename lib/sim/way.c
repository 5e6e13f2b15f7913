/* SPDX-License-Identifier: MIT */
/* What was done to single ways and nodes: cuts, groups, flapping, sizes that do not pass, loss in
 * bursts.
 *
 * A way has an entry only where something was done to it, so that ten thousand nodes need no table
 * of pairs; while bursts are set, each way that carried a packet has one (32 bytes and a place in
 * the table). A way in bursts is a chain of two states (Gilbert, Elliott) with exponential times,
 * drawn when a packet asks. Cost: O(1) a packet, nothing where there are no entries. */
#include "sim/world.h"

#include "base/ilog.h"

#define LN_2_32_Q16 1453635 /* 32 ln 2 */
#define BURSTS_MOST 64      /* drawn at one look; after a longer silence the way begins anew */
#define PPM         1000000

static bool
same_way(const void *owner, uint32_t value, const void *key)
{
	const struct shoal_sim *sim = owner;
	const struct shoal_sim_way *way = shoal_slab_at(&sim->ways, value);
	const uint32_t *ends = key;

	return way->from == ends[0] && way->to == ends[1];
}

void
shoal_sim_way_init(struct shoal_sim *sim)
{
	const uint64_t key[2] = {sim->config.seed, 1};

	shoal_slab_init(&sim->ways, &sim->mem, sizeof(struct shoal_sim_way), SHOAL_SLAB_NONE - 1);
	shoal_table_init(&sim->way_table, &sim->mem, key, SHOAL_SLAB_NONE - 1, same_way, sim);
}

void
shoal_sim_way_done(struct shoal_sim *sim)
{
	shoal_table_done(&sim->way_table);
	shoal_slab_done(&sim->ways);
}

static struct shoal_sim_way *
find(const struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	const uint32_t ends[2] = {from, to};
	uint32_t number;

	if (sim->ways.count == 0) {
		return NULL;
	}
	number = shoal_table_find(
	        &sim->way_table, shoal_table_hash(&sim->way_table, ends, sizeof(ends)), ends);
	return number != SHOAL_TABLE_NONE ? shoal_slab_at(&sim->ways, number) : NULL;
}

/* The entry of a way, made where it has none. NULL: no memory. */
static struct shoal_sim_way *
get(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	const uint32_t ends[2] = {from, to};
	struct shoal_sim_way *way = find(sim, from, to);
	uint32_t number;

	if (way != NULL) {
		return way;
	}
	way = shoal_slab_take(&sim->ways, &number);
	if (way == NULL) {
		return NULL;
	}
	way->from = from;
	way->to = to;
	if (shoal_table_put(&sim->way_table, shoal_table_hash(&sim->way_table, ends, sizeof(ends)),
	            number) != 0) {
		shoal_slab_give(&sim->ways, number);
		return NULL;
	}
	return way;
}

static bool
flaps_off(const struct shoal_sim_node *node)
{
	return node->flap_ns != 0 &&
	       (node->sim->now - node->flap_from_ns) % node->flap_ns >= node->flap_up_ns;
}

static bool
in_common(const struct shoal_sim_node *a, const struct shoal_sim_node *b)
{
	return a->group == b->group || a->group == b->other_group || a->other_group == b->group ||
	       a->other_group == b->other_group;
}

bool
shoal_sim_reaches(const struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	const struct shoal_sim_way *way;

	if (from == to || !shoal_sim_is_node(sim, from) || !shoal_sim_is_node(sim, to)) {
		return from == to;
	}
	if (!in_common(&sim->node[from], &sim->node[to]) || flaps_off(&sim->node[from]) ||
	        flaps_off(&sim->node[to])) {
		return false;
	}
	way = find(sim, from, to);
	return way == NULL || !way->cut;
}

static int
set_cut(struct shoal_sim *sim, uint32_t from, uint32_t to, bool cut)
{
	struct shoal_sim_way *way;

	if (!shoal_sim_is_node(sim, from) || !shoal_sim_is_node(sim, to)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	way = cut ? get(sim, from, to) : find(sim, from, to);
	if (way != NULL) {
		way->cut = cut;
	}
	shoal_sim_fault(sim, cut ? "cut to" : "no more cut to", from, to, 0);
	return way != NULL || !cut ? 0 : SHOAL_ERR_NOMEM;
}

int
shoal_sim_cut(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	return set_cut(sim, from, to, true);
}

int
shoal_sim_uncut(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	return set_cut(sim, from, to, false);
}

int
shoal_sim_bridge(struct shoal_sim *sim, uint32_t node, uint32_t group, uint32_t other)
{
	if (!shoal_sim_is_node(sim, node)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	sim->node[node].group = group;
	sim->node[node].other_group = other;
	shoal_sim_fault(sim, "group", node, SHOAL_SIM_NOBODY, group);
	if (other != group) {
		shoal_sim_fault(sim, "and group", node, SHOAL_SIM_NOBODY, other);
	}
	return 0;
}

int
shoal_sim_group(struct shoal_sim *sim, uint32_t node, uint32_t group)
{
	return shoal_sim_bridge(sim, node, group, group);
}

void
shoal_sim_partition(struct shoal_sim *sim, enum shoal_sim_partition how)
{
	uint32_t sides = 2 + shoal_rng_below(&sim->rng, 2);
	uint32_t alone = shoal_rng_below(&sim->rng, sim->nodes);

	for (uint32_t i = 0; i < sim->nodes; i++) {
		uint32_t side = shoal_rng_below(&sim->rng, sides);

		if (how == SHOAL_SIM_PARTITION_ISOLATE) {
			side = i == alone ? 1 : 0;
		}
		if (how == SHOAL_SIM_PARTITION_BRIDGES && (side == 2 || i == alone)) {
			(void)shoal_sim_bridge(sim, i, 0, 1);
		} else {
			(void)shoal_sim_group(sim, i, side);
		}
	}
}

int
shoal_sim_lossy(struct shoal_sim *sim, uint32_t node, uint32_t in_ppm, uint32_t out_ppm)
{
	if (!shoal_sim_is_node(sim, node) || in_ppm > PPM || out_ppm > PPM) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	sim->node[node].lost_in_ppm = in_ppm;
	sim->node[node].lost_out_ppm = out_ppm;
	shoal_sim_fault(sim, "loses of what comes, in a million", node, SHOAL_SIM_NOBODY, in_ppm);
	shoal_sim_fault(
	        sim, "loses of what it sends, in a million", node, SHOAL_SIM_NOBODY, out_ppm);
	return 0;
}

int
shoal_sim_flap(struct shoal_sim *sim, uint32_t node, uint64_t up_ns, uint64_t period_ns)
{
	if (!shoal_sim_is_node(sim, node)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	sim->node[node].flap_ns = period_ns;
	sim->node[node].flap_up_ns = up_ns;
	sim->node[node].flap_from_ns = sim->now;
	shoal_sim_fault(sim, "flaps, period", node, SHOAL_SIM_NOBODY, period_ns);
	return 0;
}

int
shoal_sim_set_mtu(struct shoal_sim *sim, uint32_t from, uint32_t to, uint32_t bytes, bool told)
{
	struct shoal_sim_way *way;

	if (!shoal_sim_is_node(sim, from) ||
	        (to != SHOAL_SIM_NOBODY && !shoal_sim_is_node(sim, to))) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	shoal_sim_fault(sim, told ? "too large is told, above" : "too large is lost, above", from,
	        to, bytes);
	if (to == SHOAL_SIM_NOBODY) {
		sim->node[from].mtu = bytes;
		sim->node[from].mtu_told = told;
		return 0;
	}
	way = get(sim, from, to);
	if (way == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	way->mtu = bytes;
	way->mtu_told = told;
	return 0;
}

uint32_t
shoal_sim_way_mtu(const struct shoal_sim *sim, uint32_t from, uint32_t to, bool *told)
{
	const struct shoal_sim_way *way = find(sim, from, to);
	const struct shoal_sim_node *node = &sim->node[from];

	if (way != NULL && way->mtu != 0 && (node->mtu == 0 || way->mtu < node->mtu)) {
		*told = way->mtu_told;
		return way->mtu;
	}
	*told = node->mtu_told;
	return node->mtu;
}

/* Exponential, by the logarithm of a uniform number. */
static uint64_t
dwell(struct shoal_rng *rng, uint64_t mean_ns)
{
	uint32_t minus_ln = LN_2_32_Q16 - shoal_ilog_ln_q16((uint64_t)shoal_rng_u32(rng) + 1);

	return mean_ns / 65536 * minus_ln + mean_ns % 65536 * minus_ln / 65536 + 1;
}

bool
shoal_sim_way_is_bad(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	const struct shoal_sim_link *link = &sim->link;
	uint64_t cycle = link->burst_good_ns + link->burst_bad_ns;
	struct shoal_sim_way *way;

	if (link->burst_loss_ppm == 0) {
		return false;
	}
	way = get(sim, from, to);
	if (way == NULL) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
		return false;
	}
	if (way->turn_ns == 0 || sim->now - way->turn_ns > BURSTS_MOST * cycle) {
		way->bad = shoal_rng_between(&sim->rng, 0, cycle) >= link->burst_good_ns;
		way->turn_ns = sim->now + dwell(&sim->rng, way->bad ? link->burst_bad_ns
		                                                    : link->burst_good_ns);
	}
	while (way->turn_ns <= sim->now) {
		way->bad = !way->bad;
		way->turn_ns +=
		        dwell(&sim->rng, way->bad ? link->burst_bad_ns : link->burst_good_ns);
	}
	return way->bad;
}

int
shoal_sim_filter(struct shoal_sim *sim, uint32_t node, enum shoal_sim_filter datagrams,
        enum shoal_sim_filter streams)
{
	if (!shoal_sim_is_node(sim, node)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	sim->node[node].datagrams = datagrams;
	sim->node[node].streams = streams;
	shoal_sim_fault(sim, "filters datagrams (1 drop, 2 reject)", node, SHOAL_SIM_NOBODY,
	        (uint64_t)datagrams);
	shoal_sim_fault(sim, "filters streams (1 drop, 2 reject)", node, SHOAL_SIM_NOBODY,
	        (uint64_t)streams);
	return 0;
}

void
shoal_sim_heal(struct shoal_sim *sim)
{
	shoal_sim_good_mark(sim);
	shoal_sim_way_done(sim);
	shoal_sim_way_init(sim);
	for (uint32_t i = 0; i < sim->nodes; i++) {
		struct shoal_sim_node *node = &sim->node[i];

		node->group = node->other_group = 0;
		node->flap_ns = 0;
		node->lost_in_ppm = node->lost_out_ppm = 0;
		node->mtu = 0;
		node->datagrams = node->streams = SHOAL_SIM_FILTER_PASS;
		node->translated = false;
	}
	shoal_sim_fault(sim, "heal", SHOAL_SIM_NOBODY, SHOAL_SIM_NOBODY, 0);
}
