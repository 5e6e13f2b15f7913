/* SPDX-License-Identifier: MIT */
/* The byte budget of gossip: it slows a storm, loses nothing of it, and does not hold back what
 * must not wait. */
#include "unit.h"

#include "core/sync/gossip.h"
#include "core_gossip_world.h"

/* Bytes of packets that are gossip and nothing else. */
static size_t
gossip_bytes(const struct core_world *world)
{
	size_t bytes = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		if (packet->message[0].kind == SHOAL_MESSAGE_SENDER) {
			bytes += packet->len;
		}
	}
	return bytes;
}

static void
check_budget(uint32_t rate, uint32_t burst, uint64_t time)
{
	struct core_world world;
	struct shoal_core_config config;

	world_init(&world);
	world_config(&world, &config);
	config.profile.gossip_rate = rate;
	config.profile.gossip_burst = burst;
	config.profile.sync_interval_ms = 86400000;
	set_up(&world, 20, &config);
	uint64_t begun = world.now;
	size_t first = world.puppets;
	for (size_t i = 0; i < 100; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	}
	bool deferred = false;
	world_run(&world, SHOAL_SEC(1));
	/* While there is more to tell than fits, the budget is used. */
	assert_true(gossip_bytes(&world) > rate * 3 / 4);
	while (world.now < begun + time) {
		world_run(&world, SHOAL_SEC(1));
		double most = burst + (double)(world.now - begun) / 1e9 * rate + 3 * 1400;
		assert_true((double)gossip_bytes(&world) <= most);
		deferred = world_counter(&world, 0, SHOAL_COUNTER_GOSSIP_DEFERRED) > 0;
	}
	assert_true(deferred);
	for (size_t i = first; i < world.puppets; i++) {
		assert_int_equal(count_told(&world, &world.puppet[i], SHOAL_STATE_ALIVE),
		        limit_of(world.puppets + 1));
	}
	world_done(&world);
}

static void
the_byte_budget_slows_a_storm_and_loses_nothing_of_it(void **state)
{
	(void)state;
	check_budget(8000, 2000, SHOAL_SEC(40));
	check_budget(1024, 1024, SHOAL_SEC(120));
	check_budget(64000, 4000, SHOAL_SEC(10));
}

#define NODES 8
#define STORM 1000

static void
number_id(struct shoal_id *id, size_t number)
{
	memset(id, 0x70, sizeof *id);
	id->bytes[0] = (uint8_t)(number >> 8);
	id->bytes[1] = (uint8_t)number;
}

/* Tells a node of STORM members that left, at an incarnation. */
static void
tell_storm(struct core_world *world, size_t node, uint64_t incarnation)
{
	struct shoal_msg_member left = puppet_member(&world->puppet[0], SHOAL_STATE_LEFT);
	struct shoal_msg_sender sender = {
	        .id = world->puppet[0].id, .salt = puppet_salt(&world->puppet[0])};
	struct parcel parcel;

	left.incarnation = incarnation;
	for (size_t i = 0; i < STORM; i++) {
		if (i % 500 == 0) {
			parcel_begin(&parcel, world->label);
			parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		}
		number_id(&left.id, i);
		left.addrs.item[0].port = (uint16_t)(1000 + i); /* one address has few tombstones */
		parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &left);
		if (i % 500 == 499) {
			parcel_end(&parcel);
			world_datagram(world, node, &world->puppet[0].addr, &parcel);
		}
	}
}

static size_t
count_storm(const struct core_world *world, size_t node, uint64_t incarnation)
{
	size_t count = 0;

	for (size_t i = 0; i < STORM; i++) {
		struct shoal_core_member held;
		struct shoal_id id;
		number_id(&id, i);
		count += world_holds(world, node, &id, &held) && held.incarnation == incarnation;
	}
	return count;
}

