/* SPDX-License-Identifier: MIT */
/* Packets on their way out: what each must hold, what happens when that is too much for a datagram,
 * and when the queue or the addressee is gone. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define REQUEST (UINT64_C(1) << 60)

static const char *const addresses[] = {"[2001:db8:ffff:ffff:ffff:ffff:ffff:1]:65535",
        "[2001:db8:ffff:ffff:ffff:ffff:ffff:2]:65535",
        "[2001:db8:ffff:ffff:ffff:ffff:ffff:3]:65535",
        "[2001:db8:ffff:ffff:ffff:ffff:ffff:4]:65535"};

/* A core whose own statement is as long as can be, in datagrams as short as can be. */
static void
set_up_long(struct core_world *world, struct shoal_msg_member *like)
{
	static char name[SHOAL_NAME_MAX + 1], label[SHOAL_LABEL_MAX + 1];
	struct shoal_core_config config;

	memset(name, 'n', SHOAL_NAME_MAX);
	memset(label, 'l', SHOAL_LABEL_MAX);
	world_init(world);
	world_config(world, &config);
	config.name = name;
	config.label = label;
	config.app_version = UINT32_MAX;
	config.profile.datagram_max = 508;
	config.addrs = SHOAL_ADDRS_MAX;
	for (size_t i = 0; i < SHOAL_ADDRS_MAX; i++) {
		assert_int_equal(shoal_addr_parse(&config.addr[i], addresses[i]), 0);
	}
	world->label = (struct shoal_span){(const uint8_t *)label, SHOAL_LABEL_MAX};
	world_add(world, &config);
	world_core(world, 0)->has_ipv4 = true; /* the puppets have no other */
	*like = (struct shoal_msg_member){.name = {(const uint8_t *)name, SHOAL_NAME_MAX},
	        .addrs = {.count = SHOAL_ADDRS_MAX},
	        .app_version = UINT32_MAX};
	memcpy(like->addrs.item, config.addr, sizeof config.addr);
}

static void
what_a_packet_must_hold_and_a_datagram_cannot_goes_as_a_stream(void **state)
{
	struct core_world world;
	struct shoal_msg_member subject;
	struct shoal_core_member self;
	size_t streams = 0;

	(void)state;
	set_up_long(&world, &subject);
	struct shoal_core *core = world_core(&world, 0);
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	assert_true(shoal_core_member(core, 0, &self));
	subject.id = world_puppet(&world)->id;
	subject.incarnation = 5;
	subject.state = SHOAL_STATE_ALIVE;
	world_tell(&world, 0, member, SHOAL_MESSAGE_MEMBER, &subject);
	world_clear(&world);
	/* This member's own statement and that of another: each fits, both do not. */
	shoal_send_gossip(core, shoal_members_find(core, &member->id),
	        SHOAL_FILL_SELF | SHOAL_FILL_ABOUT, shoal_members_find(core, &subject.id));
	world_drain(&world, 0);
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_int_equal(packet->kind, SHOAL_SEND_STREAM);
		assert_true(shoal_addr_equal(&packet->to, &member->addr));
		assert_true(packet->len > 508);
		assert_int_equal(packet_state_of(packet, &subject.id), SHOAL_STATE_ALIVE);
		assert_int_equal(packet_state_of(packet, &self.id), SHOAL_STATE_ALIVE);
		assert_int_equal(packet->messages, 3);
		streams++;
	}
	assert_int_equal(streams, 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_STREAMS_OUT), 1);
	world_done(&world);
}

static void
every_kind_of_datagram_fits_the_shortest_with_the_longest_names(void **state)
{
	struct core_world world;
	struct shoal_msg_member like;

	(void)state;
	set_up_long(&world, &like);
	for (size_t i = 0; i < 6; i++) {
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member member = like;
		member.id = puppet->id;
		member.salt = puppet->salt;
		member.incarnation = puppet->incarnation;
		member.state = i == 5 ? SHOAL_STATE_DEAD : SHOAL_STATE_ALIVE;
		member.addrs.item[0] = puppet->addr;
		puppet->answers = i == 0 ? PUPPET_DATAGRAMS : 0;
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &member);
	}
	/* Probes, relays, suspicions, deaths, healing, and at last a leave. */
	world_run(&world, SHOAL_SEC(100));
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	world_run(&world, SHOAL_SEC(10));
	size_t datagrams = 0;
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_int_not_equal(packet->kind, SHOAL_SEND_STREAM);
		datagrams += packet->kind == SHOAL_SEND_DATAGRAM;
		assert_true(packet->kind != SHOAL_SEND_DATAGRAM || packet->len <= 508);
	}
	assert_true(datagrams > 100);
	world_done(&world);
}

