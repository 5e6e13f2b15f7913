/* SPDX-License-Identifier: MIT */
/* Members at sockets, at URLs, and at both: who has links to whom, and to whom news and broadcasts
 * go. */
#include "unit.h"

#include <stdio.h>

#include "core/message/branch.h"
#include "core/node.h"
#include "core_world.h"

#define OWN_URL "https://node-0.example/gossip"

static struct shoal_addr
web(const char *url)
{
	struct shoal_addr addr;

	assert_int_equal(shoal_addr_from_url(&addr, url), SHOAL_OK);
	return addr;
}

/* A puppet at a socket, a URL, or both (the socket first), which the node learns of. */
static struct puppet *
meet_at(struct core_world *world, size_t node, bool socket, bool url)
{
	struct puppet *puppet = world_puppet(world);
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	char text[40];

	snprintf(text, sizeof text, "http://%s.example:90/a", puppet->name);
	member.addrs.count = 0;
	if (socket) {
		member.addrs.item[member.addrs.count++] = puppet->addr;
	}
	if (url) {
		puppet->also = member.addrs.item[member.addrs.count++] = web(text);
		member.url = (struct shoal_span){(const uint8_t *)text, strlen(text)};
	}
	assert_int_equal(world_tell(world, node, puppet, SHOAL_MESSAGE_MEMBER, &member), SHOAL_OK);
	return puppet;
}

static bool
is_dialled(const struct core_world *world, const struct puppet *puppet)
{
	return world_sent(world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_WATCH) != NULL;
}

/* Node 0 has both kinds and most others a URL only. One with both kinds is used at its URL. */
static void
a_member_has_its_links_where_others_look_for_them(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	struct puppet *at_url = NULL;
	uint32_t anchors[SHOAL_ANCHORS_MAX];
	size_t links = 0;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.watchers = 3;
	config.url = OWN_URL;
	config.addr[config.addrs++] = web(config.url);
	world_add(&world, &config);
	struct shoal_core *core = world_core(&world, 0);
	for (size_t i = 0; i < 24; i++) {
		meet_at(&world, 0, i % 6 == 0, i % 6 != 0);
	}
	for (size_t i = 0; i < 2; i++) {
		struct shoal_addr other[SHOAL_ADDRS_MAX];

		at_url = meet_at(&world, 0, true, true);
		uint32_t slot = shoal_members_find(core, &at_url->id);
		assert_int_equal(
		        shoal_members_others(core, shoal_members_at(core, slot), other), 1);
		assert_true(shoal_addr_is_web(&other[0]));
		shoal_members_turn_to(core, slot, &other[0]);
	}
	assert_true(shoal_kind_is_linked(shoal_members_at(core, SHOAL_SELF)));
	uint32_t next = shoal_tree_next(core, SHOAL_SELF);
	assert_false(shoal_kind_is_linked(shoal_members_at(core, next)));
	assert_int_equal(shoal_inbound_anchors(core, SHOAL_SELF, anchors), 3);
	world_run(&world, SHOAL_SEC(3));
	for (size_t i = 0; i < world.puppets; i++) {
		uint32_t slot = shoal_members_find(core, &world.puppet[i].id);
		bool anchor = slot == anchors[0] || slot == anchors[1] || slot == anchors[2];

		assert_int_equal(is_dialled(&world, &world.puppet[i]), anchor);
		links += anchor;
	}
	assert_int_equal(links, 3);
	world_done(&world);
}

