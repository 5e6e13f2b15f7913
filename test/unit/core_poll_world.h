/* SPDX-License-Identifier: MIT */
/* Worlds in which nobody keeps links, and one member cannot be dialled. */
#ifndef SHOAL_TEST_CORE_POLL_WORLD_H
#define SHOAL_TEST_CORE_POLL_WORLD_H

#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "core/node.h"
#include "core_world.h"

#define FAR   4 /* the node that nobody can dial */
#define EIGHT 8

static inline bool
is_walled(const struct core_world *world, const struct world_packet *packet)
{
	return shoal_addr_equal(&packet->to, &world->node[FAR].addr);
}

/* Five at URLs, of which nobody can dial the last. */
static inline void
set_up_urls(struct core_world *world)
{
	static char url[WORLD_NODES][40];

	world_init(world);
	world->loses = is_walled;
	for (size_t i = 0; i <= FAR; i++) {
		struct shoal_core_config config;

		world_config(world, &config);
		config.profile.watchers = 3; /* which URLs have none of */
		snprintf(url[i], sizeof url[i], "https://node-%zu.example/gossip", i);
		config.url = url[i];
		assert_int_equal(shoal_addr_from_url(&config.addr[0], url[i]), SHOAL_OK);
		world_add(world, &config);
		if (i > 0) {
			world_join(world, i, 0);
		}
	}
}

/* A firewall lets in what answers, and half a minute long all datagrams from where one went. */
static inline bool
is_shut_out(const struct core_world *world, const struct world_packet *packet)
{
	uint64_t *opened = world->arg;
	bool datagram = packet->kind == SHOAL_SEND_DATAGRAM;

	if (packet->node == FAR && datagram) {
		for (size_t i = 0; i < world->nodes; i++) {
			if (shoal_addr_equal(&packet->to, &world->node[i].addr)) {
				opened[i] = world->now;
			}
		}
	}
	if (!shoal_addr_equal(&packet->to, &world->node[FAR].addr) ||
	        packet->kind == SHOAL_SEND_REPLY) {
		return false;
	}
	uint64_t at = opened[packet->node];
	return !datagram || at == 0 || world->now - at > SHOAL_SEC(30);
}

/* Eight with the wan profile, of which one is behind such a firewall. */
static inline void
set_up_wan(struct core_world *world, uint64_t opened[WORLD_NODES])
{
	world_init(world);
	memset(opened, 0, WORLD_NODES * sizeof opened[0]);
	world->loses = is_shut_out;
	world->arg = opened;
	for (size_t i = 0; i < EIGHT; i++) {
		struct shoal_core_config config;

		world_config(world, &config);
		(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_WAN);
		world_add(world, &config);
		if (i > 0) {
			world_join(world, i, 0);
		}
	}
}

static inline void
expect_diagnosis(const struct core_world *world, enum shoal_diagnosis diagnosis)
{
	struct shoal_id far = world_id(world, FAR);
	struct shoal_core_member member;

	for (size_t i = 0; i < world->nodes; i++) {
		assert_true(world_holds(world, i, &far, &member));
		assert_int_equal(member.state, SHOAL_STATE_ALIVE);
		assert_int_equal(member.diagnosis, diagnosis);
	}
}

static inline size_t
count(const struct core_world *world, enum shoal_event_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < world->nodes; i++) {
		n += world_count_events(world, i, kind);
	}
	return n;
}

/* What a poll of the puppet from there is answered with. */
static inline const struct world_packet *
poll_from(struct core_world *world, const struct puppet *puppet, const struct shoal_addr *from)
{
	static struct parcel parcel;
	static uint64_t exchange = 1000000;
	struct shoal_msg_ping ping = {
	        .seq = (uint64_t)SHOAL_NUMBER_POLL << 16 | (++exchange & 0xffff),
	        .id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .target = world_id(world, 0)};
	const struct world_packet *packet = NULL;

	world_forget_sent(world);
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
	parcel_end(&parcel);
	assert_int_equal(world_request(world, 0, from, exchange, &parcel), SHOAL_OK);
	while ((packet = world_sent(world, packet, 0, NULL, SHOAL_MESSAGE_ACK)) != NULL) {
		if (packet->kind == SHOAL_SEND_REPLY) {
			return packet;
		}
	}
	fail_msg("the poll was not answered");
	return NULL;
}

#endif
