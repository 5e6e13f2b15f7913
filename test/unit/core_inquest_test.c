/* SPDX-License-Identifier: MIT */
/* When a process whose link ended is dead, and when it is not, at the exact boundaries of the
 * rules. */
#include "core_watch_world.h"

#include "core/detect/inquest.h"
#include "core/node.h"

static const struct shoal_event *
failure(const struct core_world *world, const struct puppet *subject)
{
	return world_event(world, 0, SHOAL_EVENT_FAILED, &subject->id, 0);
}

static void
as_many_must_say_refused_as_three_or_all_others(void **state)
{
	(void)state;
	assert_int_equal(shoal_inquest_needs(2), 1);
	assert_int_equal(shoal_inquest_needs(3), 2);
	assert_int_equal(shoal_inquest_needs(4), 3);
	assert_int_equal(shoal_inquest_needs(5), 3);
	assert_int_equal(shoal_inquest_needs(100000), 3);
}

static void
of_two_members_one_says_refused_after_300_ms_and_20_for_answers_on_their_way(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 1);
	struct puppet *subject = watch_link_all(&world, &number);
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	uint64_t begun = world.now;
	world_run(&world, SHOAL_MS(320));
	assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_ALIVE);
	world_run(&world, SHOAL_MS(1));
	const struct shoal_event *event = failure(&world, subject);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUSED);
	assert_int_equal(event->cause.accusers, 1);
	assert_string_equal(event->cause.accuser_name[0], "node-0");
	assert_non_null(strstr(event->cause.detail, "1 of 1 members"));
	/* 0, 20 and 300 ms, each a datagram and a connection of its own. */
	static const uint64_t at[] = {0, SHOAL_MS(20), SHOAL_MS(300)};
	const struct world_packet *packet = NULL;
	for (size_t i = 0; i < 3; i++) {
		do {
			packet = world_sent(&world, packet, 0, &subject->addr, SHOAL_MESSAGE_PING);
			assert_non_null(packet);
		} while (packet->kind != SHOAL_SEND_REQUEST);
		assert_in_range(packet->at - begun, at[i], at[i] + SHOAL_MS(1));
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_VERDICTS), 1);
	world_done(&world);
}

static void
an_answer_to_any_of_the_pings_ends_it(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 1);
	struct puppet *subject = watch_link_all(&world, &number);
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	world_run(&world, SHOAL_MS(290));
	subject->answers = PUPPET_REFUSES | PUPPET_DATAGRAMS; /* the last ping */
	world_run(&world, SHOAL_SEC(3));
	assert_null(failure(&world, subject));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_ANSWERED), 1);
	world_done(&world);
}

static void
an_answer_under_another_salt_ends_it_too(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 1);
	struct puppet *subject = watch_link_all(&world, &number);
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	world_run(&world, SHOAL_MS(200));
	subject->salt.bytes[0] ^= 1;
	subject->answers = PUPPET_DATAGRAMS | PUPPET_STREAMS;
	world_run(&world, SHOAL_SEC(1));
	assert_null(failure(&world, subject));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_ANSWERED), 1);
	world_done(&world);
}

static void
a_connection_that_is_taken_begins_the_300_ms_anew(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 1);
	struct puppet *subject = watch_link_all(&world, &number);
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	world_run(&world, SHOAL_MS(10));
	subject->answers = 0;
	const struct world_packet *last = NULL, *packet = NULL;
	world_run(&world, SHOAL_MS(11)); /* the second connect */
	while ((packet = world_sent(&world, packet, 0, &subject->addr, SHOAL_MESSAGE_PING)) !=
	        NULL) {
		last = packet->kind == SHOAL_SEND_REQUEST ? packet : last;
	}
	assert_int_equal(world_answer(&world, last, SHOAL_ERR_CLOSED, 0, NULL), 0);
	subject->answers = PUPPET_REFUSES;
	world_run(&world, SHOAL_MS(320)); /* one refusal since */
	assert_null(failure(&world, subject));
	world_run(&world, SHOAL_MS(320));
	assert_non_null(failure(&world, subject));
	world_done(&world);
}

