/* SPDX-License-Identifier: MIT */
/* One node's life: it starts, joins, leaves, stalls, crashes and starts again.
 *
 * Invariant: a core's monotonic and wall clocks are shifted by numbers of its own, so that a time
 * that one core sends to another as if it were theirs cannot work by luck. */
#include "sim/world.h"

#include "base/addr.h"
#include "base/text.h"

static void
draw_bytes(struct shoal_rng *rng, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bytes[i] = (uint8_t)shoal_rng_u32(rng);
	}
}

void
shoal_sim_node_init(struct shoal_sim *sim, struct shoal_sim_node *node, uint32_t number)
{
	const uint8_t ip[4] = {10, 1, (uint8_t)(number >> 8), (uint8_t)number};

	node->sim = sim;
	node->number = number;
	node->seed = SHOAL_SIM_NOBODY;
	shoal_sim_memory_init(&node->memory, sim, &node->allocator);
	shoal_addr_from_ipv4(&node->addr, ip, 7946);
	draw_bytes(&sim->rng, node->id.bytes, sizeof(node->id.bytes));
	node->id.bytes[14] = (uint8_t)(number >> 8);
	node->id.bytes[15] = (uint8_t)number;
	node->timer.kind = SHOAL_SIM_TIMER_NODE;
	node->wake.kind = SHOAL_SIM_TIMER_WAKE;
	node->retry.kind = SHOAL_SIM_TIMER_RETRY;
	node->leave.kind = SHOAL_SIM_TIMER_LEAVE;
	node->timer.slot = node->wake.slot = node->retry.slot = node->leave.slot = number;
	shoal_list_init(&node->socket);
	shoal_watch_init(&node->watch, &sim->mem, &sim->checks, &sim->config.profile, number);
}

/* Frees the core and what belongs to this run of it. */
void
shoal_sim_node_stop(struct shoal_sim_node *node, bool silent)
{
	struct shoal_sim *sim = node->sim;

	if (node->core == NULL) {
		return;
	}
	shoal_sim_way_mark(sim);
	shoal_sim_net_down(node, silent);
	shoal_core_free(node->core);
	node->core = NULL;
	node->host_down = silent;
	node->stalled = node->leaving = node->ended = node->joined = false;
	node->joins_open = node->joins_lost = 0;
	node->seed = SHOAL_SIM_NOBODY;
	node->detection = (struct shoal_sim_detection){.down_ns = sim->now};
	shoal_heap_disarm(&sim->heap, &node->timer);
	shoal_heap_disarm(&sim->heap, &node->wake);
	shoal_heap_disarm(&sim->heap, &node->retry);
	shoal_heap_disarm(&sim->heap, &node->leave);
	shoal_watch_done(&node->watch);
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_BOUNDS, node->memory.held == 0,
	        node->number, &node->id, "memory is held after shoal_core_free");
}

void
shoal_sim_node_done(struct shoal_sim_node *node)
{
	shoal_sim_node_stop(node, true);
	shoal_watch_done(&node->watch);
}

/* A machine's clock may be set anew while a node of it is down, back as well as on; its uptime
 * starts somewhere else. */
static void
set_clocks(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;

	node->wall_shift = shoal_rng_between(&sim->rng, 0, sim->config.skew_ns);
	node->mono_shift = shoal_rng_between(&sim->rng, SHOAL_SEC(1), SHOAL_SEC(1000000));
}

int
shoal_sim_start(struct shoal_sim *sim, uint32_t number)
{
	struct shoal_sim_node *node = &sim->node[number];
	struct shoal_core_config config;
	char name[24], why[120];
	struct shoal_text text;
	uint32_t fail_ppm = sim->fail_ppm;
	int rc;

	if (node->core != NULL) {
		return SHOAL_ERR_STATE;
	}
	shoal_sim_way_mark(sim);
	set_clocks(node);
	shoal_text_init(&text, name, sizeof(name));
	shoal_text_str(&text, "node-");
	shoal_text_u64(&text, number);
	shoal_core_config_init(&config);
	config.seed = shoal_rng_u64(&sim->rng);
	draw_bytes(&sim->rng, config.salt.bytes, sizeof(config.salt.bytes));
	config.salt.bytes[0] |= 1;
	config.mono_ns = sim->now + node->mono_shift;
	config.wall_ns = sim->config.wall_ns + sim->now + node->wall_shift;
	config.id = node->id;
	config.name = name;
	config.addr[0] = node->addr;
	config.addrs = 1;
	config.profile = sim->config.profile;
	config.log_level = sim->config.log_level;
	config.allocator = &node->allocator;
	if (sim->config.on_record != NULL) {
		sim->config.on_record(number, &config, NULL, sim->config.record_arg);
	}
	sim->fail_ppm = 0;
	rc = shoal_core_new(&node->core, &config, why, sizeof(why));
	sim->fail_ppm = fail_ppm;
	if (rc != 0) {
		shoal_sim_error(sim, rc);
		return rc;
	}
	node->instance++;
	node->left_in_calm = false;
	shoal_heap_arm(&sim->heap, &node->timer, sim->now);
	shoal_sim_fault(sim, "start", number, SHOAL_SIM_NOBODY, node->instance);
	return 0;
}

