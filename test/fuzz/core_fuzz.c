/* SPDX-License-Identifier: MIT */
/* Fuzzes one core through its only entry point, and judges it with the simulator's checkers: a
 * target that only waits for crashes misses most of what can be wrong. Whatever the script says, a
 * core must keep its promises of core.h: events chain, nobody rises from the dead, incarnations
 * never fall, everything stays bounded, a refused packet changes nothing.
 *
 * Beside raw bytes a script may wrap messages into a packet with a right checksum, send the core's
 * own packets back with one byte changed, tell statements about a few ids, and answer the core's
 * own pings: without these no mutation gets past the checksum and the sequence numbers. Cost: a few
 * microseconds a record. */
#include "fuzz.h"
#include "script.h"
#include "talk.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "sim/check.h"
#include "wire/message.h"
#include "wire/packet.h"

#include <shoal/core.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void
fuzz_fail(const char *what, const char *why)
{
	fprintf(stderr, "core_fuzz: %s: %s\n", what, why);
	abort();
}

static void
judge(const struct fuzz *fuzz)
{
	if (fuzz->checkers.fired != 0) {
		fuzz_fail(
		        shoal_checker_name(fuzz->checkers.first.check), fuzz->checkers.first.text);
	}
}

static void
keep_send(struct fuzz *fuzz, const struct shoal_send *send)
{
	size_t at = fuzz->packets % KEPT;

	shoal_watch_send(&fuzz->watch, send);
	if (send->len != 0) { /* the ends of links carry nothing */
		fuzz_keep_pings(fuzz, send);
	}
	if (send->kind == SHOAL_SEND_REQUEST || send->kind == SHOAL_SEND_WATCH) {
		fuzz->exchange[fuzz->asked++ % KEPT] = send->exchange;
	}
	if (send->kind == SHOAL_SEND_REPLY &&
	        (send->exchange == 0 || send->exchange > fuzz->requests ||
	                fuzz->replied[send->exchange % KEPT] == send->exchange)) {
		fuzz_fail("commands", "a reply to no request, or a second one");
	}
	if (send->kind == SHOAL_SEND_REPLY) {
		fuzz->replied[send->exchange % KEPT] = send->exchange;
	}
	if (send->len > 0 && send->len <= PACKET_MAX) {
		memcpy(fuzz->packet[at], send->data, send->len);
		fuzz->packet_len[at] = send->len;
		fuzz->packets++;
	}
}

static void
keep_event(struct fuzz *fuzz, const struct shoal_event *event)
{
	if (event->kind == SHOAL_EVENT_JOINED && fuzz->joined++ >= fuzz->joins) {
		fuzz_fail("commands", "a join ended twice");
	}
	if (event->kind == SHOAL_EVENT_ENDED) {
		fuzz->ended = true;
	}
	hear(fuzz, event);
	if (shoal_watch_event(&fuzz->watch, fuzz->core, event) != 0) {
		fuzz_fail("fuzz", "no memory");
	}
}

static void
drain(struct fuzz *fuzz)
{
	struct shoal_send send;
	struct shoal_event event;
	struct shoal_log_record record;

	while (shoal_core_next_send(fuzz->core, &send)) {
		keep_send(fuzz, &send);
	}
	while (shoal_core_next_event(fuzz->core, &event)) {
		keep_event(fuzz, &event);
	}
	while (shoal_core_next_log(fuzz->core, &record)) {
		continue;
	}
}

static int
step(struct fuzz *fuzz, struct shoal_input *input)
{
	bool judged = input->kind != SHOAL_INPUT_TUNE && input->kind != SHOAL_INPUT_ALLOW &&
	              input->kind != SHOAL_INPUT_ADDRESS;
	int rc;

	input->mono_ns = fuzz->now;
	input->wall_ns = fuzz->wall + fuzz->now;
	shoal_watch_begin(&fuzz->watch, input);
	rc = shoal_core_step(fuzz->core, input);
	if ((rc == SHOAL_ERR_INVALID && judged) || rc <= SHOAL_ERR_FATAL) {
		fuzz_fail("step", shoal_strerror(rc));
	}
	drain(fuzz);
	if (shoal_watch_end(&fuzz->watch, fuzz->core, input) != 0 ||
	        shoal_watch_members(&fuzz->watch, fuzz->core) != 0) {
		fuzz_fail("fuzz", "no memory");
	}
	judge(fuzz);
	return rc;
}

