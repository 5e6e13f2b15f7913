/* SPDX-License-Identifier: MIT */
/* Who may move a member, and whom a told move makes ask where: what nobody could contradict counts
 * nowhere, a member's own word only where it would be found, and what others tell sends few packets
 * to a host and takes nothing from the checks of others. */
#include "unit.h"

#include "base/addr.h"
#include "core_world.h"

static struct shoal_addr
addr_of(const char *text)
{
	struct shoal_addr addr;

	assert_int_equal(shoal_addr_parse(&addr, text), 0);
	return addr;
}

static void
set_up(struct core_world *world)
{
	world_init(world);
	world_add(world, NULL);
}

static bool
is_at(const struct core_world *world, const struct puppet *puppet, const char *text)
{
	struct shoal_core_member member;
	struct shoal_addr addr = addr_of(text);

	assert_true(world_holds(world, 0, &puppet->id, &member));
	return shoal_addr_equal(&member.addr[0], &addr);
}

/* What `by` tells of another one: that it is there, under a newer `moved`. */
static void
tell_move(struct core_world *world, const struct puppet *by, const struct puppet *about,
        uint64_t moved, const struct shoal_addr *addr)
{
	struct shoal_msg_member member = puppet_member(about, SHOAL_STATE_ALIVE);

	member.moved = about->incarnation + moved;
	member.addrs.item[0] = *addr;
	world_tell(world, 0, by, SHOAL_MESSAGE_MEMBER, &member);
}

static size_t
pings_to(const struct core_world *world, const struct shoal_addr *addr)
{
	const struct world_packet *packet = NULL;
	size_t pings = 0;

	while ((packet = world_sent(world, packet, 0, addr, SHOAL_MESSAGE_PING)) != NULL) {
		pings++;
	}
	return pings;
}

/* Its own word, later, finds nothing that is above it. */
static void
the_first_word_of_a_member_has_no_moved_that_nobody_could_contradict(void **state)
{
	static const uint8_t states[] = {SHOAL_STATE_ALIVE, SHOAL_STATE_DEAD};
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct puppet *forger = world_meet(&world, 0, PUPPET_DATAGRAMS);
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct puppet *puppet = world_puppet(&world);
		struct shoal_core_member member;
		struct shoal_addr at = puppet->addr;
		struct shoal_msg_member forged = puppet_member(puppet, (enum shoal_state)states[i]);
		uint64_t dropped = world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE);
		forged.moved = UINT64_MAX;
		forged.addrs.item[0] = addr_of("10.66.6.6:6");
		world_tell(&world, 0, forger, SHOAL_MESSAGE_MEMBER, &forged);
		assert_false(world_holds(&world, 0, &puppet->id, &member));
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE), dropped + 1);
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		assert_true(world_holds(&world, 0, &puppet->id, &member));
		assert_true(shoal_addr_equal(&member.addr[0], &at));
	}
	world_done(&world);
}

static void
another_instance_has_no_moved_that_nobody_could_contradict(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *forger = world_meet(&world, 0, PUPPET_DATAGRAMS);
	puppet->salt.bytes[0]++;
	puppet->incarnation += UINT64_C(1) << 32;
	struct shoal_addr hole = addr_of("10.66.6.6:6");
	tell_move(&world, forger, puppet, (UINT64_C(1) << 32) + 1, &hole);
	assert_false(is_at(&world, puppet, "10.66.6.6:6"));
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	puppet->addr = addr_of("10.9.9.9:700");
	puppet->moved = ++puppet->incarnation;
	said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_true(is_at(&world, puppet, "10.9.9.9:700"));
	world_done(&world);
}

