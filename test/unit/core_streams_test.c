/* SPDX-License-Identifier: MIT */
/* Members between which no datagram passes: what would be one is a message on a stream, and comes
 * from the port of a connection. */
#include "unit.h"

#include "core/detect/inquest.h"
#include "core/node.h"
#include "core_sealed.h"

static void
set_up(struct core_world *world, size_t nodes)
{
	world_init(world);
	world->streams = true;
	for (size_t i = 0; i < nodes; i++) {
		world_add(world, NULL);
		if (i > 0) {
			world_join(world, i, 0);
		}
	}
}

/* Between 1 and 2 nothing passes, in both directions. */
static bool
is_cut(const struct core_world *world, const struct world_packet *packet)
{
	size_t other = packet->node == 1 ? 2 : packet->node == 2 ? 1 : SIZE_MAX;

	return other != SIZE_MAX && shoal_addr_equal(&packet->to, &world->node[other].addr);
}

static void
relays_answer_on_streams(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 5);
	world_run(&world, SHOAL_SEC(5));
	world.loses = is_cut;
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_SUSPECT), 0);
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED) > 0);
	world_done(&world);
}

static void
round_trips_are_measured_on_streams(void **state)
{
	static struct core_world world;
	struct shoal_core_member member;
	struct shoal_id id;

	(void)state;
	set_up(&world, 2);
	world_run(&world, SHOAL_SEC(10));
	id = world_id(&world, 1);
	assert_true(world_holds(&world, 0, &id, &member));
	assert_int_equal(member.rtt_ns, 2 * world.latency);
	world_done(&world);
}

static void
one_that_dies_is_found(void **state)
{
	static struct core_world world;
	struct shoal_core_member member;
	struct shoal_id id;

	(void)state;
	set_up(&world, 5);
	world_run(&world, SHOAL_SEC(5));
	id = world_id(&world, 4);
	world.node[4].up = false;
	world_run(&world, SHOAL_SEC(30));
	for (size_t i = 0; i < 4; i++) {
		assert_true(world_holds(&world, i, &id, &member));
		assert_int_equal(member.state, SHOAL_STATE_DEAD);
	}
	world_done(&world);
}

/* The last of five is killed, and the link of the first one to it ends. */
static void
kill_one(struct core_world *world, bool sealed)
{
	uint32_t slot;

	world_init(world);
	world->streams = true;
	for (size_t i = 0; i < 5; i++) {
		if (sealed) {
			add(world, 0);
		} else {
			world_add(world, NULL);
		}
		if (i > 0) {
			world_join(world, i, 0);
		}
	}
	world_run(world, SHOAL_SEC(5));
	struct shoal_id id = world_id(world, 4);
	world->node[4].up = false;
	assert_int_equal(shoal_core_find(world_core(world, 0), &id, &slot), 0);
	shoal_inquest_open(world_core(world, 0), slot);
	world_drain(world, 0);
}

static void
a_killed_process_is_failed_by_refusals_in_clear_and_sealed(void **state)
{
	(void)state;
	for (int sealed = 0; sealed <= 1; sealed++) {
		static struct core_world world;

		kill_one(&world, sealed);
		world_run(&world, SHOAL_MS(400));
		for (size_t i = 0; i < 4; i++) {
			const struct shoal_event *event =
			        world_event(&world, i, SHOAL_EVENT_FAILED, NULL, 0);
			assert_non_null(event);
			assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUSED);
		}
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_VERDICTS), 1);
		world_done(&world);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(relays_answer_on_streams),
	        cmocka_unit_test(round_trips_are_measured_on_streams),
	        cmocka_unit_test(one_that_dies_is_found),
	        cmocka_unit_test(a_killed_process_is_failed_by_refusals_in_clear_and_sealed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
