/* SPDX-License-Identifier: MIT */
/* Members that cannot be dialled: how one finds out, and how it is reached by the links that it
 * opens. */
#include "core_watch_world.h"

#include <stdlib.h>

#include "core/detect/order.h"
#include "core/node.h"

#define LINK 77 /* towards the host */

static int
open_link(struct core_world *world, const struct puppet *watcher, const struct shoal_addr *from,
        uint64_t salt, uint64_t link)
{
	struct parcel *parcel = calloc(1, sizeof *parcel);
	struct shoal_core_member self;
	struct shoal_msg_watch message = {
	        .id = watcher->id, .salt = salt, .target = world_id(world, 0)};

	assert_non_null(parcel);
	assert_true(world_holds(world, 0, &message.target, &self));
	message.instance = shoal_salt_short(&self.salt);
	parcel_begin(parcel, world->label);
	parcel_add(parcel, SHOAL_MESSAGE_WATCH, &message);
	parcel_end(parcel);
	int rc = world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_WATCHED,
	                .from = *from,
	                .exchange = link,
	                .data = parcel->data,
	                .len = parcel->writer.len});
	free(parcel);
	return rc;
}

/* Of a puppet from where it is. */
static void
link_of(struct core_world *world, const struct puppet *watcher, uint64_t link)
{
	struct shoal_addr from = watcher->addr;

	from.port = 50000; /* the kernel's choice */
	assert_int_equal(open_link(world, watcher, &from, puppet_salt(watcher), link), 0);
}

static void
end_link(struct core_world *world, uint64_t link)
{
	assert_int_equal(
	        world_step(world, 0,
	                (struct shoal_input){.kind = SHOAL_INPUT_UNWATCHED, .exchange = link}),
	        0);
}

static enum shoal_diagnosis
diagnosis(const struct core_world *world, const struct shoal_id *id)
{
	struct shoal_core_member member;

	assert_true(world_holds(world, 0, id, &member));
	return member.diagnosis;
}

static bool
finds_itself_walled(const struct core_world *world)
{
	struct shoal_id self = world_id(world, 0);

	return diagnosis(world, &self) == SHOAL_DIAGNOSIS_INBOUND_ONLY;
}

/* The puppet says of itself that it cannot be dialled, or that it can. */
static void
say(struct core_world *world, struct puppet *puppet, bool full, bool inbound)
{
	puppet->incarnation++;
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	struct shoal_msg_state state = puppet_state(puppet, SHOAL_STATE_ALIVE);
	member.marks = state.marks = inbound ? SHOAL_MARK_INBOUND : 0;
	assert_int_equal(full ? world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member)
	                      : world_tell(world, 0, puppet, SHOAL_MESSAGE_STATE, &state),
	        0);
}

/* Node 0 among puppets, the first of which cannot be dialled and keeps a link to it. */
static struct puppet *
set_up(struct core_world *world, size_t puppets)
{
	watch_begin(world, puppets);
	struct puppet *walled = &world->puppet[0];
	walled->answers = 0;
	link_of(world, walled, LINK);
	say(world, walled, true, true);
	assert_int_equal(diagnosis(world, &walled->id), SHOAL_DIAGNOSIS_INBOUND_ONLY);
	world_clear(world);
	return walled;
}

/* The next ping to it, down its link. */
static const struct world_packet *
next_ping(struct core_world *world, const struct puppet *to)
{
	const struct world_packet *packet =
	        world_await_sent(world, 0, &to->addr, SHOAL_MESSAGE_PING, SHOAL_SEC(20));

	assert_non_null(packet);
	return packet;
}

/* It was started again, and dials sooner than that is heard of. */
static void
the_link_of_a_later_instance_counts_once_that_is_known(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 4);
	struct puppet *walled = &world.puppet[0];
	uint32_t slot = shoal_members_find(world_core(&world, 0), &walled->id);
	walled->salt.bytes[0] ^= 1;
	link_of(&world, walled, LINK);
	assert_true(shoal_inbound_link(world_core(&world, 0), slot) == 0);
	walled->incarnation += UINT64_C(1) << 32;
	say(&world, walled, true, true);
	assert_true(shoal_inbound_link(world_core(&world, 0), slot) == LINK);
	world_done(&world);
}

