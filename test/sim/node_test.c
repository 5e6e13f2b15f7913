/* SPDX-License-Identifier: MIT */
/* Nodes of the simulator through its public functions: their time, their schedule, what is measured
 * and counted of them, checkers of one's own, and what is refused. */
#include "sim/world.h"
#include "six.h"
#include "unit_cipher.h"

static void
a_starved_node_runs_in_its_turns(void **state)
{
	struct shoal_sim *sim = make();
	unsigned stalled = 0;

	(void)state;
	gather(sim);
	assert_int_equal(shoal_sim_starve(sim, 1, SHOAL_MS(25), SHOAL_MS(100)), 0);
	for (unsigned i = 0; i < 100; i++) {
		stalled += shoal_sim_is_stalled(sim, 1);
		run_for(sim, SHOAL_MS(10));
	}
	assert_in_range(stalled, 65, 85);
	run_for(sim, SHOAL_SEC(20));
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_sim_starve(sim, 1, 0, 0), 0);
	assert_false(shoal_sim_is_stalled(sim, 1));
	shoal_sim_free(sim);
}

static void
who_is_slow_answers_late(void **state)
{
	struct shoal_sim_link link = {.latency_max_ns = SHOAL_US(10)};
	struct shoal_sim *sim = make_with(&link);
	struct shoal_core_member member;
	uint32_t slot;

	(void)state;
	assert_int_equal(shoal_sim_slow(sim, 1, SHOAL_MS(30)), 0);
	gather(sim);
	run_for(sim, SHOAL_SEC(10));
	assert_int_equal(shoal_core_find(shoal_sim_core(sim, 0), shoal_sim_id(sim, 1), &slot), 0);
	assert_true(shoal_core_member(shoal_sim_core(sim, 0), slot, &member));
	assert_in_range(member.rtt_ns, SHOAL_MS(30), SHOAL_MS(31));
	shoal_sim_wake(sim);
	run_for(sim, SHOAL_SEC(60));
	assert_true(shoal_core_member(shoal_sim_core(sim, 0), slot, &member));
	assert_true(member.rtt_ns < SHOAL_MS(2));
	shoal_sim_free(sim);
}

static unsigned doubts;

static void
count_doubts(uint32_t node, const struct shoal_event *event, void *arg)
{
	(void)node;
	(void)arg;
	doubts += event->kind == SHOAL_EVENT_SUSPECT || event->kind == SHOAL_EVENT_FAILED;
}

/* One after the other, the seed too, and one while it is down. */
static void
who_moves_is_found_there_by_all_and_doubted_by_nobody(void **state)
{
	struct shoal_sim_config config;
	struct shoal_core_member member;
	struct shoal_sim *sim;
	uint32_t slot;

	(void)state;
	shoal_sim_config_init(&config);
	config.nodes = 6;
	config.on_event = count_doubts;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	assert_int_equal(shoal_sim_move(sim, 5), 0);
	assert_int_equal(shoal_sim_gather(sim), 0);
	run_for(sim, SHOAL_SEC(10));
	doubts = 0;
	for (uint32_t node = 0; node < 6; node++) {
		struct shoal_addr before = *shoal_sim_addr(sim, node);
		assert_int_equal(shoal_sim_move(sim, node), 0);
		assert_false(shoal_addr_equal(&before, shoal_sim_addr(sim, node)));
		run_for(sim, SHOAL_SEC(5));
	}
	run_for(sim, SHOAL_SEC(60));
	for (uint32_t i = 0; i < 36; i++) {
		const struct shoal_core *core = shoal_sim_core(sim, i / 6);
		assert_int_equal(shoal_core_find(core, shoal_sim_id(sim, i % 6), &slot), 0);
		assert_true(shoal_core_member(core, slot, &member));
		assert_true(shoal_addr_equal(&member.addr[0], shoal_sim_addr(sim, i % 6)));
	}
	assert_int_equal(doubts, 0);
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_sim_leave(sim, 1), 0);
	assert_int_equal(shoal_sim_move(sim, 1), SHOAL_ERR_STATE);
	shoal_sim_free(sim);
}

