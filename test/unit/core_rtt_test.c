/* SPDX-License-Identifier: MIT */
/* Adaptive time-outs: when an estimate counts, whose it is, how it widens with age, and within
 * which bounds it stays. Samples are put in at the nanosecond; two tests go the way of a whole
 * probe. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define CONFIGURED SHOAL_MS(500)
#define FLOOR      SHOAL_MS(100)

static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, 0);
}

static uint32_t
slot_of(const struct core_world *world, const struct puppet *puppet)
{
	uint32_t slot = SHOAL_NONE;

	assert_int_equal(shoal_core_find(world_core(world, 0), &puppet->id, &slot), SHOAL_OK);
	return slot;
}

static uint64_t
timeout_of(const struct core_world *world, const struct puppet *puppet)
{
	const struct shoal_core *core = world_core(world, 0);

	return shoal_rtt_timeout(core, shoal_members_at(core, slot_of(world, puppet)));
}

static void
pass(struct core_world *world, uint64_t ns)
{
	world_core(world, 0)->now += ns;
	world->now += ns;
}

/* n samples, `apart` before each. */
static void
sample(struct core_world *world, const struct puppet *puppet, size_t n, uint64_t apart,
        uint64_t rtt)
{
	struct shoal_core *core = world_core(world, 0);

	for (size_t i = 0; i < n; i++) {
		pass(world, apart);
		shoal_rtt_measure(core, slot_of(world, puppet), rtt);
	}
}

/* After four equal samples: rtt + 4 * (rtt / 2) * (3/4)^3, in microseconds rounded as RFC 6298 does
 * in integers. */
static uint64_t
after_four(uint64_t rtt)
{
	uint64_t spread = rtt / 2000;

	for (int i = 0; i < 3; i++) {
		spread = spread - spread / 4;
	}
	uint64_t smoothed = rtt / 1000;
	for (int i = 0; i < 3; i++) {
		smoothed = smoothed - smoothed / 8 + rtt / 1000 / 8;
	}
	return (smoothed + 4 * spread) * 1000;
}

static void
the_configured_value_counts_until_there_are_four_samples(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1);
	for (size_t i = 0; i < 4; i++) {
		assert_true(timeout_of(&world, &world.puppet[0]) == CONFIGURED);
		sample(&world, &world.puppet[0], 1, SHOAL_SEC(1), SHOAL_MS(80));
	}
	assert_true(timeout_of(&world, &world.puppet[0]) == after_four(SHOAL_MS(80)));
	assert_true(after_four(SHOAL_MS(80)) > SHOAL_MS(147));
	assert_true(after_four(SHOAL_MS(80)) < SHOAL_MS(148));
	world_done(&world);
}

static void
a_time_out_stays_between_the_floor_and_the_configured_value(void **state)
{
	static const struct {
		uint64_t rtt;
		uint32_t floor_ms;
		uint64_t wanted;
	} rows[] = {{SHOAL_US(50), 100, FLOOR}, {SHOAL_US(50), 7, SHOAL_MS(7)},
	        {SHOAL_MS(400), 100, CONFIGURED}, {SHOAL_SEC(70), 100, CONFIGURED},
	        {SHOAL_US(50), 600, CONFIGURED}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct core_world world;

		set_up(&world, 1);
		world_core(&world, 0)->profile.probe_floor_ms = rows[i].floor_ms;
		sample(&world, &world.puppet[0], 4, SHOAL_SEC(1), rows[i].rtt);
		assert_true(timeout_of(&world, &world.puppet[0]) == rows[i].wanted);
		world_done(&world);
	}
}

static void
samples_that_are_too_far_apart_count_anew(void **state)
{
	(void)state;
	for (int late = 0; late <= 1; late++) {
		struct core_world world;
		uint64_t apart = SHOAL_SEC(150) + (late ? SHOAL_MS(1) : 0);

		set_up(&world, 1);
		sample(&world, &world.puppet[0], 3, SHOAL_SEC(1), SHOAL_MS(80));
		sample(&world, &world.puppet[0], 1, apart, SHOAL_MS(80));
		const struct shoal_record *record =
		        shoal_members_at(world_core(&world, 0), slot_of(&world, &world.puppet[0]));
		assert_int_equal(record->samples, late ? 1 : 4);
		assert_int_equal(world_core(&world, 0)->nets.item[0].samples, late ? 1 : 4);
		assert_true((timeout_of(&world, &world.puppet[0]) == CONFIGURED) == late);
		world_done(&world);
	}
}

