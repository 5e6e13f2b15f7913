/* SPDX-License-Identifier: MIT */
/* Members over the loopback on one event_base, most of them at URLs. */
#ifndef SHOAL_UNIT_CLUSTER_WEB_WORLD_H
#define SHOAL_UNIT_CLUSTER_WEB_WORLD_H

#include "unit.h"

#include <shoal/shoal.h>

#include <event2/event.h>
#include <stdio.h>

#define MEMBERS 4

struct world {
	struct event_base *base;
	struct shoal_cluster *member[MEMBERS];
	size_t count, ends, heard;
	int code;
	char text[400];
};

static inline void
turn(struct world *world)
{
	const struct timeval step = {.tv_usec = 1000};

	event_base_loopexit(world->base, &step);
	event_base_dispatch(world->base);
}

static inline void
until(struct world *world, const size_t *count, size_t wanted)
{
	for (unsigned i = 0; *count < wanted; i++) {
		assert_true(i < 30000);
		turn(world);
	}
}

static inline void
ended(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct world *world = arg;

	(void)cluster;
	(void)reached;
	world->ends++;
	world->code = code;
	snprintf(world->text, sizeof(world->text), "%s", text);
}

static inline void
init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->base = event_base_new();
}

static inline struct shoal_config
config_of(struct world *world, const char *name, const char *bind)
{
	struct shoal_config config;

	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	config.name = name;
	config.bind = bind;
	config.run = SHOAL_RUN_BASE;
	config.base = world->base;
	return config;
}

static inline struct shoal_cluster *
add_with(struct world *world, const struct shoal_config *config)
{
	struct shoal_cluster *cluster;

	assert_int_equal(shoal_cluster_new(&cluster, config), 0);
	assert_int_equal(shoal_cluster_start(cluster), 0);
	world->member[world->count++] = cluster;
	return cluster;
}

static inline struct shoal_cluster *
add(struct world *world, const char *bind)
{
	static const char *const names[MEMBERS] = {"a", "b", "c", "d"};
	struct shoal_config config = config_of(world, names[world->count], bind);

	return add_with(world, &config);
}

/* Its URL, or its ip:port. */
static inline const char *
seed_of(struct shoal_cluster *cluster, bool url, char text[SHOAL_URL_TEXT])
{
	struct shoal_member *self = shoal_cluster_self(cluster);

	if (url) {
		snprintf(text, SHOAL_URL_TEXT, "%s", shoal_member_url(self));
	} else {
		shoal_addr_print(shoal_member_address(self), text, SHOAL_URL_TEXT);
	}
	shoal_member_unref(self);
	return text;
}

static inline void
join(struct world *world, size_t who, size_t through, bool url)
{
	char text[SHOAL_URL_TEXT];
	const char *seed = seed_of(world->member[through], url, text);
	size_t wanted = world->ends + 1;

	assert_int_equal(
	        shoal_cluster_join_async(world->member[who], &seed, 1, 5000, ended, world), 0);
	until(world, &world->ends, wanted);
	if (world->code != 0) {
		fail_msg("%s", world->text);
	}
}

/* All know all, as alive. */
static inline void
settle(struct world *world)
{
	size_t wanted = world->ends + world->count;

	for (size_t i = 0; i < world->count; i++) {
		assert_int_equal(shoal_cluster_wait_async(
		                         world->member[i], world->count, 10000, ended, world),
		        0);
	}
	until(world, &world->ends, wanted);
	assert_int_equal(world->code, 0);
}

static inline void
done(struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		assert_int_equal(shoal_cluster_free(world->member[i]), 0);
	}
	assert_int_equal(event_base_get_num_events(world->base, EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(world->base);
}

static inline enum shoal_state
state_of(struct shoal_cluster *cluster, const char *name)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	const struct shoal_member *member = shoal_member_list_find_by_name(list, name);
	enum shoal_state state = member != NULL ? shoal_member_state(member) : SHOAL_STATE_UNKNOWN;

	shoal_member_list_free(list);
	return state;
}

#endif
