/* SPDX-License-Identifier: MIT */
/* Time on a node: stalls, starvation, slowness, clocks that jump.
 *
 * One timer a node ends a stall and begins the next pause of a node that is short of processor
 * time. Both are the same to the core: it takes nothing meanwhile, and then all at once. */
#include "sim/world.h"

static bool
is_starved(const struct shoal_sim_node *node)
{
	return node->period_ns > node->run_ns;
}

/* Its turn ends after run_ns. */
void
shoal_sim_pace_start(struct shoal_sim_node *node)
{
	if (is_starved(node) && !node->stalled) {
		shoal_heap_arm(&node->sim->heap, &node->wake, node->sim->now + node->run_ns);
	}
}

static void
wake(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;
	uint32_t instance = node->instance;

	shoal_sim_good_mark(sim);
	shoal_heap_disarm(&sim->heap, &node->wake);
	node->stalled = false;
	node->join_until += SHOAL_MS(sim->config.profile.exchange_timeout_ms);
	if (!node->paused) {
		shoal_sim_fault(sim, "wake", node->number, SHOAL_SIM_NOBODY, node->waiting);
	}
	node->paused = false;
#ifdef SHOAL_PLANT_JUDGES_FIRST
	sim->config.judges_first = true;
#endif
	if (sim->config.judges_first) {
		struct shoal_input timers = {.kind = SHOAL_INPUT_TIMER};
		(void)shoal_sim_node_step(node, &timers);
	}
	shoal_sim_node_drain(node);
	if (node->core != NULL && node->instance == instance) {
		shoal_heap_arm(&sim->heap, &node->timer, sim->now);
		shoal_sim_pace_start(node);
	}
}

void
shoal_sim_pace_timer(struct shoal_sim_node *node)
{
	if (node->stalled) {
		wake(node);
	} else if (is_starved(node)) {
		node->stalled = node->paused = true;
		shoal_heap_arm(&node->sim->heap, &node->wake,
		        node->sim->now + node->period_ns - node->run_ns);
	}
}

int
shoal_sim_stall(struct shoal_sim *sim, uint32_t number, uint64_t duration_ns)
{
	struct shoal_sim_node *node;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	if (node->core == NULL || (node->stalled && !node->paused)) {
		return SHOAL_ERR_STATE;
	}
	shoal_sim_good_mark(sim);
	shoal_sim_fault(sim, "stall", number, SHOAL_SIM_NOBODY, duration_ns);
	node->stalled = true;
	node->paused = false;
	shoal_heap_arm(&sim->heap, &node->wake, sim->now + duration_ns);
	return 0;
}

int
shoal_sim_starve(struct shoal_sim *sim, uint32_t number, uint64_t run_ns, uint64_t period_ns)
{
	struct shoal_sim_node *node;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	shoal_sim_good_mark(sim);
	node->run_ns = run_ns;
	node->period_ns = period_ns > run_ns ? period_ns : 0;
	shoal_sim_fault(sim, "is starved, period", number, SHOAL_SIM_NOBODY, node->period_ns);
	if (node->core == NULL) {
		return 0;
	}
	if (node->paused && !is_starved(node)) {
		wake(node);
	} else if (!node->stalled) {
		shoal_heap_disarm(&sim->heap, &node->wake);
		shoal_sim_pace_start(node);
	}
	return 0;
}

int
shoal_sim_slow(struct shoal_sim *sim, uint32_t number, uint64_t delay_ns)
{
	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	sim->node[number].slow_ns = delay_ns;
	shoal_sim_fault(sim, "is slow by", number, SHOAL_SIM_NOBODY, delay_ns);
	return 0;
}

int
shoal_sim_block(struct shoal_sim *sim, uint32_t number, uint64_t duration_ns)
{
	uint64_t until = sim->now + duration_ns;
	struct shoal_sim_node *node;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	shoal_sim_good_mark(sim);
	node->blocked_until = until > node->blocked_until ? until : node->blocked_until;
	shoal_sim_fault(sim, "block", number, SHOAL_SIM_NOBODY, duration_ns);
	return 0;
}

void
shoal_sim_wake(struct shoal_sim *sim)
{
	for (uint32_t i = 0; i < sim->nodes; i++) {
		struct shoal_sim_node *node = &sim->node[i];

		if (node->slow_ns != 0) {
			(void)shoal_sim_slow(sim, i, 0);
		}
		if (node->period_ns != 0) {
			(void)shoal_sim_starve(sim, i, 0, 0);
		}
		if (node->core != NULL && node->stalled) {
			wake(node);
		}
	}
}

int
shoal_sim_jump(struct shoal_sim *sim, uint32_t number, int64_t wall_ns, uint64_t mono_ns)
{
	struct shoal_sim_node *node;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	if (node->core == NULL) {
		return SHOAL_ERR_STATE;
	}
	shoal_sim_good_mark(sim);
	shoal_sim_fault(sim, wall_ns < 0 ? "wall clock back by" : "wall clock on by", number,
	        SHOAL_SIM_NOBODY,
	        wall_ns < 0 ? (uint64_t)0 - (uint64_t)wall_ns : (uint64_t)wall_ns);
	shoal_sim_fault(sim, "monotonic clock on by", number, SHOAL_SIM_NOBODY, mono_ns);
	node->wall_shift += (uint64_t)wall_ns;
	node->mono_shift += mono_ns;
	shoal_sim_casts_jump(sim, number, mono_ns);
	shoal_sim_node_arm(node);
	return 0;
}

void
shoal_sim_set_scarcity(struct shoal_sim *sim, uint32_t fail_ppm)
{
	shoal_sim_good_mark(sim);
	sim->fail_ppm = fail_ppm;
	shoal_sim_fault(sim, "allocations fail, in a million", SHOAL_SIM_NOBODY, SHOAL_SIM_NOBODY,
	        fail_ppm);
}
