/* SPDX-License-Identifier: MIT */
/* Messages to a member that cannot be dialled: they go down the link that it keeps, and its receipt
 * comes by itself. */
#include "core_talk_world.h"

#include "core_watch_world.h"

#define LINK 77 /* towards the host */

static void
link_up(struct core_world *world, const struct puppet *walled)
{
	static struct parcel parcel;

	struct shoal_msg_watch watch = {.id = walled->id,
	        .salt = puppet_salt(walled),
	        .target = world_id(world, 0),
	        .instance = talk_salt(world, 0)};
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_WATCH, &watch);
	parcel_end(&parcel);
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_WATCHED,
	                                 .from = walled->addr,
	                                 .exchange = LINK,
	                                 .data = parcel.data,
	                                 .len = parcel.writer.len}),
	        0);
}

static void
link_down(struct core_world *world)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_UNWATCHED, .exchange = LINK};

	assert_int_equal(world_step(world, 0, input), 0);
}

/* It says of itself that it cannot be dialled. */
static void
wall_off(struct core_world *world, struct puppet *puppet)
{
	puppet->incarnation++;
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	member.marks = SHOAL_MARK_INBOUND;
	assert_int_equal(world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member), 0);
}

/* The first puppet keeps a link to node 0 and says that it cannot be dialled. */
static struct puppet *
set_up(struct core_world *world)
{
	watch_begin(world, 4);
	struct puppet *walled = &world->puppet[0];
	walled->answers = 0;
	link_up(world, walled);
	wall_off(world, walled);
	world_clear(world);
	return walled;
}

static const struct world_packet *
told(struct core_world *world, unsigned kind)
{
	const struct world_packet *packet = world_sent(world, NULL, 0, NULL, kind);

	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_TELL);
	assert_true(packet->exchange == LINK);
	return packet;
}

static void
both_kinds_of_messages_go_down_the_link(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world);
	assert_int_equal(talk_say(&world, 0, &walled->id, 0, 0, "once"), SHOAL_OK);
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 2, "sure"), SHOAL_OK);
	told(&world, SHOAL_MESSAGE_USER);
	const struct world_packet *packet = told(&world, SHOAL_MESSAGE_BATCH);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH), 1);
	struct shoal_msg_receipt receipt = {.id = walled->id,
	        .salt = puppet_salt(walled),
	        .instance = talk_salt(&world, 0),
	        .seq = packet_has(packet, SHOAL_MESSAGE_BATCH)->batch.seq,
	        .next = packet_has(packet, SHOAL_MESSAGE_BATCH)->batch.first + 1};
	world_send(&world, 0, &walled->addr, SHOAL_MESSAGE_RECEIPT, &receipt);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH), 2);
	const struct world_packet *second =
	        world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_BATCH);
	receipt.seq = packet_has(second, SHOAL_MESSAGE_BATCH)->batch.seq;
	receipt.next++;
	world_send(&world, 0, &walled->addr, SHOAL_MESSAGE_RECEIPT, &receipt);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 2);
	world_done(&world);
}

static void
without_a_receipt_they_are_told_again_after_a_pause_that_doubles(void **state)
{
	struct core_world world;
	uint64_t pause = 0;

	(void)state;
	struct puppet *walled = set_up(&world);
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	for (size_t i = 0; i < 2; i++) {
		uint64_t at = world.now;
		world_forget_sent(&world);
		const struct world_packet *packet = world_await_sent(
		        &world, 0, &walled->addr, SHOAL_MESSAGE_BATCH, SHOAL_SEC(5));
		assert_non_null(packet);
		assert_int_equal(packet->kind, SHOAL_SEND_TELL);
		assert_true(world.now - at > pause);
		pause = world.now - at;
	}
	world_done(&world);
}

