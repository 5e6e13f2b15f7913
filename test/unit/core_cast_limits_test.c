/* SPDX-License-Identifier: MIT */
/* Broadcasts that go only so far, or are told only for so long. */
#include "core_cast_world.h"

#include <stdlib.h>

#include "core/message/limit.h"

static int
say(struct core_world *world, unsigned flags, const char *text, unsigned hops, uint64_t ttl)
{
	struct shoal_input input = cast_input(flags, NULL, 7, text, strlen(text));

	input.size = hops;
	input.timeout_ns = ttl;
	return world_step(world, 0, input);
}

static size_t
heard(const struct core_world *world, size_t node)
{
	return world_count_events(world, node, SHOAL_EVENT_MESSAGE);
}

static bool
is_of_casts(const struct world_packet *packet)
{
	return packet_has(packet, SHOAL_MESSAGE_CAST) != NULL ||
	       packet_has(packet, SHOAL_MESSAGE_OFFER) != NULL ||
	       packet_has(packet, SHOAL_MESSAGE_FETCH) != NULL;
}

static bool
is_between(const struct core_world *world, const struct world_packet *packet, size_t a, size_t b)
{
	return (packet->node == a && shoal_addr_equal(&packet->to, &world->node[b].addr)) ||
	       (packet->node == b && shoal_addr_equal(&packet->to, &world->node[a].addr));
}

/* Whatever there is of broadcasts between the first one and others than the second. */
static bool
all_but_through_the_second(const struct core_world *world, const struct world_packet *packet)
{
	return is_of_casts(packet) && !is_between(world, packet, 0, 1) &&
	       (packet->node == 0 || shoal_addr_equal(&packet->to, &world->node[0].addr));
}

static void
one_goes_as_many_steps_as_it_may_and_no_further(void **state)
{
	(void)state;
	for (unsigned hops = 0; hops < 3; hops++) {
		struct core_world world;

		cast_begin(&world, 8, NULL);
		world.loses = all_but_through_the_second;
		assert_int_equal(say(&world, 0, "fire", hops, 0), SHOAL_OK);
		world_run(&world, SHOAL_SEC(5));
		assert_int_equal(heard(&world, 1), 1);
		for (size_t i = 2; i < 8; i++) {
			assert_int_equal(heard(&world, i), hops == 1 ? 0 : 1);
			if (hops == 2) {
				assert_int_equal(
				        world_count_sent(&world, i, NULL, SHOAL_MESSAGE_CAST), 0);
			}
		}
		assert_int_equal(
		        world_count_sent(&world, 1, NULL, SHOAL_MESSAGE_CAST) == 0, hops == 1);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
		world_done(&world);
	}
}

/* Since nobody else tells it, it is told to as many as a statement, and not down the tree. */
static void
one_of_one_step_comes_to_all_where_they_are_few(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 8, NULL);
	assert_int_equal(say(&world, 0, "fire", 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_SEC(5));
	cast_heard(&world, 0, "fire", 1);
	for (size_t i = 1; i < 8; i++) {
		assert_int_equal(world_count_sent(&world, i, NULL, SHOAL_MESSAGE_CAST), 0);
	}
	world_done(&world);
}

static void
a_reliable_one_is_given_to_nobody_where_it_may_go_no_further(void **state)
{
	(void)state;
	for (unsigned hops = 1; hops < 3; hops++) {
		struct core_world world;

		cast_begin(&world, 4, NULL);
		world.loses = all_but_through_the_second;
		assert_int_equal(say(&world, SHOAL_RELIABLE, "fire", hops, 0), SHOAL_OK);
		world_run(&world, SHOAL_SEC(60));
		assert_int_equal(heard(&world, 1), 1);
		assert_true(
		        hops == 2 || world_counter(&world, 1, SHOAL_COUNTER_FETCHES_SERVED) > 0);
		assert_int_equal(heard(&world, 2), hops == 1 ? 0 : 1);
		assert_int_equal(heard(&world, 3), hops == 1 ? 0 : 1);
		world.loses = NULL; /* its origin gives it to all */
		world_run(&world, SHOAL_SEC(120));
		assert_int_equal(heard(&world, 1), 1);
		assert_int_equal(heard(&world, 2), 1);
		assert_int_equal(heard(&world, 3), 1);
		world_done(&world);
	}
}

