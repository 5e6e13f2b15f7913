/* SPDX-License-Identifier: MIT */
/* Reliable broadcasts: that who missed one gets it later, once, and that what is kept is bounded.
 */
#include "core_cast_world.h"

#include <stdlib.h>

/* Rows of losses that are tried. */
#define ROWS 5

/* The last node is cut off. */
static bool
cut_off(const struct core_world *world, const struct world_packet *packet)
{
	size_t last = world->nodes - 1;

	return packet->node == last || shoal_addr_equal(&packet->to, &world->node[last].addr);
}

static void
who_was_cut_off_gets_each_exactly_once_when_it_is_back(void **state)
{
	struct core_world world;
	char text[] = "news 0";

	(void)state;
	cast_begin(&world, 5, NULL);
	world.loses = cut_off;
	for (size_t i = 0; i < 5; i++) {
		text[5] = (char)('0' + i);
		assert_int_equal(cast_say(&world, i, SHOAL_RELIABLE, text), SHOAL_OK);
		assert_int_equal(cast_say(&world, i, 0, "passing"), SHOAL_OK);
		world_run(&world, SHOAL_SEC(4));
	}
	assert_int_equal(world_count_events(&world, 4, SHOAL_EVENT_MESSAGE), 0);
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < 5; i++) {
		text[5] = (char)('0' + i);
		cast_heard(&world, i, text, 1);
	}
	assert_true(world_counter(&world, 4, SHOAL_COUNTER_CASTS_REPAIRED) >= 4);
	const struct shoal_event *event = world_event(&world, 4, SHOAL_EVENT_MESSAGE, NULL, 0);
	assert_int_equal(event->flags, SHOAL_RELIABLE | SHOAL_BROADCAST);
	/* All hold the same, and nobody asks in vain any more. */
	uint64_t fetches = world_counter(&world, 4, SHOAL_COUNTER_FETCHES);
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_counter(&world, 4, SHOAL_COUNTER_FETCHES), fetches);
	world_run(&world, SHOAL_SEC(320));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(world_core(&world, i)->casts.slab.count, 0);
		assert_int_equal(world_core(&world, i)->keep.sum, 0);
	}
	world_done(&world);
}

static void
much_comes_in_several_answers(void **state)
{
	struct core_world world;
	uint8_t data[10000] = {0};

	(void)state;
	cast_begin(&world, 3, NULL);
	world.loses = cut_off;
	for (size_t i = 0; i < 60; i++) {
		assert_int_equal(world_step(&world, 0,
		                         cast_input(SHOAL_RELIABLE, NULL, 0, data, sizeof data)),
		        SHOAL_OK);
		world_run(&world, SHOAL_MS(200));
	}
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 60);
	assert_int_equal(world_count_events(&world, 2, SHOAL_EVENT_MESSAGE), 60);
	world_done(&world);
}

static void
a_joiner_gets_what_was_sent_after_its_start(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 3, NULL);
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "before"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(5));
	size_t node = world_add(&world, NULL);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "after"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_join(&world, node, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_count_events(&world, node, SHOAL_EVENT_MESSAGE), 1);
	cast_heard(&world, 0, "after", 1);
	world_done(&world);
}

static void
what_is_kept_is_bounded_and_the_oldest_make_room(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	char text[] = "news 0";

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.casts_max = 3;
	cast_begin(&world, 2, &config);
	for (size_t i = 0; i < 5; i++) {
		text[5] = (char)('0' + i);
		assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, text), SHOAL_OK);
		world_run(&world, SHOAL_SEC(1));
	}
	assert_int_equal(world_core(&world, 0)->keep.others_count, 3);
	assert_int_equal(world_core(&world, 1)->keep.own_count, 5);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CASTS_EVICTED), 2);
	world_run(&world, SHOAL_SEC(30)); /* and what was given up is not taken back */
	assert_int_equal(world_core(&world, 0)->keep.others_count, 3);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CASTS_REPAIRED), 0);
	world_done(&world);
}

