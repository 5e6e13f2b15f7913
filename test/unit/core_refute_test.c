/* SPDX-License-Identifier: MIT */
/* What a core does when it hears of itself: it contradicts what is newer or of another instance
 * with an incarnation above, reminds who is behind, and wraps nothing. */
#include "unit.h"

#include "core_world.h"

static void
set_up(struct core_world *world)
{
	world_begin(world, NULL, 5, PUPPET_DATAGRAMS);
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
}

static struct shoal_core_member
self_of(const struct core_world *world)
{
	struct shoal_core_member self;

	assert_true(shoal_core_member(world_core(world, 0), 0, &self));
	assert_true(self.self);
	return self;
}

/* A statement about the core at its incarnation plus `ahead`. salt_off: of another instance. */
static void
tell(struct core_world *world, enum shoal_state state, int64_t ahead, int salt_off)
{
	struct shoal_core_member self = self_of(world);
	struct shoal_msg_state said = {.id = self.id,
	        .incarnation = self.incarnation + (uint64_t)ahead,
	        .state = (uint8_t)state};

	for (size_t i = 0; i < 8; i++) {
		said.salt = said.salt << 8 | self.salt.bytes[i];
	}
	said.salt += (uint64_t)salt_off;
	world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_STATE, &said);
}

/* The statement about itself in what it sent to puppet 0 since. */
static const struct shoal_msg_member *
contradiction(const struct core_world *world)
{
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &world->puppet[0].addr, SHOAL_MESSAGE_MEMBER);
	struct shoal_id self = world_id(world, 0);

	if (packet == NULL || packet_state_of(packet, &self) == SHOAL_STATE_UNKNOWN) {
		return NULL;
	}
	return &packet_has(packet, SHOAL_MESSAGE_MEMBER)->member;
}

/* How often a packet tells of the core itself. */
static size_t
count_self(const struct core_world *world, const struct world_packet *packet)
{
	struct shoal_id self = world_id(world, 0);
	size_t count = 0;

	for (size_t i = 0; i < packet->messages; i++) {
		count += packet->message[i].kind == SHOAL_MESSAGE_MEMBER &&
		         shoal_id_compare(&packet->message[i].m.member.id, &self) == 0;
	}
	return count;
}

static void
whatever_is_newer_is_contradicted_at_once_and_to_the_teller(void **state)
{
	static const enum shoal_state told[] = {
	        SHOAL_STATE_SUSPECT, SHOAL_STATE_DEAD, SHOAL_STATE_LEAVING, SHOAL_STATE_LEFT};
	static const int64_t ahead[] = {0, 1, 1000000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		for (size_t k = 0; k < COUNT_OF(ahead); k++) {
			struct core_world world;

			set_up(&world);
			uint64_t before = self_of(&world).incarnation;
			tell(&world, told[i], ahead[k], 0);
			uint64_t after = self_of(&world).incarnation;
			assert_true(after == before + (uint64_t)ahead[k] + 1);
			const struct shoal_msg_member *said = contradiction(&world);
			assert_non_null(said);
			assert_true(said->incarnation == after);
			assert_int_equal(said->state, SHOAL_STATE_ALIVE);
			assert_int_equal(
			        world_counter(&world, 0, SHOAL_COUNTER_SELF_REFUTATIONS), 1);
			assert_int_equal(count_self(&world, world.sent), 1);
			/* And by gossip: in a second most have it. */
			size_t heard = 0;
			world_run(&world, SHOAL_SEC(1));
			for (size_t p = 1; p < 5; p++) {
				heard += world_count_sent(&world, 0, &world.puppet[p].addr,
				                 SHOAL_MESSAGE_STATE) > 0;
			}
			assert_true(heard >= 3);
			world_done(&world);
		}
	}
}

static void
a_higher_incarnation_of_its_own_is_outbid_also_when_it_is_alive(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	uint64_t before = self_of(&world).incarnation;
	tell(&world, SHOAL_STATE_ALIVE, 10, 0);
	assert_true(self_of(&world).incarnation == before + 11);
	world_done(&world);
}

static void
another_instance_at_its_incarnation_is_outbid_on_either_side_of_the_tie(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off += 2) {
		for (int told = SHOAL_STATE_ALIVE; told <= SHOAL_STATE_LEFT; told++) {
			struct core_world world;

			set_up(&world);
			uint64_t before = self_of(&world).incarnation;
			tell(&world, (enum shoal_state)told, 0, off);
			assert_true(self_of(&world).incarnation == before + 1);
			assert_non_null(contradiction(&world));
			/* It says nothing about how well this one answers. */
			assert_int_equal(shoal_core_health(world_core(&world, 0)), 0);
			world_done(&world);
		}
	}
}

static void
two_instances_do_not_outbid_each_other_more_than_once_a_second(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	uint64_t before = self_of(&world).incarnation;
	for (unsigned i = 0; i < 100; i++) {
		tell(&world, SHOAL_STATE_ALIVE, 0, 1);
		world_run(&world, SHOAL_MS(100));
	}
	assert_in_range(self_of(&world).incarnation - before, 9, 10);
	world_done(&world);
}

