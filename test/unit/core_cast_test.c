/* SPDX-License-Identifier: MIT */
/* Broadcasts: that each member hears each once, what is refused, and what stays bounded. */
#include "core_cast_world.h"

#include <stdlib.h>

#include <shoal/document.h>

#include "heap_fault.h"

static void
all_hear_it_once_with_its_sender_within_milliseconds(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 8, NULL);
	struct shoal_id from = world_id(&world, 3);
	assert_int_equal(cast_say(&world, 3, 0, "fire"), SHOAL_OK);
	world_run(&world, SHOAL_MS(20));
	cast_heard(&world, 3, "fire", 1);
	world_run(&world, SHOAL_SEC(5));
	cast_heard(&world, 3, "fire", 1);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_MESSAGE, &from, 0);
	assert_non_null(event);
	assert_int_equal(event->type, CAST_TYPE);
	assert_int_equal(event->flags, SHOAL_BROADCAST);
	assert_in_range(event->stamp >> 16, event->wall_ns / SHOAL_MS(1) - 30,
	        event->wall_ns / SHOAL_MS(1));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CASTS_IN), 1);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_CASTS_AGAIN) > 0);
	/* Nothing is left of it. */
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(world_core(&world, i)->casts.slab.count, 0);
	}
	world_done(&world);
}

static void
two_that_both_speak_hear_each_other_without_any_repair(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 2, NULL);
	for (size_t i = 0; i < 50; i++) {
		for (size_t from = 0; from < 2; from++) {
			unsigned flags = i % 2 == 0 ? SHOAL_RELIABLE : 0;
			assert_int_equal(cast_say(&world, from, flags, from == 0 ? "ping" : "pong"),
			        SHOAL_OK);
		}
		world_run(&world, SHOAL_MS(20));
	}
	world_run(&world, SHOAL_MS(100));
	cast_heard(&world, 0, "ping", 50);
	cast_heard(&world, 1, "pong", 50);
	world_run(&world, SHOAL_SEC(30));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_CASTS_REPAIRED), 0);
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_CASTS_AGAIN), 0);
	}
	world_done(&world);
}

static bool
only_from_the_first(const struct core_world *world, const struct world_packet *packet)
{
	(void)world;
	return packet_has(packet, SHOAL_MESSAGE_CAST) != NULL && packet->node != 0 &&
	       packet->node != 1;
}

static void
hops_count_the_members_that_passed_it_on(void **state)
{
	struct core_world world;
	unsigned hops[2] = {0, 0};

	(void)state;
	cast_begin(&world, 8, NULL);
	world.loses = only_from_the_first;
	assert_int_equal(cast_say(&world, 0, 0, "fire"), SHOAL_OK);
	world_run(&world, SHOAL_MS(2));
	for (size_t i = 2; i < 8; i++) {
		const struct shoal_event *event =
		        world_event(&world, i, SHOAL_EVENT_MESSAGE, NULL, 0);
		if (event != NULL) {
			assert_in_range(event->hops, 0, 1);
			hops[event->hops]++;
		}
	}
	assert_true(hops[0] >= 2);
	world_done(&world);
}

static void
one_that_is_not_forwarded_is_told_by_its_origin_alone(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 5, NULL);
	assert_int_equal(cast_say(&world, 0, SHOAL_NO_FORWARD, "fire"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 1; i < 5; i++) {
		assert_int_equal(world_count_sent(&world, i, NULL, SHOAL_MESSAGE_CAST), 0);
	}
	cast_heard(&world, 0, "fire", 1); /* so few are all told */
	assert_int_equal(
	        cast_say(&world, 0, SHOAL_NO_FORWARD | SHOAL_RELIABLE, "no"), SHOAL_ERR_INVALID);
	world_done(&world);
}

static void
one_to_a_tag_is_heard_where_it_is_carried_and_passed_on_by_all(void **state)
{
	uint8_t document[64];
	struct core_world world;
	size_t len;

	(void)state;
	cast_begin(&world, 6, NULL);
	assert_int_equal(
	        shoal_document_tag(NULL, 0, "red", 3, true, document, sizeof document, &len),
	        SHOAL_OK);
	assert_int_equal(world_step(&world, 2,
	                         (struct shoal_input){
	                                 .kind = SHOAL_INPUT_META, .data = document, .len = len}),
	        SHOAL_OK);
	assert_int_equal(world_step(&world, 0, cast_input(0, "red", 0, "x", 1)), SHOAL_OK);
	assert_int_equal(world_step(&world, 2, cast_input(0, "blue", 0, "y", 1)), SHOAL_OK);
	world_run(&world, SHOAL_SEC(2));
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(
		        world_count_events(&world, i, SHOAL_EVENT_MESSAGE), i == 2 ? 1 : 0);
		assert_true(world_count_sent(&world, i, NULL, SHOAL_MESSAGE_CAST) > 0);
	}
	world_done(&world);
}

