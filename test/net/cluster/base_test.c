/* SPDX-License-Identifier: MIT */
/* Several clusters on an event_base that the application owns, in one thread, over the memory
 * transport: nothing but this process takes part. */
#include "kit.h"

#include <stdatomic.h>

#define N 8

static struct shoal_cluster *
start_on(struct event_base *base, struct shoal_memory_net *net, unsigned number)
{
	struct shoal_transport memory;
	struct shoal_config config;
	char name[16];

	snprintf(name, sizeof(name), "m%u", number);
	config = kit_config(name);
	config.run = SHOAL_RUN_BASE;
	config.base = base;
	assert_int_equal(shoal_transport_memory(&memory, net), 0);
	config.transports = &memory;
	config.transport_count = 1;
	return kit_start(&config);
}

struct world {
	struct event_base *base;
	struct shoal_memory_net *net;
	struct shoal_cluster *member[N];
};

static void
begin(struct world *world, unsigned n)
{
	memset(world, 0, sizeof(*world));
	world->base = event_base_new();
	assert_non_null(world->base);
	assert_int_equal(shoal_memory_net_new(&world->net, NULL), 0);
	for (unsigned i = 0; i < n; i++) {
		world->member[i] = start_on(world->base, world->net, i);
	}
}

static void
end(struct world *world)
{
	for (unsigned i = 0; i < N; i++) {
		if (world->member[i] != NULL) {
			kit_free(world->member[i]);
		}
	}
	/* Nothing of ours is left on the application's base. */
	assert_int_equal(event_base_get_num_events(world->base, EVENT_BASE_COUNT_ADDED), 0);
	assert_int_equal(event_base_get_num_events(world->base, EVENT_BASE_COUNT_ACTIVE), 0);
	event_base_free(world->base);
	shoal_memory_net_free(world->net);
}

static void
join_all(struct world *world, unsigned n)
{
	const char *seed = kit_address(world->member[0]);

	for (unsigned i = 1; i < n; i++) {
		struct kit_done done = KIT_DONE;

		assert_int_equal(shoal_cluster_join_async(world->member[i], &seed, 1,
		                         KIT_PATIENCE_MS, kit_on_done, &done),
		        0);
		assert_int_equal(kit_await_done(world->base, &done), 0);
	}
	for (unsigned i = 0; i < n; i++) {
		kit_await_members(world->base, world->member[i], n);
	}
}

static void
clusters_on_one_base_meet_lose_one_and_let_one_leave(void **state)
{
	struct kit_done left = KIT_DONE;
	struct world world;

	(void)state;
	begin(&world, N);
	join_all(&world, N);
	assert_int_equal(shoal_cluster_stop(world.member[3]), 0);
	assert_int_equal(
	        shoal_cluster_leave_async(world.member[5], KIT_PATIENCE_MS, kit_on_done, &left), 0);
	assert_int_equal(kit_await_done(world.base, &left), 0);
	assert_int_equal(shoal_cluster_state(world.member[5]), SHOAL_CLUSTER_STOPPED);
	for (unsigned i = 0; i < N; i++) {
		if (i == 3 || i == 5) {
			continue;
		}
		kit_await_state(world.base, world.member[i], "m5", SHOAL_STATE_LEFT);
		kit_await_state(world.base, world.member[i], "m3", SHOAL_STATE_DEAD);
	}
	end(&world);
}

struct place {
	_Atomic int calls;
	pthread_t thread;
	int stop, free, join;
};

static void
look_around(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	const char *seed = "127.0.0.1:1";
	struct place *place = arg;

	(void)event;
	place->thread = pthread_self();
	place->stop = shoal_cluster_stop(cluster);
	place->free = shoal_cluster_free(cluster);
	place->join = shoal_cluster_join(cluster, &seed, 1, 100, NULL);
	atomic_fetch_add(&place->calls, 1);
}

static bool
was_called(void *arg)
{
	return atomic_load(&((struct place *)arg)->calls) > 0;
}

