/* SPDX-License-Identifier: MIT */
/* What becomes of statements about others: newcomers, changes, restarts, deaths and leaves, with
 * the event and the cause that each gives; and that a random stream of statements never breaks what
 * must always hold. */
#include "unit.h"

#include "core/node.h"
#include "core/table/statement.h"
#include "core_world.h"

static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world_clear(world);
}

static void
tell_full(struct core_world *world, size_t teller, const struct puppet *subject,
        enum shoal_state state)
{
	struct shoal_msg_member member = puppet_member(subject, state);
	world_tell(world, 0, &world->puppet[teller], SHOAL_MESSAGE_MEMBER, &member);
}

static void
tell_short(struct core_world *world, size_t teller, const struct puppet *subject,
        enum shoal_state state)
{
	struct shoal_msg_state said = puppet_state(subject, state);
	world_tell(world, 0, &world->puppet[teller], SHOAL_MESSAGE_STATE, &said);
}

/* The only event of members since the last clear. */
static const struct shoal_event *
only_event(const struct core_world *world)
{
	const struct shoal_event *found = NULL;

	for (size_t i = 0; i < world->events; i++) {
		if ((world->event[i].event.kind & SHOAL_EVENT_ALL) != 0) {
			assert_null(found);
			found = &world->event[i].event;
		}
	}
	assert_non_null(found);
	return found;
}

static size_t
count_member_events(const struct core_world *world)
{
	size_t count = 0;

	for (size_t i = 0; i < world->events; i++) {
		count += (world->event[i].event.kind & SHOAL_EVENT_ALL) != 0;
	}
	return count;
}

static void
check_event(struct core_world *world, enum shoal_event_kind kind, enum shoal_state was,
        enum shoal_state state, enum shoal_cause_kind cause)
{
	const struct shoal_event *event = only_event(world);

	assert_int_equal(event->kind, kind);
	assert_int_equal(event->was, was);
	assert_int_equal(event->state, state);
	assert_int_equal(event->cause.kind, cause);
	world_clear(world);
}

static void
a_newcomer_is_a_join_with_its_name_address_and_teller(void **state)
{
	struct core_world world;
	struct shoal_core_member held;

	(void)state;
	set_up(&world, 2);
	struct puppet *subject = world_puppet(&world);
	struct shoal_msg_member member = puppet_member(subject, SHOAL_STATE_ALIVE);
	member.app_version = 7;
	member.age_ms = 1234;
	member.addrs.count = 2;
	member.addrs.item[1] = world.puppet[0].addr;
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_MEMBER, &member);
	const struct shoal_event *event = only_event(&world);
	assert_string_equal(event->name, subject->name);
	assert_true(shoal_addr_equal(&event->addr, &subject->addr));
	assert_true(event->incarnation == subject->incarnation);
	assert_true(event->mono_ns == world.now);
	assert_true(event->wall_ns == world.now + SHOAL_SEC(WORLD_EPOCH));
	assert_memory_equal(&event->cause.from, &world.puppet[1].id, 16);
	check_event(&world, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE,
	        SHOAL_CAUSE_GOSSIP);
	assert_true(world_holds(&world, 0, &subject->id, &held));
	assert_string_equal(held.name, subject->name);
	assert_int_equal(held.app_version, 7);
	assert_int_equal(held.addrs, 2);
	assert_true(held.heard_ns == world.now - SHOAL_MS(1234));
	assert_memory_equal(&held.salt, &subject->salt, 16);
	/* The same again is no news. */
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &member);
	assert_int_equal(count_member_events(&world), 0);
	world_done(&world);
}

static void
a_short_statement_makes_nobody_known(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct puppet *subject = world_puppet(&world);
	for (int told = SHOAL_STATE_ALIVE; told <= SHOAL_STATE_LEFT; told++) {
		tell_short(&world, 0, subject, (enum shoal_state)told);
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATES);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE), 5);
	world_done(&world);
}