static void
one_that_fits_no_datagram_is_offered_no_further_either(void **state)
{
	struct core_world world;
	char *text = calloc(1, 20001);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 20000);
	cast_begin(&world, 8, NULL);
	world.loses = all_but_through_the_second;
	assert_int_equal(say(&world, 0, text, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(heard(&world, 1), 1);
	for (size_t i = 2; i < 8; i++) {
		assert_int_equal(heard(&world, i), 0);
		assert_int_equal(
		        world_count_sent(&world, 1, &world.node[i].addr, SHOAL_MESSAGE_OFFER), 0);
	}
	free(text);
	world_done(&world);
}

static bool
third_is_cut_off(const struct core_world *world, const struct world_packet *packet)
{
	return is_of_casts(packet) &&
	       (packet->node == 2 || shoal_addr_equal(&packet->to, &world->node[2].addr));
}

static void
who_was_cut_off_gets_a_reliable_one_within_its_time_and_not_later(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct core_world world;

		cast_begin(&world, 3, NULL);
		world.loses = third_is_cut_off;
		assert_int_equal(say(&world, SHOAL_RELIABLE, "short", 0, SHOAL_SEC(60)), SHOAL_OK);
		assert_int_equal(say(&world, SHOAL_RELIABLE, "long", 0, 0), SHOAL_OK);
		world_run(&world, late != 0 ? SHOAL_SEC(60) : SHOAL_SEC(20));
		assert_int_equal(heard(&world, 1), 2);
		assert_int_equal(heard(&world, 2), 0);
		world.loses = NULL;
		world_run(&world, SHOAL_SEC(39));
		assert_int_equal(heard(&world, 2), late != 0 ? 1 : 2);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(heard(&world, i), i == 0                ? 0
			                                   : i == 2 && late != 0 ? 1
			                                                         : 2);
		}
		/* It is kept no longer, while the other one is. */
		world_run(&world, SHOAL_SEC(20));
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(shoal_keep_count(&world_core(&world, i)->keep), 1);
		}
		world_done(&world);
	}
}

static void
it_is_not_given_when_its_time_is_over_though_it_is_still_held(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 2, NULL);
	assert_int_equal(say(&world, SHOAL_RELIABLE, "fire", 0, SHOAL_MS(1500)), SHOAL_OK);
	struct shoal_cast_key key = {world_id(&world, 0), cast_salt(&world, 0), 1, true};
	struct shoal_cast *cast = shoal_cast_find(world_core(&world, 0), &key);
	assert_non_null(cast);
	assert_true(shoal_limit_gives(world_core(&world, 0), cast));
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_fetch fetch = {
	        .id = puppet->id, .salt = puppet_salt(puppet), .others = 1, .age_ms = 60000};
	for (int late = 0; late < 2; late++) {
		struct parcel parcel;

		world_forget_sent(&world);
		parcel_begin(&parcel, (struct shoal_span){NULL, 0});
		parcel_add(&parcel, SHOAL_MESSAGE_FETCH, &fetch);
		parcel_end(&parcel);
		world_request(&world, 0, &puppet->addr, 900 + (uint64_t)late, &parcel);
		bool given = false;
		for (const struct world_packet *packet = NULL;
		        (packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_CAST)) !=
		        NULL;) {
			given = given || packet->kind == SHOAL_SEND_REPLY;
		}
		assert_int_equal(given, late == 0);
		uint64_t before = world.now;
		while (late == 0 && world_core(&world, 0)->now - cast->born < SHOAL_MS(1500)) {
			world_run(&world, SHOAL_MS(1));
			assert_true(world.now - before < SHOAL_SEC(3));
			assert_int_equal(shoal_keep_count(&world_core(&world, 0)->keep), 1);
			world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		}
	}
	world_done(&world);
}

static void
one_whose_time_is_over_makes_room_for_the_next(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.casts_max = 10;
	cast_begin(&world, 3, &config);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(say(&world, SHOAL_RELIABLE, "fire", 0, SHOAL_SEC(1)), SHOAL_OK);
	}
	assert_int_equal(say(&world, SHOAL_RELIABLE, "fire", 0, SHOAL_SEC(1)), SHOAL_ERR_AGAIN);
	world_run(&world, SHOAL_SEC(1)); /* though they are still held */
	assert_int_equal(shoal_keep_count(&world_core(&world, 0)->keep), 10);
	assert_int_equal(say(&world, SHOAL_RELIABLE, "fire", 0, SHOAL_SEC(1)), SHOAL_OK);
	world_done(&world);
}