/* It keeps its links to others. */
static void
to_one_that_this_one_has_no_way_to_they_end_after_some_tries(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world);
	walled->answers = PUPPET_DATAGRAMS; /* through others */
	link_down(&world);
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	const struct world_packet *packet =
	        world_await_sent(&world, 0, &walled->addr, SHOAL_MESSAGE_BATCH, SHOAL_SEC(1));
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
	world_forget_sent(&world);
	/* It was dialled once; its link might come back. */
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 0);
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_SENT, SHOAL_SEC(8));
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_WALLED);
	assert_int_equal(world_count_sent(&world, 0, &walled->addr, SHOAL_MESSAGE_BATCH), 0);
	assert_int_equal(world_state(&world, 0, &walled->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

/* Its links are renewed now and then, and each time it is without one for a moment. */
static void
one_end_for_want_of_a_link_is_not_that_of_those_said_later(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world);
	walled->answers = PUPPET_DATAGRAMS;
	link_down(&world);
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_SENT, SHOAL_SEC(10));
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_WALLED);
	for (int linked = 0; linked < 2; linked++) {
		if (linked) {
			link_up(&world, walled);
		}
		world_run(&world, SHOAL_SEC(60));
		if (linked) {
			link_down(&world);
		}
		world_clear(&world);
		assert_int_equal(
		        talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 2, "sure"), SHOAL_OK);
		world_run(&world, SHOAL_MS(2500));
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 0);
		world_forget_sent(&world);
		link_up(&world, walled);
		const struct world_packet *packet = told(&world, SHOAL_MESSAGE_BATCH);
		struct shoal_msg_receipt receipt = {.id = walled->id,
		        .salt = puppet_salt(walled),
		        .instance = talk_salt(&world, 0),
		        .seq = packet_has(packet, SHOAL_MESSAGE_BATCH)->batch.seq,
		        .next = packet_has(packet, SHOAL_MESSAGE_BATCH)->batch.first + 1};
		world_send(&world, 0, &walled->addr, SHOAL_MESSAGE_RECEIPT, &receipt);
		event = world_event(&world, 0, SHOAL_EVENT_SENT, NULL, 0);
		assert_non_null(event);
		assert_int_equal(event->code, SHOAL_OK);
		link_down(&world);
	}
	world_done(&world);
}

/* Ends walled, not before the anchors were asked several times for a link. */
static void
ends_after_its_link_had_time(struct core_world *world)
{
	uint64_t at = world->now;
	uint64_t calls = world_counter(world, 0, SHOAL_COUNTER_CALLS);

	world_run(world, SHOAL_MS(2200));
	assert_int_equal(world_count_events(world, 0, SHOAL_EVENT_SENT), 0);
	assert_true(world_counter(world, 0, SHOAL_COUNTER_CALLS) >= calls + 3);
	const struct shoal_event *event = world_await(world, 0, SHOAL_EVENT_SENT, SHOAL_SEC(8));
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_WALLED);
	assert_true(world->now - at < SHOAL_SEC(9));
	world_clear(world);
}

static void
what_failed_down_the_link_is_not_held_against_the_next_link(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world);
	walled->answers = PUPPET_DATAGRAMS;
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(150));
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_BATCHES_FAILED) > 6);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS), 0);
	link_down(&world);
	/* At once, though the next try down the link was far. */
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS), 1);
	ends_after_its_link_had_time(&world);
	/* Nor is that against the message after it. */
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 2, "sure"), SHOAL_OK);
	ends_after_its_link_had_time(&world);
	world_done(&world);
}

/* It is found out that it cannot be dialled, by dialling it. */
static void
what_was_dialled_in_vain_before_leaves_a_link_its_time(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 4);
	struct puppet *walled = &world.puppet[0];
	walled->answers = PUPPET_DATAGRAMS | PUPPET_REFUSES;
	assert_int_equal(talk_say(&world, 0, &walled->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(10));
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_BATCHES_FAILED) > 6);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 0);
	world_await_sent(&world, 0, &walled->addr, SHOAL_MESSAGE_BATCH, SHOAL_SEC(5));
	wall_off(&world, walled);
	assert_non_null(world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_CALL, SHOAL_SEC(3)));
	ends_after_its_link_had_time(&world);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(both_kinds_of_messages_go_down_the_link),
	        cmocka_unit_test(one_end_for_want_of_a_link_is_not_that_of_those_said_later),
	        cmocka_unit_test(to_one_that_this_one_has_no_way_to_they_end_after_some_tries),
	        cmocka_unit_test(what_failed_down_the_link_is_not_held_against_the_next_link),
	        cmocka_unit_test(what_was_dialled_in_vain_before_leaves_a_link_its_time),
	        cmocka_unit_test(without_a_receipt_they_are_told_again_after_a_pause_that_doubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
