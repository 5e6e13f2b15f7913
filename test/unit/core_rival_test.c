/* SPDX-License-Identifier: MIT */
/* What is made up of another member's new instances moves nobody who answers, and keeps no true
 * word waiting for long; and who has really gone comes back elsewhere within a probe. */
#include "unit.h"

#include "core/node.h"
#include "core_rival_world.h"

/* The first of the others of the world says of `about` that it is so, elsewhere than the known one
 * or not. */
static void
tells_of(struct pair *pair, const struct puppet *about, enum shoal_state as)
{
	struct shoal_msg_member said = puppet_member(about, as);

	world_tell(&pair->world, 0, &pair->world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
}

static void
tells_short(struct pair *pair, enum shoal_state as)
{
	struct shoal_msg_state said = puppet_state(pair->known, as);

	world_tell(&pair->world, 0, &pair->world.puppet[0], SHOAL_MESSAGE_STATE, &said);
}

/* In the name of a member, from where it is not. */
static void
claims(struct pair *pair, const struct puppet *about, enum shoal_state as)
{
	struct puppet forger = *about;

	forger.addr.ip[14] ^= 0x40;
	struct shoal_msg_member said = puppet_member(about, as);
	world_tell(&pair->world, 0, &forger, SHOAL_MESSAGE_MEMBER, &said);
}

/* Ends of the known instance that anybody may make up. */
enum end {
	LEAVES_SHORT,
	LEFT_SHORT,
	DIES_CONVICTED,
	LEAVES_ELSEWHERE,
	LEFT_ELSEWHERE,
	CLAIMS_TO_LEAVE,
	CLAIMS_TO_HAVE_LEFT,
	ENDS
};

static void
make_up(struct pair *pair, const struct puppet *elsewhere, enum end end)
{
	struct shoal_msg_state dead = puppet_state(pair->known, SHOAL_STATE_DEAD);

	switch (end) {
	case LEAVES_SHORT:
		tells_short(pair, SHOAL_STATE_LEAVING);
		assert_int_equal(
		        world_state(&pair->world, 0, &pair->known->id), SHOAL_STATE_LEAVING);
		break;
	case LEFT_SHORT:
		tells_short(pair, SHOAL_STATE_LEFT);
		assert_int_equal(world_state(&pair->world, 0, &pair->known->id), SHOAL_STATE_LEFT);
		break;
	case DIES_CONVICTED:
		dead.refused_ms = 1;
		for (size_t i = 0; i < 3; i++) {
			dead.accusers.item[dead.accusers.count++] = pair->world.puppet[i].id;
		}
		world_run(&pair->world, SHOAL_MS(10));
		world_tell(&pair->world, 0, &pair->world.puppet[0], SHOAL_MESSAGE_STATE, &dead);
		assert_int_equal(world_state(&pair->world, 0, &pair->known->id), SHOAL_STATE_DEAD);
		break;
	case LEAVES_ELSEWHERE:
		tells_of(pair, elsewhere, SHOAL_STATE_LEAVING);
		break;
	case LEFT_ELSEWHERE:
		tells_of(pair, elsewhere, SHOAL_STATE_LEFT);
		break;
	case CLAIMS_TO_LEAVE:
		claims(pair, elsewhere, SHOAL_STATE_LEAVING);
		break;
	default:
		claims(pair, elsewhere, SHOAL_STATE_LEFT);
		break;
	}
}

/* Neither the same instance as the one that is told to have left, nor a third one. */
static void
nobody_moves_a_member_by_a_made_up_end_and_a_made_up_return(void **state)
{
	(void)state;
	for (enum end end = LEAVES_SHORT; end < ENDS; end++) {
		for (int third = 0; third < 2; third++) {
			struct pair pair;

			pair_begin(&pair, PUPPET_DATAGRAMS, 0);
			make_up(&pair, pair.other, end);
			struct puppet returned = *pair.other;
			returned.salt.bytes[0] ^= third ? 1 : 0;
			for (int i = 0; i < 10; i++) {
				struct shoal_core_member held;
				returned.incarnation += 2;
				tells_of(&pair, &returned, SHOAL_STATE_ALIVE);
				assert_true(world_holds(&pair.world, 0, &pair.known->id, &held));
				assert_true(pair_holds(&pair, pair.known));
				world_run(&pair.world, SHOAL_MS(700));
				assert_true(pair_holds(&pair, pair.known));
			}
			assert_null(world_sent(&pair.world, NULL, 0, &pair.other->addr, 0));
			assert_int_equal(
			        world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
			assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_UPDATE), 0);
			world_done(&pair.world);
		}
	}
}

