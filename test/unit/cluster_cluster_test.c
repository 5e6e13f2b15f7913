/* SPDX-License-Identifier: MIT */
/* A whole life of a cluster object with every allocation failing once: it is made, started, joins
 * another one, sees it, leaves and is freed, on one event_base over the memory transport. What
 * fails is told, what was taken is given back, and nothing waits for ever. What the object does on
 * sockets and threads is tested in test/net/cluster. */
#include "unit.h"

#include "heap_fault.h"

#include <shoal/shoal.h>

#include <event2/event.h>

#define TIMEOUT_MS 40

struct world {
	struct event_base *base;
	struct shoal_memory_net *net;
	struct shoal_cluster *seed;
};

struct end {
	unsigned calls;
	int code;
};

static void
on_done(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct end *end = arg;

	(void)cluster;
	(void)reached;
	assert_true(code == 0 || strlen(text) > 0);
	end->calls++;
	end->code = code;
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)event;
	++*(unsigned *)arg;
}

static int
make(struct shoal_cluster **cluster, const struct world *world, const char *name,
        const struct shoal_allocator *mem)
{
	struct shoal_transport memory;
	struct shoal_config config;
	int rc;

	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	config.name = name;
	config.bind = "127.0.0.1:0";
	config.run = SHOAL_RUN_BASE;
	config.base = world->base;
	config.allocator = mem;
	config.profile.exchange_timeout_ms = TIMEOUT_MS;
	assert_int_equal(shoal_transport_memory(&memory, world->net), 0);
	config.transports = &memory;
	config.transport_count = 1;
	rc = shoal_cluster_new(cluster, &config);
	if (rc != 0) {
		memory.ops->free(memory.self);
	}
	return rc;
}

/* Runs the base until an operation has ended, or for so long that it never will. */
static void
run_until(struct world *world, const struct end *end)
{
	const struct timeval step = {.tv_usec = 2000};

	for (unsigned i = 0; end->calls == 0; i++) {
		assert_true(i < 5000);
		event_base_loopexit(world->base, &step);
		event_base_dispatch(world->base);
	}
	assert_int_equal(end->calls, 1);
}

static int
join(struct world *world, struct shoal_cluster *cluster)
{
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address, "localhost:1"};
	struct end end = {0};
	int rc;

	assert_int_equal(shoal_cluster_address(world->seed, address, sizeof(address)), 0);
	rc = shoal_cluster_join_async(cluster, seeds, 2, TIMEOUT_MS, on_done, &end);
	if (rc != 0) {
		return rc;
	}
	run_until(world, &end);
	return end.code;
}

static int
look(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list;
	struct shoal_filter filter;

	shoal_filter_init(&filter);
	filter.states = 1u << SHOAL_STATE_ALIVE;
	list = shoal_members(cluster, &filter);
	if (list == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	assert_in_range(shoal_member_list_count(list), 1, 3);
	shoal_member_list_free(list);
	return 0;
}

static void
on_sent(struct shoal_cluster *cluster, int code, void *arg)
{
	(void)cluster;
	(void)code;
	++*(unsigned *)arg;
}

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	(void)cluster;
	(void)arg;
	assert_int_equal(shoal_message_len(message), 5);
}

/* A message that is accepted has its end. */
static int
talk(struct shoal_cluster *cluster, unsigned *sent)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	struct shoal_member *seed = shoal_member_list_find_by_name(list, "seed");
	int rc = SHOAL_ERR_NOMEM;

	if (seed != NULL) {
		const struct shoal_id *id = shoal_member_id(seed);

		rc = shoal_send_confirmed(cluster, id, 200, "hello", 5, on_sent, sent);
		*sent = rc == 0 ? 0 : 1;
		rc = rc == 0 ? shoal_send(cluster, id, 200, "hello", 5, 0) : rc;
	}
	shoal_member_list_free(list);
	return rc;
}

static int
live(const struct shoal_allocator *mem, void *arg)
{
	struct world *world = arg;
	struct shoal_cluster *cluster;
	struct end left = {0};
	unsigned events = 0, sent = 1;
	int rc = make(&cluster, world, "guest", mem);

	if (rc != 0) {
		assert_int_equal(rc, SHOAL_ERR_NOMEM);
		return rc;
	}
	assert_int_equal(shoal_on_member(cluster, SHOAL_EVENT_ALL, on_member, &events), 0);
	rc = shoal_cluster_start(cluster);
	if (rc == 0) {
		rc = join(world, cluster);
	}
	if (rc == 0) {
		rc = look(cluster);
	}
	if (rc == 0) {
		rc = talk(cluster, &sent);
	}
	if (rc == 0) {
		rc = shoal_cluster_leave_async(cluster, TIMEOUT_MS, on_done, &left);
	}
	if (rc == 0) {
		run_until(world, &left);
		rc = left.code;
		assert_int_equal(shoal_cluster_state(cluster), SHOAL_CLUSTER_STOPPED);
	}
	assert_int_equal(shoal_cluster_free(cluster), 0);
	assert_int_equal(sent, 1);
	return rc == 0 ? 0 : SHOAL_ERR_NOMEM;
}

static void
a_life_with_any_failed_allocation_ends_and_gives_everything_back(void **state)
{
	struct world world;

	(void)state;
	world.base = event_base_new();
	assert_int_equal(shoal_memory_net_new(&world.net, NULL), 0);
	assert_int_equal(make(&world.seed, &world, "seed", NULL), 0);
	assert_int_equal(shoal_handle(world.seed, 200, on_message, NULL), 0);
	assert_int_equal(shoal_cluster_start(world.seed), 0);
	assert_true(heap_fault_sweep_tolerant(live, &world) > 40);
	assert_int_equal(shoal_cluster_free(world.seed), 0);
	assert_int_equal(event_base_get_num_events(world.base, EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(world.base);
	shoal_memory_net_free(world.net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_life_with_any_failed_allocation_ends_and_gives_everything_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
