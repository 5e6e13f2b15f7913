/* SPDX-License-Identifier: MIT */
/* A broadcast of 512 bytes in a cluster on loopback: how long until the last member has heard it,
 * and what all members send for it beyond what they send anyway, IP and UDP headers not counted.
 * All members live in this process, on one loop: so the work of all of them is done by one
 * processor. A run of less than a second leaves out the largest, and waits less for the others to
 * rest. */
#include <shoal/shoal.h>

#include <event2/event.h>
#include <sys/resource.h>

#include "bench.h"

#define TYPE  200
#define BYTES 512
#define MOST  128

#define SETTLE_MS 5000 /* until what is news of joins is told */
#define REST_MS   1500 /* until a broadcast is told no more */

static void
check(bool ok, const char *why)
{
	if (!ok) {
		fprintf(stderr, "broadcast_bench: %s\n", why);
		exit(1);
	}
}

struct world {
	struct event_base *base;
	struct shoal_cluster *member[MOST];
	size_t members, heard, joined;
	uint64_t last_ns;
};

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct world *world = arg;

	(void)cluster;
	(void)message;
	world->heard++;
	world->last_ns = bench_now_ns();
}

static void
on_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct world *world = arg;

	(void)cluster;
	(void)reached;
	check(code == 0, text);
	world->joined++;
}

static void
turn(struct world *world, unsigned ms)
{
	const struct timeval step = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(world->base, &step);
	event_base_dispatch(world->base);
}

static void
until(struct world *world, const size_t *count, size_t wanted)
{
	for (unsigned i = 0; *count < wanted; i++) {
		check(i < 60000, "it takes too long");
		turn(world, 1);
	}
}

static void
form(struct world *world, size_t members)
{
	char seed[SHOAL_ADDR_TEXT], name[16];
	const char *seeds[] = {seed};

	memset(world, 0, sizeof(*world));
	world->base = event_base_new();
	world->members = members;
	for (size_t i = 0; i < members; i++) {
		struct shoal_config config;

		shoal_config_init(&config);
		snprintf(name, sizeof(name), "m%zu", i);
		config.name = name;
		config.bind = "127.0.0.1:0";
		config.run = SHOAL_RUN_BASE;
		config.base = world->base;
		check(shoal_cluster_new(&world->member[i], &config) == 0 &&
		                shoal_handle(world->member[i], TYPE, on_message, world) == 0 &&
		                shoal_cluster_start(world->member[i]) == 0,
		        shoal_last_error());
		if (i == 0) {
			continue;
		}
		/* Connections from one address to one member are limited. */
		(void)shoal_cluster_address(world->member[(i - 1) / 2], seed, sizeof(seed));
		check(shoal_cluster_join_async(
		              world->member[i], seeds, 1, 30000, on_joined, world) == 0,
		        shoal_last_error());
		until(world, &world->joined, i);
	}
	for (size_t i = 0; i < members; i++) {
		check(shoal_cluster_wait_async(
		              world->member[i], members, 60000, on_joined, world) == 0,
		        shoal_last_error());
	}
	until(world, &world->joined, 2 * members - 1);
}

static uint64_t
bytes_out(const struct world *world)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < world->members; i++) {
		struct shoal_counters counters;

		shoal_cluster_counters(world->member[i], &counters);
		sum += counters.value[SHOAL_COUNTER_BYTES_OUT];
	}
	return sum;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
measure(const struct bench *bench, size_t members)
{
	static const uint8_t data[BYTES];
	bool brief = bench->seconds < 1;
	size_t broadcasts = brief ? 3 : 4 + (size_t)bench->seconds;
	unsigned settle_ms = brief ? SETTLE_MS / 3 : SETTLE_MS,
	         rest_ms = brief ? REST_MS / 2 : REST_MS;
	uint64_t *took = calloc(broadcasts, sizeof(*took)), idle, before, bytes;
	struct world world;
	char what[64];

	check(took != NULL, "no memory");
	form(&world, members);
	turn(&world, settle_ms);
	before = bytes_out(&world);
	turn(&world, rest_ms);
	idle = bytes_out(&world) - before;
	before = bytes_out(&world);
	for (size_t i = 0; i < broadcasts; i++) {
		world.heard = 0;
		uint64_t begun = bench_now_ns();
		check(shoal_broadcast(world.member[i * 7 % members], TYPE, data, BYTES, 0) == 0,
		        shoal_last_error());
		until(&world, &world.heard, members - 1);
		took[i] = world.last_ns - begun;
		turn(&world, rest_ms);
	}
	bytes = (bytes_out(&world) - before) / broadcasts;
	bytes = bytes > idle ? bytes - idle : 0;
	qsort(took, broadcasts, sizeof(*took), compare);
	snprintf(what, sizeof(what), "a broadcast reaches all of %zu members, median", members);
	bench_figure(bench, what, (double)took[broadcasts / 2] / 1e6, "ms");
	bench_figure(bench, "  at the longest", (double)took[broadcasts - 1] / 1e6, "ms");
	bench_figure(bench, "  bytes of all members for it", (double)bytes, "bytes");
	bench_figure(bench, "  of its 512 bytes, copies a member",
	        (double)bytes / BYTES / (double)members, "x");
	for (size_t i = 0; i < members; i++) {
		(void)shoal_cluster_free(world.member[i]);
	}
	event_base_free(world.base);
	free(took);
}

int
main(int argc, char **argv)
{
	static const size_t sizes[] = {16, 64, 128};
	struct rlimit files;
	struct bench bench;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files); /* all sockets of all members are here */
	}

	bench_start(&bench, "broadcast", argc, argv);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i] == MOST && bench.seconds < 1) {
			break;
		}
		measure(&bench, sizes[i]);
	}
	return 0;
}