/* Its timers run while its messages are held both ways: the others find it silent, it finds them
 * all silent and accuses none, and what it said then arrives afterwards. */
static void
what_a_blocked_node_sends_and_gets_is_held(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_sim_traffic before, held, after;

	(void)state;
	gather(sim);
	run_for(sim, SHOAL_SEC(5));
	shoal_sim_traffic(sim, 1, &before);
	assert_int_equal(shoal_sim_block(sim, 1, SHOAL_SEC(5)), 0);
	assert_int_equal(shoal_sim_block(sim, 1, SHOAL_SEC(1)), 0);
	run_for(sim, SHOAL_SEC(4));
	shoal_sim_traffic(sim, 1, &held);
	assert_int_equal(held.received, before.received);
	assert_true(held.datagrams > before.datagrams);
	assert_int_not_equal(shoal_sim_state(sim, 0, 1), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_sim_state(sim, 1, 0), SHOAL_STATE_ALIVE);
	run_for(sim, SHOAL_SEC(2));
	shoal_sim_traffic(sim, 1, &after);
	assert_true(after.received > held.received);
	run_for(sim, SHOAL_SEC(30));
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_free(sim);
}

/* A host that judges before it reads suspects whoever answered while it did not run. */
static void
who_judges_first_holds_it_against_others_that_it_did_not_run(void **state)
{
	struct shoal_counters counters;
	uint64_t suspicions[2];

	(void)state;
	for (int first = 0; first <= 1; first++) {
		struct shoal_sim_config config;
		struct shoal_sim *sim;

		shoal_sim_config_init(&config);
		config.nodes = 6;
		config.judges_first = first == 1;
		config.unjudged = true;
		config.profile.stall_ms = 0;
		config.profile.relays = 0;
		config.profile.stream_pings = 0;
		/* It pings when it wakes and a second later, so one is under way when it stops. */
		config.link.latency_min_ns = config.link.latency_max_ns = SHOAL_MS(200);
		assert_int_equal(shoal_sim_new(&sim, &config), 0);
		assert_int_equal(shoal_sim_gather(sim), 0);
		run_for(sim, SHOAL_SEC(20));
		for (int i = 0; i < 40; i++) {
			assert_int_equal(shoal_sim_stall(sim, 1, SHOAL_MS(1500)), 0);
			run_for(sim, SHOAL_MS(1500 + 1250));
		}
		shoal_sim_counters(sim, 1, &counters);
		suspicions[first] = counters.value[SHOAL_COUNTER_PROBES_FAILED];
		shoal_sim_free(sim);
	}

	assert_true(suspicions[1] > suspicions[0]);
}

static void
clocks_that_jump_end_no_agreement(void **state)
{
	struct shoal_sim *sim = make();
	uint64_t deadline;

	(void)state;
	assert_int_equal(shoal_sim_jump(sim, 1, 0, 0), SHOAL_ERR_STATE);
	gather(sim);
	deadline = shoal_core_deadline(shoal_sim_core(sim, 1));
	assert_int_equal(shoal_sim_jump(sim, 1, -(int64_t)SHOAL_SEC(100000), SHOAL_SEC(5)), 0);
	run_for(sim, 1);
	assert_true(shoal_core_deadline(shoal_sim_core(sim, 1)) > deadline);
	assert_int_equal(shoal_sim_jump(sim, 2, (int64_t)SHOAL_SEC(100000), 0), 0);
	run_for(sim, SHOAL_SEC(20));
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_free(sim);
}

static void
crash_three(struct shoal_sim *sim, void *arg)
{
	assert_int_equal(shoal_sim_now(sim), SHOAL_SEC(12));
	assert_int_equal(shoal_sim_crash(sim, 3, SHOAL_SIM_CRASH_PROCESS), 0);
	(*(unsigned *)arg)++;
}

static bool
never(struct shoal_sim *sim, void *arg)
{
	(void)sim;
	(void)arg;
	return false;
}

