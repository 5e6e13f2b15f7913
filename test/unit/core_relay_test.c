/* SPDX-License-Identifier: MIT */
/* Pings made for others: who is served, what is passed on, the nack in time, the bounds and what
 * replaces a record where there is no room for one. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define SEQ UINT64_C(0x8877665544332211)

/* A core that relays; puppet 0 asks, puppet 1 is asked for. */
static void
set_up(struct core_world *world, uint32_t relayed_max)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.relayed_max = relayed_max;
	config.profile.probe_interval_ms = 600000;
	world_add(world, &config);
	for (size_t i = 0; i < 10; i++) {
		world_meet(world, 0, 0);
	}
	world_run(world, SHOAL_SEC(10));
	world_clear(world);
}

static void
ask(struct core_world *world, size_t origin, const struct shoal_id *target, uint64_t seq)
{
	struct shoal_msg_relay relay = {.seq = seq,
	        .id = world->puppet[origin].id,
	        .salt = puppet_salt(&world->puppet[origin]),
	        .target = *target,
	        .budget_ms = 500};

	assert_int_equal(world_tell(world, 0, &world->puppet[origin], SHOAL_MESSAGE_RELAY, &relay),
	        SHOAL_OK);
}

static const struct world_packet *
ping_to(const struct core_world *world, const struct puppet *target)
{
	return world_sent(world, NULL, 0, &target->addr, SHOAL_MESSAGE_PING);
}

static void
the_targets_ack_is_passed_on_under_the_origins_number(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 256);
	const struct puppet *origin = &world.puppet[0], *target = &world.puppet[1];
	ask(&world, 0, &target->id, SEQ);
	const struct world_packet *packet = ping_to(&world, target);
	assert_non_null(packet);
	struct shoal_msg_ping ping = packet_has(packet, SHOAL_MESSAGE_PING)->ping;
	assert_memory_equal(&ping.target, &target->id, 16);
	assert_true(ping.seq != SEQ);
	assert_int_equal(ping.origin.port, 0);
	world_run(&world, SHOAL_MS(399));
	struct shoal_msg_ack ack = {.seq = ping.seq, .id = target->id, .salt = 77};
	world_send(&world, 0, &target->addr, SHOAL_MESSAGE_ACK, &ack);
	packet = world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_ACK);
	assert_non_null(packet);
	const struct shoal_msg_ack *passed = &packet_has(packet, SHOAL_MESSAGE_ACK)->ack;
	assert_true(passed->seq == SEQ);
	assert_memory_equal(&passed->id, &target->id, 16);
	assert_true(passed->salt == 77);
	/* The rest of the packet is said by the relay. */
	struct shoal_id self = world_id(&world, 0);
	assert_int_equal(packet->message[0].kind, SHOAL_MESSAGE_SENDER);
	assert_memory_equal(&packet->message[0].m.sender.id, &self, 16);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), 0);
	world_send(&world, 0, &target->addr, SHOAL_MESSAGE_ACK, &ack);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_ACK), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED), 1);
	world_done(&world);
}

static void
without_an_ack_a_nack_goes_back_after_four_fifths_of_the_time(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 256);
	const struct puppet *origin = &world.puppet[0], *target = &world.puppet[1];
	ask(&world, 0, &target->id, SEQ);
	struct shoal_msg_ping ping = packet_has(ping_to(&world, target), SHOAL_MESSAGE_PING)->ping;
	world_run(&world, SHOAL_MS(400));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), 0);
	world_run(&world, SHOAL_US(1));
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_NACK);
	assert_non_null(packet);
	const struct shoal_msg_nack *nack = &packet_has(packet, SHOAL_MESSAGE_NACK)->nack;
	struct shoal_id self = world_id(&world, 0);
	assert_true(nack->seq == SEQ);
	assert_memory_equal(&nack->id, &self, 16);
	struct shoal_msg_ack ack = {.seq = ping.seq, .id = target->id};
	world_send(&world, 0, &target->addr, SHOAL_MESSAGE_ACK, &ack);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_ACK), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_NACKS_OUT), 1);
	world_done(&world);
}