static void
one_that_would_push_out_what_some_may_miss_waits(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.casts_max = 3;
	cast_begin(&world, 2, &config);
	world.loses = cut_off;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "first"), SHOAL_OK);
	}
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "next"), SHOAL_ERR_AGAIN);
	assert_int_equal(cast_say(&world, 0, 0, "another"), SHOAL_OK); /* the others go on */
	world_run(&world, SHOAL_SEC(2));
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(6));
	cast_heard(&world, 0, "first", 3);
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "next"), SHOAL_ERR_AGAIN);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 0);
	world_run(&world, SHOAL_SEC(6));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 1);
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "next"), SHOAL_OK);
	assert_int_equal(world_core(&world, 0)->keep.own_count, 3);
	world_done(&world);
}

static bool
one_in_five(const struct core_world *world, const struct world_packet *packet)
{
	(void)packet;
	return shoal_rng_below(world->arg, 5) == 0;
}

/* A member says this many as fast as it may, or so many in each 50 ms; the network loses a fifth of
 * all packets, requests too, by a row of random numbers. */
static void
says_much(size_t nodes, size_t casts, size_t at_once, uint64_t row)
{
	struct core_world world;
	struct shoal_rng rng;
	uint64_t said = 0;

	shoal_rng_init(&rng, nodes, row);
	cast_begin(&world, nodes, NULL);
	world.arg = &rng;
	world.loses = one_in_five;
	for (size_t i = 0; i < nodes; i++) { /* nobody is to die for it */
		world_core(&world, i)->profile.suspicion_mult = 100;
	}
	for (size_t turns = 0; said < casts && turns < 4000; turns++) {
		for (size_t n = 0; n < at_once && said < casts; n++) {
			struct shoal_input input =
			        cast_input(SHOAL_RELIABLE, NULL, 0, &said, sizeof said);
			if (world_step(&world, 0, input) != SHOAL_OK) {
				break;
			}
			said++;
		}
		world_run(&world, SHOAL_MS(50));
		world_forget_sent(&world);
	}
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(said, casts);
	for (size_t i = 1; i < nodes; i++) {
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_CASTS_IN), casts);
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_CASTS_PASSED), 0);
	}
	world_done(&world);
}

static void
what_is_taken_comes_to_all_however_fast_it_is_said(void **state)
{
	(void)state;
	for (uint64_t row = 1; row <= ROWS; row++) {
		for (size_t nodes = 2; nodes <= 3; nodes++) {
			says_much(nodes, 2500, SIZE_MAX, row);
			says_much(nodes, 2000, 5, row);
		}
	}
	says_much(8, 1500, SIZE_MAX, 1);
}

static void
who_says_much_does_not_push_out_what_others_say(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 4, NULL);
	for (size_t i = 0; i < 4; i++) {
		world_core(&world, i)->profile.casts_max = i == 2 ? 1000 : 50;
	}
	world.loses = cut_off;
	assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "rare"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	world.node[1].up = false; /* what others keep is all there is */
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(cast_say(&world, 2, SHOAL_RELIABLE, "often"), SHOAL_OK);
		world_run(&world, SHOAL_MS(10));
	}
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(40));
	bool rare = false;
	for (size_t n = 0; n < world_count_events(&world, 3, SHOAL_EVENT_MESSAGE); n++) {
		const struct shoal_event *event =
		        world_event(&world, 3, SHOAL_EVENT_MESSAGE, NULL, n);
		rare = rare || (event->len == 4 && memcmp(event->data, "rare", 4) == 0);
	}
	assert_true(rare);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_CASTS_EVICTED) >= 150);
	world_done(&world);
}

static void
where_the_host_has_no_room_a_reliable_one_waits_and_another_is_lost(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 3, NULL);
	struct shoal_input room = {.kind = SHOAL_INPUT_ROOM, .size = 1};
	assert_int_equal(world_step(&world, 1, room), SHOAL_OK);
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "stays"), SHOAL_OK);
	assert_int_equal(cast_say(&world, 0, 0, "goes"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 0);
	assert_int_equal(world_count_events(&world, 2, SHOAL_EVENT_MESSAGE), 2);
	/* What does not fit yet keeps nothing else waiting. */
	uint8_t data[2000] = {0};
	room.size = 0;
	assert_int_equal(world_step(&world, 2, room), SHOAL_OK);
	assert_int_equal(
	        world_step(&world, 0, cast_input(SHOAL_RELIABLE, NULL, 0, data, sizeof data)),
	        SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "small"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	room.size = 1000;
	assert_int_equal(world_step(&world, 1, room), SHOAL_OK);
	assert_int_equal(world_step(&world, 2, room), SHOAL_OK);
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 2);
	cast_heard(&world, 0, "stays", 1);
	cast_heard(&world, 0, "small", 1);
	room.size = 10000;
	assert_int_equal(world_step(&world, 1, room), SHOAL_OK);
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 3);
	world_done(&world);
}

