/* SPDX-License-Identifier: MIT */
/* That others do not get in: what tells it, what does not, and what is said of it and when. */
#include "unit.h"

#include <stdio.h>

#include "core/node.h"
#include "core_world.h"

struct told {
	unsigned cannot, again;
	char line[SHOAL_LOG_TEXT_MAX];
};

static void
on_log(struct core_world *world, size_t node, const struct shoal_log_record *record)
{
	struct told *told = world->arg;

	(void)node;
	if (strncmp(record->text, "peers cannot reach me at ", 25) == 0) {
		told->cannot++;
		snprintf(told->line, sizeof told->line, "%s", record->text);
	}
	told->again += strstr(record->text, "peers reach me at ") != NULL;
}

/* Node 0, which is pinged in datagrams or not, and puppets that answer it. */
static void
set_up(struct core_world *world, struct told *told, size_t puppets)
{
	memset(told, 0, sizeof *told);
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world->on_log = on_log;
	world->arg = told;
}

static struct shoal_msg_ping
ping_of(const struct core_world *world, const struct puppet *puppet)
{
	return (struct shoal_msg_ping){.seq = world->now | 1,
	        .id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .target = world_id(world, 0)};
}

static void
ping_on_stream(struct core_world *world, const struct puppet *puppet)
{
	static struct parcel parcel;
	struct shoal_msg_ping ping = ping_of(world, puppet);

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_end(&parcel);
	world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_REQUEST,
	                .from = puppet->addr,
	                .exchange = 1000000 + world->now,
	                .data = parcel.data,
	                .len = parcel.writer.len});
}

static void
ping(struct core_world *world, const struct puppet *puppet)
{
	struct shoal_msg_ping message = ping_of(world, puppet);

	world_send(world, 0, &puppet->addr, SHOAL_MESSAGE_PING, &message);
}

/* For so many seconds the first so many puppets ping on streams, each second. */
static void
stream_for(struct core_world *world, unsigned seconds, size_t puppets, bool datagrams)
{
	for (unsigned i = 0; i < seconds; i++) {
		for (size_t k = 0; k < puppets; k++) {
			ping_on_stream(world, &world->puppet[k]);
		}
		if (datagrams) {
			ping(world, &world->puppet[0]);
		}
		world_run(world, SHOAL_SEC(1));
	}
}

static enum shoal_access
access_of(const struct core_world *world, unsigned *peers)
{
	return shoal_core_access(world_core(world, 0), peers);
}

static void
who_is_pinged_on_streams_only_says_that_datagrams_do_not_get_in_and_when_they_do(void **state)
{
	static struct core_world world;
	struct told told;
	unsigned peers;

	(void)state;
	set_up(&world, &told, 3);
	stream_for(&world, 9, 2, false);
	assert_int_equal(access_of(&world, NULL), SHOAL_ACCESS_GOOD);
	stream_for(&world, 3, 2, false);
	assert_int_equal(access_of(&world, &peers), SHOAL_ACCESS_NO_DATAGRAMS);
	assert_int_equal(peers, 2);
	assert_int_equal(told.cannot, 1);
	assert_non_null(strstr(told.line, "10.0.0.1:7946: 2 of them got no answer in datagrams"));
	assert_non_null(strstr(told.line, "open its UDP port"));
	stream_for(&world, 1201, 2, false);
	assert_int_equal(told.cannot, 3);
	assert_int_equal(told.again, 0);
	stream_for(&world, 9, 2, true);
	assert_int_equal(told.again, 0);
	stream_for(&world, 3, 2, true);
	assert_int_equal(told.again, 1);
	assert_int_equal(access_of(&world, &peers), SHOAL_ACCESS_GOOD);
	assert_int_equal(peers, 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_UNREACHED), 1);
	world_done(&world);
}

/* Pings that come as messages on streams, from the port of a connection, or down a link of this
 * member's own, from where that leads. */
static void
stream_pings_count_as_datagrams_where_their_sender_connected(void **state)
{
	static struct core_world world;

	(void)state;
	for (int link = 0; link < 2; link++) {
		struct told told;
		static struct parcel parcel;
		set_up(&world, &told, 3);
		for (unsigned i = 0; i < 60; i++) {
			struct shoal_msg_ping message = ping_of(&world, &world.puppet[0]);
			struct shoal_addr from = world.puppet[0].addr;

			from.port = link ? from.port : 50000;
			parcel_begin(&parcel, world.label);
			parcel_add(&parcel, SHOAL_MESSAGE_PING, &message);
			parcel_end(&parcel);
			world_step(&world, 0,
			        (struct shoal_input){.kind = SHOAL_INPUT_STREAM,
			                .from = from,
			                .data = parcel.data,
			                .len = parcel.writer.len});
			stream_for(&world, 1, 2, false);
		}
		assert_int_equal(told.cannot, link);
		world_done(&world);
	}
}