static void
timer(struct fuzz *fuzz)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};

	(void)step(fuzz, &input);
}

static void
to_deadline(struct fuzz *fuzz, unsigned times)
{
	for (; times > 0 && !fuzz->ended; times--) {
		uint64_t deadline = shoal_core_deadline(fuzz->core);

		if (deadline == SHOAL_NEVER) {
			break;
		}
		fuzz->now = deadline > fuzz->now ? deadline : fuzz->now;
		timer(fuzz);
	}
}

/* A packet by one of the four ways that packets come in. Every 32nd sender has no key, every 16th
 * speaks the compact codec whatever the others do. */
static void
packet(struct fuzz *fuzz, enum shoal_input_kind way, uint8_t from, uint64_t age,
        const uint8_t *data, size_t len)
{
	struct shoal_input input = {
	        .kind = way, .from = address(from), .data = data, .len = len, .exchange = 0};

	if (way == SHOAL_INPUT_DATAGRAM) {
		input.received_ns = age < fuzz->now ? fuzz->now - age : 0;
	} else if (way == SHOAL_INPUT_REQUEST || way == SHOAL_INPUT_WATCHED) {
		input.exchange = ++fuzz->requests;
	} else if (way == SHOAL_INPUT_RESULT && fuzz->asked > 0) {
		input.exchange = fuzz->exchange[(fuzz->asked - 1) % KEPT];
	}
	if (fuzz->codec != NULL && from % 16 != 15) {
		fuzz_encode(fuzz, &input);
	}
	if (fuzz->ring != NULL && from % 32 != 31) {
		fuzz_seal(fuzz, &input, from % 32 == 30);
	}
	(void)step(fuzz, &input);
}

static enum shoal_input_kind
way_of(uint8_t arg)
{
	static const enum shoal_input_kind way[] = {
	        SHOAL_INPUT_DATAGRAM, SHOAL_INPUT_STREAM, SHOAL_INPUT_REQUEST, SHOAL_INPUT_RESULT};

	return way[arg >> 6];
}

static void
result(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len)
{
	static const int codes[] = {0, SHOAL_ERR_TIMEOUT, SHOAL_ERR_REFUSED, SHOAL_ERR_CLOSED,
	        SHOAL_ERR_UNREACHABLE, SHOAL_ERR_TOO_BIG, SHOAL_ERR_LIMIT, SHOAL_ERR_CANCELED};
	struct shoal_input input = {.kind = SHOAL_INPUT_RESULT};

	if (len < 9) {
		return;
	}
	input.exchange = arg % 2 == 0 ? script_number(data, 8) : fuzz->exchange[arg / 2 % KEPT];
	input.code = codes[data[8] % (sizeof(codes) / sizeof(codes[0]))];
	if (input.code == 0) {
		input.data = data + 9;
		input.len = len - 9;
	}
	(void)step(fuzz, &input);
}

static void
wrapped(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len)
{
	struct shoal_span label = {NULL, 0};
	struct shoal_writer writer;

	shoal_writer_init(&writer, fuzz->made, sizeof(fuzz->made));
	shoal_packet_begin(&writer, label);
	shoal_writer_bytes(&writer, data, len < shoal_writer_left(&writer) ? len : 0);
	shoal_packet_end(&writer);
	packet(fuzz, way_of(arg), arg & 0x3f, 0, fuzz->made, writer.len);
}