/* Who speaks in its name can list what it likes beside the address that it speaks from. */
static void
its_word_from_another_address_that_it_lists_makes_this_member_ask(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_addr at = puppet->addr, victim = addr_of("10.66.6.6:6");
	world_run(&world, SHOAL_SEC(1));
	for (uint64_t moved = 0; moved < 2; moved++) {
		struct puppet forger = *puppet;
		struct shoal_core_member member;
		forger.addr = addr_of("10.5.5.5:5");
		struct shoal_msg_member said = puppet_member(&forger, SHOAL_STATE_ALIVE);
		said.moved = moved == 0 ? 0 : ++puppet->incarnation;
		said.incarnation = puppet->incarnation;
		said.addrs.count = 2;
		said.addrs.item[0] = victim;
		said.addrs.item[1] = forger.addr;
		world_forget_sent(&world);
		world_tell(&world, 0, &forger, SHOAL_MESSAGE_MEMBER, &said);
		assert_true(world_holds(&world, 0, &puppet->id, &member));
		assert_true(shoal_addr_equal(&member.addr[0], &at));
		world_run(&world, SHOAL_SEC(10));
		assert_int_equal(pings_to(&world, &victim), 1);
		/* From there it counts. */
		forger.addr = victim;
		forger.incarnation = said.incarnation;
		if (moved != 0) {
			world_tell(&world, 0, &forger, SHOAL_MESSAGE_MEMBER, &said);
			assert_true(is_at(&world, puppet, "10.66.6.6:6"));
		}
	}
	world_done(&world);
}

static void
only_what_a_member_tells_of_a_move_is_asked_for(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_addr hole = addr_of("10.66.6.6:6");
	tell_move(&world, stranger, puppet, 1, &hole);
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(pings_to(&world, &hole), 0);
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	tell_move(&world, member, puppet, 1, &hole);
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(pings_to(&world, &hole), 1);
	world_done(&world);
}

/* Whatever ports are told. */
static void
moves_that_are_told_send_few_pings_to_one_host(void **state)
{
	static struct core_world world;
	size_t pings = 0;

	(void)state;
	set_up(&world);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_addr hole = addr_of("10.66.6.6:6");
	for (uint64_t i = 1; i <= 100; i++) {
		hole.port++;
		tell_move(&world, member, puppet, i, &hole);
	}
	world_run(&world, SHOAL_SEC(5));
	hole = addr_of("10.66.6.6:6");
	for (uint64_t i = 1; i <= 100; i++) {
		hole.port++;
		pings += pings_to(&world, &hole);
	}
	assert_in_range(pings, 1, 4);
	world_done(&world);
}

static void
moves_that_are_told_take_nothing_from_the_checks_of_hearsay(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *unknown = world_puppet(&world);
	unknown->answers = PUPPET_DATAGRAMS;
	tell_move(&world, member, puppet, 1, &unknown->addr);
	world_run(&world, SHOAL_MS(100));
	struct shoal_msg_member said = puppet_member(unknown, SHOAL_STATE_ALIVE);
	said.age_ms = 40000;
	world_tell(&world, 0, member, SHOAL_MESSAGE_MEMBER, &said);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(world_state(&world, 0, &unknown->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

/* There is no incarnation above the highest one; that is no want of memory. */
static void
what_nothing_can_be_said_against_is_counted_as_what_does_not_count(void **state)
{
	static struct core_world world;
	struct shoal_core_member self;
	struct shoal_id id;

	(void)state;
	set_up(&world);
	struct puppet *forger = world_meet(&world, 0, PUPPET_DATAGRAMS), about = *forger;
	id = world_id(&world, 0);
	assert_true(world_holds(&world, 0, &id, &self));
	about.id = id;
	about.salt = self.salt;
	about.addr = addr_of("10.7.7.7:7");
	about.incarnation = UINT64_MAX - 1;
	uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE);
	tell_move(&world, forger, &about, 0, &about.addr);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_NOMEM), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE), before + 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                the_first_word_of_a_member_has_no_moved_that_nobody_could_contradict),
	        cmocka_unit_test(another_instance_has_no_moved_that_nobody_could_contradict),
	        cmocka_unit_test(its_word_from_another_address_that_it_lists_makes_this_member_ask),
	        cmocka_unit_test(only_what_a_member_tells_of_a_move_is_asked_for),
	        cmocka_unit_test(moves_that_are_told_send_few_pings_to_one_host),
	        cmocka_unit_test(moves_that_are_told_take_nothing_from_the_checks_of_hearsay),
	        cmocka_unit_test(
	                what_nothing_can_be_said_against_is_counted_as_what_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
