/* SPDX-License-Identifier: MIT */
/* Links on request: who passes a request on, and who opens the link. */
#include "core_call_world.h"

#define CALLED SHOAL_CALLS_MAX

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

static size_t
hung_up(const struct core_world *world, uint64_t link)
{
	size_t count = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		count += packet->kind == SHOAL_SEND_UNWATCH && packet->exchange == link;
	}
	return count;
}

/* A request comes for the caller; the number of the link that is opened, answered with this code.
 */
static uint64_t
asked_for(struct core_world *world, const struct puppet *anchor, const struct puppet *caller,
        int code)
{
	struct shoal_msg_answer answer = watch_yes(caller);

	world_forget_sent(world);
	comes(world, anchor, caller, SHOAL_INPUT_STREAM);
	const struct world_packet *opening = watch_dialled(world, caller);
	assert_non_null(opening);
	assert_int_equal(packet_has(opening, SHOAL_MESSAGE_WATCH)->watch.asked, 1);
	answer.code = (uint64_t)-code;
	assert_int_equal(world_answer(world, opening, 0, SHOAL_MESSAGE_ANSWER, &answer), 0);
	return opening->exchange;
}

static uint64_t
watch_link_to(const struct core_world *world, const struct puppet *puppet)
{
	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		const struct shoal_link *link = &world_core(world, 0)->watch.link[i];
		if (link->phase == SHOAL_LINK_UP && link->slot == slot_of(world, puppet)) {
			return link->number;
		}
	}
	return 0;
}

static void
a_request_that_nobody_made_ends_no_link(void **state)
{
	struct core_world world;
	struct puppet *anchor;

	(void)state;
	be_walled(&world, CROWD, &anchor);
	struct puppet *caller = not_watched(&world);
	uint64_t link = asked_for(&world, anchor, caller, SHOAL_OK);
	uint64_t watches = watch_link_to(&world, anchor);
	assert_true(link != 0 && watches != 0);
	for (int i = 0; i < 5; i++) {
		world_run(&world, SHOAL_SEC(3));
		uint64_t other = asked_for(&world, anchor, caller, SHOAL_ERR_REJECTED);
		assert_int_equal(hung_up(&world, link), 0);
		assert_int_equal(hung_up(&world, other), 1);
		(void)asked_for(&world, anchor, anchor, SHOAL_ERR_REJECTED);
		assert_int_equal(hung_up(&world, watches), 0);
		/* It is not opened again as often as somebody says so. */
		world_forget_sent(&world);
		comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
		comes(&world, anchor, anchor, SHOAL_INPUT_STREAM);
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_WATCH), 0);
	}
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 1);
	assert_non_null(shoal_call_opened(world_core(&world, 0), link, SHOAL_LINK_UP));
	assert_true(watch_link_to(&world, anchor) == watches);
	world_done(&world);
}

/* Who takes the one that is opened beside them has none of them. */
static void
links_that_the_other_end_forgot_are_made_anew_at_once(void **state)
{
	struct core_world world;
	struct puppet *anchor;

	(void)state;
	be_walled(&world, CROWD, &anchor);
	struct puppet *caller = not_watched(&world);
	uint64_t link = asked_for(&world, anchor, caller, SHOAL_OK);
	uint64_t watches = watch_link_to(&world, anchor);
	world_run(&world, SHOAL_SEC(3));
	uint64_t other = asked_for(&world, anchor, caller, SHOAL_OK);
	assert_int_equal(hung_up(&world, link), 1);
	assert_null(shoal_call_opened(world_core(&world, 0), link, SHOAL_LINK_UP));
	assert_non_null(shoal_call_opened(world_core(&world, 0), other, SHOAL_LINK_UP));
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 1);
	(void)asked_for(&world, anchor, anchor, SHOAL_OK);
	assert_int_equal(hung_up(&world, watches), 1);
	world_forget_sent(&world);
	world_run(&world, SHOAL_MS(1));
	const struct world_packet *opening = watch_dialled(&world, anchor);
	assert_non_null(opening);
	assert_int_equal(packet_has(opening, SHOAL_MESSAGE_WATCH)->watch.asked, 0);
	world_done(&world);
}

static void
who_passes_requests_on_spends_its_own_budget_and_no_other(void **state)
{
	struct core_world world;
	struct puppet *anchor, *second = NULL, *other = NULL;

	(void)state;
	be_walled(&world, CROWD, &anchor);
	struct puppet *caller = not_watched(&world);
	for (size_t i = 0; i < world.puppets; i++) {
		struct puppet *puppet = &world.puppet[i];
		bool up = shoal_watch_is_up(world_core(&world, 0), slot_of(&world, puppet));
		second = up && puppet != anchor ? puppet : second;
		other = !up && puppet != caller ? puppet : other;
	}
	assert_true(second != NULL && other != NULL);
	for (size_t i = 0; i < 128; i++) {
		comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CALLS), 0);
	comes(&world, anchor, caller, SHOAL_INPUT_STREAM);
	comes(&world, anchor, other, SHOAL_INPUT_STREAM);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CALLS), 2);
	assert_null(watch_dialled(&world, other));
	comes(&world, second, other, SHOAL_INPUT_STREAM);
	comes(&world, second, caller, SHOAL_INPUT_STREAM);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CALLS), 2);
	assert_non_null(watch_dialled(&world, other));
	world_done(&world);
}

/* Somebody asks for a link, and takes it. */
static const struct world_packet *
opens(struct core_world *world, const struct puppet *anchor, const struct puppet *caller)
{
	struct shoal_msg_answer yes = watch_yes(caller);

	comes(world, anchor, caller, SHOAL_INPUT_STREAM);
	const struct world_packet *opening = watch_dialled(world, caller);
	assert_int_equal(world_answer(world, opening, 0, SHOAL_MESSAGE_ANSWER, &yes), 0);
	return opening;
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
	const struct world_packet *opening = opens(&world, anchor, caller);
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

static void
links_of_those_who_fall_out_of_the_list_end_for_who_was_asked(void **state)
{
	struct core_world world;
	struct puppet *anchor;

	(void)state;
	be_walled(&world, CROWD, &anchor);
	struct puppet *caller = not_watched(&world);
	(void)opens(&world, anchor, caller);
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 1);
	admit_self(&world);
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_anchor_passes_on_what_members_ask_down_the_link_and_no_more),
	        cmocka_unit_test(
	                who_is_asked_opens_a_link_to_a_member_and_keeps_it_while_it_is_used),
	        cmocka_unit_test(a_request_that_nobody_made_ends_no_link),
	        cmocka_unit_test(links_that_the_other_end_forgot_are_made_anew_at_once),
	        cmocka_unit_test(who_passes_requests_on_spends_its_own_budget_and_no_other),
	        cmocka_unit_test(
	                a_link_that_was_opened_because_somebody_asked_ends_without_an_inquest),
	        cmocka_unit_test(there_are_so_many_and_the_one_that_rested_longest_gives_its_place),
	        cmocka_unit_test(links_of_those_who_fall_out_of_the_list_end_for_who_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