/* The checksum is made right again where the byte is not part of it. */
static void
echo(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len)
{
	size_t at = arg % KEPT, size = fuzz->packet_len[at];
	struct shoal_packet_header header;
	struct shoal_reader reader;

	if (len < 4 || size < SHOAL_PACKET_CRC) {
		return;
	}
	memcpy(fuzz->made, fuzz->packet[at], size);
	fuzz->made[script_number(data + 1, 2) % size] ^= data[3];
	shoal_reader_init(&reader, fuzz->made, size - SHOAL_PACKET_CRC);
	if ((arg & 0x10) == 0 && shoal_packet_header(&reader, &header) == 0) {
		uint8_t body[PACKET_MAX];
		size_t left = reader.left;

		memcpy(body, reader.at, left);
		wrapped(fuzz, (uint8_t)((arg & 0xc0) | (data[0] & 0x3f)), body, left);
	} else {
		packet(fuzz, way_of(arg), data[0], 0, fuzz->made, size);
	}
}

static void
statements(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len)
{
	struct shoal_writer writer;
	uint8_t body[PACKET_MAX / 2];

	shoal_writer_init(&writer, body, sizeof(body));
	fuzz_append_opening(fuzz, &writer, way_of(arg), arg);
	for (; len >= 6 && fuzz_append_statement(fuzz, &writer, data); len -= 6) {
		data += 6;
	}
	wrapped(fuzz, arg & 0xdf, body, writer.len);
}

static void
ack(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len)
{
	const struct ping *ping = &fuzz->ping[arg % KEPT];
	struct shoal_msg_ack message = {.seq = ping->seq, .id = ping->target};
	struct shoal_salt salt = {{0}};
	struct shoal_core_member member;
	struct shoal_writer writer;
	uint8_t body[128];
	uint32_t slot;

	if (len < 3 || fuzz->pings == 0) {
		return;
	}
	if (data[0] % 4 != 0) {
		pick_id(fuzz, data[0], &message.id);
	}
	if (data[1] % 4 != 0) {
		memset(&salt, data[1], sizeof(salt));
	} else if (shoal_core_find(fuzz->core, &message.id, &slot) == 0 &&
	           shoal_core_member(fuzz->core, slot, &member)) {
		salt = member.salt;
	}
	message.salt = short_salt(&salt);
	shoal_writer_init(&writer, body, sizeof(body));
	(void)shoal_message_append(&writer, SHOAL_MESSAGE_ACK, &message);
	wrapped(fuzz,
	        (uint8_t)((arg & 0xc0) |
	                  (data[2] % 4 == 0 ? ping->to.ip[15] & 0x3f : data[2] & 0x3f)),
	        body, writer.len);
}

static void
command(struct fuzz *fuzz, enum shoal_input_kind kind, uint8_t arg)
{
	struct shoal_input input = {.kind = kind};
	int rc;

	if (kind != SHOAL_INPUT_LEAVE) {
		input.from = address(arg);
	}
	fuzz->joins += kind == SHOAL_INPUT_JOIN;
	rc = step(fuzz, &input);
	fuzz->joins -= kind == SHOAL_INPUT_JOIN && rc != 0;
}

/* What becomes of a watch link, or of a datagram on its way. */
static void
link_ends(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_TOO_LARGE, .from = address(arg / 4)};

	if (len < 3) {
		return;
	}
	if (arg % 4 == 0) {
		input = (struct shoal_input){
		        .kind = SHOAL_INPUT_UNWATCHED, .exchange = fuzz->requests - data[0] % KEPT};
	} else if (arg % 4 == 1) {
		input = (struct shoal_input){.kind = SHOAL_INPUT_CLOSED,
		        .exchange = fuzz->exchange[data[0] % KEPT],
		        .code = data[1] % 2 == 0 ? SHOAL_ERR_CLOSED : SHOAL_ERR_TIMEOUT};
	} else {
		input.size = (size_t)script_number(data + 1, 2);
	}
	(void)step(fuzz, &input);
}

