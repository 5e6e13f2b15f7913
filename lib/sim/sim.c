/* SPDX-License-Identifier: MIT */
/* The world: its clock, its queue of what happens next, faults as commands, and the story (notes).
 *
 * One heap of deadlines holds everything that will happen: packets in flight, the cores' deadlines,
 * ends of stalls, time-outs. Equal times come out in the order in which they were put in, so a run
 * has one order only. The clock jumps from one to the next.
 *
 * Invariant: the heap has room for every timer before it is armed; arming cannot fail. */
#include "sim/world.h"

#include "base/alloc.h"

#include <limits.h>
#include <string.h>

#define TICK_NS         SHOAL_SEC(1)
#define TIMERS_PER_NODE 4
#define WAYS_KEPT_TO    256

void
shoal_sim_config_init(struct shoal_sim_config *config)
{
	memset(config, 0, sizeof(*config));
	config->nodes = 2;
	(void)shoal_profile_init(&config->profile, SHOAL_PROFILE_LAN);
	config->link.latency_min_ns = SHOAL_US(100);
	config->link.latency_max_ns = SHOAL_MS(1);
	config->link.jitter_ns = SHOAL_US(500);
	config->link.reorder_ns = SHOAL_MS(5);
	config->wall_ns = SHOAL_SEC(1800000000);
	config->socket_max = 512;
	config->notes_max = 4096;
	config->log_level = SHOAL_LOG_ERROR;
}

static int
make(struct shoal_sim *sim)
{
	size_t pairs = (size_t)sim->nodes * sim->nodes;
	int rc;

	sim->timers = 1 + (size_t)sim->nodes * TIMERS_PER_NODE;
	rc = shoal_heap_reserve(&sim->heap, sim->timers);
	if (rc != 0) {
		return rc;
	}
	sim->node = shoal_alloc_zeroed(&sim->mem, sim->nodes, sizeof(*sim->node));
	if (sim->node == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (uint32_t i = 0; i < sim->nodes; i++) {
		shoal_sim_node_init(sim, &sim->node[i], i);
	}
	sim->cut = shoal_alloc_zeroed(&sim->mem, pairs, 1);
	if (sim->nodes <= WAYS_KEPT_TO) {
		sim->accuracy_ns = shoal_profile_detection_bound(&sim->config.profile, sim->nodes);
		sim->way = shoal_alloc_zeroed(&sim->mem, pairs, sizeof(*sim->way));
	}
	return sim->cut != NULL && (sim->way != NULL || sim->nodes > WAYS_KEPT_TO)
	               ? 0
	               : SHOAL_ERR_NOMEM;
}

int
shoal_sim_new(struct shoal_sim **out, const struct shoal_sim_config *config)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(config->allocator);
	struct shoal_sim *sim;
	int rc;

	if (config->nodes == 0 || config->nodes > SHOAL_SIM_NODES_MAX ||
	        config->link.latency_min_ns > config->link.latency_max_ns) {
		return SHOAL_ERR_INVALID;
	}
	sim = shoal_alloc_zeroed(&mem, 1, sizeof(*sim));
	if (sim == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	sim->config = *config;
	sim->mem = mem;
	sim->nodes = config->nodes;
	sim->link = config->link;
	sim->checks.now_ns = &sim->now;
	shoal_heap_init(&sim->heap, &sim->mem);
	shoal_list_init(&sim->flying);
	shoal_slab_init(
	        &sim->exchange, &sim->mem, sizeof(struct shoal_sim_exchange), SHOAL_SLAB_NONE - 1);
	shoal_ring_init(&sim->notes, &sim->mem, sizeof(struct shoal_sim_note),
	        config->notes_max == 0 ? 1 : config->notes_max);
	shoal_rng_init(&sim->rng, config->seed, 1);
	shoal_trace_init(&sim->trace);
	rc = make(sim);
	if (rc != 0) {
		shoal_sim_free(sim);
		return rc;
	}
	sim->tick.kind = SHOAL_SIM_TIMER_TICK;
	shoal_heap_arm(&sim->heap, &sim->tick, TICK_NS);
	*out = sim;
	return 0;
}

void
shoal_sim_free(struct shoal_sim *sim)
{
	struct shoal_allocator mem;

	if (sim == NULL) {
		return;
	}
	mem = sim->mem;
	for (uint32_t i = 0; sim->node != NULL && i < sim->nodes; i++) {
		shoal_sim_node_done(&sim->node[i]);
	}
	while (!shoal_list_empty(&sim->flying)) {
		struct shoal_list *first = shoal_list_first(&sim->flying);

		shoal_sim_net_free(sim, SHOAL_LIST_ITEM(first, struct shoal_sim_packet, link));
	}
	shoal_slab_done(&sim->exchange);
	shoal_ring_done(&sim->notes);
	shoal_heap_done(&sim->heap);
	shoal_alloc_free(&mem, sim->cut);
	shoal_alloc_free(&mem, sim->way);
	shoal_alloc_free(&mem, sim->node);
	shoal_alloc_free(&mem, sim);
}

void
shoal_sim_error(struct shoal_sim *sim, int code)
{
	sim->error = sim->error == 0 ? code : sim->error;
}

void
shoal_sim_add_note(struct shoal_sim *sim, const struct shoal_sim_note *note)
{
	struct shoal_sim_note *kept;

	if (sim->config.on_note != NULL) {
		sim->config.on_note(note, sim->config.arg);
	}
	if (sim->notes.count == sim->notes.limit) {
		shoal_ring_pop(&sim->notes);
	}
	kept = shoal_ring_push(&sim->notes);
	if (kept == NULL) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
	} else {
		*kept = *note;
	}
}