static void
who_has_links_and_no_watcher_says_that_it_cannot_be_dialled(void **state)
{
	struct core_world world;
	struct shoal_core_member before, after;
	uint64_t number;

	(void)state;
	watch_begin(&world, 6);
	struct shoal_id self = world_id(&world, 0);
	watch_link_all(&world, &number);
	assert_true(world_holds(&world, 0, &self, &before));
	world_run(&world, SHOAL_SEC(7));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CHECK), 0);
	world_run(&world, SHOAL_SEC(6)); /* others are asked to connect three times */
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CHECK), 6);
	assert_false(finds_itself_walled(&world));
	world_run(&world, SHOAL_SEC(2));
	assert_true(finds_itself_walled(&world));
	assert_true(world_holds(&world, 0, &self, &after));
	assert_true(after.incarnation == before.incarnation + 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_INBOUND_ONLY), 1);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_STATE);
	assert_non_null(packet);
	assert_int_equal(packet_has(packet, SHOAL_MESSAGE_STATE)->state.marks, 1);
	/* The first link that gets through takes it back. */
	link_of(&world, &world.puppet[0], 1);
	assert_false(finds_itself_walled(&world));
	assert_true(world_holds(&world, 0, &self, &after));
	assert_true(after.incarnation == before.incarnation + 2);
	world_done(&world);
}

static void
who_is_watched_or_has_no_link_says_nothing_of_the_kind(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 6);
	link_of(&world, &world.puppet[0], 1);
	watch_link_all(&world, &number);
	world_run(&world, SHOAL_SEC(300));
	assert_false(finds_itself_walled(&world));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		const union shoal_wire_message *said = packet_has(packet, SHOAL_MESSAGE_STATE);
		assert_true(said == NULL || said->state.marks == 0);
		assert_int_not_equal(packet->kind, SHOAL_SEND_TELL);
	}
	world_done(&world);

	watch_begin(&world, 6); /* nobody answers its own */
	world_run(&world, SHOAL_SEC(300));
	assert_false(finds_itself_walled(&world));
	world_done(&world);
}

/* A ping on a connection of the first puppet. */
static void
dial(struct core_world *world, uint64_t exchange)
{
	static struct parcel parcel;
	struct shoal_msg_ping ping = {.seq = exchange,
	        .id = world->puppet[0].id,
	        .salt = puppet_salt(&world->puppet[0]),
	        .target = world_id(world, 0)};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_end(&parcel);
	assert_int_equal(world_request(world, 0, &world->puppet[0].addr, exchange, &parcel), 0);
}

/* Those before it in the ring have no links to anybody: in a cluster of mixed hosts. */
static void
who_is_dialled_when_it_asks_for_that_is_not_walled(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 6);
	watch_link_all(&world, &number);
	world_run(&world, SHOAL_SEC(11));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CHECK), 4);
	dial(&world, 9);
	world_clear(&world);
	world_run(&world, SHOAL_SEC(89));
	assert_false(finds_itself_walled(&world));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CHECK), 0);
	/* Nobody watches it still. */
	world_run(&world, SHOAL_SEC(20));
	assert_true(finds_itself_walled(&world));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CHECK), 6);
	/* As long as that lasts it asks again, and who gets through takes it back. */
	world_clear(&world);
	world_run(&world, SHOAL_SEC(605));
	assert_in_range(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CHECK), 2, 6);
	dial(&world, 10);
	assert_false(finds_itself_walled(&world));
	world_done(&world);
}

static void
who_was_watched_before_waits_until_all_have_dialled_again(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 6);
	link_of(&world, &world.puppet[0], 1);
	watch_link_all(&world, &number);
	world_run(&world, SHOAL_SEC(60));
	end_link(&world, 1);
	world_run(&world, SHOAL_SEC(95));
	assert_false(finds_itself_walled(&world));
	world_run(&world, SHOAL_SEC(2));
	assert_true(finds_itself_walled(&world));
	world_done(&world);
}

static void
what_a_member_says_of_it_is_shown_and_told_on_in_either_form(void **state)
{
	(void)state;
	for (unsigned full = 0; full < 2; full++) {
		struct core_world world;

		watch_begin(&world, 3);
		struct puppet *puppet = &world.puppet[0];
		world_run(&world, SHOAL_SEC(30)); /* that it came is no news any more */
		world_clear(&world);
		say(&world, puppet, full, true);
		assert_int_equal(diagnosis(&world, &puppet->id), SHOAL_DIAGNOSIS_INBOUND_ONLY);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 1);
		world_run(&world, SHOAL_SEC(1));
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_STATE);
		assert_non_null(packet);
		assert_int_equal(packet_has(packet, SHOAL_MESSAGE_STATE)->state.marks, 1);
		say(&world, puppet, full, true);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 1);
		say(&world, puppet, full, false);
		assert_int_equal(diagnosis(&world, &puppet->id), SHOAL_DIAGNOSIS_NONE);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 2);
		world_done(&world);
	}
}

