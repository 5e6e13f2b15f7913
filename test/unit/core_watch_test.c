/* SPDX-License-Identifier: MIT */
/* Links: who keeps them to whom, when one counts, what its end leads to, and who may watch. */
#include "core_watch_world.h"

#include <stdlib.h>

#include "core/detect/watch.h"

static int
open_from(struct core_world *world, const struct puppet *from, uint64_t link,
        const struct shoal_msg_watch *message)
{
	struct parcel *parcel = calloc(1, sizeof *parcel);
	assert_non_null(parcel);
	parcel_begin(parcel, world->label);
	if (message != NULL) {
		parcel_add(parcel, SHOAL_MESSAGE_WATCH, message);
	}
	parcel_end(parcel);
	int rc = world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_WATCHED,
	                .from = from->addr,
	                .exchange = link,
	                .data = parcel->data,
	                .len = parcel->writer.len});
	free(parcel);
	return rc;
}

static struct shoal_msg_watch
watch_by(const struct core_world *world, const struct puppet *watcher)
{
	struct shoal_core_member self;
	struct shoal_msg_watch message = {
	        .id = watcher->id, .salt = puppet_salt(watcher), .target = world_id(world, 0)};

	assert_true(world_holds(world, 0, &message.target, &self));
	for (size_t i = 0; i < 8; i++) {
		message.instance = message.instance << 8 | self.salt.bytes[i];
	}
	return message;
}

/* The code of the reply to a link, and whether it was dropped. */
static int
judged(const struct core_world *world, uint64_t link, bool *dropped)
{
	int code = 1;

	*dropped = false;
	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		if (packet->exchange == link && packet->kind == SHOAL_SEND_REPLY) {
			code = -(int)packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.code;
		}
		*dropped =
		        *dropped || (packet->exchange == link && packet->kind == SHOAL_SEND_DROP);
	}
	return code;
}

static void
links_are_dialled_two_seconds_after_the_ring_changed_to_three_that_follow(void **state)
{
	struct core_world world;
	unsigned dialled = 0;

	(void)state;
	watch_begin(&world, 6);
	world_run(&world, SHOAL_MS(1499));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_DIALS), 0);
	world_run(&world, SHOAL_MS(1002));
	for (size_t i = 0; i < 6; i++) {
		uint32_t slot;
		bool watches = watch_dialled(&world, &world.puppet[i]) != NULL;
		dialled += watches;
		assert_int_equal(
		        shoal_core_find(world_core(&world, 0), &world.puppet[i].id, &slot), 0);
		assert_int_equal(watches, shoal_watch_is_watcher(world_core(&world, 0), slot, 0));
	}
	assert_int_equal(dialled, 3);
	world_done(&world);
}

static void
a_link_counts_once_its_instance_has_answered(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 1);
	struct puppet *puppet = &world.puppet[0];
	world_run(&world, SHOAL_SEC(3));
	const struct world_packet *opening = watch_dialled(&world, puppet);
	struct shoal_msg_answer wrong = watch_yes(puppet);
	wrong.salt++;
	assert_int_equal(world_answer(&world, opening, 0, SHOAL_MESSAGE_ANSWER, &wrong), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_LINKS_UP), 0);
	watch_close(&world, opening->exchange, SHOAL_ERR_CLOSED);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_CHECKS), 0);
	world_forget_sent(&world);
	world_run(&world, SHOAL_SEC(2)); /* again, and it is refused: no check of that either */
	opening = watch_dialled(&world, puppet);
	assert_non_null(opening);
	assert_int_equal(world_answer(&world, opening, SHOAL_ERR_REFUSED, 0, NULL), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_CHECKS), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 0);
	world_done(&world);
}

