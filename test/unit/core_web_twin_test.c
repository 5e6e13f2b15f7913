/* SPDX-License-Identifier: MIT */
/* Two instances under one id of which one is at a URL, or both: they end in one, and say where the
 * other one is by its URL. */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "core_world.h"
#include "unit_cipher.h"

enum kind {
	SOCKET = 1,
	URL = 2,
	BOTH = 3
};

static const char *
url_of(size_t node)
{
	static char url[WORLD_NODES][40];

	snprintf(url[node], sizeof url[node], "https://node-%zu.example/gossip", node);
	return url[node];
}

/* Under the name of that node, or its own (SIZE_MAX). */
static void
configure(const struct core_world *world, enum kind kind, size_t name,
        struct shoal_core_config *config)
{
	static char names[WORLD_NODES][8];
	size_t node = world->nodes;

	world_config(world, config);
	snprintf(names[node], sizeof names[node], "n-%zu", name == SIZE_MAX ? node : name);
	config->name = names[node];
	if (world->arg != NULL) {
		config->cipher = unit_cipher();
		config->key = world->arg;
		config->key_count = 1;
	}
	if ((kind & URL) != 0) {
		config->url = url_of(node);
		assert_int_equal(shoal_addr_from_url(&config->addr[kind == BOTH], config->url), 0);
		config->addrs = kind == BOTH ? 2 : 1;
	}
}

static size_t
add(struct core_world *world, enum kind kind, size_t name)
{
	struct shoal_core_config config;

	configure(world, kind, name, &config);
	return world_add(world, &config);
}

static void
join(struct core_world *world, size_t node, size_t seed)
{
	const struct world_node *at = &world->node[seed];
	bool web = shoal_addr_is_web(&world->node[node].addr);
	bool first = shoal_addr_is_web(&at->addr) == web;

	assert_int_equal(world_step(world, node,
	                         (struct shoal_input){.kind = SHOAL_INPUT_JOIN,
	                                 .from = first ? at->addr : at->other}),
	        SHOAL_OK);
}

static bool
crosses(const struct core_world *world, const struct world_packet *packet)
{
	const struct world_node *node = &world->node[packet->node];
	bool web = shoal_addr_is_web(&packet->to);
	bool second = !shoal_addr_is_zero(&node->other) && shoal_addr_is_web(&node->other) == web;

	assert_true(shoal_addr_is_web(&node->addr) == web || second);
	return false;
}

/* Node 0 has both kinds, 1 and 2 have one each; 3 is a member. With a key they seal. */
static void
begin(struct core_world *world, enum kind kind, struct shoal_key *key)
{
	world_init(world);
	world->arg = key;
	world->loses = crosses;
	add(world, BOTH, SIZE_MAX);
	join(world, add(world, SOCKET, SIZE_MAX), 0);
	join(world, add(world, URL, SIZE_MAX), 0);
	join(world, add(world, kind, SIZE_MAX), 0);
	world_run(world, SHOAL_SEC(10));
	world_clear(world);
}

static bool
has_stopped(const struct core_world *world, size_t node)
{
	const struct shoal_event *event = world_event(world, node, SHOAL_EVENT_ENDED, NULL, 0);

	assert_true(event == NULL || event->code == SHOAL_ERR_ID_CONFLICT);
	return event != NULL;
}

/* What a node says of where the other instance is: of one that has both kinds either will do. */
static void
assert_told(const struct core_world *world, size_t node, size_t other, const char *which)
{
	const struct shoal_event *event = world_event(world, node, SHOAL_EVENT_CONFLICT, NULL, 0);
	bool at_socket = !shoal_addr_is_web(&world->node[other].addr);
	bool at_url = !at_socket || !shoal_addr_is_zero(&world->node[other].other);
	char url[sizeof event->cause.detail], socket[sizeof event->cause.detail];

	assert_non_null(event);
	snprintf(url, sizeof url, "the other one is at %s%s", url_of(other), which);
	snprintf(socket, sizeof socket, "the other one is at 10.0.0.%zu:7946%s", other + 1, which);
	if (!at_socket || (at_url && strcmp(event->cause.detail, socket) != 0)) {
		assert_string_equal(event->cause.detail, url);
	} else {
		assert_string_equal(event->cause.detail, socket);
	}
}

