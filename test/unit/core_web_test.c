/* SPDX-License-Identifier: MIT */
/* Members whose addresses are URLs: they live in the protocol as others do, all know what an
 * address stands for, and nobody is sent to where he cannot. */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "core/node.h"
#include "core_world.h"

static struct shoal_addr
web(const char *url)
{
	struct shoal_addr addr;

	assert_int_equal(shoal_addr_from_url(&addr, url), SHOAL_OK);
	return addr;
}

static struct shoal_span
span(const char *text)
{
	return (struct shoal_span){(const uint8_t *)text, strlen(text)};
}

static const char *
url_of(size_t node)
{
	static char url[WORLD_NODES][40];

	snprintf(url[node], sizeof url[node], "https://node-%zu.example/gossip", node);
	return url[node];
}

static size_t
add(struct core_world *world)
{
	struct shoal_core_config config;

	world_config(world, &config);
	config.url = url_of(world->nodes);
	config.addr[0] = web(config.url);
	return world_add(world, &config);
}

static void
set_up(struct core_world *world, size_t nodes)
{
	world_init(world);
	for (size_t i = 0; i < nodes; i++) {
		add(world);
		if (i > 0) {
			world_join(world, i, 0);
		}
	}
}

static void
members_at_urls_find_each_other_and_accuse_nobody(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 5);
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < 5; i++) {
		for (size_t k = 0; k < 5; k++) {
			struct shoal_core_member member;
			struct shoal_id id = world_id(&world, k);

			assert_true(world_holds(&world, i, &id, &member));
			assert_int_equal(member.state, SHOAL_STATE_ALIVE);
			assert_string_equal(member.url, url_of(k));
		}
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_SUSPECT), 0);
	}
	world_done(&world);
}

/* One that dies is found, and its successor at another URL is taken over. */
static void
one_that_is_started_again_at_another_url_is_reached_there(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	struct shoal_core_member member;

	(void)state;
	set_up(&world, 4);
	world_run(&world, SHOAL_SEC(5));
	struct shoal_id id = world_id(&world, 2);
	world_config(&world, &config);
	config.id = id;
	config.name = "node-2";
	config.url = "https://elsewhere.example";
	config.addr[0] = web(config.url);
	world.node[2].up = false;
	size_t again = world_add(&world, &config);
	world_join(&world, again, 0);
	world_run(&world, SHOAL_SEC(20));
	for (size_t i = 0; i < 4; i++) {
		if (i != 2) {
			assert_true(world_holds(&world, i, &id, &member));
			assert_int_equal(member.state, SHOAL_STATE_ALIVE);
			assert_string_equal(member.url, "https://elsewhere.example");
		}
	}
	world_done(&world);
}

static void
what_goes_to_a_member_says_what_its_address_stands_for(void **state)
{
	static struct core_world world;
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};
	struct shoal_send send;
	unsigned seen = 0;

	(void)state;
	set_up(&world, 3);
	world_run(&world, SHOAL_SEC(3));
	for (unsigned i = 0; i < 20; i++) {
		world.now = shoal_core_deadline(world_core(&world, 1));
		input.mono_ns = world.now;
		assert_int_equal(shoal_core_step(world_core(&world, 1), &input), SHOAL_OK);
		while (shoal_core_next_send(world_core(&world, 1), &send)) {
			struct shoal_addr to = web(send.url);
			assert_true(shoal_addr_equal(&to, &send.to));
			seen++;
		}
	}
	assert_true(seen > 0);
	world_done(&world);
}

/* Three that advertise an address of IPv4 only, a URL only, and both, the URL last. */
static void
an_address_is_used_where_this_member_has_one_of_its_kind(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	add(&world);
	world_config(&world, &config);
	config.url = url_of(2);
	config.addr[config.addrs++] = web(config.url);
	world_add(&world, &config);
	for (size_t i = 0; i < 3; i++) {
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
		struct shoal_addr socket = puppet->addr, http = web("http://p.example:90/a");
		struct shoal_core *core = world_core(&world, i);

		member.addrs = (struct shoal_addr_list){2, {http, socket}};
		member.url = span("http://p.example:90/a");
		world_tell(&world, i, puppet, SHOAL_MESSAGE_MEMBER, &member);
		const struct shoal_record *record =
		        shoal_members_at(core, shoal_members_find(core, &puppet->id));
		assert_non_null(record);
		assert_true(shoal_members_is_at(record, i == 0 ? &socket : &http));
		assert_true(shoal_addr_equal(
		        shoal_members_used(core, &member.addrs), i == 0 ? &socket : &http));
	}
	world_done(&world);
}