static void
what_a_member_changes_of_itself_is_an_update(void **state)
{
	struct core_world world;
	struct puppet *subject;
	struct shoal_core_member held;

	(void)state;
	set_up(&world, 2);
	subject = &world.puppet[0];
	subject->incarnation++;
	tell_full(&world, 0, subject, SHOAL_STATE_ALIVE);
	assert_int_equal(count_member_events(&world), 0);
	subject->incarnation++;
	subject->name[0] = 'P';
	tell_full(&world, 0, subject, SHOAL_STATE_ALIVE);
	assert_string_equal(only_event(&world)->name, subject->name);
	check_event(&world, SHOAL_EVENT_UPDATE, SHOAL_STATE_ALIVE, SHOAL_STATE_ALIVE,
	        SHOAL_CAUSE_GOSSIP);
	subject->moved = ++subject->incarnation;
	subject->addr.port++;
	tell_full(&world, 0, subject, SHOAL_STATE_ALIVE);
	assert_true(shoal_addr_equal(&only_event(&world)->addr, &subject->addr));
	check_event(&world, SHOAL_EVENT_UPDATE, SHOAL_STATE_ALIVE, SHOAL_STATE_ALIVE,
	        SHOAL_CAUSE_GOSSIP);
	assert_true(world_holds(&world, 0, &subject->id, &held));
	assert_string_equal(held.name, subject->name);
	/* At the incarnation that is held a change is no statement that others may tell. */
	subject->addr.port++;
	tell_full(&world, 1, subject, SHOAL_STATE_ALIVE);
	assert_int_equal(count_member_events(&world), 0);
	world_done(&world);
}

static void
another_instance_is_told_as_a_restart(void **state)
{
	static const struct {
		enum shoal_state held;
		enum shoal_event_kind kind;
	} rows[] = {{SHOAL_STATE_ALIVE, SHOAL_EVENT_UPDATE},
	        {SHOAL_STATE_SUSPECT, SHOAL_EVENT_ALIVE}, {SHOAL_STATE_LEFT, SHOAL_EVENT_ALIVE},
	        {SHOAL_STATE_LEAVING, SHOAL_EVENT_ALIVE}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct core_world world;
		struct shoal_core_member held;

		set_up(&world, 3);
		struct puppet *subject = &world.puppet[0];
		if (rows[i].held != SHOAL_STATE_ALIVE) {
			tell_short(&world, 1, subject, rows[i].held);
		}
		world_clear(&world);
		subject->incarnation += UINT64_C(60) << 32;
		subject->salt.bytes[0]++;
		struct shoal_msg_member again = puppet_member(subject, SHOAL_STATE_ALIVE);
		again.age_ms = 10000;
		world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_MEMBER, &again);
		check_event(&world, rows[i].kind, rows[i].held, SHOAL_STATE_ALIVE,
		        SHOAL_CAUSE_RESTARTED);
		assert_true(world_holds(&world, 0, &subject->id, &held));
		assert_memory_equal(&held.salt, &subject->salt, 16);
		assert_true(held.rtt_ns == 0);
		/* When the former instance was heard says nothing of this one. */
		assert_true(held.heard_ns == world.now - SHOAL_SEC(10));
		world_done(&world);
	}
}

static void
an_instance_at_a_lower_incarnation_is_not_believed(void **state)
{
	struct core_world world;
	struct shoal_core_member held;

	(void)state;
	set_up(&world, 2);
	struct puppet old = world.puppet[0];
	old.incarnation--;
	old.salt.bytes[0] = 0xff;
	tell_full(&world, 1, &old, SHOAL_STATE_ALIVE);
	tell_short(&world, 1, &old, SHOAL_STATE_DEAD);
	assert_int_equal(count_member_events(&world), 0);
	assert_true(world_holds(&world, 0, &old.id, &held));
	assert_memory_equal(&held.salt, &world.puppet[0].salt, 16);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE), 2);
	/* At the same incarnation the greater salt wins. */
	old.incarnation++;
	tell_full(&world, 1, &old, SHOAL_STATE_ALIVE);
	assert_true(world_holds(&world, 0, &old.id, &held));
	assert_memory_equal(&held.salt, &old.salt, 16);
	tell_full(&world, 1, &world.puppet[0], SHOAL_STATE_ALIVE);
	assert_true(world_holds(&world, 0, &old.id, &held));
	assert_memory_equal(&held.salt, &old.salt, 16);
	world_done(&world);
}

static void
a_suspect_at_a_higher_incarnation_was_alive_in_between(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *subject = &world.puppet[0];
	tell_short(&world, 1, subject, SHOAL_STATE_SUSPECT);
	check_event(&world, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT,
	        SHOAL_CAUSE_GOSSIP);
	subject->incarnation++;
	tell_short(&world, 2, subject, SHOAL_STATE_SUSPECT);
	assert_int_equal(count_member_events(&world), 2);
	const struct shoal_event *event =
	        world_event(&world, 0, SHOAL_EVENT_ALIVE, &subject->id, 0);
	assert_int_equal(event->was, SHOAL_STATE_SUSPECT);
	event = world_event(&world, 0, SHOAL_EVENT_SUSPECT, &subject->id, 0);
	assert_int_equal(event->was, SHOAL_STATE_ALIVE);
	assert_true(event->incarnation == subject->incarnation);
	assert_int_equal(event->cause.accusers, 1);
	assert_memory_equal(&event->cause.accuser[0], &world.puppet[2].id, 16);
	world_done(&world);
}

