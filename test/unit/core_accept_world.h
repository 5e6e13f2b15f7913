/* SPDX-License-Identifier: MIT */
/* Cores that ask their hosts whom to take in. */
#ifndef SHOAL_TEST_UNIT_CORE_ACCEPT_WORLD_H
#define SHOAL_TEST_UNIT_CORE_ACCEPT_WORLD_H

#include "unit.h"

#include <stdlib.h>

#include "core_world.h"

/* A node that asks its host. */
static inline size_t
add_asking(struct core_world *world)
{
	struct shoal_core_config config;

	world_config(world, &config);
	config.asks_accept = true;
	return world_add(world, &config);
}

static inline int
decide(struct core_world *world, size_t node, uint64_t number, int code, const char *reason)
{
	return world_step(world, node,
	        (struct shoal_input){.kind = SHOAL_INPUT_ACCEPT,
	                .exchange = number,
	                .code = code,
	                .data = (const uint8_t *)reason,
	                .len = strlen(reason)});
}

static inline const struct shoal_event *
asked(const struct core_world *world, size_t node, const struct shoal_id *id, size_t n)
{
	return world_event(world, node, SHOAL_EVENT_APPLICANT, id, n);
}

static inline size_t
count_asked(const struct core_world *world, size_t node)
{
	return world_count_events(world, node, SHOAL_EVENT_APPLICANT);
}

/* A puppet's join: itself, and what it says of another one (may be NULL). */
static inline void
join_as(struct core_world *world, size_t node, const struct puppet *puppet,
        const struct shoal_msg_member *said, const struct shoal_msg_member *other,
        uint64_t exchange)
{
	struct shoal_msg_join join = {
	        .id = puppet->id, .salt = puppet_salt(puppet), .epoch_s = WORLD_EPOCH};
	struct parcel *parcel = calloc(1, sizeof *parcel);

	parcel_begin(parcel, world->label);
	parcel_add(parcel, SHOAL_MESSAGE_JOIN, &join);
	parcel_add(parcel, SHOAL_MESSAGE_MEMBER, said);
	if (other != NULL) {
		parcel_add(parcel, SHOAL_MESSAGE_MEMBER, other);
	}
	parcel_end(parcel);
	assert_int_equal(world_request(world, node, &puppet->addr, exchange, parcel), SHOAL_OK);
	free(parcel);
}

/* The code that a request was answered with; 1: it was not. */
static inline int
code_of(const struct core_world *world, size_t node, uint64_t exchange)
{
	const struct world_packet *packet = NULL;
	int code = 1;

	while ((packet = world_sent(world, packet, node, NULL, SHOAL_MESSAGE_ANSWER)) != NULL) {
		if (packet->exchange == exchange) {
			code = -(int)packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.code;
		}
	}
	return code;
}

/* Passes time; all that the node asks meanwhile is accepted, but for one (may be NULL). */
static inline void
run_accepting(struct core_world *world, size_t node, const struct shoal_id *refused, unsigned s)
{
	for (unsigned i = 0; i < 10 * s; i++) {
		for (size_t n = count_asked(world, node); n > 0; n--) {
			const struct shoal_event *event = asked(world, node, NULL, n - 1);
			bool no = refused != NULL && shoal_id_compare(&event->id, refused) == 0;
			(void)decide(world, node, event->exchange, no ? SHOAL_ERR_REJECTED : 0, "");
		}
		world_run(world, SHOAL_MS(100));
	}
}

#endif
