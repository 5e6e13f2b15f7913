/* SPDX-License-Identifier: MIT */
/* Two instances under this member's id. Of two that live exactly one stops, whoever asks first, and
 * nobody stops by a word that its twin has not said itself. */
#include "unit.h"

#include <stdlib.h>

#include "base/addr.h"
#include "core_world.h"

#define TRIES SHOAL_MS(4 * 500) /* of a question: four, each for a probe's time-out */

static struct shoal_core_member
self_of(const struct core_world *world, size_t node)
{
	struct shoal_core_member self;

	assert_true(shoal_core_member(world_core(world, node), 0, &self));
	return self;
}

static uint64_t
salt_of(const struct core_world *world, size_t node)
{
	struct shoal_core_member self = self_of(world, node);
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++) {
		value = value << 8 | self.salt.bytes[i];
	}
	return value;
}

/* Cores 0 and 1 have one id; core 1 started `later` after core 0. Puppet 0 is known to both. */
static void
make_twins(struct core_world *world, uint64_t later)
{
	struct shoal_core_config first, second;

	world_init(world);
	world_config(world, &first);
	world_add(world, &first);
	world->now += later;
	world_config(world, &second);
	second.name = first.name;
	world_add(world, &second);
	for (size_t i = 0; i < 3; i++) {
		struct puppet *puppet = world_meet(world, 0, PUPPET_DATAGRAMS);
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(world, 1, puppet, SHOAL_MESSAGE_MEMBER, &said);
	}
	world_run(world, SHOAL_SEC(1));
	world_clear(world);
}

static struct shoal_msg_member
statement_of(const struct core_world *world, size_t node)
{
	struct shoal_core_member self = self_of(world, node);
	struct shoal_msg_member said = {.id = self.id,
	        .salt = self.salt,
	        .incarnation = self.incarnation,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)self.name, strlen(self.name)},
	        .addrs = {1, {world->node[node].addr}}};
	return said;
}

/* Tells one twin of the other. */
static void
tell_twin(struct core_world *world, size_t node, enum shoal_state as)
{
	struct shoal_msg_member said = statement_of(world, 1 - node);

	said.state = (uint8_t)as;
	world_tell(world, node, &world->puppet[0], SHOAL_MESSAGE_MEMBER, &said);
}

static bool
has_stopped(const struct core_world *world, size_t node)
{
	const struct shoal_event *event = world_event(world, node, SHOAL_EVENT_ENDED, NULL, 0);

	assert_true(event == NULL || event->code == SHOAL_ERR_ID_CONFLICT);
	return event != NULL;
}

/* Node `loser` stops without a word of leaving; the other one goes on, above all that was told. */
static void
check_end(struct core_world *world, size_t loser)
{
	struct shoal_id id = world_id(world, 0);

	world_run(world, SHOAL_SEC(5));
	assert_true(has_stopped(world, loser));
	assert_false(has_stopped(world, 1 - loser));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_count_events(world, i, SHOAL_EVENT_CONFLICT), 1);
		assert_non_null(world_event(world, i, SHOAL_EVENT_CONFLICT, &id, 0));
	}
	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		enum shoal_state said = packet_state_of(packet, &id);
		assert_true(said != SHOAL_STATE_LEAVING && said != SHOAL_STATE_LEFT);
	}
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};
	assert_int_equal(world_step(world, loser, input), SHOAL_ERR_STATE);
	assert_int_equal(world_step(world, 1 - loser, input), SHOAL_OK);
}

static void
of_two_that_live_the_later_stops_whoever_hears_of_the_other(void **state)
{
	(void)state;
	for (size_t hears = 0; hears < 2; hears++) {
		struct core_world world;

		make_twins(&world, SHOAL_MS(1));
		tell_twin(&world, hears, SHOAL_STATE_ALIVE);
		check_end(&world, 1);
		world_done(&world);
	}
}

static void
of_two_that_started_in_one_moment_the_higher_salt_stops(void **state)
{
	(void)state;
	for (size_t hears = 0; hears < 2; hears++) {
		struct core_world world;

		make_twins(&world, SHOAL_MS(1) - 1 - SHOAL_SEC(1000) % SHOAL_MS(1));
		tell_twin(&world, hears, SHOAL_STATE_ALIVE);
		check_end(&world, 1); /* its salt begins with 2, the other's with 1 */
		world_done(&world);
	}
}

static void
both_hearing_at_once_only_one_stops(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	tell_twin(&world, 0, SHOAL_STATE_ALIVE);
	tell_twin(&world, 1, SHOAL_STATE_ALIVE);
	check_end(&world, 1);
	world_done(&world);
}