static void
of_five_members_one_who_is_no_watcher_must_say_so(void **state)
{
	struct core_world world;
	uint64_t number;
	unsigned watchers = 0;
	uint32_t slot, other;

	(void)state;
	watch_begin(&world, 4);
	struct puppet *subject = watch_link_all(&world, &number), *outsider = NULL;
	assert_int_equal(shoal_core_find(world_core(&world, 0), &subject->id, &slot), 0);
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	world_run(&world, SHOAL_MS(330));
	for (size_t i = 0; i < 4; i++) {
		struct puppet *puppet = &world.puppet[i];
		if (puppet == subject) {
			continue;
		}
		assert_int_equal(shoal_core_find(world_core(&world, 0), &puppet->id, &other), 0);
		if (shoal_watch_is_watcher(world_core(&world, 0), slot, other)) {
			assert_true(watch_says_refused(&world, puppet));
			watchers++;
		} else {
			outsider = puppet;
		}
	}
	assert_int_equal(watchers, 2);
	assert_null(failure(&world, subject)); /* three say so, all of them watchers */
	assert_true(watch_says_refused(&world, outsider));
	const struct shoal_event *event = failure(&world, subject);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUSED);
	assert_int_equal(event->cause.accusers, 4);
	world_done(&world);
}

static void
a_verdict_that_is_not_reached_leaves_it_to_a_probe(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 3);
	struct puppet *subject = watch_link_all(&world, &number);
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	world_run(&world, SHOAL_MS(330));
	for (size_t i = 0, said = 0; i < 3 && said < 1; i++) {
		if (&world.puppet[i] != subject) {
			said += watch_says_refused(&world, &world.puppet[i]);
		}
	}
	world_run(&world, SHOAL_MS(1600));
	assert_null(failure(&world, subject)); /* two of three */
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 0);
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 1);
	world_done(&world);
}

static void
a_refused_counts_only_from_who_was_asked_about_what_was_asked(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 2);
	struct puppet *subject = watch_link_all(&world, &number);
	struct puppet *relay = &world.puppet[subject == &world.puppet[0]];
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	world_run(&world, SHOAL_MS(330));
	const struct world_packet *asked =
	        world_sent(&world, NULL, 0, &relay->addr, SHOAL_MESSAGE_CHECK);
	const struct shoal_msg_check *check = &packet_has(asked, SHOAL_MESSAGE_CHECK)->check;
	struct shoal_msg_refused refused = {.seq = check->seq,
	        .id = subject->id,
	        .target = subject->id,
	        .instance = puppet_salt(subject)};
	assert_int_equal(world_tell(&world, 0, subject, SHOAL_MESSAGE_REFUSED, &refused), 0);
	refused.id = relay->id;
	refused.instance++;
	assert_int_equal(world_tell(&world, 0, relay, SHOAL_MESSAGE_REFUSED, &refused), 0);
	refused.instance--;
	refused.target = relay->id;
	assert_int_equal(world_tell(&world, 0, relay, SHOAL_MESSAGE_REFUSED, &refused), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 3);
	assert_null(failure(&world, subject));
	refused.target = subject->id;
	assert_int_equal(world_tell(&world, 0, relay, SHOAL_MESSAGE_REFUSED, &refused), 0);
	assert_non_null(failure(&world, subject));
	world_done(&world);
}

