/* SPDX-License-Identifier: MIT */
/* What tests of reliable messages say, and what they hold a core to. */
#ifndef SHOAL_TEST_CORE_RELIABLE_WORLD_H
#define SHOAL_TEST_CORE_RELIABLE_WORLD_H

#include "core_talk_world.h"

#include "core/message/reliable.h"

/* Messages 0 to 255, one byte each, in this order and no other. */
static inline void
expect_bytes(const struct core_world *world, size_t node, size_t count)
{
	assert_int_equal(world_count_events(world, node, SHOAL_EVENT_MESSAGE), count);
	for (size_t i = 0; i < count; i++) {
		const struct shoal_event *event =
		        world_event(world, node, SHOAL_EVENT_MESSAGE, NULL, i);
		assert_int_equal(event->len, 1);
		assert_int_equal(event->data[0], (uint8_t)i);
		assert_int_equal(event->flags, SHOAL_RELIABLE);
	}
}

/* The ends of messages 1 to count, in order. */
static inline void
expect_ends(const struct core_world *world, size_t node, size_t first, size_t count, int code)
{
	for (size_t i = 0; i < count; i++) {
		const struct shoal_event *event =
		        world_event(world, node, SHOAL_EVENT_SENT, NULL, first + i);
		assert_non_null(event);
		assert_true(event->exchange == first + i + 1);
		assert_int_equal(event->code, code);
	}
}

static inline void
say_bytes(struct core_world *world, size_t node, const struct shoal_id *to, size_t first,
        size_t count)
{
	for (size_t i = first; i < first + count; i++) {
		uint8_t byte = (uint8_t)i;
		assert_int_equal(
		        talk_add(world, node, to, SHOAL_RELIABLE, i + 1, &byte, 1), SHOAL_OK);
	}
	world_drain(world, node);
}

/* A core and a member that says what the test says. */
static inline struct puppet *
meet(struct core_world *world, const struct shoal_core_config *config)
{
	world_init(world);
	world_add(world, config);
	struct puppet *puppet = world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_clear(world);
	return puppet;
}

static inline const struct world_packet *
last_batch(const struct core_world *world)
{
	const struct world_packet *packet = NULL, *next = NULL;

	while ((next = world_sent(world, next, 0, NULL, SHOAL_MESSAGE_BATCH)) != NULL) {
		packet = next;
	}
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
	return packet;
}

static inline const struct shoal_msg_batch *
batch_of(const struct world_packet *packet)
{
	return &packet_has(packet, SHOAL_MESSAGE_BATCH)->batch;
}

/* The puppet has taken all below next. */
static inline void
receipt(struct core_world *world, const struct puppet *puppet, uint64_t next, int code)
{
	struct shoal_msg_receipt m = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .instance = talk_salt(world, 0),
	        .seq = batch_of(last_batch(world))->seq,
	        .next = next,
	        .code = (uint64_t)-code};

	world_answer(world, last_batch(world), SHOAL_OK, SHOAL_MESSAGE_RECEIPT, &m);
}

/* What the core answers to a batch of the puppet's. */
static inline const struct shoal_msg_receipt *
hand_in(struct core_world *world, const struct puppet *puppet, struct shoal_msg_batch batch)
{
	static struct parcel parcel;

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_BATCH, &batch);
	parcel_end(&parcel);
	world_forget_sent(world);
	assert_int_equal(
	        world_request(world, 0, &puppet->addr, UINT64_C(1) << 60, &parcel), SHOAL_OK);
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_RECEIPT);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
	return &packet_has(packet, SHOAL_MESSAGE_RECEIPT)->receipt;
}

#endif
