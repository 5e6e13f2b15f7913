/* SPDX-License-Identifier: MIT */
/* What all are told, and members that hear it only with what they poll: they hear it, and nobody
 * waits for them. */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "core/node.h"
#include "core_cast_world.h"
#include "core_world.h"

#define FAR  4 /* the node that nobody can dial */
#define MANY 23

static bool
is_walled(const struct core_world *world, const struct world_packet *packet)
{
	return shoal_addr_equal(&packet->to, &world->node[FAR].addr) &&
	       packet->kind != SHOAL_SEND_REPLY;
}

/* At URLs with the lan profile, or at sockets with that of wan, until all know of the wall. */
static void
set_up(struct core_world *world, size_t n, bool wan)
{
	static char url[WORLD_NODES][64];
	struct shoal_core_member member;

	world_init(world);
	world->loses = is_walled;
	for (size_t i = 0; i < n; i++) {
		struct shoal_core_config config;

		world_config(world, &config);
		if (wan) {
			(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_WAN);
		} else {
			snprintf(url[i], sizeof url[i], "https://node-%zu.example/gossip", i);
			config.url = url[i];
			assert_int_equal(shoal_addr_from_url(&config.addr[0], url[i]), SHOAL_OK);
		}
		world_add(world, &config);
		if (i > 0) {
			world_join(world, i, 0);
			world_run(world, SHOAL_MS(100));
		}
	}
	world_run(world, wan ? SHOAL_SEC(80) : SHOAL_SEC(30));
	struct shoal_id far = world_id(world, FAR);
	assert_true(world_holds(world, 0, &far, &member));
	assert_int_equal(member.diagnosis, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	world_clear(world);
}

/* Others than FAR, one after the other. */
static size_t
next(const struct core_world *world, size_t node)
{
	node = (node + 1) % world->nodes;
	return node == FAR ? node + 1 : node;
}

static void
said_one_by_one_it_is_heard_in_a_cluster_of_any_size(void **state)
{
	static struct core_world world;

	(void)state;
	for (int wan = 0; wan < 2; wan++) {
		set_up(&world, MANY, wan);
		for (size_t i = 0, from = 0; i < 40; i++, from = next(&world, from)) {
			assert_int_equal(cast_say(&world, from, 0, "one"), SHOAL_OK);
			world_run(&world, SHOAL_SEC(1));
			world_forget_sent(&world);
		}
		world_run(&world, SHOAL_SEC(10));
		assert_in_range(world_count_events(&world, FAR, SHOAL_EVENT_MESSAGE), 38, 40);
		world_done(&world);
	}
}

/* More than a datagram holds, and one that even a reply does not. */
static void
said_at_once_all_is_heard(void **state)
{
	static struct core_world world;
	static char text[1000], large[100000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	memset(large, 'y', sizeof large - 1);
	for (int i = 0; i < 4; i++) {
		set_up(&world, i < 2 ? FAR + 1 : 8, i % 2 == 1);
		for (int k = 0; k < 60; k++) {
			assert_int_equal(cast_say(&world, 0, 0, text), SHOAL_OK);
		}
		world_run(&world, SHOAL_SEC(20));
		assert_int_equal(world_count_events(&world, FAR, SHOAL_EVENT_MESSAGE), 60);
		world_clear(&world);
		assert_int_equal(cast_say(&world, 0, 0, large), SHOAL_OK);
		world_run(&world, SHOAL_SEC(10));
		cast_heard(&world, 0, large, 1);
		world_done(&world);
	}
}

static void
expect_rest(struct core_world *world)
{
	for (size_t i = 0; i < world->nodes; i++) {
		const struct shoal_core *core = world_core(world, i);

		assert_int_equal(core->spread.count, 0);
		assert_int_equal(core->spread.own + core->spread.passed, 0);
		assert_int_equal(core->shelf.count, 0);
		assert_int_equal(core->shelf.bytes, 0);
		assert_int_equal(core->casts.slab.count, 0);
		assert_false(shoal_timer_armed(&core->spread.timer));
		assert_false(shoal_timer_armed(&core->gossip.burst));
	}
}

/* A hundred a second. */
static void
who_speaks_does_not_wait_for_those_who_poll_and_nothing_is_left(void **state)
{
	static struct core_world world;

	(void)state;
	for (int wan = 0; wan < 2; wan++) {
		set_up(&world, 6, wan);
		for (size_t from = 0; from < world.nodes; from = next(&world, from)) {
			uint32_t most = 0;
			for (unsigned i = 0; i < 1000; i++) {
				const struct shoal_core *core = world_core(&world, from);
				assert_int_equal(
				        cast_say(&world, from, 0, "a short one"), SHOAL_OK);
				world_run(&world, SHOAL_MS(10));
				world_forget_sent(&world);
				assert_in_range(core->spread.count, 0, 100);
				most = core->shelf.count > most ? core->shelf.count : most;
			}
			world_run(&world, SHOAL_SEC(4));
			assert_in_range(most, 0, SHOAL_SHELF_MOST);
			cast_heard(&world, from, "a short one", 1000);
			world_clear(&world);
			if (from == world.nodes - 1) {
				break;
			}
		}
		world_run(&world, SHOAL_SEC(60));
		expect_rest(&world);
		world_done(&world);
	}
}

/* One member, and puppets that nobody can dial. */
static void
begin(struct core_world *world, size_t puppets, uint32_t queue_bytes)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.queue_bytes = queue_bytes;
	config.profile.message_max = 2048;
	world_add(world, &config);
	for (size_t i = 0; i < puppets; i++) {
		struct puppet *puppet = world_meet(world, 0, PUPPET_DATAGRAMS);
		uint32_t slot = shoal_members_find(world_core(world, 0), &puppet->id);
		shoal_members_set_inbound(shoal_members_at(world_core(world, 0), slot), true);
	}
}

/* The broadcasts that the reply to a poll of the puppet holds, which are all by number from `first`
 * on. */
static size_t
poll(struct core_world *world, const struct puppet *puppet, uint64_t first)
{
	static struct parcel parcel;
	static uint64_t exchange = 1000000;
	struct shoal_msg_ping ping = {.seq = ++exchange,
	        .id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .target = world_id(world, 0)};
	const struct world_packet *packet = NULL;
	size_t casts = 0;

	world_forget_sent(world);
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_end(&parcel);
	assert_int_equal(world_request(world, 0, &puppet->addr, exchange, &parcel), SHOAL_OK);
	do {
		packet = world_sent(world, packet, 0, NULL, SHOAL_MESSAGE_ACK);
		assert_non_null(packet);
	} while (packet->kind != SHOAL_SEND_REPLY);
	for (size_t i = 0; i < packet->messages; i++) {
		if (packet->message[i].kind == SHOAL_MESSAGE_CAST) {
			assert_int_equal(packet->message[i].m.cast.number, first + casts++);
		}
	}
	return casts;
}

static void
say(struct core_world *world, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		assert_int_equal(cast_say(world, 0, 0, text), SHOAL_OK);
	}
}

