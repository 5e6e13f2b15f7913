/* SPDX-License-Identifier: MIT */
/* Members with several addresses: at which of them they are asked, that one which answers at any is
 * not accused, and which is used in the end. */
#include "unit.h"

#include "base/addr.h"
#include "core/node.h"
#include "core_world.h"

/* Node 0 and a puppet with two addresses, of a network each. The test frees the world. */
static struct puppet *
set_up(struct core_world *world, const char *also, unsigned first, unsigned second)
{
	world_init(world);
	world_add(world, NULL);
	struct puppet *puppet = world_puppet(world);
	assert_int_equal(shoal_addr_parse(&puppet->also, also), 0);
	puppet->answers = first;
	puppet->answers_also = second;
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	assert_int_equal(world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said), SHOAL_OK);
	world_clear(world);
	return puppet;
}

static unsigned
pings(const struct core_world *world, const struct shoal_addr *to, enum shoal_send_kind kind)
{
	unsigned count = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		count += packet->kind == kind && shoal_addr_equal(&packet->to, to) &&
		         packet_has(packet, SHOAL_MESSAGE_PING) != NULL;
	}
	return count;
}

static void
one_that_answers_at_its_second_address_only_is_not_accused_and_used_there(void **state)
{
	static const unsigned ways[] = {PUPPET_DATAGRAMS, PUPPET_STREAMS};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		static struct core_world world;
		struct puppet *puppet = set_up(&world, "10.1.0.7:700", 0, ways[i]);
		world_run(&world, SHOAL_SEC(10));
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED), 0);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 1);
		world_clear(&world);
		world_run(&world, SHOAL_SEC(10));
		if (ways[i] == PUPPET_DATAGRAMS) {
			assert_int_equal(pings(&world, &puppet->addr, SHOAL_SEND_DATAGRAM), 0);
			assert_in_range(pings(&world, &puppet->also, SHOAL_SEND_DATAGRAM), 9, 11);
		}
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 1);
		world_done(&world);
	}
}

/* What answers on a connection may have been asked at any of them: requests tell which. */
static void
it_is_used_there_too_where_no_datagrams_pass(void **state)
{
	static struct core_world world;
	struct puppet *puppet =
	        set_up(&world, "10.1.0.7:700", 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);

	(void)state;
	world.streams = true;
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 1);
	world_clear(&world);
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(pings(&world, &puppet->addr, SHOAL_SEND_STREAM), 0);
	assert_in_range(pings(&world, &puppet->also, SHOAL_SEND_STREAM), 9, 11);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	world_done(&world);
}

/* No request is answered: nothing tells at which address it was reached, and that it was counts. */
static void
who_answers_on_connections_alone_is_not_accused(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, "10.1.0.7:700", 0, PUPPET_DATAGRAMS);
	world.streams = true;
	world_run(&world, SHOAL_SEC(20));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED), 0);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED) > 10);
	world_done(&world);
}

static void
it_is_used_at_the_first_one_again_where_the_second_fails(void **state)
{
	static struct core_world world;
	struct puppet *puppet = set_up(&world, "10.1.0.7:700", 0, PUPPET_DATAGRAMS);

	(void)state;
	world_run(&world, SHOAL_SEC(10));
	puppet->answers = PUPPET_DATAGRAMS;
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 1);
	puppet->answers_also = 0;
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 2);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	puppet->answers = 0;
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(30)));
	world_done(&world);
}

/* Only the ping that opens a probe is lost, of every third probe. */
static bool
loses_a_first_ping(const struct core_world *world)
{
	return world_counter(world, 0, SHOAL_COUNTER_PROBES) % 3 == 0;
}

static void
mere_loss_changes_nothing(void **state)
{
	static struct core_world world;
	struct puppet *puppet = set_up(&world, "10.1.0.7:700", 0, PUPPET_DATAGRAMS);

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		puppet->answers = loses_a_first_ping(&world) ? 0 : PUPPET_DATAGRAMS;
		world_run(&world, SHOAL_MS(100));
	}
	assert_true(pings(&world, &puppet->also, SHOAL_SEND_DATAGRAM) > 10);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 0);
	world_done(&world);
}

