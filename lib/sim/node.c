/* SPDX-License-Identifier: MIT */
/* One node's life: it starts, joins, leaves, crashes and starts again.
 *
 * Invariant: a core's monotonic and wall clocks are shifted by numbers of its own, so that a time
 * that one core sends to another as if it were theirs cannot work by luck. */
#include "sim/world.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/text.h"

/* So many nodes of a world are followed at most. */
#define FOLLOWED_MOST 8

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
	uint32_t most = sim->config.followed_max == 0 ? 1 : sim->config.followed_max;
	uint32_t stride = (sim->nodes - 1) / most + 1;
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
	shoal_sim_accepted_init(node);
	shoal_list_init(&node->clients);
	shoal_list_init(&node->servers);
	shoal_watch_init(&node->watch, &sim->mem, &sim->checks, &sim->config.profile, number);
	bool unread = sim->config.codec != NULL && sim->config.codec->id != SHOAL_CODEC_BINARY;
	node->watch.limits_only = sim->config.unchecked || unread || number % stride != 0;
}

/* What its core counted stays. */
static void
keep_counters(struct shoal_sim_node *node)
{
	const struct shoal_counters *now = shoal_core_counters(node->core);
	struct shoal_sim *sim = node->sim;

	if (node->past == NULL) {
		node->past = shoal_alloc_zeroed(&sim->mem, 1, sizeof(*node->past));
	}
	if (node->past == NULL) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
		return;
	}
	for (size_t i = 0; i < SHOAL_COUNTERS; i++) {
		node->past->value[i] += now->value[i];
	}
}

/* Frees the core and what belongs to this run of it. */
void
shoal_sim_node_stop(struct shoal_sim_node *node, bool silent)
{
	struct shoal_sim *sim = node->sim;

	if (node->core == NULL) {
		return;
	}
	shoal_sim_good_mark(sim);
	shoal_sim_stream_down(node, silent);
	keep_counters(node);
	shoal_core_free(node->core);
	node->core = NULL;
	node->host_down = silent;
	node->stalled = node->paused = node->leaving = node->ended = node->joined = false;
	node->joins_open = node->joins_lost = 0;
	node->ranges = 0;
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
	shoal_alloc_free(&node->sim->mem, node->past);
	shoal_alloc_free(&node->sim->mem, node->disk);
	shoal_alloc_free(&node->sim->mem, node->mapped);
	shoal_sim_ordered_done(node);
	shoal_sim_accepted_done(node);
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

static void
configure(struct shoal_sim_node *node, struct shoal_core_config *config)
{
	struct shoal_sim *sim = node->sim;

	shoal_core_config_init(config);
	config->seed = shoal_rng_u64(&sim->rng);
	draw_bytes(&sim->rng, config->salt.bytes, sizeof(config->salt.bytes));
	config->salt.bytes[0] |= 1;
	node->salt = config->salt;
	config->mono_ns = sim->now + node->mono_shift;
	config->wall_ns = sim->config.wall_ns + sim->now + node->wall_shift;
	config->id = node->id;
	config->addr[0] = node->addr;
	config->addrs = 1;
	config->profile = sim->config.profile;
	config->log_level = sim->config.log_level;
	config->allocator = &node->allocator;
	config->pool = sim->pool;
	config->codec = sim->config.codec;
	config->cipher = sim->config.cipher;
	config->key = sim->config.key;
	config->key_count = sim->config.cipher != NULL ? 1 : 0;
	config->asks_accept = sim->config.asks_accept;
}

/* Those that are followed are spread evenly. */
static void
follow(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;
	uint32_t stride = (sim->nodes - 1) / FOLLOWED_MOST + 1;

	if (sim->follows && !node->watch.limits_only && node->number % stride == 0 &&
	        shoal_watch_follow(&node->watch, node->core) != 0) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
	}
}

int
shoal_sim_node_start(struct shoal_sim_node *node, uint64_t epoch_least)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_core_config config;
	char name[24];
	struct shoal_text text;
	uint32_t fail_ppm = sim->fail_ppm;
	int rc;

	shoal_sim_good_mark(sim);
	set_clocks(node);
	configure(node, &config);
	config.epoch_least = epoch_least;
	shoal_text_init(&text, name, sizeof(name));
	shoal_text_str(&text, "node-");
	shoal_text_u64(&text, node->number);
	config.name = name;
	if (sim->on_record != NULL) {
		sim->on_record(node->number, &config, NULL, sim->record_arg);
	}
	sim->fail_ppm = 0;
	rc = shoal_sim_accepted_start(node);
	rc = rc == 0 ? shoal_core_new(&node->core, &config, NULL, 0) : rc;
	sim->fail_ppm = fail_ppm;
	if (rc != 0) {
		shoal_sim_error(sim, rc);
		return rc;
	}
	follow(node);
	shoal_sim_size_reset(sim, node->number);
	node->instance++;
	node->started = shoal_sim_now(sim);
	node->left_in_calm = false;
	shoal_heap_arm(&sim->heap, &node->timer, sim->now);
	shoal_sim_pace_start(node);
	shoal_sim_fault(sim, "start", node->number, SHOAL_SIM_NOBODY, node->instance);
	return 0;
}

void
shoal_judge_follow(struct shoal_sim *sim)
{
	sim->follows = true;
}

int
shoal_sim_start(struct shoal_sim *sim, uint32_t number)
{
	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	return sim->node[number].core != NULL ? SHOAL_ERR_STATE
	                                      : shoal_sim_node_start(&sim->node[number], 0);
}