static void
it_is_pinged_down_its_link_and_answers_in_a_datagram(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world, 4);
	for (unsigned i = 0; i < 5; i++) {
		const struct world_packet *packet = next_ping(&world, walled);
		struct shoal_msg_ack ack = {.seq = packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq,
		        .id = walled->id,
		        .salt = puppet_salt(walled)};
		assert_int_equal(packet->kind, SHOAL_SEND_TELL);
		assert_int_equal(packet->exchange, LINK);
		uint64_t acked = world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED);
		struct shoal_addr elsewhere = world.puppet[1].addr;
		world_send(&world, 0, &elsewhere, SHOAL_MESSAGE_ACK, &ack);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED), acked);
		world_send(&world, 0, &walled->addr, SHOAL_MESSAGE_ACK, &ack);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED), acked + 1);
		world_forget_sent(&world);
	}
	assert_int_equal(world_state(&world, 0, &walled->id), SHOAL_STATE_ALIVE);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_LINK_PINGS) >= 5);
	world_done(&world);
}

static void
nothing_is_dialled_to_it_and_unanswered_it_is_accused(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world, 4);
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(20)));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		if (packet->to.port == walled->addr.port &&
		        memcmp(packet->to.ip, walled->addr.ip, 16) == 0) {
			assert_int_not_equal(packet->kind, SHOAL_SEND_REQUEST);
			assert_int_not_equal(packet->kind, SHOAL_SEND_DATAGRAM);
		}
	}
	/* It hears of that by its link. */
	bool told = false;
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		told = told || (packet->kind == SHOAL_SEND_TELL &&
		                       packet_state_of(packet, &walled->id) == SHOAL_STATE_SUSPECT);
	}
	assert_true(told);
	world_done(&world);
}

static void
a_link_of_a_stranger_in_its_name_is_not_used_and_takes_no_place(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world, 4);
	struct puppet *other = &world.puppet[1];
	assert_int_equal(open_link(&world, walled, &other->addr, puppet_salt(walled), 5), 0);
	assert_int_equal(open_link(&world, walled, &walled->addr, puppet_salt(walled) + 1, 6), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 2);
	assert_int_equal(next_ping(&world, walled)->exchange, LINK);
	/* A new one of its own does. */
	link_of(&world, walled, 7);
	world_forget_sent(&world);
	assert_int_equal(next_ping(&world, walled)->exchange, 7);
	/* And where it has none, a stranger's is none. */
	end_link(&world, 7);
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(open_link(&world, walled, &other->addr, puppet_salt(walled), 8), 0);
	world_forget_sent(&world);
	assert_int_equal(next_ping(&world, walled)->kind, SHOAL_SEND_DATAGRAM);
	world_done(&world);
}

static void
its_anchors_are_asked_first_and_it_is_asked_for_nobody(void **state)
{
	struct core_world world;
	uint32_t slot, relays[3];

	(void)state;
	struct puppet *walled = set_up(&world, 40);
	struct shoal_core *core = world_core(&world, 0);
	slot = shoal_members_find(core, &walled->id);
	for (unsigned round = 0; round < 20; round++) {
		uint32_t at = slot;
		assert_int_equal(shoal_inbound_relays(core, slot, 3, relays), 3);
		for (uint32_t i = 0; i < 3; i++) {
			at = shoal_tree_next(core, at);
			if (at != SHOAL_SELF) {
				bool asked = relays[0] == at || relays[1] == at || relays[2] == at;
				assert_true(asked);
			}
		}
		assert_int_equal(shoal_order_sample(core, SHOAL_NONE, 3, relays), 3);
		assert_true(relays[0] != slot && relays[1] != slot && relays[2] != slot);
	}
	world_done(&world);
}

static void
the_end_of_its_link_brings_a_probe_forward(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world, 30);
	end_link(&world, LINK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 1);
	assert_non_null(world_sent(&world, NULL, 0, &walled->addr, SHOAL_MESSAGE_PING));
	world_done(&world);
}

static void
it_is_not_walked_with_unasked(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *walled = set_up(&world, 2);
	world_run(&world, SHOAL_SEC(200));
	assert_int_equal(world_count_sent(&world, 0, &walled->addr, SHOAL_MESSAGE_SYNC), 0);
	assert_true(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_SYNC) > 0);
	world_done(&world);
}

static void
one_such_member_leaves_another_to_those_who_can_be_dialled(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	for (unsigned others = 0; others < 2; others++) {
		watch_begin(&world, 2);
		struct puppet *walled = &world.puppet[0], *other = &world.puppet[1];
		watch_link_all(&world, &number);
		world_run(&world, SHOAL_SEC(15));
		assert_true(finds_itself_walled(&world));
		say(&world, walled, true, true);
		if (others == 0) {
			say(&world, other, true, true);
		}
		walled->answers = 0;
		world_clear(&world);
		world_run(&world, SHOAL_SEC(20));
		size_t accused = world_count_events(&world, 0, SHOAL_EVENT_SUSPECT);
		assert_int_equal(accused, others == 0);
		world_done(&world);
	}
}