static void
who_is_no_member_is_not_served(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 2, NULL);
	assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "secret"), SHOAL_OK);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_fetch fetch = {
	        .id = stranger->id, .salt = puppet_salt(stranger), .others = 1, .age_ms = 300000};
	struct parcel *parcel = calloc(1, sizeof *parcel);
	parcel_begin(parcel, world.label);
	parcel_add(parcel, SHOAL_MESSAGE_FETCH, &fetch);
	parcel_end(parcel);
	world_clear(&world);
	world_request(&world, 0, &stranger->addr, 77, parcel);
	const struct world_packet *reply =
	        world_sent(&world, NULL, 0, &stranger->addr, SHOAL_MESSAGE_ANSWER);
	assert_non_null(reply);
	assert_null(packet_has(reply, SHOAL_MESSAGE_CAST));
	/* In a datagram nobody is. */
	uint64_t malformed = world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED);
	world_datagram(&world, 0, &stranger->addr, parcel);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED), malformed + 1);
	free(parcel);
	world_done(&world);
}

static void
an_offer_makes_a_member_ask_for_what_it_lacks_once_at_a_time(void **state)
{
	struct core_world world;
	uint8_t data[2 * SHOAL_CAST_KEY_BYTES];
	struct shoal_writer keys;

	(void)state;
	cast_begin(&world, 1, NULL);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_cast_key key = {puppet->id, puppet_salt(puppet), 5, false};
	shoal_writer_init(&keys, data, sizeof data);
	shoal_cast_key_write(&keys, &key);
	shoal_cast_key_write(&keys, &key);
	struct shoal_msg_offer offer = {
	        .id = puppet->id, .salt = key.salt, .keys = {data, keys.len}};
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	assert_int_equal(world_count_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_FETCH), 1);
	const struct world_packet *request =
	        world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_FETCH);
	assert_int_equal(packet_has(request, SHOAL_MESSAGE_FETCH)->fetch.others, 0);
	world_answer(&world, request, SHOAL_ERR_REFUSED, 0, NULL);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	assert_int_equal(world_count_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_FETCH), 2);
	/* A sum that differs: for all; after one that failed not at once again, nor for longer
	 * after one that brought nothing. */
	offer.keys.len = 0;
	offer.sum = 12345;
	world_clear(&world);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	request = world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_FETCH);
	assert_int_equal(packet_has(request, SHOAL_MESSAGE_FETCH)->fetch.others, 1);
	world_answer(&world, request, SHOAL_ERR_REFUSED, 0, NULL);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	assert_int_equal(world_count_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_FETCH), 1);
	world_run(&world, SHOAL_SEC(6));
	world_clear(&world);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	request = world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_FETCH);
	assert_non_null(request);
	world_answer(&world, request, SHOAL_OK, SHOAL_MESSAGE_OFFER, &offer);
	world_run(&world, SHOAL_SEC(4));
	offer.sum++;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	assert_int_equal(world_count_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_FETCH), 1);
	world_run(&world, SHOAL_SEC(20));
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	assert_int_equal(world_count_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_FETCH), 2);
	world_done(&world);
}

/* The puppet offers what differs; returns whether it is asked. */
static bool
is_asked(struct core_world *world, struct puppet *puppet, struct shoal_msg_offer *offer)
{
	offer->sum++;
	world_clear(world);
	world_tell(world, 0, puppet, SHOAL_MESSAGE_OFFER, offer);
	return world_sent(world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_FETCH) != NULL;
}