int
shoal_sim_gather(struct shoal_sim *sim)
{
	int rc = 0;

	for (uint32_t i = 0; i < sim->nodes && rc == 0; i++) {
		if (sim->node[i].core == NULL) {
			rc = shoal_sim_node_start(&sim->node[i], 0);
			rc = rc == 0 && i != 0 ? shoal_sim_join(sim, i, 0) : rc;
		}
	}
	return rc;
}

int
shoal_sim_crash(struct shoal_sim *sim, uint32_t number, enum shoal_sim_crash how)
{
	struct shoal_sim_node *node;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
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
	struct shoal_input input = {.kind = SHOAL_INPUT_JOIN, .from = sim->node[node->asked].addr};
	int rc;

	if (node->stalled) {
		shoal_heap_arm(&sim->heap, &node->retry, node->wake.at + 1);
		return;
	}
	shoal_heap_disarm(&sim->heap, &node->retry);
	node->joins_open++;
	node->join_until =
	        sim->now + SHOAL_MS(sim->config.profile.exchange_timeout_ms) + SHOAL_SEC(1);
	node->joins_in_calm = sim->calm && sim->node[node->asked].core != NULL;
	shoal_sim_fault(sim, "join", node->number, node->asked, 0);
	rc = shoal_sim_node_step(node, &input);
	if (rc != 0) {
		node->joins_open--;
		shoal_heap_arm(&sim->heap, &node->retry,
		        sim->now + SHOAL_MS(sim->config.profile.heal_interval_ms));
	}
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS,
	        rc == 0 || rc == SHOAL_ERR_LIMIT || rc == SHOAL_ERR_NOMEM ||
	                rc == SHOAL_ERR_PERMISSION,
	        node->number, &node->id, "a join command was refused");
}

int
shoal_sim_join(struct shoal_sim *sim, uint32_t number, uint32_t through)
{
	struct shoal_sim_node *node;

	if (!shoal_sim_is_node(sim, number) || !shoal_sim_is_node(sim, through)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	if (node->core == NULL || node->leaving || number == through) {
		return SHOAL_ERR_STATE;
	}
	node->seed = through;
	if (node->joins_open == 0) {
		node->asked = through;
		join(node);
	}
	return 0;
}

/* Watchers whose links its core knows. */
static uint32_t
count_watchers(const struct shoal_sim_node *node)
{
	uint32_t watchers = 0;

	SHOAL_LIST_FOREACH (one, &node->servers) {
		const struct shoal_sim_exchange *link =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_server);

		watchers += link->link && link->server_open && link->answered;
	}
	return watchers;
}

int
shoal_sim_leave(struct shoal_sim *sim, uint32_t number)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_LEAVE};
	uint64_t limit = SHOAL_MS(sim->config.profile.leave_timeout_ms) + SHOAL_SEC(1);
	struct shoal_sim_node *node;
	uint32_t watchers;
	int rc;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	if (node->core == NULL || node->leaving || node->stalled) {
		return SHOAL_ERR_STATE;
	}
	watchers = count_watchers(node);
	node->told = 0;
	shoal_sim_fault(sim, "leave", number, SHOAL_SIM_NOBODY, 0);
	node->leaving = true;
	node->left_in_calm = sim->calm;
	shoal_heap_disarm(&sim->heap, &node->retry);
	shoal_heap_arm(&sim->heap, &node->leave, sim->now + limit);
	rc = shoal_sim_node_step(node, &input);
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, rc == 0, number, &node->id,
	        "a leave command was refused");
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_LEAVE,
	        node->told >= watchers || sim->fail_ppm != 0, number, &node->id,
	        "leaves without a word on the links of its watchers");
	return 0;
}

/* The host's list of seeds is the whole cluster: the next one, until one let it in; and then the
 * one that it was to reach, for who is in may be alone with that one. */
static uint32_t
next_seed(const struct shoal_sim_node *node)
{
	uint32_t nodes = node->sim->nodes, next = (node->asked + 1) % nodes;

	if (node->joined) {
		return node->seed;
	}
	return next == node->number ? (next + 1) % nodes : next;
}

void
shoal_sim_node_timer(struct shoal_sim_node *node, enum shoal_sim_timer kind)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};

	switch (kind) {
	case SHOAL_SIM_TIMER_NODE:
		if (!node->stalled && !sim->timeless) {
			(void)shoal_sim_node_step(node, &input);
		}
		break;
	case SHOAL_SIM_TIMER_WAKE:
		shoal_sim_pace_timer(node);
		break;
	case SHOAL_SIM_TIMER_RETRY:
		if (!node->leaving && node->joins_open == 0 && node->seed != SHOAL_SIM_NOBODY &&
		        !sim->timeless) {
			node->asked = next_seed(node);
			join(node);
		}
		break;
	case SHOAL_SIM_TIMER_LEAVE:
		if (node->stalled) {
			shoal_heap_arm(&sim->heap, &node->leave, node->wake.at + SHOAL_SEC(1));
		} else if (node->slow_ns != 0 || node->period_ns != 0) {
			shoal_heap_arm(&sim->heap, &node->leave,
			        sim->now + SHOAL_SEC(1) + 2 * node->slow_ns + node->period_ns);
		} else {
			(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, false,
			        node->number, &node->id, "a leave did not end in time");
		}
		break;
	default:
		break;
	}
}