int
shoal_sim_crash(struct shoal_sim *sim, uint32_t number, enum shoal_sim_crash how)
{
	struct shoal_sim_node *node = &sim->node[number];

	if (node->core == NULL) {
		return SHOAL_ERR_STATE;
	}
	shoal_sim_fault(sim, how == SHOAL_SIM_CRASH_HOST ? "lose host" : "crash", number,
	        SHOAL_SIM_NOBODY, node->instance);
	shoal_sim_node_stop(node, how == SHOAL_SIM_CRASH_HOST);
	return 0;
}

static void
join(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_input input = {.kind = SHOAL_INPUT_JOIN, .from = sim->node[node->seed].addr};
	int rc;

	if (node->stalled) {
		shoal_heap_arm(&sim->heap, &node->retry, node->wake.at + 1);
		return;
	}
	shoal_heap_disarm(&sim->heap, &node->retry);
	node->joins_open++;
	node->join_until =
	        sim->now + SHOAL_MS(sim->config.profile.exchange_timeout_ms) + SHOAL_SEC(1);
	node->joins_in_calm = sim->calm && sim->node[node->seed].core != NULL;
	shoal_sim_fault(sim, "join", node->number, node->seed, 0);
	rc = shoal_sim_node_step(node, &input);
	if (rc != 0) {
		node->joins_open--;
		shoal_heap_arm(&sim->heap, &node->retry,
		        sim->now + SHOAL_MS(sim->config.profile.heal_interval_ms));
	}
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS,
	        rc == 0 || rc == SHOAL_ERR_LIMIT || rc == SHOAL_ERR_NOMEM, node->number, &node->id,
	        "a join command was refused");
}

int
shoal_sim_join(struct shoal_sim *sim, uint32_t number, uint32_t through)
{
	struct shoal_sim_node *node = &sim->node[number];

	if (node->core == NULL || node->leaving || number == through) {
		return SHOAL_ERR_STATE;
	}
	node->seed = through;
	if (node->joins_open == 0) {
		join(node);
	}
	return 0;
}

int
shoal_sim_leave(struct shoal_sim *sim, uint32_t number)
{
	struct shoal_sim_node *node = &sim->node[number];
	struct shoal_input input = {.kind = SHOAL_INPUT_LEAVE};
	uint64_t limit = SHOAL_MS(sim->config.profile.leave_timeout_ms) + SHOAL_SEC(1);
	int rc;

	if (node->core == NULL || node->leaving || node->stalled) {
		return SHOAL_ERR_STATE;
	}
	shoal_sim_fault(sim, "leave", number, SHOAL_SIM_NOBODY, 0);
	node->leaving = true;
	node->left_in_calm = sim->calm;
	shoal_heap_disarm(&sim->heap, &node->retry);
	shoal_heap_arm(&sim->heap, &node->leave, sim->now + limit);
	rc = shoal_sim_node_step(node, &input);
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, rc == 0, number, &node->id,
	        "a leave command was refused");
	return 0;
}

int
shoal_sim_stall(struct shoal_sim *sim, uint32_t number, uint64_t duration_ns)
{
	struct shoal_sim_node *node = &sim->node[number];

	if (node->core == NULL || node->stalled) {
		return SHOAL_ERR_STATE;
	}
	shoal_sim_fault(sim, "stall", number, SHOAL_SIM_NOBODY, duration_ns);
	node->stalled = true;
	shoal_heap_arm(&sim->heap, &node->wake, sim->now + duration_ns);
	return 0;
}

void
shoal_sim_node_timer(struct shoal_sim_node *node, enum shoal_sim_timer kind)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};

	switch (kind) {
	case SHOAL_SIM_TIMER_NODE:
		if (!node->stalled) {
			(void)shoal_sim_node_step(node, &input);
		}
		break;
	case SHOAL_SIM_TIMER_WAKE:
		shoal_sim_node_wake(node);
		break;
	case SHOAL_SIM_TIMER_RETRY:
		if (!node->leaving && node->joins_open == 0 && node->seed != SHOAL_SIM_NOBODY) {
			/* The host's list of seeds is the whole cluster: the next one. */
			node->seed = (node->seed + 1) % sim->nodes;
			node->seed = node->seed == node->number ? (node->seed + 1) % sim->nodes
			                                        : node->seed;
			join(node);
		}
		break;
	case SHOAL_SIM_TIMER_LEAVE:
		if (node->stalled) {
			shoal_heap_arm(&sim->heap, &node->leave, node->wake.at + SHOAL_SEC(1));
		} else {
			(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, false,
			        node->number, &node->id, "a leave did not end in time");
		}
		break;
	default:
		break;
	}
}