/* It contradicts, and is held for what it says. */
static void
who_is_said_to_leave_and_contradicts_stays(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	tells_short(&pair, SHOAL_STATE_LEAVING);
	tells_of(&pair, pair.other, SHOAL_STATE_ALIVE);
	const struct world_packet *ping =
	        world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING);
	assert_non_null(ping); /* and is told of it */
	assert_int_equal(packet_state_of(ping, &pair.known->id), SHOAL_STATE_LEAVING);
	pair.known->incarnation++;
	tells_of(&pair, pair.known, SHOAL_STATE_ALIVE);
	pair.known->answers = 0; /* its answer is lost */
	world_run(&pair.world, SHOAL_MS(2500));
	assert_true(pair_holds(&pair, pair.known));
	world_done(&pair.world);
}

/* By its own word or by what others say. One try: who is gone is missed already. */
static void
who_has_gone_comes_back_elsewhere_within_a_probe(void **state)
{
	static const enum shoal_state gone[] = {
	        SHOAL_STATE_LEAVING, SHOAL_STATE_LEFT, SHOAL_STATE_DEAD};

	(void)state;
	for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
		for (int itself = 0; itself < 2; itself++) {
			struct pair pair;

			pair_begin(&pair, 0, 0);
			if (gone[i] == SHOAL_STATE_DEAD) {
				world_await(&pair.world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(100));
			} else {
				tells_of(&pair, pair.known, gone[i]);
			}
			assert_int_equal(world_state(&pair.world, 0, &pair.known->id), gone[i]);
			pair.other->incarnation += UINT64_C(100) << 32;
			itself ? pair_says_itself(&pair) : pair_is_told(&pair, SHOAL_STATE_ALIVE);
			assert_true(pair_holds(&pair, pair.known));
			world_run(&pair.world, SHOAL_SEC(1));
			assert_true(pair_holds(&pair, pair.other));
			assert_int_equal(
			        world_state(&pair.world, 0, &pair.other->id), SHOAL_STATE_ALIVE);
			world_done(&pair.world);
		}
	}
}

static void
what_was_fresh_when_it_came_counts_when_the_known_instance_has_been_asked(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, 0, 0);
	tells_of(&pair, pair.known, SHOAL_STATE_LEFT);
	struct shoal_msg_member said = puppet_member(pair.other, SHOAL_STATE_ALIVE);
	said.age_ms = 29900; /* of hearsay_ms */
	world_tell(&pair.world, 0, &pair.world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
	world_run(&pair.world, SHOAL_SEC(1));
	assert_true(pair_holds(&pair, pair.other));
	world_done(&pair.world);
}

/* Who was told of when the known one still answered is asked for when it is told of again. */
static void
what_is_made_up_keeps_a_true_word_from_others_waiting_for_a_second(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	struct puppet made_up = *pair.other;
	made_up.salt.bytes[0] ^= 1;
	tells_of(&pair, &made_up, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_SEC(1));
	pair.known->answers = 0;
	tells_of(&pair, pair.other, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_SEC(2));
	assert_true(pair_holds(&pair, pair.other));
	world_done(&pair.world);
}

static void
what_is_made_up_later_does_not_take_the_place_of_a_true_word(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, 0, 0);
	struct puppet made_up = *pair.other;
	made_up.salt.bytes[0] ^= 1;
	made_up.incarnation += 5;
	made_up.addr.ip[15] ^= 0x40;
	tells_of(&pair, pair.other, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_MS(500));
	tells_of(&pair, &made_up, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_MS(1500));
	assert_true(pair_holds(&pair, pair.other));
	world_done(&pair.world);
}

/* The second try, and what is lost of the first. */
static void
a_member_whose_answers_are_lost_for_one_try_stays(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, 0, 0);
	pair_is_told(&pair, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_SEC(1));
	pair.known->answers = PUPPET_DATAGRAMS;
	world_run(&pair.world, SHOAL_SEC(3));
	assert_true(pair_holds(&pair, pair.known));
	world_done(&pair.world);
}

