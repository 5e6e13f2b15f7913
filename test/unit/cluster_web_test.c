/* SPDX-License-Identifier: MIT */
/* Members at URLs, and beside members at sockets, over the loopback on one event_base. */
#include "unit.h"

#include <shoal/shoal.h>

#include <event2/event.h>
#include <stdio.h>

#include "base/url.h"

#define MEMBERS 4
#define TYPE    200

struct world {
	struct event_base *base;
	struct shoal_cluster *member[MEMBERS];
	size_t count, ends, heard, suspected;
	int code;
	char text[400];
};

static void
turn(struct world *world)
{
	const struct timeval step = {.tv_usec = 1000};

	event_base_loopexit(world->base, &step);
	event_base_dispatch(world->base);
}

static void
until(struct world *world, const size_t *count, size_t wanted)
{
	for (unsigned i = 0; *count < wanted; i++) {
		assert_true(i < 30000);
		turn(world);
	}
}

static void
ended(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct world *world = arg;

	(void)cluster;
	(void)reached;
	world->ends++;
	world->code = code;
	snprintf(world->text, sizeof(world->text), "%s", text);
}

static void
on_suspect(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct world *world = arg;

	(void)cluster;
	(void)event;
	world->suspected++;
}

static void
init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->base = event_base_new();
}

static struct shoal_config
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

static struct shoal_cluster *
add_with(struct world *world, const struct shoal_config *config)
{
	struct shoal_cluster *cluster;

	assert_int_equal(shoal_cluster_new(&cluster, config), 0);
	assert_int_equal(
	        shoal_on_member(cluster, SHOAL_EVENT_SUSPECT | SHOAL_EVENT_FAILED, on_suspect, world),
	        0);
	assert_int_equal(shoal_cluster_start(cluster), 0);
	world->member[world->count++] = cluster;
	return cluster;
}

static struct shoal_cluster *
add(struct world *world, const char *bind)
{
	static const char *const names[MEMBERS] = {"a", "b", "c", "d"};
	struct shoal_config config = config_of(world, names[world->count], bind);

	return add_with(world, &config);
}

/* Its URL, or its ip:port. */
static const char *
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

static void
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
static void
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

static void
done(struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		assert_int_equal(shoal_cluster_free(world->member[i]), 0);
	}
	assert_int_equal(event_base_get_num_events(world->base, EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(world->base);
}

static void
members_at_urls_join_and_are_shown_by_them(void **state)
{
	struct shoal_member_list *list;
	struct shoal_member *b;
	struct shoal_addr addr;
	struct world world;
	char text[SHOAL_URL_TEXT], small[8];

	(void)state;
	init(&world);
	for (size_t i = 0; i < 3; i++) {
		add(&world, "http://127.0.0.1:0/gossip/");
	}
	join(&world, 1, 0, true);
	join(&world, 2, 1, true);
	settle(&world);
	assert_int_equal(shoal_cluster_address(world.member[1], text, sizeof(text)), 0);
	assert_ptr_equal(strstr(text, "http://127.0.0.1:"), text);
	assert_string_equal(text + strlen(text) - 7, "/gossip");
	assert_int_equal(shoal_cluster_address(world.member[1], small, sizeof(small)),
	        SHOAL_ERR_TOO_BIG);
	list = shoal_members(world.member[2], NULL);
	b = shoal_member_list_find_by_name(list, "b");
	assert_string_equal(shoal_member_url(b), text);
	assert_int_equal(shoal_addr_from_url(&addr, text), 0);
	assert_true(shoal_addr_equal(shoal_member_address(b), &addr));
	assert_string_equal(shoal_member_address_print(b, small, sizeof(small)), "http://");
	shoal_member_list_free(list);
	assert_int_equal(world.suspected, 0);
	done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(members_at_urls_join_and_are_shown_by_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
