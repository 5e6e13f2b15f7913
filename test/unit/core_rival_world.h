/* SPDX-License-Identifier: MIT */
/* A world of one observer, with a member that it knows under one salt and another instance of it
 * elsewhere. */
#ifndef SHOAL_TEST_CORE_RIVAL_WORLD_H
#define SHOAL_TEST_CORE_RIVAL_WORLD_H

#include "unit.h"

#include "core_world.h"

struct pair {
	struct core_world world;
	struct puppet *known;
	struct puppet *other; /* the same id */
};

/* silence: whether this observer excuses what it hears nothing of (profile.silence). */
static inline void
pair_begin(struct pair *pair, unsigned known_answers, uint32_t silence)
{
	struct shoal_core_config config;

	world_init(&pair->world);
	world_config(&pair->world, &config);
	config.profile.silence = silence;
	world_add(&pair->world, &config);
	for (size_t i = 0; i < 3; i++) {
		world_meet(&pair->world, 0, PUPPET_DATAGRAMS);
	}
	pair->known = world_meet(&pair->world, 0, PUPPET_DATAGRAMS);
	pair->other = world_puppet(&pair->world);
	pair->other->id = pair->known->id;
	pair->other->incarnation = pair->known->incarnation + (UINT64_C(9) << 32);
	world_run(&pair->world, SHOAL_SEC(3));
	world_clear(&pair->world);
	pair->known->answers = known_answers;
}

static inline void
pair_says_itself(struct pair *pair)
{
	struct shoal_msg_member said = puppet_member(pair->other, SHOAL_STATE_ALIVE);

	world_tell(&pair->world, 0, pair->other, SHOAL_MESSAGE_MEMBER, &said);
}

static inline bool
pair_holds(const struct pair *pair, const struct puppet *puppet)
{
	struct shoal_core_member held;

	assert_true(world_holds(&pair->world, 0, &puppet->id, &held));
	return memcmp(&held.salt, &puppet->salt, sizeof held.salt) == 0 &&
	       shoal_addr_equal(&held.addr[0], &puppet->addr);
}

/* Somebody else says it of the new instance. */
static inline void
pair_is_told(struct pair *pair, enum shoal_state as)
{
	struct shoal_msg_member said = puppet_member(pair->other, as);

	world_tell(&pair->world, 0, &pair->world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
}

#endif
