/* SPDX-License-Identifier: MIT */
/* Messages that go once: how they travel, what is refused, and that no copy counts twice. */
#include "core_talk_world.h"

#include <stdlib.h>

#include "core/message/user.h"
#include "heap_fault.h"

static void
a_message_comes_once_with_its_type_its_sender_and_a_stamp(void **state)
{
	struct core_world world;

	(void)state;
	talk_begin(&world, NULL);
	struct shoal_id to = world_id(&world, 1), from = world_id(&world, 0);
	assert_int_equal(talk_say(&world, 0, &to, 0, 0, "hello"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 1);
	talk_heard(&world, 1, 0, "hello");
	const struct shoal_event *event = world_event(&world, 1, SHOAL_EVENT_MESSAGE, &from, 0);
	assert_non_null(event);
	assert_int_equal(event->type, TALK_TYPE);
	assert_int_equal(event->flags, 0);
	assert_int_equal(event->hops, 0);
	uint64_t ms = event->wall_ns / SHOAL_MS(1);
	assert_in_range(event->stamp >> 16, ms - 10, ms);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_USER);
	assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_MESSAGES_OUT), 1);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_MESSAGES_IN), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 0);
	world_done(&world);
}

static void
messages_said_at_once_share_packets_and_stay_in_order(void **state)
{
	struct core_world world;
	char text[101];

	(void)state;
	talk_begin(&world, NULL);
	struct shoal_id to = world_id(&world, 1);
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < 30; i++) {
		text[0] = (char)('A' + i);
		assert_int_equal(talk_add(&world, 0, &to, 0, 0, text, 100), SHOAL_OK);
	}
	world_drain(&world, 0);
	assert_in_range(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_USER), 3, 4);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 30);
	for (size_t i = 0; i < 30; i++) {
		text[0] = (char)('A' + i);
		text[100] = '\0';
		talk_heard(&world, 1, i, text);
	}
	world_done(&world);
}

static void
what_does_not_fit_a_datagram_goes_on_a_stream_up_to_the_limit(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	size_t most = 300000;
	uint8_t *data = calloc(1, most + 1);

	(void)state;
	assert_non_null(data);
	world_init(&world);
	world_config(&world, &config);
	config.profile.message_max = (uint32_t)most;
	talk_begin(&world, &config);
	struct shoal_id to = world_id(&world, 1);
	assert_int_equal(shoal_user_most(world_core(&world, 0)), most);
	for (size_t len = 1300; len < 1400; len++) {
		assert_int_equal(world_step(&world, 0, talk_input(&to, 0, 0, data, len)), SHOAL_OK);
	}
	data[most - 1] = 7;
	assert_int_equal(world_step(&world, 0, talk_input(&to, 0, 0, data, most)), SHOAL_OK);
	assert_int_equal(
	        world_step(&world, 0, talk_input(&to, 0, 0, data, most + 1)), SHOAL_ERR_TOO_BIG);
	world_run(&world, SHOAL_SEC(1));
	bool seen[4] = {false};
	for (const struct world_packet *packet = NULL;
	        (packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_USER)) != NULL;) {
		assert_true(packet->kind == SHOAL_SEND_STREAM ? packet->len > 1300
		                                              : packet->len <= 1400);
		seen[packet->kind] = true;
	}
	assert_true(seen[SHOAL_SEND_DATAGRAM] && seen[SHOAL_SEND_STREAM]);
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 101);
	const struct shoal_event *last = world_event(&world, 1, SHOAL_EVENT_MESSAGE, NULL, 100);
	assert_int_equal(last->len, most);
	assert_int_equal(last->data[most - 1], 7);
	free(data);
	world_done(&world);
}

static void
a_second_copy_of_a_packet_is_dropped(void **state)
{
	struct core_world world;

	(void)state;
	talk_begin(&world, NULL);
	struct shoal_id to = world_id(&world, 1);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(talk_say(&world, 0, &to, 0, 0, "hello"), SHOAL_OK);
	}
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 10);
	for (const struct world_packet *packet = NULL;
	        (packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_USER)) != NULL;) {
		world_step(&world, 1,
		        (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
		                .from = world.node[0].addr,
		                .data = packet->data,
		                .len = packet->len});
	}
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 10);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_AGAIN), 10);
	world_done(&world);
}

static void
only_a_member_says_something_and_only_to_this_instance(void **state)
{
	struct core_world world;
	uint8_t data[64];
	struct shoal_span one = talk_entries(data, sizeof data, 1, 1);

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_meet(&world, 0, 0);
	struct shoal_msg_user good = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .instance = talk_salt(&world, 0),
	        .number = 1,
	        .entries = one};
	struct shoal_msg_user bad = good;
	bad.instance++;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &bad);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MISDIRECTED), 1);
	bad = good, bad.salt++;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &bad);
	bad = good, bad.id.bytes[3]++;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &bad);
	bad = good, bad.id = world_id(&world, 0);
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &bad);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 3);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 0);
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &good);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1);
	world_done(&world);
}

