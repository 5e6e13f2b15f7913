/* SPDX-License-Identifier: MIT */
/* A core that watches, among puppets: its links are opened and ended by the test. */
#ifndef SHOAL_TEST_CORE_WATCH_WORLD_H
#define SHOAL_TEST_CORE_WATCH_WORLD_H

#include "core_world.h"
#include "unit.h"

/* Node 0 with so many puppets that answer everything, the ring at rest. */
static inline void
watch_begin(struct core_world *world, size_t puppets)
{
	struct shoal_core_config config;

	world_init(world);
	world->latency = SHOAL_US(100);
	world_config(world, &config);
	config.profile.watchers = 3;
	world_add(world, &config);
	for (size_t i = 0; i < puppets; i++) {
		world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	}
}

/* The opening of the link to a puppet; NULL: it is not watched. */
static inline const struct world_packet *
watch_dialled(struct core_world *world, const struct puppet *puppet)
{
	return world_sent(world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_WATCH);
}

static inline struct shoal_msg_answer
watch_yes(const struct puppet *puppet)
{
	return (struct shoal_msg_answer){.id = puppet->id, .salt = puppet_salt(puppet)};
}

/* Opens every link that the core asks for; returns a puppet that it watches. */
static inline struct puppet *
watch_link_all(struct core_world *world, uint64_t *number)
{
	struct puppet *watched = NULL;

	*number = 0;
	world_run(world, SHOAL_SEC(3));
	for (size_t i = 0; i < world->puppets; i++) {
		struct puppet *puppet = &world->puppet[i];
		const struct world_packet *opening = watch_dialled(world, puppet);
		struct shoal_msg_answer yes = watch_yes(puppet);
		if (opening != NULL) {
			assert_int_equal(opening->kind, SHOAL_SEND_WATCH);
			*number = opening->exchange;
			watched = puppet;
			assert_int_equal(
			        world_answer(world, opening, 0, SHOAL_MESSAGE_ANSWER, &yes), 0);
		}
	}
	assert_non_null(watched);
	world_forget_sent(world);
	return watched;
}

static inline void
watch_close(struct core_world *world, uint64_t number, int code)
{
	assert_int_equal(
	        world_step(world, 0,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_CLOSED, .exchange = number, .code = code}),
	        0);
}

/* A puppet that was asked for help says refused. */
static inline bool
watch_says_refused(struct core_world *world, const struct puppet *relay)
{
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &relay->addr, SHOAL_MESSAGE_CHECK);
	if (packet == NULL) {
		return false;
	}
	const struct shoal_msg_check *check = &packet_has(packet, SHOAL_MESSAGE_CHECK)->check;
	struct shoal_msg_refused refused = {.seq = check->seq,
	        .id = relay->id,
	        .salt = puppet_salt(relay),
	        .target = check->target,
	        .instance = check->instance,
	        .refused_ms = 300};

	assert_int_equal(world_tell(world, 0, relay, SHOAL_MESSAGE_REFUSED, &refused), 0);
	return true;
}

#endif
