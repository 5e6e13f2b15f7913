/* SPDX-License-Identifier: MIT */
/* The network and the clocks of the simulator through its public functions: each fault does what it
 * says, which is seen by what real cores hold, and by what is counted. */
#include <shoal/sim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NODES 6

static struct shoal_sim *
make_with(const struct shoal_sim_link *link)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	shoal_sim_config_init(&config);
	config.seed = 3;
	config.nodes = NODES;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	if (link != NULL) {
		config.link = *link;
	}
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	return sim;
}

static struct shoal_sim *
make(void)
{
	return make_with(NULL);
}

static bool
agreed(struct shoal_sim *sim, void *arg)
{
	(void)arg;
	return shoal_sim_agreed(sim, NULL);
}

static void
gather(struct shoal_sim *sim)
{
	assert_int_equal(shoal_sim_gather(sim), 0);
	assert_int_equal(shoal_sim_run_until(sim, SHOAL_SEC(10), SHOAL_MS(10), agreed, NULL), 0);
}

static void
run_for(struct shoal_sim *sim, uint64_t ns)
{
	assert_int_equal(shoal_sim_run(sim, shoal_sim_now(sim) + ns), 0);
}

/* The round trips that node 0 measured. */
struct trips {
	size_t count;
	uint64_t least, most, sum;
};

static void
on_event(uint32_t node, const struct shoal_event *event, void *arg)
{
	struct trips *trips = arg;

	if (node != 0 || event->kind != SHOAL_EVENT_MEASURED) {
		return;
	}
	trips->least =
	        trips->count == 0 || event->rtt_ns < trips->least ? event->rtt_ns : trips->least;
	trips->most = event->rtt_ns > trips->most ? event->rtt_ns : trips->most;
	trips->sum += event->rtt_ns;
	trips->count++;
}

static struct trips
measure(const struct shoal_sim_link *link)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;
	struct trips trips = {0};

	shoal_sim_config_init(&config);
	config.nodes = NODES;
	config.link = *link;
	config.on_event = on_event;
	config.arg = &trips;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	gather(sim);
	run_for(sim, SHOAL_SEC(600));
	shoal_sim_free(sim);
	assert_true(trips.count > 300);
	return trips;
}

static void
latencies_lie_within_their_bounds_whatever_their_form(void **state)
{
	struct shoal_sim_link link = {.latency_min_ns = SHOAL_MS(1),
	        .latency_max_ns = SHOAL_MS(41),
	        .latency_per_packet = true};
	struct trips uniform, normal, tail;

	(void)state;
	uniform = measure(&link);
	link.latency = SHOAL_SIM_LATENCY_NORMAL;
	normal = measure(&link);
	link.latency = SHOAL_SIM_LATENCY_TAIL;
	tail = measure(&link);
	/* Events tell the smoothed time: two ways of 21 ms in the mean, of 2.6 with the tail. */
	assert_in_range(uniform.least, SHOAL_MS(2), SHOAL_MS(35));
	assert_in_range(uniform.most, SHOAL_MS(50), SHOAL_MS(82));
	assert_in_range(uniform.sum / uniform.count, SHOAL_MS(38), SHOAL_MS(46));
	assert_in_range(normal.sum / normal.count, SHOAL_MS(38), SHOAL_MS(46));
	assert_true(normal.most - normal.least < uniform.most - uniform.least);
	assert_in_range(tail.sum / tail.count, SHOAL_MS(3), SHOAL_MS(10));
	assert_true(tail.least < SHOAL_MS(4) && tail.most > 3 * (tail.sum / tail.count));
}

static void
a_fixed_latency_is_the_same_on_every_way(void **state)
{
	struct shoal_sim_link link = {.latency_min_ns = SHOAL_MS(7), .latency_max_ns = SHOAL_MS(7)};
	struct trips trips = measure(&link);

	(void)state;
	assert_int_equal(trips.least, SHOAL_MS(14));
	assert_int_equal(trips.most, SHOAL_MS(14));
}

static uint64_t
lost_permille(const struct shoal_sim *sim)
{
	struct shoal_sim_traffic traffic;

	shoal_sim_traffic(sim, SHOAL_SIM_NOBODY, &traffic);
	return traffic.lost * 1000 / traffic.datagrams;
}