static void
assert_urls_are_named(const struct core_world *world, size_t node)
{
	const struct world_packet *packet = NULL;

	while ((packet = world_sent(world, packet, node, NULL, SHOAL_MESSAGE_CONFLICT)) != NULL) {
		assert_true(packet->named || !shoal_addr_is_web(&packet->to));
	}
}

/* All hold the member at that node, and never said that it has gone. */
static void
assert_lives(const struct core_world *world, size_t node, size_t gone)
{
	struct shoal_id id = world_id(world, node);
	struct shoal_core_member self, held;

	assert_true(shoal_core_member(world_core(world, node), 0, &self));
	for (size_t i = 0; i < world->nodes; i++) {
		if (i == gone) {
			continue;
		}
		assert_true(world_holds(world, i, &id, &held));
		assert_int_equal(held.state, SHOAL_STATE_ALIVE);
		assert_memory_equal(&held.salt, &self.salt, sizeof held.salt);
		assert_null(world_event(world, i, SHOAL_EVENT_SUSPECT, &id, 0));
		assert_null(world_event(world, i, SHOAL_EVENT_FAILED, &id, 0));
		assert_null(world_event(world, i, SHOAL_EVENT_LEFT, &id, 0));
	}
}

static void
check_sealed(enum kind first, enum kind second, size_t through, struct shoal_key *key)
{
	static struct core_world world;

	begin(&world, first, key);
	size_t later = add(&world, second, 3);
	join(&world, later, through);
	world_run(&world, SHOAL_SEC(1));
	assert_true(has_stopped(&world, later));
	assert_false(has_stopped(&world, 3));
	assert_told(&world, later, 3, " and goes on");
	assert_told(&world, 3, later, " and stops");
	assert_urls_are_named(&world, 0);
	if (through == 0) {
		assert_told(&world, 0, later, "");
	}
	world_run(&world, SHOAL_SEC(30));
	assert_false(has_stopped(&world, 3));
	assert_lives(&world, 3, later);
	world_done(&world);
}

static void
check_later(enum kind first, enum kind second, size_t through)
{
	static struct shoal_key key = {32, {1}};

	check_sealed(first, second, through, NULL);
	check_sealed(first, second, through, &key);
}

static void
of_two_at_urls_the_later_stops_whomever_it_asked(void **state)
{
	(void)state;
	check_later(URL, URL, 0);
	check_later(URL, URL, 2);
	check_later(URL, URL, 3);
}

static void
of_one_at_a_socket_and_one_at_a_url_the_later_stops(void **state)
{
	(void)state;
	check_later(SOCKET, URL, 0);
	check_later(URL, SOCKET, 0);
}

static void
one_that_has_both_stops_or_goes_on_as_any(void **state)
{
	(void)state;
	check_later(BOTH, URL, 0);
	check_later(URL, BOTH, 0);
	check_later(BOTH, SOCKET, 0);
	check_later(SOCKET, BOTH, 0);
}

/* It is started elsewhere while the former instance hangs: that one stops when it returns. */
static void
check_heir(enum kind former, enum kind heir)
{
	static struct core_world world;

	begin(&world, former, NULL);
	world.node[3].up = false;
	size_t again = add(&world, heir, 3);
	join(&world, again, 0);
	world_run(&world, SHOAL_SEC(30));
	assert_false(has_stopped(&world, again));
	world_clear(&world);
	world_run(&world, SHOAL_SEC(10));
	assert_lives(&world, again, 3);
	world.node[3].up = true;
	world_run(&world, SHOAL_SEC(10));
	assert_true(has_stopped(&world, 3));
	assert_false(has_stopped(&world, again));
	assert_told(&world, 3, again, " and goes on");
	assert_lives(&world, again, 3);
	world_done(&world);
}

static void
one_started_again_elsewhere_takes_over_and_the_former_stops_when_it_returns(void **state)
{
	(void)state;
	check_heir(URL, URL);
	check_heir(SOCKET, URL);
	check_heir(URL, SOCKET);
}

