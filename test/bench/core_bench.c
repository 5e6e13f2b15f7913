/* SPDX-License-Identifier: MIT */
/* The core alone: a ping answered with an ack, a probe round, and memory a member, at several
 * sizes. The bytes are real: each ping is opened, checked and decoded, each ack encoded and sealed
 * with its checksum. Times are of the processor, so that other programs disturb less. */
#include <shoal/core.h>

#include "base/rng.h"
#include "bench.h"
#include "bench_member.h"
#include "wire/message.h"
#include "wire/packet.h"

#define PINGS      1024
#define BARE       128   /* an ack without news is shorter */
#define ROUNDS_MAX 10000 /* of pings, until acks have none */
#define NAME       13    /* of a name and its zero */

struct heap {
	size_t bytes, blocks;
};

static void *
count_realloc(void *ptr, size_t size, void *arg)
{
	struct heap *heap = arg;
	size_t *block = ptr == NULL ? NULL : (size_t *)ptr - 2;
	size_t old = block == NULL ? 0 : block[0];

	block = realloc(block, size + 2 * sizeof *block);
	if (block == NULL) {
		return NULL;
	}
	block[0] = size;
	heap->bytes += size - old;
	heap->blocks += ptr == NULL ? 1 : 0;
	return block + 2;
}

static void *
count_malloc(size_t size, void *arg)
{
	return count_realloc(NULL, size, arg);
}

static void
count_free(void *ptr, void *arg)
{
	struct heap *heap = arg;

	if (ptr != NULL) {
		size_t *block = (size_t *)ptr - 2;
		heap->bytes -= block[0];
		heap->blocks--;
		free(block);
	}
}

static void
drain(struct shoal_core *core)
{
	struct shoal_send send;
	struct shoal_event event;
	struct shoal_log_record record;

	while (shoal_core_next_send(core, &send)) {
	}
	while (shoal_core_next_event(core, &event)) {
	}
	while (shoal_core_next_log(core, &record)) {
	}
}

static uint64_t
salt_of(const struct shoal_salt *salt)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++) {
		value = value << 8 | salt->bytes[i];
	}
	return value;
}

/* Tells of members 1 to n - 1 at once: on a stream, as the table of a seed does, or as what was
 * restored, which is no news. */
static void
tell_members(struct shoal_core *core, uint32_t n, uint64_t now, enum shoal_input_kind how)
{
	size_t room = (size_t)n * 128 + 128;
	uint8_t *bytes = malloc(room);
	struct shoal_input input = {.kind = how, .wall_ns = SHOAL_SEC(1700000000), .mono_ns = now};
	struct shoal_writer writer;

	if (bytes == NULL) {
		exit(1);
	}
	shoal_writer_init(&writer, bytes, room);
	shoal_packet_begin(&writer, (struct shoal_span){bytes, 0});
	for (uint32_t i = 1; i < n; i++) {
		struct shoal_msg_member member;
		char name[16];

		bench_member(i, 1, &member, name);
		if (i == 1) {
			struct shoal_msg_sender sender = {
			        .id = member.id, .salt = salt_of(&member.salt)};
			shoal_message_append(&writer, SHOAL_MESSAGE_SENDER, &sender);
			input.from = member.addrs.item[0];
		}
		shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, &member);
	}
	shoal_packet_end(&writer);
	input.data = bytes;
	input.len = writer.len;
	if (shoal_core_step(core, &input) != SHOAL_OK) {
		fprintf(stderr, "core_bench: the table was refused\n");
		exit(1);
	}
	drain(core);
	free(bytes);
}

/* A core that knows members 1 to n - 1, told in packets like any other. */
static struct shoal_core *
make_core(uint32_t n, const struct shoal_allocator *allocator, uint64_t *now,
        enum shoal_input_kind how)
{
	struct shoal_core_config config;
	struct shoal_core *core;
	char why[200] = "";

	shoal_core_config_init(&config);
	config.salt.bytes[0] = 1;
	config.name = "member-00000";
	config.wall_ns = SHOAL_SEC(1700000000);
	config.log_level = SHOAL_LOG_ERROR;
	config.allocator = allocator;
	config.profile.members_max = n + 16;
	config.profile.tombstones_max = n;
	config.profile.datagram_rate = 1000000000; /* the clock stands still */
	config.profile.datagram_burst = 1000000000;
	shoal_addr_parse(&config.addr[0], "10.255.0.1:7946");
	config.addrs = 1;
	if (shoal_core_new(&core, &config, why, sizeof why) != SHOAL_OK) {
		fprintf(stderr, "core_bench: %s\n", why);
		exit(1);
	}
	tell_members(core, n, *now, how);
	return core;
}

/* The first probes, of whom it was just told. */
static void
quiet(struct shoal_core *core, uint64_t *now)
{
	for (int i = 0; i < 40; i++) {
		struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};

		*now = shoal_core_deadline(core);
		input.mono_ns = *now;
		input.wall_ns = SHOAL_SEC(1700000000) + *now;
		shoal_core_step(core, &input);
		drain(core);
	}
}

struct ping {
	struct shoal_addr from;
	uint8_t bytes[128];
	size_t len;
};

