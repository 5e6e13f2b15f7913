/* SPDX-License-Identifier: MIT */
/* Worlds of members that seal. */
#ifndef SHOAL_TEST_CORE_SEALED_H
#define SHOAL_TEST_CORE_SEALED_H

#include "unit.h"

#include <stdlib.h>

#include "core_world.h"
#include "unit_cipher.h"
#include "wire/packet.h"

static const struct shoal_key keys[3] = {
        {32, {1}}, {16, {2}}, {24, {3}}}; /* three of different lengths */

static inline void
sealed_config(const struct core_world *world, struct shoal_core_config *config, size_t key)
{
	world_config(world, config);
	config->cipher = unit_cipher();
	config->key = &keys[key];
	config->key_count = 1;
}

static inline size_t
add(struct core_world *world, size_t key)
{
	struct shoal_core_config config;

	sealed_config(world, &config, key);
	return world_add(world, &config);
}

static inline size_t
add_accepting(struct core_world *world, uint32_t accept_clear)
{
	struct shoal_core_config config;

	sealed_config(world, &config, 0);
	config.accept_clear = accept_clear;
	return world_add(world, &config);
}

/* n nodes with the first key that have joined each other. */
static inline void
form(struct core_world *world, size_t n)
{
	world_init(world);
	world->latency = SHOAL_MS(1);
	for (size_t i = 0; i < n; i++) {
		add(world, 0);
		if (i > 0) {
			assert_int_equal(world_join(world, i, 0), SHOAL_OK);
			world_run(world, SHOAL_MS(500));
		}
	}
	world_run(world, SHOAL_SEC(2));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(shoal_core_count(world_core(world, i), SHOAL_STATE_ALIVE), n);
	}
}

static inline uint64_t
dropped(const struct core_world *world, size_t node)
{
	static const enum shoal_counter counters[] = {SHOAL_COUNTER_DROP_AUTH,
	        SHOAL_COUNTER_DROP_SEALED, SHOAL_COUNTER_DROP_REPLAYED, SHOAL_COUNTER_DROP_CLEAR,
	        SHOAL_COUNTER_DROP_REDIRECTED, SHOAL_COUNTER_DROP_MALFORMED,
	        SHOAL_COUNTER_DROP_VERSION, SHOAL_COUNTER_DROP_CHECKSUM, SHOAL_COUNTER_DROP_LABEL,
	        SHOAL_COUNTER_DROP_COMPRESSED};
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNT_OF(counters); i++) {
		sum += world_counter(world, node, counters[i]);
	}
	return sum;
}

/* What a join through node 0 ends with. */
static inline int
join_code(struct core_world *world, size_t node)
{
	assert_int_equal(world_join(world, node, 0), SHOAL_OK);
	const struct shoal_event *event =
	        world_await(world, node, SHOAL_EVENT_JOINED, SHOAL_SEC(30));
	assert_non_null(event);
	return event->code;
}

/* A copy of a datagram from one node to another that has been delivered. */
static inline struct world_packet
overheard(struct core_world *world, size_t from, size_t to)
{
	const struct world_packet *found = NULL;
	struct world_packet copy;

	world_clear(world);
	for (int i = 0; i < 60 && found == NULL; i++) {
		world_run(world, SHOAL_SEC(1));
		for (const struct world_packet *packet = world->sent; packet;
		        packet = packet->next) {
			if (packet->kind == SHOAL_SEND_DATAGRAM && packet->node == from &&
			        shoal_addr_equal(&packet->to, &world->node[to].addr)) {
				found = packet;
			}
		}
	}
	assert_non_null(found);
	copy = *found;
	copy.data = malloc(copy.len);
	assert_non_null(copy.data);
	memcpy(copy.data, found->data, copy.len);
	world_run(world, SHOAL_MS(10));
	return copy;
}

#endif
