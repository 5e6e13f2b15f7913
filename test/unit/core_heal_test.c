/* SPDX-License-Identifier: MIT */
/* Healing: dead members are tried for as long as they are remembered, and the two halves of a cut
 * network come back without burying anybody again. */
#include "unit.h"

#include "core_world.h"

static void
set_up(struct core_world *world, size_t dead)
{
	world_init(world);
	world_add(world, NULL);
	world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	for (size_t i = 0; i < dead; i++) {
		struct shoal_msg_member gone = puppet_member(world_puppet(world), SHOAL_STATE_DEAD);
		world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_MEMBER, &gone);
	}
	world_clear(world);
}

static void
one_dead_member_is_asked_each_interval_whatever_their_number(void **state)
{
	static const size_t numbers[] = {1, 3, 60};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		struct core_world world;
		size_t asked = 0, last = 0;

		set_up(&world, numbers[i]);
		for (size_t second = 0; second < 300; second++) {
			world_run(&world, SHOAL_SEC(1));
			size_t heals = (size_t)world_counter(&world, 0, SHOAL_COUNTER_HEALS);
			assert_true(heals <= asked + 1);
			assert_true(heals == asked || asked == 0 || second - last >= 7);
			last = heals > asked ? second : last;
			asked = heals;
		}
		/* 10 s, give or take a quarter. */
		assert_in_range(asked, 24, 40);
		world_done(&world);
	}
}

static void
the_dead_one_hears_what_is_held_of_it_and_who_asks(void **state)
{
	struct core_world world;
	struct shoal_id self;

	(void)state;
	set_up(&world, 1);
	const struct puppet *dead = &world.puppet[1];
	const struct world_packet *packet =
	        world_await_sent(&world, 0, &dead->addr, SHOAL_MESSAGE_PING, SHOAL_SEC(13));
	assert_non_null(packet);
	self = world_id(&world, 0);
	assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	assert_int_equal(packet_state_of(packet, &dead->id), SHOAL_STATE_DEAD);
	assert_int_equal(packet_state_of(packet, &self), SHOAL_STATE_ALIVE);
	assert_non_null(packet_has(packet, SHOAL_MESSAGE_MEMBER));
	/* Unanswered it costs nothing but that packet. */
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_count_sent(&world, 0, &dead->addr, 0), 1);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_RELAY), 0);
	assert_int_equal(shoal_core_health(world_core(&world, 0)), 0);
	assert_int_equal(world_state(&world, 0, &dead->id), SHOAL_STATE_DEAD);
	world_done(&world);
}

static void
an_answer_is_followed_by_an_exchange_of_tables(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1);
	world.puppet[1].answers = PUPPET_DATAGRAMS;
	const struct world_packet *packet = world_await_sent(
	        &world, 0, &world.puppet[1].addr, SHOAL_MESSAGE_SYNC, SHOAL_SEC(13));
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
	/* The answer alone does not revive: its own word does. */
	assert_int_equal(world_state(&world, 0, &world.puppet[1].id), SHOAL_STATE_DEAD);
	world.puppet[1].incarnation++;
	struct shoal_msg_member alive = puppet_member(&world.puppet[1], SHOAL_STATE_ALIVE);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_MEMBER, &alive);
	assert_int_equal(world_state(&world, 0, &world.puppet[1].id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
who_has_left_is_not_asked_to_come_back(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 0);
	struct puppet *left = world_puppet(&world);
	struct shoal_msg_member gone = puppet_member(left, SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &gone);
	world_run(&world, SHOAL_SEC(120));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEALS), 0);
	assert_int_equal(world_count_sent(&world, 0, &left->addr, 0), 0);
	world_done(&world);
}

/* Nodes below `half` and the others do not hear each other. */
static size_t half;

static bool
cut_in_two(const struct core_world *world, const struct world_packet *packet)
{
	size_t to = 0;

	while (to < world->nodes && !shoal_addr_equal(&world->node[to].addr, &packet->to)) {
		to++;
	}
	return (packet->node < half) != (to < half);
}

static bool
all_alive(const struct core_world *world)
{
	for (size_t i = 0; i < world->nodes; i++) {
		if (shoal_core_count(world_core(world, i), SHOAL_STATE_ALIVE) != world->nodes) {
			return false;
		}
	}
	return true;
}

static void
make_cluster(struct core_world *world, size_t nodes)
{
	world_init(world);
	for (size_t i = 0; i < nodes; i++) {
		world_add(world, NULL);
	}
	for (size_t i = 1; i < nodes; i++) {
		assert_int_equal(world_join(world, i, 0), SHOAL_OK);
	}
	world_run(world, SHOAL_SEC(5));
	assert_true(all_alive(world));
}

