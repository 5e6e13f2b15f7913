/* SPDX-License-Identifier: MIT */
/* What the world answers about itself: its nodes, what they hold of each other, what was counted.
 */
#include "sim/world.h"

#include <string.h>

void
shoal_sim_set_record(struct shoal_sim *sim, shoal_sim_record_fn fn, void *arg)
{
	sim->on_record = fn;
	sim->record_arg = arg;
}

uint64_t
shoal_sim_now(const struct shoal_sim *sim)
{
	return sim->now;
}

uint32_t
shoal_sim_nodes(const struct shoal_sim *sim)
{
	return sim->nodes;
}

bool
shoal_sim_is_up(const struct shoal_sim *sim, uint32_t node)
{
	return shoal_sim_is_node(sim, node) && sim->node[node].core != NULL;
}

uint32_t
shoal_sim_starts(const struct shoal_sim *sim, uint32_t node)
{
	return !shoal_sim_is_node(sim, node) ? 0 : sim->node[node].instance;
}

bool
shoal_sim_has_joined(const struct shoal_sim *sim, uint32_t node)
{
	return shoal_sim_is_node(sim, node) && sim->node[node].joined;
}

bool
shoal_sim_is_leaving(const struct shoal_sim *sim, uint32_t node)
{
	return shoal_sim_is_node(sim, node) && sim->node[node].leaving;
}

const struct shoal_core *
shoal_sim_core(const struct shoal_sim *sim, uint32_t node)
{
	return !shoal_sim_is_node(sim, node) ? NULL : sim->node[node].core;
}

const struct shoal_id *
shoal_sim_id(const struct shoal_sim *sim, uint32_t node)
{
	return !shoal_sim_is_node(sim, node) ? NULL : &sim->node[node].id;
}

uint32_t
shoal_sim_find(const struct shoal_sim *sim, const struct shoal_id *id)
{
	uint32_t number = (uint32_t)id->bytes[14] << 8 | id->bytes[15];

	return number < sim->nodes && shoal_id_compare(id, &sim->node[number].id) == 0
	               ? number
	               : SHOAL_SIM_NOBODY;
}

static bool
look(const struct shoal_sim *sim, uint32_t observer, uint32_t subject,
        struct shoal_core_member *member)
{
	const struct shoal_core *core = shoal_sim_core(sim, observer);
	uint32_t slot;

	return core != NULL && shoal_sim_is_node(sim, subject) &&
	       shoal_core_find(core, &sim->node[subject].id, &slot) == 0 &&
	       shoal_core_member(core, slot, member);
}

enum shoal_state
shoal_sim_state(const struct shoal_sim *sim, uint32_t observer, uint32_t subject)
{
	struct shoal_core_member member;

	return look(sim, observer, subject, &member) ? member.state : SHOAL_STATE_UNKNOWN;
}

bool
shoal_sim_same_instance(const struct shoal_sim *sim, uint32_t observer, uint32_t subject)
{
	struct shoal_core_member held;

	return shoal_sim_is_up(sim, subject) && look(sim, observer, subject, &held) &&
	       memcmp(&held.salt, &sim->node[subject].salt, sizeof(held.salt)) == 0;
}

void
shoal_sim_detection(
        const struct shoal_sim *sim, uint32_t node, struct shoal_sim_detection *detection)
{
	*detection = shoal_sim_is_node(sim, node) ? sim->node[node].detection
	                                          : (struct shoal_sim_detection){0};
}

struct shoal_checkers *
shoal_sim_checkers(struct shoal_sim *sim)
{
	return &sim->checks;
}

uint64_t
shoal_sim_trace(const struct shoal_sim *sim)
{
	return sim->config.untraced ? 0 : sim->trace.hash;
}

uint64_t
shoal_sim_steps(const struct shoal_sim *sim)
{
	return sim->steps;
}

bool
shoal_sim_is_stalled(const struct shoal_sim *sim, uint32_t node)
{
	return shoal_sim_is_node(sim, node) && sim->node[node].stalled;
}

const struct shoal_addr *
shoal_sim_addr(const struct shoal_sim *sim, uint32_t node)
{
	return shoal_sim_is_node(sim, node) ? &sim->node[node].addr : NULL;
}

size_t
shoal_sim_memory(const struct shoal_sim *sim)
{
	size_t held = shoal_pool_memory(sim->pool);

	for (uint32_t i = 0; i < sim->nodes; i++) {
		held += sim->node[i].memory.held;
	}
	return held;
}

static void
add_traffic(struct shoal_sim_traffic *sum, const struct shoal_sim_traffic *part)
{
	sum->datagrams += part->datagrams;
	sum->datagram_bytes += part->datagram_bytes;
	sum->streams += part->streams;
	sum->stream_bytes += part->stream_bytes;
	sum->lost += part->lost;
	sum->received += part->received;
}

void
shoal_sim_traffic(const struct shoal_sim *sim, uint32_t node, struct shoal_sim_traffic *traffic)
{
	memset(traffic, 0, sizeof(*traffic));
	for (uint32_t i = 0; i < sim->nodes; i++) {
		if (node == SHOAL_SIM_NOBODY || node == i) {
			add_traffic(traffic, &sim->node[i].traffic);
		}
	}
}

static void
add_counters(struct shoal_counters *sum, const struct shoal_counters *part)
{
	for (size_t i = 0; part != NULL && i < SHOAL_COUNTERS; i++) {
		sum->value[i] += part->value[i];
	}
}

void
shoal_sim_counters_sized(
        const struct shoal_sim *sim, uint32_t node, struct shoal_counters *counters, size_t size)
{
	struct shoal_counters sum;

	memset(&sum, 0, sizeof(sum));
	for (uint32_t i = 0; i < sim->nodes; i++) {
		const struct shoal_sim_node *one = &sim->node[i];

		if (node == SHOAL_SIM_NOBODY || node == i) {
			add_counters(&sum, one->past);
			add_counters(
			        &sum, one->core != NULL ? shoal_core_counters(one->core) : NULL);
		}
	}
	memset(counters, 0, size);
	memcpy(counters, &sum, size < sizeof(sum) ? size : sizeof(sum));
}
