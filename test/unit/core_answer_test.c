/* SPDX-License-Identifier: MIT */
/* How a core answers pings: to whom, with what, and what a stranger gets. */
#include "unit.h"

#include "base/addr.h"
#include "core_world.h"

static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world_clear(world);
}

static struct shoal_msg_ping
ping_by(const struct core_world *world, const struct puppet *puppet)
{
	return (struct shoal_msg_ping){.seq = UINT64_C(0x1234567890abcdef),
	        .id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .target = world_id(world, 0)};
}

/* The only packet that was sent since. */
static const struct world_packet *
only(const struct core_world *world)
{
	assert_non_null(world->sent);
	assert_null(world->sent->next);
	return world->sent;
}

static void
check_ack(const struct core_world *world, const struct world_packet *packet)
{
	struct shoal_core_member self;
	uint64_t salt = 0;

	assert_int_equal(packet->message[0].kind, SHOAL_MESSAGE_ACK);
	const struct shoal_msg_ack *ack = &packet->message[0].m.ack;
	assert_true(shoal_core_member(world_core(world, 0), 0, &self));
	for (size_t i = 0; i < 8; i++) {
		salt = salt << 8 | self.salt.bytes[i];
	}
	assert_true(ack->seq == UINT64_C(0x1234567890abcdef));
	assert_memory_equal(&ack->id, &self.id, 16);
	assert_true(ack->salt == salt);
}

static size_t
statements(const struct world_packet *packet)
{
	size_t count = 0;

	for (size_t i = 0; i < packet->messages; i++) {
		count += packet->message[i].kind == SHOAL_MESSAGE_MEMBER ||
		         packet->message[i].kind == SHOAL_MESSAGE_STATE;
	}
	return count;
}

static void
a_members_ping_is_answered_with_an_ack_and_gossip(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct shoal_msg_ping ping = ping_by(&world, &world.puppet[0]);
	assert_int_equal(
	        world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_PING, &ping), SHOAL_OK);
	const struct world_packet *packet = only(&world);
	assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	assert_true(shoal_addr_equal(&packet->to, &world.puppet[0].addr));
	check_ack(&world, packet);
	/* News about the two others, none about itself. */
	assert_int_equal(statements(packet), 2);
	assert_int_equal(packet_state_of(packet, &world.puppet[0].id), SHOAL_STATE_UNKNOWN);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PINGS_IN), 1);
	world_done(&world);
}

static void
a_ping_for_another_member_is_counted_and_not_answered_with_an_ack(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct shoal_msg_ping ping = ping_by(&world, &world.puppet[0]);
	ping.target = world.puppet[1].id;
	assert_int_equal(
	        world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_PING, &ping), SHOAL_OK);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_ACK), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MISDIRECTED), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PINGS_IN), 0);
	world_done(&world);
}

/* Bytes of a packet with a ping as short as a receiver takes it: origin and mark left out. */
static size_t
short_ping(struct parcel *parcel, const struct shoal_msg_ping *ping)
{
	uint8_t *body;

	parcel_begin(parcel, (struct shoal_span){NULL, 0});
	parcel_add(parcel, SHOAL_MESSAGE_PING, ping);
	body = parcel->data + 3;
	assert_int_equal(body[1], 53);
	body[1] = 48;
	parcel->writer.len -= 5;
	parcel_end(parcel);
	return parcel->writer.len;
}

static void
a_stranger_gets_a_bare_ack_that_is_shorter_than_its_ping(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_ping ping = ping_by(&world, stranger);
	size_t len = short_ping(&parcel, &ping);
	assert_int_equal(world_datagram(&world, 0, &stranger->addr, &parcel), SHOAL_OK);
	const struct world_packet *packet = only(&world);
	check_ack(&world, packet);
	assert_int_equal(packet->messages, 1);
	assert_true(packet->len < len);
	assert_int_equal(world_state(&world, 0, &stranger->id), SHOAL_STATES);
	world_done(&world);
}

static void
a_members_name_from_another_address_gets_no_gossip_either(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_ping ping = ping_by(&world, &world.puppet[0]);
	world_send(&world, 0, &stranger->addr, SHOAL_MESSAGE_PING, &ping);
	const struct world_packet *packet = only(&world);
	assert_true(shoal_addr_equal(&packet->to, &stranger->addr));
	check_ack(&world, packet);
	assert_int_equal(packet->messages, 1);
	world_done(&world);
}