/* It comes from no port that the relay listens on. */
static void
on_a_connection_a_refused_counts_from_the_host_of_who_was_asked(void **state)
{
	struct core_world world;
	uint64_t number;

	(void)state;
	watch_begin(&world, 2);
	struct puppet *subject = watch_link_all(&world, &number);
	struct puppet *relay = &world.puppet[subject == &world.puppet[0]];
	subject->answers = PUPPET_REFUSES;
	watch_close(&world, number, SHOAL_ERR_CLOSED);
	world_run(&world, SHOAL_MS(330));
	const struct world_packet *asked =
	        world_sent(&world, NULL, 0, &relay->addr, SHOAL_MESSAGE_CHECK);
	const struct shoal_msg_check *check = &packet_has(asked, SHOAL_MESSAGE_CHECK)->check;
	struct shoal_msg_refused refused = {.seq = check->seq,
	        .id = relay->id,
	        .salt = puppet_salt(relay),
	        .target = check->target,
	        .instance = check->instance,
	        .refused_ms = 300};
	struct shoal_addr from = relay->addr, elsewhere = relay->addr;
	from.port = 50000;
	elsewhere.ip[14]++;
	world.streams = true;
	world_send(&world, 0, &elsewhere, SHOAL_MESSAGE_REFUSED, &refused);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 1);
	assert_null(failure(&world, subject));
	world_send(&world, 0, &from, SHOAL_MESSAGE_REFUSED, &refused);
	const struct shoal_event *event = failure(&world, subject);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUSED);
	world_done(&world);
}

static struct shoal_msg_check
ask_about(const struct puppet *origin, const struct puppet *target, uint64_t seq)
{
	return (struct shoal_msg_check){.seq = seq,
	        .id = origin->id,
	        .salt = puppet_salt(origin),
	        .target = target->id,
	        .instance = puppet_salt(target)};
}

static void
members_help_members_and_nobody_else(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 2);
	struct puppet *origin = &world.puppet[0], *target = &world.puppet[1];
	struct puppet *stranger = world_puppet(&world);
	target->answers = PUPPET_REFUSES;
	struct shoal_msg_check check = ask_about(stranger, target, 7);
	world_tell(&world, 0, stranger, SHOAL_MESSAGE_CHECK, &check);
	check = ask_about(origin, stranger, 7);
	world_tell(&world, 0, origin, SHOAL_MESSAGE_CHECK, &check);
	check = ask_about(origin, target, 7);
	check.instance++;
	world_tell(&world, 0, origin, SHOAL_MESSAGE_CHECK, &check);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CHECKS_SERVED), 0);
	/* Who asks about itself wants to know whether it can be dialled. */
	check = ask_about(origin, origin, 6);
	world_clear(&world);
	world_tell(&world, 0, origin, SHOAL_MESSAGE_CHECK, &check);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_PING);
	while (packet != NULL && packet->kind != SHOAL_SEND_REQUEST) {
		packet = world_sent(&world, packet, 0, &origin->addr, SHOAL_MESSAGE_PING);
	}
	assert_non_null(packet);
	world_run(&world, SHOAL_SEC(5));
	for (uint64_t seq = 7; seq < 13; seq++) {
		check = ask_about(origin, target, seq);
		world_tell(&world, 0, origin, SHOAL_MESSAGE_CHECK, &check);
		world_tell(&world, 0, origin, SHOAL_MESSAGE_CHECK, &check);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CHECKS_SERVED), 5);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_INQUESTS_FULL), 4);
	world_forget_sent(&world);
	world_run(&world, SHOAL_MS(500));
	assert_int_equal(world_count_sent(&world, 0, &origin->addr, SHOAL_MESSAGE_REFUSED), 2 * 4);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_VERDICTS), 0);
	assert_int_equal(world_state(&world, 0, &target->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
an_answer_is_passed_on_to_who_asked(void **state)
{
	struct core_world world;

	(void)state;
	watch_begin(&world, 2);
	struct puppet *origin = &world.puppet[0], *target = &world.puppet[1];
	struct shoal_msg_check check = ask_about(origin, target, 7);
	world_tell(&world, 0, origin, SHOAL_MESSAGE_CHECK, &check);
	world_forget_sent(&world);
	world_run(&world, SHOAL_MS(500));
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_ACK);
	assert_non_null(packet);
	const struct shoal_msg_ack *ack = &packet_has(packet, SHOAL_MESSAGE_ACK)->ack;
	assert_int_equal(ack->seq, 7);
	assert_int_equal(ack->salt, puppet_salt(target));
	assert_null(world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_REFUSED));
	world_done(&world);
}

