/* SPDX-License-Identifier: MIT */
/* Reliable messages: in order, once, with an end for each; whatever is lost, refused, forged or
 * full meanwhile. */
#include "core_reliable_world.h"

static void
all_come_in_order_and_the_end_of_each_is_told(void **state)
{
	struct core_world world;

	(void)state;
	talk_begin(&world, NULL);
	struct shoal_id to = world_id(&world, 1);
	say_bytes(&world, 0, &to, 0, 100);
	say_bytes(&world, 0, &to, 100, 900);
	world_run(&world, SHOAL_SEC(1));
	expect_bytes(&world, 1, 1000);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1000);
	expect_ends(&world, 0, 0, 1000, SHOAL_OK);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH), 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_MESSAGES_TAKEN), 1000);
	world_done(&world);
}

static void
one_request_carries_so_many_bytes_and_one_is_in_flight(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	uint8_t data[700] = {0};

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.batch_max = 2000;
	struct puppet *puppet = meet(&world, &config);
	for (uint64_t i = 1; i <= 8; i++) {
		/* The fifth is longer than a request should be, and goes alone. */
		static uint8_t large[3000];
		assert_int_equal(
		        talk_add(&world, 0, &puppet->id, SHOAL_RELIABLE, i, i == 5 ? large : data,
		                i == 5 ? sizeof large : sizeof data),
		        SHOAL_OK);
	}
	world_drain(&world, 0);
	static const size_t counts[] = {2, 2, 1, 2, 1};
	uint64_t next = batch_of(last_batch(&world))->first;
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH), i + 1);
		const struct shoal_msg_batch *batch = batch_of(last_batch(&world));
		assert_true(batch->first == next);
		assert_true(batch->instance == puppet_salt(puppet));
		assert_int_equal(shoal_entry_count(batch->entries), counts[i]);
		next += counts[i];
		receipt(&world, puppet, next, SHOAL_OK);
	}
	expect_ends(&world, 0, 0, 8, SHOAL_OK);
	world_done(&world);
}

static void
what_failed_is_sent_again_after_a_pause_that_doubles(void **state)
{
	struct core_world world;
	uint64_t pause = 0;

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	say_bytes(&world, 0, &puppet->id, 0, 3);
	uint64_t first = batch_of(last_batch(&world))->first;
	for (size_t i = 0; i < 5; i++) {
		const struct world_packet *packet = last_batch(&world);
		uint64_t at = world.now;
		world_result(&world, packet, SHOAL_ERR_CLOSED, NULL);
		world_forget_sent(&world);
		packet = world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH, SHOAL_SEC(5));
		assert_non_null(packet);
		assert_true(batch_of(packet)->first == first);
		assert_int_equal(shoal_entry_count(batch_of(packet)->entries), 3);
		assert_in_range(world.now - at, pause * 11 / 10, SHOAL_SEC(2));
		pause = world.now - at;
	}
	assert_true(pause > SHOAL_MS(500));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_BATCHES_FAILED), 5);
	receipt(&world, puppet, first + 3, SHOAL_OK);
	expect_ends(&world, 0, 0, 3, SHOAL_OK);
	world_done(&world);
}

static void
it_goes_on_from_where_the_receipt_says(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	say_bytes(&world, 0, &puppet->id, 0, 5);
	uint64_t first = batch_of(last_batch(&world))->first;
	receipt(&world, puppet, first + 2, SHOAL_OK);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 2);
	world_run(&world, SHOAL_MS(2100)); /* there was no room for the others */
	assert_true(batch_of(last_batch(&world))->first == first + 2);
	assert_int_equal(shoal_entry_count(batch_of(last_batch(&world))->entries), 3);
	world_done(&world);
}

static void
what_the_receiver_can_never_take_ends_so_and_what_follows_goes_on(void **state)
{
	static uint8_t data[3000];
	struct shoal_core_config config;
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_config(&world, &config);
	config.profile.message_max = 1000;
	config.profile.inbox_bytes = 2000;
	world_add(&world, &config);
	world_join(&world, 0, 1);
	world_run(&world, SHOAL_SEC(1));
	world_clear(&world);
	struct shoal_id to = world_id(&world, 1);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(talk_add(&world, 0, &to, SHOAL_RELIABLE, i, data,
		                         i == 2 ? sizeof data : 100),
		        SHOAL_OK);
	}
	world_drain(&world, 0);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 2);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 3);
	expect_ends(&world, 0, 0, 1, SHOAL_OK);
	expect_ends(&world, 0, 1, 1, SHOAL_ERR_TOO_BIG);
	expect_ends(&world, 0, 2, 1, SHOAL_OK);
	world_done(&world);
}