static void
one_of_a_type_that_this_release_does_not_know_is_counted_and_passed_on(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 3, NULL);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_cast cast = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .number = 1,
	        .type = SHOAL_TYPE_SERVICE - 1,
	        .body = {(const uint8_t *)"z", 1}};
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	world_run(&world, SHOAL_MS(500));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_CASTS_IN), 1);
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_DROP_UNKNOWN_KIND), 1);
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_MESSAGE), 0);
	}
	world_done(&world);
}

static void
what_is_told_by_nobody_or_of_nobody_or_is_old_or_far_is_not_taken_or_not_passed_on(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 2, NULL);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_cast cast = {
	        .id = puppet->id, .salt = puppet_salt(puppet), .number = 1, .type = CAST_TYPE};
	uint64_t strangers = world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER);

	world_tell(&world, 0, stranger, SHOAL_MESSAGE_CAST, &cast);
	cast.id = stranger->id;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), strangers + 2);
	cast.id = world_id(&world, 0); /* its own */
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	cast.id = puppet->id;
	cast.age_ms = 300001;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CAST_OLD), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 0);
	cast.age_ms = 0;
	cast.hops = SHOAL_HOPS_MAX;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CAST), 0);
	world_done(&world);
}

static void
a_command_that_cannot_be_done_is_refused_with_its_reason(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	uint8_t *data = calloc(1, 5001);

	(void)state;
	assert_non_null(data);
	world_init(&world);
	world_config(&world, &config);
	config.profile.message_max = 5000;
	cast_begin(&world, 2, &config);
	struct shoal_input input = cast_input(0, NULL, 0, data, 5001);
	assert_int_equal(shoal_cast_most(world_core(&world, 0)), 5000);
	assert_int_equal(world_step(&world, 0, input), SHOAL_ERR_TOO_BIG);
	input.len = 1;
	input.type = SHOAL_TYPE_SERVICE - 1;
	assert_int_equal(world_step(&world, 0, input), SHOAL_ERR_INVALID);
	input.type = SHOAL_TYPE_SERVICE;
	input.flags = 8;
	assert_int_equal(world_step(&world, 0, input), SHOAL_ERR_INVALID);
	input.flags = 0;
	input.tag = data;
	input.tag_len = SHOAL_TAG_MAX + 1;
	assert_int_equal(world_step(&world, 0, input), SHOAL_ERR_INVALID);
	input.tag_len = 0;
	assert_int_equal(
	        world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE}), SHOAL_OK);
	assert_int_equal(world_step(&world, 0, input), SHOAL_ERR_STATE);
	free(data);
	world_done(&world);
}

static void
a_full_queue_says_so_and_when_it_has_room_and_each_end_is_told(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	uint8_t data[900] = {0};
	uint64_t said = 0;
	int rc;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.queue_bytes = 20000;
	cast_begin(&world, 4, &config);
	while ((rc = world_step(&world, 0, cast_input(0, NULL, said + 1, data, sizeof data))) ==
	        SHOAL_OK) {
		said++;
		assert_true(said < 100);
	}
	assert_int_equal(rc, SHOAL_ERR_AGAIN);
	assert_in_range(said, 20000 / (900 + SHOAL_MESSAGE_COST), 60);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 0);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), said);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_MESSAGE), said);
	}
	world_done(&world);
}

static void
its_bytes_are_bounded_and_statements_do_not_wait_for_them(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	uint8_t data[1000] = {0};
	size_t bytes = 0;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.cast_rate = 20000;
	config.profile.cast_burst = 4000;
	cast_begin(&world, 4, &config);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(
		        world_step(&world, 0, cast_input(0, NULL, 0, data, sizeof data)), SHOAL_OK);
	}
	struct puppet *puppet = world_meet(&world, 0, 0);
	world_run(&world, SHOAL_MS(50));
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(world_state(&world, i, &puppet->id), SHOAL_STATE_ALIVE);
	}
	world_run(&world, SHOAL_SEC(2) - SHOAL_MS(50));
	for (const struct world_packet *packet = NULL;
	        (packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_CAST)) != NULL;) {
		bytes += packet->len;
	}
	assert_in_range(bytes, 30000, 60000);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_CASTS_DEFERRED) > 0);
	world_run(&world, SHOAL_SEC(60)); /* and nothing is lost for it */
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_MESSAGE), 200);
	}
	world_done(&world);
}