static void
a_member_at_a_url_is_told_of_its_url(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	struct told told = {.cannot = 0};

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.url = "https://me.example/gossip";
	assert_int_equal(shoal_addr_from_url(&config.addr[0], config.url), SHOAL_OK);
	world_begin(&world, &config, 3, PUPPET_DATAGRAMS);
	world.on_log = on_log;
	world.arg = &told;
	stream_for(&world, 20, 2, false);
	assert_int_equal(told.cannot, 1);
	assert_non_null(strstr(told.line, "reach me at https://me.example/gossip: 2 of them"));
	assert_non_null(strstr(told.line, "see that the proxy"));
	assert_null(strstr(told.line, "port"));
	world_done(&world);
}

static void
one_peer_of_several_is_not_enough_and_the_only_one_is(void **state)
{
	static struct core_world world;

	(void)state;
	for (size_t puppets = 1; puppets <= 3; puppets += 2) {
		struct told told;
		set_up(&world, &told, puppets);
		stream_for(&world, 60, 1, false);
		assert_int_equal(access_of(&world, NULL),
		        puppets == 1 ? SHOAL_ACCESS_NO_DATAGRAMS : SHOAL_ACCESS_GOOD);
		assert_int_equal(told.cannot, puppets == 1);
		world_done(&world);
	}
}

static void
pings_on_streams_beside_datagrams_are_loss(void **state)
{
	static struct core_world world;
	struct told told;

	(void)state;
	set_up(&world, &told, 3);
	stream_for(&world, 120, 3, true);
	assert_int_equal(told.cannot, 0);
	assert_int_equal(access_of(&world, NULL), SHOAL_ACCESS_GOOD);
	world_done(&world);
}

/* A member's ping on a stream from where that member is not. */
static void
what_somebody_says_in_a_members_name_from_elsewhere_counts_for_nothing(void **state)
{
	static struct core_world world;
	struct told told;

	(void)state;
	set_up(&world, &told, 3);
	for (unsigned i = 0; i < 30; i++) {
		for (size_t k = 0; k < 3; k++) {
			struct puppet forger = world.puppet[k];
			forger.addr.ip[15] ^= 0x80;
			ping_on_stream(&world, &forger);
		}
		world_run(&world, SHOAL_SEC(1));
	}
	assert_int_equal(told.cannot, 0);
	world_done(&world);
}

static void
who_is_accused_by_two_says_that_nothing_gets_in(void **state)
{
	static struct core_world world;
	struct told told;

	(void)state;
	set_up(&world, &told, 3);
	world_run(&world, SHOAL_SEC(15));
	struct shoal_core_member self;
	assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
	struct shoal_msg_state accused = {.id = self.id,
	        .salt = shoal_salt_short(&self.salt),
	        .incarnation = self.incarnation,
	        .state = SHOAL_STATE_SUSPECT,
	        .accusers = {.count = 2, .item = {world.puppet[0].id, world.puppet[1].id}}};
	world_tell(&world, 0, &world.puppet[2], SHOAL_MESSAGE_STATE, &accused);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(access_of(&world, NULL), SHOAL_ACCESS_NONE);
	assert_int_equal(told.cannot, 1);
	assert_non_null(strstr(told.line, "open its UDP and its TCP port"));
	stream_for(&world, 13, 1, false);
	assert_int_equal(access_of(&world, NULL), SHOAL_ACCESS_NO_DATAGRAMS);
	assert_int_equal(told.cannot, 2);
	world_run(&world, SHOAL_SEC(90));
	assert_int_equal(told.again, 1);
	world_done(&world);
}

static void
what_is_found_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(shoal_access_name(SHOAL_ACCESS_GOOD), "reached");
	assert_string_equal(shoal_access_name(SHOAL_ACCESS_NO_DATAGRAMS), "no datagrams");
	assert_string_equal(shoal_access_name(SHOAL_ACCESS_NO_STREAMS), "no streams");
	assert_string_equal(shoal_access_name(SHOAL_ACCESS_NONE), "not reached");
	assert_string_equal(shoal_access_name((enum shoal_access)4), "invalid");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                who_is_pinged_on_streams_only_says_that_datagrams_do_not_get_in_and_when_they_do),
	        cmocka_unit_test(stream_pings_count_as_datagrams_where_their_sender_connected),
	        cmocka_unit_test(a_member_at_a_url_is_told_of_its_url),
	        cmocka_unit_test(one_peer_of_several_is_not_enough_and_the_only_one_is),
	        cmocka_unit_test(pings_on_streams_beside_datagrams_are_loss),
	        cmocka_unit_test(
	                what_somebody_says_in_a_members_name_from_elsewhere_counts_for_nothing),
	        cmocka_unit_test(who_is_accused_by_two_says_that_nothing_gets_in),
	        cmocka_unit_test(what_is_found_has_a_name)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