static void
bursts_lose_their_share_in_the_long_run(void **state)
{
	/* A fifth of the time bad, and then half of all lost: a tenth. */
	struct shoal_sim_link link = {.latency_max_ns = SHOAL_MS(1),
	        .burst_loss_ppm = 500000,
	        .burst_good_ns = SHOAL_SEC(4),
	        .burst_bad_ns = SHOAL_SEC(1)};
	struct shoal_sim *sim = make_with(&link);

	(void)state;
	assert_int_equal(shoal_sim_gather(sim), 0);
	run_for(sim, SHOAL_SEC(600));
	assert_in_range(lost_permille(sim), 60, 150);
	shoal_sim_free(sim);
}

static void
a_link_that_makes_no_sense_is_refused(void **state)
{
	struct shoal_sim_link link = {.latency_min_ns = 2, .latency_max_ns = 1};
	struct shoal_sim *sim = make();

	(void)state;
	assert_int_equal(shoal_sim_set_link(sim, &link), SHOAL_ERR_INVALID);
	link = (struct shoal_sim_link){.loss_ppm = 1000001};
	assert_int_equal(shoal_sim_set_link(sim, &link), SHOAL_ERR_INVALID);
	link = (struct shoal_sim_link){.burst_loss_ppm = 1};
	assert_int_equal(shoal_sim_set_link(sim, &link), SHOAL_ERR_INVALID);
	link = (struct shoal_sim_link){.loss_ppm = 1000000};
	assert_int_equal(shoal_sim_set_link(sim, &link), 0);
	shoal_sim_free(sim);
}

static void
a_way_that_is_cut_passes_again_when_it_is_not(void **state)
{
	struct shoal_sim *sim = make();

	(void)state;
	assert_int_equal(shoal_sim_cut(sim, 1, 2), 0);
	assert_false(shoal_sim_reaches(sim, 1, 2));
	assert_true(shoal_sim_reaches(sim, 2, 1));
	assert_int_equal(shoal_sim_uncut(sim, 1, 2), 0);
	assert_true(shoal_sim_reaches(sim, 1, 2));
	assert_int_equal(shoal_sim_cut(sim, 1, NODES), SHOAL_ERR_INVALID);
	shoal_sim_free(sim);
}

static void
who_stands_in_two_groups_reaches_both(void **state)
{
	struct shoal_sim *sim = make();

	(void)state;
	assert_int_equal(shoal_sim_group(sim, 1, 1), 0);
	assert_int_equal(shoal_sim_bridge(sim, 2, 0, 1), 0);
	assert_true(shoal_sim_reaches(sim, 0, 2) && shoal_sim_reaches(sim, 2, 1));
	assert_true(shoal_sim_reaches(sim, 1, 2) && shoal_sim_reaches(sim, 2, 0));
	assert_false(shoal_sim_reaches(sim, 0, 1) || shoal_sim_reaches(sim, 1, 0));
	shoal_sim_heal(sim);
	assert_true(shoal_sim_reaches(sim, 0, 1));
	shoal_sim_free(sim);
}

/* Pairs, one way each, that do not reach each other. */
static unsigned
parted(const struct shoal_sim *sim)
{
	unsigned pairs = 0;

	for (uint32_t a = 0; a < NODES; a++) {
		for (uint32_t b = 0; b < NODES; b++) {
			pairs += !shoal_sim_reaches(sim, a, b);
		}
	}
	return pairs;
}

static void
partitions_are_drawn_in_three_ways(void **state)
{
	struct shoal_sim *sim = make();
	unsigned seen[3] = {0, 0, 0};

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		shoal_sim_partition(sim, SHOAL_SIM_PARTITION_ISOLATE);
		assert_int_equal(parted(sim), 2 * (NODES - 1));
		shoal_sim_partition(sim, SHOAL_SIM_PARTITION_SIDES);
		seen[0] += parted(sim) > 0;
		shoal_sim_partition(sim, SHOAL_SIM_PARTITION_BRIDGES);
		seen[1] += parted(sim) > 0;
		for (uint32_t node = 0, bridges = 0; node < NODES; node++) {
			bridges = 0;
			for (uint32_t other = 0; other < NODES; other++) {
				bridges += shoal_sim_reaches(sim, node, other);
			}
			seen[2] += bridges == NODES;
		}
	}
	assert_true(seen[0] > 20 && seen[1] > 20 && seen[2] >= 40);
	shoal_sim_free(sim);
}