/* Commands with data; what is too short to mean anything is this member's metadata. */
static void
set(struct fuzz *fuzz, unsigned which, struct shoal_input *input)
{
	uint8_t tuning[SHOAL_TUNING_BYTES];
	struct shoal_id id;

	if (which % 4 == 1 && input->len >= 1) {
		fuzz->profile.tombstones_max = 1 + input->data[0];
		(void)shoal_core_tuning(&fuzz->profile, SHOAL_LOG_INFO, tuning, sizeof(tuning));
		*input = (struct shoal_input){
		        .kind = SHOAL_INPUT_TUNE, .data = tuning, .len = sizeof(tuning)};
	} else if (which % 4 == 2 && input->len >= 1) {
		pick_id(fuzz, input->data[0], &id);
		*input = (struct shoal_input){
		        .kind = SHOAL_INPUT_FORGET, .data = id.bytes, .len = sizeof(id)};
	} else if (which % 4 == 3 && input->len >= 1) {
		input->kind = input->data[0] % 2 == 0 ? SHOAL_INPUT_ALLOW : SHOAL_INPUT_TUNE;
		input->data++;
		input->len--;
	}
	(void)step(fuzz, input);
}

/* Its hash is right, so that it is looked at; a length that is not that of the body is of one that
 * may be pulled. */
static void
meta(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_META, .data = data, .len = len};
	struct shoal_msg_meta message = {.version = 0};
	struct shoal_writer writer;
	struct shoal_sha256 sha;
	uint8_t body[PACKET_MAX / 2], digest[32];

	if ((arg & 1) != 0) {
		set(fuzz, arg >> 1, &input);
		return;
	}
	if (len < 5) {
		return;
	}
	pick_id(fuzz, data[0], &message.id);
	message.version =
	        ((fuzz->wall + fuzz->now) / SHOAL_MS(1) << 16) + script_number(data + 1, 2);
	message.body = (struct shoal_span){data + 5, len - 5};
	message.len = script_number(data + 3, 2);
	message.len = message.len % 2 == 0 ? message.body.len : message.len;
	message.body.len = message.len != message.body.len ? 0 : message.body.len;
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, message.body.data, message.body.len);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 8; i++) {
		message.hash = message.hash << 8 | digest[i];
	}
	shoal_writer_init(&writer, body, sizeof(body));
	fuzz_append_opening(fuzz, &writer, way_of(arg), arg);
	(void)shoal_message_append(&writer, SHOAL_MESSAGE_META, &message);
	wrapped(fuzz, arg & 0xdf, body, writer.len);
}

/* A message of the application's, or an order of the operator's. */
static void
say(struct fuzz *fuzz, enum script_op op, uint8_t arg, const uint8_t *data, size_t len)
{
	struct shoal_input input;

	if (op == SCRIPT_SEND ? said(fuzz, arg, data, len, &input)
	                      : fuzz_order(fuzz, arg, data, len, &input)) {
		(void)step(fuzz, &input);
	}
}

static void
record(struct fuzz *fuzz, enum script_op op, uint8_t arg, const uint8_t *data, size_t len)
{
	switch (op) {
	case SCRIPT_ADVANCE:
		if (len >= 8) {
			fuzz->now += script_number(data, 8) % AFTER_MAX;
		}
		break;
	case SCRIPT_DEADLINE:
		to_deadline(fuzz, arg % 16 + 1);
		break;
	case SCRIPT_DATAGRAM:
		if (len >= 4) {
			packet(fuzz, SHOAL_INPUT_DATAGRAM, arg, script_number(data, 4), data + 4,
			        len - 4);
		}
		break;
	case SCRIPT_STREAM:
		packet(fuzz, SHOAL_INPUT_STREAM, arg, 0, data, len);
		break;
	case SCRIPT_REQUEST:
		packet(fuzz, SHOAL_INPUT_REQUEST, arg, 0, data, len);
		break;
	case SCRIPT_RESULT:
		result(fuzz, arg, data, len);
		break;
	case SCRIPT_REFUSED:
		command(fuzz, SHOAL_INPUT_REFUSED, arg);
		break;
	case SCRIPT_JOIN:
		command(fuzz, SHOAL_INPUT_JOIN, arg);
		break;
	case SCRIPT_LEAVE:
		command(fuzz, SHOAL_INPUT_LEAVE, arg);
		break;
	case SCRIPT_WRAPPED:
		wrapped(fuzz, arg, data, len);
		break;
	case SCRIPT_ECHO:
		echo(fuzz, arg, data, len);
		break;
	case SCRIPT_STATEMENTS:
		statements(fuzz, arg, data, len);
		break;
	case SCRIPT_ACK:
		ack(fuzz, arg, data, len);
		break;
	case SCRIPT_WATCHED:
		packet(fuzz, SHOAL_INPUT_WATCHED, arg, 0, data, len);
		break;
	case SCRIPT_LINK:
		link_ends(fuzz, arg, data, len);
		break;
	case SCRIPT_META:
		meta(fuzz, arg, data, len);
		break;
	case SCRIPT_SEND:
	case SCRIPT_ORDER:
		say(fuzz, op, arg, data, len);
		break;
	case SCRIPT_TALK:
		wrapped(fuzz, arg, fuzz->body, talk(fuzz, data, len));
		break;
	default:
		timer(fuzz);
		break;
	}
}