static void
nothing_blocks_the_thread_of_the_base(void **state)
{
	const char *seed = "127.0.0.1:1";
	struct place place = {0};
	struct world world;

	(void)state;
	begin(&world, 2);
	assert_ptr_equal(shoal_cluster_base(world.member[0]), world.base);
	assert_int_equal(
	        shoal_cluster_join(world.member[0], &seed, 1, 100, NULL), SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(shoal_cluster_leave(world.member[0], 100), SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(shoal_wait_members(world.member[0], 1, 100), SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(shoal_cluster_fd(world.member[0]), -1);
	assert_int_equal(shoal_cluster_dispatch(world.member[0]), SHOAL_ERR_STATE);
	assert_int_equal(
	        shoal_on_member(world.member[0], SHOAL_EVENT_JOIN, look_around, &place), 0);
	join_all(&world, 2);
	assert_true(kit_until(world.base, was_called, &place));
	assert_true(pthread_equal(place.thread, pthread_self()));
	assert_int_equal(place.stop, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(place.free, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(place.join, SHOAL_ERR_WOULD_BLOCK);
	end(&world);
}

struct other {
	struct shoal_cluster *cluster;
	char seed[64];
	int join, wait, stop, free;
	size_t reached;
	_Atomic bool done;
};

static void *
call_from_elsewhere(void *arg)
{
	struct other *other = arg;
	const char *seed = other->seed;

	other->stop = shoal_cluster_stop(other->cluster);
	other->free = shoal_cluster_free(other->cluster);
	other->join =
	        shoal_cluster_join(other->cluster, &seed, 1, KIT_PATIENCE_MS, &other->reached);
	other->wait = shoal_wait_members(other->cluster, 2, KIT_PATIENCE_MS);
	atomic_store(&other->done, true);
	return NULL;
}

static bool
has_returned(void *arg)
{
	return atomic_load(&((struct other *)arg)->done);
}

static void
other_threads_may_block_while_the_base_runs_and_may_not_stop_it(void **state)
{
	struct other other = {0};
	struct world world;
	pthread_t thread;

	(void)state;
	begin(&world, 2);
	other.cluster = world.member[1];
	snprintf(other.seed, sizeof(other.seed), "%s", kit_address(world.member[0]));
	assert_int_equal(pthread_create(&thread, NULL, call_from_elsewhere, &other), 0);
	assert_true(kit_until(world.base, has_returned, &other));
	pthread_join(thread, NULL);
	assert_int_equal(other.join, 0);
	assert_int_equal(other.reached, 1);
	assert_int_equal(other.wait, 0);
	assert_int_equal(other.stop, SHOAL_ERR_STATE);
	assert_int_equal(other.free, SHOAL_ERR_STATE);
	end(&world);
}

static void
free_from_an_event_of_the_application(evutil_socket_t fd, short what, void *arg)
{
	struct world *world = arg;

	(void)fd;
	(void)what;
	kit_free(world->member[1]);
	world->member[1] = NULL;
	event_base_loopbreak(world->base);
}

static void
a_cluster_is_freed_from_an_event_of_the_application(void **state)
{
	const struct timeval soon = {.tv_usec = 20000};
	struct world world;

	(void)state;
	begin(&world, 3);
	join_all(&world, 3);
	assert_int_equal(event_base_once(world.base, -1, EV_TIMEOUT,
	                         free_from_an_event_of_the_application, &world, &soon),
	        0);
	event_base_dispatch(world.base);
	assert_null(world.member[1]);
	kit_await_state(world.base, world.member[0], "m1", SHOAL_STATE_DEAD);
	end(&world);
}

static void
pending_operations_end_when_a_cluster_is_freed(void **state)
{
	struct kit_done join = KIT_DONE, leave = KIT_DONE;
	struct world world;
	const char *seed;

	(void)state;
	begin(&world, 2);
	seed = kit_address(world.member[0]);
	assert_int_equal(
	        shoal_cluster_join_async(world.member[1], &seed, 1, 1000, kit_on_done, &join), 0);
	assert_int_equal(shoal_cluster_leave_async(world.member[1], 1000, kit_on_done, &leave), 0);
	kit_free(world.member[1]);
	world.member[1] = NULL;
	assert_int_equal(join.calls, 1);
	assert_int_equal(join.code, SHOAL_ERR_CANCELED);
	assert_true(strlen(join.text) > 0);
	assert_int_equal(leave.calls, 1);
	assert_int_equal(leave.code, SHOAL_ERR_CANCELED);
	end(&world);
}

static void *
leave_and_free(void *arg)
{
	struct other *other = arg;

	other->join = shoal_cluster_leave(other->cluster, KIT_PATIENCE_MS);
	other->stop = shoal_cluster_stop(other->cluster);
	other->free = shoal_cluster_free(other->cluster);
	atomic_store(&other->done, true);
	return NULL;
}

static void
a_cluster_that_has_left_is_still_freed_on_the_thread_of_the_base(void **state)
{
	struct other other = {0};
	struct world world;
	pthread_t thread;

	(void)state;
	begin(&world, 2);
	join_all(&world, 2);
	other.cluster = world.member[1];
	assert_int_equal(pthread_create(&thread, NULL, leave_and_free, &other), 0);
	assert_true(kit_until(world.base, has_returned, &other));
	pthread_join(thread, NULL);
	assert_int_equal(other.join, 0);
	assert_int_equal(other.stop, SHOAL_ERR_STATE);
	assert_int_equal(other.free, SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_state(world.member[1]), SHOAL_CLUSTER_STOPPED);
	assert_int_equal(shoal_cluster_stop(world.member[1]), 0);
	end(&world);
}

/* The one to tell does not listen until the leave is over: it must find both that the member was
 * about to leave and that it left. */
static void
a_leave_that_ends_early_has_said_that_it_left(void **state)
{
	struct shoal_config config = kit_config("a");
	struct event_base *base = event_base_new();
	struct kit_done done = KIT_DONE;
	struct shoal_cluster *a, *b;
	const char *seed;

	(void)state;
	assert_non_null(base);
	config.run = SHOAL_RUN_BASE;
	config.base = base;
	a = kit_start(&config);
	config = kit_config("b");
	config.profile.leave_timeout_ms = 600000;
	b = kit_start(&config);
	seed = kit_address(a);
	assert_int_equal(
	        shoal_cluster_join_async(b, &seed, 1, KIT_PATIENCE_MS, kit_on_done, &done), 0);
	assert_int_equal(kit_await_done(base, &done), 0);
	kit_await_members(base, a, 2);
	assert_int_equal(shoal_cluster_leave(b, 50), SHOAL_ERR_TIMEOUT);
	assert_int_equal(shoal_cluster_state(b), SHOAL_CLUSTER_STOPPED);
	kit_await_state(base, a, "b", SHOAL_STATE_LEFT);
	kit_free(a);
	kit_free(b);
	event_base_free(base);
}

static void
a_wait_for_members_ends_where_nothing_may_block(void **state)
{
	struct kit_done both = KIT_DONE, late = KIT_DONE, canceled = KIT_DONE, left = KIT_DONE;
	struct world world;

	(void)state;
	begin(&world, 2);
	struct shoal_cluster *a = world.member[0], *b = world.member[1];
	assert_int_equal(shoal_cluster_wait_async(a, 2, KIT_PATIENCE_MS, kit_on_done, &both), 0);
	assert_int_equal(shoal_cluster_wait_async(a, 9, 10, kit_on_done, &late), 0);
	assert_int_equal(
	        shoal_cluster_wait_async(b, 9, KIT_PATIENCE_MS, kit_on_done, &canceled), 0);
	assert_int_equal(kit_await_done(world.base, &late), SHOAL_ERR_TIMEOUT);
	assert_non_null(strstr(late.text, "1 of 9"));
	assert_int_equal(both.calls, 0);
	join_all(&world, 2);
	assert_int_equal(kit_await_done(world.base, &both), 0);
	assert_int_equal(both.reached, 2);
	assert_int_equal(canceled.calls, 0);
	assert_int_equal(shoal_cluster_leave_async(b, KIT_PATIENCE_MS, kit_on_done, &left), 0);
	assert_int_equal(kit_await_done(world.base, &left), 0);
	assert_int_equal(kit_await_done(world.base, &canceled), SHOAL_ERR_CANCELED);
	assert_int_equal(shoal_cluster_wait_async(b, 1, 10, kit_on_done, &late), SHOAL_ERR_STATE);
	assert_int_equal(both.calls, 1);
	assert_int_equal(late.calls, 1);
	end(&world);
}

static void
more_operations_than_may_wait_are_refused(void **state)
{
	const char *seed = "127.0.0.1:1";
	struct world world;
	unsigned taken = 0;

	(void)state;
	begin(&world, 1);
	while (shoal_cluster_join_async(world.member[0], &seed, 1, 1000, NULL, NULL) == 0) {
		assert_true(++taken <= 1024);
	}
	assert_int_equal(shoal_cluster_join_async(world.member[0], &seed, 1, 1000, NULL, NULL),
	        SHOAL_ERR_AGAIN);
	assert_int_equal(taken, 1024);
	end(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(clusters_on_one_base_meet_lose_one_and_let_one_leave),
	        cmocka_unit_test(nothing_blocks_the_thread_of_the_base),
	        cmocka_unit_test(other_threads_may_block_while_the_base_runs_and_may_not_stop_it),
	        cmocka_unit_test(a_cluster_is_freed_from_an_event_of_the_application),
	        cmocka_unit_test(pending_operations_end_when_a_cluster_is_freed),
	        cmocka_unit_test(a_cluster_that_has_left_is_still_freed_on_the_thread_of_the_base),
	        cmocka_unit_test(a_leave_that_ends_early_has_said_that_it_left),
	        cmocka_unit_test(a_wait_for_members_ends_where_nothing_may_block),
	        cmocka_unit_test(more_operations_than_may_wait_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