static uint64_t
told(struct core_world *world, const struct shoal_addr *addr, size_t addrs, const char *url)
{
	struct puppet *puppet = world_puppet(world);
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	uint64_t before = world_counter(world, 0, SHOAL_COUNTER_DROP_MALFORMED);

	member.addrs.count = addrs;
	memcpy(member.addrs.item, addr, addrs * sizeof *addr);
	member.url = span(url);
	world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
	return world_counter(world, 0, SHOAL_COUNTER_DROP_MALFORMED) - before;
}

static void
an_address_and_a_url_that_do_not_belong_together_are_malformed(void **state)
{
	static struct core_world world;
	struct shoal_addr good = web("https://a.example/g"),
	                  two[2] = {good, web("http://b.example")};
	struct shoal_addr port = good, socket;

	(void)state;
	world_init(&world);
	add(&world);
	assert_int_equal(shoal_addr_parse(&socket, "10.0.0.9:7"), 0);
	port.port++;
	assert_int_equal(told(&world, &good, 1, "https://a.example/g"), 0);
	assert_int_equal(told(&world, &socket, 1, ""), 0);
	assert_int_equal(told(&world, &good, 1, ""), 1);
	assert_int_equal(told(&world, &good, 1, "https://a.example/h"), 1);
	assert_int_equal(told(&world, &good, 1, "https://A.example/g"), 1); /* the other form */
	assert_int_equal(told(&world, &port, 1, "https://a.example/g"), 1);
	assert_int_equal(told(&world, &socket, 1, "https://a.example/g"), 1);
	assert_int_equal(told(&world, two, 2, "https://a.example/g"), 1);
	assert_int_equal(told(&world, &good, 1, "nonsense"), 1);
	world_done(&world);
}

static int
say(struct core_world *world, const struct shoal_addr *addr, size_t n)
{
	return world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_ADDRESS,
	                .data = (const uint8_t *)addr,
	                .len = n * sizeof *addr});
}

static void
a_member_gives_its_url_up_and_takes_it_again_but_no_other_one(void **state)
{
	static struct core_world world;
	struct shoal_addr both[2], other = web("https://other.example");
	struct shoal_core_member member;

	(void)state;
	set_up(&world, 1);
	struct shoal_id id = world_id(&world, 0);
	both[0] = web(url_of(0));
	assert_int_equal(shoal_addr_parse(&both[1], "10.0.0.1:7946"), 0);
	assert_int_equal(say(&world, &other, 1), SHOAL_ERR_INVALID);
	assert_int_equal(say(&world, &both[1], 1), SHOAL_OK);
	assert_true(world_holds(&world, 0, &id, &member));
	assert_string_equal(member.url, "");
	assert_int_equal(say(&world, both, 2), SHOAL_OK);
	assert_true(world_holds(&world, 0, &id, &member));
	assert_string_equal(member.url, url_of(0));
	assert_int_equal(member.addrs, 2);
	world_done(&world);
}

static void
a_config_whose_url_is_not_that_of_its_address_makes_no_core(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	struct shoal_core *core;
	char why[200];

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.url = "https://a.example";
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_ERR_INVALID);
	assert_non_null(strstr(why, "url: "));
	config.addr[0] = web("https://a.example");
	config.url = NULL;
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_ERR_INVALID);
	config.url = "https://a.example";
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_OK);
	shoal_core_free(core);
	world_done(&world);
}

/* What a member sends to an address of a kind that it has none of goes nowhere. */
static bool
is_lost(const struct core_world *world, const struct world_packet *packet)
{
	const struct world_node *node = &world->node[packet->node];
	bool web = shoal_addr_is_web(&packet->to);
	bool second = !shoal_addr_is_zero(&node->other) && shoal_addr_is_web(&node->other) == web;

	return shoal_addr_is_web(&node->addr) != web && !second;
}

/* `sockets` members at sockets, `both` at both, `urls` at URLs. All join through the first that has
 * both. */
static void
set_up_mixed(struct core_world *world, size_t sockets, size_t both, size_t urls, uint32_t watchers)
{
	struct shoal_core_config config;
	size_t seed = sockets;

	world_init(world);
	world->loses = is_lost;
	for (size_t i = 0; i < sockets + both; i++) {
		world_config(world, &config);
		config.profile.watchers = watchers;
		if (i >= sockets) {
			config.url = url_of(world->nodes);
			config.addr[config.addrs++] = web(config.url);
		}
		world_add(world, &config);
	}
	for (size_t i = 0; i < urls; i++) {
		add(world);
	}
	for (size_t i = 0; i < world->nodes; i++) {
		bool url = i >= sockets + both;

		if (i != seed) {
			assert_int_equal(world_step(world, i,
			                         (struct shoal_input){.kind = SHOAL_INPUT_JOIN,
			                                 .from = url ? world->node[seed].other
			                                             : world->node[seed].addr}),
			        SHOAL_OK);
		}
	}
}

