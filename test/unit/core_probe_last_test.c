/* SPDX-License-Identifier: MIT */
/* The last ping of a probe: when it leaves, when it does not, what its answer means, and what it is
 * for: an outage that is shorter than the interval accuses nobody. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)
#define FLOOR    SHOAL_MS(100)

/* A core and members that answer. measured: for so long that the time-out is the shortest. */
static void
set_up(struct core_world *world, bool measured)
{
	world_begin(world, NULL, 5, PUPPET_DATAGRAMS);
	world_run(world, measured ? SHOAL_SEC(30) : 0);
	world_clear(world);
}

static void
answer(struct core_world *world, unsigned answers)
{
	for (size_t i = 0; i < world->puppets; i++) {
		world->puppet[i].answers = answers;
	}
}

/* The datagrams that bring pings to the target of a ping, from it on; SHOAL_NEVER: there is no such
 * one. */
static uint64_t
when_again(const struct core_world *world, const struct world_packet *first)
{
	const struct world_packet *packet = first;

	while ((packet = world_sent(world, packet, 0, &first->to, SHOAL_MESSAGE_PING)) != NULL) {
		uint64_t seq = packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq;
		if (packet->kind == SHOAL_SEND_DATAGRAM &&
		        seq == packet_has(first, SHOAL_MESSAGE_PING)->ping.seq) {
			return packet->at - first->at;
		}
	}
	return SHOAL_NEVER;
}

static const struct world_packet *
await_ping(struct core_world *world)
{
	const struct world_packet *ping =
	        world_await_sent(world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(9));

	assert_non_null(ping);
	return ping;
}

static void
it_leaves_when_its_time_out_is_left_or_half_of_what_relays_have(void **state)
{
	(void)state;
	for (int measured = 0; measured <= 1; measured++) {
		struct core_world world;

		set_up(&world, measured != 0);
		answer(&world, 0);
		/* The very first are padded, and followed by a short one at the time-out. */
		uint32_t slots = world_core(&world, 0)->members.records.end;
		for (uint32_t slot = 1; slot < slots; slot++) {
			shoal_path_answered(world_core(&world, 0),
			        shoal_members_at(world_core(&world, 0), slot), 1400, false);
		}
		const struct world_packet *ping = await_ping(&world);
		world_run(&world, INTERVAL);
		uint64_t left = measured != 0 ? FLOOR : INTERVAL / 4;
		assert_true(when_again(&world, ping) == INTERVAL - left);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 1);
		world_done(&world);
	}
}

static void
it_does_not_leave_once_the_probe_was_answered_nor_where_time_outs_are_fixed(void **state)
{
	(void)state;
	for (int fixed = 0; fixed <= 1; fixed++) {
		struct core_world world;

		set_up(&world, true);
		world_core(&world, 0)->profile.adaptive_timeout = fixed != 0 ? 0 : 1;
		answer(&world, fixed != 0 ? 0 : PUPPET_DATAGRAMS);
		const struct world_packet *ping = await_ping(&world);
		world_run(&world, INTERVAL);
		assert_true(when_again(&world, ping) == SHOAL_NEVER);
		world_done(&world);
	}
}

static void
its_answer_ends_the_probe_and_measures_nothing(void **state)
{
	struct core_world world;
	uint32_t slot;

	(void)state;
	set_up(&world, true);
	answer(&world, 0);
	const struct world_packet *ping = await_ping(&world);
	shoal_core_find(
	        world_core(&world, 0), &packet_has(ping, SHOAL_MESSAGE_PING)->ping.target, &slot);
	const struct shoal_record *record = shoal_members_at(world_core(&world, 0), slot);
	uint32_t srtt = record->srtt_us;
	world_run(&world, INTERVAL - FLOOR - 1);
	answer(&world, PUPPET_DATAGRAMS);
	world_run(&world, INTERVAL);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED), 0);
	assert_int_equal(record->srtt_us, srtt);
	assert_int_equal(record->samples & SHOAL_RTT_BACKED_OFF, 0);
	world_done(&world);
}

static void
an_outage_that_leaves_the_last_ping_its_time_accuses_nobody_whenever_it_begins(void **state)
{
	(void)state;
	for (uint64_t begins = 0; begins < INTERVAL; begins += SHOAL_MS(90)) {
		struct core_world world;

		set_up(&world, true);
		await_ping(&world);
		world_run(&world, begins);
		answer(&world, 0);
		world_run(&world, INTERVAL - FLOOR - 1);
		answer(&world, PUPPET_DATAGRAMS);
		world_run(&world, 3 * INTERVAL);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED), 0);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_leaves_when_its_time_out_is_left_or_half_of_what_relays_have),
	        cmocka_unit_test(
	                it_does_not_leave_once_the_probe_was_answered_nor_where_time_outs_are_fixed),
	        cmocka_unit_test(its_answer_ends_the_probe_and_measures_nothing),
	        cmocka_unit_test(
	                an_outage_that_leaves_the_last_ping_its_time_accuses_nobody_whenever_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