static void
one_that_fits_no_datagram_is_offered_and_fetched(void **state)
{
	struct core_world world;
	size_t most = 300000;
	uint8_t *data = calloc(1, most);

	(void)state;
	assert_non_null(data);
	cast_begin(&world, 6, NULL);
	data[most - 1] = 7;
	assert_int_equal(world_step(&world, 0, cast_input(0, NULL, 1, data, most)), SHOAL_OK);
	for (size_t len = 1250; len < 1400; len += 10) {
		assert_int_equal(
		        world_step(&world, 0, cast_input(0, NULL, 0, data, len)), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(3));
	for (size_t i = 1; i < 6; i++) {
		const struct shoal_event *event;
		bool whole = false;
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_MESSAGE), 16);
		for (size_t n = 0;
		        (event = world_event(&world, i, SHOAL_EVENT_MESSAGE, NULL, n)) != NULL;
		        n++) {
			whole = whole || (event->len == most && event->data[most - 1] == 7);
		}
		assert_true(whole);
	}
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
	assert_int_equal(world_core(&world, 0)->casts.slab.count, 0);
	free(data);
	world_done(&world);
}

static void
who_is_alone_tells_nobody_and_is_done(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	assert_int_equal(world_step(&world, 0, cast_input(0, NULL, 9, "x", 1)), SHOAL_OK);
	world_run(&world, SHOAL_MS(1));
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_SENT, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->exchange, 9);
	assert_int_equal(event->code, SHOAL_OK);
	world_done(&world);
}

static void
what_is_still_told_when_this_member_has_left_ends_closed(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	uint8_t data[1000] = {0};

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.cast_rate = 1024;
	config.profile.cast_burst = 1024;
	cast_begin(&world, 2, &config);
	for (uint64_t i = 0; i < 50; i++) {
		assert_int_equal(
		        world_step(&world, 0, cast_input(0, NULL, i + 1, data, 1000)), SHOAL_OK);
	}
	assert_int_equal(
	        world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE}), SHOAL_OK);
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 50);
	assert_int_equal(
	        world_event(&world, 0, SHOAL_EVENT_SENT, NULL, 49)->code, SHOAL_ERR_CLOSED);
	world_done(&world);
}

static int
cast_with(const struct shoal_allocator *mem, void *arg)
{
	struct core_world world;
	uint8_t data[3000] = {0};

	(void)arg;
	world_init(&world);
	int rc = world_add_pair(&world, mem);
	if (rc != SHOAL_OK) {
		return rc;
	}
	if (world_join(&world, 0, 1) == SHOAL_OK) {
		world_run(&world, SHOAL_SEC(1));
		for (unsigned i = 0; i < 8; i++) {
			(void)world_step(
			        &world, i / 2 % 2, cast_input(i % 2, NULL, i, data, 10 + 400 * i));
		}
		world_run(&world, SHOAL_SEC(12));
	}
	world_done(&world);
	return SHOAL_OK;
}

static void
it_copes_with_every_allocation_failing(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep_tolerant(cast_with, NULL) > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_hear_it_once_with_its_sender_within_milliseconds),
	        cmocka_unit_test(two_that_both_speak_hear_each_other_without_any_repair),
	        cmocka_unit_test(hops_count_the_members_that_passed_it_on),
	        cmocka_unit_test(one_that_is_not_forwarded_is_told_by_its_origin_alone),
	        cmocka_unit_test(one_to_a_tag_is_heard_where_it_is_carried_and_passed_on_by_all),
	        cmocka_unit_test(
	                one_of_a_type_that_this_release_does_not_know_is_counted_and_passed_on),
	        cmocka_unit_test(
	                what_is_told_by_nobody_or_of_nobody_or_is_old_or_far_is_not_taken_or_not_passed_on),
	        cmocka_unit_test(a_command_that_cannot_be_done_is_refused_with_its_reason),
	        cmocka_unit_test(a_full_queue_says_so_and_when_it_has_room_and_each_end_is_told),
	        cmocka_unit_test(its_bytes_are_bounded_and_statements_do_not_wait_for_them),
	        cmocka_unit_test(one_that_fits_no_datagram_is_offered_and_fetched),
	        cmocka_unit_test(who_is_alone_tells_nobody_and_is_done),
	        cmocka_unit_test(what_is_still_told_when_this_member_has_left_ends_closed),
	        cmocka_unit_test(it_copes_with_every_allocation_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