static void
expect_alive(struct core_world *world, size_t except)
{
	for (size_t i = 0; i < world->nodes; i++) {
		for (size_t k = 0; k < world->nodes; k++) {
			struct shoal_id id = world_id(world, k);
			struct shoal_core_member member;

			assert_true(i == except || world_holds(world, i, &id, &member));
			if (i != except && k != except) {
				assert_int_equal(member.state, SHOAL_STATE_ALIVE);
			}
		}
	}
}

/* One of eight has both kinds: it is the relay of every probe between the others. */
static void
members_without_a_kind_in_common_do_not_accuse_each_other(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_mixed(&world, 4, 1, 3, 0);
	world_run(&world, SHOAL_SEC(120));
	expect_alive(&world, SIZE_MAX);
	for (size_t i = 0; i < world.nodes; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_SUSPECT), 0);
	}
	world_done(&world);
}

static bool
crosses(const struct core_world *world, const struct world_packet *packet)
{
	assert_false(is_lost(world, packet));
	return false;
}

static void
one_that_dies_is_found_by_both_kinds_and_nothing_is_sent_across(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_mixed(&world, 3, 2, 3, 0);
	world.loses = crosses;
	world_run(&world, SHOAL_SEC(20));
	for (size_t victim = 0; victim < world.nodes; victim += 7) { /* one of each kind */
		struct shoal_id id = world_id(&world, victim);

		world.node[victim].up = false;
		world_run(&world, SHOAL_SEC(30));
		for (size_t i = 1; i < 7; i++) {
			struct shoal_core_member member;

			assert_true(world_holds(&world, i, &id, &member));
			assert_int_equal(member.state, SHOAL_STATE_DEAD);
		}
	}
	world_done(&world);
}

/* The one with both kinds has gone: each side holds the other as it was, and says nothing. */
static void
without_a_relay_nothing_is_said_of_the_other_kind(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_mixed(&world, 3, 1, 3, 0);
	world_run(&world, SHOAL_SEC(20));
	world.node[3].up = false;
	world_run(&world, SHOAL_SEC(60));
	expect_alive(&world, 3);
	world_done(&world);
}

/* The target is sent to the origin where it can go there, and the origin not left without a word
 * where it may not be able to. */
static void
a_relay_without_room_says_so_where_the_target_may_not_reach_the_origin(void **state)
{
	static const struct {
		size_t origin, target;
		bool pings, nacks;
	} all[] = {
	        {0, 4, true, false}, {0, 2, false, true}, {2, 0, false, true}, {2, 3, true, true}};
	static struct core_world world;

	(void)state;
	set_up_mixed(&world, 1, 1, 2, 0);
	world_join(&world, world_add(&world, NULL), 1);
	world_run(&world, SHOAL_SEC(10));
	world_core(&world, 1)->relays.slab.limit = 0;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		const struct world_node *origin = &world.node[all[i].origin];
		struct shoal_msg_relay relay = {.seq = 77 + i,
		        .id = world_id(&world, all[i].origin),
		        .target = world_id(&world, all[i].target),
		        .budget_ms = 500};

		world_clear(&world);
		world_send(&world, 1, &origin->addr, SHOAL_MESSAGE_RELAY, &relay);
		const struct world_packet *packet = world_sent(
		        &world, NULL, 1, &world.node[all[i].target].addr, SHOAL_MESSAGE_PING);
		assert_int_equal(packet != NULL, all[i].pings);
		if (packet != NULL) {
			struct shoal_msg_ping ping = packet_has(packet, SHOAL_MESSAGE_PING)->ping;
			assert_true(shoal_addr_equal(&ping.origin, &origin->addr));
		}
		packet = world_sent(&world, NULL, 1, &origin->addr, SHOAL_MESSAGE_NACK);
		assert_int_equal(packet != NULL, all[i].nacks);
		if (packet != NULL) {
			assert_int_equal(packet_has(packet, SHOAL_MESSAGE_NACK)->nack.reason,
			        SHOAL_NACK_UNKNOWN);
		}
	}
	world_done(&world);
}

