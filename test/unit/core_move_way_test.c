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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_answer_from_where_the_target_has_moved_to_counts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
