/* SPDX-License-Identifier: MIT */
/* Two instances under the id of another member. A new one takes over from the same address at once,
 * from elsewhere when the known one is silent; where both live both are told. */
#include "unit.h"

#include "core_rival_world.h"

static void
from_the_same_address_a_new_instance_takes_over_unprobed(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	pair.other->addr = pair.known->addr;
	pair_says_itself(&pair);
	assert_true(pair_holds(&pair, pair.other));
	assert_null(world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
	const struct shoal_event *event =
	        world_event(&pair.world, 0, SHOAL_EVENT_UPDATE, &pair.other->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
	world_done(&pair.world);
}

static void
who_only_hears_of_a_new_instance_at_the_same_address_takes_it_at_once(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	pair.other->addr = pair.known->addr;
	pair_is_told(&pair, SHOAL_STATE_ALIVE);
	assert_true(pair_holds(&pair, pair.other));
	assert_null(world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
	world_done(&pair.world);
}

static void
who_only_hears_of_a_new_instance_elsewhere_asks_the_known_one_first(void **state)
{
	(void)state;
	for (int suspect = 0; suspect < 2; suspect++) {
		struct pair pair;

		pair_begin(&pair, 0, 0);
		pair_is_told(&pair, suspect ? SHOAL_STATE_SUSPECT : SHOAL_STATE_ALIVE);
		assert_non_null(
		        world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
		world_run(&pair.world, SHOAL_SEC(2) - 1);
		assert_true(pair_holds(&pair, pair.known));
		world_run(&pair.world, 1);
		assert_true(pair_holds(&pair, pair.other));
		const struct shoal_event *event =
		        world_event(&pair.world, 0, SHOAL_EVENT_UPDATE, &pair.other->id, 0);
		assert_non_null(event);
		assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
		assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
		world_done(&pair.world);
	}
}

/* Nor where it lists the known address behind its own, nor by half of the known salt. */
static void
nobody_moves_a_member_that_answers_by_making_up_an_instance(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct pair pair;

		pair_begin(&pair, PUPPET_DATAGRAMS, 0);
		struct shoal_msg_member said = puppet_member(pair.other, SHOAL_STATE_ALIVE);
		if (how == 1) {
			said.addrs.item[said.addrs.count++] = pair.known->addr;
		} else if (how == 2) {
			said.salt = pair.known->salt;
		}
		for (int i = 0; i < 40; i++) {
			said.salt.bytes[how == 2 ? 8 : 0]++;
			world_tell(
			        &pair.world, 0, &pair.world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
			said.incarnation++;
			world_run(&pair.world, SHOAL_SEC(1));
			assert_true(pair_holds(&pair, pair.known));
		}
		assert_null(world_sent(&pair.world, NULL, 0, &pair.other->addr, 0));
		assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
		assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_UPDATE), 0);
		world_done(&pair.world);
	}
}

/* What others make up is asked for already, or was in vain. */
static void
who_says_itself_that_it_is_elsewhere_is_not_kept_waiting_by_what_others_say(void **state)
{
	(void)state;
	for (int waits = 0; waits < 2; waits++) {
		struct pair pair;

		pair_begin(&pair, waits ? 0 : PUPPET_DATAGRAMS, 0);
		pair.other->salt.bytes[0] ^= 1;
		pair.other->incarnation += 5;
		pair_is_told(&pair, SHOAL_STATE_ALIVE);
		pair.other->salt.bytes[0] ^= 1;
		pair.other->incarnation -= 5;
		world_run(&pair.world, SHOAL_MS(100));
		pair.known->answers = 0;
		pair_says_itself(&pair);
		pair_is_told(&pair, SHOAL_STATE_ALIVE);
		assert_true(pair_holds(&pair, pair.known));
		world_run(&pair.world, SHOAL_SEC(2));
		assert_true(pair_holds(&pair, pair.other));
		world_done(&pair.world);
	}
}

static void
where_the_known_instance_is_silent_the_new_one_takes_over(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, 0, 0);
	pair_says_itself(&pair);
	assert_true(pair_holds(&pair, pair.known));
	assert_non_null(world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
	world_run(&pair.world, SHOAL_SEC(2) - 1);
	assert_true(pair_holds(&pair, pair.known));
	world_run(&pair.world, 1);
	assert_true(pair_holds(&pair, pair.other));
	assert_int_equal(world_state(&pair.world, 0, &pair.other->id), SHOAL_STATE_ALIVE);
	const struct shoal_event *event =
	        world_event(&pair.world, 0, SHOAL_EVENT_UPDATE, &pair.other->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
	assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
	world_done(&pair.world);
}

/* A third one has taken the known place, and says so when it hears what is held of it; or the new
 * one has come back there. */
static void
another_instance_that_answers_in_the_known_place_lets_only_itself_take_over(void **state)
{
	(void)state;
	for (int itself = 0; itself < 2; itself++) {
		struct pair pair;

		pair_begin(&pair, PUPPET_DATAGRAMS, 0);
		struct puppet third = *pair.known;
		third.salt.bytes[0] ^= 0x40;
		third.incarnation = pair.other->incarnation + (UINT64_C(1) << 32);
		pair.known->salt = itself ? pair.other->salt : third.salt;
		itself ? pair_says_itself(&pair) : pair_is_told(&pair, SHOAL_STATE_ALIVE);
		world_run(&pair.world, SHOAL_MS(10));
		assert_int_equal(pair_holds(&pair, pair.other), itself);
		assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
		if (!itself) {
			assert_non_null(world_sent(
			        &pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_MEMBER));
			struct shoal_msg_member said = puppet_member(&third, SHOAL_STATE_ALIVE);
			world_tell(&pair.world, 0, &third, SHOAL_MESSAGE_MEMBER, &said);
			assert_true(pair_holds(&pair, &third));
			world_run(&pair.world, SHOAL_SEC(3));
			assert_true(pair_holds(&pair, &third));
		}
		world_done(&pair.world);
	}
}

static const struct shoal_msg_conflict *
told_of(const struct pair *pair, const struct puppet *puppet)
{
	const struct world_packet *packet =
	        world_sent(&pair->world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_CONFLICT);
	return packet == NULL ? NULL : &packet_has(packet, SHOAL_MESSAGE_CONFLICT)->conflict;
}

static void
two_that_live_are_told_of_each_other_and_the_known_one_stays(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	pair_says_itself(&pair);
	world_run(&pair.world, SHOAL_MS(10));
	assert_true(pair_holds(&pair, pair.known));
	const struct shoal_event *event =
	        world_event(&pair.world, 0, SHOAL_EVENT_CONFLICT, &pair.known->id, 0);
	assert_non_null(event);
	assert_int_equal(event->state, SHOAL_STATE_ALIVE);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_CONFLICT);
	const struct shoal_msg_conflict *known = told_of(&pair, pair.known);
	const struct shoal_msg_conflict *other = told_of(&pair, pair.other);
	assert_true(known != NULL && other != NULL);
	/* The later start is named to both. */
	assert_true(known->stop == puppet_salt(pair.other) && other->stop == known->stop);
	assert_true(known->other == puppet_salt(pair.other));
	assert_true(other->other == puppet_salt(pair.known));
	assert_true(shoal_addr_equal(&known->addr, &pair.other->addr));
	assert_true(shoal_addr_equal(&other->addr, &pair.known->addr));
	world_done(&pair.world);
}

static void
one_at_a_lower_incarnation_is_found_out_too(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	pair.other->incarnation = pair.known->incarnation - 1;
	pair_says_itself(&pair);
	world_run(&pair.world, SHOAL_MS(10));
	assert_true(pair_holds(&pair, pair.known));
	assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 1);
	assert_true(told_of(&pair, pair.known) != NULL && told_of(&pair, pair.other) != NULL);
	world_done(&pair.world);
}

static void
whoever_takes_over_from_elsewhere_is_told_from_whom(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		struct pair pair;

		pair_begin(&pair, 0, 0);
		if (dead == 1) {
			world_await(&pair.world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(100));
			pair.other->incarnation += UINT64_C(100) << 32;
		}
		pair_says_itself(&pair);
		world_run(&pair.world, SHOAL_SEC(2 - dead));
		assert_true(pair_holds(&pair, pair.other));
		const struct shoal_msg_conflict *told = told_of(&pair, pair.other);
		assert_non_null(told);
		assert_true(told->other == puppet_salt(pair.known) && told->stop == told->other);
		assert_int_equal(told->addr.port, 0);
		world_done(&pair.world);
	}
}