static bool
loses_what_is_passed_to_the_first(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == 0 && shoal_addr_equal(&packet->to, &world->node[3].addr) &&
	       packet_has(packet, SHOAL_MESSAGE_CONFLICT) != NULL;
}

/* Who asks through another one does not take its silence for that of the one it asked. */
static void
what_is_lost_on_the_way_through_another_member_makes_nobody_a_former_run(void **state)
{
	static struct core_world world;

	(void)state;
	begin(&world, SOCKET, NULL);
	size_t later = add(&world, URL, 3);
	world.loses = loses_what_is_passed_to_the_first;
	join(&world, later, 0);
	world_run(&world, SHOAL_SEC(8));
	assert_false(has_stopped(&world, later) || has_stopped(&world, 3));
	world.loses = crosses;
	world_run(&world, SHOAL_SEC(30));
	assert_true(has_stopped(&world, later));
	assert_false(has_stopped(&world, 3));
	world_done(&world);
}

/* Another address, another salt, another id: it goes nowhere. */
static void
only_what_the_two_say_that_were_told_of_each_other_is_passed_on(void **state)
{
	static struct core_world world;
	struct shoal_core_member second;
	struct shoal_addr known, other;

	(void)state;
	begin(&world, SOCKET, NULL);
	size_t later = add(&world, URL, 3);
	known = world.node[3].addr;
	other = world.node[later].addr;
	assert_true(shoal_core_member(world_core(&world, later), 0, &second));
	struct shoal_msg_conflict said = {.seq = 9,
	        .id = second.id,
	        .salt = UINT64_C(0x0500000000000000),
	        .target = second.id};
	world_send(&world, 0, &other, SHOAL_MESSAGE_CONFLICT, &said);
	assert_int_equal(world_count_sent(&world, 0, &known, SHOAL_MESSAGE_CONFLICT), 0);
	join(&world, later, 0);
	world_run(&world, SHOAL_MS(100));
	for (int how = 0; how < 4; how++) {
		struct shoal_msg_conflict one = said;

		one.salt ^= how == 1;
		one.id.bytes[0] ^= how == 2;
		one.target.bytes[0] ^= how == 2;
		world_clear(&world);
		world_send(&world, 0, how == 3 ? &world.node[2].addr : &other,
		        SHOAL_MESSAGE_CONFLICT, &one);
		const struct world_packet *passed =
		        world_sent(&world, NULL, 0, &known, SHOAL_MESSAGE_CONFLICT);
		assert_int_equal(passed != NULL, how == 0);
		if (passed != NULL) {
			assert_non_null(packet_has(passed, SHOAL_MESSAGE_SENDER));
			one = packet_has(passed, SHOAL_MESSAGE_CONFLICT)->conflict;
			assert_true(one.seq == said.seq && one.salt == said.salt);
			assert_true(shoal_addr_equal(&one.addr, &other));
			assert_int_equal(one.url.len, strlen(url_of(later)));
		}
	}
	world_done(&world);
}

/* A third of all packets. */
static bool
loses_some(const struct core_world *world, const struct world_packet *packet)
{
	uint64_t seed = world->now + packet->node;

	(void)crosses(world, packet);
	return unit_random(&seed) % 3 == 0;
}

