/* SPDX-License-Identifier: MIT */
/* The queue of broadcasts: that nothing stays in it, hides what is behind it, or grows. */
#include "core_cast_world.h"

#include <stdlib.h>

#include "core/message/branch.h"

static void
nothing_is_left(const struct core_world *world)
{
	for (size_t i = 0; i < world->nodes; i++) {
		struct shoal_core *core = world_core(world, i);

		assert_int_equal(core->casts.slab.count, 0);
		assert_int_equal(core->spread.count, 0);
		assert_int_equal(core->spread.own, 0);
		assert_int_equal(core->spread.passed, 0);
	}
}

static void
a_member_to_whom_nobody_is_left_to_tell_holds_nothing_and_is_heard_at_once(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 2, NULL);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(cast_say(&world, 0, 0, "noise"), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(5));
	cast_heard(&world, 0, "noise", 200);
	nothing_is_left(&world);
	world_clear(&world);
	size_t wakes = world.node[1].wakes;
	world_run(&world, SHOAL_SEC(1));
	assert_in_range(world.node[1].wakes - wakes, 0, 100);
	assert_int_equal(cast_say(&world, 1, 0, "answer"), SHOAL_OK);
	world_run(&world, SHOAL_MS(100));
	cast_heard(&world, 1, "answer", 1);
	assert_int_equal(world_count_sent(&world, 1, NULL, SHOAL_MESSAGE_CAST), 1);
	world_done(&world);
}

/* What the first one says to the second directly. */
static bool
from_0_to_1(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == 0 && shoal_addr_equal(&packet->to, &world->node[1].addr) &&
	       packet_has(packet, SHOAL_MESSAGE_CAST) != NULL;
}

static void
one_that_came_round_about_is_told_to_nobody_that_has_it(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 3, NULL);
	world.loses = from_0_to_1;
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(cast_say(&world, 0, 0, "noise"), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(5));
	cast_heard(&world, 0, "noise", 200);
	nothing_is_left(&world);
	assert_int_equal(cast_say(&world, 1, 0, "answer"), SHOAL_OK);
	world_run(&world, SHOAL_MS(100));
	cast_heard(&world, 1, "answer", 1);
	world_done(&world);
}

static bool
from_2_to_1(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == 2 && shoal_addr_equal(&packet->to, &world->node[1].addr) &&
	       packet_has(packet, SHOAL_MESSAGE_CAST) != NULL;
}

static void
those_that_an_addressee_has_hide_nothing_behind_them(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 3, NULL);
	/* The second one holds many that the first one told it, and can tell the third few. */
	world.loses = from_2_to_1;
	world_core(&world, 1)->profile.cast_rate = 2048;
	world_core(&world, 1)->profile.cast_burst = 1400;
	for (size_t i = 0; i < 500; i++) {
		assert_int_equal(cast_say(&world, 0, 0, "noise"), SHOAL_OK);
	}
	world_run(&world, SHOAL_MS(200));
	assert_true(world_core(&world, 1)->spread.count > 130);
	assert_int_equal(cast_say(&world, 1, 0, "mine"), SHOAL_OK);
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_MESSAGE, SHOAL_SEC(12)));
	assert_true(world_core(&world, 1)->spread.count > 65);
	world_done(&world);
}

static void
who_dies_is_waited_for_by_no_broadcast(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 3, NULL);
	world.loses = from_0_to_1;
	world.node[2].up = false;
	assert_int_equal(cast_say(&world, 0, 0, "lost"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(60));
	nothing_is_left(&world);
	world_done(&world);
}

/* Members of which the first one says as much as it is let for some seconds, in broadcasts that fit
 * no datagram. */
static void
floods_as(const struct shoal_core_config *first, size_t nodes, unsigned flags)
{
	struct core_world world;
	size_t len = 50000, said = 0;
	uint8_t *data = calloc(1, len);
	uint64_t most = 400000;

	assert_non_null(data);
	cast_begin(&world, nodes, first);
	for (size_t node = 0; node < nodes; node++) {
		struct shoal_profile *profile = &world_core(&world, node)->profile;
		profile->queue_bytes = profile->cast_bytes = (uint32_t)most;
	}
	for (size_t i = 0; i < 100; i++) {
		if (world_step(&world, 0, cast_input(flags, NULL, i + 1, data, len)) == SHOAL_OK) {
			said++;
		}
		world_run(&world, SHOAL_MS(200));
		for (size_t node = 0; node < nodes; node++) {
			assert_true(world_core(&world, node)->casts.bytes < 3 * most);
		}
		world_forget_sent(&world);
	}
	/* What all have had makes room; reliable ones wait until nobody misses them. */
	assert_true(said > (flags == 0 ? 3 : 1) * most / len);
	world_run(&world, SHOAL_SEC(30));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), said);
	for (size_t node = 1; node < nodes; node++) {
		assert_int_equal(world_count_events(&world, node, SHOAL_EVENT_MESSAGE), said);
	}
	free(data);
	world_done(&world);
}

static void
floods(size_t nodes, unsigned flags)
{
	floods_as(NULL, nodes, flags);
}

/* A first one of three below which there is one, and the third below that. */
static void
find_chain(struct shoal_core_config *config)
{
	struct core_world world;
	uint32_t found[SHOAL_BRANCHES];
	uint32_t n = 0;

	world_init(&world);
	world_config(&world, config);
	world_done(&world);
	for (config->seed = 100; n != 1; config->seed++) {
		cast_begin(&world, 3, config);
		struct shoal_id id = world_id(&world, 0);
		n = shoal_branch_find(world_core(&world, 0), &id, SHOAL_SELF, 0, found);
		world_done(&world);
	}
	config->seed--;
}

static void
large_ones_count_while_they_are_held(void **state)
{
	struct shoal_core_config config;

	(void)state;
	floods(2, 0);
	floods(3, 0);
	floods(4, 0);
	floods(7, 0);
	floods(3, SHOAL_RELIABLE);
	find_chain(&config);
	floods_as(&config, 3, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_member_to_whom_nobody_is_left_to_tell_holds_nothing_and_is_heard_at_once),
	        cmocka_unit_test(one_that_came_round_about_is_told_to_nobody_that_has_it),
	        cmocka_unit_test(those_that_an_addressee_has_hide_nothing_behind_them),
	        cmocka_unit_test(who_dies_is_waited_for_by_no_broadcast),
	        cmocka_unit_test(large_ones_count_while_they_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