static void
each_message_is_taken_once_however_often_and_in_what_pieces_it_comes(void **state)
{
	struct core_world world;
	uint8_t data[8192];

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	struct shoal_msg_batch batch = {
	        .id = puppet->id, .salt = puppet_salt(puppet), .instance = talk_salt(&world, 0)};
	uint64_t seed = 1, expected = 1000;
	for (int i = 0; i < 2000 && expected < 1256; i++) {
		/* Nothing is left out: its sender begins with what is not taken. */
		uint64_t first = 1000 + unit_random(&seed) % (expected - 1000 + 1);
		size_t count = 1 + unit_random(&seed) % 20;
		batch.first = first;
		batch.entries = talk_entries(data, sizeof data, (uint8_t)(first - 1000), count);
		expected = first + count > expected ? first + count : expected;
		assert_true(hand_in(&world, puppet, batch)->next == expected);
	}
	expect_bytes(&world, 0, expected - 1000);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_AGAIN) > 0);
	/* What its sender gave up is passed over, and does not come later. */
	batch.first = expected + 10;
	batch.entries = talk_entries(data, sizeof data, 0, 1);
	assert_true(hand_in(&world, puppet, batch)->next == expected + 11);
	batch.first = expected;
	assert_true(hand_in(&world, puppet, batch)->next == expected + 11);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), expected - 999);
	world_done(&world);
}

static void
one_that_is_not_known_there_introduces_itself_and_tries_again(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	struct shoal_id self = world_id(&world, 0);
	say_bytes(&world, 0, &puppet->id, 0, 1);
	receipt(&world, puppet, 0, SHOAL_ERR_NOT_FOUND);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_MEMBER);
	assert_non_null(packet);
	assert_int_equal(packet_state_of(packet, &self), SHOAL_STATE_ALIVE);
	world_forget_sent(&world);
	assert_non_null(world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH, SHOAL_SEC(1)));
	world_done(&world);
}

static void
of_a_member_that_is_gone_each_message_ends_sent_or_not(void **state)
{
	(void)state;
	for (int replaced = 0; replaced < 2; replaced++) {
		struct core_world world;
		struct puppet *puppet = meet(&world, NULL);

		say_bytes(&world, 0, &puppet->id, 0, 3);
		uint64_t first = batch_of(last_batch(&world))->first;
		receipt(&world, puppet, first + 1, SHOAL_OK);
		say_bytes(&world, 0, &puppet->id, 3, 4); /* these wait behind the request */
		if (replaced) {
			puppet->salt.bytes[3]++;
			puppet->incarnation += UINT64_C(1) << 32;
			struct shoal_msg_member m = puppet_member(puppet, SHOAL_STATE_ALIVE);
			world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &m);
		} else {
			struct shoal_msg_state m = puppet_state(puppet, SHOAL_STATE_LEFT);
			world_tell(&world, 0, puppet, SHOAL_MESSAGE_STATE, &m);
		}
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 7);
		expect_ends(&world, 0, 0, 1, SHOAL_OK);
		expect_ends(&world, 0, 1, 2, SHOAL_ERR_CLOSED);
		expect_ends(&world, 0, 3, 4, SHOAL_ERR_UNREACHABLE);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_MESSAGES_ENDED), 6);
		/* A receipt that comes now is late, and a new one has other numbers. */
		receipt(&world, puppet, first + 3, SHOAL_OK);
		world_run(&world, SHOAL_SEC(5));
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 7);
		if (replaced) {
			world_forget_sent(&world);
			say_bytes(&world, 0, &puppet->id, 7, 1);
			assert_true(batch_of(last_batch(&world))->first >= first + 7);
			assert_true(batch_of(last_batch(&world))->instance == puppet_salt(puppet));
		}
		world_done(&world);
	}
}

