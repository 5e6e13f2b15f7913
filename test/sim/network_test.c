/* SPDX-License-Identifier: MIT */
/* The network of the simulator through its public functions: each fault does what it says, which is
 * seen by what real cores hold, and by what is counted. */
#include "six.h"

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
	assert_true(tail.least < SHOAL_MS(4));
	assert_true(tail.most > tail.sum / tail.count * 3 / 2);
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
members_learn_what_a_way_takes_whether_they_are_told_or_not(void **state)
{
	(void)state;
	for (int told = 0; told <= 1; told++) {
		struct shoal_sim *sim = make();
		struct shoal_counters counters;

		for (uint32_t i = 0; i < NODES; i++) {
			assert_int_equal(
			        shoal_sim_set_mtu(sim, i, SHOAL_SIM_NOBODY, 1000, told != 0), 0);
		}
		gather(sim);
		run_for(sim, SHOAL_SEC(10 * NODES));
		for (uint32_t i = 0; i < NODES; i++) {
			shoal_sim_counters(sim, i, &counters);
			/* 1,232 and 508, or 508 at once, for each of the others. */
			assert_in_range(counters.value[SHOAL_COUNTER_PATHS_LOWERED], NODES - 1,
			        2 * (NODES - 1));
			assert_int_equal(counters.value[SHOAL_COUNTER_SUSPICIONS], 0);
			for (uint32_t k = 0; k < NODES; k++) {
				assert_int_equal(shoal_sim_state(sim, i, k), SHOAL_STATE_ALIVE);
			}
		}
		shoal_sim_free(sim);
	}
}

static void
a_host_may_reject_datagrams_and_serve_streams(void **state)
{
	struct shoal_counters counters, after;
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	(void)state;
	shoal_sim_config_init(&config);
	config.seed = 3;
	config.nodes = NODES;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LOCAL);
	config.profile.watchers = 0; /* it would be reached by its own links */
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
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
	/* Nothing gets in and nobody is told so: what it asks itself brings the pings of others. */
	assert_true(after.value[SHOAL_COUNTER_RELAYS_ASKED] >
	            counters.value[SHOAL_COUNTER_RELAYS_ASKED]);
	assert_int_equal(
	        after.value[SHOAL_COUNTER_REFUSALS], counters.value[SHOAL_COUNTER_REFUSALS]);
	assert_int_equal(shoal_sim_state(sim, 0, 1), SHOAL_STATE_ALIVE);
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
	        cmocka_unit_test(members_learn_what_a_way_takes_whether_they_are_told_or_not),
	        cmocka_unit_test(a_host_may_reject_datagrams_and_serve_streams),
	        cmocka_unit_test(connections_that_are_reset_end_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