static void
the_one_that_stays_goes_above_what_was_told_of_the_other(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	uint64_t told = self_of(&world, 1).incarnation;
	assert_true(self_of(&world, 0).incarnation < told);
	tell_twin(&world, 0, SHOAL_STATE_ALIVE);
	/* Not before the other one has answered. */
	assert_true(self_of(&world, 0).incarnation < told);
	world_run(&world, SHOAL_MS(3));
	assert_true(self_of(&world, 0).incarnation == told + 1);
	world_done(&world);
}

static void
an_instance_that_was_silent_when_it_was_asked_stops_when_it_returns(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	world.node[0].up = false; /* it hangs: nothing reaches it */
	tell_twin(&world, 1, SHOAL_STATE_ALIVE);
	world_run(&world, SHOAL_SEC(20));
	assert_false(has_stopped(&world, 1));
	world.node[0].up = true;
	world_clear(&world);
	tell_twin(&world, 0, SHOAL_STATE_ALIVE);
	check_end(&world, 0);
	world_done(&world);
}

static void
an_instance_that_was_dead_to_its_successor_stops_when_it_returns(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	tell_twin(&world, 1, SHOAL_STATE_DEAD);
	world_clear(&world);
	tell_twin(&world, 0, SHOAL_STATE_ALIVE);
	check_end(&world, 0);
	world_done(&world);
}

static void
an_instance_that_a_member_names_as_taken_over_stops_when_it_returns(void **state)
{
	(void)state;
	for (int form = 0; form < 3; form++) {
		struct core_world world;
		bool stranger = form == 1, elsewhere = form == 2;

		make_twins(&world, SHOAL_SEC(100));
		struct shoal_addr from = world.puppet[elsewhere ? 1 : 0].addr;
		struct shoal_msg_conflict said = {.id = world.puppet[0].id,
		        .salt = 9,
		        .target = world_id(&world, 1),
		        .stop = salt_of(&world, 0),
		        .other = salt_of(&world, 0)};
		if (stranger) {
			said.id.bytes[0] ^= 1;
		}
		world_send(&world, 1, &from, SHOAL_MESSAGE_CONFLICT, &said);
		tell_twin(&world, 0, SHOAL_STATE_ALIVE);
		check_end(&world, stranger || elsewhere ? 1 : 0);
		world_done(&world);
	}
}

/* A statement about core 0 under another salt at an address where nobody is. */
static struct shoal_msg_member
of_a_former_run(const struct core_world *world, int64_t ahead)
{
	struct shoal_msg_member said = statement_of(world, 0);

	said.salt.bytes[0] ^= 0x80;
	said.incarnation += (uint64_t)ahead;
	said.addrs.item[0].port = 1;
	return said;
}

/* The datagram of the seed of its join may be faster than the table that makes the seed a member.
 */
static void
who_names_it_taken_over_may_become_a_member_later(void **state)
{
	(void)state;
	for (int becomes = 0; becomes <= 1; becomes++) {
		struct core_world world;

		make_twins(&world, SHOAL_SEC(100));
		struct puppet *seed = world_puppet(&world);
		struct shoal_msg_conflict said = {.id = seed->id,
		        .salt = puppet_salt(seed),
		        .target = world_id(&world, 1),
		        .stop = salt_of(&world, 0),
		        .other = salt_of(&world, 0)};
		struct shoal_msg_member alive = puppet_member(seed, SHOAL_STATE_ALIVE);
		world_send(&world, 1, &seed->addr, SHOAL_MESSAGE_CONFLICT, &said);
		if (becomes) {
			world_tell(&world, 1, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
		}
		tell_twin(&world, 0, SHOAL_STATE_ALIVE);
		check_end(&world, becomes ? 0 : 1);
		world_done(&world);
	}
}

static void
a_former_run_elsewhere_is_outbid_when_it_did_not_answer(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, 1);
	struct shoal_msg_member said = of_a_former_run(&world, 5);
	uint64_t before = self_of(&world, 0).incarnation;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
	world_run(&world, TRIES - 1);
	assert_true(self_of(&world, 0).incarnation == before);
	assert_int_equal(
	        world_count_sent(&world, 0, &said.addrs.item[0], SHOAL_MESSAGE_CONFLICT), 4);
	world_run(&world, 1);
	assert_true(self_of(&world, 0).incarnation == said.incarnation + 1);
	/* Told again it is outbid at once. */
	said.incarnation += 10;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
	assert_true(self_of(&world, 0).incarnation == said.incarnation + 1);
	world_done(&world);
}