static void
an_own_estimate_is_good_for_150_seconds_and_then_that_of_the_network_is(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	sample(&world, &world.puppet[0], 4, SHOAL_SEC(1), SHOAL_MS(80));
	sample(&world, &world.puppet[1], 40, SHOAL_SEC(1), SHOAL_MS(110));
	struct shoal_core *core = world_core(&world, 0);
	core->now += SHOAL_SEC(110);
	assert_true(timeout_of(&world, &world.puppet[0]) == after_four(SHOAL_MS(80)));
	core->now += SHOAL_MS(1);
	const struct shoal_net *net = &core->nets.item[0];
	uint64_t pooled = SHOAL_US(net->srtt_us + 4 * (uint64_t)net->rttvar_us);
	assert_true(timeout_of(&world, &world.puppet[0]) == pooled);
	assert_true(pooled > SHOAL_MS(109) && pooled < SHOAL_MS(125));
	world_done(&world);
}

static void
the_estimate_of_a_network_is_for_its_members_only(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 0);
	for (size_t i = 0; i < 2; i++) {
		/* The third byte, then the eighth of IPv6. */
		struct puppet *known = world_puppet(&world), *near = world_puppet(&world);
		struct puppet *far = world_puppet(&world);

		if (i == 1) {
			struct puppet *six[] = {known, near, far};
			for (size_t k = 0; k < 3; k++) {
				memset(&six[k]->addr, 0, sizeof six[k]->addr);
				six[k]->addr.ip[0] = 0x20;
				six[k]->addr.ip[15] = (uint8_t)(k + 1);
				six[k]->addr.port = 7946;
			}
			near->addr.ip[8] = 9;
			far->addr.ip[7] = 9;
		} else {
			far->addr.ip[14] = 9;
		}
		struct puppet *all[] = {known, near, far};
		for (size_t k = 0; k < 3; k++) {
			struct shoal_msg_member alive = puppet_member(all[k], SHOAL_STATE_ALIVE);
			world_tell(&world, 0, all[k], SHOAL_MESSAGE_MEMBER, &alive);
		}
		sample(&world, known, 4, SHOAL_SEC(1), SHOAL_MS(80));
		assert_true(timeout_of(&world, near) == after_four(SHOAL_MS(80)));
		assert_true(timeout_of(&world, far) == CONFIGURED);
	}
	world_done(&world);
}

static void
an_old_estimate_of_a_network_is_wider(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	for (uint64_t i = 0; i < 40; i++) {
		sample(&world, &world.puppet[0], 1, SHOAL_SEC(1), SHOAL_MS(i % 2 == 0 ? 20 : 30));
	}
	struct shoal_core *core = world_core(&world, 0);
	const struct shoal_net net = core->nets.item[0];
	uint64_t before = core->now;
	for (uint64_t times = 0; times < 8; times++) {
		uint64_t wanted = SHOAL_US(net.srtt_us + 4 * (times + 1) * net.rttvar_us);
		wanted = wanted < FLOOR ? FLOOR : wanted;
		core->now = before + times * SHOAL_SEC(600);
		assert_true(timeout_of(&world, &world.puppet[1]) == wanted);
		core->now += SHOAL_SEC(600) - 1;
		assert_true(timeout_of(&world, &world.puppet[1]) == wanted);
	}
	core->now = before + SHOAL_SEC(864000);
	assert_true(timeout_of(&world, &world.puppet[1]) == CONFIGURED);
	world_done(&world);
}

static void
a_network_too_many_replaces_the_one_measured_longest_ago(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 0);
	for (size_t i = 0; i <= SHOAL_NETS_MAX; i++) {
		struct puppet *puppet = world_puppet(&world);

		puppet->addr.ip[14] = (uint8_t)(100 + i);
		struct shoal_msg_member alive = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &alive);
		if (i < SHOAL_NETS_MAX) {
			sample(&world, puppet, 4, SHOAL_SEC(1), SHOAL_MS(1));
		}
	}
	struct shoal_core *core = world_core(&world, 0);
	sample(&world, &world.puppet[0], 4, SHOAL_SEC(1), SHOAL_MS(1));
	pass(&world, SHOAL_SEC(400)); /* none has an estimate of its own any more */
	sample(&world, &world.puppet[SHOAL_NETS_MAX], 4, SHOAL_SEC(1), SHOAL_MS(1));
	assert_int_equal(core->nets.count, SHOAL_NETS_MAX);
	for (size_t i = 0; i <= SHOAL_NETS_MAX; i++) {
		bool known = timeout_of(&world, &world.puppet[i]) == FLOOR;
		assert_true(known == (i != 1));
	}
	world_done(&world);
}