/* What others told: dead, so many ago, by so many. */
static enum shoal_state
hear_verdict(struct core_world *world, struct puppet *subject, uint64_t refused_ms, size_t by)
{
	struct shoal_msg_state said = puppet_state(subject, SHOAL_STATE_DEAD);

	subject->answers = 0;
	said.refused_ms = refused_ms;
	for (size_t i = 0; i < by; i++) {
		said.accusers.item[said.accusers.count++] = world->puppet[i].id;
	}
	assert_int_equal(world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_STATE, &said), 0);
	return world_state(world, 0, &subject->id);
}

static void
a_told_verdict_counts_at_once_where_it_is_younger_than_what_was_heard(void **state)
{
	struct core_world world;
	struct shoal_core_member held;

	(void)state;
	watch_begin(&world, 6);
	struct puppet *subject = &world.puppet[5];
	uint64_t quiet_ms = 0;
	for (unsigned i = 0; i < 1000 && (quiet_ms < 1000 || quiet_ms > 2000); i++) {
		world_run(&world, SHOAL_MS(100));
		assert_true(world_holds(&world, 0, &subject->id, &held));
		quiet_ms = (world.now - held.heard_ns) / SHOAL_MS(1);
	}
	assert_in_range(quiet_ms, 1000, 2000); /* a verdict counts for three seconds */
	assert_int_equal(hear_verdict(&world, subject, quiet_ms + 1, 3), SHOAL_STATE_ALIVE);
	assert_int_equal(hear_verdict(&world, subject, 0, 3), SHOAL_STATE_ALIVE);
	assert_int_equal(hear_verdict(&world, subject, quiet_ms, 2), SHOAL_STATE_ALIVE);
	assert_int_equal(hear_verdict(&world, subject, quiet_ms, 3), SHOAL_STATE_DEAD);
	const struct shoal_event *event = failure(&world, subject);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUSED);
	assert_int_equal(event->cause.accusers, 3);
	/* It is told on with its age. */
	world_forget_sent(&world);
	world_run(&world, SHOAL_MS(100));
	const struct world_packet *packet = NULL;
	bool told = false;
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_STATE)) != NULL) {
		const struct shoal_msg_state *said =
		        &packet_has(packet, SHOAL_MESSAGE_STATE)->state;
		if (shoal_id_compare(&said->id, &subject->id) == 0) {
			assert_in_range(said->refused_ms, quiet_ms, quiet_ms + 102);
			told = true;
		}
	}
	assert_true(told);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(as_many_must_say_refused_as_three_or_all_others),
	        cmocka_unit_test(
	                of_two_members_one_says_refused_after_300_ms_and_20_for_answers_on_their_way),
	        cmocka_unit_test(an_answer_to_any_of_the_pings_ends_it),
	        cmocka_unit_test(an_answer_under_another_salt_ends_it_too),
	        cmocka_unit_test(a_connection_that_is_taken_begins_the_300_ms_anew),
	        cmocka_unit_test(of_five_members_one_who_is_no_watcher_must_say_so),
	        cmocka_unit_test(a_verdict_that_is_not_reached_leaves_it_to_a_probe),
	        cmocka_unit_test(a_refused_counts_only_from_who_was_asked_about_what_was_asked),
	        cmocka_unit_test(on_a_connection_a_refused_counts_from_the_host_of_who_was_asked),
	        cmocka_unit_test(members_help_members_and_nobody_else),
	        cmocka_unit_test(an_answer_is_passed_on_to_who_asked),
	        cmocka_unit_test(
	                a_told_verdict_counts_at_once_where_it_is_younger_than_what_was_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
