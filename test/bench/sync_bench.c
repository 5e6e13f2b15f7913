/* SPDX-License-Identifier: MIT */
/* Anti-entropy: what it costs two members of n to find and settle ten differences, in bytes and in
 * processor time of both cores, without a network between them. */
#include <shoal/core.h>

#include "bench.h"
#include "bench_member.h"
#include "core/sync/sync.h"
#include "core/table/tree.h"
#include "wire/message.h"
#include "wire/packet.h"

#define DIFFERENCES 10
#define EPOCH       UINT64_C(1700000000)

struct site {
	struct shoal_core *core;
	struct shoal_addr addr;
};

struct pair {
	struct site site[2];
	uint64_t now;
	size_t bytes, requests; /* of the walk */
};

static void
give_up(const char *why)
{
	fprintf(stderr, "sync_bench: %s\n", why);
	exit(1);
}

static struct shoal_input
input_of(const struct pair *pair, enum shoal_input_kind kind)
{
	return (struct shoal_input){
	        .kind = kind, .mono_ns = pair->now, .wall_ns = SHOAL_SEC(EPOCH) + pair->now};
}

static void
forget_events(struct shoal_core *core)
{
	struct shoal_event event;
	struct shoal_log_record record;

	while (shoal_core_next_event(core, &event)) {
	}
	while (shoal_core_next_log(core, &record)) {
	}
}

/* Takes what a core sends. Its request to the other site is answered by that one, and so on, until
 * nothing is left to say; gossip and probes are lost. */
static void
exchange(struct pair *pair, size_t from)
{
	struct shoal_core *core = pair->site[from].core;
	struct shoal_send send;
	uint8_t *data = NULL;
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};
	bool request;

	do {
		request = false;
		while (shoal_core_next_send(core, &send)) {
			bool wanted = send.kind == SHOAL_SEND_REQUEST ||
			              (send.kind == SHOAL_SEND_REPLY && from == 1);
			if (!wanted || request ||
			        memcmp(&send.to, &pair->site[1 - from].addr, sizeof send.to) != 0) {
				continue;
			}
			request = true;
			pair->bytes += send.len;
			pair->requests += send.kind == SHOAL_SEND_REQUEST;
			input = input_of(pair, send.kind == SHOAL_SEND_REQUEST
			                               ? SHOAL_INPUT_REQUEST
			                               : SHOAL_INPUT_RESULT);
			input.from = pair->site[from].addr;
			input.exchange = send.exchange;
			data = realloc(data, send.len);
			if (data == NULL) {
				give_up("no memory");
			}
			memcpy(data, send.data, send.len);
			input.data = data;
			input.len = send.len;
		}
		forget_events(core);
		if (request) {
			from = 1 - from;
			core = pair->site[from].core;
			shoal_core_step(core, &input);
		}
	} while (request);
	free(data);
}

/* The site hears of members first, first + step ... below n at an incarnation, as in a table. */
static void
tell(struct pair *pair, size_t site, uint32_t first, uint32_t step, uint32_t n,
        uint64_t incarnation)
{
	size_t room = ((size_t)n / step + 2) * 128 + 128;
	uint8_t *bytes = malloc(room);
	struct shoal_input input = input_of(pair, SHOAL_INPUT_STREAM);
	struct shoal_writer writer;

	if (bytes == NULL) {
		give_up("no memory");
	}
	shoal_writer_init(&writer, bytes, room);
	shoal_packet_begin(&writer, (struct shoal_span){bytes, 0});
	struct shoal_msg_sender sender = {.id = {{0xfe}}, .salt = 1};
	shoal_message_append(&writer, SHOAL_MESSAGE_SENDER, &sender);
	for (uint32_t i = first; i < n; i += step) {
		struct shoal_msg_member member;
		char name[16];

		bench_member(i, incarnation, &member, name);
		shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, &member);
	}
	shoal_packet_end(&writer);
	input.data = bytes;
	input.len = writer.len;
	if (shoal_core_step(pair->site[site].core, &input) != SHOAL_OK) {
		give_up("the table was refused");
	}
	struct shoal_send send;
	while (shoal_core_next_send(pair->site[site].core, &send)) {
	}
	forget_events(pair->site[site].core);
	free(bytes);
}

