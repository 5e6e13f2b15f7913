/* SPDX-License-Identifier: MIT */
/* The switches that leave plain SWIM, and each part of Lifeguard, to be run for comparison: what is
 * switched off is gone as a whole. */
#include "unit.h"

#include "core/detect/suspicion.h"
#include "core/node.h"
#include "core_world.h"

static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, 0);
}

static struct shoal_profile *
profile_of(const struct core_world *world)
{
	return &world_core(world, 0)->profile;
}

static void
without_stream_pings_relays_alone_are_asked(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 4);
	profile_of(&world)->stream_pings = 0;
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(9));
	assert_non_null(event);
	assert_null(strstr(event->cause.detail, "stream"));
	assert_non_null(strstr(event->cause.detail, " directly and through 3 relays"));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_STREAM_PINGS), 0);
	world_done(&world);
}

static void
without_nacks_a_failed_probe_costs_one_point(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 4);
	profile_of(&world)->nacks = 0;
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(9)));
	assert_int_equal(shoal_core_health(world_core(&world, 0)), 1);
	world_done(&world);
}

static void
without_a_score_nothing_stretches(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 4);
	profile_of(&world)->health_max = 0;
	world_run(&world, SHOAL_SEC(30));
	assert_int_equal(shoal_core_health(world_core(&world, 0)), 0);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED) > 3);
	world_done(&world);
}

/* The accused hears of it by gossip like anybody else. */
static void
without_belief_the_accused_is_told_by_gossip_only(void **state)
{
	(void)state;
	for (int belief = 0; belief <= 1; belief++) {
		struct core_world world;
		uint32_t slot;

		set_up(&world, 4);
		profile_of(&world)->belief = (uint32_t)belief;
		world_run(&world, SHOAL_MS(500));
		const struct shoal_event *event =
		        world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(9));
		assert_non_null(event);
		struct shoal_id id = event->id;
		shoal_core_find(world_core(&world, 0), &id, &slot);
		shoal_gossip_forget(world_core(&world, 0), slot);
		world_clear(&world);
		shoal_probe_begin(world_core(&world, 0), slot, SHOAL_PROBE_ROUND);
		world_drain(&world, 0);
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_PING);
		assert_non_null(packet);
		assert_int_equal(packet_state_of(packet, &id),
		        belief ? SHOAL_STATE_SUSPECT : SHOAL_STATE_UNKNOWN);
		/* What is dead hears so all the same: a cluster must heal. */
		shoal_suspicion_expire(world_core(&world, 0), slot);
		shoal_gossip_forget(world_core(&world, 0), slot);
		world_clear(&world);
		shoal_probe_begin(world_core(&world, 0), slot, SHOAL_PROBE_HEAL);
		world_drain(&world, 0);
		packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_PING);
		assert_int_equal(packet_state_of(packet, &id), SHOAL_STATE_DEAD);
		world_done(&world);
	}
}

static void
without_belief_gossip_to_the_accused_names_it(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1);
	profile_of(&world)->belief = 0;
	world_run(&world, SHOAL_MS(500));
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(9));
	assert_non_null(event);
	struct shoal_id id = event->id;
	world_run(&world, SHOAL_SEC(1));
	const struct world_packet *packet = NULL;
	size_t told = 0;
	while ((packet = world_sent(&world, packet, 0, &world.puppet[0].addr, 0)) != NULL) {
		told += packet_state_of(packet, &id) == SHOAL_STATE_SUSPECT;
	}
	assert_true(told > 0);
	world_done(&world);
}

static void
without_verification_a_told_death_counts_at_once(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 4);
	profile_of(&world)->verify_deaths = 0;
	struct shoal_msg_state dead = puppet_state(&world.puppet[1], SHOAL_STATE_DEAD);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &dead);
	const struct shoal_event *event =
	        world_event(&world, 0, SHOAL_EVENT_FAILED, &world.puppet[1].id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_GOSSIP);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), 0);
	world_done(&world);
}

/* A whole cluster of plain SWIM: a crash is known to all, and who is back is back. */
static void
plain_swim_finds_a_crash_and_takes_the_member_back(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 5; i++) {
		struct shoal_core_config config;

		world_config(&world, &config);
		config.profile.nacks = config.profile.health_max = config.profile.belief = 0;
		config.profile.stream_pings = config.profile.adaptive_timeout = 0;
		config.profile.verify_deaths = config.profile.bursts = config.profile.watchers = 0;
		config.profile.stall_ms = 0;
		config.profile.suspicion_max_mult = 1;
		world_add(&world, &config);
	}
	for (size_t i = 1; i < 5; i++) {
		world_join(&world, i, 0);
	}
	world_run(&world, SHOAL_SEC(3));
	struct shoal_id victim = world_id(&world, 2);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 5);
	}
	world.node[2].up = false;
	world_run(&world, shoal_profile_detection_bound(profile_of(&world), 5));
	for (size_t i = 0; i < 5; i++) {
		if (i != 2) {
			assert_int_equal(world_state(&world, i, &victim), SHOAL_STATE_DEAD);
		}
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_STREAM_PINGS), 0);
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_NACKS_OUT), 0);
	}
	world_restart(&world, 2);
	world_join(&world, 2, 0);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(world_state(&world, i, &victim), SHOAL_STATE_ALIVE);
	}
	world_done(&world);
}

/* Plain SWIM knows no stalls: a loop that comes back after the end of a probe has nothing left to
 * ask relays and stream with, and does not ask them to wait for longer. */
static void
without_stalls_a_probe_whose_end_has_passed_gives_relays_no_time(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 4);
	profile_of(&world)->stall_ms = 0;
	assert_non_null(world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(9)));
	world.now += SHOAL_SEC(5);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	const struct world_packet *packet = NULL;
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_RELAY)) != NULL) {
		assert_int_equal(packet_has(packet, SHOAL_MESSAGE_RELAY)->relay.budget_ms, 0);
	}
	for (packet = world.sent; packet != NULL; packet = packet->next) {
		assert_true(packet->timeout_ns <= SHOAL_SEC(1));
	}
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(without_stream_pings_relays_alone_are_asked),
	        cmocka_unit_test(without_nacks_a_failed_probe_costs_one_point),
	        cmocka_unit_test(without_a_score_nothing_stretches),
	        cmocka_unit_test(without_belief_the_accused_is_told_by_gossip_only),
	        cmocka_unit_test(without_belief_gossip_to_the_accused_names_it),
	        cmocka_unit_test(without_verification_a_told_death_counts_at_once),
	        cmocka_unit_test(without_stalls_a_probe_whose_end_has_passed_gives_relays_no_time),
	        cmocka_unit_test(plain_swim_finds_a_crash_and_takes_the_member_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