static void
a_schedule_is_kept_to_the_moment_and_a_detection_is_measured(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_sim_detection seen;
	unsigned calls = 0;

	(void)state;
	gather(sim);
	shoal_sim_detection(sim, 3, &seen);
	assert_int_equal(seen.down_ns, 0);
	assert_int_equal(shoal_sim_at(sim, SHOAL_SEC(12), crash_three, &calls), 0);
	assert_int_equal(shoal_sim_run(sim, SHOAL_SEC(40)), 0);
	assert_int_equal(calls, 1);
	shoal_sim_detection(sim, 3, &seen);
	assert_int_equal(seen.down_ns, SHOAL_SEC(12));
	assert_true(seen.down_ns < seen.suspect_ns && seen.suspect_ns <= seen.first_ns);
	assert_int_equal(seen.by, NODES - 1);
	assert_true(shoal_sim_all_hold(sim, 3, SHOAL_STATE_DEAD, NULL));
	assert_int_equal(shoal_sim_run_until(sim, SHOAL_SEC(41), SHOAL_MS(300), never, NULL),
	        SHOAL_ERR_TIMEOUT);
	assert_int_equal(shoal_sim_now(sim), SHOAL_SEC(41));
	assert_int_equal(
	        shoal_sim_run_until(sim, SHOAL_SEC(42), 0, never, NULL), SHOAL_ERR_INVALID);
	/* Freed with its world. */
	assert_int_equal(shoal_sim_at(sim, SHOAL_SEC(50), crash_three, &calls), 0);
	shoal_sim_free(sim);
}

