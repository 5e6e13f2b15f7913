/* SPDX-License-Identifier: MIT */
/* Budgets of received datagrams: where they end to the packet, that members keep theirs while a
 * stranger floods, that an awaited ack always counts, and that nobody meets them by mere numbers.
 */
#include "unit.h"

#include "core_world.h"

#define COMMON 5
#define OWN    3

static void
set_up(struct core_world *world)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.datagram_rate = 10;
	config.profile.datagram_burst = COMMON;
	config.profile.member_rate = 4;
	config.profile.member_burst = OWN;
	world_add(world, &config);
	for (size_t i = 0; i < 3; i++) {
		world_meet(world, 0, 0);
		world_run(world, SHOAL_SEC(1));
	}
	world_run(world, SHOAL_MS(100));
}

static int
ping(struct core_world *world, const struct shoal_id *id, const struct shoal_addr *from)
{
	struct shoal_msg_ping ping = {.seq = 1, .id = *id, .target = world_id(world, 0)};
	return world_send(world, 0, from, SHOAL_MESSAGE_PING, &ping);
}

static const struct shoal_id stranger = {{0xee, 1}};

static struct shoal_addr
elsewhere(void)
{
	struct shoal_addr addr;
	assert_int_equal(shoal_addr_parse(&addr, "203.0.113.9:999"), 0);
	return addr;
}

/* Takes all that there is for everybody. */
static void
flood(struct core_world *world)
{
	struct shoal_addr from = elsewhere();

	for (size_t i = 0; i < 1000 && ping(world, &stranger, &from) == SHOAL_OK; i++) {
	}
	assert_int_equal(ping(world, &stranger, &from), SHOAL_ERR_LIMIT);
}

static void
what_is_above_the_common_budget_is_dropped_and_counted(void **state)
{
	struct core_world world;
	struct shoal_addr from = elsewhere();

	(void)state;
	set_up(&world);
	world_run(&world, SHOAL_SEC(1));
	uint64_t answered = world_counter(&world, 0, SHOAL_COUNTER_PINGS_IN);
	for (size_t i = 0; i < COMMON; i++) {
		assert_int_equal(ping(&world, &stranger, &from), SHOAL_OK);
	}
	assert_int_equal(ping(&world, &stranger, &from), SHOAL_ERR_LIMIT);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PINGS_IN), answered + COMMON);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_BUDGET), 1);
	/* A tenth of a second is worth one. */
	world_run(&world, SHOAL_MS(100) - 1);
	assert_int_equal(ping(&world, &stranger, &from), SHOAL_ERR_LIMIT);
	world_run(&world, 1);
	assert_int_equal(ping(&world, &stranger, &from), SHOAL_OK);
	assert_int_equal(ping(&world, &stranger, &from), SHOAL_ERR_LIMIT);
	/* Streams have bounds of their own. */
	struct shoal_msg_ping asked = {.seq = 1, .id = stranger, .target = world_id(&world, 0)};
	struct parcel parcel;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &asked);
	parcel_end(&parcel);
	assert_int_equal(world_request(&world, 0, &from, 7, &parcel), SHOAL_OK);
	world_done(&world);
}

static void
each_member_has_a_budget_of_its_own_while_strangers_have_spent_the_common_one(void **state)
{
	struct core_world world;
	struct shoal_addr from = elsewhere();

	(void)state;
	set_up(&world);
	flood(&world);
	for (size_t k = 0; k < 3; k++) {
		const struct puppet *puppet = &world.puppet[k];
		/* In its name from elsewhere is not it. */
		assert_int_equal(ping(&world, &puppet->id, &from), SHOAL_ERR_LIMIT);
		for (size_t i = 0; i < OWN; i++) {
			assert_int_equal(ping(&world, &puppet->id, &puppet->addr), SHOAL_OK);
		}
		assert_int_equal(ping(&world, &puppet->id, &puppet->addr), SHOAL_ERR_LIMIT);
	}
	/* Who left is a stranger. */
	struct shoal_msg_state left = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
	world_run(&world, SHOAL_SEC(3));
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &left);
	flood(&world);
	assert_int_equal(ping(&world, &world.puppet[1].id, &world.puppet[1].addr), SHOAL_ERR_LIMIT);
	assert_int_equal(ping(&world, &world.puppet[2].id, &world.puppet[2].addr), SHOAL_OK);
	world_done(&world);
}

