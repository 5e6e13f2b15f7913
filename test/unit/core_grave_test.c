/* SPDX-License-Identifier: MIT */
/* Tombstones: how long they are kept and told, that their age is never lowered, and their bound. */
#include "unit.h"

#include "core_world.h"

#define DAY SHOAL_SEC(24 * 3600)

static void
set_up(struct core_world *world, uint32_t tombstones_max)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.tombstones_max = tombstones_max;
	config.profile.probe_interval_ms = 600000; /* a day has few probes then */
	world_add(world, &config);
	world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_clear(world);
}

static void
tell(struct core_world *world, const struct puppet *subject, enum shoal_state state,
        uint64_t age_ms)
{
	struct shoal_msg_member member = puppet_member(subject, state);
	member.age_ms = age_ms;
	world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_MEMBER, &member);
}

static enum shoal_state
held(const struct core_world *world, const struct puppet *puppet)
{
	return world_state(world, 0, &puppet->id);
}

/* Lets hours pass. What is sent meanwhile is not looked at. */
static void
pass(struct core_world *world, uint64_t ns)
{
	uint64_t end = world->now + ns;

	while (world->now < end) {
		uint64_t left = end - world->now;
		world_run(world, left < SHOAL_SEC(600) ? left : SHOAL_SEC(600));
		world_forget_sent(world);
	}
}

/* The ages that a statement about the subject carried. */
static size_t
told_ages(const struct core_world *world, const struct puppet *subject, uint64_t *last)
{
	size_t told = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		for (size_t i = 0; i < packet->messages; i++) {
			const struct shoal_msg_member *member = &packet->message[i].m.member;
			if (packet->message[i].kind == SHOAL_MESSAGE_MEMBER &&
			        shoal_id_compare(&member->id, &subject->id) == 0) {
				*last = member->age_ms;
				told++;
			}
		}
	}
	return told;
}

/* The table that answers a sync of puppet 0. */
static void
ask_table(struct core_world *world)
{
	static struct parcel parcel;
	struct shoal_msg_sync sync_request = {.id = world->puppet[0].id};

	world_clear(world);
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_SYNC, &sync_request);
	parcel_end(&parcel);
	world_request(world, 0, &world->puppet[0].addr, UINT64_C(1) << 60, &parcel);
}

static void
a_member_that_left_is_forgotten_after_a_day_to_the_nanosecond(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct puppet *subject = world_meet(&world, 0, PUPPET_DATAGRAMS);
	tell(&world, subject, SHOAL_STATE_LEFT, 0);
	uint64_t begun = world.now;
	pass(&world, DAY - 1);
	assert_int_equal(held(&world, subject), SHOAL_STATE_LEFT);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_REAP), 0);
	pass(&world, 1);
	assert_int_equal(held(&world, subject), SHOAL_STATES);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_REAP, &subject->id, 0);
	assert_non_null(event);
	assert_true(event->mono_ns == begun + DAY);
	assert_int_equal(event->was, SHOAL_STATE_LEFT);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_EXPIRED);
	assert_string_equal(event->name, subject->name);
	world_done(&world);
}

static void
one_that_was_remembered_in_silence_is_forgotten_in_silence(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct puppet *subject = world_puppet(&world);
	tell(&world, subject, SHOAL_STATE_LEFT, 3600 * 1000);
	pass(&world, 23 * (DAY / 24) - 1);
	assert_int_equal(held(&world, subject), SHOAL_STATE_LEFT);
	pass(&world, 1);
	assert_int_equal(held(&world, subject), SHOAL_STATES);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_REAP), 0);
	world_done(&world);
}