static void
one_member_may_lose_what_comes_and_what_it_sends(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_sim_traffic before, after;

	(void)state;
	gather(sim);
	assert_int_equal(shoal_sim_lossy(sim, 1, 0, 1000000), 0);
	shoal_sim_traffic(sim, 1, &before);
	run_for(sim, SHOAL_SEC(5));
	shoal_sim_traffic(sim, 1, &after);
	assert_true(after.datagrams > before.datagrams);
	assert_int_equal(after.lost - before.lost, after.datagrams - before.datagrams);
	assert_true(after.received > before.received);
	assert_int_equal(shoal_sim_lossy(sim, 1, 1000000, 0), 0);
	run_for(sim, SHOAL_SEC(1));
	shoal_sim_traffic(sim, 1, &before);
	run_for(sim, SHOAL_SEC(5));
	shoal_sim_traffic(sim, 1, &after);
	assert_int_equal(after.received, before.received);
	assert_int_equal(shoal_sim_lossy(sim, 1, 1000001, 0), SHOAL_ERR_INVALID);
	shoal_sim_free(sim);
}

static void
a_flapping_interface_passes_in_its_share_of_the_time(void **state)
{
	struct shoal_sim *sim = make();
	unsigned up = 0;

	(void)state;
	assert_int_equal(shoal_sim_flap(sim, 1, SHOAL_MS(300), SHOAL_SEC(1)), 0);
	for (unsigned i = 0; i < 100; i++) {
		up += shoal_sim_reaches(sim, 0, 1);
		assert_int_equal(shoal_sim_reaches(sim, 1, 0), shoal_sim_reaches(sim, 0, 1));
		assert_true(shoal_sim_reaches(sim, 0, 2));
		run_for(sim, SHOAL_MS(100));
	}
	assert_int_equal(up, 30);
	assert_int_equal(shoal_sim_flap(sim, 1, 0, 0), 0);
	assert_true(shoal_sim_reaches(sim, 0, 1));
	shoal_sim_free(sim);
}

static void
count_too_large(uint32_t node, const struct shoal_core_config *config,
        const struct shoal_input *input, void *arg)
{
	if (config == NULL && input->kind == SHOAL_INPUT_TOO_LARGE) {
		assert_int_equal(node, 1);
		assert_int_equal(input->size, 50);
		(*(unsigned *)arg)++;
	}
}

static void
a_datagram_above_the_mtu_is_lost_and_told_where_so_set(void **state)
{
	struct shoal_sim *sim = make();
	unsigned told_too_large = 0;
	struct shoal_sim_traffic before, after;

	(void)state;
	shoal_sim_set_record(sim, count_too_large, &told_too_large);
	gather(sim);
	assert_int_equal(shoal_sim_set_mtu(sim, 1, 2, 50, true), 0);
	run_for(sim, SHOAL_SEC(5));
	assert_true(told_too_large > 0);
	told_too_large = 0;
	assert_int_equal(shoal_sim_set_mtu(sim, 1, 2, 0, true), 0);
	assert_int_equal(shoal_sim_set_mtu(sim, 1, SHOAL_SIM_NOBODY, 50, false), 0);
	shoal_sim_traffic(sim, 1, &before);
	run_for(sim, SHOAL_SEC(5));
	shoal_sim_traffic(sim, 1, &after);
	assert_true(after.lost > before.lost);
	assert_int_equal(told_too_large, 0);
	assert_int_equal(shoal_sim_set_mtu(sim, 1, NODES, 60, true), SHOAL_ERR_INVALID);
	shoal_sim_free(sim);
}