static void
a_type_of_the_protocol_that_is_not_known_is_counted_and_a_stamp_far_ahead_is_too(void **state)
{
	struct core_world world;
	uint8_t data[64];
	struct shoal_writer writer;
	struct shoal_entry entry = {.type = SHOAL_TYPE_SERVICE - 1, .stamp = UINT64_MAX};

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_meet(&world, 0, 0);
	shoal_writer_init(&writer, data, sizeof data);
	shoal_entry_write(&writer, &entry);
	entry.type++;
	shoal_entry_write(&writer, &entry);
	struct shoal_msg_user user = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .instance = talk_salt(&world, 0),
	        .number = 1,
	        .entries = {data, writer.len}};
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &user);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNKNOWN_KIND), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_STAMPS_AHEAD), 1);
	world_done(&world);
}

static void
a_command_that_cannot_be_done_is_refused_with_its_reason(void **state)
{
	struct core_world world;

	(void)state;
	talk_begin(&world, NULL);
	struct shoal_id to = world_id(&world, 1), self = world_id(&world, 0), nobody = {{9}};
	for (unsigned flags = 0; flags <= SHOAL_RELIABLE; flags++) {
		assert_int_equal(talk_say(&world, 0, &self, flags, 0, ""), SHOAL_ERR_INVALID);
		assert_int_equal(talk_say(&world, 0, &nobody, flags, 0, ""), SHOAL_ERR_NOT_FOUND);
		struct shoal_input input = talk_input(&to, flags, 0, "x", 1);
		input.type = SHOAL_TYPE_SERVICE - 1;
		assert_int_equal(world_step(&world, 0, input), SHOAL_ERR_INVALID);
		assert_int_equal(talk_say(&world, 0, &to, flags, 0, ""), SHOAL_OK);
	}
	assert_int_equal(talk_say(&world, 0, &to, 2, 0, ""), SHOAL_ERR_INVALID);
	struct puppet *puppet = world_meet(&world, 0, 0);
	struct shoal_msg_state left = puppet_state(puppet, SHOAL_STATE_LEFT);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_STATE, &left);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_LEFT);
	assert_int_equal(talk_say(&world, 0, &puppet->id, 0, 0, ""), SHOAL_ERR_STATE);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	assert_int_equal(talk_say(&world, 0, &to, 0, 0, ""), SHOAL_ERR_STATE);
	world_done(&world);
}

static void
a_full_queue_says_so_and_when_it_has_room_again(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	uint8_t data[1000] = {0};
	size_t sent = 0;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.queue_bytes = 10000;
	talk_begin(&world, &config);
	struct shoal_id to = world_id(&world, 1);
	while (talk_add(&world, 0, &to, 0, 0, data, sizeof data) == SHOAL_OK) {
		sent++;
	}
	assert_int_equal(sent, 9);
	assert_int_equal(talk_add(&world, 0, &to, 0, 0, data, sizeof data), SHOAL_ERR_AGAIN);
	world_drain(&world, 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 1);
	assert_int_equal(talk_add(&world, 0, &to, 0, 0, data, sizeof data), SHOAL_OK);
	world_drain(&world, 0);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 10);
	world_done(&world);
}

static void
without_room_at_the_host_a_message_is_dropped_and_counted(void **state)
{
	struct core_world world;

	(void)state;
	talk_begin(&world, NULL);
	struct shoal_id to = world_id(&world, 1);
	talk_room(&world, 1, 4 * (SHOAL_MESSAGE_COST + 3)); /* half of it for one sender */
	for (size_t i = 0; i < 3; i++) {
		talk_say(&world, 0, &to, 0, 0, "abc");
	}
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 2);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_NO_ROOM), 1);
	talk_room(&world, 1, 4 * (SHOAL_MESSAGE_COST + 3));
	talk_say(&world, 0, &to, 0, 0, "abc");
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 3);
	world_done(&world);
}

static int
talk_with(const struct shoal_allocator *mem, void *arg)
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
		struct shoal_id id[] = {world_id(&world, 0), world_id(&world, 1)};
		for (unsigned i = 0; i < 8; i++) {
			unsigned flags = i % 2;
			(void)world_step(&world, i / 2 % 2,
			        talk_input(&id[1 - i / 2 % 2], flags, i, data, 10 + 400 * i));
		}
		world_run(&world, SHOAL_SEC(3));
	}
	world_done(&world);
	return SHOAL_OK;
}

static void
it_copes_with_every_allocation_failing(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep_tolerant(talk_with, NULL) > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_comes_once_with_its_type_its_sender_and_a_stamp),
	        cmocka_unit_test(messages_said_at_once_share_packets_and_stay_in_order),
	        cmocka_unit_test(what_does_not_fit_a_datagram_goes_on_a_stream_up_to_the_limit),
	        cmocka_unit_test(a_second_copy_of_a_packet_is_dropped),
	        cmocka_unit_test(only_a_member_says_something_and_only_to_this_instance),
	        cmocka_unit_test(
	                a_type_of_the_protocol_that_is_not_known_is_counted_and_a_stamp_far_ahead_is_too),
	        cmocka_unit_test(a_command_that_cannot_be_done_is_refused_with_its_reason),
	        cmocka_unit_test(a_full_queue_says_so_and_when_it_has_room_again),
	        cmocka_unit_test(without_room_at_the_host_a_message_is_dropped_and_counted),
	        cmocka_unit_test(it_copes_with_every_allocation_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
