/* SPDX-License-Identifier: MIT */
/* Links on request: who asks for one, who passes that on, and who opens it. */
#include "core_talk_world.h"

#include "core_watch_world.h"

#define LINK   77 /* towards the host */
#define CROWD  12
#define CALLED SHOAL_CALLS_MAX

static uint32_t
slot_of(const struct core_world *world, const struct puppet *puppet)
{
	return shoal_members_find(world_core(world, 0), &puppet->id);
}

/* The puppet says of itself that it cannot be dialled. */
static void
wall_off(struct core_world *world, struct puppet *puppet)
{
	puppet->answers = 0;
	puppet->incarnation++;
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	member.marks = SHOAL_MARK_INBOUND;
	assert_int_equal(world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member), 0);
}

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

static void
open_link(struct core_world *world, const struct puppet *walled, const struct shoal_addr *from,
        bool asked, uint64_t link)
{
	static struct parcel parcel;
	struct shoal_msg_watch watch = {.id = walled->id,
	        .salt = puppet_salt(walled),
	        .target = world_id(world, 0),
	        .instance = talk_salt(world, 0),
	        .asked = asked};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_WATCH, &watch);
	parcel_end(&parcel);
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_WATCHED,
	                                 .from = *from,
	                                 .exchange = link,
	                                 .data = parcel.data,
	                                 .len = parcel.writer.len}),
	        0);
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
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_SENT, SHOAL_SEC(8));
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

static struct shoal_msg_call
call_of(const struct puppet *caller, const struct shoal_id *target, uint64_t instance)
{
	return (struct shoal_msg_call){.id = caller->id,
	        .salt = puppet_salt(caller),
	        .target = *target,
	        .instance = instance};
}

static size_t
passed(const struct core_world *world)
{
	return world_count_sent(world, 0, NULL, SHOAL_MESSAGE_CALL);
}

static void
an_anchor_passes_on_what_members_ask_down_the_link_and_no_more(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 4);
	struct puppet *walled = &world.puppet[0], *caller = &world.puppet[1];
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_call call = call_of(caller, &walled->id, puppet_salt(walled));
	open_link(&world, walled, &walled->addr, false, LINK);
	world_tell(&world, 0, caller, SHOAL_MESSAGE_CALL, &call); /* it can be dialled */
	assert_int_equal(passed(&world), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CALLS), 1);
	wall_off(&world, walled);
	world_clear(&world);
	/* One that is none, one from elsewhere, another instance. */
	uint64_t strangers = world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER);
	struct shoal_msg_call wrong = call_of(stranger, &walled->id, puppet_salt(walled));
	world_tell(&world, 0, stranger, SHOAL_MESSAGE_CALL, &wrong);
	world_send(&world, 0, &stranger->addr, SHOAL_MESSAGE_CALL, &call);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), strangers + 2);
	wrong = call_of(caller, &walled->id, 1);
	world_tell(&world, 0, caller, SHOAL_MESSAGE_CALL, &wrong);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MISDIRECTED), 1);
	assert_int_equal(passed(&world), 0);
	for (size_t i = 0; i < 100; i++) {
		world_tell(&world, 0, caller, SHOAL_MESSAGE_CALL, &call);
	}
	assert_int_equal(passed(&world), 32);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_CALL);
	assert_int_equal(packet->kind, SHOAL_SEND_TELL);
	assert_true(packet->exchange == LINK);
	assert_int_equal(packet->message[0].kind, SHOAL_MESSAGE_SENDER);
	const struct shoal_msg_call *told = &packet_has(packet, SHOAL_MESSAGE_CALL)->call;
	assert_int_equal(shoal_id_compare(&told->id, &caller->id), 0);
	assert_true(told->salt == call.salt && told->instance == call.instance);
	/* Another member has its own. */
	call = call_of(&world.puppet[2], &walled->id, puppet_salt(walled));
	world_tell(&world, 0, &world.puppet[2], SHOAL_MESSAGE_CALL, &call);
	assert_int_equal(passed(&world), 33);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS_PASSED), 33);
	world_done(&world);
}

/* Node 0 finds out that it cannot be dialled; linked: one to which it keeps a link. */
static void
be_walled(struct core_world *world, size_t puppets, struct puppet **linked)
{
	uint64_t number;

	watch_begin(world, puppets);
	*linked = watch_link_all(world, &number);
	world_run(world, SHOAL_SEC(20));
	assert_true(shoal_members_inbound(shoal_members_at(world_core(world, 0), SHOAL_SELF)));
	world_clear(world);
}

/* Passed on by a member, as it comes down a link to it. */
static void
comes(struct core_world *world, const struct puppet *anchor, const struct puppet *caller,
        enum shoal_input_kind way)
{
	static struct parcel parcel;
	struct shoal_msg_sender sender = {.id = anchor->id, .salt = puppet_salt(anchor)};
	struct shoal_id self = world_id(world, 0);
	struct shoal_msg_call call = call_of(caller, &self, talk_salt(world, 0));

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_CALL, &call);
	parcel_end(&parcel);
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = way,
	                                 .from = anchor->addr,
	                                 .data = parcel.data,
	                                 .len = parcel.writer.len}),
	        0);
}

static struct puppet *
not_watched(struct core_world *world)
{
	for (size_t i = 0; i < world->puppets; i++) {
		if (!shoal_watch_is_up(world_core(world, 0), slot_of(world, &world->puppet[i]))) {
			return &world->puppet[i];
		}
	}
	fail();
	return NULL;
}