static void
a_suspect_that_was_not_known_or_gone_was_alive_first(void **state)
{
	static const enum shoal_state held[] = {
	        SHOAL_STATE_UNKNOWN, SHOAL_STATE_LEFT, SHOAL_STATE_LEAVING};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(held); i++) {
		struct core_world world;

		set_up(&world, 3);
		struct puppet *subject =
		        held[i] == SHOAL_STATE_UNKNOWN ? world_puppet(&world) : &world.puppet[0];
		if (held[i] != SHOAL_STATE_UNKNOWN) {
			tell_short(&world, 1, subject, held[i]);
		}
		world_clear(&world);
		subject->incarnation++;
		tell_full(&world, 1, subject, SHOAL_STATE_SUSPECT);
		assert_int_equal(count_member_events(&world), 2);
		const struct shoal_event *event = world_event(&world, 0,
		        held[i] == SHOAL_STATE_UNKNOWN ? SHOAL_EVENT_JOIN : SHOAL_EVENT_ALIVE,
		        &subject->id, 0);
		assert_non_null(event);
		assert_int_equal(event->was, held[i]);
		event = world_event(&world, 0, SHOAL_EVENT_SUSPECT, &subject->id, 0);
		assert_non_null(event);
		assert_int_equal(event->was, SHOAL_STATE_ALIVE);
		world_done(&world);
	}
}

static void
one_who_leaves_is_leaving_then_left(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	tell_short(&world, 0, &world.puppet[0], SHOAL_STATE_LEAVING);
	check_event(&world, SHOAL_EVENT_LEAVING, SHOAL_STATE_ALIVE, SHOAL_STATE_LEAVING,
	        SHOAL_CAUSE_LEAVE);
	tell_short(&world, 1, &world.puppet[0], SHOAL_STATE_LEFT);
	check_event(
	        &world, SHOAL_EVENT_LEFT, SHOAL_STATE_LEAVING, SHOAL_STATE_LEFT, SHOAL_CAUSE_LEAVE);
	tell_short(&world, 1, &world.puppet[0], SHOAL_STATE_LEAVING);
	tell_short(&world, 1, &world.puppet[0], SHOAL_STATE_DEAD);
	tell_short(&world, 1, &world.puppet[0], SHOAL_STATE_SUSPECT);
	assert_int_equal(count_member_events(&world), 0);
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_LEFT);
	world_done(&world);
}

static void
one_who_never_says_left_counts_as_left_after_its_timeout_and_the_shortest_suspicion(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct shoal_msg_state leaving = puppet_state(&world.puppet[0], SHOAL_STATE_LEAVING);
	leaving.age_ms = 7000;
	uint64_t begun = world.now;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &leaving);
	world_run(&world, SHOAL_SEC(11) - 1);
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_LEAVING);
	world_run(&world, 1);
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_LEFT);
	const struct shoal_event *event =
	        world_event(&world, 0, SHOAL_EVENT_LEFT, &world.puppet[0].id, 0);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_UNCONFIRMED);
	assert_true(event->mono_ns == begun + SHOAL_SEC(11));
	/* The others hear of it. */
	world_run(&world, SHOAL_MS(100));
	const struct world_packet *packet = NULL;
	size_t heard = 0;
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_STATE)) != NULL) {
		heard += packet_state_of(packet, &world.puppet[0].id) == SHOAL_STATE_LEFT;
	}
	assert_true(heard >= 2);
	/* While it was leaving it was neither probed nor suspected. */
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	assert_int_equal(world_count_sent(&world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_PING), 0);
	world_done(&world);
}

static void
no_timeout_of_a_leave_counts_for_more_than_ten_minutes(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct shoal_msg_state leaving = puppet_state(&world.puppet[0], SHOAL_STATE_LEAVING);
	leaving.age_ms = UINT64_MAX;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &leaving);
	world_run(&world, SHOAL_SEC(604) - 1);
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_LEAVING);
	world_run(&world, 1);
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_LEFT);
	world_done(&world);
}

