/* SPDX-License-Identifier: MIT */
/* Broadcasts on their way down the tree: that it spares copies where nothing goes wrong, and that
 * all hear them where something does. */
#include "core_cast_world.h"

#include <stdio.h>

#include "core/message/branch.h"

/* Before the first burst, which waits for two steps less a quarter. */
#define SOON SHOAL_MS(2)
/* All that has not failed by then is mended by bursts. */
#define MENDED SHOAL_MS(60)

static uint32_t
below(const struct core_world *world, size_t node, size_t origin, uint32_t depth,
        uint32_t found[SHOAL_BRANCHES])
{
	struct shoal_id id = world_id(world, origin);

	return shoal_branch_find(world_core(world, node), &id, SHOAL_SELF, depth, found);
}

/* The number of the node that another one holds in a slot. */
static size_t
node_in(const struct core_world *world, size_t node, uint32_t slot)
{
	const struct shoal_id *id = &shoal_members_at(world_core(world, node), slot)->info->id;

	for (size_t i = 0; i < world->nodes; i++) {
		struct shoal_id its = world_id(world, i);
		if (shoal_id_compare(&its, id) == 0) {
			return i;
		}
	}
	fail();
	return 0;
}

static uint64_t
copies(const struct core_world *world)
{
	uint64_t sent = 0;

	for (size_t i = 0; i < world->nodes; i++) {
		sent += world_counter(world, i, SHOAL_COUNTER_CASTS_OUT);
	}
	return sent;
}

static void
where_nothing_is_lost_it_has_come_to_all_before_it_comes_to_anybody_twice(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 8, NULL);
	world.latency = SHOAL_MS(1) / 10;
	for (size_t from = 0; from < 8; from++) {
		uint64_t before = copies(&world);
		char text[] = {'f', (char)('0' + from), 0};
		assert_int_equal(cast_say(&world, from, 0, text), SHOAL_OK);
		world_run(&world, SOON);
		cast_heard(&world, from, text, 1);
		assert_int_equal(copies(&world) - before, 7);
		world_run(&world, SHOAL_SEC(5)); /* until nothing is left of it */
	}
	world_done(&world);
}

static void
many_at_once_go_down_the_tree_in_few_packets(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 8, NULL);
	struct shoal_core *core = world_core(&world, 0);
	uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_DATAGRAMS_OUT);
	struct shoal_input input = cast_input(0, NULL, 0, "fire", 4);
	struct shoal_send send;
	for (size_t i = 0; i < 20; i++) {
		input.mono_ns = world.now;
		input.wall_ns = world.now;
		assert_int_equal(shoal_core_step(core, &input), SHOAL_OK);
	}
	while (shoal_core_next_send(core, &send)) {
	}
	assert_in_range(
	        world_counter(&world, 0, SHOAL_COUNTER_DATAGRAMS_OUT) - before, 1, SHOAL_BRANCHES);
	assert_int_equal(core->branches.count, 0);
	assert_true(shoal_list_empty(&core->branches.casts));
	world_done(&world);
}

/* Each of the first ones says 100 at once, which no packet holds. */
static void
says_much(size_t origins)
{
	struct core_world world;
	uint8_t data[100] = {0};

	cast_begin(&world, 8, NULL);
	world.latency = SHOAL_MS(1) / 10;
	for (size_t i = 0; i < 100; i++) {
		for (size_t from = 0; from < origins; from++) {
			struct shoal_input input = cast_input(0, NULL, 0, data, sizeof data);
			input.mono_ns = world.now;
			input.wall_ns = SHOAL_SEC(WORLD_EPOCH) + world.now;
			assert_int_equal(
			        shoal_core_step(world_core(&world, from), &input), SHOAL_OK);
		}
	}
	for (size_t from = 0; from < origins; from++) {
		world_drain(&world, from);
	}
	world_run(&world, SOON);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_MESSAGE),
		        100 * (origins - (i < origins ? 1 : 0)));
	}
	assert_in_range(copies(&world), 0, 7 * 100 * origins);
	world_done(&world);
}