static void
an_address_of_a_family_that_is_not_here_is_not_asked(void **state)
{
	static struct core_world world;
	struct puppet *puppet = set_up(&world, "[fd00::7]:700", 0, PUPPET_DATAGRAMS);

	(void)state;
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(30)));
	assert_int_equal(pings(&world, &puppet->also, SHOAL_SEND_DATAGRAM), 0);
	assert_int_equal(pings(&world, &puppet->also, SHOAL_SEND_REQUEST), 0);
	world_done(&world);
}

static void
a_relay_asks_at_all_of_them_and_passes_on_what_any_answers(void **state)
{
	static struct core_world world;
	struct puppet *puppet = set_up(&world, "10.1.0.7:700", 0, PUPPET_DATAGRAMS);
	struct puppet *origin = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_relay relay = {.seq = 77,
	        .id = origin->id,
	        .salt = puppet_salt(origin),
	        .target = puppet->id,
	        .budget_ms = 500};

	(void)state;
	world_clear(&world);
	assert_int_equal(world_tell(&world, 0, origin, SHOAL_MESSAGE_RELAY, &relay), SHOAL_OK);
	assert_int_equal(pings(&world, &puppet->addr, SHOAL_SEND_DATAGRAM), 1);
	assert_int_equal(pings(&world, &puppet->also, SHOAL_SEND_DATAGRAM), 1);
	world_run(&world, SHOAL_MS(100));
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_ACK);
	assert_non_null(packet);
	assert_true(packet_has(packet, SHOAL_MESSAGE_ACK)->ack.seq == 77);
	world_done(&world);
}

static void
a_new_instance_is_used_at_its_first_address(void **state)
{
	static struct core_world world;
	struct puppet *puppet = set_up(&world, "10.1.0.7:700", 0, PUPPET_DATAGRAMS);

	(void)state;
	world_run(&world, SHOAL_SEC(10));
	puppet->answers = PUPPET_DATAGRAMS;
	puppet->salt.bytes[0] ^= 1;
	puppet->incarnation += UINT64_C(1) << 32;
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	world_run(&world, SHOAL_SEC(2));
	world_clear(&world);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(pings(&world, &puppet->also, SHOAL_SEND_DATAGRAM), 0);
	assert_in_range(pings(&world, &puppet->addr, SHOAL_SEND_DATAGRAM), 4, 6);
	world_done(&world);
}

/* The same list is the same place, at whichever of it the one before was used: nobody is asked. */
static void
a_new_instance_at_the_same_addresses_counts_at_once(void **state)
{
	static struct core_world world;
	struct puppet *puppet = set_up(&world, "10.1.0.7:700", 0, PUPPET_DATAGRAMS);
	struct shoal_core_member member;

	(void)state;
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), 1);
	puppet->salt.bytes[0] ^= 1;
	puppet->incarnation += UINT64_C(1) << 32;
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_true(world_holds(&world, 0, &puppet->id, &member));
	assert_memory_equal(&member.salt, &puppet->salt, sizeof member.salt);
	world_done(&world);
}

/* What is noted of them is bounded, and the oldest goes. */
static void
many_that_answer_elsewhere_are_all_used_there_in_the_end(void **state)
{
	enum {
		MANY = SHOAL_WAYS_NOTED + 8
	};
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		struct puppet *puppet = world_puppet(&world);
		puppet->also = puppet->addr;
		puppet->also.ip[13] = 9;
		puppet->answers_also = PUPPET_DATAGRAMS;
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		assert_int_equal(
		        world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(10 * MANY));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WAYS_CHANGED), MANY);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                one_that_answers_at_its_second_address_only_is_not_accused_and_used_there),
	        cmocka_unit_test(it_is_used_there_too_where_no_datagrams_pass),
	        cmocka_unit_test(who_answers_on_connections_alone_is_not_accused),
	        cmocka_unit_test(a_new_instance_at_the_same_addresses_counts_at_once),
	        cmocka_unit_test(it_is_used_at_the_first_one_again_where_the_second_fails),
	        cmocka_unit_test(mere_loss_changes_nothing),
	        cmocka_unit_test(an_address_of_a_family_that_is_not_here_is_not_asked),
	        cmocka_unit_test(a_relay_asks_at_all_of_them_and_passes_on_what_any_answers),
	        cmocka_unit_test(a_new_instance_is_used_at_its_first_address),
	        cmocka_unit_test(many_that_answer_elsewhere_are_all_used_there_in_the_end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
