/* SPDX-License-Identifier: MIT */
/* The world: its clock and its queue of what happens next.
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
#define GOOD_KEPT_TO    256

/* Members looked at each second in the look over all nodes: all of small worlds. */
#define LOOKS_PER_TICK 8192

/* shoal_sim_at */
struct call {
	struct shoal_timer timer;
	struct shoal_list link;
	shoal_sim_do_fn fn;
	void *arg;
};

void
shoal_sim_config_init_sized(struct shoal_sim_config *config, size_t size)
{
	memset(config, 0, size < sizeof(*config) ? size : sizeof(*config));
	config->size = size;
	config->nodes = 2;
	(void)shoal_profile_init(&config->profile, SHOAL_PROFILE_LAN);
	config->link.latency_min_ns = SHOAL_US(100);
	config->link.latency_max_ns = SHOAL_MS(1);
	config->link.jitter_ns = SHOAL_US(500);
	config->link.reorder_ns = SHOAL_MS(5);
	config->wall_ns = SHOAL_SEC(1800000000);
	config->socket_max = 512;
	config->followed_max = 256;
	config->notes_max = 4096;
	config->log_level = SHOAL_LOG_ERROR;
}

static int
make(struct shoal_sim *sim)
{
	size_t pairs = (size_t)sim->nodes * sim->nodes;
	int rc;

	rc = shoal_sim_sealed_init(sim);
	if (rc != 0) {
		return rc;
	}
	rc = shoal_pool_new(&sim->pool, &sim->mem);
	if (rc != 0) {
		return rc;
	}
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
	if (sim->nodes <= GOOD_KEPT_TO) {
		sim->accuracy_ns = shoal_profile_detection_bound(&sim->config.profile, sim->nodes);
		sim->good = shoal_alloc_zeroed(&sim->mem, pairs, sizeof(*sim->good));
		sim->sizes = shoal_alloc_zeroed(&sim->mem, pairs, sizeof(*sim->sizes));
	}
	return (sim->good != NULL && sim->sizes != NULL) || sim->nodes > GOOD_KEPT_TO
	               ? 0
	               : SHOAL_ERR_NOMEM;
}

int
shoal_sim_new(struct shoal_sim **out, const struct shoal_sim_config *config)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(config->allocator);
	struct shoal_sim *sim;
	int rc;

	if (config->size < sizeof(*config) || config->nodes == 0 ||
	        config->nodes > SHOAL_SIM_NODES_MAX || !shoal_sim_net_is_link(&config->link) ||
	        shoal_profile_check(&config->profile, NULL, 0) != 0) {
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
	sim->checks.unjudged = config->unjudged;
	shoal_heap_init(&sim->heap, &sim->mem);
	shoal_list_init(&sim->flying);
	shoal_list_init(&sim->calls);
	shoal_sim_way_init(sim);
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
	while (!shoal_list_empty(&sim->calls)) {
		struct shoal_list *first = shoal_list_first(&sim->calls);

		shoal_list_remove(first);
		shoal_alloc_free(&mem, SHOAL_LIST_ITEM(first, struct call, link));
	}
	shoal_packet_opener_free(sim->opener);
	shoal_pool_free(sim->pool);
	shoal_slab_done(&sim->exchange);
	shoal_sim_way_done(sim);
	shoal_sim_own_done(sim);
	shoal_sim_talk_done(sim);
	shoal_sim_casts_done(sim);
	shoal_ring_done(&sim->notes);
	shoal_heap_done(&sim->heap);
	shoal_alloc_free(&mem, sim->good);
	shoal_alloc_free(&mem, sim->sizes);
	shoal_alloc_free(&mem, sim->merging);
	shoal_alloc_free(&mem, sim->node);
	shoal_alloc_free(&mem, sim);
}

void
shoal_sim_error(struct shoal_sim *sim, int code)
{
	sim->error = sim->error == 0 ? code : sim->error;
}

int
shoal_sim_room(struct shoal_sim *sim)
{
	return shoal_heap_reserve(
	        &sim->heap, sim->timers + sim->packets + 2 * (size_t)sim->exchange.count + 2);
}