static void
more_than_a_packet_holds_goes_down_the_tree_of_its_origin_all_the_same(void **state)
{
	(void)state;
	says_much(1);
	says_much(2);
}

static void
above_its_rate_nothing_waits_for_the_tree_and_bursts_tell_it(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.cast_rate = config.profile.cast_burst = 1024;
	cast_begin(&world, 8, &config);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(cast_say(&world, 0, 0, "fire"), SHOAL_OK);
	}
	assert_true(world_core(&world, 0)->spread.count == 200);
	assert_int_equal(world_core(&world, 0)->branches.count, 0);
	assert_true(shoal_list_empty(&world_core(&world, 0)->branches.casts));
	world_run(&world, SHOAL_SEC(120));
	cast_heard(&world, 0, "fire", 200);
	assert_int_equal(world_core(&world, 0)->spread.count, 0);
	world_done(&world);
}

struct one_lost {
	const char *text;
	size_t packets, lost; /* that held it; the number of the one that is lost */
};

static bool
is_lost(const struct core_world *world, const struct world_packet *packet)
{
	struct one_lost *one = world->arg;

	for (size_t i = 0; i < packet->messages; i++) {
		const struct shoal_msg_cast *cast = &packet->message[i].m.cast;
		if (packet->message[i].kind == SHOAL_MESSAGE_CAST &&
		        cast->body.len == strlen(one->text) &&
		        memcmp(cast->body.data, one->text, cast->body.len) == 0) {
			return one->packets++ == one->lost;
		}
	}
	return false;
}

/* How many packets there were. */
static size_t
say_with_one_lost(struct core_world *world, size_t from, size_t lost)
{
	char text[32];
	struct one_lost one = {.text = text, .lost = lost};

	snprintf(text, sizeof text, "%zu loses %zu", from, lost);
	world_clear(world);
	world->arg = &one;
	world->loses = is_lost;
	assert_int_equal(cast_say(world, from, 0, text), SHOAL_OK);
	world_run(world, MENDED);
	world->loses = NULL;
	cast_heard(world, from, text, 1);
	return one.packets;
}

static void
whichever_packet_is_lost_all_hear_it_however_few_they_are(void **state)
{
	(void)state;
	for (size_t nodes = 3; nodes <= 8; nodes++) {
		struct core_world world;
		cast_begin(&world, nodes, NULL);
		for (size_t from = 0; from < nodes; from++) {
			for (size_t lost = 0; say_with_one_lost(&world, from, lost) > lost;) {
				lost++;
			}
		}
		world_done(&world);
	}
}

/* The first one meets so many that are gone soon. */
static void
meet_some(struct core_world *world, size_t count, struct puppet **gone)
{
	for (size_t i = 0; i < count; i++) {
		gone[i] = world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	}
}

static void
add_in_slot(struct core_world *world, uint32_t slot)
{
	size_t node = world_add(world, NULL);

	assert_int_equal(world_join(world, node, 0), SHOAL_OK);
	world_run(world, SHOAL_MS(100));
	struct shoal_id id = world_id(world, node);
	assert_int_equal(shoal_members_find(world_core(world, 0), &id), slot);
}

static void
whichever_packet_is_lost_all_hear_it_though_two_of_them_share_a_bit(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct puppet *gone[65];

	(void)state;
	for (uint64_t seed = 0; seed < 6; seed++) {
		world_init(&world);
		world_config(&world, &config);
		config.seed = 100 + seed;
		world_add(&world, &config);
		meet_some(&world, 2, gone);
		add_in_slot(&world, 3);
		meet_some(&world, 63, gone + 2);
		add_in_slot(&world, 67);
		for (size_t i = 0; i < 65; i++) {
			struct shoal_msg_state left = puppet_state(gone[i], SHOAL_STATE_LEFT);
			for (size_t node = 0; node < 3; node++) {
				world_tell(&world, node, gone[i], SHOAL_MESSAGE_STATE, &left);
			}
		}
		world_run(&world, SHOAL_SEC(5));
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(world_core(&world, i)->members.ordered, 2);
		}
		for (size_t lost = 0; say_with_one_lost(&world, 0, lost) > lost;) {
			lost++;
		}
		world_done(&world);
	}
}

