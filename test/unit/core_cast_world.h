/* SPDX-License-Identifier: MIT */
/* What tests of broadcasts say, and what they look for. */
#ifndef SHOAL_TEST_CORE_CAST_WORLD_H
#define SHOAL_TEST_CORE_CAST_WORLD_H

#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define CAST_TYPE 210

/* Cores that know each other; config, for the first one, may be NULL. */
static inline void
cast_begin(struct core_world *world, size_t nodes, const struct shoal_core_config *config)
{
	world_init(world);
	world_add(world, config);
	for (size_t i = 1; i < nodes; i++) {
		world_add(world, NULL);
		assert_int_equal(world_join(world, i, 0), SHOAL_OK);
		world_run(world, SHOAL_MS(100));
	}
	world_run(world, SHOAL_SEC(2));
	world_clear(world);
}

static inline struct shoal_input
cast_input(unsigned flags, const char *tag, uint64_t token, const void *data, size_t len)
{
	return (struct shoal_input){.kind = SHOAL_INPUT_BROADCAST,
	        .type = CAST_TYPE,
	        .flags = (uint16_t)flags,
	        .exchange = token,
	        .tag = (const uint8_t *)tag,
	        .tag_len = tag != NULL ? strlen(tag) : 0,
	        .data = data,
	        .len = len};
}

static inline int
cast_say(struct core_world *world, size_t node, unsigned flags, const char *text)
{
	return world_step(world, node, cast_input(flags, NULL, 0, text, strlen(text)));
}

/* Each but the one that said it has heard the text so often. */
static inline void
cast_heard(const struct core_world *world, size_t from, const char *text, size_t times)
{
	for (size_t node = 0; node < world->nodes; node++) {
		const struct shoal_event *event;
		size_t heard = 0;

		for (size_t n = 0;
		        (event = world_event(world, node, SHOAL_EVENT_MESSAGE, NULL, n)) != NULL;
		        n++) {
			heard += event->len == strlen(text) &&
			         memcmp(event->data, text, event->len) == 0;
		}
		assert_int_equal(heard, node == from ? 0 : times);
	}
}

static inline uint64_t
cast_salt(const struct core_world *world, size_t node)
{
	return shoal_members_salt(shoal_members_at(world_core(world, node), SHOAL_SELF));
}

#endif
