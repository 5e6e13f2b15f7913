/* SPDX-License-Identifier: MIT */
/* Anti-entropy between two cores: what it costs in bytes and steps, that it settles any kind of
 * difference, when it begins, and what is told of how long members differ. Members are put into the
 * tables directly, so that nothing but the walk can bring them over. */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "core/node.h"
#include "core/table/grave.h"
#include "core_world.h"

static struct shoal_msg_member
member(uint32_t number, char name[13])
{
	struct shoal_msg_member made = {.state = SHOAL_STATE_ALIVE, .addrs = {.count = 1}};
	const uint8_t ip[4] = {
	        10, (uint8_t)(1 + (number >> 16)), (uint8_t)(number >> 8), (uint8_t)number};

	snprintf(name, 13, "member-%05u", number % 100000);
	memset(made.id.bytes, 0xee, sizeof made.id.bytes);
	memcpy(made.id.bytes, &number, sizeof number);
	memcpy(made.salt.bytes, &number, sizeof number);
	made.salt.bytes[15] = 1;
	made.incarnation = WORLD_EPOCH << 32;
	made.name = (struct shoal_span){(const uint8_t *)name, strlen(name)};
	shoal_addr_from_ipv4(&made.addrs.item[0], ip, 7946);
	return made;
}

/* The node holds the member in this state, heard just now; nobody is told. */
static void
hold(struct core_world *world, size_t node, uint32_t number, enum shoal_state state,
        uint64_t incarnations, uint64_t age_ns)
{
	struct shoal_core *core = world_core(world, node);
	char name[13];
	struct shoal_msg_member m = member(number, name);
	uint32_t slot = shoal_members_find(core, &m.id);
	unsigned changed;

	m.incarnation += incarnations;
	if (slot == SHOAL_NONE) {
		assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
	} else {
		assert_int_equal(shoal_members_update(core, slot, &m, &changed), SHOAL_OK);
	}
	shoal_members_hear(core, shoal_members_at(core, slot), core->now);
	if (shoal_state_is_gone(state)) {
		assert_true(shoal_grave_dig(core, slot, state, 0, NULL, age_ns));
		return;
	}
	if (state != SHOAL_STATE_ALIVE) {
		assert_non_null(shoal_members_hold_take(core, slot));
	}
	shoal_members_move(core, slot, state, 0, NULL);
	if (state != SHOAL_STATE_ALIVE) {
		shoal_members_hold_until(core, slot, core->now + SHOAL_SEC(600));
	}
}

static enum shoal_state
held(const struct core_world *world, size_t node, uint32_t number)
{
	char name[13];
	struct shoal_msg_member m = member(number, name);
	return world_state(world, node, &m.id);
}

static uint64_t
root(const struct core_world *world, size_t node)
{
	return shoal_tree_root(world_core(world, node));
}

static uint32_t
mark(const struct core_world *world, size_t node)
{
	return shoal_tree_mark(root(world, node));
}

/* Two cores that know each other and `crowd` more, and do nothing by themselves. */
static void
set_up(struct core_world *world, uint32_t crowd)
{
	struct shoal_core_config config;

	world_init(world);
	for (size_t i = 0; i < 2; i++) {
		world_config(world, &config);
		config.profile.probe_interval_ms = 600000;
		config.profile.probe_timeout_ms = 1000;
		config.profile.gossip_interval_ms = 60000;
		config.profile.bursts = 0;
		config.profile.sync_interval_ms = 86400000;
		config.profile.members_max = crowd + 5000;
		world_add(world, &config);
	}
	world_join(world, 1, 0);
	world_run(world, SHOAL_MS(20));
	for (size_t i = 0; i < 2; i++) {
		for (uint32_t number = 0; number < crowd; number++) {
			hold(world, i, number, SHOAL_STATE_ALIVE, 0, 0);
		}
	}
	assert_true(root(world, 0) == root(world, 1));
	world_clear(world);
}

struct cost {
	size_t bytes, requests;
};

/* A walk of node 0 with node 1, and what went over streams for it. */
static struct cost
walk(struct core_world *world)
{
	struct shoal_id peer = world_id(world, 1);
	uint32_t slot = shoal_members_find(world_core(world, 0), &peer);
	struct cost cost = {0, 0};

	world_clear(world);
	shoal_sync_begin(world_core(world, 0), slot);
	world_drain(world, 0);
	world_run(world, SHOAL_MS(100));
	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		if (packet->kind == SHOAL_SEND_REQUEST || packet->kind == SHOAL_SEND_REPLY) {
			cost.bytes += packet->len;
			cost.requests += packet->kind == SHOAL_SEND_REQUEST;
		}
	}
	return cost;
}