static void
one_that_leaves_ends_what_it_had_to_say(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	say_bytes(&world, 0, &puppet->id, 0, 2);
	world_step(&world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_LEAVE, .timeout_ns = SHOAL_MS(100)});
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_ENDED, SHOAL_SEC(1)));
	world_drain(&world, 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 2);
	expect_ends(&world, 0, 0, 2, SHOAL_ERR_CLOSED);
	world_done(&world);
}

static void
what_the_receivers_host_has_no_room_for_waits_at_the_sender(void **state)
{
	struct core_world world;

	(void)state;
	talk_begin(&world, NULL);
	struct shoal_id to = world_id(&world, 1);
	talk_room(&world, 1, 20 * (SHOAL_MESSAGE_COST + 1)); /* half of it for one sender */
	say_bytes(&world, 0, &to, 0, 100);
	world_run(&world, SHOAL_SEC(5));
	expect_bytes(&world, 1, 10);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 10);
	for (size_t n = 20; n <= 100; n += 10) {
		talk_room(&world, 1, 20 * (SHOAL_MESSAGE_COST + 1));
		world_run(&world, SHOAL_SEC(3));
		expect_bytes(&world, 1, n);
	}
	expect_ends(&world, 0, 0, 100, SHOAL_OK);
	world_done(&world);
}

static void
a_full_queue_refuses_loses_nothing_and_says_when_it_has_room(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	size_t said = 0;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.queue_bytes = 20 * (SHOAL_MESSAGE_COST + 1);
	talk_begin(&world, &config);
	struct shoal_id to = world_id(&world, 1);
	for (int round = 0; round < 12; round++) {
		uint8_t byte = (uint8_t)said;
		while (talk_add(&world, 0, &to, SHOAL_RELIABLE, said + 1, &byte, 1) == SHOAL_OK) {
			byte = (uint8_t)++said;
		}
		assert_int_equal(said, 20 * (round + 1));
		assert_int_equal(
		        world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), (size_t)round);
		world_drain(&world, 0);
		world_run(&world, SHOAL_SEC(1));
		assert_int_equal(
		        world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), (size_t)round + 1);
	}
	expect_bytes(&world, 1, said);
	expect_ends(&world, 0, 0, said, SHOAL_OK);
	world_done(&world);
}

/* More than half of the queue at once: that it is half empty is not enough. */
static void
a_large_message_that_was_refused_is_told_of_when_it_fits(void **state)
{
	static const uint8_t data[1000];
	struct shoal_core_config config;
	struct core_world world;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.queue_bytes = 1024 + SHOAL_MESSAGE_COST;
	struct puppet *puppet = meet(&world, &config);
	say_bytes(&world, 0, &puppet->id, 0, 2);
	assert_int_equal(talk_add(&world, 0, &puppet->id, SHOAL_RELIABLE, 3, data, sizeof data),
	        SHOAL_ERR_AGAIN);
	world_drain(&world, 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 0);
	uint64_t first = batch_of(last_batch(&world))->first;
	receipt(&world, puppet, first + 1, SHOAL_OK);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 0);
	world_run(&world, SHOAL_MS(2100));
	receipt(&world, puppet, first + 2, SHOAL_OK);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_WRITABLE), 1);
	assert_int_equal(
	        talk_add(&world, 0, &puppet->id, SHOAL_RELIABLE, 3, data, sizeof data), SHOAL_OK);
	world_done(&world);
}

