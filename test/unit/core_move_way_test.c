/* SPDX-License-Identifier: MIT */
/* What hangs on the way to a member goes on where it moves to: probes that are open, and the scopes
 * of its addresses. */
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

/* It says itself, from there, that it is there now. */
static void
move_to(struct core_world *world, struct puppet *puppet, const char *text)
{
	puppet->addr = addr_of(text);
	puppet->moved = ++puppet->incarnation;
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
}

/* A relay without room lets it answer by itself. */
static void
an_answer_from_where_the_target_has_moved_to_counts(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_meet(&world, 0, 0);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_clear(&world);
	const struct world_packet *packet =
	        world_await_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_PING, SHOAL_SEC(10));
	assert_non_null(packet);
	struct shoal_msg_ack ack = {.seq = packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq,
	        .id = puppet->id,
	        .salt = puppet_salt(puppet)};
	move_to(&world, puppet, "10.9.9.9:700");
	world_run(&world, SHOAL_MS(100));
	assert_int_equal(world_send(&world, 0, &puppet->addr, SHOAL_MESSAGE_ACK, &ack), SHOAL_OK);
	world_run(&world, SHOAL_MS(900));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	world_done(&world);
}

/* The scope that is held of its first address, which is link-local. */
static uint32_t
scope_of(const struct core_world *world, const struct puppet *puppet)
{
	struct shoal_core_member member;

	assert_true(world_holds(world, 0, &puppet->id, &member));
	assert_int_equal(member.addrs, 2);
	return member.addr[0].scope;
}

/* A full statement about the first puppet, which has a link-local and another address, from one of
 * them or from another one's. */
static void
say_from(struct core_world *world, const struct puppet *by, const char *from)
{
	struct shoal_msg_member said = puppet_member(&world->puppet[0], SHOAL_STATE_ALIVE);
	struct puppet teller = *by;

	said.addrs.count = 2;
	said.addrs.item[0] = addr_of("[fe80::7]:700");
	said.addrs.item[1] = addr_of("10.0.0.7:700");
	teller.addr = addr_of(from);
	world_tell(world, 0, &teller, SHOAL_MESSAGE_MEMBER, &said);
}

/* Its word comes by each of its addresses, and others tell of it too. */
static void
a_scope_stays_whatever_way_the_words_come(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_puppet(&world);
	struct puppet *other = world_meet(&world, 0, PUPPET_DATAGRAMS);
	say_from(&world, puppet, "10.0.0.7:700");
	assert_int_equal(scope_of(&world, puppet), 0);
	say_from(&world, puppet, "[fe80::7%3]:700");
	assert_int_equal(scope_of(&world, puppet), 3);
	for (uint64_t i = 0; i < 2; i++) {
		puppet->incarnation += i;
		say_from(&world, puppet, "10.0.0.7:700");
		say_from(&world, puppet, "[fe80::7%4]:700");
		say_from(&world, other, "[fe80::8%5]:700");
		assert_int_equal(scope_of(&world, puppet), 3);
	}
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 0);
	world_done(&world);
}

/* The link by which it was known has gone: who doubts it takes the one by which it refutes. */
static void
a_member_that_is_doubted_is_found_by_another_link(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_puppet(&world);
	struct puppet *other = world_meet(&world, 0, PUPPET_DATAGRAMS);
	say_from(&world, puppet, "[fe80::7%3]:700");
	struct shoal_msg_state doubt = puppet_state(puppet, SHOAL_STATE_SUSPECT);
	doubt.accusers = (struct shoal_id_list){.count = 1, .item = {other->id}};
	world_tell(&world, 0, other, SHOAL_MESSAGE_STATE, &doubt);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_SUSPECT);
	puppet->incarnation++;
	say_from(&world, puppet, "[fe80::7%4]:700");
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	assert_int_equal(scope_of(&world, puppet), 4);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 0);
	world_done(&world);
}

/* Whoever tells of a new instance may not be on that link, or be on another one. */
static void
a_restart_keeps_the_scope_of_an_address_that_stays(void **state)
{
	static const char *const from[] = {"10.0.0.8:700", "[fe80::8%5]:700"};
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_puppet(&world);
	struct puppet *other = world_meet(&world, 0, PUPPET_DATAGRAMS);
	say_from(&world, puppet, "[fe80::7%3]:700");
	for (size_t i = 0; i < COUNT_OF(from); i++) {
		world_clear(&world);
		puppet->salt.bytes[0]++;
		puppet->incarnation += UINT64_C(1) << 32;
		say_from(&world, other, from[i]);
		assert_int_equal(scope_of(&world, puppet), 3);
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_UPDATE, &puppet->id, 0);
		assert_non_null(event);
		assert_int_equal(event->changed, SHOAL_CHANGE_INSTANCE);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_answer_from_where_the_target_has_moved_to_counts),
	        cmocka_unit_test(a_scope_stays_whatever_way_the_words_come),
	        cmocka_unit_test(a_member_that_is_doubted_is_found_by_another_link),
	        cmocka_unit_test(a_restart_keeps_the_scope_of_an_address_that_stays)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