static void
what_cannot_be_opened_is_tried_ever_later(void **state)
{
	struct core_world world;
	uint64_t last = 0;

	(void)state;
	watch_begin(&world, 1);
	world_run(&world, SHOAL_SEC(3));
	for (unsigned i = 0; i < 9; i++) {
		const struct world_packet *opening = world_await_sent(
		        &world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_WATCH, SHOAL_SEC(100));
		uint64_t pause = SHOAL_SEC(1) << (i > 7 ? 6 : i == 0 ? 0 : i - 1);
		assert_non_null(opening);
		if (i > 0) {
			assert_in_range(opening->at - last, pause - pause / 4, pause + pause / 4);
		}
		last = world.now;
		assert_int_equal(world_answer(&world, opening, SHOAL_ERR_REFUSED, 0, NULL), 0);
		world_forget_sent(&world);
	}
	world_done(&world);
}

static void
only_the_end_by_the_other_end_begins_an_inquest(void **state)
{
	static const struct {
		int code;
		uint64_t checks, hints;
	} ends[] = {{SHOAL_ERR_CLOSED, 1, 0}, {SHOAL_ERR_TIMEOUT, 0, 1},
	        {SHOAL_ERR_UNREACHABLE, 0, 1}, {SHOAL_ERR_LIMIT, 0, 1}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct core_world world;
		uint64_t number;

		watch_begin(&world, 1);
		watch_link_all(&world, &number);
		watch_close(&world, number, ends[i].code);
		watch_close(&world, number, ends[i].code);
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_WATCH_CHECKS), ends[i].checks);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), ends[i].hints);
		world_done(&world);
	}
}

static void
a_member_that_left_is_not_looked_for(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 1);
	struct puppet *subject = watch_link_all(&world, &number);
	struct shoal_msg_state leaving = puppet_state(subject, SHOAL_STATE_LEAVING);
	leaving.age_ms = 5000;
	assert_int_equal(world_tell(&world, 0, subject, SHOAL_MESSAGE_STATE, &leaving), 0);
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_CHECKS), 0);
	world_done(&world);
}

static void
members_may_watch_this_instance_and_nobody_else_may(void **state)
{
	struct core_world world;
	bool dropped;

	(void)state;
	watch_begin(&world, 1);
	struct puppet *member = &world.puppet[0], *stranger = world_puppet(&world);
	struct shoal_msg_watch message = watch_by(&world, member);
	assert_int_equal(open_from(&world, member, 1, &message), 0);
	assert_int_equal(judged(&world, 1, &dropped), 0);
	assert_false(dropped);
	message.instance++;
	assert_int_equal(open_from(&world, member, 2, &message), 0);
	assert_int_equal(judged(&world, 2, &dropped), SHOAL_ERR_NOT_FOUND);
	assert_true(dropped);
	message = watch_by(&world, stranger);
	assert_int_equal(open_from(&world, stranger, 3, &message), 0);
	assert_int_equal(judged(&world, 3, &dropped), SHOAL_ERR_NOT_FOUND);
	assert_true(dropped);
	assert_int_equal(open_from(&world, stranger, 4, NULL), 0);
	assert_int_equal(judged(&world, 4, &dropped), 1);
	assert_true(dropped);
	/* A second one of the same watcher takes the place of the first. */
	message = watch_by(&world, member);
	assert_int_equal(open_from(&world, member, 5, &message), 0);
	assert_int_equal(judged(&world, 5, &dropped), 0);
	assert_false(dropped);
	judged(&world, 1, &dropped);
	assert_true(dropped);
	world_done(&world);
}

static void
sixteen_may_watch_and_who_goes_makes_room(void **state)
{
	struct core_world world;
	bool dropped;

	(void)state;
	watch_begin(&world, 17);
	for (size_t i = 0; i < 17; i++) {
		struct shoal_msg_watch message = watch_by(&world, &world.puppet[i]);
		assert_int_equal(open_from(&world, &world.puppet[i], i + 1, &message), 0);
		assert_int_equal(
		        judged(&world, i + 1, &dropped), i < 16 ? SHOAL_OK : SHOAL_ERR_LIMIT);
		assert_int_equal(dropped, i == 16);
	}
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){.kind = SHOAL_INPUT_UNWATCHED, .exchange = 3}),
	        0);
	struct shoal_msg_watch message = watch_by(&world, &world.puppet[16]);
	assert_int_equal(open_from(&world, &world.puppet[16], 18, &message), 0);
	assert_int_equal(judged(&world, 18, &dropped), 0);
	world_done(&world);
}