static void
an_ack_of_another_or_from_elsewhere_is_not_passed_on(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 256);
	const struct puppet *target = &world.puppet[1], *other = &world.puppet[2];
	ask(&world, 0, &target->id, SEQ);
	struct shoal_msg_ping ping = packet_has(ping_to(&world, target), SHOAL_MESSAGE_PING)->ping;
	struct shoal_msg_ack ack = {.seq = ping.seq, .id = target->id};
	world_send(&world, 0, &other->addr, SHOAL_MESSAGE_ACK, &ack);
	ack.id = other->id;
	world_send(&world, 0, &other->addr, SHOAL_MESSAGE_ACK, &ack);
	world_send(&world, 0, &target->addr, SHOAL_MESSAGE_ACK, &ack);
	ack.id.bytes[0] ^= 1;
	world_send(&world, 0, &target->addr, SHOAL_MESSAGE_ACK, &ack);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 4);
	ack.id = target->id;
	ack.seq ^= UINT64_C(1) << 60;
	world_send(&world, 0, &target->addr, SHOAL_MESSAGE_ACK, &ack);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 1);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_ACK), 0);
	world_run(&world, SHOAL_MS(401));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), 1);
	world_done(&world);
}

/* The request was forwarded without a record: the target is told where to answer. */
static void
check_forwarded(const struct core_world *world, const struct puppet *origin,
        const struct puppet *target, uint64_t seq)
{
	const struct world_packet *packet = NULL;

	while ((packet = world_sent(world, packet, 0, &target->addr, SHOAL_MESSAGE_PING)) != NULL) {
		const struct shoal_msg_ping *ping = &packet_has(packet, SHOAL_MESSAGE_PING)->ping;
		if (ping->seq == seq) {
			assert_true(shoal_addr_equal(&ping->origin, &origin->addr));
			assert_memory_equal(&ping->target, &target->id, 16);
			return;
		}
	}
	fail();
}

static void
a_fifth_request_of_one_origin_is_answered_by_the_target_itself(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 256);
	for (size_t i = 1; i <= 6; i++) {
		ask(&world, 0, &world.puppet[i].id, SEQ + i);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_RELAY_FULL), 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED), 6);
	check_forwarded(&world, &world.puppet[0], &world.puppet[5], SEQ + 5);
	check_forwarded(&world, &world.puppet[0], &world.puppet[6], SEQ + 6);
	/* Another origin still has room. */
	ask(&world, 7, &world.puppet[1].id, SEQ);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_RELAY_FULL), 2);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), 5);
	/* The records are free again. */
	ask(&world, 0, &world.puppet[1].id, SEQ);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_RELAY_FULL), 2);
	world_done(&world);
}

static void
a_full_table_sends_the_target_to_the_origin_and_no_nack(void **state)
{
	(void)state;
	for (uint32_t room = 0; room <= 2; room++) {
		struct core_world world;

		set_up(&world, room);
		for (size_t i = 0; i < 4; i++) {
			ask(&world, i, &world.puppet[9].id, SEQ + i);
		}
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_RELAY_FULL), 4 - room);
		for (size_t i = room; i < 4; i++) {
			check_forwarded(&world, &world.puppet[i], &world.puppet[9], SEQ + i);
		}
		world_run(&world, SHOAL_SEC(1));
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), room);
		world_done(&world);
	}
}

static void
relays_serve_members_only_and_for_members_only(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 256);
	struct shoal_msg_state left = puppet_state(&world.puppet[3], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[3], SHOAL_MESSAGE_STATE, &left);
	struct puppet *stranger = world_puppet(&world);
	size_t number = (size_t)(stranger - world.puppet);
	struct shoal_id self = world_id(&world, 0);
	world_clear(&world);
	ask(&world, number, &world.puppet[1].id, SEQ); /* who is no member asks */
	ask(&world, 3, &world.puppet[1].id, SEQ);      /* who has left asks */
	ask(&world, 0, &self, SEQ);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 3);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), 0);
	/* A member that asks for one who is not known or has left is not left without an answer. */
	ask(&world, 0, &stranger->id, SEQ);
	ask(&world, 0, &world.puppet[3].id, SEQ);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 3);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_NACK), 2);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_PING), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED), 0);
	/* One that is dead here may be alive to the origin. */
	struct shoal_msg_member dead = puppet_member(stranger, SHOAL_STATE_DEAD);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &dead);
	assert_int_equal(world_state(&world, 0, &stranger->id), SHOAL_STATE_DEAD);
	ask(&world, 0, &stranger->id, SEQ);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED), 1);
	world_done(&world);
}