static void
an_outage_of_the_observer_itself_moves_nobody(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, 0, 1);
	for (size_t i = 0; i < 3; i++) {
		pair.world.puppet[i].answers = 0;
	}
	pair_is_told(&pair, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_SEC(8));
	assert_true(pair_holds(&pair, pair.known));
	for (size_t i = 0; i < 3; i++) {
		pair.world.puppet[i].answers = PUPPET_DATAGRAMS;
	}
	assert_non_null(world_await(&pair.world, 0, SHOAL_EVENT_UPDATE, SHOAL_SEC(60)));
	assert_true(pair_holds(&pair, pair.other));
	world_done(&pair.world);
}

static void
a_stall_of_the_observer_gives_the_known_instance_more_time(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, 0, 0);
	pair_is_told(&pair, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_MS(1600));
	pair.world.now += SHOAL_MS(700);
	world_step(&pair.world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	assert_int_equal(world_counter(&pair.world, 0, SHOAL_COUNTER_STALLS), 1);
	assert_true(pair_holds(&pair, pair.known));
	world_run(&pair.world, SHOAL_SEC(1));
	assert_true(pair_holds(&pair, pair.other));
	world_done(&pair.world);
}

static void
what_is_claimed_from_another_host_is_what_others_say(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair, PUPPET_DATAGRAMS, 0);
	claims(&pair, pair.other, SHOAL_STATE_ALIVE);
	world_run(&pair.world, SHOAL_SEC(1));
	assert_true(pair_holds(&pair, pair.known));
	assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
	assert_null(world_sent(&pair.world, NULL, 0, &pair.other->addr, 0));
	world_done(&pair.world);
}

/* What does not come to be looked at counts no more than what was looked at. */
static void
hearsay_is_bounded_in_all_and_of_each_teller(void **state)
{
	static struct core_world world;
	enum {
		TELLERS = 10,
		EACH = 5,
		PER_TELLER = 4,
		BOUND = 32
	};

	(void)state;
	world_begin(&world, NULL, TELLERS + TELLERS * EACH, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(3));
	for (size_t i = 0; i < TELLERS * EACH; i++) {
		uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS);
		size_t taken = i / EACH * PER_TELLER + i % EACH;
		bool room = i % EACH < PER_TELLER && taken < BOUND;
		struct shoal_msg_member said =
		        puppet_member(&world.puppet[TELLERS + i], SHOAL_STATE_ALIVE);

		said.incarnation++;
		said.salt.bytes[3] ^= 1;
		said.addrs.item[0].ip[13] ^= 0x40;
		assert_int_equal(
		        world_tell(&world, 0, &world.puppet[i / EACH], SHOAL_MESSAGE_MEMBER, &said),
		        0);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS),
		        before + (room ? 0 : 1));
	}
	/* Of whom nobody knows anything. */
	struct puppet stranger = *world_puppet(&world);
	struct shoal_msg_member said = puppet_member(&world.puppet[TELLERS], SHOAL_STATE_ALIVE);
	said.incarnation++;
	said.salt.bytes[3] ^= 1;
	said.addrs.item[0].ip[13] ^= 0x40;
	world_run(&world, SHOAL_SEC(5));
	uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS);
	world_tell(&world, 0, &stranger, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), before + 1);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = TELLERS; i < TELLERS + TELLERS * EACH; i++) {
		struct shoal_core_member held;
		assert_true(world_holds(&world, 0, &world.puppet[i].id, &held));
		assert_true(shoal_addr_equal(&held.addr[0], &world.puppet[i].addr));
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nobody_moves_a_member_by_a_made_up_end_and_a_made_up_return),
	        cmocka_unit_test(who_is_said_to_leave_and_contradicts_stays),
	        cmocka_unit_test(who_has_gone_comes_back_elsewhere_within_a_probe),
	        cmocka_unit_test(
	                what_was_fresh_when_it_came_counts_when_the_known_instance_has_been_asked),
	        cmocka_unit_test(
	                what_is_made_up_keeps_a_true_word_from_others_waiting_for_a_second),
	        cmocka_unit_test(what_is_made_up_later_does_not_take_the_place_of_a_true_word),
	        cmocka_unit_test(a_member_whose_answers_are_lost_for_one_try_stays),
	        cmocka_unit_test(an_outage_of_the_observer_itself_moves_nobody),
	        cmocka_unit_test(a_stall_of_the_observer_gives_the_known_instance_more_time),
	        cmocka_unit_test(what_is_claimed_from_another_host_is_what_others_say),
	        cmocka_unit_test(hearsay_is_bounded_in_all_and_of_each_teller),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