static void
two_that_live_are_told_of_each_other_once_in_ten_seconds(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		        world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), (i + 9) / 10);
		pair.other->incarnation++;
		pair_says_itself(&pair);
		if (i % 3 == 0) {
			pair_is_told(&pair, SHOAL_STATE_ALIVE);
		}
		world_run(&pair.world, SHOAL_SEC(1));
		assert_true(pair_holds(&pair, pair.known));
	}
	world_done(&pair.world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(from_the_same_address_a_new_instance_takes_over_unprobed),
	        cmocka_unit_test(
	                who_only_hears_of_a_new_instance_at_the_same_address_takes_it_at_once),
	        cmocka_unit_test(
	                who_only_hears_of_a_new_instance_elsewhere_asks_the_known_one_first),
	        cmocka_unit_test(nobody_moves_a_member_that_answers_by_making_up_an_instance),
	        cmocka_unit_test(
	                who_says_itself_that_it_is_elsewhere_is_not_kept_waiting_by_what_others_say),
	        cmocka_unit_test(where_the_known_instance_is_silent_the_new_one_takes_over),
	        cmocka_unit_test(
	                another_instance_that_answers_in_the_known_place_lets_only_itself_take_over),
	        cmocka_unit_test(two_that_live_are_told_of_each_other_and_the_known_one_stays),
	        cmocka_unit_test(one_at_a_lower_incarnation_is_found_out_too),
	        cmocka_unit_test(whoever_takes_over_from_elsewhere_is_told_from_whom),
	        cmocka_unit_test(two_that_live_are_told_of_each_other_once_in_ten_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