static void
a_nack_says_which_leg_failed(void **state)
{
	static const struct {
		enum shoal_state held;
		uint8_t reason;
	} rows[] = {{SHOAL_STATE_ALIVE, SHOAL_NACK_SILENT},
	        {SHOAL_STATE_UNKNOWN, SHOAL_NACK_UNKNOWN}, {SHOAL_STATE_LEAVING, SHOAL_NACK_LEFT},
	        {SHOAL_STATE_LEFT, SHOAL_NACK_LEFT}};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		struct core_world world;
		bool off = i >= COUNT_OF(rows);
		enum shoal_state held = rows[i % COUNT_OF(rows)].held;

		set_up(&world, 256);
		world_core(&world, 0)->profile.nacks = off ? 0 : 1;
		struct puppet *target =
		        held == SHOAL_STATE_UNKNOWN ? world_puppet(&world) : &world.puppet[1];
		if (held == SHOAL_STATE_LEAVING || held == SHOAL_STATE_LEFT) {
			struct shoal_msg_state said = puppet_state(target, held);
			said.age_ms = 100000;
			world_tell(&world, 0, target, SHOAL_MESSAGE_STATE, &said);
		}
		ask(&world, 0, &target->id, SEQ);
		world_run(&world, SHOAL_MS(401));
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, &world.puppet[0].addr, SHOAL_MESSAGE_NACK);
		assert_true((packet == NULL) == off);
		if (!off) {
			assert_int_equal(packet_has(packet, SHOAL_MESSAGE_NACK)->nack.reason,
			        rows[i].reason);
		}
		world_done(&world);
	}
}

static bool
cut_between_0_and_2(const struct core_world *world, const struct world_packet *packet)
{
	size_t to = 0;

	while (to < world->nodes && !shoal_addr_equal(&world->node[to].addr, &packet->to)) {
		to++;
	}
	return (packet->node == 0 && to == 2) || (packet->node == 2 && to == 0);
}

static void
a_relay_keeps_a_member_alive_to_one_that_cannot_reach_it(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 4; i++) {
		world_add(&world, NULL);
	}
	for (size_t i = 1; i < 4; i++) {
		world_join(&world, i, 0);
	}
	world_run(&world, SHOAL_SEC(3));
	world.loses = cut_between_0_and_2;
	world_clear(&world);
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 4);
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_SUSPECT), 0);
	}
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_RELAYS_SERVED) > 0);
	assert_true(world_counter(&world, 3, SHOAL_COUNTER_RELAYS_SERVED) > 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED), 0);
	world_done(&world);
}

/* Relays of which none has room: the answer comes from the target, past the cut one way only. */
static bool
cut_from_0_to_2(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == 0 && shoal_addr_equal(&world->node[2].addr, &packet->to);
}

static void
relays_without_room_still_save_a_member_that_is_cut_off_one_way(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 4; i++) {
		struct shoal_core_config config;
		world_config(&world, &config);
		config.profile.relayed_max = 0;
		world_add(&world, &config);
	}
	for (size_t i = 1; i < 4; i++) {
		world_join(&world, i, 0);
	}
	world_run(&world, SHOAL_SEC(3));
	world.loses = cut_from_0_to_2;
	world_clear(&world);
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED), 0);
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_DROP_RELAY_FULL) > 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	world_done(&world);
}

static void
a_request_in_a_members_name_from_elsewhere_is_not_served(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 256);
	struct shoal_addr from = world.puppet[0].addr;
	struct shoal_msg_relay relay = {.seq = SEQ,
	        .id = world.puppet[0].id,
	        .salt = puppet_salt(&world.puppet[0]),
	        .target = world.puppet[1].id,
	        .budget_ms = 500};
	from.port++;
	world_send(&world, 0, &from, SHOAL_MESSAGE_RELAY, &relay);
	assert_null(world.sent);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED), 0);
	from.port--;
	world_send(&world, 0, &from, SHOAL_MESSAGE_RELAY, &relay);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED), 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_request_in_a_members_name_from_elsewhere_is_not_served),
	        cmocka_unit_test(the_targets_ack_is_passed_on_under_the_origins_number),
	        cmocka_unit_test(without_an_ack_a_nack_goes_back_after_four_fifths_of_the_time),
	        cmocka_unit_test(an_ack_of_another_or_from_elsewhere_is_not_passed_on),
	        cmocka_unit_test(a_fifth_request_of_one_origin_is_answered_by_the_target_itself),
	        cmocka_unit_test(a_full_table_sends_the_target_to_the_origin_and_no_nack),
	        cmocka_unit_test(relays_serve_members_only_and_for_members_only),
	        cmocka_unit_test(a_nack_says_which_leg_failed),
	        cmocka_unit_test(a_relay_keeps_a_member_alive_to_one_that_cannot_reach_it),
	        cmocka_unit_test(relays_without_room_still_save_a_member_that_is_cut_off_one_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
