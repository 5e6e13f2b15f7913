/* SPDX-License-Identifier: MIT */
/* A loop that was not run in time: what counts as a stall, which deadlines move by how much and how
 * often, and where that is told. */
#include "unit.h"

#include "core/detect/suspicion.h"
#include "core/node.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)

/* A core whose news has been told, and `puppets` members; they answer until the test says no. */
static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world_run(world, SHOAL_SEC(20));
	world_clear(world);
}

static uint64_t
stalls(const struct core_world *world)
{
	return world_counter(world, 0, SHOAL_COUNTER_STALLS);
}

/* The loop runs again so long after its next deadline. */
static void
stall(struct core_world *world, uint64_t lag)
{
	world->now = shoal_core_deadline(world_core(world, 0)) + lag;
	world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
}

/* Nobody answers any more; runs until a member is suspected. */
static struct puppet *
fall_silent(struct core_world *world)
{
	for (size_t i = 0; i < world->puppets; i++) {
		world->puppet[i].answers = 0;
	}
	const struct shoal_event *event = world_await(world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(60));
	assert_non_null(event);
	for (size_t i = 0; i < world->puppets; i++) {
		if (shoal_id_compare(&world->puppet[i].id, &event->id) == 0) {
			return &world->puppet[i];
		}
	}
	fail();
	return NULL;
}

static const struct shoal_hold *
hold_of(const struct core_world *world, const struct puppet *puppet)
{
	const struct shoal_core *core = world_core(world, 0);
	uint32_t slot;

	assert_int_equal(shoal_core_find(core, &puppet->id, &slot), SHOAL_OK);
	return shoal_members_hold(core, shoal_members_at(core, slot));
}

static void
a_lag_counts_from_50_ms_or_a_twentieth_of_the_interval_on(void **state)
{
	static const struct {
		uint32_t interval_ms, stall_ms;
		uint64_t tolerated;
	} rows[] = {{1000, 50, SHOAL_MS(50)}, {500, 50, SHOAL_MS(50)}, {4000, 50, SHOAL_MS(200)},
	        {1000, 300, SHOAL_MS(300)}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct core_world world;

		set_up(&world, 3);
		struct shoal_profile *profile = &world_core(&world, 0)->profile;
		profile->probe_interval_ms = rows[i].interval_ms;
		profile->stall_ms = rows[i].stall_ms;
		stall(&world, rows[i].tolerated);
		assert_int_equal(stalls(&world), 0);
		assert_int_equal(shoal_core_health(world_core(&world, 0)), 0);
		stall(&world, rows[i].tolerated + 1);
		assert_int_equal(stalls(&world), 1);
		assert_int_equal(shoal_core_health(world_core(&world, 0)), 1);
		profile->stall_ms = 0;
		stall(&world, SHOAL_SEC(30));
		assert_int_equal(stalls(&world), 1);
		world_done(&world);
	}
}

static void
what_has_piled_up_is_read_within_one_stall(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	world.now = shoal_core_deadline(world_core(&world, 0)) + SHOAL_SEC(2);
	for (size_t i = 0; i < 30; i++) {
		struct shoal_msg_member alive = puppet_member(&world.puppet[0], SHOAL_STATE_ALIVE);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
		world.now += SHOAL_MS(10);
	}
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	assert_int_equal(stalls(&world), 1);
	assert_int_equal(shoal_core_health(world_core(&world, 0)), 1);
	world_run(&world, SHOAL_SEC(20));
	assert_int_equal(stalls(&world), 1);
	world_done(&world);
}

static void
a_wait_without_a_deadline_is_no_stall(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1);
	world.now = shoal_core_deadline(world_core(&world, 0));
	struct shoal_msg_member alive = puppet_member(&world.puppet[0], SHOAL_STATE_ALIVE);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
	assert_int_equal(stalls(&world), 0);
	world_done(&world);
}

static void
a_probe_waits_for_as_much_longer_at_most_for_its_whole_time(void **state)
{
	static const uint64_t lags[] = {SHOAL_MS(60), SHOAL_MS(400), INTERVAL, SHOAL_SEC(60)};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lags); i++) {
		struct core_world world;

		set_up(&world, 1);
		world.puppet[0].answers = 0;
		const struct world_packet *packet =
		        world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(9));
		uint64_t begun = world.now;
		assert_non_null(packet);
		world_run(
		        &world, SHOAL_MS(900)); /* relays and stream were tried: the end is next */
		world.now = begun + INTERVAL + lags[i];
		uint64_t end = begun + INTERVAL + (lags[i] < INTERVAL ? lags[i] : INTERVAL);
		world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		assert_int_equal(stalls(&world), 1);
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_SUSPECT, NULL, 0);
		/* What the socket held has been read before: no answer is an answer. */
		assert_non_null(event);
		assert_true(event->cause.after_ns == world.now - begun);
		assert_true(world.now >= end);
		assert_true(event->lag_ns == lags[i]);
		assert_non_null(strstr(event->cause.detail, "own loop"));
		world_done(&world);
	}
}