static void
make_pings(const struct shoal_core *core, uint32_t n, struct ping *pings)
{
	struct shoal_core_member self;
	struct shoal_rng rng;

	shoal_core_member(core, 0, &self);
	shoal_rng_init(&rng, 7, 1);
	for (uint32_t i = 0; i < PINGS; i++) {
		struct shoal_msg_member member;
		struct shoal_writer writer;
		char name[16];

		bench_member(1 + shoal_rng_below(&rng, n - 1), 1, &member, name);
		struct shoal_msg_ping ping = {.seq = shoal_rng_u64(&rng) | 1,
		        .id = member.id,
		        .salt = salt_of(&member.salt),
		        .target = self.id};
		shoal_writer_init(&writer, pings[i].bytes, sizeof pings[i].bytes);
		shoal_packet_begin(&writer, (struct shoal_span){pings[i].bytes, 0});
		shoal_message_append(&writer, SHOAL_MESSAGE_PING, &ping);
		shoal_packet_end(&writer);
		pings[i].len = writer.len;
		pings[i].from = member.addrs.item[0];
	}
}

/* All pings once, and how many were answered; *longest (may be NULL): of the acks. */
static uint64_t
answer(struct shoal_core *core, uint64_t now, const struct ping *pings, size_t *longest)
{
	uint64_t acks = 0;

	for (size_t i = 0; i < PINGS; i++) {
		struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
		        .mono_ns = now,
		        .from = pings[i].from,
		        .data = pings[i].bytes,
		        .len = pings[i].len};
		struct shoal_send send;

		shoal_core_step(core, &input);
		if (shoal_core_next_send(core, &send)) {
			acks++;
			if (longest != NULL && send.len > *longest) {
				*longest = send.len;
			}
		}
	}
	return acks;
}

/* Lets the news of the newcomers run dry, so that acks are bare as they are on a quiet day. */
static void
until_bare(struct shoal_core *core, uint64_t now, const struct ping *pings)
{
	size_t longest = BARE;

	for (unsigned round = 0; longest >= BARE; round++) {
		if (round == ROUNDS_MAX) {
			fprintf(stderr, "core_bench: after %u rounds acks carry news still\n",
			        round);
			exit(1);
		}
		longest = 0;
		answer(core, now, pings, &longest);
	}
}

static void
bench_ping(const struct bench *bench, uint32_t n)
{
	static struct ping pings[PINGS];
	uint64_t now = 0, done = 0, acks = 0;
	struct shoal_core *core = make_core(n, NULL, &now, SHOAL_INPUT_STREAM);
	char what[80];

	quiet(core, &now);
	make_pings(core, n, pings);
	until_bare(core, now, pings);
	uint64_t begin = bench_now_ns(), cpu = bench_cpu_ns();
	while (bench_running(bench, begin)) {
		acks += answer(core, now, pings, NULL);
		done += PINGS;
	}
	snprintf(what, sizeof what, "ping to ack in the core, %u members", n);
	bench_figure(bench, what, (double)(bench_cpu_ns() - cpu) / (double)done, "ns");
	if (acks != done) {
		fprintf(stderr, "core_bench: %llu pings, %llu acks\n", (unsigned long long)done,
		        (unsigned long long)acks);
		exit(1);
	}
	shoal_core_free(core);
}

static void
bench_memory(const struct bench *bench, uint32_t n)
{
	struct heap heap = {0, 0};
	struct shoal_allocator allocator = {count_malloc, count_realloc, count_free, &heap};
	uint64_t now = 0;
	struct shoal_core *core = make_core(2, &allocator, &now, SHOAL_INPUT_RESTORE);
	size_t empty = heap.bytes;
	char what[80];

	shoal_core_free(core);
	core = make_core(n, &allocator, &now, SHOAL_INPUT_RESTORE);
	snprintf(what, sizeof what, "heap a member without its name, %u members", n);
	bench_figure(bench, what, (double)(heap.bytes - empty) / (n - 2) - NAME, "bytes");
	snprintf(what, sizeof what, "by the core's own count, %u members", n);
	bench_figure(bench, what, (double)shoal_core_memory(core) / n - NAME, "bytes");
	shoal_core_free(core);
	core = make_core(n, &allocator, &now, SHOAL_INPUT_STREAM);
	snprintf(what, sizeof what, "while all are news, %u members", n);
	bench_figure(bench, what, (double)(heap.bytes - empty) / (n - 2) - NAME, "bytes");
	shoal_core_free(core);
}

static void
bench_idle(const struct bench *bench)
{
	struct heap heap = {0, 0};
	struct shoal_allocator allocator = {count_malloc, count_realloc, count_free, &heap};
	uint64_t now = 0;

	shoal_core_free(make_core(2, &allocator, &now, SHOAL_INPUT_STREAM));
	struct shoal_core *core = make_core(2, &allocator, &now, SHOAL_INPUT_STREAM);
	bench_figure(bench, "heap of an idle core with one peer", (double)heap.bytes, "bytes");
	shoal_core_free(core);
}

int
main(int argc, char **argv)
{
	struct bench bench;

	bench_start(&bench, "core", argc, argv);
	bench_ping(&bench, 1000);
	bench_ping(&bench, 100000);
	bench_memory(&bench, 10000);
	bench_memory(&bench, 100000);
	bench_idle(&bench);
	return 0;
}