static void
a_thousand_statements_at_once_all_arrive_at_the_rate_of_the_budget(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	size_t bytes = 0;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < NODES; i++) {
		world_config(&world, &config);
		config.profile.gossip_rate = 16000;
		config.profile.gossip_burst = 4000;
		config.profile.sync_interval_ms = 86400000;
		world_add(&world, &config);
		if (i > 0) {
			world_join(&world, i, 0);
		}
	}
	world_meet(&world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < NODES; i++) {
		tell_storm(&world, i, 1); /* remembered, no news */
	}
	world_run(&world, SHOAL_SEC(1));
	world_clear(&world);
	uint64_t begun = world.now;
	tell_storm(&world, 0, 2);
	for (size_t i = 0; i < 600 && count_storm(&world, NODES - 1, 2) < STORM; i++) {
		world_run(&world, SHOAL_MS(100));
		for (const struct world_packet *packet = world.sent; packet != NULL;
		        packet = packet->next) {
			bool gossip = packet->message[0].kind == SHOAL_MESSAGE_SENDER;
			bytes += gossip && packet->node == 0 ? packet->len : 0;
		}
		world_clear(&world);
		assert_in_range(bytes, 0, 4000 + 3 * 1400 + (world.now - begun) / 1000 * 16 / 1000);
	}
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < NODES; i++) {
		/* The rest is for table exchanges, which are switched off here. */
		assert_in_range(count_storm(&world, i, 2), STORM - STORM / 100, STORM);
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_GOSSIP_DEFERRED) > 0);
	world_done(&world);
}

static void
accusations_go_out_whatever_the_budget_and_take_gossip_along_only_within_it(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.gossip_rate = 1024;
	config.profile.gossip_burst = 1024;
	config.profile.suspicion_mult = 30;
	set_up(&world, 200, &config);
	for (size_t i = 0; i < 150; i++) {
		struct shoal_msg_state suspect =
		        puppet_state(&world.puppet[i], SHOAL_STATE_SUSPECT);
		world_tell(&world, 0, &world.puppet[199], SHOAL_MESSAGE_STATE, &suspect);
	}
	for (size_t i = 0; i < 150; i++) {
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, &world.puppet[i].addr, SHOAL_MESSAGE_SENDER);
		assert_non_null(packet);
		assert_int_equal(packet_state_of(packet, &world.puppet[i].id), SHOAL_STATE_SUSPECT);
	}
	/* Each takes at most 100 bytes without gossip. */
	assert_true(gossip_bytes(&world) < 150 * 100 + 1024 + 1400);
	world_done(&world);
}

/* 2^64 / 10^9 nanoseconds at 10^9 bytes a second is where the product leaves 64 bits. */
static void
a_long_pause_fills_the_budget_at_any_rate(void **state)
{
	static const uint64_t pauses[] = {SHOAL_SEC(1), SHOAL_SEC(18) + 446744074, SHOAL_SEC(19),
	        SHOAL_SEC(60), SHOAL_SEC(3600)};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(pauses); i++) {
		struct core_world world;
		struct shoal_core_config config;

		world_init(&world);
		world_config(&world, &config);
		config.profile.gossip_rate = 1000000000;
		config.profile.gossip_burst = 1024;
		config.profile.gossip_fanout = 16;
		set_up(&world, 20, &config);
		for (size_t k = 0; k < 100; k++) {
			world_meet(&world, 0, PUPPET_DATAGRAMS);
		}
		world_run(&world, 0);
		assert_true(gossip_bytes(&world) > 10 * config.profile.gossip_burst);
		world_clear(&world);
		world.now += pauses[i];
		world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		assert_true(gossip_bytes(&world) > 0);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_GOSSIP_DEFERRED), 0);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_byte_budget_slows_a_storm_and_loses_nothing_of_it),
	        cmocka_unit_test(
	                a_thousand_statements_at_once_all_arrive_at_the_rate_of_the_budget),
	        cmocka_unit_test(
	                accusations_go_out_whatever_the_budget_and_take_gossip_along_only_within_it),
	        cmocka_unit_test(a_long_pause_fills_the_budget_at_any_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