static void
who_has_no_watchers_lets_nobody_watch(void **state)
{
	struct core_world world;
	bool dropped;

	(void)state;
	world_init(&world);
	world_add(&world, NULL); /* the world's config: no death watch */
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_watch message = watch_by(&world, member);
	assert_int_equal(open_from(&world, member, 1, &message), 0);
	assert_int_equal(judged(&world, 1, &dropped), SHOAL_ERR_UNSUPPORTED);
	assert_true(dropped);
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_DIALS), 0);
	world_done(&world);
}

static void
a_leave_goes_down_the_watch_links_first(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 2);
	struct shoal_id self = world_id(&world, 0);
	struct shoal_msg_watch message = watch_by(&world, &world.puppet[0]);
	assert_int_equal(open_from(&world, &world.puppet[0], 9, &message), 0);
	world_forget_sent(&world);
	assert_int_equal(world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE}), 0);
	assert_int_equal(world.sent->kind, SHOAL_SEND_TELL);
	assert_int_equal(world.sent->exchange, 9);
	assert_int_equal(packet_state_of(world.sent, &self), SHOAL_STATE_LEAVING);
	world_done(&world);
}

/* Who is not admitted any more, or a link that a member opened from where nobody is. */
static void
links_of_those_who_fall_out_of_the_list_end(void **state)
{
	(void)state;
	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		struct core_world world;
		struct shoal_cidr list[2] = {{.bits = 128}, {.bits = 128}};
		size_t listed = elsewhere ? 2 : 1;
		bool dropped;

		watch_begin(&world, 2);
		for (size_t i = 0; i < 2; i++) {
			struct puppet from = world.puppet[i];
			struct shoal_msg_watch message = watch_by(&world, &from);
			memcpy(list[1 - i].ip, from.addr.ip, sizeof list->ip);
			from.addr.ip[12] ^= (uint8_t)(i == 0 ? elsewhere : 0);
			assert_int_equal(open_from(&world, &from, 7 + i, &message), 0);
		}
		world_forget_sent(&world);
		assert_int_equal(world_step(&world, 0,
		                         (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
		                                 .data = (const uint8_t *)list,
		                                 .len = listed * sizeof list[0]}),
		        0);
		judged(&world, 7, &dropped);
		assert_true(dropped);
		judged(&world, 8, &dropped);
		assert_false(dropped);
		assert_int_equal(
		        world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE}), 0);
		for (const struct world_packet *sent = world.sent; sent != NULL;
		        sent = sent->next) {
			assert_false(sent->kind == SHOAL_SEND_TELL && sent->exchange == 7);
		}
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                links_are_dialled_two_seconds_after_the_ring_changed_to_three_that_follow),
	        cmocka_unit_test(a_link_counts_once_its_instance_has_answered),
	        cmocka_unit_test(what_cannot_be_opened_is_tried_ever_later),
	        cmocka_unit_test(only_the_end_by_the_other_end_begins_an_inquest),
	        cmocka_unit_test(a_member_that_left_is_not_looked_for),
	        cmocka_unit_test(members_may_watch_this_instance_and_nobody_else_may),
	        cmocka_unit_test(sixteen_may_watch_and_who_goes_makes_room),
	        cmocka_unit_test(who_has_no_watchers_lets_nobody_watch),
	        cmocka_unit_test(a_leave_goes_down_the_watch_links_first),
	        cmocka_unit_test(links_of_those_who_fall_out_of_the_list_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