void
shoal_sim_fault(
        struct shoal_sim *sim, const char *word, uint32_t node, uint32_t other, uint64_t value)
{
	struct shoal_sim_note note = {.kind = SHOAL_SIM_NOTE_FAULT,
	        .at_ns = sim->now,
	        .node = node,
	        .other = other,
	        .word = word,
	        .value = value,
	        .told_by = SHOAL_SIM_NOBODY};

	shoal_sim_add_note(sim, &note);
}

void
shoal_sim_phase(struct shoal_sim *sim, const char *word)
{
	struct shoal_sim_note note = {.kind = SHOAL_SIM_NOTE_PHASE,
	        .at_ns = sim->now,
	        .node = SHOAL_SIM_NOBODY,
	        .other = SHOAL_SIM_NOBODY,
	        .word = word,
	        .told_by = SHOAL_SIM_NOBODY};

	shoal_sim_add_note(sim, &note);
}

void
shoal_sim_wake(struct shoal_sim *sim)
{
	for (uint32_t i = 0; i < sim->nodes; i++) {
		if (sim->node[i].core != NULL && sim->node[i].stalled) {
			shoal_sim_node_wake(&sim->node[i]);
		}
	}
}

void
shoal_sim_cut(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	shoal_sim_way_mark(sim);
	sim->cut[(size_t)from * sim->nodes + to] = 1;
	shoal_sim_fault(sim, "cut to", from, to, 0);
}

void
shoal_sim_group(struct shoal_sim *sim, uint32_t node, uint32_t group)
{
	shoal_sim_way_mark(sim);
	sim->node[node].group = group;
	shoal_sim_fault(sim, "group", node, SHOAL_SIM_NOBODY, group);
}

void
shoal_sim_heal(struct shoal_sim *sim)
{
	shoal_sim_way_mark(sim);
	memset(sim->cut, 0, (size_t)sim->nodes * sim->nodes);
	for (uint32_t i = 0; i < sim->nodes; i++) {
		sim->node[i].group = 0;
	}
	shoal_sim_fault(sim, "heal", SHOAL_SIM_NOBODY, SHOAL_SIM_NOBODY, 0);
}

void
shoal_sim_set_link(struct shoal_sim *sim, const struct shoal_sim_link *link)
{
	shoal_sim_way_mark(sim);
	sim->link = *link;
	shoal_sim_fault(
	        sim, "link, loss in a million", SHOAL_SIM_NOBODY, SHOAL_SIM_NOBODY, link->loss_ppm);
}

void
shoal_sim_set_record(struct shoal_sim *sim, shoal_sim_record_fn fn, void *arg)
{
	sim->config.on_record = fn;
	sim->config.record_arg = arg;
}