static void
before_that_is_known_it_is_asked_both_ways(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 4);
	struct puppet *walled = &world.puppet[0];
	walled->answers = 0;
	link_of(&world, walled, LINK);
	world_clear(&world);
	const struct world_packet *packet = next_ping(&world, walled);
	assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	world_run(&world, SHOAL_MS(600));
	while (packet != NULL && packet->kind != SHOAL_SEND_TELL) {
		packet = world_sent(&world, packet, 0, &walled->addr, SHOAL_MESSAGE_PING);
	}
	assert_non_null(packet);
	assert_int_equal(packet->exchange, LINK);
	world_done(&world);
}

/* A link that comes up while others wait for an answer of its member. */
static void
who_waits_for_it_asks_again_when_its_link_comes_up(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 4);
	struct puppet *walled = &world.puppet[0], *origin = &world.puppet[1];
	walled->answers = 0;
	struct shoal_msg_relay relay = {.seq = UINT64_C(0x8877665544332211),
	        .id = origin->id,
	        .salt = puppet_salt(origin),
	        .target = walled->id,
	        .budget_ms = 900};
	world_clear(&world);
	assert_int_equal(world_tell(&world, 0, origin, SHOAL_MESSAGE_RELAY, &relay), 0);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &walled->addr, SHOAL_MESSAGE_PING);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	world_clear(&world);
	link_of(&world, walled, LINK);
	packet = world_sent(&world, NULL, 0, &walled->addr, SHOAL_MESSAGE_PING);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_TELL);
	struct shoal_msg_ack ack = {.seq = packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq,
	        .id = walled->id,
	        .salt = puppet_salt(walled)};
	world_send(&world, 0, &walled->addr, SHOAL_MESSAGE_ACK, &ack);
	packet = world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_ACK);
	assert_non_null(packet);
	assert_true(packet_has(packet, SHOAL_MESSAGE_ACK)->ack.seq == relay.seq);
	world_done(&world);
}

static void
accused_it_makes_its_links_anew(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 3);
	struct puppet *watched = watch_link_all(&world, &number);
	world_run(&world, SHOAL_SEC(15));
	assert_true(finds_itself_walled(&world));
	world_forget_sent(&world);
	struct shoal_core_member self;
	struct shoal_id id = world_id(&world, 0);
	assert_true(world_holds(&world, 0, &id, &self));
	struct shoal_msg_state accused = {.id = id,
	        .salt = shoal_salt_short(&self.salt),
	        .incarnation = self.incarnation,
	        .state = SHOAL_STATE_SUSPECT,
	        .marks = SHOAL_MARK_INBOUND};
	assert_int_equal(world_tell(&world, 0, watched, SHOAL_MESSAGE_STATE, &accused), 0);
	assert_non_null(watch_dialled(&world, watched));
	assert_true(finds_itself_walled(&world));
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_link_of_a_later_instance_counts_once_that_is_known),
	        cmocka_unit_test(who_has_links_and_no_watcher_says_that_it_cannot_be_dialled),
	        cmocka_unit_test(who_is_watched_or_has_no_link_says_nothing_of_the_kind),
	        cmocka_unit_test(who_is_dialled_when_it_asks_for_that_is_not_walled),
	        cmocka_unit_test(who_was_watched_before_waits_until_all_have_dialled_again),
	        cmocka_unit_test(what_a_member_says_of_it_is_shown_and_told_on_in_either_form),
	        cmocka_unit_test(it_is_pinged_down_its_link_and_answers_in_a_datagram),
	        cmocka_unit_test(nothing_is_dialled_to_it_and_unanswered_it_is_accused),
	        cmocka_unit_test(a_link_of_a_stranger_in_its_name_is_not_used_and_takes_no_place),
	        cmocka_unit_test(its_anchors_are_asked_first_and_it_is_asked_for_nobody),
	        cmocka_unit_test(the_end_of_its_link_brings_a_probe_forward),
	        cmocka_unit_test(it_is_not_walked_with_unasked),
	        cmocka_unit_test(one_such_member_leaves_another_to_those_who_can_be_dialled),
	        cmocka_unit_test(before_that_is_known_it_is_asked_both_ways),
	        cmocka_unit_test(who_waits_for_it_asks_again_when_its_link_comes_up),
	        cmocka_unit_test(accused_it_makes_its_links_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
