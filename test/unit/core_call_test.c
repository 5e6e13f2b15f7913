/* SPDX-License-Identifier: MIT */
/* Links on request: who asks for one, and what it does with it. */
#include "core_call_world.h"

static struct puppet *
puppet_in(struct core_world *world, uint32_t slot)
{
	for (size_t i = 0; i < world->puppets; i++) {
		if (slot_of(world, &world->puppet[i]) == slot) {
			return &world->puppet[i];
		}
	}
	return NULL;
}

/* Node 0 among puppets, one of which cannot be dialled and has its links to three others. */
static struct puppet *
set_up(struct core_world *world, struct puppet *anchor[3])
{
	uint32_t slot[SHOAL_ANCHORS_MAX];

	watch_begin(world, CROWD);
	for (size_t i = 0; i < CROWD; i++) {
		struct puppet *walled = &world->puppet[i];
		if (shoal_inbound_anchors(world_core(world, 0), slot_of(world, walled), slot) < 3) {
			continue; /* node 0 is one of them */
		}
		wall_off(world, walled);
		for (size_t k = 0; k < 3; k++) {
			anchor[k] = puppet_in(world, slot[k]);
		}
		walled->answers = PUPPET_DATAGRAMS; /* through others */
		world_clear(world);
		return walled;
	}
	fail();
	return NULL;
}

/* What the last link that was opened was told. */
static int
answer_to(const struct core_world *world, uint64_t link)
{
	const struct world_packet *packet = NULL;
	int code = 1;

	while ((packet = world_sent(world, packet, 0, NULL, SHOAL_MESSAGE_ANSWER)) != NULL) {
		if (packet->exchange == link) {
			code = -(int)packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.code;
		}
	}
	return code;
}

static size_t
dropped(const struct core_world *world, uint64_t link)
{
	size_t count = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		count += packet->kind == SHOAL_SEND_DROP && packet->exchange == link;
	}
	return count;
}

static void
say(struct core_world *world, const struct puppet *to, uint64_t token)
{
	assert_int_equal(talk_say(world, 0, &to->id, SHOAL_RELIABLE, token, "sure"), SHOAL_OK);
}

static void
its_anchors_are_asked_in_turn_and_the_link_is_used_at_once(void **state)
{
	struct core_world world;
	struct puppet *anchor[3];

	(void)state;
	struct puppet *walled = set_up(&world, anchor);
	say(&world, walled, 1);
	for (size_t i = 0; i < 4; i++) {
		const struct world_packet *packet = world_await_sent(
		        &world, 0, &anchor[i % 3]->addr, SHOAL_MESSAGE_CALL, SHOAL_SEC(3));
		assert_non_null(packet);
		assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
		const struct shoal_msg_call *call = &packet_has(packet, SHOAL_MESSAGE_CALL)->call;
		assert_int_equal(shoal_id_compare(&call->target, &walled->id), 0);
		assert_true(call->instance == puppet_salt(walled));
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CALL), 1);
		world_forget_sent(&world);
	}
	open_link(&world, walled, &walled->addr, true, LINK);
	assert_int_equal(answer_to(&world, LINK), 0);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_BATCH);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_TELL);
	assert_true(packet->exchange == LINK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS), 4);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS_UP), 1);
	assert_true(shoal_core_link(world_core(&world, 0), slot_of(&world, walled), NULL) == LINK);
	world_done(&world);
}

/* A dial that hangs holds nothing up. */
static void
while_it_is_dialled_in_vain_the_link_comes(void **state)
{
	struct core_world world;
	struct puppet *anchor[3];

	(void)state;
	struct puppet *walled = set_up(&world, anchor);
	walled->answers = 0;
	say(&world, walled, 1);
	const struct world_packet *dial =
	        world_sent(&world, NULL, 0, &walled->addr, SHOAL_MESSAGE_BATCH);
	assert_non_null(dial);
	assert_int_equal(dial->kind, SHOAL_SEND_REQUEST);
	open_link(&world, walled, &walled->addr, true, LINK);
	const struct world_packet *told = world_sent(&world, dial, 0, NULL, SHOAL_MESSAGE_BATCH);
	assert_non_null(told);
	assert_int_equal(told->kind, SHOAL_SEND_TELL);
	/* Its end is no failure of what went down the link. */
	assert_int_equal(world_answer(&world, dial, SHOAL_ERR_TIMEOUT, 0, NULL), 0);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_BATCH), 2);
	struct shoal_msg_receipt receipt = {.id = walled->id,
	        .salt = puppet_salt(walled),
	        .instance = talk_salt(&world, 0),
	        .seq = packet_has(told, SHOAL_MESSAGE_BATCH)->batch.seq,
	        .next = packet_has(told, SHOAL_MESSAGE_BATCH)->batch.first + 1};
	world_send(&world, 0, &walled->addr, SHOAL_MESSAGE_RECEIPT, &receipt);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_SENT, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_OK);
	world_done(&world);
}