static void
begin(struct fuzz *fuzz, const uint8_t *head)
{
	struct shoal_core_config config;
	char why[120];

	memset(fuzz, 0, sizeof(*fuzz));
	(void)shoal_profile_init(&fuzz->profile, (enum shoal_profile_kind)(head[0] % 0x20 % 3));
	/* Small limits are reached. */
	fuzz->profile.members_max = head[0] & 0x80 ? 8 : 64;
	fuzz->profile.tombstones_max = 4;
	fuzz->profile.sends_max = head[0] & 0x40 ? 16 : 256;
	fuzz->profile.unknown_max = 4;
	fuzz->profile.relayed_max = 4;
	fuzz->profile.exchanges_max = 8;
	fuzz->profile.queue_bytes = 2048;
	fuzz->profile.batch_max = 1024;
	shoal_core_config_init(&config);
	config.seed = script_number(head + 1, 8);
	memcpy(config.salt.bytes, head + 9, 16);
	config.salt.bytes[0] |= 1;
	memcpy(config.id.bytes, head + 25, 16);
	config.id.bytes[15] |= 1;
	fuzz->now = script_number(head + 41, 8) >> 2;
	fuzz->wall = script_number(head + 49, 8) >> 2;
	config.mono_ns = fuzz->now;
	config.wall_ns = fuzz->wall + fuzz->now;
	config.name = "fuzz";
	config.addr[0] = address(0);
	config.addrs = 1;
	config.profile = fuzz->profile;
	config.log_level = SHOAL_LOG_DEBUG;
	fuzz->id = config.id;
	fuzz->salt = config.salt;
	fuzz->codec = config.codec = fuzz_codec((head[0] & 0x1f) / 3);
	if ((head[0] & SCRIPT_SEALED) != 0) {
		fuzz_share_key(fuzz, &config);
	}
	if (shoal_core_new(&fuzz->core, &config, why, sizeof(why)) != 0) {
		fuzz_fail("new", why);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;

	if (size < SCRIPT_HEAD) {
		return 0;
	}
	begin(&fuzz, data);
	shoal_watch_init(&fuzz.watch, &shoal_allocator_libc, &fuzz.checkers, &fuzz.profile, 0);
	fuzz.watch.forgets = true;
	data += SCRIPT_HEAD;
	size -= SCRIPT_HEAD;
	while (size >= SCRIPT_RECORD && !fuzz.ended) {
		size_t len = (size_t)script_number(data + 2, 2);

		len = len < size - SCRIPT_RECORD ? len : size - SCRIPT_RECORD;
		fuzz.now += script_number(data + 4, 4);
		record(&fuzz, (enum script_op)(data[0] % SCRIPT_OPS), data[1], data + SCRIPT_RECORD,
		        len);
		data += SCRIPT_RECORD + len;
		size -= SCRIPT_RECORD + len;
	}
	shoal_watch_done(&fuzz.watch);
	shoal_core_free(fuzz.core);
	shoal_keyring_free(fuzz.ring);
	return 0;
}