static void
an_ack_that_is_awaited_counts_whatever_was_spent(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	world_clear(&world);
	const struct world_packet *packet =
	        world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(30));
	const struct shoal_msg_ping *sent = &packet_has(packet, SHOAL_MESSAGE_PING)->ping;
	struct shoal_msg_ack ack = {.seq = sent->seq, .id = sent->target};
	struct shoal_addr to = packet->to;
	for (size_t k = 0; k < 3; k++) {
		if (shoal_addr_equal(&world.puppet[k].addr, &to)) {
			ack.salt = puppet_salt(&world.puppet[k]);
		}
	}
	flood(&world);
	while (ping(&world, &ack.id, &to) == SHOAL_OK) {
	}
	uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED);
	ack.seq++;
	assert_int_equal(world_send(&world, 0, &to, SHOAL_MESSAGE_ACK, &ack), SHOAL_ERR_LIMIT);
	ack.seq--;
	assert_int_equal(world_send(&world, 0, &to, SHOAL_MESSAGE_ACK, &ack), SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED), before + 1);
	/* It is not outstanding any more. */
	assert_int_equal(world_send(&world, 0, &to, SHOAL_MESSAGE_ACK, &ack), SHOAL_ERR_LIMIT);
	world_done(&world);
}

/* Every kind by which one member speaks to another, with its sender where the table has it. */
static void
whatever_a_member_says_first_draws_on_its_own_budget(void **state)
{
	struct core_world world;
	struct shoal_addr from = elsewhere();

	(void)state;
	set_up(&world);
	struct puppet *puppet = &world.puppet[0];
	const struct shoal_msg_sender sender = {.id = puppet->id};
	const struct shoal_msg_nack nack = {.seq = 1, .id = puppet->id};
	const struct shoal_msg_relay relay = {
	        .seq = 1, .id = puppet->id, .target = puppet->id, .budget_ms = 1};
	const struct shoal_msg_gone gone = {.seq = 1, .id = puppet->id, .target = stranger};
	const struct shoal_msg_conflict conflict = {
	        .seq = 1, .id = puppet->id, .target = puppet->id};
	const struct shoal_msg_check check = {.seq = 1, .id = puppet->id, .target = stranger};
	const struct shoal_msg_refused refused = {.seq = 1, .id = puppet->id, .target = stranger};
	const struct shoal_msg_partial partial = {.id = puppet->id, .target = stranger};
	const struct {
		enum shoal_message_kind kind;
		const void *message;
	} rows[] = {{SHOAL_MESSAGE_SENDER, &sender}, {SHOAL_MESSAGE_NACK, &nack},
	        {SHOAL_MESSAGE_RELAY, &relay}, {SHOAL_MESSAGE_GONE, &gone},
	        {SHOAL_MESSAGE_CONFLICT, &conflict}, {SHOAL_MESSAGE_CHECK, &check},
	        {SHOAL_MESSAGE_REFUSED, &refused}, {SHOAL_MESSAGE_PARTIAL, &partial}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		world_run(&world, SHOAL_SEC(2));
		flood(&world);
		assert_int_equal(world_send(&world, 0, &from, rows[i].kind, rows[i].message),
		        SHOAL_ERR_LIMIT);
		assert_int_equal(
		        world_send(&world, 0, &puppet->addr, rows[i].kind, rows[i].message),
		        SHOAL_OK);
	}
	world_done(&world);
}

static void
damaged_datagrams_over_budget_are_dropped_unread(void **state)
{
	struct core_world world;
	uint64_t draw = 3;

	(void)state;
	set_up(&world);
	flood(&world);
	uint64_t read = world_counter(&world, 0, SHOAL_COUNTER_DROP_CHECKSUM) +
	                world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED);
	for (size_t len = 0; len < 200; len++) {
		uint8_t data[200];
		for (size_t i = 0; i < len; i++) {
			data[i] = i < 3 ? 0 : (uint8_t)unit_random(&draw);
		}
		data[3] = (uint8_t)(1 + len % 5);
		data[4] = (uint8_t)len;
		struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
		        .from = elsewhere(),
		        .data = data,
		        .len = len};
		assert_int_equal(world_step(&world, 0, input), SHOAL_ERR_LIMIT);
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_CHECKSUM) +
	                    world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED) ==
	            read);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_BUDGET) > 200);
	world_done(&world);
}