static void
a_message_to_a_member_of_the_other_kind_ends_at_once(void **state)
{
	static struct core_world world;
	struct shoal_input input = {.kind = SHOAL_INPUT_SEND,
	        .type = 200,
	        .flags = SHOAL_RELIABLE,
	        .exchange = 7,
	        .data = (const uint8_t *)"x",
	        .len = 1};
	const struct shoal_event *sent;

	(void)state;
	set_up_mixed(&world, 1, 1, 1, 0);
	world_run(&world, SHOAL_SEC(10));
	input.id = world_id(&world, 2);
	world_clear(&world);
	assert_int_equal(world_step(&world, 0, input), SHOAL_OK);
	world_run(&world, SHOAL_MS(100));
	sent = world_event(&world, 0, SHOAL_EVENT_SENT, NULL, 0);
	assert_non_null(sent);
	assert_int_equal(sent->code, SHOAL_ERR_WALLED);
	world_done(&world);
}

static void
a_url_has_no_watch_links_and_is_in_no_range(void **state)
{
	static struct core_world world;
	struct shoal_cidr range;
	size_t links = 0;

	(void)state;
	set_up_mixed(&world, 2, 1, 2, 3);
	assert_int_equal(shoal_cidr_parse(&range, "10.0.0.0/8"), SHOAL_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(world_step(&world, i,
		                         (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
		                                 .data = (const uint8_t *)&range,
		                                 .len = sizeof range}),
		        SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(60));
	expect_alive(&world, SIZE_MAX);
	for (size_t i = 0; i < world.nodes; i++) {
		const struct world_packet *packet = NULL;

		while ((packet = world_sent(&world, packet, i, NULL, SHOAL_MESSAGE_WATCH)) !=
		        NULL) {
			assert_false(shoal_addr_is_web(&packet->to));
			links++;
		}
	}
	assert_true(links > 0);
	world_done(&world);
}

/* Notes the line about a suspicion. */
static void
on_suspicion(struct core_world *world, size_t node, const struct shoal_log_record *record)
{
	(void)node;
	if (strstr(record->text, ": suspect, no answer") != NULL) {
		snprintf(world->arg, SHOAL_LOG_TEXT_MAX, "%s", record->text);
	}
}

static void
what_is_said_of_one_at_the_longest_url_is_whole(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	char url[SHOAL_URL_TEXT], line[SHOAL_LOG_TEXT_MAX] = "";
	const struct shoal_event *event = NULL;

	(void)state;
	set_up(&world, 4);
	world_config(&world, &config);
	snprintf(url, sizeof url, "https://far.example/%0*d", (int)sizeof url - 21, 1);
	assert_int_equal(strlen(url), SHOAL_URL_MAX);
	config.url = url;
	config.addr[0] = web(url);
	size_t far = world_add(&world, &config);
	world_join(&world, far, 0);
	world_run(&world, SHOAL_SEC(10));
	world.on_log = on_suspicion;
	world.arg = line;
	world.node[far].up = false;
	world_run(&world, SHOAL_SEC(20));
	for (size_t i = 0; i < far && event == NULL; i++) {
		event = world_event(&world, i, SHOAL_EVENT_SUSPECT, NULL, 0);
		event = event != NULL && event->cause.kind == SHOAL_CAUSE_UNANSWERED ? event : NULL;
	}
	assert_non_null(event);
	assert_non_null(strstr(event->cause.detail, "relays, "));
	assert_non_null(strstr(line, url));
	assert_non_null(strstr(line, event->cause.detail));
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(members_at_urls_find_each_other_and_accuse_nobody),
	        cmocka_unit_test(one_that_is_started_again_at_another_url_is_reached_there),
	        cmocka_unit_test(what_goes_to_a_member_says_what_its_address_stands_for),
	        cmocka_unit_test(an_address_is_used_where_this_member_has_one_of_its_kind),
	        cmocka_unit_test(an_address_and_a_url_that_do_not_belong_together_are_malformed),
	        cmocka_unit_test(a_member_gives_its_url_up_and_takes_it_again_but_no_other_one),
	        cmocka_unit_test(a_config_whose_url_is_not_that_of_its_address_makes_no_core),
	        cmocka_unit_test(members_without_a_kind_in_common_do_not_accuse_each_other),
	        cmocka_unit_test(one_that_dies_is_found_by_both_kinds_and_nothing_is_sent_across),
	        cmocka_unit_test(without_a_relay_nothing_is_said_of_the_other_kind),
	        cmocka_unit_test(
	                a_relay_without_room_says_so_where_the_target_may_not_reach_the_origin),
	        cmocka_unit_test(a_message_to_a_member_of_the_other_kind_ends_at_once),
	        cmocka_unit_test(a_url_has_no_watch_links_and_is_in_no_range),
	        cmocka_unit_test(what_is_said_of_one_at_the_longest_url_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
