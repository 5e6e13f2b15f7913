/* SPDX-License-Identifier: MIT */
/* Two instances under the id of another member. A new one takes over from the same address at once,
 * from elsewhere when the known one is silent; where both live both are told. */
#include "unit.h"

#include "core_world.h"

/* A member of an observer, known under one salt, and another instance of it elsewhere. */
struct pair {
	struct core_world world;
	struct puppet *known;
	struct puppet *other; /* the same id */
};

static void
set_up(struct pair *pair, unsigned known_answers)
{
	world_init(&pair->world);
	world_add(&pair->world, NULL);
	for (size_t i = 0; i < 3; i++) {
		world_meet(&pair->world, 0, PUPPET_DATAGRAMS);
	}
	pair->known = world_meet(&pair->world, 0, PUPPET_DATAGRAMS);
	pair->other = world_puppet(&pair->world);
	pair->other->id = pair->known->id;
	pair->other->incarnation = pair->known->incarnation + (UINT64_C(9) << 32);
	world_run(&pair->world, SHOAL_SEC(3));
	world_clear(&pair->world);
	pair->known->answers = known_answers;
}

static void
says_itself(struct pair *pair)
{
	struct shoal_msg_member said = puppet_member(pair->other, SHOAL_STATE_ALIVE);

	world_tell(&pair->world, 0, pair->other, SHOAL_MESSAGE_MEMBER, &said);
}

static bool
holds(const struct pair *pair, const struct puppet *puppet)
{
	struct shoal_core_member held;

	assert_true(world_holds(&pair->world, 0, &puppet->id, &held));
	return memcmp(&held.salt, &puppet->salt, sizeof held.salt) == 0 &&
	       shoal_addr_equal(&held.addr[0], &puppet->addr);
}