/* And only where somebody polled of late. */
static void
each_who_polls_takes_each_once_the_oldest_first(void **state)
{
	static struct core_world world;

	(void)state;
	begin(&world, 2, 65536);
	const struct shoal_core *core = world_core(&world, 0);
	uint64_t interval = shoal_ms(core->profile.probe_interval_ms);
	say(&world, "early", 1);
	assert_int_equal(core->shelf.count, 0);
	assert_int_equal(poll(&world, &world.puppet[0], 0), 0);
	say(&world, "short", 3);
	assert_int_equal(poll(&world, &world.puppet[0], 2), 3);
	assert_int_equal(poll(&world, &world.puppet[0], 0), 0);
	say(&world, "short", 1);
	assert_int_equal(poll(&world, &world.puppet[1], 2), 4);
	assert_int_equal(poll(&world, &world.puppet[0], 5), 1);
	world_run(&world, 2 * interval);
	assert_int_equal(poll(&world, world_meet(&world, 0, 0), 0), 0);
	say(&world, "late", 1);
	assert_int_equal(core->shelf.count, 0);
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(core->casts.slab.count, 0);
	world_done(&world);
}

static void
the_oldest_make_room_and_nobody_is_refused(void **state)
{
	static struct core_world world;
	static char text[1000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	begin(&world, 1, 65536);
	assert_int_equal(poll(&world, &world.puppet[0], 0), 0);
	say(&world, "", 600);
	assert_int_equal(world_core(&world, 0)->shelf.count, SHOAL_SHELF_MOST);
	assert_int_equal(poll(&world, &world.puppet[0], 600 - SHOAL_SHELF_MOST + 1), 256);
	world_done(&world);
	begin(&world, 1, 4096);
	assert_int_equal(poll(&world, &world.puppet[0], 0), 0);
	say(&world, text, 600);
	assert_in_range(world_core(&world, 0)->shelf.bytes, 1, 4096);
	assert_int_equal(poll(&world, &world.puppet[0], 598), 3);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_who_polls_takes_each_once_the_oldest_first),
	        cmocka_unit_test(the_oldest_make_room_and_nobody_is_refused),
	        cmocka_unit_test(said_one_by_one_it_is_heard_in_a_cluster_of_any_size),
	        cmocka_unit_test(said_at_once_all_is_heard),
	        cmocka_unit_test(who_speaks_does_not_wait_for_those_who_poll_and_nothing_is_left)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