static void
a_thousand_that_start_at_once_never_meet_the_budgets_of_a_profile(void **state)
{
	(void)state;
	for (int kind = SHOAL_PROFILE_LAN; kind <= SHOAL_PROFILE_LOCAL; kind++) {
		struct core_world world;
		struct shoal_core_config config;

		world_init(&world);
		world_config(&world, &config);
		assert_int_equal(
		        shoal_profile_init(&config.profile, (enum shoal_profile_kind)kind), 0);
		world_add(&world, &config);
		/* Strangers yet; each gossips to its fan-out in every burst, and so each hears on
		 * average as many packets in a second as one sends. */
		for (size_t ms = 0; ms < 100; ms++) {
			size_t packets = config.profile.gossip_fanout * 1000;
			packets /= config.profile.burst_step_ms * 10;
			for (size_t i = 0; i < packets / 10 + 10; i++) {
				struct shoal_addr from = elsewhere();
				from.port = (uint16_t)(1000 + i);
				assert_int_equal(ping(&world, &stranger, &from), SHOAL_OK);
			}
			world_forget_sent(&world);
			world_run(&world, SHOAL_MS(1));
		}
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_BUDGET), 0);
		world_done(&world);
	}
}

static void
a_flood_from_a_stranger_delays_no_failure_detection_among_members(void **state)
{
	uint64_t took[2];

	(void)state;
	for (int flooded = 0; flooded <= 1; flooded++) {
		struct core_world world;
		struct shoal_core_config config;
		struct shoal_addr from = elsewhere();

		world_init(&world);
		for (size_t i = 0; i < 4; i++) {
			world_config(&world, &config);
			config.profile.datagram_rate = 20;
			config.profile.datagram_burst = 20;
			world_add(&world, &config);
			if (i > 0) {
				world_join(&world, i, 0);
			}
		}
		world_run(&world, SHOAL_SEC(10));
		assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 4);
		struct shoal_id dead = world_id(&world, 3);
		uint64_t begun = world.now;
		world.node[3].up = false;
		for (size_t i = 0; i < 60000 && world_state(&world, 0, &dead) != SHOAL_STATE_DEAD;
		        i++) {
			for (size_t node = 0; flooded && node < 3; node++) {
				struct shoal_msg_ping asked = {
				        .seq = 1, .id = stranger, .target = world_id(&world, node)};
				world_send(&world, node, &from, SHOAL_MESSAGE_PING, &asked);
			}
			world_clear(&world);
			world_run(&world, SHOAL_MS(1));
		}
		took[flooded] = world.now - begun;
		for (size_t node = 0; node < 3; node++) {
			assert_int_equal(
			        world_counter(&world, node, SHOAL_COUNTER_DROP_BUDGET) > 1000,
			        flooded);
			for (size_t other = 0; other < 3; other++) {
				struct shoal_id id = world_id(&world, other);
				assert_int_equal(world_state(&world, node, &id), SHOAL_STATE_ALIVE);
			}
			assert_int_equal(world_counter(&world, node, SHOAL_COUNTER_SUSPICIONS), 1);
		}
		world_done(&world);
	}
	struct shoal_profile lan;
	shoal_profile_init(&lan, SHOAL_PROFILE_LAN);
	assert_true(took[0] < shoal_profile_detection_bound(&lan, 4));
	assert_true(took[1] < shoal_profile_detection_bound(&lan, 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_above_the_common_budget_is_dropped_and_counted),
	        cmocka_unit_test(
	                each_member_has_a_budget_of_its_own_while_strangers_have_spent_the_common_one),
	        cmocka_unit_test(an_ack_that_is_awaited_counts_whatever_was_spent),
	        cmocka_unit_test(whatever_a_member_says_first_draws_on_its_own_budget),
	        cmocka_unit_test(damaged_datagrams_over_budget_are_dropped_unread),
	        cmocka_unit_test(a_thousand_that_start_at_once_never_meet_the_budgets_of_a_profile),
	        cmocka_unit_test(a_flood_from_a_stranger_delays_no_failure_detection_among_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