static void
where_no_link_comes_what_was_said_ends_and_few_were_asked(void **state)
{
	struct core_world world;
	struct puppet *anchor[3];

	(void)state;
	struct puppet *walled = set_up(&world, anchor);
	say(&world, walled, 1);
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_SENT, SHOAL_SEC(9));
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_WALLED);
	world_run(&world, SHOAL_SEC(30));
	assert_in_range(world_counter(&world, 0, SHOAL_COUNTER_CALLS), 3, 10);
	world_done(&world);
}

static void
a_link_that_nobody_asked_for_or_from_elsewhere_is_refused(void **state)
{
	struct core_world world;
	struct puppet *anchor[3];

	(void)state;
	struct puppet *walled = set_up(&world, anchor);
	open_link(&world, walled, &walled->addr, true, LINK);
	assert_int_equal(answer_to(&world, LINK), SHOAL_ERR_REJECTED);
	assert_int_equal(dropped(&world, LINK), 1);
	say(&world, walled, 1);
	open_link(&world, walled, &anchor[0]->addr, true, LINK + 1);
	assert_int_equal(answer_to(&world, LINK + 1), SHOAL_ERR_REJECTED);
	assert_int_equal(dropped(&world, LINK + 1), 1);
	assert_true(shoal_core_link(world_core(&world, 0), slot_of(&world, walled), NULL) == 0);
	/* Nor does a watch link from elsewhere take the place of the one that is asked for. */
	open_link(&world, walled, &anchor[0]->addr, false, LINK + 2);
	assert_int_equal(answer_to(&world, LINK + 2), 0);
	assert_int_equal(world_core(&world, 0)->calls.wanted.count, 1);
	open_link(&world, walled, &walled->addr, false, LINK + 3);
	assert_int_equal(world_core(&world, 0)->calls.wanted.count, 0);
	world_done(&world);
}

/* By who asked. */
static void
a_link_that_was_asked_for_ends_when_nothing_was_said_for_long(void **state)
{
	struct core_world world;
	struct puppet *anchor[3];
	struct shoal_profile profile;

	(void)state;
	(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
	struct puppet *walled = set_up(&world, anchor);
	say(&world, walled, 1);
	open_link(&world, walled, &walled->addr, true, LINK);
	world_run(&world, SHOAL_MS(profile.link_idle_ms) / 2);
	assert_int_equal(
	        talk_say(&world, 0, &walled->id, 0, 0, "once"), SHOAL_OK); /* it is used again */
	world_forget_sent(&world);
	/* The reliable one is told again as long as nobody confirms it. */
	struct shoal_peer *peer = shoal_peer_find(world_core(&world, 0), slot_of(&world, walled));
	shoal_peer_lost(world_core(&world, 0), peer->slot);
	world_run(&world, SHOAL_MS(profile.link_idle_ms) - SHOAL_SEC(1));
	assert_int_equal(dropped(&world, LINK), 0);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(dropped(&world, LINK), 1);
	assert_true(shoal_core_link(world_core(&world, 0), slot_of(&world, walled), NULL) == 0);
	world_done(&world);
}

static void
what_fits_no_datagram_waits_for_the_link(void **state)
{
	static uint8_t large[20000];
	struct core_world world;
	struct puppet *anchor[3];
	uint64_t waits;

	(void)state;
	for (int comes = 0; comes < 2; comes++) {
		struct puppet *walled = set_up(&world, anchor);
		const struct shoal_core *core = world_core(&world, 0);
		uint32_t slot = slot_of(&world, walled);
		assert_int_equal(talk_say(&world, 0, &walled->id, 0, 0, "small"), SHOAL_OK);
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_USER), 1);
		for (int i = 0; i < 2; i++) {
			struct shoal_input input =
			        talk_input(&walled->id, 0, 0, large, sizeof large);
			assert_int_equal(world_step(&world, 0, input), SHOAL_OK);
		}
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_USER), 1);
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CALL), 1);
		assert_int_equal(shoal_core_link(core, slot, &waits), 0);
		assert_in_range(waits, 2 * sizeof large, 2 * sizeof large + 100);
		if (comes) {
			open_link(&world, walled, &walled->addr, true, LINK);
			const struct world_packet *packet =
			        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_USER);
			packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_USER);
			assert_non_null(packet);
			assert_int_equal(packet->kind, SHOAL_SEND_TELL);
			assert_true(packet->exchange == LINK);
		} else {
			world_run(&world, SHOAL_SEC(10));
			assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_USER), 1);
		}
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_DROP_UNSENT), comes ? 0 : 2);
		(void)shoal_core_link(core, slot, &waits);
		assert_true(waits == 0);
		world_done(&world);
	}
}