static void
two_that_hold_the_same_find_that_in_one_step_of_a_hundred_bytes(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 300);
	struct cost cost = walk(&world);
	assert_int_equal(cost.requests, 1);
	assert_in_range(cost.bytes, 80, 110);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_WALK), 0);
	world_done(&world);
}

/* The goal: at most 8 kB at 10,000 members. */
static void
ten_differences_cost_kilobytes_whatever_the_number_of_members(void **state)
{
	static const struct {
		uint32_t crowd;
		size_t bytes, requests;
	} goal[] = {{20, 2500, 3}, {1000, 5000, 3}, {10000, 7000, 4}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(goal); i++) {
		struct core_world world;
		uint32_t crowd = goal[i].crowd;

		set_up(&world, crowd);
		for (uint32_t k = 0; k < 4; k++) {
			hold(&world, 0, k * crowd / 5, SHOAL_STATE_ALIVE, 1 + k, 0);
			hold(&world, 1, 1 + k * crowd / 5, SHOAL_STATE_ALIVE, 1 + k, 0);
		}
		hold(&world, 0, crowd, SHOAL_STATE_ALIVE, 0, 0);
		hold(&world, 1, crowd + 1, SHOAL_STATE_ALIVE, 0, 0);
		assert_true(root(&world, 0) != root(&world, 1));
		struct cost cost = walk(&world);
		assert_true(root(&world, 0) == root(&world, 1));
		assert_int_equal(held(&world, 1, crowd), SHOAL_STATE_ALIVE);
		assert_int_equal(held(&world, 0, crowd + 1), SHOAL_STATE_ALIVE);
		assert_in_range(cost.bytes, 1000, goal[i].bytes);
		assert_true(cost.requests <= goal[i].requests);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_WALK), 0);
		assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_WALK), 0);
		world_done(&world);
	}
}

/* Each way, few and many: one holds what the other has never heard of. */
static void
what_only_one_side_holds_comes_to_the_other(void **state)
{
	static const uint32_t sizes[] = {1, 31, 32, 33, 500, 3000};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
		struct core_world world;
		uint32_t more = sizes[i / 2];

		set_up(&world, i % 3 == 0 ? 0 : 40);
		for (uint32_t number = 0; number < more; number++) {
			hold(&world, i % 2, 1000 + number, SHOAL_STATE_ALIVE, 0, 0);
		}
		struct cost cost = walk(&world);
		assert_true(root(&world, 0) == root(&world, 1));
		/* Statements once, and little more. */
		assert_true(cost.bytes <= 90 * more + 6000);
		assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE),
		        shoal_core_count(world_core(&world, 1), SHOAL_STATE_ALIVE));
		world_done(&world);
	}
}

static void
both_sides_end_with_the_newer_word_of_either(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 200);
	for (uint32_t number = 0; number < 200; number++) {
		hold(&world, number % 2, number, SHOAL_STATE_ALIVE, 1 + number % 7, 0);
	}
	hold(&world, 0, 10, SHOAL_STATE_LEFT, 9, SHOAL_SEC(5));
	hold(&world, 1, 11, SHOAL_STATE_LEAVING, 9, 0);
	hold(&world, 0, 12, SHOAL_STATE_SUSPECT, 9, 0);
	hold(&world, 1, 12, SHOAL_STATE_ALIVE, 10, 0);
	walk(&world);
	assert_true(root(&world, 0) == root(&world, 1));
	for (size_t node = 0; node < 2; node++) {
		assert_int_equal(held(&world, node, 10), SHOAL_STATE_LEFT);
		assert_int_equal(held(&world, node, 11), SHOAL_STATE_LEAVING);
		assert_int_equal(held(&world, node, 12), SHOAL_STATE_ALIVE);
	}
	world_done(&world);
}

/* Past half of its time it is in no digest: the one who tells of its subject hears of it all the
 * same, whoever began. */