/* A host without memory leaves it with the core, whose member goes on meanwhile. */
static void
a_message_that_the_host_keeps_with_the_core_is_told_again_and_none_passes_it(void **state)
{
	static const struct shoal_input timer = {.kind = SHOAL_INPUT_TIMER};
	struct core_world world;
	struct shoal_event event;
	uint8_t data[64];

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	struct shoal_core *core = world_core(&world, 0);
	struct shoal_msg_user user = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .instance = talk_salt(&world, 0),
	        .number = 1,
	        .entries = talk_entries(data, sizeof data, 0, 3)};
	static struct parcel parcel;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_USER, &user);
	parcel_end(&parcel);
	struct shoal_input input = timer;
	input.mono_ns = world.now;
	input.wall_ns = SHOAL_SEC(WORLD_EPOCH) + world.now;
	struct shoal_input packet = input;
	packet.kind = SHOAL_INPUT_DATAGRAM;
	packet.from = puppet->addr;
	packet.data = parcel.data;
	packet.len = parcel.writer.len;
	assert_int_equal(shoal_core_step(core, &packet), SHOAL_OK);
	for (uint8_t i = 0; i < 3; i++) {
		for (int again = 0; again < 3; again++) {
			assert_true(shoal_core_next_event(core, &event));
			assert_int_equal(event.kind, SHOAL_EVENT_MESSAGE);
			assert_int_equal(event.data[0], i);
			if (again < 2) {
				shoal_core_keep_message(core);
				assert_false(shoal_core_next_event(core, &event));
				(void)shoal_core_step(core, &input);
			}
		}
	}
	shoal_core_keep_message(core);
	assert_false(shoal_core_next_event(core, &event));
	/* What it holds is no room any more. */
	input.kind = SHOAL_INPUT_ROOM;
	input.size = SHOAL_MESSAGE_COST + 1;
	assert_int_equal(shoal_core_step(core, &input), SHOAL_OK);
	assert_true(shoal_core_next_event(core, &event));
	world_done(&world);
}

static void
members_that_do_not_answer_leave_half_of_the_requests_to_the_others(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	struct puppet *silent[12];

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.exchanges_max = 16;
	world_init(&world);
	world_add(&world, &config);
	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		silent[i] = world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_clear(&world);
	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		say_bytes(&world, 0, &silent[i]->id, i, 1);
	}
	world_run(&world, SHOAL_SEC(25)); /* each of them has failed once */
	for (size_t i = 0; i < 20; i++) {
		world_forget_sent(&world);
		say_bytes(&world, 0, &puppet->id, 100 + i, 1);
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_BATCH);
		assert_non_null(packet); /* at once */
		receipt(&world, puppet, batch_of(packet)->first + 1, SHOAL_OK);
		world_run(&world, SHOAL_MS(500));
	}
	world_done(&world);
}

static void
requests_with_messages_leave_half_of_the_places_to_the_protocol(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	struct puppet *puppet[6];

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.exchanges_max = 8;
	world_init(&world);
	world_add(&world, &config);
	for (size_t i = 0; i < COUNT_OF(puppet); i++) {
		puppet[i] = world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	world_clear(&world);
	for (size_t i = 0; i < COUNT_OF(puppet); i++) {
		say_bytes(&world, 0, &puppet[i]->id, i, 1);
	}
	world_run(&world, SHOAL_MS(200));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH), 4);
	/* When they have timed out, the others have their turn. */
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < COUNT_OF(puppet); i++) {
		assert_true(world_count_sent(&world, 0, &puppet[i]->addr, SHOAL_MESSAGE_BATCH) > 0);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_come_in_order_and_the_end_of_each_is_told),
	        cmocka_unit_test(one_request_carries_so_many_bytes_and_one_is_in_flight),
	        cmocka_unit_test(what_failed_is_sent_again_after_a_pause_that_doubles),
	        cmocka_unit_test(it_goes_on_from_where_the_receipt_says),
	        cmocka_unit_test(what_the_receiver_can_never_take_ends_so_and_what_follows_goes_on),
	        cmocka_unit_test(
	                each_message_is_taken_once_however_often_and_in_what_pieces_it_comes),
	        cmocka_unit_test(one_that_is_not_known_there_introduces_itself_and_tries_again),
	        cmocka_unit_test(of_a_member_that_is_gone_each_message_ends_sent_or_not),
	        cmocka_unit_test(one_that_leaves_ends_what_it_had_to_say),
	        cmocka_unit_test(what_the_receivers_host_has_no_room_for_waits_at_the_sender),
	        cmocka_unit_test(a_full_queue_refuses_loses_nothing_and_says_when_it_has_room),
	        cmocka_unit_test(a_large_message_that_was_refused_is_told_of_when_it_fits),
	        cmocka_unit_test(
	                a_message_that_the_host_keeps_with_the_core_is_told_again_and_none_passes_it),
	        cmocka_unit_test(
	                members_that_do_not_answer_leave_half_of_the_requests_to_the_others),
	        cmocka_unit_test(requests_with_messages_leave_half_of_the_places_to_the_protocol),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
