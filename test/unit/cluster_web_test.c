/* SPDX-License-Identifier: MIT */
/* Members at URLs, and beside members at sockets, over the loopback on one event_base. */
#include "cluster_web_world.h"

#include <stdlib.h>
#include <unistd.h>

#include "cluster/cluster.h"
#include "cluster/join/address.h"
#include "cluster/loop/loop.h"
#include "wire/message.h"
#include "wire/packet.h"

#define TYPE 200

static void
members_at_urls_join_and_are_shown_by_them(void **state)
{
	struct shoal_member_list *list;
	struct shoal_member *b;
	struct shoal_addr addr;
	struct world world;
	char text[SHOAL_URL_TEXT], small[8];

	(void)state;
	init(&world);
	for (size_t i = 0; i < 3; i++) {
		add(&world, "http://127.0.0.1:0/gossip/");
	}
	join(&world, 1, 0, true);
	join(&world, 2, 1, true);
	settle(&world);
	assert_int_equal(shoal_cluster_address(world.member[1], text, sizeof(text)), 0);
	assert_ptr_equal(strstr(text, "http://127.0.0.1:"), text);
	assert_string_equal(text + strlen(text) - 7, "/gossip");
	assert_int_equal(
	        shoal_cluster_address(world.member[1], small, sizeof(small)), SHOAL_ERR_TOO_BIG);
	list = shoal_members(world.member[2], NULL);
	b = shoal_member_list_find_by_name(list, "b");
	assert_string_equal(shoal_member_url(b), text);
	assert_int_equal(shoal_addr_from_url(&addr, text), 0);
	assert_true(shoal_addr_equal(shoal_member_address(b), &addr));
	assert_string_equal(shoal_member_address_print(b, small, sizeof(small)), "http://");
	shoal_member_list_free(list);
	done(&world);
}

static struct shoal_id
id_of(struct shoal_cluster *cluster)
{
	struct shoal_member *self = shoal_cluster_self(cluster);
	struct shoal_id id = *shoal_member_id(self);

	shoal_member_unref(self);
	return id;
}

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct world *world = arg;

	(void)cluster;
	assert_int_equal(shoal_message_len(message), 5);
	world->heard++;
}

static void
on_request(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)message;
	(void)arg;
	assert_int_equal(shoal_reply(cluster, ticket, 0, "yes", 3), 0);
}

static void
on_reply(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	struct world *world = arg;

	(void)cluster;
	assert_int_equal(code, 0);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "yes", 3);
	world->ends++;
}

static size_t
tags_of(struct shoal_cluster *cluster, const char *name)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	const struct shoal_member *member = shoal_member_list_find_by_name(list, name);
	size_t tagged = member != NULL && shoal_member_has_tag(member, "db");

	shoal_member_list_free(list);
	return tagged;
}

/* Messages of both ways, a request, a broadcast and a tag, from each to each of the two. */
static void
talk(struct world *world)
{
	struct shoal_id id[2] = {id_of(world->member[0]), id_of(world->member[1])};
	size_t tagged = 0, ends = world->ends;

	for (size_t i = 0; i < 2; i++) {
		struct shoal_cluster *from = world->member[i], *to = world->member[1 - i];

		assert_int_equal(shoal_handle(to, TYPE, on_message, world), 0);
		assert_int_equal(shoal_handle_request(to, TYPE + 1, on_request, world), 0);
		assert_int_equal(shoal_send(from, &id[1 - i], TYPE, "hello", 5, SHOAL_RELIABLE), 0);
		assert_int_equal(shoal_send(from, &id[1 - i], TYPE, "hello", 5, 0), 0);
		assert_int_equal(shoal_request(from, &id[1 - i], TYPE + 1, "?", 1, 5000, on_reply,
		                         world, NULL),
		        0);
	}
	until(world, &world->ends, ends + 2);
	until(world, &world->heard, 4);
	assert_int_equal(shoal_broadcast(world->member[0], TYPE, "hello", 5, 0), 0);
	until(world, &world->heard, 5);
	assert_int_equal(shoal_tag_add(world->member[1], "db"), 0);
	for (unsigned i = 0; tagged == 0; i++) {
		assert_true(i < 30000);
		turn(world);
		tagged = tags_of(world->member[0], "b");
	}
}

static void
they_send_each_other_what_members_send(void **state)
{
	struct world world;

	(void)state;
	init(&world);
	add(&world, "http://127.0.0.1:0/a");
	add(&world, "http://[::1]:0/b");
	join(&world, 1, 0, true);
	settle(&world);
	talk(&world);
	done(&world);
}