static void
switched_off_or_after_a_restart_the_configured_value_counts(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1);
	struct shoal_core *core = world_core(&world, 0);
	sample(&world, &world.puppet[0], 4, SHOAL_SEC(1), SHOAL_MS(1));
	assert_true(timeout_of(&world, &world.puppet[0]) == FLOOR);
	core->profile.adaptive_timeout = 0;
	assert_true(timeout_of(&world, &world.puppet[0]) == CONFIGURED);
	core->profile.adaptive_timeout = 1;
	core->nets.count = 0;
	assert_true(timeout_of(&world, &world.puppet[0]) == FLOOR);
	world.puppet[0].salt.bytes[0] ^= 1;
	world.puppet[0].incarnation++;
	struct shoal_msg_member alive = puppet_member(&world.puppet[0], SHOAL_STATE_ALIVE);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
	assert_true(timeout_of(&world, &world.puppet[0]) == CONFIGURED);
	world_done(&world);
}

static struct shoal_msg_ping
await_ping(struct core_world *world)
{
	world_clear(world);
	const struct world_packet *packet =
	        world_await_sent(world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(60));
	assert_non_null(packet);
	return packet_has(packet, SHOAL_MESSAGE_PING)->ping;
}

static void
answer(struct core_world *world, const struct shoal_msg_ping *ping)
{
	struct shoal_msg_ack ack = {.seq = ping->seq,
	        .id = world->puppet[0].id,
	        .salt = puppet_salt(&world->puppet[0])};
	world_send(world, 0, &world->puppet[0].addr, SHOAL_MESSAGE_ACK, &ack);
}

/* The time-out, stretched by a bad score, is when the stream is tried; that has all the time that
 * is left. */
static void
a_probe_turns_to_other_ways_at_the_time_out_that_was_measured(void **state)
{
	(void)state;
	for (unsigned score = 0; score <= 2; score++) {
		struct core_world world;

		set_up(&world, 1);
		struct shoal_core *core = world_core(&world, 0);
		struct shoal_msg_ping ping = await_ping(&world);
		answer(&world, &ping);
		sample(&world, &world.puppet[0], 4, 0, SHOAL_MS(80));
		shoal_probe_health(core, (int)score);
		uint64_t timeout = timeout_of(&world, &world.puppet[0]) * (score + 1);
		assert_true(timeout < (score + 1) * SHOAL_MS(200));
		await_ping(&world);
		world_clear(&world);
		world_run(&world, timeout - 1);
		assert_null(world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_PING));
		world_run(&world, 1);
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_PING);
		assert_non_null(packet);
		assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
		assert_true(
		        packet->timeout_ns == (score + 1) * SHOAL_SEC(1) - timeout + SHOAL_MS(1));
		world_done(&world);
	}
}

/* Without that a peer that became slower would never be measured again. */
static void
after_a_late_answer_the_configured_value_counts_until_four_new_samples(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1);
	for (size_t i = 0; i < 5; i++) {
		struct shoal_msg_ping ping = await_ping(&world);
		world_run(&world, SHOAL_MS(1));
		answer(&world, &ping);
	}
	assert_true(timeout_of(&world, &world.puppet[0]) == FLOOR);
	for (size_t i = 0; i < 5; i++) {
		struct shoal_msg_ping ping = await_ping(&world);
		world_run(&world, SHOAL_MS(300));
		assert_int_equal(
		        world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_PING), i == 0 ? 2 : 1);
		answer(&world, &ping);
		bool adapted = i == 4;
		assert_true(adapted || timeout_of(&world, &world.puppet[0]) == CONFIGURED);
		const struct shoal_record *record =
		        shoal_members_at(world_core(&world, 0), slot_of(&world, &world.puppet[0]));
		assert_int_equal(record->samples, adapted ? 4 : SHOAL_RTT_BACKED_OFF + i);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_configured_value_counts_until_there_are_four_samples),
	        cmocka_unit_test(a_time_out_stays_between_the_floor_and_the_configured_value),
	        cmocka_unit_test(samples_that_are_too_far_apart_count_anew),
	        cmocka_unit_test(
	                an_own_estimate_is_good_for_150_seconds_and_then_that_of_the_network_is),
	        cmocka_unit_test(the_estimate_of_a_network_is_for_its_members_only),
	        cmocka_unit_test(an_old_estimate_of_a_network_is_wider),
	        cmocka_unit_test(a_network_too_many_replaces_the_one_measured_longest_ago),
	        cmocka_unit_test(switched_off_or_after_a_restart_the_configured_value_counts),
	        cmocka_unit_test(a_probe_turns_to_other_ways_at_the_time_out_that_was_measured),
	        cmocka_unit_test(
	                after_a_late_answer_the_configured_value_counts_until_four_new_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