static void
an_age_that_is_told_later_only_raises_the_one_held(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct puppet *subject = world_puppet(&world);
	tell(&world, subject, SHOAL_STATE_LEFT, 3600 * 1000);
	pass(&world, DAY / 24);
	/* It is two hours old here; younger word changes nothing. */
	tell(&world, subject, SHOAL_STATE_LEFT, 0);
	tell(&world, subject, SHOAL_STATE_LEFT, 7200 * 1000 - 1);
	uint64_t age = 0;
	ask_table(&world);
	assert_int_equal(told_ages(&world, subject, &age), 1);
	assert_int_equal(age, 7200 * 1000);
	pass(&world, DAY / 24);
	/* Three hours; somebody knows it for five. */
	tell(&world, subject, SHOAL_STATE_LEFT, 5 * 3600 * 1000);
	pass(&world, 19 * (DAY / 24) - 1);
	assert_int_equal(held(&world, subject), SHOAL_STATE_LEFT);
	pass(&world, 1);
	assert_int_equal(held(&world, subject), SHOAL_STATES);
	world_done(&world);
}

static void
an_age_above_the_whole_time_ends_it_at_once(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct puppet *subject = world_meet(&world, 0, PUPPET_DATAGRAMS);
	tell(&world, subject, SHOAL_STATE_LEFT, UINT64_MAX);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_LEFT), 1);
	world_run(&world, 0);
	assert_int_equal(held(&world, subject), SHOAL_STATES);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_REAP), 1);
	/* Also when it is told later, of one that is held. */
	struct puppet *other = world_meet(&world, 0, PUPPET_DATAGRAMS);
	tell(&world, other, SHOAL_STATE_LEFT, 0);
	tell(&world, other, SHOAL_STATE_LEFT, UINT64_MAX);
	world_run(&world, 0);
	assert_int_equal(held(&world, other), SHOAL_STATES);
	world_done(&world);
}

static void
tables_tell_the_age_and_leave_out_what_is_past_half_of_its_time(void **state)
{
	struct core_world world;
	uint64_t age = 0;

	(void)state;
	set_up(&world, 100);
	struct puppet *subject = world_puppet(&world);
	tell(&world, subject, SHOAL_STATE_LEFT, 11 * 3600 * 1000);
	ask_table(&world);
	assert_int_equal(told_ages(&world, subject, &age), 1);
	assert_int_equal(age, 11 * 3600 * 1000);
	pass(&world, DAY / 24 - SHOAL_MS(1));
	ask_table(&world);
	assert_int_equal(told_ages(&world, subject, &age), 1);
	assert_int_equal(age, 12 * 3600 * 1000 - 1);
	pass(&world, SHOAL_MS(1));
	ask_table(&world);
	assert_int_equal(told_ages(&world, subject, &age), 0);
	/* It is a filter still. */
	tell(&world, subject, SHOAL_STATE_ALIVE, 0);
	assert_int_equal(held(&world, subject), SHOAL_STATE_LEFT);
	world_done(&world);
}

static void
a_stranger_that_is_older_than_half_of_the_time_is_not_remembered(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct puppet *old = world_puppet(&world), *young = world_puppet(&world);
	tell(&world, old, SHOAL_STATE_LEFT, 12 * 3600 * 1000);
	assert_int_equal(held(&world, old), SHOAL_STATES);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_TOMBSTONE_OLD), 1);
	tell(&world, young, SHOAL_STATE_LEFT, 12 * 3600 * 1000 - 1);
	assert_int_equal(held(&world, young), SHOAL_STATE_LEFT);
	world_done(&world);
}