static void
streams_alone_carry_all_that_members_send(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	struct world world;

	(void)state;
	init(&world);
	for (size_t i = 0; i < 3; i++) {
		struct shoal_config config = config_of(&world, names[i], "127.0.0.1:0");

		config.transport = "tcp";
		add_with(&world, &config);
	}
	join(&world, 1, 0, false);
	join(&world, 2, 0, false);
	settle(&world);
	talk(&world);
	done(&world);
}

static uint64_t
incarnation_of(struct shoal_cluster *cluster, const char *name)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	const struct shoal_member *member = shoal_member_list_find_by_name(list, name);
	uint64_t incarnation = member != NULL ? shoal_member_incarnation(member) : 0;

	shoal_member_list_free(list);
	return incarnation;
}

static uint64_t
salt_of(const struct shoal_core_member *member)
{
	uint64_t salt = 0;

	for (size_t i = 0; i < 8; i++) {
		salt = salt << 8 | member->salt.bytes[i];
	}
	return salt;
}

/* `from` tells a member that it doubts it, and nobody else. */
static void
doubt(struct shoal_cluster *from, struct shoal_cluster *whom)
{
	struct shoal_core_member teller, self;
	struct shoal_writer writer;
	uint8_t data[256];

	assert_true(shoal_core_member(from->core, 0, &teller));
	assert_true(shoal_core_member(whom->core, 0, &self));
	struct shoal_msg_sender sender = {.id = teller.id, .salt = salt_of(&teller)};
	struct shoal_msg_state state = {.id = self.id,
	        .salt = salt_of(&self),
	        .incarnation = self.incarnation,
	        .state = SHOAL_STATE_SUSPECT,
	        .accusers = {1, {teller.id}}};
	shoal_writer_init(&writer, data, sizeof(data));
	shoal_packet_begin(&writer, (struct shoal_span){NULL, 0});
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_SENDER, &sender));
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_STATE, &state));
	shoal_packet_end(&writer);
	struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
	        .from = teller.addr[teller.addrs - 1],
	        .data = data,
	        .len = writer.len};
	assert_int_equal(shoal_loop_input(whom, &input), 0);
}

/* No event tells of it, and no round trip is measured between b and c. */
static void
an_incarnation_that_rose_is_shown_by_one_without_a_kind_in_common(void **state)
{
	struct world world;

	(void)state;
	init(&world);
	add(&world, "127.0.0.1:0,http://127.0.0.1:0/g");
	add(&world, "127.0.0.1:0");
	add(&world, "http://127.0.0.1:0/g");
	join(&world, 1, 0, false);
	join(&world, 2, 0, true);
	settle(&world);
	uint64_t before = incarnation_of(world.member[1], "c");
	assert_true(before > 0);
	doubt(world.member[0], world.member[2]);
	for (unsigned i = 0; incarnation_of(world.member[1], "c") <= before; i++) {
		assert_true(i < 30000);
		turn(&world);
	}
	done(&world);
}

static void
wait_state(struct world *world, size_t who, const char *name, enum shoal_state state)
{
	for (unsigned i = 0; state_of(world->member[who], name) != state; i++) {
		assert_true(i < 30000);
		turn(world);
	}
}

static void
one_that_dies_is_failed_and_one_that_leaves_has_left(void **state)
{
	struct world world;

	(void)state;
	init(&world);
	for (size_t i = 0; i < MEMBERS; i++) {
		add(&world, "http://127.0.0.1:0/gossip");
		if (i > 0) {
			join(&world, i, 0, true);
		}
	}
	settle(&world);
	assert_int_equal(shoal_cluster_leave_async(world.member[2], 0, ended, &world), 0);
	wait_state(&world, 1, "c", SHOAL_STATE_LEFT);
	assert_int_equal(shoal_cluster_stop(world.member[3]), 0);
	wait_state(&world, 0, "d", SHOAL_STATE_DEAD);
	wait_state(&world, 1, "d", SHOAL_STATE_DEAD);
	assert_int_equal(state_of(world.member[0], "b"), SHOAL_STATE_ALIVE);
	done(&world);
}