static void
what_is_left_of_the_timeout_is_told_on_without_the_observers_own_patience(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	struct shoal_msg_state leaving = puppet_state(&world.puppet[0], SHOAL_STATE_LEAVING);
	leaving.age_ms = 7000;
	uint64_t begun = world.now;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &leaving);
	world_run(&world, SHOAL_MS(500));
	const struct world_packet *packet = NULL;
	size_t told = 0;
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_STATE)) != NULL) {
		const struct shoal_msg_state *said =
		        &packet_has(packet, SHOAL_MESSAGE_STATE)->state;
		uint64_t left = SHOAL_SEC(7) - (packet->at - begun);
		assert_int_equal(said->state, SHOAL_STATE_LEAVING);
		assert_int_equal(said->age_ms, left / SHOAL_MS(1));
		told++;
	}
	assert_true(told > 2);
	world_done(&world);
}

static void
one_who_died_or_left_before_it_was_known_is_remembered_in_silence(void **state)
{
	static const enum shoal_state gone[] = {SHOAL_STATE_DEAD, SHOAL_STATE_LEFT};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(gone); i++) {
		struct core_world world;

		set_up(&world, 2);
		struct puppet *subject = world_puppet(&world);
		tell_full(&world, 0, subject, gone[i]);
		assert_int_equal(world_state(&world, 0, &subject->id), gone[i]);
		tell_full(&world, 0, subject, SHOAL_STATE_ALIVE);
		assert_int_equal(world_state(&world, 0, &subject->id), gone[i]);
		assert_int_equal(count_member_events(&world), 0);
		/* When it comes, it is new here. */
		subject->incarnation++;
		tell_full(&world, 0, subject, SHOAL_STATE_ALIVE);
		assert_int_equal(only_event(&world)->kind, SHOAL_EVENT_JOIN);
		assert_int_equal(only_event(&world)->was, SHOAL_STATE_UNKNOWN);
		world_done(&world);
	}
}

static void
the_limit_of_members_takes_tombstones_first_and_then_drops(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.members_max = 10;
	config.profile.tombstones_max = 10;
	world_add(&world, &config);
	for (size_t i = 0; i < 8; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	tell_full(&world, 0, world_puppet(&world), SHOAL_STATE_DEAD);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	assert_int_equal(world_state(&world, 0, &world.puppet[8].id), SHOAL_STATES);
	tell_full(&world, 0, world_puppet(&world), SHOAL_STATE_ALIVE);
	assert_int_equal(world_state(&world, 0, &world.puppet[10].id), SHOAL_STATES);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MEMBERS_FULL), 1);
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 10);
	world_done(&world);
}

static void
a_link_local_address_is_meant_on_the_link_that_it_came_by(void **state)
{
	struct core_world world;
	struct shoal_core_member held;

	(void)state;
	set_up(&world, 1);
	struct puppet *subject = world_puppet(&world);
	struct shoal_msg_member member = puppet_member(subject, SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_addr_parse(&member.addrs.item[0], "[fe80::7]:7946"), 0);
	assert_int_equal(shoal_addr_parse(&subject->addr, "[fe80::7%3]:7946"), 0);
	member.addrs.count = 2;
	assert_int_equal(shoal_addr_parse(&member.addrs.item[1], "[2001:db8::7]:7946"), 0);
	world_tell(&world, 0, subject, SHOAL_MESSAGE_MEMBER, &member);
	assert_true(world_holds(&world, 0, &subject->id, &held));
	assert_int_equal(held.addr[0].scope, 3);
	assert_int_equal(held.addr[1].scope, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_newcomer_is_a_join_with_its_name_address_and_teller),
	        cmocka_unit_test(a_short_statement_makes_nobody_known),
	        cmocka_unit_test(what_a_member_changes_of_itself_is_an_update),
	        cmocka_unit_test(another_instance_is_told_as_a_restart),
	        cmocka_unit_test(an_instance_at_a_lower_incarnation_is_not_believed),
	        cmocka_unit_test(a_suspect_at_a_higher_incarnation_was_alive_in_between),
	        cmocka_unit_test(a_suspect_that_was_not_known_or_gone_was_alive_first),
	        cmocka_unit_test(one_who_leaves_is_leaving_then_left),
	        cmocka_unit_test(
	                one_who_never_says_left_counts_as_left_after_its_timeout_and_the_shortest_suspicion),
	        cmocka_unit_test(one_who_died_or_left_before_it_was_known_is_remembered_in_silence),
	        cmocka_unit_test(the_limit_of_members_takes_tombstones_first_and_then_drops),
	        cmocka_unit_test(a_link_local_address_is_meant_on_the_link_that_it_came_by),
	        cmocka_unit_test(
	                what_is_left_of_the_timeout_is_told_on_without_the_observers_own_patience),
	        cmocka_unit_test(no_timeout_of_a_leave_counts_for_more_than_ten_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