static void
a_stall_before_the_time_out_moves_the_end_too(void **state)
{
	static const uint64_t lags[] = {SHOAL_MS(60), SHOAL_MS(700), SHOAL_SEC(60)};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lags); i++) {
		struct core_world world;
		const struct shoal_probe *probe;

		set_up(&world, 1);
		world.puppet[0].answers = 0;
		const struct world_packet *packet =
		        world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(9));
		assert_non_null(packet);
		probe = shoal_probe_find(
		        world_core(&world, 0), packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq);
		uint64_t before = probe->deadline, out = probe->timer.at;
		uint64_t moved = lags[i] < INTERVAL ? lags[i] : INTERVAL;
		shoal_probe_delay(world_core(&world, 0), probe->timer.slot, lags[i]);
		assert_true(probe->deadline == before + moved);
		assert_true(probe->timer.at == out + moved);
		for (int more = 0; more < 40; more++) {
			shoal_probe_delay(world_core(&world, 0), probe->timer.slot, lags[i]);
		}
		assert_true(probe->deadline == before + INTERVAL);
		world_done(&world);
	}
}

static void
a_suspicion_lasts_longer_by_the_lag_and_at_most_twice_as_long(void **state)
{
	static const uint64_t lags[] = {SHOAL_MS(60), SHOAL_SEC(5), SHOAL_SEC(3000)};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lags); i++) {
		struct core_world world;

		set_up(&world, 3);
		struct puppet *subject = fall_silent(&world);
		const struct shoal_hold *hold = hold_of(&world, subject);
		uint64_t end = hold->timer.at, length = end - hold->begun;
		world.now = shoal_core_deadline(world_core(&world, 0)) + lags[i];
		struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, subject, SHOAL_MESSAGE_MEMBER, &alive); /* old word */
		assert_int_equal(stalls(&world), 1);
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_SUSPECT);
		uint64_t moved = lags[i] < length ? lags[i] : length;
		assert_true(hold_of(&world, subject)->timer.at == end + moved);
		uint32_t slot;
		shoal_core_find(world_core(&world, 0), &subject->id, &slot);
		for (int more = 0; more < 5000 && moved < length; more++) {
			shoal_suspicion_delay(world_core(&world, 0), slot, lags[i]);
		}
		assert_true(hold->timer.at == hold->begun + 2 * length);
		world_done(&world);
	}
}

static void
time_that_was_stalled_away_is_no_time_of_doubt(void **state)
{
	struct core_world world;
	uint32_t slot;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject = fall_silent(&world);
	struct shoal_core *core = world_core(&world, 0);
	const struct shoal_hold *hold = hold_of(&world, subject);
	shoal_core_find(core, &subject->id, &slot);
	core->now = hold->begun + hold->least / 2;
	assert_true(shoal_suspicion_is_old(core, slot));
	shoal_suspicion_delay(core, slot, SHOAL_SEC(1));
	assert_false(shoal_suspicion_is_old(core, slot));
	core->now += SHOAL_SEC(1);
	assert_true(shoal_suspicion_is_old(core, slot));
	world_done(&world);
}

static void
a_failure_after_a_stall_says_so_for_ten_intervals(void **state)
{
	(void)state;
	for (int late = 0; late <= 1; late++) {
		struct core_world world;

		set_up(&world, 1);
		struct puppet *subject = fall_silent(&world);
		const struct shoal_hold *hold = hold_of(&world, subject);
		stall(&world, SHOAL_MS(300));
		uint64_t lag = SHOAL_MS(300);
		if (late) {
			world_core(&world, 0)->lag.at = hold->timer.at - 10 * INTERVAL - 1;
		}
		const struct shoal_event *event =
		        world_await(&world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(60));
		assert_non_null(event);
		assert_true(event->lag_ns == (late ? 0 : lag));
		assert_true((strstr(event->cause.detail, "own loop 300") != NULL) == !late);
		world_done(&world);
	}
}

static void
who_waits_for_a_relay_is_told_in_time_all_the_same(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	world_core(&world, 0)->profile.probe_interval_ms = 60000;
	world_run(&world, SHOAL_SEC(2));
	world.puppet[1].answers = 0;
	struct shoal_msg_relay relay = {.seq = 77,
	        .id = world.puppet[0].id,
	        .salt = puppet_salt(&world.puppet[0]),
	        .target = world.puppet[1].id,
	        .budget_ms = 10000};
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_RELAY, &relay);
	uint64_t asked = world.now;
	world_core(&world, 0)->lag.at = 0;
	world.now = asked + SHOAL_MS(8000) + SHOAL_SEC(4);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	assert_int_equal(stalls(&world), 1);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_lag_counts_from_50_ms_or_a_twentieth_of_the_interval_on),
	        cmocka_unit_test(what_has_piled_up_is_read_within_one_stall),
	        cmocka_unit_test(a_wait_without_a_deadline_is_no_stall),
	        cmocka_unit_test(a_probe_waits_for_as_much_longer_at_most_for_its_whole_time),
	        cmocka_unit_test(a_stall_before_the_time_out_moves_the_end_too),
	        cmocka_unit_test(a_suspicion_lasts_longer_by_the_lag_and_at_most_twice_as_long),
	        cmocka_unit_test(time_that_was_stalled_away_is_no_time_of_doubt),
	        cmocka_unit_test(a_failure_after_a_stall_says_so_for_ten_intervals),
	        cmocka_unit_test(who_waits_for_a_relay_is_told_in_time_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