static void
in_a_small_cluster_nobody_is_told_twice_by_the_same_member(void **state)
{
	(void)state;
	for (size_t nodes = 2; nodes <= 7; nodes++) {
		struct core_world world;

		cast_begin(&world, nodes, NULL);
		assert_int_equal(cast_say(&world, 0, 0, "fire"), SHOAL_OK);
		world_run(&world, SHOAL_SEC(5));
		for (size_t i = 0; i < nodes; i++) {
			for (size_t to = 0; to < nodes; to++) {
				assert_in_range(world_count_sent(&world, i, &world.node[to].addr,
				                        SHOAL_MESSAGE_CAST),
				        i == 0 && to != 0 ? 1 : 0, 1);
			}
			assert_int_equal(world_core(&world, i)->spread.count, 0);
		}
		world_done(&world);
	}
}

/* Three for each digit of the number of members, six at the least; the tree included. What does not
 * go down that as often as a statement. */
static void
each_sends_it_as_often_as_so_many_need_it(void **state)
{
	static const size_t members[] = {4, 7, 8, 16, 99, 100, 128};
	static const size_t sends[] = {3, 6, 6, 6, 6, 9, 9};
	static const size_t alone[] = {3, 6, 7, 13, 15, 15, 15};

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		struct core_world world;
		struct puppet *met[127];
		cast_begin(&world, 1, NULL);
		meet_some(&world, members[i] - 1, met);
		assert_int_equal(cast_say(&world, 0, 0, "fire"), SHOAL_OK);
		world_run(&world, SHOAL_SEC(2));
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CAST), sends[i]);
		assert_int_equal(cast_say(&world, 0, SHOAL_NO_FORWARD, "smoke"), SHOAL_OK);
		world_run(&world, SHOAL_SEC(2));
		assert_int_equal(
		        world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CAST), sends[i] + alone[i]);
		world_done(&world);
	}
}

static void
who_tells_it_is_not_told(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 7, NULL);
	world.latency = SHOAL_MS(1) / 10;
	assert_int_equal(cast_say(&world, 0, 0, "fire"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(5));
	cast_heard(&world, 0, "fire", 1);
	/* The origin to all, and of each two others one to the other, but for those that do so at
	 * once: were all told by all, it would be 36. */
	assert_in_range(copies(&world), 6 + 15, 6 + 15 + 8);
	world_done(&world);
}

/* A member below this origin that has others below itself. */
static bool
find_inner(const struct core_world *world, size_t origin, size_t *inner)
{
	uint32_t found[SHOAL_BRANCHES], further[SHOAL_BRANCHES];
	uint32_t n = below(world, origin, origin, 0, found);

	for (uint32_t i = 0; i < n; i++) {
		*inner = node_in(world, origin, found[i]);
		if (below(world, *inner, origin, 1, further) > 0) {
			return true;
		}
	}
	return false;
}

static void
those_below_a_member_that_has_crashed_hear_it_from_others(void **state)
{
	struct core_world world;
	size_t inner, seen = 0;

	(void)state;
	cast_begin(&world, 8, NULL);
	for (size_t from = 0; from < 8; from++) {
		if (!find_inner(&world, from, &inner)) {
			continue;
		}
		seen++;
		world_clear(&world);
		world.node[inner].up = false; /* which nobody has found out yet */
		assert_int_equal(cast_say(&world, from, 0, "fire"), SHOAL_OK);
		world_run(&world, MENDED);
		for (size_t i = 0; i < 8; i++) {
			assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_MESSAGE),
			        i == from || i == inner ? 0 : 1);
		}
		world.node[inner].up = true;
		world_run(&world, SHOAL_SEC(2));
	}
	assert_true(seen >= 4);
	world_done(&world);
}