/* Also within the second that its incarnation counts, and whatever is lost. */
static void
one_that_restarts_in_its_place_is_held_as_it_is_by_all(void **state)
{
	static struct core_world world;

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		struct shoal_core_config config;
		struct core_world before;
		size_t node = 1 + i % 2;

		begin(&world, BOTH, NULL);
		world.loses = i % 4 < 2 ? crosses : loses_some;
		world_run(&world, SHOAL_MS(37) * i);
		before = world;
		before.nodes = node;
		configure(&before, node == 1 ? SOCKET : URL, SIZE_MAX, &config);
		config.salt.bytes[3] = 1;
		config.wall_ns = SHOAL_SEC(WORLD_EPOCH) + (i % 8 < 4 ? SHOAL_SEC(1000) : world.now);
		shoal_core_free(world.node[node].core);
		assert_int_equal(shoal_core_new(&world.node[node].core, &config, NULL, 0), 0);
		world.node[node].urls = 0;
		join(&world, node, 0);
		world_run(&world, SHOAL_SEC(20));
		world.loses = crosses;
		world_clear(&world);
		world_run(&world, SHOAL_SEC(40));
		assert_lives(&world, node, SIZE_MAX);
		struct shoal_id id = world_id(&world, node);
		struct shoal_core_member self, held;
		assert_true(shoal_core_member(world_core(&world, node), 0, &self));
		for (size_t k = 0; k < world.nodes; k++) {
			assert_true(world_holds(&world, k, &id, &held));
			assert_true(held.incarnation == self.incarnation);
		}
		world_done(&world);
	}
}

static void
an_address_in_a_conflict_without_its_url_is_malformed(void **state)
{
	static struct core_world world;
	static const struct {
		const char *made, *url;
		bool taken;
	} all[] = {{"https://a.example/g", "https://a.example/g", true},
	        {"https://a.example/g", "", false},
	        {"https://a.example/g", "https://b.example/g", false},
	        {"https://a.example/g", "nonsense", false}, {NULL, "https://a.example/g", false},
	        {NULL, "", true}};

	(void)state;
	begin(&world, URL, NULL);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED);
		struct shoal_msg_conflict said = {.id = world_id(&world, 3),
		        .target = world_id(&world, 0),
		        .salt = 1,
		        .other = 2,
		        .url = {(const uint8_t *)all[i].url, strlen(all[i].url)}};

		if (all[i].made != NULL) {
			assert_int_equal(shoal_addr_from_url(&said.addr, all[i].made), 0);
		}
		world_send(&world, 0, &world.node[3].addr, SHOAL_MESSAGE_CONFLICT, &said);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED) - before,
		        !all[i].taken);
	}
	world_done(&world);
}

/* An answer goes where the question says that it came from, so it says no more than that did. */
static void
the_answer_to_a_question_that_names_no_url_names_none(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	struct shoal_addr from;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.url = "https://node.example/gossip";
	assert_int_equal(shoal_addr_from_url(&config.addr[0], config.url), SHOAL_OK);
	assert_int_equal(shoal_addr_from_url(&from, "https://other.example/gossip"), SHOAL_OK);
	world_add(&world, &config);
	world_hears(&world.node[0], &from);
	struct shoal_id id = world_id(&world, 0);
	struct shoal_msg_conflict question = {
	        .seq = 7, .id = id, .salt = 12345, .target = id, .started_ms = 1};
	assert_int_equal(world_send(&world, 0, &from, SHOAL_MESSAGE_CONFLICT, &question), SHOAL_OK);
	const struct world_packet *sent =
	        world_sent(&world, NULL, 0, &from, SHOAL_MESSAGE_CONFLICT);
	assert_non_null(sent);
	const struct shoal_msg_conflict *answer =
	        &packet_has(sent, SHOAL_MESSAGE_CONFLICT)->conflict;
	assert_int_equal(answer->seq, 7);
	assert_int_equal(answer->addr.port, 0);
	assert_int_equal(answer->url.len, 0);
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_answer_to_a_question_that_names_no_url_names_none),
	        cmocka_unit_test(of_two_at_urls_the_later_stops_whomever_it_asked),
	        cmocka_unit_test(of_one_at_a_socket_and_one_at_a_url_the_later_stops),
	        cmocka_unit_test(one_that_has_both_stops_or_goes_on_as_any),
	        cmocka_unit_test(
	                one_started_again_elsewhere_takes_over_and_the_former_stops_when_it_returns),
	        cmocka_unit_test(
	                what_is_lost_on_the_way_through_another_member_makes_nobody_a_former_run),
	        cmocka_unit_test(only_what_the_two_say_that_were_told_of_each_other_is_passed_on),
	        cmocka_unit_test(one_that_restarts_in_its_place_is_held_as_it_is_by_all),
	        cmocka_unit_test(an_address_in_a_conflict_without_its_url_is_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