/* Who cannot be dialled is asked for at its anchors, though others follow it in the ring. */
static void
one_that_cannot_be_dialled_is_asked_through_members_that_have_its_links(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	size_t asked = 0;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.watchers = 3;
	config.profile.relays = 3;
	world_add(&world, &config);
	struct shoal_core *core = world_core(&world, 0);
	for (size_t i = 0; i < 24; i++) {
		meet_at(&world, 0, i % 4 == 0, i % 4 != 0)->answers = PUPPET_DATAGRAMS;
	}
	struct puppet *walled = meet_at(&world, 0, true, false);
	uint32_t slot = shoal_members_find(core, &walled->id), at = slot, anchors = 0;
	shoal_members_set_inbound(shoal_members_at(core, slot), true);
	assert_false(shoal_kind_is_linked(shoal_members_at(core, shoal_tree_next(core, slot))));
	assert_non_null(shoal_probe_begin(core, slot, SHOAL_PROBE_ROUND));
	world_run(&world, SHOAL_SEC(1));
	while (anchors < 3) {
		at = shoal_tree_next(core, at);
		const struct shoal_record *record = shoal_members_at(core, at);
		struct shoal_addr addr = shoal_members_addr(record);

		if (at != SHOAL_SELF && shoal_kind_is_linked(record)) {
			asked += world_sent(&world, NULL, 0, &addr, SHOAL_MESSAGE_RELAY) != NULL;
		}
		anchors += shoal_kind_is_linked(record);
	}
	assert_true(asked >= 2); /* one of the three may be this member */
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_RELAY), 3);
	world_done(&world);
}

/* Node 0 is at a URL, and of those that it knows one can be reached, the last. Its address. */
static struct shoal_addr
set_up_alone(struct core_world *world)
{
	struct shoal_addr addr = {.port = 0};
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.url = OWN_URL;
	config.addr[0] = web(config.url);
	world_add(world, &config);
	for (size_t i = 0; i < 60; i++) {
		struct puppet *puppet = meet_at(world, 0, true, i == 59);
		const struct shoal_core *core = world_core(world, 0);

		puppet->answers_also = PUPPET_DATAGRAMS | PUPPET_STREAMS;
		addr = shoal_members_addr(
		        shoal_members_at(core, shoal_members_find(core, &puppet->id)));
	}
	assert_true(shoal_addr_is_web(&addr));
	world_run(world, SHOAL_SEC(30));
	world_clear(world);
	return addr;
}

static void
news_go_to_those_that_can_be_reached(void **state)
{
	static struct core_world world;
	unsigned told = 0;

	(void)state;
	struct shoal_addr addr = set_up_alone(&world);
	uint64_t apart = world_counter(&world, 0, SHOAL_COUNTER_DROP_APART);
	struct shoal_id fresh = meet_at(&world, 0, true, false)->id;
	world_run(&world, SHOAL_SEC(1));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_true(shoal_addr_equal(&packet->to, &addr));
		told += packet_state_of(packet, &fresh) == SHOAL_STATE_ALIVE;
	}
	assert_in_range(told, 2, 20);
	apart = world_counter(&world, 0, SHOAL_COUNTER_DROP_APART) - apart;
	assert_in_range(apart, 0, 10); /* it is not tried to send to the others in turn */
	world_done(&world);
}

static void
broadcasts_go_to_those_that_can_be_reached(void **state)
{
	static struct core_world world;
	uint32_t found[SHOAL_BRANCHES];

	(void)state;
	struct shoal_addr addr = set_up_alone(&world);
	struct shoal_id self = world_id(&world, 0);
	uint32_t n = shoal_branch_find(world_core(&world, 0), &self, SHOAL_SELF, 0, found);
	assert_int_equal(n, 1);
	assert_true(shoal_members_is_at(shoal_members_at(world_core(&world, 0), found[0]), &addr));
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_BROADCAST,
	                                 .type = 200,
	                                 .data = (const uint8_t *)"x",
	                                 .len = 1}),
	        SHOAL_OK);
	world_run(&world, SHOAL_MS(50));
	assert_true(world_count_sent(&world, 0, &addr, SHOAL_MESSAGE_CAST) > 0);
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(news_go_to_those_that_can_be_reached),
	        cmocka_unit_test(broadcasts_go_to_those_that_can_be_reached),
	        cmocka_unit_test(a_member_has_its_links_where_others_look_for_them),
	        cmocka_unit_test(
	                one_that_cannot_be_dialled_is_asked_through_members_that_have_its_links),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