struct wall {
	struct shoal_addr from, to;
};

static bool
is_walled(const struct core_world *world, const struct world_packet *packet)
{
	const struct wall *wall = world->arg;
	const struct shoal_addr *from = &world->node[packet->node].addr;

	return (shoal_addr_equal(from, &wall->from) && shoal_addr_equal(&packet->to, &wall->to)) ||
	       (shoal_addr_equal(from, &wall->to) && shoal_addr_equal(&packet->to, &wall->from));
}

static void
an_inner_member_that_its_origin_cannot_reach_hears_it_and_so_do_those_below(void **state)
{
	struct core_world world;
	size_t inner;

	(void)state;
	cast_begin(&world, 8, NULL);
	for (size_t from = 0; from < 8; from++) {
		if (!find_inner(&world, from, &inner)) {
			continue;
		}
		struct wall wall = {world.node[from].addr, world.node[inner].addr};
		world_clear(&world);
		world.arg = &wall;
		world.loses = is_walled;
		assert_int_equal(cast_say(&world, from, 0, "fire"), SHOAL_OK);
		world_run(&world, MENDED);
		world.loses = NULL;
		cast_heard(&world, from, "fire", 1);
	}
	world_done(&world);
}

/* Statements that say of the last node that it is there, to any but the first two. */
static bool
is_news(const struct core_world *world, const struct world_packet *packet)
{
	struct shoal_id last = world_id(world, world->nodes - 1);

	return !shoal_addr_equal(&packet->to, &world->node[0].addr) &&
	       !shoal_addr_equal(&packet->to, &world->node[1].addr) &&
	       !shoal_addr_equal(&packet->to, &world->node[7].addr) &&
	       (packet->node == 7 || packet_state_of(packet, &last) == SHOAL_STATE_ALIVE ||
	               packet->kind != SHOAL_SEND_DATAGRAM);
}

static void
one_that_few_know_hears_it_from_those(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 7, NULL);
	world_add(&world, NULL);
	world.loses = is_news;
	assert_int_equal(world_join(&world, 7, 0), SHOAL_OK);
	world_run(&world, SHOAL_MS(100));
	struct shoal_id last = world_id(&world, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(
		        world_state(&world, i, &last), i < 2 ? SHOAL_STATE_ALIVE : SHOAL_STATES);
	}
	for (size_t from = 0; from < 7; from++) {
		world_clear(&world);
		assert_int_equal(cast_say(&world, from, 0, "fire"), SHOAL_OK);
		world_run(&world, MENDED);
		cast_heard(&world, from, "fire", 1);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                where_nothing_is_lost_it_has_come_to_all_before_it_comes_to_anybody_twice),
	        cmocka_unit_test(many_at_once_go_down_the_tree_in_few_packets),
	        cmocka_unit_test(
	                more_than_a_packet_holds_goes_down_the_tree_of_its_origin_all_the_same),
	        cmocka_unit_test(above_its_rate_nothing_waits_for_the_tree_and_bursts_tell_it),
	        cmocka_unit_test(whichever_packet_is_lost_all_hear_it_however_few_they_are),
	        cmocka_unit_test(
	                whichever_packet_is_lost_all_hear_it_though_two_of_them_share_a_bit),
	        cmocka_unit_test(in_a_small_cluster_nobody_is_told_twice_by_the_same_member),
	        cmocka_unit_test(each_sends_it_as_often_as_so_many_need_it),
	        cmocka_unit_test(who_tells_it_is_not_told),
	        cmocka_unit_test(those_below_a_member_that_has_crashed_hear_it_from_others),
	        cmocka_unit_test(
	                an_inner_member_that_its_origin_cannot_reach_hears_it_and_so_do_those_below),
	        cmocka_unit_test(one_that_few_know_hears_it_from_those),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