static void
the_bound_of_agreement_grows_with_the_members(void **state)
{
	struct shoal_profile profile;

	(void)state;
	(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
	assert_true(shoal_sim_convergence_bound(&profile, 3, 0) >
	            shoal_profile_detection_bound(&profile, 3));
	assert_true(shoal_sim_convergence_bound(&profile, 30, 0) >
	            shoal_sim_convergence_bound(&profile, 3, 0));
}

static void
the_bound_of_agreement_grows_with_those_who_stay_down(void **state)
{
	struct shoal_profile profile;

	(void)state;
	(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
	uint64_t nobody = shoal_sim_convergence_bound(&profile, 1000, 0);
	uint64_t half = shoal_sim_convergence_bound(&profile, 1000, 500);
	uint64_t most = shoal_sim_convergence_bound(&profile, 1000, 501);
	assert_true(nobody < half && half < most);
	/* Two doublings of the members cost as many more intervals, and what else grows. */
	assert_true(shoal_sim_convergence_bound(&profile, 4000, 0) < 2 * nobody);
	/* Of few members none is promised later than of many. */
	assert_true(shoal_sim_convergence_bound(&profile, 4, 1) ==
	            shoal_sim_convergence_bound(&profile, 4, 3));
}

static void
a_cluster_that_lost_power_finds_itself_by_what_it_saved(void **state)
{
	struct shoal_sim *sim = make();

	(void)state;
	assert_int_equal(shoal_sim_restore(sim, 0), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_sim_save(sim, 0), SHOAL_ERR_STATE);
	gather(sim);
	for (uint32_t i = 0; i < NODES; i++) {
		assert_int_equal(shoal_sim_save(sim, i), 0);
	}
	assert_int_equal(shoal_sim_restore(sim, 0), SHOAL_ERR_STATE);
	run_for(sim, SHOAL_SEC(100));
	for (uint32_t i = 0; i < NODES; i++) {
		assert_int_equal(shoal_sim_crash(sim, i, SHOAL_SIM_CRASH_HOST), 0);
	}
	for (uint32_t i = 0; i < NODES; i++) {
		assert_int_equal(shoal_sim_restore(sim, i), 0);
	}
	assert_int_equal(shoal_sim_run_until(sim, SHOAL_SEC(200), SHOAL_MS(100), agreed, NULL), 0);
	shoal_sim_free(sim);
}

static void
a_warm_world_is_steady_at_once(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_counters counters;

	(void)state;
	shoal_sim_set_calm(sim, true);
	assert_int_equal(shoal_sim_start(sim, 2), 0);
	assert_int_equal(shoal_sim_warm(sim), 0);
	assert_int_equal(shoal_sim_state(sim, 0, 2), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_sim_state(sim, 2, 0), SHOAL_STATE_UNKNOWN);
	assert_int_equal(shoal_sim_join(sim, 2, 0), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_true(shoal_sim_agreed(sim, NULL));
	shoal_sim_counters(sim, SHOAL_SIM_NOBODY, &counters);
	assert_int_equal(counters.value[SHOAL_COUNTER_SELF_REFUTATIONS], 0);
	shoal_sim_free(sim);
}

static bool
three_lives(struct shoal_sim *sim, uint32_t node, char *why, size_t len, void *arg)
{
	(void)arg;
	(void)snprintf(why, len, "three is gone");
	return node != 2 || shoal_sim_state(sim, 2, 3) != SHOAL_STATE_DEAD;
}

static void
a_checker_of_ones_own_stops_the_run(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_sim_failure failure;
	struct shoal_sim_check check;
	size_t last = 0;

	(void)state;
	assert_int_equal(
	        shoal_sim_add_check(sim, "three", "three lives", NULL, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_add_check(sim, "three", "three lives", three_lives, NULL), 0);
	gather(sim);
	assert_false(shoal_sim_failure(sim, &failure));
	assert_int_equal(shoal_sim_crash(sim, 3, SHOAL_SIM_CRASH_HOST), 0);
	assert_int_equal(shoal_sim_run(sim, SHOAL_SEC(60)), SHOAL_ERR_STATE);
	assert_true(shoal_sim_failure(sim, &failure));
	assert_string_equal(failure.check, "three");
	assert_string_equal(failure.why, "three is gone");
	assert_int_equal(failure.observer, 2);
	assert_int_equal(failure.subject, SHOAL_SIM_NOBODY);
	assert_int_equal(failure.at_ns, shoal_sim_now(sim));
	while (shoal_sim_check(sim, last + 1, &check)) {
		last++;
		assert_true(strlen(check.help) > 10);
	}
	assert_string_equal(check.name, "three");
	assert_true(check.looked > 100);
	shoal_sim_free(sim);
}

static void
what_is_sent_is_counted_over_all_instances(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_sim_traffic one, all;
	struct shoal_counters first, second;

	(void)state;
	gather(sim);
	run_for(sim, SHOAL_SEC(5));
	shoal_sim_counters(sim, 4, &first);
	shoal_sim_traffic(sim, 4, &one);
	shoal_sim_traffic(sim, SHOAL_SIM_NOBODY, &all);
	assert_int_equal(first.value[SHOAL_COUNTER_DATAGRAMS_OUT], one.datagrams);
	assert_int_equal(
	        first.value[SHOAL_COUNTER_BYTES_OUT], one.datagram_bytes + one.stream_bytes);
	assert_true(one.streams > 0 && all.datagrams > 4 * one.datagrams);
	/* A program that knows fewer of them gets those. */
	struct {
		uint64_t value[SHOAL_COUNTER_BYTES_OUT + 1], behind;
	} older = {.behind = 7};
	shoal_sim_counters_sized(
	        sim, 4, (struct shoal_counters *)(void *)&older, sizeof(older.value));
	assert_memory_equal(older.value, first.value, sizeof(older.value));
	assert_int_equal(older.behind, 7);
	assert_true(shoal_sim_memory(sim) > NODES * sizeof(struct shoal_core_member));
	assert_int_equal(shoal_sim_crash(sim, 4, SHOAL_SIM_CRASH_PROCESS), 0);
	shoal_sim_counters(sim, 4, &second);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(shoal_sim_start(sim, 4), 0);
	assert_int_equal(shoal_sim_join(sim, 4, 0), 0);
	run_for(sim, SHOAL_SEC(1));
	shoal_sim_counters(sim, 4, &second);
	assert_true(second.value[SHOAL_COUNTER_DATAGRAMS_OUT] >
	            first.value[SHOAL_COUNTER_DATAGRAMS_OUT]);
	shoal_sim_free(sim);
}

static void
an_input_of_ones_own_reaches_the_core(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_input input = {.kind = SHOAL_INPUT_JOIN};
	uint64_t steps;

	(void)state;
	assert_int_equal(shoal_sim_step(sim, 1, &input), SHOAL_ERR_STATE);
	assert_int_equal(shoal_sim_start(sim, 0), 0);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	input.from = *shoal_sim_addr(sim, 0);
	steps = shoal_sim_steps(sim);
	input.kind = SHOAL_INPUT_TIMER;
	assert_int_equal(shoal_sim_step(sim, 1, &input), 0);
	assert_int_equal(shoal_sim_steps(sim), steps + 1);
	assert_int_equal(shoal_sim_step(sim, NODES, &input), SHOAL_ERR_INVALID);
	shoal_sim_free(sim);
}

static void
a_node_that_is_not_there_is_down_and_refused(void **state)
{
	struct shoal_sim *sim = make();
	uint32_t watches, watched;

	(void)state;
	assert_int_equal(shoal_sim_start(sim, NODES), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_join(sim, 0, NODES), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_leave(sim, NODES), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_crash(sim, NODES, SHOAL_SIM_CRASH_PROCESS), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_stall(sim, NODES, 1), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_starve(sim, NODES, 1, 2), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_slow(sim, NODES, 1), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_jump(sim, NODES, 1, 1), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_group(sim, NODES, 1), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_flap(sim, NODES, 1, 2), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_filter(sim, NODES, SHOAL_SIM_FILTER_PASS, SHOAL_SIM_FILTER_PASS),
	        SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_reset(sim, NODES), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_forget_links(sim, 0, NODES), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_sim_move(sim, NODES), SHOAL_ERR_INVALID);
	assert_false(shoal_sim_is_up(sim, NODES) || shoal_sim_is_stalled(sim, NODES));
	assert_false(shoal_sim_has_joined(sim, NODES) || shoal_sim_is_leaving(sim, NODES));
	assert_false(shoal_sim_reaches(sim, 0, NODES));
	assert_int_equal(shoal_sim_starts(sim, NODES), 0);
	assert_null(shoal_sim_core(sim, NODES));
	assert_null(shoal_sim_id(sim, NODES));
	assert_null(shoal_sim_addr(sim, NODES));
	shoal_sim_links(sim, NODES, &watches, &watched);
	assert_int_equal(watches + watched, 0);
	shoal_sim_free(sim);
}

static void
a_configuration_that_makes_no_sense_is_refused(void **state)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	(void)state;
	shoal_sim_config_init(&config);
	config.nodes = SHOAL_SIM_NODES_MAX + 1;
	assert_int_equal(shoal_sim_new(&sim, &config), SHOAL_ERR_INVALID);
	config.nodes = 1;
	config.profile.probe_interval_ms = 0;
	assert_int_equal(shoal_sim_new(&sim, &config), SHOAL_ERR_INVALID);
	shoal_sim_config_init(&config);
	config.size = 4;
	assert_int_equal(shoal_sim_new(&sim, &config), SHOAL_ERR_INVALID);
	shoal_sim_free(NULL);
}

/* Two of six are killed, one of them comes back; every packet is sealed, some come twice, some are
 * damaged. */
static void
nodes_that_seal_live_as_others_do(void **state)
{
	static const struct shoal_key key = {.len = 32, .bytes = {1, 2, 3}};
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	(void)state;
	shoal_sim_config_init(&config);
	config.seed = 5;
	config.nodes = NODES;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	config.link.loss_ppm = 10000;
	config.link.duplicate_ppm = 50000;
	config.link.corrupt_ppm = 10000;
	config.link.reorder_ppm = 50000;
	config.link.reorder_ns = SHOAL_MS(20);
	config.cipher = unit_cipher();
	config.key = &key;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	shoal_judge_follow(sim);
	gather(sim);
	/* And are looked at as closely. */
	assert_false(sim->node[0].watch.limits_only);
	assert_non_null(sim->node[0].watch.follow);
	run_for(sim, SHOAL_SEC(20));
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_sim_crash(sim, 1, SHOAL_SIM_CRASH_HOST), 0);
	assert_int_equal(shoal_sim_crash(sim, 2, SHOAL_SIM_CRASH_HOST), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_core_count(shoal_sim_core(sim, 0), SHOAL_STATE_ALIVE), NODES - 2);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_SEC(30));
	assert_true(shoal_sim_agreed(sim, NULL));
	assert_int_equal(shoal_core_count(shoal_sim_core(sim, 0), SHOAL_STATE_ALIVE), NODES - 1);
	const struct shoal_counters *counters = shoal_core_counters(shoal_sim_core(sim, 0));
	assert_true(counters->value[SHOAL_COUNTER_DROP_REPLAYED] > 0);
	assert_true(counters->value[SHOAL_COUNTER_DROP_CLEAR] +
	                    counters->value[SHOAL_COUNTER_DROP_AUTH] >
	            0);
	shoal_sim_free(sim);
	assert_int_equal(unit_cipher_seen.live, 0);
}

/* A datagram on its way to a node, where there is one. */
static const struct shoal_sim_packet *
flying_to(const struct shoal_sim *sim, uint32_t node)
{
	SHOAL_LIST_FOREACH (one, &sim->flying) {
		const struct shoal_sim_packet *packet =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_packet, link);
		if (packet->kind == SHOAL_INPUT_DATAGRAM && packet->to == node) {
			return packet;
		}
	}
	return NULL;
}