static void
who_is_asked_opens_a_link_to_a_member_and_keeps_it_while_it_is_used(void **state)
{
	struct core_world world;
	struct puppet *anchor;
	struct shoal_profile profile;

	(void)state;
	(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
	be_walled(&world, CROWD, &anchor);
	struct puppet *caller = not_watched(&world);
	struct puppet *stranger = world_puppet(&world);
	/* In a datagram; by one to whom it keeps no link; of a stranger. */
	comes(&world, anchor, caller, SHOAL_INPUT_DATAGRAM);
	comes(&world, caller, caller, SHOAL_INPUT_STREAM);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 2);
	comes(&world, anchor, stranger, SHOAL_INPUT_STREAM);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 1);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_WATCH), 0);
	comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_WATCH), 1);
	const struct world_packet *opening = watch_dialled(&world, caller);
	assert_non_null(opening);
	assert_int_equal(opening->kind, SHOAL_SEND_WATCH);
	assert_int_equal(packet_has(opening, SHOAL_MESSAGE_WATCH)->watch.asked, 1);
	struct shoal_msg_answer yes = watch_yes(caller);
	assert_int_equal(world_answer(&world, opening, 0, SHOAL_MESSAGE_ANSWER, &yes), 0);
	comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_WATCH), 1);
	/* Asked later it makes it anew: the other one has none. */
	world_run(&world, SHOAL_SEC(3));
	comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	opening = world_sent(&world, opening, 0, &caller->addr, SHOAL_MESSAGE_WATCH);
	assert_non_null(opening);
	assert_int_equal(world_answer(&world, opening, 0, SHOAL_MESSAGE_ANSWER, &yes), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS_SERVED), 2);
	world_run(&world, SHOAL_MS(profile.link_idle_ms) * 2 - SHOAL_SEC(1));
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 1);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 0);
	world_done(&world);
}

/* Its end is no sign of a death. */
static void
a_link_that_was_opened_because_somebody_asked_ends_without_an_inquest(void **state)
{
	struct core_world world;
	struct puppet *anchor;

	(void)state;
	be_walled(&world, CROWD, &anchor);
	struct puppet *caller = not_watched(&world);
	comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	const struct world_packet *opening = watch_dialled(&world, caller);
	struct shoal_msg_answer yes = watch_yes(caller);
	assert_int_equal(world_answer(&world, opening, 0, SHOAL_MESSAGE_ANSWER, &yes), 0);
	uint64_t number = opening->exchange;
	world_forget_sent(&world);
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CHECK), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_CHECKS), 0);
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 0);
	/* One that is refused is not asked for at once again. */
	for (size_t i = 0; i < 5; i++) {
		comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
		opening = watch_dialled(&world, caller);
		if (i == 0) {
			assert_int_equal(
			        world_answer(&world, opening, SHOAL_ERR_REFUSED, 0, NULL), 0);
		}
	}
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_WATCH), 1);
	world_run(&world, SHOAL_SEC(2));
	comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_WATCH), 2);
	world_done(&world);
}

static void
there_are_so_many_and_the_one_that_rested_longest_gives_its_place(void **state)
{
	struct core_world world;
	struct puppet *anchor;
	size_t links = 0;

	(void)state;
	be_walled(&world, CALLED + 10, &anchor);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < world.puppets; i++) {
			struct puppet *caller = &world.puppet[i];
			if (shoal_watch_is_up(world_core(&world, 0), slot_of(&world, caller))) {
				continue;
			}
			world_forget_sent(&world);
			comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
			const struct world_packet *opening = watch_dialled(&world, caller);
			struct shoal_msg_answer yes = watch_yes(caller);
			if (opening != NULL) {
				links++;
				assert_int_equal(world_answer(&world, opening, 0,
				                         SHOAL_MESSAGE_ANSWER, &yes),
				        0);
			}
		}
		assert_int_equal(world_core(&world, 0)->calls.opened.count, CALLED);
		if (round == 0) {
			assert_int_equal(links, CALLED);
			assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_CALLS) > 0);
		}
		world_run(&world, SHOAL_SEC(11));
	}
	assert_true(links > CALLED);
	world_done(&world);
}

/* Who is admitted is this member alone. */
static void
admit_self(struct core_world *world)
{
	struct shoal_cidr list = {.bits = 128};

	memcpy(list.ip, world->node[0].addr.ip, sizeof list.ip);
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
	                                 .data = (const uint8_t *)&list,
	                                 .len = sizeof list}),
	        0);
}

static void
links_of_those_who_fall_out_of_the_list_end_at_both_ends(void **state)
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

	be_walled(&world, CROWD, &anchor[0]);
	struct puppet *caller = not_watched(&world);
	comes(&world, anchor[0], caller, SHOAL_INPUT_STREAM);
	const struct world_packet *opening = watch_dialled(&world, caller);
	struct shoal_msg_answer yes = watch_yes(caller);
	assert_int_equal(world_answer(&world, opening, 0, SHOAL_MESSAGE_ANSWER, &yes), 0);
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 1);
	admit_self(&world);
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 0);
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
	        cmocka_unit_test(an_anchor_passes_on_what_members_ask_down_the_link_and_no_more),
	        cmocka_unit_test(
	                who_is_asked_opens_a_link_to_a_member_and_keeps_it_while_it_is_used),
	        cmocka_unit_test(
	                a_link_that_was_opened_because_somebody_asked_ends_without_an_inquest),
	        cmocka_unit_test(links_of_those_who_fall_out_of_the_list_end_at_both_ends),
	        cmocka_unit_test(there_are_so_many_and_the_one_that_rested_longest_gives_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