static void
who_refused_is_asked_again_soon_and_who_let_wait_later(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_offer offer = {.id = puppet->id, .salt = puppet_salt(puppet), .sum = 1};
	for (int i = 0; i < 6; i++) {
		assert_true(is_asked(&world, puppet, &offer));
		world_answer(&world,
		        world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_FETCH),
		        SHOAL_ERR_REFUSED, 0, NULL);
		assert_false(is_asked(&world, puppet, &offer));
		world_run(&world, SHOAL_SEC(1));
	}
	assert_true(is_asked(&world, puppet, &offer));
	world_run(&world, SHOAL_SEC(2));
	world_answer(&world, world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_FETCH),
	        SHOAL_ERR_TIMEOUT, 0, NULL);
	world_run(&world, SHOAL_SEC(4));
	assert_false(is_asked(&world, puppet, &offer));
	world_run(&world, SHOAL_SEC(80));
	assert_true(is_asked(&world, puppet, &offer));
	world_done(&world);
}

static void
who_is_known_to_lack_one_asks_who_said_it_though_it_asked_in_vain(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_offer offer = {.id = puppet->id, .salt = puppet_salt(puppet), .sum = 1};
	struct shoal_msg_cast cast = {.id = puppet->id,
	        .salt = offer.salt,
	        .flags = SHOAL_RELIABLE,
	        .type = CAST_TYPE,
	        .body = {(const uint8_t *)"news", 4}};
	for (uint64_t number = 1; number <= 4; number++) {
		cast.number = number;
		if (number != 3) { /* that one is lost */
			world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
		}
		if (number == 2) {
			assert_true(is_asked(&world, puppet, &offer));
			world_answer(&world,
			        world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_FETCH),
			        SHOAL_OK, SHOAL_MESSAGE_OFFER, &offer);
			world_run(&world, SHOAL_SEC(2));
			assert_false(is_asked(&world, puppet, &offer));
		}
	}
	assert_true(is_asked(&world, puppet, &offer));
	world_done(&world);
}

/* Each of two keeps ten; so many are said, and heard. Counts how often either tells what it keeps
 * within ten seconds. */
static void
count_told(size_t casts, size_t told[2])
{
	struct core_world world;

	cast_begin(&world, 2, NULL);
	for (size_t i = 0; i < 2; i++) {
		world_core(&world, i)->profile.casts_max = 10;
	}
	for (size_t i = 0; i < casts; i++) {
		assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "news"), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(10));
	for (size_t i = 0; i < 2; i++) {
		told[i] = world_count_sent(&world, i, &world.node[1 - i].addr, SHOAL_MESSAGE_OFFER);
	}
	world_done(&world);
}

static void
of_what_soon_makes_room_members_tell_more_often(void **state)
{
	size_t few[2], many[2];

	(void)state;
	count_told(4, few);
	count_told(6, many);
	assert_in_range(few[0], 6, 11); /* each 1.25 s, ± a quarter */
	assert_in_range(few[1], 1, 3);  /* each 5 s */
	assert_in_range(many[0], 12, 22);
	assert_in_range(many[1], 12, 22);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_was_cut_off_gets_each_exactly_once_when_it_is_back),
	        cmocka_unit_test(much_comes_in_several_answers),
	        cmocka_unit_test(a_joiner_gets_what_was_sent_after_its_start),
	        cmocka_unit_test(what_is_kept_is_bounded_and_the_oldest_make_room),
	        cmocka_unit_test(one_that_would_push_out_what_some_may_miss_waits),
	        cmocka_unit_test(what_is_taken_comes_to_all_however_fast_it_is_said),
	        cmocka_unit_test(who_says_much_does_not_push_out_what_others_say),
	        cmocka_unit_test(
	                where_the_host_has_no_room_a_reliable_one_waits_and_another_is_lost),
	        cmocka_unit_test(who_is_no_member_is_not_served),
	        cmocka_unit_test(an_offer_makes_a_member_ask_for_what_it_lacks_once_at_a_time),
	        cmocka_unit_test(of_what_soon_makes_room_members_tell_more_often),
	        cmocka_unit_test(who_refused_is_asked_again_soon_and_who_let_wait_later),
	        cmocka_unit_test(who_is_known_to_lack_one_asks_who_said_it_though_it_asked_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