static void
the_counters_tell_of_every_packet_and_byte(void **state)
{
	struct core_world world;
	uint64_t datagrams = 0, streams = 0, bytes = 0, statements = 0;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	for (size_t i = 0; i < 4; i++) {
		world_meet(&world, 0, i % 2 == 0 ? PUPPET_DATAGRAMS : 0);
	}
	world_run(&world, SHOAL_SEC(60));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		*(packet->kind == SHOAL_SEND_DATAGRAM ? &datagrams : &streams) += 1;
		bytes += packet->len;
		for (size_t i = 0; i < packet->messages; i++) {
			statements += packet->message[i].kind == SHOAL_MESSAGE_MEMBER ||
			              packet->message[i].kind == SHOAL_MESSAGE_STATE;
		}
	}
	assert_true(datagrams > 30 && streams > 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DATAGRAMS_OUT), datagrams);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_STREAMS_OUT), streams);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_BYTES_OUT), bytes);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_STATEMENTS_OUT), statements);
	world_done(&world);
}

static void
a_full_queue_drops_and_counts_and_keeps_what_is_in_it(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.sends_max = 16;
	world_add(&world, &config);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(1));
	world_clear(&world);
	struct shoal_core *core = world_core(&world, 0);
	for (uint64_t seq = 1; seq <= 20; seq++) {
		struct shoal_pending *pending = shoal_send_queue(
		        core, SHOAL_SEND_DATAGRAM, &world.puppet[0].addr, SHOAL_NONE, 0);
		struct shoal_msg_ack ack = {.seq = seq};
		assert_true((pending != NULL) == (seq <= 16));
		if (pending != NULL) {
			shoal_send_primary(pending, SHOAL_MESSAGE_ACK, &ack);
		}
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_SENDS_FULL), 4);
	world_drain(&world, 0);
	uint64_t seq = 0;
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_int_equal(packet->message[0].m.ack.seq, ++seq);
	}
	assert_int_equal(seq, 16);
	world_done(&world);
}

static void
a_packet_for_a_member_that_moved_meanwhile_carries_nothing_about_it(void **state)
{
	struct core_world world;
	struct shoal_addr before;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_clear(&world);
	struct shoal_core *core = world_core(&world, 0);
	before = member->addr;
	uint32_t slot = shoal_members_find(core, &member->id);
	struct shoal_pending *pending = shoal_send_queue(
	        core, SHOAL_SEND_DATAGRAM, &before, slot, SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);
	struct shoal_msg_ack ack = {.seq = 1};
	shoal_send_primary(pending, SHOAL_MESSAGE_ACK, &ack);
	struct shoal_record *record = shoal_members_at(core, slot);
	record->info->bytes[1]++; /* of its address */
	world_drain(&world, 0);
	assert_non_null(world.sent);
	assert_int_equal(world.sent->messages, 1);
	world_done(&world);
}

/* Queued for a slot that is empty by then, for the core's own, and about one that is forgotten. */
static void
a_packet_outlives_the_member_that_it_is_for(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_clear(&world);
	struct shoal_core *core = world_core(&world, 0);
	uint32_t slot = shoal_members_find(core, &member->id);
	struct shoal_msg_ack ack = {.seq = 1};
	for (int i = 0; i < 2; i++) {
		struct shoal_pending *pending =
		        shoal_send_queue(core, SHOAL_SEND_DATAGRAM, &member->addr,
		                i == 0 ? slot : SHOAL_SELF, SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);
		shoal_send_primary(pending, SHOAL_MESSAGE_ACK, &ack);
	}
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_DATAGRAM, &member->addr, slot, SHOAL_FILL_ABOUT);
	shoal_send_primary(pending, SHOAL_MESSAGE_ACK, &ack);
	pending->about = slot;
	shoal_members_remove(core, slot);
	world_drain(&world, 0);
	assert_int_equal(world_count_sent(&world, 0, &member->addr, SHOAL_MESSAGE_ACK), 3);
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		assert_int_equal(packet->messages, 1);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_packet_must_hold_and_a_datagram_cannot_goes_as_a_stream),
	        cmocka_unit_test(every_kind_of_datagram_fits_the_shortest_with_the_longest_names),
	        cmocka_unit_test(the_counters_tell_of_every_packet_and_byte),
	        cmocka_unit_test(a_full_queue_drops_and_counts_and_keeps_what_is_in_it),
	        cmocka_unit_test(
	                a_packet_for_a_member_that_moved_meanwhile_carries_nothing_about_it),
	        cmocka_unit_test(a_packet_outlives_the_member_that_it_is_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