static void
what_waits_for_a_link_goes_as_ever_to_one_that_can_be_dialled_again(void **state)
{
	static uint8_t large[20000];
	struct core_world world;
	struct puppet *anchor[3];

	(void)state;
	struct puppet *walled = set_up(&world, anchor);
	struct shoal_input input = talk_input(&walled->id, 0, 0, large, sizeof large);
	assert_int_equal(world_step(&world, 0, input), SHOAL_OK);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_USER), 0);
	walled->incarnation++;
	struct shoal_msg_member member = puppet_member(walled, SHOAL_STATE_ALIVE);
	assert_int_equal(world_tell(&world, 0, walled, SHOAL_MESSAGE_MEMBER, &member), 0);
	world_run(&world, SHOAL_SEC(1));
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &walled->addr, SHOAL_MESSAGE_USER);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_STREAM);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNSENT), 0);
	world_done(&world);
}

static void
a_link_that_is_up_gives_way_to_no_other(void **state)
{
	struct core_world world;
	struct puppet *anchor[3];

	(void)state;
	struct puppet *walled = set_up(&world, anchor);
	say(&world, walled, 1);
	open_link(&world, walled, &walled->addr, true, LINK);
	open_link(&world, walled, &walled->addr, true, LINK + 1);
	assert_int_equal(answer_to(&world, LINK + 1), SHOAL_ERR_REJECTED);
	assert_int_equal(dropped(&world, LINK + 1), 1);
	assert_int_equal(dropped(&world, LINK), 0);
	assert_true(shoal_core_link(world_core(&world, 0), slot_of(&world, walled), NULL) == LINK);
	world_done(&world);
}

static void
links_of_those_who_fall_out_of_the_list_end_for_who_asked(void **state)
{
	struct core_world world;
	struct puppet *anchor[3];

	(void)state;
	struct puppet *walled = set_up(&world, anchor);
	say(&world, walled, 1);
	open_link(&world, walled, &walled->addr, true, LINK);
	admit_self(&world);
	assert_int_equal(dropped(&world, LINK), 1);
	assert_int_equal(world_core(&world, 0)->calls.wanted.count, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(its_anchors_are_asked_in_turn_and_the_link_is_used_at_once),
	        cmocka_unit_test(while_it_is_dialled_in_vain_the_link_comes),
	        cmocka_unit_test(where_no_link_comes_what_was_said_ends_and_few_were_asked),
	        cmocka_unit_test(a_link_that_nobody_asked_for_or_from_elsewhere_is_refused),
	        cmocka_unit_test(a_link_that_was_asked_for_ends_when_nothing_was_said_for_long),
	        cmocka_unit_test(what_fits_no_datagram_waits_for_the_link),
	        cmocka_unit_test(
	                what_waits_for_a_link_goes_as_ever_to_one_that_can_be_dialled_again),
	        cmocka_unit_test(a_link_that_is_up_gives_way_to_no_other),
	        cmocka_unit_test(links_of_those_who_fall_out_of_the_list_end_for_who_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