static void
a_host_may_reject_datagrams_and_serve_streams(void **state)
{
	struct shoal_sim *sim = make();
	struct shoal_counters counters, after;

	(void)state;
	gather(sim);
	assert_int_equal(
	        shoal_sim_filter(sim, 1, SHOAL_SIM_FILTER_REJECT, SHOAL_SIM_FILTER_PASS), 0);
	run_for(sim, SHOAL_SEC(10));
	shoal_sim_counters(sim, 0, &counters);
	assert_true(counters.value[SHOAL_COUNTER_REFUSALS] > 0);
	assert_true(counters.value[SHOAL_COUNTER_STREAM_ACKS] > 0);
	assert_int_equal(shoal_sim_state(sim, 0, 1), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_sim_filter(sim, 1, SHOAL_SIM_FILTER_DROP, SHOAL_SIM_FILTER_DROP), 0);
	run_for(sim, SHOAL_SEC(10));
	shoal_sim_counters(sim, 0, &after);
	assert_true(after.value[SHOAL_COUNTER_PROBES_FAILED] >
	            counters.value[SHOAL_COUNTER_PROBES_FAILED]);
	assert_int_equal(
	        after.value[SHOAL_COUNTER_REFUSALS], counters.value[SHOAL_COUNTER_REFUSALS]);
	shoal_sim_free(sim);
}

/* What the last join that has ended ended with; 1: none has. */
static int
last_join(const struct shoal_sim *sim)
{
	const struct shoal_sim_note *note;
	int code = 1;

	for (size_t i = 0; (note = shoal_sim_note(sim, i)) != NULL; i++) {
		code = note->event == SHOAL_EVENT_JOINED ? note->code : code;
	}
	return code;
}

static void
connections_that_are_reset_end_closed(void **state)
{
	struct shoal_sim_link link = {.latency_max_ns = SHOAL_MS(1), .reset_ppm = 1000000};
	struct shoal_sim *sim = make_with(&link);

	(void)state;
	assert_int_equal(shoal_sim_start(sim, 0), 0);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_MS(100));
	assert_int_equal(last_join(sim), SHOAL_ERR_CLOSED);
	shoal_sim_free(sim);
	link.reset_ppm = 0;
	link.latency_min_ns = link.latency_max_ns = SHOAL_MS(400);
	sim = make_with(&link);
	assert_int_equal(shoal_sim_start(sim, 0), 0);
	assert_int_equal(shoal_sim_start(sim, 1), 0);
	assert_int_equal(shoal_sim_join(sim, 1, 0), 0);
	run_for(sim, SHOAL_MS(10));
	assert_int_equal(shoal_sim_reset(sim, 1), 0);
	run_for(sim, SHOAL_SEC(1) + SHOAL_MS(500));
	assert_int_equal(last_join(sim), SHOAL_ERR_CLOSED);
	assert_false(shoal_sim_has_joined(sim, 1));
	shoal_sim_free(sim);
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(latencies_lie_within_their_bounds_whatever_their_form),
	        cmocka_unit_test(a_fixed_latency_is_the_same_on_every_way),
	        cmocka_unit_test(bursts_lose_their_share_in_the_long_run),
	        cmocka_unit_test(a_link_that_makes_no_sense_is_refused),
	        cmocka_unit_test(a_way_that_is_cut_passes_again_when_it_is_not),
	        cmocka_unit_test(who_stands_in_two_groups_reaches_both),
	        cmocka_unit_test(partitions_are_drawn_in_three_ways),
	        cmocka_unit_test(one_member_may_lose_what_comes_and_what_it_sends),
	        cmocka_unit_test(a_flapping_interface_passes_in_its_share_of_the_time),
	        cmocka_unit_test(a_datagram_above_the_mtu_is_lost_and_told_where_so_set),
	        cmocka_unit_test(a_host_may_reject_datagrams_and_serve_streams),
	        cmocka_unit_test(connections_that_are_reset_end_closed),
	        cmocka_unit_test(a_starved_node_runs_in_its_turns),
	        cmocka_unit_test(who_is_slow_answers_late),
	        cmocka_unit_test(clocks_that_jump_end_no_agreement),
	        cmocka_unit_test(a_schedule_is_kept_to_the_moment_and_a_detection_is_measured),
	        cmocka_unit_test(a_checker_of_ones_own_stops_the_run),
	        cmocka_unit_test(what_is_sent_is_counted_over_all_instances),
	        cmocka_unit_test(an_input_of_ones_own_reaches_the_core),
	        cmocka_unit_test(a_node_that_is_not_there_is_down_and_refused),
	        cmocka_unit_test(a_configuration_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