static void
both_halves_of_a_cut_cluster_come_back_and_nobody_is_buried_again(void **state)
{
	static const size_t halves[] = {1, 2, 3};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(halves); i++) {
		struct core_world world;
		unsigned tries = 0;

		make_cluster(&world, 6);
		half = halves[i];
		world.loses = cut_in_two;
		world_run(&world, SHOAL_SEC(180));
		for (size_t node = 0; node < 6; node++) {
			size_t mine = node < half ? half : 6 - half;
			assert_int_equal(
			        shoal_core_count(world_core(&world, node), SHOAL_STATE_ALIVE),
			        mine);
			assert_int_equal(
			        shoal_core_count(world_core(&world, node), SHOAL_STATE_DEAD),
			        6 - mine);
		}
		world.loses = NULL;
		world_clear(&world);
		while (!all_alive(&world) && tries++ < 60) {
			world_run(&world, SHOAL_SEC(1));
		}
		assert_true(all_alive(&world));
		assert_true(tries <= 30);
		world_run(&world, SHOAL_SEC(120));
		assert_true(all_alive(&world));
		for (size_t node = 0; node < 6; node++) {
			assert_int_equal(world_count_events(&world, node, SHOAL_EVENT_FAILED), 0);
			assert_in_range(
			        world_count_events(&world, node, SHOAL_EVENT_ALIVE), 6 - 5, 5);
		}
		world_done(&world);
	}
}

static void
a_member_that_was_silent_for_long_comes_back_at_a_higher_incarnation(void **state)
{
	struct core_world world;
	struct shoal_core_member before, after;

	(void)state;
	make_cluster(&world, 4);
	struct shoal_id id = world_id(&world, 3);
	assert_true(world_holds(&world, 0, &id, &before));
	world.node[3].up = false;
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_DEAD);
	world.node[3].up = true;
	world_clear(&world);
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_ALIVE, SHOAL_SEC(60));
	assert_non_null(event);
	assert_memory_equal(&event->id, &id, 16);
	assert_int_equal(event->was, SHOAL_STATE_DEAD);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUTED);
	world_run(&world, SHOAL_SEC(60));
	assert_true(all_alive(&world));
	assert_true(world_holds(&world, 0, &id, &after));
	assert_true(after.incarnation > before.incarnation);
	assert_memory_equal(&after.salt, &before.salt, 16);
	world_done(&world);
}

static void
a_restart_under_the_same_name_comes_back_as_a_new_instance(void **state)
{
	struct core_world world;
	struct shoal_core_member before, after;

	(void)state;
	make_cluster(&world, 4);
	struct shoal_id id = world_id(&world, 3);
	assert_true(world_holds(&world, 0, &id, &before));
	world.node[3].up = false;
	world_run(&world, SHOAL_SEC(60));
	world_restart(&world, 3);
	struct shoal_id again = world_id(&world, 3);
	assert_memory_equal(&id, &again, 16);
	world_clear(&world);
	assert_int_equal(world_join(&world, 3, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(2));
	assert_true(all_alive(&world));
	assert_true(world_holds(&world, 0, &id, &after));
	assert_true(after.incarnation > before.incarnation);
	assert_memory_not_equal(&after.salt, &before.salt, 16);
	for (size_t i = 0; i < 3; i++) {
		const struct shoal_event *event = world_event(&world, i, SHOAL_EVENT_ALIVE, &id, 0);
		assert_non_null(event);
		assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
	}
	world_done(&world);
}

static void
a_quick_restart_is_no_failure(void **state)
{
	struct core_world world;

	(void)state;
	make_cluster(&world, 4);
	struct shoal_id id = world_id(&world, 3);
	world_clear(&world);
	world.node[3].up = false;
	world_run(&world, SHOAL_MS(1500));
	world_restart(&world, 3);
	assert_int_equal(world_join(&world, 3, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(60));
	assert_true(all_alive(&world));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_FAILED), 0);
		assert_non_null(world_event(&world, i, SHOAL_EVENT_UPDATE, &id, 0) != NULL
		                        ? world_event(&world, i, SHOAL_EVENT_UPDATE, &id, 0)
		                        : world_event(&world, i, SHOAL_EVENT_ALIVE, &id, 0));
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_dead_member_is_asked_each_interval_whatever_their_number),
	        cmocka_unit_test(the_dead_one_hears_what_is_held_of_it_and_who_asks),
	        cmocka_unit_test(an_answer_is_followed_by_an_exchange_of_tables),
	        cmocka_unit_test(who_has_left_is_not_asked_to_come_back),
	        cmocka_unit_test(both_halves_of_a_cut_cluster_come_back_and_nobody_is_buried_again),
	        cmocka_unit_test(
	                a_member_that_was_silent_for_long_comes_back_at_a_higher_incarnation),
	        cmocka_unit_test(a_restart_under_the_same_name_comes_back_as_a_new_instance),
	        cmocka_unit_test(a_quick_restart_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