int
shoal_sim_at(struct shoal_sim *sim, uint64_t at_ns, shoal_sim_do_fn fn, void *arg)
{
	struct call *call = shoal_alloc_zeroed(&sim->mem, 1, sizeof(*call));

	if (call == NULL || shoal_sim_room(sim) != 0) {
		shoal_alloc_free(&sim->mem, call);
		return SHOAL_ERR_NOMEM;
	}
	sim->timers++;
	call->timer.kind = SHOAL_SIM_TIMER_CALL;
	call->fn = fn;
	call->arg = arg;
	shoal_list_push_back(&sim->calls, &call->link);
	shoal_heap_arm(&sim->heap, &call->timer, at_ns > sim->now ? at_ns : sim->now);
	return 0;
}

static void
make_call(struct shoal_sim *sim, struct call *call)
{
	shoal_sim_do_fn fn = call->fn;
	void *arg = call->arg;

	sim->timers--;
	shoal_list_remove(&call->link);
	shoal_alloc_free(&sim->mem, call);
	fn(sim, arg);
}

static void
look_at_members(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;

	if (!sim->config.untraced) {
		shoal_trace_u64(&sim->trace, shoal_core_hash(node->core));
	}
	if (shoal_watch_members(&node->watch, node->core) != 0) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
	}
}

/* Every second: the checkers over all nodes, and what they hold into the trace; in large worlds
 * over as many nodes as the number of members allows, one after the other. */
static void
tick(struct shoal_sim *sim)
{
	size_t looks = 0;

	for (uint32_t i = 0; i < sim->nodes; i++) {
		const struct shoal_sim_node *node = &sim->node[i];

		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS,
		        node->core == NULL || node->joins_open == 0 || node->stalled ||
		                sim->now <= node->join_until,
		        i, &node->id, "a join did not end in time");
	}
	for (uint32_t i = 0; i < sim->nodes && looks < LOOKS_PER_TICK; i++) {
		struct shoal_sim_node *node = &sim->node[sim->tick_next];

		sim->tick_next = (sim->tick_next + 1) % sim->nodes;
		if (node->core != NULL) {
			looks += shoal_core_slots(node->core);
			look_at_members(node);
		}
	}
	shoal_sim_own_look(sim, SHOAL_SIM_NOBODY);
	shoal_heap_arm(&sim->heap, &sim->tick, sim->now + TICK_NS);
}

static void
exchange_timer(struct shoal_sim *sim, uint32_t slot, bool client)
{
	struct shoal_sim_exchange *exchange = shoal_slab_at(&sim->exchange, slot);

	if (!client || exchange->up) {
		shoal_sim_watch_timer(sim, exchange, client);
	} else {
		shoal_sim_stream_expire(sim, exchange);
	}
}

static void
happen(struct shoal_sim *sim, struct shoal_timer *timer)
{
	enum shoal_sim_timer kind = (enum shoal_sim_timer)timer->kind;

	switch (kind) {
	case SHOAL_SIM_TIMER_TICK:
		tick(sim);
		break;
	case SHOAL_SIM_TIMER_CALL:
		make_call(sim, SHOAL_LIST_ITEM(timer, struct call, timer));
		break;
	case SHOAL_SIM_TIMER_PACKET:
		shoal_sim_net_arrive(sim, SHOAL_LIST_ITEM(timer, struct shoal_sim_packet, timer));
		break;
	case SHOAL_SIM_TIMER_EXCHANGE:
	case SHOAL_SIM_TIMER_WATCHED:
		exchange_timer(sim, timer->slot, kind == SHOAL_SIM_TIMER_EXCHANGE);
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

int
shoal_sim_run_until(struct shoal_sim *sim, uint64_t limit_ns, uint64_t step_ns,
        shoal_sim_until_fn fn, void *arg)
{
	int rc = 0;

	if (step_ns == 0) {
		return SHOAL_ERR_INVALID;
	}
	while (rc == 0 && !fn(sim, arg)) {
		uint64_t left = limit_ns > sim->now ? limit_ns - sim->now : 0;

		if (left == 0) {
			return SHOAL_ERR_TIMEOUT;
		}
		rc = shoal_sim_run(sim, sim->now + (step_ns < left ? step_ns : left));
	}
	return rc;
}