/* a has sockets only, b both, c a URL only: a and c hear of each other, and of their ends, by b. */
static void
members_of_two_kinds_are_members_of_one_cluster(void **state)
{
	struct shoal_member_list *list;
	struct shoal_member *b;
	struct world world;
	const struct shoal_addr *addrs;

	(void)state;
	init(&world);
	add(&world, "127.0.0.1:0");
	add(&world, "127.0.0.1:0,http://127.0.0.1:0/gossip");
	add(&world, "http://127.0.0.1:0/gossip");
	join(&world, 0, 1, false);
	join(&world, 2, 1, true);
	settle(&world);
	list = shoal_members(world.member[2], NULL);
	b = shoal_member_list_find_by_name(list, "b");
	assert_int_equal(shoal_member_addresses(b, &addrs), 2);
	assert_false(shoal_addr_is_web(&addrs[0]));
	assert_true(shoal_addr_is_web(&addrs[1]));
	shoal_member_list_free(list);
	assert_int_equal(shoal_cluster_stop(world.member[2]), 0);
	wait_state(&world, 0, "c", SHOAL_STATE_DEAD);
	done(&world);
}

static void
one_without_a_way_to_a_seed_is_told_what_to_do(void **state)
{
	const char *url = "http://127.0.0.1:9/x", *socket = "127.0.0.1:9", *name = "localhost:9";
	struct world world;

	(void)state;
	init(&world);
	add(&world, "127.0.0.1:0");
	add(&world, "http://127.0.0.1:0");
	assert_int_equal(shoal_cluster_join_async(world.member[0], &url, 1, 100, ended, &world),
	        SHOAL_ERR_UNSUPPORTED);
	assert_non_null(strstr(shoal_last_error(), "bind a URL too"));
	assert_int_equal(shoal_cluster_join_async(world.member[1], &socket, 1, 100, ended, &world),
	        SHOAL_ERR_UNSUPPORTED);
	assert_non_null(strstr(shoal_last_error(), "bind ip:port too"));
	assert_int_equal(shoal_cluster_join_async(world.member[1], &name, 1, 100, ended, &world),
	        SHOAL_ERR_UNSUPPORTED);
	done(&world);
}

static void
a_state_file_remembers_urls(void **state)
{
	char dir[] = "/tmp/shoal-web-XXXXXX", path[64];
	struct shoal_config config;
	struct world world;

	(void)state;
	init(&world);
	assert_non_null(mkdtemp(dir));
	config = config_of(&world, "b", "http://127.0.0.1:0/b");
	config.state_dir = dir;
	add(&world, "http://127.0.0.1:0/a");
	add_with(&world, &config);
	join(&world, 1, 0, true);
	settle(&world);
	assert_int_equal(shoal_cluster_free(world.member[--world.count]), 0);
	add_with(&world, &config);
	settle(&world);
	assert_int_equal(state_of(world.member[1], "a"), SHOAL_STATE_ALIVE);
	done(&world);
	snprintf(path, sizeof(path), "%s/state", dir);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/lock", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* As behind a proxy: what others dial is not what is bound. */
static void
what_is_advertised_is_what_others_dial(void **state)
{
	struct shoal_config config;
	char text[SHOAL_URL_TEXT];
	struct shoal_addr any;
	struct world world;

	(void)state;
	init(&world);
	config = config_of(&world, "a", "http://127.0.0.1:0/inner");
	config.advertise = "https://Members.Example:443/outer/";
	add_with(&world, &config);
	assert_int_equal(shoal_cluster_address(world.member[0], text, sizeof(text)), 0);
	assert_string_equal(text, "https://members.example/outer");
	if (shoal_addr_parse(&any, "0.0.0.0:1") != 0 || shoal_address_of_route(&any, &any) != 0) {
		done(&world);
		return; /* this machine has no network */
	}
	config = config_of(&world, "b", "http://0.0.0.0:0/b");
	add_with(&world, &config);
	assert_int_equal(shoal_cluster_address(world.member[1], text, sizeof(text)), 0);
	assert_null(strstr(text, "0.0.0.0"));
	assert_null(strstr(text, ":0/"));
	assert_string_equal(text + strlen(text) - 2, "/b");
	done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(members_at_urls_join_and_are_shown_by_them),
	        cmocka_unit_test(they_send_each_other_what_members_send),
	        cmocka_unit_test(streams_alone_carry_all_that_members_send),
	        cmocka_unit_test(an_incarnation_that_rose_is_shown_by_one_without_a_kind_in_common),
	        cmocka_unit_test(one_that_dies_is_failed_and_one_that_leaves_has_left),
	        cmocka_unit_test(members_of_two_kinds_are_members_of_one_cluster),
	        cmocka_unit_test(one_without_a_way_to_a_seed_is_told_what_to_do),
	        cmocka_unit_test(a_state_file_remembers_urls),
	        cmocka_unit_test(what_is_advertised_is_what_others_dial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
