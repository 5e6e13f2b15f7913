/* SPDX-License-Identifier: MIT */
/* Broadcasts of 100 and of 1,000 bytes in a cluster on loopback, best effort: how long until the
 * last member has heard one, and what all members send for it beyond what they send anyway, IP and
 * UDP headers counted: before each there is as long a time without. Then the same of memberlist,
 * counted in the same way (memberlist_broadcast.go), and what ours is of it.
 *
 * All members live in this process, on one loop: so the work of all of them is done by one
 * processor. A run of less than a second leaves out the largest cluster and memberlist, and waits
 * less for the others to rest. --members N measures one size alone, 128 at most. */
#include <shoal/shoal.h>

#include <event2/event.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/rng.h"
#include "bench.h"

#define TYPE    200
#define MOST    128
#define LARGEST 1000
#define HEADERS 28 /* of IP and UDP */
#define FIGURES 16 /* of the peer, at most */

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

/* What all members have sent. */
struct sent {
	double copies, packets, bytes;
};

static struct sent
sent_by_all(const struct world *world)
{
	struct sent sum = {0};

	for (size_t i = 0; i < world->members; i++) {
		struct shoal_counters counters;

		shoal_cluster_counters(world->member[i], &counters);
		const uint64_t *value = counters.value;
		sum.copies += (double)value[SHOAL_COUNTER_CASTS_OUT];
		sum.packets += (double)value[SHOAL_COUNTER_DATAGRAMS_OUT];
		sum.bytes += (double)value[SHOAL_COUNTER_BYTES_OUT];
	}
	sum.bytes += HEADERS * sum.packets;
	return sum;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What the peer measured, by name; nothing where it is not here. */
struct peer {
	char name[FIGURES][32];
	double value[FIGURES];
	size_t count;
};

static double
of_peer(const struct peer *peer, const char *name, size_t size)
{
	char full[32];

	snprintf(full, sizeof(full), "%s_%zu", name, size);
	for (size_t i = 0; i < peer->count; i++) {
		if (strcmp(peer->name[i], full) == 0) {
			return peer->value[i];
		}
	}
	return 0;
}

static void
run_peer(struct peer *peer, size_t members, size_t broadcasts)
{
	char command[4096];

	peer->count = 0;
	if (access(MEMBERLIST_PEER, X_OK) != 0) {
		fprintf(stderr,
		        "broadcast_bench: memberlist is not here: install golang-go and "
		        "golang-github-hashicorp-memberlist-dev, configure, and build the target "
		        "benchmarks\n");
		return;
	}
	snprintf(command, sizeof(command), "'%s' broadcast %zu %zu", MEMBERLIST_PEER, members,
	        broadcasts);
	FILE *out = popen(command, "re");
	check(out != NULL, "memberlist's part does not start");
	while (peer->count < FIGURES &&
	        fscanf(out, "%31s %lf", peer->name[peer->count], &peer->value[peer->count]) == 2) {
		peer->count++;
	}
	check(pclose(out) == 0, "memberlist's part has failed");
}

/* Of broadcasts of one size. */
struct result {
	double median_ms, longest_ms;
	struct sent cost;
};

static void
add_cost(struct result *result, const struct sent stage[3], size_t broadcasts)
{
	struct sent *cost = &result->cost;
	double share = 1 / (double)broadcasts;

	cost->copies += share * (stage[2].copies - stage[1].copies);
	cost->packets += share * (stage[2].packets - 2 * stage[1].packets + stage[0].packets);
	cost->bytes += share * (stage[2].bytes - 2 * stage[1].bytes + stage[0].bytes);
}

static void
measure(struct world *world, size_t size, size_t broadcasts, unsigned rest_ms,
        struct result *result)
{
	uint64_t *took = calloc(broadcasts, sizeof(*took)), last_ms = 0;
	uint8_t data[LARGEST];
	struct shoal_rng rng;

	shoal_rng_init(&rng, size, 0);
	check(took != NULL, "no memory");
	memset(result, 0, sizeof(*result));
	for (size_t i = 0; i < broadcasts; i++) {
		struct sent stage[3];
		for (size_t k = 0; k < size; k++) {
			data[k] =
			        (uint8_t)shoal_rng_u32(&rng); /* nothing that could be compressed */
		}
		stage[0] = sent_by_all(world);
		turn(world, rest_ms + (unsigned)last_ms);
		stage[1] = sent_by_all(world);
		world->heard = 0;
		uint64_t begun = bench_now_ns();
		check(shoal_broadcast(world->member[i * 7 % world->members], TYPE, data, size, 0) ==
		                0,
		        shoal_last_error());
		until(world, &world->heard, world->members - 1);
		took[i] = world->last_ns - begun;
		last_ms = took[i] / 1000000;
		turn(world, rest_ms);
		stage[2] = sent_by_all(world);
		add_cost(result, stage, broadcasts);
	}
	qsort(took, broadcasts, sizeof(*took), compare);
	result->median_ms = (double)took[broadcasts / 2] / 1e6;
	result->longest_ms = (double)took[broadcasts - 1] / 1e6;
	free(took);
}

static void
print(const struct bench *bench, size_t members, size_t size, const struct result *ours,
        const struct peer *peer)
{
	char what[80];

	snprintf(what, sizeof(what), "a broadcast of %zu bytes reaches %zu members, median", size,
	        members);
	bench_figure(bench, what, ours->median_ms, "ms");
	bench_figure(bench, "  at the longest", ours->longest_ms, "ms");
	bench_figure(
	        bench, "  copies that a member sends", ours->cost.copies / (double)members, "");
	bench_figure(bench, "  packets of all members for it", ours->cost.packets, "");
	bench_figure(bench, "  bytes, with IP and UDP headers", ours->cost.bytes, "bytes");
	if (peer->count == 0) {
		return;
	}
	bench_figure(bench, "  memberlist, median", of_peer(peer, "median", size), "ms");
	bench_figure(bench, "  memberlist, not complete after 10 s",
	        of_peer(peer, "incomplete", size), "");
	bench_figure(bench, "  memberlist, copies that a member sends",
	        of_peer(peer, "copies", size) / (double)members, "");
	bench_figure(bench, "  memberlist, packets", of_peer(peer, "packets", size), "");
	bench_figure(bench, "  memberlist, bytes", of_peer(peer, "bytes", size), "bytes");
	bench_ratio(bench, "  the bytes, of memberlist's", ours->cost.bytes,
	        of_peer(peer, "bytes", size));
}

static void
compare_at(const struct bench *bench, size_t members)
{
	static const size_t size[] = {100, LARGEST};
	bool brief = bench->seconds < 1;
	size_t broadcasts = brief ? 2 : 4 + (size_t)bench->seconds;
	struct peer peer = {.count = 0};
	struct result result[2];
	struct world world;

	form(&world, members);
	turn(&world, brief ? SETTLE_MS / 3 : SETTLE_MS);
	for (size_t i = 0; i < 2; i++) {
		measure(&world, size[i], broadcasts, brief ? REST_MS / 4 : REST_MS, &result[i]);
	}
	for (size_t i = 0; i < members; i++) {
		(void)shoal_cluster_free(world.member[i]);
	}
	event_base_free(world.base);
	if (!brief) {
		run_peer(&peer, members, broadcasts);
	}
	for (size_t i = 0; i < 2; i++) {
		print(bench, members, size[i], &result[i], &peer);
	}
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

	size_t members = 0;
	if (argc > 2 && strcmp(argv[1], "--members") == 0) {
		members = strtoul(argv[2], NULL, 10);
		check(members > 1 && members <= MOST, "--members 2 to 128");
		argv[2] = argv[0];
		argc -= 2;
		argv += 2;
	}
	bench_start(&bench, "broadcast", argc, argv);
	if (members != 0) {
		compare_at(&bench, members);
		return 0;
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (i > 0 && bench.seconds < 1) {
			break; /* it mostly waits */
		}
		compare_at(&bench, sizes[i]);
	}
	return 0;
}