static void
an_old_tombstone_answers_an_older_word_in_the_same_walk(void **state)
{
	(void)state;
	for (size_t node = 0; node < 2; node++) {
		struct core_world world;
		char name[13];

		set_up(&world, 100);
		hold(&world, node, 7, SHOAL_STATE_LEFT, 1, SHOAL_SEC(13 * 3600));
		assert_true(root(&world, 0) != root(&world, 1));
		walk(&world);
		assert_int_equal(held(&world, 1 - node, 7), SHOAL_STATE_LEFT);
		assert_true(root(&world, 0) == root(&world, 1));
		struct shoal_msg_member m = member(7, name);
		uint32_t slot = shoal_members_find(world_core(&world, 1 - node), &m.id);
		uint64_t age = shoal_grave_age(world_core(&world, 1 - node),
		        shoal_members_at(world_core(&world, 1 - node), slot));
		assert_in_range(age, SHOAL_SEC(13 * 3600), SHOAL_SEC(13 * 3600 + 1));
		world_done(&world);
	}
}

/* Verification comes first, as for any told death. */
static void
a_death_told_in_a_walk_is_verified(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 50);
	hold(&world, 1, 3, SHOAL_STATE_DEAD, 0, SHOAL_SEC(1));
	walk(&world);
	assert_int_equal(held(&world, 0, 3), SHOAL_STATE_ALIVE);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), 1);
	world_done(&world);
}

/* A ping of node 1 that arrives at node 0, with a mark of the test's. */
static void
ping_with(struct core_world *world, uint32_t told)
{
	struct shoal_core_member self;
	struct shoal_msg_ping ping = {
	        .seq = 5, .id = world_id(world, 1), .target = world_id(world, 0), .mark = told};

	assert_true(shoal_core_member(world_core(world, 1), 0, &self));
	ping.salt = shoal_salt_short(&self.salt);
	world_send(world, 0, &world->node[1].addr, SHOAL_MESSAGE_PING, &ping);
}

/* At the present time: the core knows only that of its last input. */
static uint64_t
lag(struct core_world *world)
{
	world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	return shoal_core_convergence_lag(world_core(world, 0));
}

static void
marks_of_roots_ride_on_pings_and_their_acks(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 5);
	ping_with(&world, mark(&world, 1));
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ACK);
	assert_true(packet_has(packet, SHOAL_MESSAGE_ACK)->ack.mark == mark(&world, 0));
	packet = world_await_sent(
	        &world, 1, &world.node[0].addr, SHOAL_MESSAGE_PING, SHOAL_SEC(1800));
	assert_true(packet_has(packet, SHOAL_MESSAGE_PING)->ping.mark != 0);
	world_done(&world);
}

static void
a_difference_that_stays_is_walked_for_less_and_less_often(void **state)
{
	struct core_world world;
	const struct world_packet *packet = NULL;
	uint64_t last;
	size_t walks = 0;

	(void)state;
	set_up(&world, 5);
	world.node[1].up = false; /* its requests are refused: the difference stays */
	last = world.now;
	for (int i = 0; i < 300; i++) {
		ping_with(&world, 77);
		world_run(&world, SHOAL_SEC(1));
	}
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_SYNC)) != NULL) {
		/* 5, 5, 10, 20, 40, 40 ... seconds, and at most half of that more. */
		uint64_t pause = SHOAL_SEC(5) << (walks < 1 ? 0 : walks > 4 ? 3 : walks - 1);
		assert_in_range(packet->at - last, pause, pause + pause / 2);
		last = packet->at;
		walks++;
	}
	assert_in_range(walks, 7, 11);
	/* Something has changed here: it is worth trying again. */
	hold(&world, 0, 1, SHOAL_STATE_ALIVE, 1, 0);
	world_clear(&world);
	for (int i = 0; i < 90 && world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_SYNC) < 2; i++) {
		ping_with(&world, 77);
		world_run(&world, SHOAL_SEC(1));
	}
	packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_SYNC);
	last = packet->at;
	packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_SYNC);
	assert_in_range(packet->at - last, SHOAL_SEC(5), SHOAL_MS(7500));
	world_done(&world);
}

static void
what_gossip_settles_is_not_walked_for(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 5);
	ping_with(&world, 77);
	world_run(&world, SHOAL_MS(4999));
	assert_true(lag(&world) == SHOAL_MS(4999));
	ping_with(&world, mark(&world, 0));
	assert_true(lag(&world) == 0);
	world_run(&world, SHOAL_SEC(30));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_SYNC), 0);
	world_done(&world);
}