void
shoal_sim_set_scarcity(struct shoal_sim *sim, uint32_t fail_ppm)
{
	shoal_sim_way_mark(sim);
	sim->fail_ppm = fail_ppm;
	shoal_sim_fault(sim, "allocations fail, in a million", SHOAL_SIM_NOBODY, SHOAL_SIM_NOBODY,
	        fail_ppm);
}

void
shoal_sim_set_calm(struct shoal_sim *sim, bool calm)
{
	sim->calm = calm;
}

/* Every second: the checkers over all nodes, and what they hold into the trace. */
static void
tick(struct shoal_sim *sim)
{
	for (uint32_t i = 0; i < sim->nodes; i++) {
		struct shoal_sim_node *node = &sim->node[i];

		if (node->core != NULL) {
			(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS,
			        node->joins_open == 0 || node->stalled ||
			                sim->now <= node->join_until,
			        i, &node->id, "a join did not end in time");
			shoal_trace_u64(&sim->trace, shoal_core_hash(node->core));
			if (shoal_watch_members(&node->watch, node->core) != 0) {
				shoal_sim_error(sim, SHOAL_ERR_NOMEM);
			}
		}
	}
	shoal_heap_arm(&sim->heap, &sim->tick, sim->now + TICK_NS);
}

static void
happen(struct shoal_sim *sim, struct shoal_timer *timer)
{
	enum shoal_sim_timer kind = (enum shoal_sim_timer)timer->kind;

	switch (kind) {
	case SHOAL_SIM_TIMER_TICK:
		tick(sim);
		break;
	case SHOAL_SIM_TIMER_PACKET:
		shoal_sim_net_arrive(sim, SHOAL_LIST_ITEM(timer, struct shoal_sim_packet, timer));
		break;
	case SHOAL_SIM_TIMER_EXCHANGE:
		shoal_sim_net_expire(sim, SHOAL_LIST_ITEM(timer, struct shoal_sim_exchange, timer));
		break;
	default:
		shoal_sim_node_timer(&sim->node[timer->slot], kind);
		break;
	}
}

int
shoal_sim_run(struct shoal_sim *sim, uint64_t until_ns)
{
	while (sim->error == 0 && sim->checks.fired == 0) {
		uint64_t next = shoal_heap_next(&sim->heap);

		if (next > until_ns) {
			sim->now = until_ns > sim->now ? until_ns : sim->now;
			return 0;
		}
		sim->now = next;
		happen(sim, shoal_heap_expire(&sim->heap, next));
	}
	return sim->error != 0 ? sim->error : SHOAL_ERR_STATE;
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
	return sim->node[node].core != NULL;
}

uint32_t
shoal_sim_starts(const struct shoal_sim *sim, uint32_t node)
{
	return sim->node[node].instance;
}

bool
shoal_sim_has_joined(const struct shoal_sim *sim, uint32_t node)
{
	return sim->node[node].joined;
}

bool
shoal_sim_is_leaving(const struct shoal_sim *sim, uint32_t node)
{
	return sim->node[node].leaving;
}

const struct shoal_core *
shoal_sim_core(const struct shoal_sim *sim, uint32_t node)
{
	return sim->node[node].core;
}

const struct shoal_id *
shoal_sim_id(const struct shoal_sim *sim, uint32_t node)
{
	return &sim->node[node].id;
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
	const struct shoal_core *core = sim->node[observer].core;
	uint32_t slot;

	return core != NULL && shoal_core_find(core, &sim->node[subject].id, &slot) == 0 &&
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
	struct shoal_core_member held, self;

	return look(sim, observer, subject, &held) && look(sim, subject, subject, &self) &&
	       memcmp(&held.salt, &self.salt, sizeof(held.salt)) == 0;
}

void
shoal_sim_detection(
        const struct shoal_sim *sim, uint32_t node, struct shoal_sim_detection *detection)
{
	*detection = sim->node[node].detection;
}

struct shoal_checkers *
shoal_sim_checkers(struct shoal_sim *sim)
{
	return &sim->checks;
}

uint64_t
shoal_sim_trace(const struct shoal_sim *sim)
{
	return sim->trace.hash;
}

uint64_t
shoal_sim_steps(const struct shoal_sim *sim)
{
	return sim->steps;
}

const struct shoal_sim_note *
shoal_sim_note(const struct shoal_sim *sim, size_t i)
{
	return shoal_ring_at(&sim->notes, i);
}