static void
from_the_same_address_a_new_instance_takes_over_unprobed(void **state)
{
	struct pair pair;

	(void)state;
	set_up(&pair, PUPPET_DATAGRAMS);
	pair.other->addr = pair.known->addr;
	says_itself(&pair);
	assert_true(holds(&pair, pair.other));
	assert_null(world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
	const struct shoal_event *event =
	        world_event(&pair.world, 0, SHOAL_EVENT_UPDATE, &pair.other->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
	world_done(&pair.world);
}

/* Somebody else says it of the new instance. */
static void
is_told(struct pair *pair, enum shoal_state as)
{
	struct shoal_msg_member said = puppet_member(pair->other, as);

	world_tell(&pair->world, 0, &pair->world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
}

static void
who_only_hears_of_a_new_instance_at_the_same_address_takes_it_at_once(void **state)
{
	struct pair pair;

	(void)state;
	set_up(&pair, PUPPET_DATAGRAMS);
	pair.other->addr = pair.known->addr;
	is_told(&pair, SHOAL_STATE_ALIVE);
	assert_true(holds(&pair, pair.other));
	assert_null(world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
	world_done(&pair.world);
}

static void
who_only_hears_of_a_new_instance_elsewhere_asks_the_known_one_first(void **state)
{
	(void)state;
	for (int suspect = 0; suspect < 2; suspect++) {
		struct pair pair;

		set_up(&pair, 0);
		is_told(&pair, suspect ? SHOAL_STATE_SUSPECT : SHOAL_STATE_ALIVE);
		assert_non_null(
		        world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
		world_run(&pair.world, SHOAL_SEC(1) - 1);
		assert_true(holds(&pair, pair.known));
		world_run(&pair.world, 1);
		assert_true(holds(&pair, pair.other));
		const struct shoal_event *event =
		        world_event(&pair.world, 0, SHOAL_EVENT_UPDATE, &pair.other->id, 0);
		assert_non_null(event);
		assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
		assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
		world_done(&pair.world);
	}
}

/* Nor where it lists the known address behind its own. */
static void
nobody_moves_a_member_that_answers_by_making_up_an_instance(void **state)
{
	(void)state;
	for (int behind = 0; behind < 2; behind++) {
		struct pair pair;

		set_up(&pair, PUPPET_DATAGRAMS);
		struct shoal_msg_member said = puppet_member(pair.other, SHOAL_STATE_ALIVE);
		if (behind == 1) {
			said.addrs.item[said.addrs.count++] = pair.known->addr;
		}
		for (int i = 0; i < 40; i++) {
			world_tell(
			        &pair.world, 0, &pair.world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
			said.incarnation++;
			said.salt.bytes[0]++;
			world_run(&pair.world, SHOAL_SEC(1));
			assert_true(holds(&pair, pair.known));
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

		set_up(&pair, waits ? 0 : PUPPET_DATAGRAMS);
		pair.other->salt.bytes[0] ^= 1;
		pair.other->incarnation += 5;
		is_told(&pair, SHOAL_STATE_ALIVE);
		pair.other->salt.bytes[0] ^= 1;
		pair.other->incarnation -= 5;
		world_run(&pair.world, SHOAL_MS(100));
		pair.known->answers = 0;
		says_itself(&pair);
		is_told(&pair, SHOAL_STATE_ALIVE);
		assert_true(holds(&pair, pair.known));
		world_run(&pair.world, SHOAL_SEC(1));
		assert_true(holds(&pair, pair.other));
		world_done(&pair.world);
	}
}

/* What does not come to be looked at counts no more than what was looked at. */
static void
hearsay_of_many_new_instances_is_bounded_and_moves_nobody(void **state)
{
	static struct core_world world;
	enum {
		MANY = 40,
		BOUND = 32
	};

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);
	for (size_t i = 0; i < MANY; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	for (size_t i = 1; i <= MANY; i++) {
		struct shoal_msg_member said = puppet_member(&world.puppet[i], SHOAL_STATE_ALIVE);
		said.incarnation++;
		said.salt.bytes[3] ^= 1;
		said.addrs.item[0].ip[13] ^= 0x40;
		assert_int_equal(world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said), 0);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), MANY - BOUND);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 1; i <= MANY; i++) {
		struct shoal_core_member held;
		assert_true(world_holds(&world, 0, &world.puppet[i].id, &held));
		assert_true(shoal_addr_equal(&held.addr[0], &world.puppet[i].addr));
	}
	world_done(&world);
}

static void
where_the_known_instance_is_silent_the_new_one_takes_over(void **state)
{
	struct pair pair;

	(void)state;
	set_up(&pair, 0);
	says_itself(&pair);
	assert_true(holds(&pair, pair.known));
	assert_non_null(world_sent(&pair.world, NULL, 0, &pair.known->addr, SHOAL_MESSAGE_PING));
	world_run(&pair.world, SHOAL_SEC(1) - 1);
	assert_true(holds(&pair, pair.known));
	world_run(&pair.world, 1);
	assert_true(holds(&pair, pair.other));
	assert_int_equal(world_state(&pair.world, 0, &pair.other->id), SHOAL_STATE_ALIVE);
	const struct shoal_event *event =
	        world_event(&pair.world, 0, SHOAL_EVENT_UPDATE, &pair.other->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
	assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 0);
	world_done(&pair.world);
}

static void
an_answer_counts_only_with_the_known_salt(void **state)
{
	struct pair pair;

	(void)state;
	set_up(&pair, PUPPET_DATAGRAMS);
	pair.known->salt.bytes[0] ^= 0x40; /* a third one has taken that place */
	says_itself(&pair);
	world_run(&pair.world, SHOAL_MS(10));
	assert_true(holds(&pair, pair.other));
	world_done(&pair.world);
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
	set_up(&pair, PUPPET_DATAGRAMS);
	says_itself(&pair);
	world_run(&pair.world, SHOAL_MS(10));
	assert_true(holds(&pair, pair.known));
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
	set_up(&pair, PUPPET_DATAGRAMS);
	pair.other->incarnation = pair.known->incarnation - 1;
	says_itself(&pair);
	world_run(&pair.world, SHOAL_MS(10));
	assert_true(holds(&pair, pair.known));
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

		set_up(&pair, 0);
		if (dead == 1) {
			world_await(&pair.world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(100));
			pair.other->incarnation += UINT64_C(100) << 32;
		}
		says_itself(&pair);
		world_run(&pair.world, SHOAL_SEC(1));
		assert_true(holds(&pair, pair.other));
		const struct shoal_msg_conflict *told = told_of(&pair, pair.other);
		assert_non_null(told);
		assert_true(told->other == puppet_salt(pair.known) && told->stop == told->other);
		assert_int_equal(told->addr.port, 0);
		world_done(&pair.world);
	}
}

static void
a_conflict_is_looked_at_again_only_after_ten_seconds(void **state)
{
	struct pair pair;

	(void)state;
	set_up(&pair, PUPPET_DATAGRAMS);
	uint64_t begun = pair.world.now;
	says_itself(&pair);
	world_run(&pair.world, SHOAL_SEC(10) - 1);
	pair.other->incarnation++;
	says_itself(&pair);
	world_run(&pair.world, SHOAL_MS(10));
	assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 1);
	assert_true(holds(&pair, pair.known));
	assert_true(pair.world.now >= begun + SHOAL_SEC(10));
	says_itself(&pair);
	world_run(&pair.world, SHOAL_MS(10));
	assert_int_equal(world_count_events(&pair.world, 0, SHOAL_EVENT_CONFLICT), 2);
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
	        cmocka_unit_test(hearsay_of_many_new_instances_is_bounded_and_moves_nobody),
	        cmocka_unit_test(where_the_known_instance_is_silent_the_new_one_takes_over),
	        cmocka_unit_test(an_answer_counts_only_with_the_known_salt),
	        cmocka_unit_test(two_that_live_are_told_of_each_other_and_the_known_one_stays),
	        cmocka_unit_test(one_at_a_lower_incarnation_is_found_out_too),
	        cmocka_unit_test(whoever_takes_over_from_elsewhere_is_told_from_whom),
	        cmocka_unit_test(a_conflict_is_looked_at_again_only_after_ten_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