static void
a_first_copy_that_is_refused_is_seen_where_nodes_seal(void **state)
{
	static const struct shoal_key key = {.len = 32, .bytes = {1, 2, 3}};
	const struct shoal_sim_packet *packet;
	struct shoal_sim_failure failure;
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	(void)state;
	shoal_sim_config_init(&config);
	config.nodes = NODES;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	config.cipher = unit_cipher();
	config.key = &key;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	gather(sim);
	for (int i = 0; (packet = flying_to(sim, 0)) == NULL; i++) {
		assert_true(i < 100000);
		run_for(sim, SHOAL_US(10));
	}
	/* Its core has it before the world brings it. */
	struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
	        .from = sim->node[packet->from].addr,
	        .data = packet->data,
	        .len = packet->len};
	assert_int_equal(shoal_sim_step(sim, 0, &input), 0);
	assert_int_equal(shoal_sim_run(sim, shoal_sim_now(sim) + SHOAL_SEC(1)), SHOAL_ERR_STATE);
	assert_true(shoal_sim_failure(sim, &failure));
	assert_string_equal(failure.check, "packets");
	assert_non_null(strstr(failure.why, "a good datagram was refused"));
	shoal_sim_free(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_starved_node_runs_in_its_turns),
	        cmocka_unit_test(who_is_slow_answers_late),
	        cmocka_unit_test(what_a_blocked_node_sends_and_gets_is_held),
	        cmocka_unit_test(who_moves_is_found_there_by_all_and_doubted_by_nobody),
	        cmocka_unit_test(who_judges_first_holds_it_against_others_that_it_did_not_run),
	        cmocka_unit_test(clocks_that_jump_end_no_agreement),
	        cmocka_unit_test(a_schedule_is_kept_to_the_moment_and_a_detection_is_measured),
	        cmocka_unit_test(the_bound_of_agreement_grows_with_the_members),
	        cmocka_unit_test(the_bound_of_agreement_grows_with_those_who_stay_down),
	        cmocka_unit_test(a_cluster_that_lost_power_finds_itself_by_what_it_saved),
	        cmocka_unit_test(a_warm_world_is_steady_at_once),
	        cmocka_unit_test(a_checker_of_ones_own_stops_the_run),
	        cmocka_unit_test(what_is_sent_is_counted_over_all_instances),
	        cmocka_unit_test(an_input_of_ones_own_reaches_the_core),
	        cmocka_unit_test(a_node_that_is_not_there_is_down_and_refused),
	        cmocka_unit_test(a_configuration_that_makes_no_sense_is_refused),
	        cmocka_unit_test(nodes_that_seal_live_as_others_do),
	        cmocka_unit_test(a_first_copy_that_is_refused_is_seen_where_nodes_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