static void
the_lag_is_that_of_the_oldest_difference_and_ends_with_the_walk(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 5);
	struct puppet *puppet = world_meet(&world, 0, 0);
	world_run(&world, SHOAL_MS(10));
	assert_true(lag(&world) == 0);
	hold(&world, 1, 2, SHOAL_STATE_ALIVE, 1, 0);
	ping_with(&world, mark(&world, 1));
	world_run(&world, SHOAL_SEC(2));
	struct shoal_msg_ping ping = {.seq = 6,
	        .id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .target = world_id(&world, 0),
	        .mark = 99};
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_PING, &ping);
	assert_true(lag(&world) == SHOAL_SEC(2));
	ping.mark = mark(&world, 0);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_PING, &ping);
	assert_true(lag(&world) == SHOAL_SEC(2));
	world_run(&world, SHOAL_SEC(6));
	assert_true(root(&world, 0) == root(&world, 1));
	assert_true(lag(&world) == 0);
	/* One who is no member any more is no difference. */
	ping.mark = 99;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_PING, &ping);
	world_run(&world, SHOAL_SEC(1));
	assert_true(lag(&world) == SHOAL_SEC(1));
	struct shoal_msg_member left = puppet_member(puppet, SHOAL_STATE_LEFT);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &left);
	assert_true(lag(&world) == 0);
	world_done(&world);
}

/* A mark that is not there, or comes from nobody, says nothing. */
static void
no_mark_is_no_difference(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 5);
	ping_with(&world, 0);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_ping ping = {.seq = 6,
	        .id = stranger->id,
	        .salt = puppet_salt(stranger),
	        .target = world_id(&world, 0),
	        .mark = 99};
	world_tell(&world, 0, stranger, SHOAL_MESSAGE_PING, &ping);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &stranger->addr, SHOAL_MESSAGE_ACK);
	assert_true(packet_has(packet, SHOAL_MESSAGE_ACK)->ack.mark == 0);
	world_run(&world, SHOAL_SEC(1));
	assert_true(lag(&world) == 0);
	world_done(&world);
}

/* More members differ than are noted: each has its turn. */
static void
all_that_differ_have_their_turn(void **state)
{
	struct core_world world;
	size_t asked = 0;

	(void)state;
	set_up(&world, 0);
	for (int i = 0; i < 20; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	world_clear(&world);
	for (size_t i = 0; i < 20; i++) {
		struct shoal_msg_ping ping = {.seq = 6 + i,
		        .id = world.puppet[i].id,
		        .salt = puppet_salt(&world.puppet[i]),
		        .target = world_id(&world, 0),
		        .mark = 99};
		world_tell(&world, 0, &world.puppet[i], SHOAL_MESSAGE_PING, &ping);
	}
	assert_int_equal(world_core(&world, 0)->sync.count, SHOAL_DIFFERS_MAX);
	world_run(&world, (SHOAL_MS(7500) << SHOAL_FUTILE_MAX) * SHOAL_DIFFERS_MAX);
	for (size_t i = 0; i < 20; i++) {
		asked += world_count_sent(&world, 0, &world.puppet[i].addr, SHOAL_MESSAGE_SYNC) > 0;
	}
	assert_int_equal(asked, SHOAL_DIFFERS_MAX);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(two_that_hold_the_same_find_that_in_one_step_of_a_hundred_bytes),
	        cmocka_unit_test(ten_differences_cost_kilobytes_whatever_the_number_of_members),
	        cmocka_unit_test(what_only_one_side_holds_comes_to_the_other),
	        cmocka_unit_test(both_sides_end_with_the_newer_word_of_either),
	        cmocka_unit_test(an_old_tombstone_answers_an_older_word_in_the_same_walk),
	        cmocka_unit_test(a_death_told_in_a_walk_is_verified),
	        cmocka_unit_test(marks_of_roots_ride_on_pings_and_their_acks),
	        cmocka_unit_test(a_difference_that_stays_is_walked_for_less_and_less_often),
	        cmocka_unit_test(what_gossip_settles_is_not_walked_for),
	        cmocka_unit_test(the_lag_is_that_of_the_oldest_difference_and_ends_with_the_walk),
	        cmocka_unit_test(no_mark_is_no_difference),
	        cmocka_unit_test(all_that_differ_have_their_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
