/* SPDX-License-Identifier: MIT */
/* What tests of messages say, and what they look for. */
#ifndef SHOAL_TEST_CORE_TALK_WORLD_H
#define SHOAL_TEST_CORE_TALK_WORLD_H

#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define TALK_TYPE 200

/* Two cores that know each other; config may be NULL. */
static inline void
talk_begin(struct core_world *world, const struct shoal_core_config *config)
{
	world_init(world);
	world_add(world, config);
	world_add(world, NULL);
	world_join(world, 0, 1);
	world_run(world, SHOAL_SEC(1));
	world_clear(world);
}

static inline struct shoal_input
talk_input(const struct shoal_id *to, unsigned flags, uint64_t token, const void *data, size_t len)
{
	return (struct shoal_input){.kind = SHOAL_INPUT_SEND,
	        .id = *to,
	        .type = TALK_TYPE,
	        .flags = (uint16_t)flags,
	        .exchange = token,
	        .data = data,
	        .len = len};
}

static inline int
talk_say(struct core_world *world, size_t node, const struct shoal_id *to, unsigned flags,
        uint64_t token, const char *text)
{
	return world_step(world, node, talk_input(to, flags, token, text, strlen(text)));
}

/* Several before the host takes what is to be sent. */
static inline int
talk_add(struct core_world *world, size_t node, const struct shoal_id *to, unsigned flags,
        uint64_t token, const void *data, size_t len)
{
	struct shoal_input input = talk_input(to, flags, token, data, len);

	input.mono_ns = world->now;
	input.wall_ns = SHOAL_SEC(WORLD_EPOCH) + world->now;
	return shoal_core_step(world_core(world, node), &input);
}

static inline void
talk_room(struct core_world *world, size_t node, size_t size)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_ROOM, .size = size};

	assert_int_equal(world_step(world, node, input), SHOAL_OK);
}

/* The n-th message that came has this text. */
static inline void
talk_heard(const struct core_world *world, size_t node, size_t n, const char *text)
{
	const struct shoal_event *event = world_event(world, node, SHOAL_EVENT_MESSAGE, NULL, n);

	assert_non_null(event);
	assert_int_equal(event->len, strlen(text));
	assert_memory_equal(event->data, text, event->len);
}

static inline uint64_t
talk_salt(const struct core_world *world, size_t node)
{
	return shoal_members_salt(shoal_members_at(world_core(world, node), SHOAL_SELF));
}

/* Entries with one byte each, counting up. */
static inline struct shoal_span
talk_entries(uint8_t *data, size_t room, uint8_t first, size_t count)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, room);
	for (size_t i = 0; i < count; i++) {
		uint8_t byte = (uint8_t)(first + i);
		struct shoal_entry entry = {
		        .type = TALK_TYPE, .stamp = 1, .data = {&byte, sizeof byte}};
		shoal_entry_write(&writer, &entry);
	}
	assert_false(writer.failed);
	return (struct shoal_span){data, writer.len};
}

#endif