static void
at_the_bound_the_oldest_is_forgotten_and_nothing_older_comes_in(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject[6];
	for (size_t i = 0; i < 6; i++) {
		subject[i] = world_puppet(&world);
	}
	tell(&world, subject[0], SHOAL_STATE_LEFT, 20000);
	tell(&world, subject[1], SHOAL_STATE_DEAD, 40000);
	tell(&world, subject[2], SHOAL_STATE_LEFT, 30000);
	tell(&world, subject[3], SHOAL_STATE_LEFT, 40000);
	assert_int_equal(held(&world, subject[3]), SHOAL_STATES);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_TOMBSTONE_OLD), 1);
	tell(&world, subject[4], SHOAL_STATE_LEFT, 35000);
	assert_int_equal(held(&world, subject[4]), SHOAL_STATE_LEFT);
	assert_int_equal(held(&world, subject[1]), SHOAL_STATES);
	/* One that leaves here is the youngest of all. */
	struct puppet *leaver = world_meet(&world, 0, PUPPET_DATAGRAMS);
	tell(&world, leaver, SHOAL_STATE_LEFT, 0);
	assert_int_equal(held(&world, leaver), SHOAL_STATE_LEFT);
	assert_int_equal(held(&world, subject[4]), SHOAL_STATES);
	const struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(
	        shoal_core_count(core, SHOAL_STATE_LEFT) + shoal_core_count(core, SHOAL_STATE_DEAD),
	        3);
	world_done(&world);
}

static void
one_that_tells_of_a_forgotten_death_hears_of_the_tombstone(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct puppet *subject = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
	struct shoal_msg_sync sync_request = {.id = world.puppet[0].id};
	tell(&world, subject, SHOAL_STATE_LEFT, 13 * 3600 * 1000);
	world_clear(&world);
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SYNC, &sync_request);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &alive);
	parcel_end(&parcel);
	world_request(&world, 0, &world.puppet[0].addr, UINT64_C(1) << 60, &parcel);
	const struct world_packet *packet = NULL;
	size_t told = 0;
	while ((packet = world_sent(&world, packet, 0, &world.puppet[0].addr, 0)) != NULL) {
		assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
		told += packet_state_of(packet, &subject->id) == SHOAL_STATE_LEFT;
	}
	assert_int_equal(told, 1);
	assert_int_equal(held(&world, subject), SHOAL_STATE_LEFT);
	world_done(&world);
}

/* The verdict of a check bears the instance that was probed; the word about the other one, told
 * again, takes its place whatever the order of their salts. */
static void
the_death_of_another_instance_is_held_as_its_own(void **state)
{
	(void)state;
	for (int step = -1; step <= 1; step += 2) {
		struct core_world world;
		struct shoal_core_member found;

		set_up(&world, 100);
		struct puppet *subject = world_meet(&world, 0, PUPPET_DATAGRAMS);
		subject->answers = 0;
		subject->salt.bytes[0] = (uint8_t)(128 + step);
		struct shoal_msg_member known = puppet_member(subject, SHOAL_STATE_ALIVE);
		known.incarnation++;
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &known);
		struct shoal_msg_member dead = known;
		dead.salt.bytes[0] = 128;
		dead.incarnation++;
		dead.state = SHOAL_STATE_DEAD;
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &dead);
		world_run(&world, SHOAL_SEC(1300));
		assert_int_equal(held(&world, subject), SHOAL_STATE_DEAD);
		assert_true(world_holds(&world, 0, &subject->id, &found));
		assert_true(found.incarnation == known.incarnation);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &dead);
		assert_true(world_holds(&world, 0, &subject->id, &found));
		assert_true(found.incarnation == dead.incarnation);
		assert_memory_equal(&found.salt, &dead.salt, sizeof found.salt);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_member_that_left_is_forgotten_after_a_day_to_the_nanosecond),
	        cmocka_unit_test(one_that_was_remembered_in_silence_is_forgotten_in_silence),
	        cmocka_unit_test(an_age_that_is_told_later_only_raises_the_one_held),
	        cmocka_unit_test(an_age_above_the_whole_time_ends_it_at_once),
	        cmocka_unit_test(tables_tell_the_age_and_leave_out_what_is_past_half_of_its_time),
	        cmocka_unit_test(a_stranger_that_is_older_than_half_of_the_time_is_not_remembered),
	        cmocka_unit_test(at_the_bound_the_oldest_is_forgotten_and_nothing_older_comes_in),
	        cmocka_unit_test(one_that_tells_of_a_forgotten_death_hears_of_the_tombstone),
	        cmocka_unit_test(the_death_of_another_instance_is_held_as_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