static void
one_that_is_told_once_is_told_no_more_when_its_time_is_over(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 8, NULL);
	assert_int_equal(say(&world, 0, "fire", 0, SHOAL_MS(1)), SHOAL_OK);
	world_run(&world, SHOAL_MS(6));
	cast_heard(&world, 0, "fire", 1); /* down the tree */
	world_forget_sent(&world);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(world_count_sent(&world, i, NULL, SHOAL_MESSAGE_CAST), 0);
		assert_int_equal(world_core(&world, i)->casts.slab.count, 0);
	}
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
	world_done(&world);
}

/* Its host takes the packets down the tree late. */
static void
one_whose_time_is_over_before_its_packet_is_made_is_not_in_it(void **state)
{
	struct core_world world;
	struct shoal_input input = cast_input(0, NULL, 7, "fire", 4);

	(void)state;
	cast_begin(&world, 4, NULL);
	input.timeout_ns = SHOAL_MS(1);
	input.mono_ns = world.now;
	input.wall_ns = world_core(&world, 0)->wall_ns;
	assert_int_equal(shoal_core_step(world_core(&world, 0), &input), SHOAL_OK);
	world.now += SHOAL_MS(2);
	assert_int_equal(
	        world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER}), SHOAL_OK);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CAST), 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
	world_done(&world);
}

static void
what_comes_too_late_is_dropped_and_limits_are_passed_on(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 2, NULL);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *other = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_cast cast = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .number = 1,
	        .type = CAST_TYPE,
	        .age_ms = 100,
	        .ttl_ms = 100,
	        .hops_max = 3};

	world_run(&world, SHOAL_SEC(2));
	world_clear(&world);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CAST_EXPIRED), 1);
	assert_int_equal(heard(&world, 0), 0);
	cast.age_ms = 99;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CAST_EXPIRED), 1);
	assert_int_equal(heard(&world, 0), 1);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_CAST);
	assert_non_null(packet);
	const struct shoal_msg_cast *told = &packet_has(packet, SHOAL_MESSAGE_CAST)->cast;
	assert_true(told->hops == 1 && told->hops_max == 3 && told->ttl_ms == 100);
	world_run(&world, SHOAL_SEC(2));
	world_forget_sent(&world);
	cast.number = 2; /* it has come as far as it may */
	cast.hops = 2;
	world_tell(&world, 0, other, SHOAL_MESSAGE_CAST, &cast);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(heard(&world, 0), 2);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CAST), 0);
	world_done(&world);
}

static void
limits_that_no_broadcast_can_have_are_refused(void **state)
{
	struct core_world world;
	uint64_t most = SHOAL_MS(UINT32_MAX);

	(void)state;
	cast_begin(&world, 2, NULL);
	assert_int_equal(say(&world, 0, "no", SHOAL_HOPS_MAX + 1, 0), SHOAL_ERR_INVALID);
	assert_int_equal(say(&world, 0, "no", 0, most + 1), SHOAL_ERR_INVALID);
	assert_int_equal(say(&world, 0, "fire", SHOAL_HOPS_MAX, most), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	cast_heard(&world, 0, "fire", 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_goes_as_many_steps_as_it_may_and_no_further),
	        cmocka_unit_test(one_of_one_step_comes_to_all_where_they_are_few),
	        cmocka_unit_test(a_reliable_one_is_given_to_nobody_where_it_may_go_no_further),
	        cmocka_unit_test(one_that_fits_no_datagram_is_offered_no_further_either),
	        cmocka_unit_test(who_was_cut_off_gets_a_reliable_one_within_its_time_and_not_later),
	        cmocka_unit_test(it_is_not_given_when_its_time_is_over_though_it_is_still_held),
	        cmocka_unit_test(one_whose_time_is_over_makes_room_for_the_next),
	        cmocka_unit_test(one_that_is_told_once_is_told_no_more_when_its_time_is_over),
	        cmocka_unit_test(one_whose_time_is_over_before_its_packet_is_made_is_not_in_it),
	        cmocka_unit_test(what_comes_too_late_is_dropped_and_limits_are_passed_on),
	        cmocka_unit_test(limits_that_no_broadcast_can_have_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