static void
one_that_is_held_otherwise_than_alive_hears_it_with_the_ack(void **state)
{
	static const enum shoal_state states[] = {SHOAL_STATE_SUSPECT, SHOAL_STATE_LEFT};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct core_world world;

		set_up(&world, 3);
		const struct puppet *held = &world.puppet[1];
		struct shoal_msg_state said = puppet_state(held, states[i]);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &said);
		world_clear(&world);
		struct shoal_msg_ping ping = ping_by(&world, held);
		world_send(&world, 0, &held->addr, SHOAL_MESSAGE_PING, &ping);
		const struct world_packet *packet = only(&world);
		check_ack(&world, packet);
		assert_int_equal(packet_state_of(packet, &held->id), states[i]);
		const struct shoal_msg_state *belief = &packet->message[1].m.state;
		assert_int_equal(packet->message[1].kind, SHOAL_MESSAGE_STATE);
		assert_true(belief->incarnation == held->incarnation);
		assert_true(belief->salt == puppet_salt(held));
		/* One that has left gets nothing but that. */
		assert_true(states[i] == SHOAL_STATE_SUSPECT || packet->messages == 2);
		/* From another address: nothing of it. */
		world_clear(&world);
		world_send(&world, 0, &world.puppet[2].addr, SHOAL_MESSAGE_PING, &ping);
		assert_int_equal(only(&world)->messages, 1);
		world_done(&world);
	}
}

static void
one_that_is_dead_here_hears_it_once_a_second(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < 2; i++) {
		struct puppet *sender = &world.puppet[i];
		struct shoal_msg_state said =
		        puppet_state(sender, i == 0 ? SHOAL_STATE_LEFT : SHOAL_STATE_DEAD);
		struct shoal_msg_ping ping = ping_by(&world, sender);

		sender->answers = 0;
		world_tell(&world, 0, &world.puppet[2], SHOAL_MESSAGE_STATE, &said);
		world_run(&world, SHOAL_SEC(10));
		assert_int_equal(world_state(&world, 0, &sender->id), said.state);
		for (size_t k = 0; k < 7; k++) {
			world_clear(&world);
			world_tell(&world, 0, sender, SHOAL_MESSAGE_PING, &ping);
			const struct world_packet *packet =
			        world_sent(&world, NULL, 0, &sender->addr, SHOAL_MESSAGE_ACK);
			assert_non_null(packet);
			bool told = k % 3 == 0;
			assert_int_equal(packet->messages, told ? 2 : 1);
			assert_int_equal(packet_state_of(packet, &sender->id),
			        told ? said.state : SHOAL_STATE_UNKNOWN);
			world_drop_flights(&world);
			world.now += k % 3 == 2   ? SHOAL_SEC(1) - SHOAL_MS(80) - 1
			             : k % 3 == 1 ? SHOAL_MS(40) + 1
			                          : SHOAL_MS(40);
		}
	}
	world_done(&world);
}

/* It told of this member what is old: a current one would be reminded with the next packet. */
static void
one_that_is_no_member_is_not_reminded_in_an_answer(void **state)
{
	(void)state;
	for (int dead = 0; dead <= 1; dead++) {
		struct core_world world;
		struct shoal_core_member self;

		set_up(&world, 2);
		struct puppet *sender = dead ? &world.puppet[0] : world_puppet(&world);
		struct shoal_msg_member hearsay = puppet_member(sender, SHOAL_STATE_ALIVE);
		struct shoal_msg_state left = puppet_state(sender, SHOAL_STATE_LEFT);
		hearsay.age_ms = 3600000;
		world_tell(&world, 0, &world.puppet[1],
		        dead ? SHOAL_MESSAGE_STATE : SHOAL_MESSAGE_MEMBER,
		        dead ? (const void *)&left : (const void *)&hearsay);
		assert_int_equal(world_state(&world, 0, &sender->id),
		        dead ? SHOAL_STATE_LEFT : SHOAL_STATE_UNKNOWN);
		assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
		struct shoal_msg_state old = {.id = self.id,
		        .salt = 1,
		        .incarnation = self.incarnation - 1,
		        .state = SHOAL_STATE_ALIVE};
		world_tell(&world, 0, sender, SHOAL_MESSAGE_STATE, &old);
		world_clear(&world);
		struct shoal_msg_ping ping = ping_by(&world, sender);
		world_tell(&world, 0, sender, SHOAL_MESSAGE_PING, &ping);
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, &sender->addr, SHOAL_MESSAGE_ACK);
		assert_non_null(packet);
		assert_int_equal(packet->messages, dead ? 2 : 1);
		assert_null(packet_has(packet, SHOAL_MESSAGE_MEMBER));
		world_done(&world);
	}
}

static void
another_instance_hears_which_one_is_known_here(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *sender = &world.puppet[0];
	for (int elsewhere = 0; elsewhere <= 1; elsewhere++) {
		struct shoal_msg_ping ping = ping_by(&world, sender);
		ping.salt++;
		struct puppet from = *sender;
		from.addr.port = (uint16_t)(from.addr.port + elsewhere);
		world_clear(&world);
		world_tell(&world, 0, &from, SHOAL_MESSAGE_PING, &ping);
		const struct world_packet *packet = only(&world);
		check_ack(&world, packet);
		const union shoal_wire_message *m = packet_has(packet, SHOAL_MESSAGE_MEMBER);
		assert_true((m != NULL) == !elsewhere);
		if (m != NULL) {
			assert_memory_equal(&packet->message[1].m.member.id, &sender->id, 16);
			assert_memory_equal(&packet->message[1].m.member.salt, &sender->salt, 16);
		}
	}
	world_done(&world);
}