static void
what_is_old_changes_nothing_and_the_teller_is_reminded(void **state)
{
	(void)state;
	for (int told = SHOAL_STATE_ALIVE; told <= SHOAL_STATE_LEFT; told++) {
		struct core_world world;

		set_up(&world);
		uint64_t before = self_of(&world).incarnation;
		tell(&world, (enum shoal_state)told, -1, 0);
		tell(&world, (enum shoal_state)told, -1, 5);
		assert_true(self_of(&world).incarnation == before);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SELF_REFUTATIONS), 0);
		assert_null(contradiction(&world));
		/* The next packet to it, and only that one. */
		struct shoal_msg_ping ping = {
		        .seq = 1, .id = world.puppet[0].id, .target = self_of(&world).id};
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_PING, &ping);
		const struct shoal_msg_member *said = contradiction(&world);
		assert_non_null(said);
		assert_true(said->incarnation == before);
		world_clear(&world);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_PING, &ping);
		assert_null(contradiction(&world));
		world_done(&world);
	}
}

static void
the_same_is_no_news(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	uint64_t before = self_of(&world).incarnation;
	tell(&world, SHOAL_STATE_ALIVE, 0, 0);
	assert_true(self_of(&world).incarnation == before);
	assert_null(world.sent);
	world_done(&world);
}

static void
the_highest_incarnation_is_not_wrapped(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	uint64_t before = self_of(&world).incarnation;
	struct shoal_msg_state said = {
	        .id = self_of(&world).id, .incarnation = UINT64_MAX, .state = SHOAL_STATE_DEAD};
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &said);
	assert_true(self_of(&world).incarnation == before);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE), 1);
	said.incarnation--;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &said);
	assert_true(self_of(&world).incarnation == UINT64_MAX);
	for (int told = SHOAL_STATE_ALIVE; told <= SHOAL_STATE_LEFT; told++) {
		tell(&world, (enum shoal_state)told, 0, 0);
		tell(&world, (enum shoal_state)told, 0, 1);
		tell(&world, (enum shoal_state)told, 0, -1);
		assert_true(self_of(&world).incarnation == UINT64_MAX);
	}
	world_run(&world, SHOAL_SEC(10));
	world_done(&world);
}

static void
its_own_state_and_events_are_untouched_by_what_others_say(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	for (int told = SHOAL_STATE_ALIVE; told <= SHOAL_STATE_LEFT; told++) {
		for (int64_t ahead = -1; ahead <= 1; ahead++) {
			tell(&world, (enum shoal_state)told, ahead, 0);
			world_run(&world, SHOAL_MS(1500));
			assert_int_equal(self_of(&world).state, SHOAL_STATE_ALIVE);
			assert_string_equal(self_of(&world).name, "node-0");
		}
	}
	struct shoal_id self = world_id(&world, 0);
	for (unsigned bit = 0; bit < 10; bit++) {
		assert_null(world_event(&world, 0, (enum shoal_event_kind)(1u << bit), &self, 0));
	}
	world_done(&world);
}

static void
an_accused_core_contradicts_within_one_round_trip(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 3; i++) {
		world_add(&world, NULL);
	}
	world_join(&world, 1, 0);
	world_join(&world, 2, 0);
	world_run(&world, SHOAL_SEC(5));
	struct shoal_id id = world_id(&world, 2);
	struct shoal_core_member held;
	assert_true(world_holds(&world, 0, &id, &held));
	struct puppet *accuser = world_meet(&world, 0, 0);
	struct shoal_msg_state said = {
	        .id = id, .incarnation = held.incarnation, .state = SHOAL_STATE_SUSPECT};
	for (size_t i = 0; i < 8; i++) {
		said.salt = said.salt << 8 | held.salt.bytes[i];
	}
	world_clear(&world);
	world_tell(&world, 0, accuser, SHOAL_MESSAGE_STATE, &said);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_SUSPECT);
	world_run(&world, 2 * world.latency);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_ALIVE);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_ALIVE, &id, 0);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUTED);
	assert_true(event->cause.after_ns == 2 * world.latency);
	assert_true(event->incarnation == held.incarnation + 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(whatever_is_newer_is_contradicted_at_once_and_to_the_teller),
	        cmocka_unit_test(a_higher_incarnation_of_its_own_is_outbid_also_when_it_is_alive),
	        cmocka_unit_test(
	                another_instance_at_its_incarnation_is_outbid_on_either_side_of_the_tie),
	        cmocka_unit_test(two_instances_do_not_outbid_each_other_more_than_once_a_second),
	        cmocka_unit_test(what_is_old_changes_nothing_and_the_teller_is_reminded),
	        cmocka_unit_test(the_same_is_no_news),
	        cmocka_unit_test(the_highest_incarnation_is_not_wrapped),
	        cmocka_unit_test(its_own_state_and_events_are_untouched_by_what_others_say),
	        cmocka_unit_test(an_accused_core_contradicts_within_one_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