static void
a_former_run_at_its_own_address_or_one_that_ended_is_outbid_at_once(void **state)
{
	static const enum shoal_state states[] = {
	        SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT, SHOAL_STATE_DEAD, SHOAL_STATE_LEFT};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct core_world world;

		make_twins(&world, 1);
		struct shoal_msg_member said = of_a_former_run(&world, 5);
		said.state = (uint8_t)states[i];
		if (i < 2) {
			said.addrs.item[0] = world.node[0].addr;
		}
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
		assert_true(self_of(&world, 0).incarnation == said.incarnation + 1);
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CONFLICT), 0);
		world_done(&world);
	}
}

/* The question of core 1 to core 0, which is not there. */
static const struct shoal_msg_conflict *
question(struct core_world *world)
{
	make_twins(world, SHOAL_SEC(100));
	world->node[0].up = false;
	tell_twin(world, 1, SHOAL_STATE_ALIVE);
	const struct world_packet *packet =
	        world_sent(world, NULL, 1, &world->node[0].addr, SHOAL_MESSAGE_CONFLICT);
	assert_non_null(packet);
	return &packet_has(packet, SHOAL_MESSAGE_CONFLICT)->conflict;
}

static void
nobody_stops_by_an_answer_of_another_number_or_from_elsewhere(void **state)
{
	struct core_world world;

	(void)state;
	struct shoal_msg_conflict said = *question(&world);
	struct shoal_addr elsewhere = world.node[0].addr;
	said.salt = salt_of(&world, 0);
	said.stop = salt_of(&world, 1);
	said.started_ms = 1;
	elsewhere.port++;
	world_send(&world, 1, &elsewhere, SHOAL_MESSAGE_CONFLICT, &said);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_FORGED), 1);
	said.seq ^= UINT64_C(1) << 40;
	world_send(&world, 1, &world.node[0].addr, SHOAL_MESSAGE_CONFLICT, &said);
	said.seq = 0;
	world_send(&world, 1, &world.node[0].addr, SHOAL_MESSAGE_CONFLICT, &said);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_LATE), 2);
	world_run(&world, SHOAL_SEC(5));
	assert_false(has_stopped(&world, 1));
	world_done(&world);
}

static void
the_answer_to_its_question_stops_it(void **state)
{
	struct core_world world;

	(void)state;
	struct shoal_msg_conflict said = *question(&world);
	said.salt = salt_of(&world, 0);
	said.stop = salt_of(&world, 1);
	said.started_ms = 1;
	world_send(&world, 1, &world.node[0].addr, SHOAL_MESSAGE_CONFLICT, &said);
	assert_true(has_stopped(&world, 1));
	/* The last that it says. */
	assert_true(packet_has(world.last, SHOAL_MESSAGE_CONFLICT)->conflict.stop == said.stop);
	assert_true(shoal_addr_equal(&world.last->to, &world.node[0].addr));
	world_done(&world);
}

static void
a_hint_counts_from_members_only_and_makes_it_ask(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	struct shoal_msg_conflict said = {.id = {{0x77}},
	        .salt = 9,
	        .target = world_id(&world, 1),
	        .stop = salt_of(&world, 1),
	        .other = salt_of(&world, 0),
	        .addr = world.node[0].addr};
	world_send(&world, 1, &world.puppet[0].addr, SHOAL_MESSAGE_CONFLICT, &said);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_STRANGER), 1);
	assert_null(world_sent(&world, NULL, 1, NULL, SHOAL_MESSAGE_CONFLICT));
	said.id = world.puppet[0].id;
	said.target.bytes[0] ^= 1;
	world_send(&world, 1, &world.puppet[0].addr, SHOAL_MESSAGE_CONFLICT, &said);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_MISDIRECTED), 1);
	said.target.bytes[0] ^= 1;
	world_send(&world, 1, &world.puppet[0].addr, SHOAL_MESSAGE_CONFLICT, &said);
	assert_false(has_stopped(&world, 1));
	check_end(&world, 1);
	world_done(&world);
}

static void
a_question_is_answered_with_as_many_bytes(void **state)
{
	struct core_world world;
	struct shoal_addr stranger;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	assert_int_equal(shoal_addr_parse(&stranger, "10.9.9.9:1"), 0);
	struct shoal_msg_conflict said = {
	        .seq = 7, .id = world_id(&world, 0), .salt = 9, .target = world_id(&world, 0)};
	struct parcel *parcel = calloc(1, sizeof *parcel);
	parcel_begin(parcel, world.label);
	parcel_add(parcel, SHOAL_MESSAGE_CONFLICT, &said);
	parcel_end(parcel);
	world_datagram(&world, 0, &stranger, parcel);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &stranger, SHOAL_MESSAGE_CONFLICT);
	assert_non_null(packet);
	assert_int_equal(packet->len, parcel->writer.len);
	assert_true(packet_has(packet, SHOAL_MESSAGE_CONFLICT)->conflict.seq == 7);
	free(parcel);
	/* However many ask, it asks back four at once at most. */
	for (uint64_t salt = 10; salt < 30; salt++) {
		said.salt = salt;
		world_send(&world, 0, &stranger, SHOAL_MESSAGE_CONFLICT, &said);
	}
	assert_int_equal(world_count_sent(&world, 0, &stranger, SHOAL_MESSAGE_CONFLICT), 21 + 4);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), 17);
	world_run(&world, SHOAL_SEC(5));
	assert_false(has_stopped(&world, 0));
	world_done(&world);
}