static void
a_relayed_ping_is_answered_to_its_origin_without_gossip(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct shoal_msg_ping ping = ping_by(&world, &world.puppet[0]);
	ping.origin = world.puppet[2].addr;
	world_send(&world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_PING, &ping);
	const struct world_packet *packet = only(&world);
	assert_true(shoal_addr_equal(&packet->to, &world.puppet[2].addr));
	check_ack(&world, packet);
	assert_int_equal(packet->messages, 1);
	world_done(&world);
}

static void
a_stranger_or_a_dead_member_cannot_have_others_answered(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_ping ping = ping_by(&world, stranger);
	ping.origin = world.puppet[2].addr;
	world_send(&world, 0, &stranger->addr, SHOAL_MESSAGE_PING, &ping);
	assert_null(world.sent);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 1);
	struct shoal_msg_state left = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &left);
	world_clear(&world);
	ping.id = world.puppet[1].id;
	world_send(&world, 0, &world.puppet[1].addr, SHOAL_MESSAGE_PING, &ping);
	assert_null(world.sent);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 2);
	world_done(&world);
}

static void
a_ping_as_a_request_is_answered_as_a_reply_under_its_number(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct shoal_msg_ping ping = ping_by(&world, &world.puppet[0]);
	/* An origin is for datagrams: a reply goes down its stream. */
	ping.origin = world.puppet[1].addr;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_end(&parcel);
	world_request(&world, 0, &world.puppet[0].addr, UINT64_C(987654321), &parcel);
	const struct world_packet *packet = only(&world);
	assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
	assert_true(packet->exchange == 987654321);
	check_ack(&world, packet);
	world_done(&world);
}

static void
a_ping_that_came_by_stream_is_answered_to_the_members_own_address(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct shoal_addr dialled;

	(void)state;
	set_up(&world, 2);
	struct shoal_msg_ping ping = ping_by(&world, &world.puppet[0]);
	dialled = world.puppet[0].addr;
	dialled.port = 54321;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_end(&parcel);
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_STREAM,
	                                 .from = dialled,
	                                 .data = parcel.data,
	                                 .len = parcel.writer.len}),
	        SHOAL_OK);
	const struct world_packet *packet = only(&world);
	assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	assert_true(shoal_addr_equal(&packet->to, &world.puppet[0].addr));
	check_ack(&world, packet);
	world_done(&world);
}

/* The host names no address with a result: questions inside one must not go to nowhere. */
static void
questions_inside_an_answer_go_nowhere_but_to_who_was_asked(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct shoal_addr nowhere = {.port = 0};

	(void)state;
	set_up(&world, 2);
	struct puppet *seed = world_puppet(&world);
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr}),
	        SHOAL_OK);
	const struct world_packet *request =
	        world_sent(&world, NULL, 0, &seed->addr, SHOAL_MESSAGE_JOIN);
	assert_non_null(request);
	struct shoal_msg_ping ping = ping_by(&world, seed);
	struct shoal_msg_relay relay = {
	        .seq = 7, .id = world.puppet[0].id, .target = world.puppet[1].id, .budget_ms = 100};
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_add(&parcel, SHOAL_MESSAGE_RELAY, &relay);
	parcel_end(&parcel);
	world_result(&world, request, SHOAL_OK, &parcel);
	world_run(&world, SHOAL_SEC(1));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_false(shoal_addr_equal(&packet->to, &nowhere));
		assert_true(packet->to.port != 0);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_members_ping_is_answered_with_an_ack_and_gossip),
	        cmocka_unit_test(a_ping_for_another_member_is_counted_and_not_answered_with_an_ack),
	        cmocka_unit_test(a_stranger_gets_a_bare_ack_that_is_shorter_than_its_ping),
	        cmocka_unit_test(a_members_name_from_another_address_gets_no_gossip_either),
	        cmocka_unit_test(one_that_is_held_otherwise_than_alive_hears_it_with_the_ack),
	        cmocka_unit_test(one_that_is_dead_here_hears_it_once_a_second),
	        cmocka_unit_test(one_that_is_no_member_is_not_reminded_in_an_answer),
	        cmocka_unit_test(another_instance_hears_which_one_is_known_here),
	        cmocka_unit_test(a_relayed_ping_is_answered_to_its_origin_without_gossip),
	        cmocka_unit_test(a_stranger_or_a_dead_member_cannot_have_others_answered),
	        cmocka_unit_test(a_ping_as_a_request_is_answered_as_a_reply_under_its_number),
	        cmocka_unit_test(a_ping_that_came_by_stream_is_answered_to_the_members_own_address),
	        cmocka_unit_test(questions_inside_an_answer_go_nowhere_but_to_who_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