static void
make(struct pair *pair, uint32_t n)
{
	memset(pair, 0, sizeof *pair);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_core_config config;
		char why[200] = "", addr[32], name[8];

		shoal_core_config_init(&config);
		snprintf(name, sizeof name, "site-%zu", i);
		snprintf(addr, sizeof addr, "10.255.0.%zu:7946", i + 1);
		config.seed = i;
		config.salt.bytes[0] = (uint8_t)(i + 1);
		config.name = name;
		config.wall_ns = SHOAL_SEC(EPOCH);
		config.log_level = SHOAL_LOG_ERROR;
		config.profile.members_max = n + 16;
		config.profile.tombstones_max = n;
		config.profile.sync_interval_ms = 86400000;
		shoal_addr_parse(&config.addr[0], addr);
		config.addrs = 1;
		if (shoal_core_new(&pair->site[i].core, &config, why, sizeof why) != SHOAL_OK) {
			give_up(why);
		}
		pair->site[i].addr = config.addr[0];
	}
	struct shoal_input join = input_of(pair, SHOAL_INPUT_JOIN);
	join.from = pair->site[1].addr;
	shoal_core_step(pair->site[0].core, &join);
	exchange(pair, 0);
	for (size_t i = 0; i < 2; i++) {
		tell(pair, i, 0, 1, n, 1);
	}
}

/* Half of the differences at each site, spread over the members. */
static void
differ(struct pair *pair, uint32_t n, uint64_t turn)
{
	uint32_t step = n / (DIFFERENCES / 2);

	tell(pair, 0, (uint32_t)(turn % step), step, n, 1 + turn);
	tell(pair, 1, (uint32_t)((turn + step / 2) % step), step, n, 1 + turn);
}

static void
bench_sync(const struct bench *bench, uint32_t n)
{
	struct pair pair;
	struct shoal_core_member other;
	uint64_t turn = 0, spent = 0;
	uint32_t slot;
	char what[80];

	make(&pair, n);
	shoal_core_member(pair.site[1].core, 0, &other);
	if (shoal_core_find(pair.site[0].core, &other.id, &slot) != SHOAL_OK ||
	        shoal_tree_root(pair.site[0].core) != shoal_tree_root(pair.site[1].core)) {
		give_up("the sites do not start alike");
	}
	size_t bytes = 0, requests = 0;
	uint64_t begin = bench_now_ns();
	while (bench_running(bench, begin)) {
		differ(&pair, n, ++turn);
		pair.bytes = pair.requests = 0;
		uint64_t cpu = bench_cpu_ns();
		shoal_sync_begin(pair.site[0].core, slot);
		exchange(&pair, 0);
		spent += bench_cpu_ns() - cpu;
		bytes += pair.bytes;
		requests += pair.requests;
		if (shoal_tree_root(pair.site[0].core) != shoal_tree_root(pair.site[1].core)) {
			give_up("a walk did not settle what differs");
		}
	}
	snprintf(what, sizeof what, "%d differences found and settled, %u members", DIFFERENCES, n);
	bench_figure(bench, what, (double)bytes / (double)turn, "bytes");
	bench_figure(bench, "requests for that", (double)requests / (double)turn, "");
	bench_figure(
	        bench, "processor time of both for that", (double)spent / 1e3 / (double)turn, "us");
	shoal_core_free(pair.site[0].core);
	shoal_core_free(pair.site[1].core);
}

int
main(int argc, char **argv)
{
	struct bench bench;

	bench_start(&bench, "sync", argc, argv);
	bench_sync(&bench, 10000);
	bench_sync(&bench, 100000);
	return 0;
}