static void
one_that_leaves_asks_nobody_and_is_not_stopped(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	world_step(&world, 1, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	tell_twin(&world, 1, SHOAL_STATE_ALIVE);
	assert_null(world_sent(&world, NULL, 1, NULL, SHOAL_MESSAGE_CONFLICT));
	world_run(&world, SHOAL_SEC(1));
	const struct shoal_event *event = world_event(&world, 1, SHOAL_EVENT_ENDED, NULL, 0);
	assert_true(event != NULL && event->code == SHOAL_OK);
	world_done(&world);
}

static void
a_join_through_its_own_twin_ends_in_a_conflict(void **state)
{
	struct core_world world;

	(void)state;
	make_twins(&world, SHOAL_SEC(100));
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_MS(20));
	const struct shoal_event *event = world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0);
	assert_true(event != NULL && event->code == SHOAL_ERR_ID_CONFLICT);
	check_end(&world, 1);
	world_done(&world);
}

static void
a_join_under_a_name_that_lives_elsewhere_ends_in_a_conflict_and_changes_no_table(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core_member held;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 3; i++) {
		world_add(&world, NULL);
		if (i > 0) {
			world_join(&world, i, 0);
		}
		world_run(&world, SHOAL_SEC(2));
	}
	world_config(&world, &config);
	config.name = "node-1";
	world_add(&world, &config);
	world_clear(&world);
	world_join(&world, 3, 0);
	world_run(&world, SHOAL_SEC(5));
	assert_true(has_stopped(&world, 3));
	struct shoal_id id = world_id(&world, 1);
	struct shoal_core_member first = self_of(&world, 1);
	for (size_t i = 0; i < 3; i++) {
		assert_false(has_stopped(&world, i));
		assert_true(world_holds(&world, i, &id, &held));
		assert_memory_equal(&held.salt, &first.salt, sizeof held.salt);
		assert_int_equal(held.state, SHOAL_STATE_ALIVE);
		assert_null(world_event(&world, i, SHOAL_EVENT_UPDATE, &id, 0));
		assert_null(world_event(&world, i, SHOAL_EVENT_SUSPECT, &id, 0));
	}
	assert_non_null(world_event(&world, 0, SHOAL_EVENT_CONFLICT, &id, 0));
	assert_non_null(world_event(&world, 1, SHOAL_EVENT_CONFLICT, &id, 0));
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(of_two_that_live_the_later_stops_whoever_hears_of_the_other),
	        cmocka_unit_test(of_two_that_started_in_one_moment_the_higher_salt_stops),
	        cmocka_unit_test(both_hearing_at_once_only_one_stops),
	        cmocka_unit_test(the_one_that_stays_goes_above_what_was_told_of_the_other),
	        cmocka_unit_test(
	                an_instance_that_was_silent_when_it_was_asked_stops_when_it_returns),
	        cmocka_unit_test(an_instance_that_was_dead_to_its_successor_stops_when_it_returns),
	        cmocka_unit_test(
	                an_instance_that_a_member_names_as_taken_over_stops_when_it_returns),
	        cmocka_unit_test(who_names_it_taken_over_may_become_a_member_later),
	        cmocka_unit_test(a_former_run_elsewhere_is_outbid_when_it_did_not_answer),
	        cmocka_unit_test(
	                a_former_run_at_its_own_address_or_one_that_ended_is_outbid_at_once),
	        cmocka_unit_test(nobody_stops_by_an_answer_of_another_number_or_from_elsewhere),
	        cmocka_unit_test(the_answer_to_its_question_stops_it),
	        cmocka_unit_test(a_hint_counts_from_members_only_and_makes_it_ask),
	        cmocka_unit_test(a_question_is_answered_with_as_many_bytes),
	        cmocka_unit_test(one_that_leaves_asks_nobody_and_is_not_stopped),
	        cmocka_unit_test(a_join_through_its_own_twin_ends_in_a_conflict),
	        cmocka_unit_test(
	                a_join_under_a_name_that_lives_elsewhere_ends_in_a_conflict_and_changes_no_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
