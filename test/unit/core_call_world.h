/* SPDX-License-Identifier: MIT */
/* What tests of links on request share. */
#ifndef SHOAL_TEST_CORE_CALL_WORLD_H
#define SHOAL_TEST_CORE_CALL_WORLD_H

#include "core_talk_world.h"

#include "core_watch_world.h"

#define LINK  77 /* towards the host */
#define CROWD 12

static inline uint32_t
slot_of(const struct core_world *world, const struct puppet *puppet)
{
	return shoal_members_find(world_core(world, 0), &puppet->id);
}

/* The puppet says of itself that it cannot be dialled. */
static inline void
wall_off(struct core_world *world, struct puppet *puppet)
{
	puppet->answers = 0;
	puppet->incarnation++;
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	member.marks = SHOAL_MARK_INBOUND;
	assert_int_equal(world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member), 0);
}

static inline void
open_link(struct core_world *world, const struct puppet *walled, const struct shoal_addr *from,
        bool asked, uint64_t link)
{
	static struct parcel parcel;
	struct shoal_msg_watch watch = {.id = walled->id,
	        .salt = puppet_salt(walled),
	        .target = world_id(world, 0),
	        .instance = talk_salt(world, 0),
	        .asked = asked};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_WATCH, &watch);
	parcel_end(&parcel);
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_WATCHED,
	                                 .from = *from,
	                                 .exchange = link,
	                                 .data = parcel.data,
	                                 .len = parcel.writer.len}),
	        0);
}

/* Who is admitted is this member alone. */
static inline void
admit_self(struct core_world *world)
{
	struct shoal_cidr list = {.bits = 128};

	memcpy(list.ip, world->node[0].addr.ip, sizeof list.ip);
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
	                                 .data = (const uint8_t *)&list,
	                                 .len = sizeof list}),
	        0);
}

#endif
