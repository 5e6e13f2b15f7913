/* SPDX-License-Identifier: MIT */
/* Batches and receipts that are forged, of strangers, or of an instance that was given up. */
#include "core_reliable_world.h"

static void
a_receipt_of_another_instance_or_for_what_was_not_sent_counts_nothing(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	say_bytes(&world, 0, &puppet->id, 0, 2);
	struct shoal_msg_receipt good = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .instance = talk_salt(&world, 0),
	        .seq = batch_of(last_batch(&world))->seq,
	        .next = batch_of(last_batch(&world))->first + 2};
	struct shoal_msg_receipt bad = good;
	bad.salt++;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_RECEIPT, &bad);
	bad = good, bad.instance++;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_RECEIPT, &bad);
	bad = good, bad.id.bytes[0]++;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_RECEIPT, &bad);
	/* What it was sent is told in clear, but its number is not. */
	bad = good, bad.seq++;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_RECEIPT, &bad);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 4);
	bad = good, bad.next = 0;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_RECEIPT, &bad);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 0);
	world_answer(&world, last_batch(&world), SHOAL_OK, SHOAL_MESSAGE_RECEIPT, &good);
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_RECEIPT, &good);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 5);
	world_done(&world);
}

/* Somebody sent it batches in this member's name. */
static void
where_a_member_expects_numbers_that_it_was_not_sent_what_follows_begins_with_those(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	say_bytes(&world, 0, &puppet->id, 0, 2);
	say_bytes(&world, 0, &puppet->id, 2, 3); /* these wait behind the request */
	receipt(&world, puppet, UINT64_C(1) << 62, SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 2);
	expect_ends(&world, 0, 0, 2, SHOAL_ERR_CLOSED);
	assert_true(batch_of(last_batch(&world))->first == UINT64_C(1) << 62);
	receipt(&world, puppet, (UINT64_C(1) << 62) + 3, SHOAL_OK);
	expect_ends(&world, 0, 2, 3, SHOAL_OK);
	world_done(&world);
}

static void
what_a_member_says_of_numbers_counts_for_nobody_else(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	say_bytes(&world, 0, &puppet->id, 0, 2);
	receipt(&world, puppet, UINT64_MAX, SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 0);
	world_run(&world, SHOAL_SEC(1));
	receipt(&world, puppet, UINT64_C(1) << 63, SHOAL_OK);
	expect_ends(&world, 0, 0, 2, SHOAL_ERR_CLOSED);
	shoal_peer_forget(
	        world_core(&world, 0), shoal_members_find(world_core(&world, 0), &puppet->id));
	struct puppet *other = world_meet(&world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	say_bytes(&world, 0, &other->id, 2, 1);
	assert_in_range(batch_of(last_batch(&world))->first, 3, 10);
	world_done(&world);
}

static void
a_batch_of_a_stranger_or_for_another_instance_is_refused_with_a_code(void **state)
{
	struct core_world world;
	uint8_t data[64];

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	struct shoal_msg_batch good = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .instance = talk_salt(&world, 0),
	        .first = 1,
	        .entries = talk_entries(data, sizeof data, 0, 1)};
	struct shoal_msg_batch bad = good;
	bad.instance++;
	assert_int_equal(hand_in(&world, puppet, bad)->code, -SHOAL_ERR_STATE);
	bad = good, bad.salt++;
	assert_int_equal(hand_in(&world, puppet, bad)->code, -SHOAL_ERR_NOT_FOUND);
	bad = good, bad.id.bytes[0]++;
	assert_int_equal(hand_in(&world, puppet, bad)->code, -SHOAL_ERR_NOT_FOUND);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 0);
	assert_int_equal(hand_in(&world, puppet, good)->code, 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1);
	world_done(&world);
}

static void
a_batch_in_a_datagram_or_far_ahead_or_of_a_strange_host_changes_nothing(void **state)
{
	struct core_world world;
	uint8_t data[64];

	(void)state;
	struct puppet *puppet = meet(&world, NULL);
	struct shoal_msg_batch batch = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .instance = talk_salt(&world, 0),
	        .first = 1,
	        .entries = talk_entries(data, sizeof data, 0, 1)};
	assert_true(hand_in(&world, puppet, batch)->next == 2);
	struct shoal_msg_batch bad = batch;
	bad.first = UINT64_C(1) << 62;
	world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_BATCH, &bad);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 1);
	static struct parcel parcel;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_BATCH, &bad);
	parcel_end(&parcel);
	world_request(&world, 0, &puppet->addr, 77, &parcel);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 2);
	struct shoal_addr strange = puppet->addr;
	strange.ip[14]++;
	bad.first = 2;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_BATCH, &bad);
	parcel_end(&parcel);
	world_step(&world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_STREAM,
	                .from = strange,
	                .data = parcel.data,
	                .len = parcel.writer.len});
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 3);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1);
	batch.first = 2;
	assert_true(hand_in(&world, puppet, batch)->next == 3);
	world_done(&world);
}

/* Its receipt was lost; it is forgotten or replaced here, and comes back. */
static void
what_was_taken_of_an_instance_that_comes_back_is_not_taken_again(void **state)
{
	(void)state;
	for (int replaced = 0; replaced < 2; replaced++) {
		struct core_world world;
		uint8_t data[256];
		struct puppet *puppet = meet(&world, NULL);
		struct shoal_msg_batch batch = {.id = puppet->id,
		        .salt = puppet_salt(puppet),
		        .instance = talk_salt(&world, 0),
		        .first = 5,
		        .entries = talk_entries(data, sizeof data, 0, 3)};
		struct shoal_msg_user user = {.id = puppet->id,
		        .salt = puppet_salt(puppet),
		        .instance = talk_salt(&world, 0),
		        .number = 70,
		        .entries = batch.entries};

		assert_true(hand_in(&world, puppet, batch)->next == 8);
		world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &user);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 6);
		if (replaced) {
			struct shoal_salt first = puppet->salt;
			for (int i = 0; i < 2; i++) {
				puppet->salt = i == 0 ? (struct shoal_salt){{9, 9, 9}} : first;
				puppet->incarnation += UINT64_C(1) << 32;
				struct shoal_msg_member m =
				        puppet_member(puppet, SHOAL_STATE_ALIVE);
				world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &m);
				world_run(&world, SHOAL_SEC(1));
			}
		} else {
			shoal_members_remove(world_core(&world, 0),
			        shoal_members_find(world_core(&world, 0), &puppet->id));
			struct shoal_msg_member m = puppet_member(puppet, SHOAL_STATE_ALIVE);
			world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &m);
			world_run(&world, SHOAL_SEC(1));
		}
		assert_true(hand_in(&world, puppet, batch)->next == 8);
		world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &user);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 6);
		user.number++;
		world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_USER, &user);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 9);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_member_says_of_numbers_counts_for_nobody_else),
	        cmocka_unit_test(
	                a_receipt_of_another_instance_or_for_what_was_not_sent_counts_nothing),
	        cmocka_unit_test(
	                where_a_member_expects_numbers_that_it_was_not_sent_what_follows_begins_with_those),
	        cmocka_unit_test(
	                a_batch_of_a_stranger_or_for_another_instance_is_refused_with_a_code),
	        cmocka_unit_test(
	                a_batch_in_a_datagram_or_far_ahead_or_of_a_strange_host_changes_nothing),
	        cmocka_unit_test(what_was_taken_of_an_instance_that_comes_back_is_not_taken_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
