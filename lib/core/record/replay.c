/* SPDX-License-Identifier: MIT */
/* From the bytes of a record to entries, and to a core that is fed with them.
 *
 * A record may come from anywhere: nothing is believed before its checksum, lengths are compared
 * with what is left, and the core itself judges config and inputs as it does any other's. Reading
 * allocates nothing; the bytes are borrowed. */
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/reader.h"
#include "core/message/peer.h"
#include "core/record/record.h"

struct shoal_replay {
	struct shoal_allocator mem;
	const uint8_t *data;
	size_t len, at;
	uint32_t crc;
	int status; /* 0 while it goes on */
	bool begun, ended;
	uint64_t part, inputs;
	uint64_t mono, wall;
	struct shoal_core *core;
	char name[SHOAL_NAME_MAX + 1], label[SHOAL_LABEL_MAX + 1], url[SHOAL_URL_MAX + 1];
	const struct shoal_codec_ops *codec[SHOAL_CODECS_MAX];
	size_t codecs;
	uint8_t codec_id; /* that its core spoke */
};

int
shoal_replay_new(struct shoal_replay **out, const uint8_t *data, size_t len,
        const struct shoal_allocator *allocator)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct shoal_replay *replay = shoal_alloc_zeroed(&mem, 1, sizeof *replay);

	if (replay == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	replay->mem = mem;
	replay->data = data;
	replay->len = len;
	*out = replay;
	return SHOAL_OK;
}

void
shoal_replay_free(struct shoal_replay *replay)
{
	if (replay != NULL) {
		struct shoal_allocator mem = replay->mem;
		shoal_core_free(replay->core);
		shoal_alloc_free(&mem, replay);
	}
}

int
shoal_replay_codec(struct shoal_replay *replay, const struct shoal_codec_ops *codec)
{
	if (codec == NULL || codec->abi != SHOAL_CODEC_ABI) {
		return SHOAL_ERR_INVALID;
	}
	if (replay->codecs == SHOAL_CODECS_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	replay->codec[replay->codecs++] = codec;
	return SHOAL_OK;
}

static const struct shoal_codec_ops *
find_codec(const struct shoal_replay *replay, uint8_t id)
{
	for (size_t i = 0; i < replay->codecs; i++) {
		if (replay->codec[i]->id == id) {
			return replay->codec[i];
		}
	}
	return NULL;
}

static void
read_text(struct shoal_reader *reader, char *text, size_t most)
{
	size_t len = (size_t)shoal_reader_var(reader, most);

	shoal_reader_copy(reader, text, len);
	text[reader->failed ? 0 : len] = '\0';
	if (strlen(text) != len) {
		shoal_reader_fail(reader);
	}
}

static void
read_addr(struct shoal_reader *reader, struct shoal_addr *addr)
{
	shoal_reader_copy(reader, addr->ip, sizeof addr->ip);
	addr->port = shoal_reader_u16(reader);
	addr->scope = (uint32_t)shoal_reader_var(reader, UINT32_MAX);
}

static void
read_config(
        struct shoal_replay *replay, struct shoal_reader *reader, struct shoal_core_config *config)
{
	shoal_core_config_init(config);
	config->seed = shoal_reader_u64(reader);
	shoal_reader_copy(reader, config->salt.bytes, sizeof config->salt.bytes);
	config->mono_ns = shoal_reader_u64(reader);
	config->wall_ns = shoal_reader_u64(reader);
	shoal_reader_copy(reader, config->id.bytes, sizeof config->id.bytes);
	read_text(reader, replay->name, SHOAL_NAME_MAX);
	read_text(reader, replay->label, SHOAL_LABEL_MAX);
	config->name = replay->name;
	config->label = replay->label;
	config->addrs = shoal_reader_u8(reader);
	if (config->addrs > SHOAL_ADDRS_MAX) {
		shoal_reader_fail(reader);
		config->addrs = 0;
	}
	for (size_t i = 0; i < config->addrs; i++) {
		read_addr(reader, &config->addr[i]);
	}
	read_text(reader, replay->url, SHOAL_URL_MAX);
	config->url = replay->url;
	config->app_version = (uint32_t)shoal_reader_var(reader, UINT32_MAX);
	config->log_level = (enum shoal_log_level)shoal_reader_u8(reader);
	config->epoch_least = shoal_reader_var(reader, UINT64_MAX);
	config->sealed_sizes = shoal_reader_u8(reader) != 0;
	config->accept_clear = shoal_reader_u8(reader);
	replay->codec_id = shoal_reader_u8(reader);
	config->codec = find_codec(replay, replay->codec_id);
	uint8_t flags = shoal_reader_u8(reader);
	config->asks_accept = (flags & SHOAL_RECORD_ASKS) != 0;
	config->unwatched = (flags & SHOAL_RECORD_UNWATCHED) != 0;
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	config->profile.field = (uint32_t)shoal_reader_var(reader, UINT32_MAX);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
}

/* Whether this part goes on where the one before it ended. */
static int
follow(const struct shoal_replay *replay, const struct shoal_replay_entry *entry)
{
	if (!replay->begun) {
		return SHOAL_OK;
	}
	bool next = entry->part == replay->part + 1 && entry->inputs == replay->inputs &&
	            entry->mono_ns == replay->mono && entry->wall_ns == replay->wall;
	return next && !replay->ended ? SHOAL_OK : SHOAL_ERR_MALFORMED;
}

static int
read_begin(struct shoal_replay *replay, struct shoal_reader *body, struct shoal_replay_entry *entry)
{
	char magic[sizeof SHOAL_RECORD_MAGIC - 1];

	shoal_reader_copy(body, magic, sizeof magic);
	if (memcmp(magic, SHOAL_RECORD_MAGIC, sizeof magic) != 0) {
		return SHOAL_ERR_MALFORMED;
	}
	if (shoal_reader_u8(body) != SHOAL_RECORD_FORMAT) {
		return SHOAL_ERR_VERSION;
	}
	uint8_t flags = shoal_reader_u8(body);
	read_text(body, entry->version, sizeof entry->version - 1);
	if (shoal_reader_u32(body) != shoal_record_names()) {
		return body->failed ? SHOAL_ERR_MALFORMED : SHOAL_ERR_VERSION;
	}
	entry->redacted = (flags & SHOAL_RECORD_REDACTED) != 0;
	entry->part = shoal_reader_var(body, UINT64_MAX);
	entry->inputs = shoal_reader_var(body, UINT64_MAX);
	entry->mono_ns = shoal_reader_u64(body);
	entry->wall_ns = shoal_reader_u64(body);
	read_config(replay, body, &entry->config);
	if (body->failed || body->left != 0 || (flags & ~SHOAL_RECORD_REDACTED) != 0 ||
	        follow(replay, entry) != SHOAL_OK) {
		return SHOAL_ERR_MALFORMED;
	}
	replay->begun = true;
	replay->part = entry->part;
	replay->inputs = entry->inputs;
	replay->mono = entry->mono_ns;
	replay->wall = entry->wall_ns;
	return SHOAL_OK;
}

static int
read_code(struct shoal_reader *body)
{
	int64_t code = (int64_t)shoal_record_unzigzag(shoal_reader_var(body, UINT32_MAX));

	return (int)code;
}

static void
read_fields(struct shoal_reader *body, unsigned fields, struct shoal_input *input)
{
	if ((fields & SHOAL_RECORD_FROM) != 0) {
		read_addr(body, &input->from);
	}
	if ((fields & SHOAL_RECORD_RECEIVED) != 0) {
		input->received_ns =
		        input->mono_ns - shoal_record_unzigzag(shoal_reader_var(body, UINT64_MAX));
	}
	if ((fields & SHOAL_RECORD_EXCHANGE) != 0) {
		input->exchange = shoal_reader_u64(body);
	}
	if ((fields & SHOAL_RECORD_CODE) != 0) {
		input->code = read_code(body);
	}
	if ((fields & SHOAL_RECORD_TIMEOUT) != 0) {
		input->timeout_ns = shoal_reader_var(body, UINT64_MAX);
	}
	if ((fields & SHOAL_RECORD_AGE) != 0) {
		input->age_ns = shoal_reader_var(body, UINT64_MAX);
	}
	if ((fields & SHOAL_RECORD_SIZE) != 0) {
		input->size = (size_t)shoal_reader_var(body, SIZE_MAX);
	}
	if ((fields & SHOAL_RECORD_OPENED) != 0) {
		uint8_t opened = shoal_reader_u8(body);
		input->opened = opened <= SHOAL_OPENED_SEALED ? (enum shoal_opened)opened
		                                              : SHOAL_OPENED_CLEAR;
		input->sender = shoal_reader_u64(body);
	}
	if (input->kind == SHOAL_INPUT_SEND) {
		shoal_reader_copy(body, input->id.bytes, sizeof input->id.bytes);
		input->type = shoal_reader_u16(body);
		input->flags = shoal_reader_u16(body);
	}
	if (input->kind == SHOAL_INPUT_BROADCAST) {
		input->type = shoal_reader_u16(body);
		input->flags = shoal_reader_u16(body);
		input->tag_len = (size_t)shoal_reader_var(body, SHOAL_TAG_MAX);
		input->tag = shoal_reader_bytes(body, input->tag_len);
	}
	if ((fields & SHOAL_RECORD_DATA) != 0) {
		input->len = body->left;
		input->data = shoal_reader_bytes(body, body->left);
	}
}

static int
read_input(struct shoal_replay *replay, struct shoal_reader *body, struct shoal_replay_entry *entry)
{
	struct shoal_input *input = &entry->input;

	input->kind = (enum shoal_input_kind)shoal_reader_u8(body);
	unsigned fields = (unsigned)shoal_reader_var(body, 2 * SHOAL_RECORD_OPENED - 1);
	uint64_t moved = shoal_record_unzigzag(shoal_reader_var(body, UINT64_MAX));
	input->mono_ns = replay->mono + moved;
	input->wall_ns =
	        replay->wall + moved + shoal_record_unzigzag(shoal_reader_var(body, UINT64_MAX));
	read_fields(body, fields, input);
	if (body->failed || body->left != 0) {
		return SHOAL_ERR_MALFORMED;
	}
	replay->mono = input->mono_ns;
	replay->wall = input->wall_ns;
	replay->inputs++;
	return SHOAL_OK;
}

static int
read_checkpoint(
        struct shoal_replay *replay, struct shoal_reader *body, struct shoal_replay_entry *entry)
{
	uint64_t inputs = shoal_reader_var(body, UINT64_MAX);

	entry->hash = shoal_reader_u64(body);
	replay->ended = entry->kind == SHOAL_REPLAY_END;
	return body->failed || body->left != 0 || inputs != replay->inputs ? SHOAL_ERR_MALFORMED
	                                                                   : SHOAL_OK;
}

static int
read_body(struct shoal_replay *replay, struct shoal_reader *body, struct shoal_replay_entry *entry)
{
	if (entry->kind == SHOAL_REPLAY_BEGIN) {
		return read_begin(replay, body, entry);
	}
	if (!replay->begun || replay->ended) {
		return SHOAL_ERR_MALFORMED;
	}
	switch (entry->kind) {
	case SHOAL_REPLAY_INPUT:
		return read_input(replay, body, entry);
	case SHOAL_REPLAY_CHECKPOINT:
	case SHOAL_REPLAY_END:
		return read_checkpoint(replay, body, entry);
	default:
		return SHOAL_ERR_MALFORMED;
	}
}

static int
read_entry(struct shoal_replay *replay, struct shoal_replay_entry *entry)
{
	const uint8_t *begin = replay->data + replay->at;
	struct shoal_reader reader, body;

	shoal_reader_init(&reader, begin, replay->len - replay->at);
	entry->kind = (enum shoal_replay_kind)shoal_reader_u8(&reader);
	uint32_t len = shoal_reader_u32(&reader);
	if (entry->kind < SHOAL_REPLAY_BEGIN || entry->kind > SHOAL_REPLAY_END ||
	        len > SHOAL_RECORD_ENTRY_MAX ||
	        (!replay->begun && entry->kind != SHOAL_REPLAY_BEGIN)) {
		return reader.failed && replay->begun ? SHOAL_ERR_AGAIN : SHOAL_ERR_MALFORMED;
	}
	body = shoal_reader_sub(&reader, len);
	uint32_t crc = shoal_reader_u32(&reader);
	if (reader.failed) {
		return SHOAL_ERR_AGAIN;
	}
	uint32_t before = entry->kind == SHOAL_REPLAY_BEGIN ? 0 : replay->crc;
	if (shoal_hash_crc32c(before, begin, SHOAL_RECORD_HEAD + (size_t)len) != crc) {
		return SHOAL_ERR_CHECKSUM;
	}
	int rc = read_body(replay, &body, entry);
	if (rc == SHOAL_OK) {
		replay->crc = crc;
		replay->at += SHOAL_RECORD_HEAD + (size_t)len + SHOAL_RECORD_CRC;
	}
	return rc;
}

bool
shoal_replay_next(struct shoal_replay *replay, struct shoal_replay_entry *entry)
{
	memset(entry, 0, sizeof *entry);
	if (replay->status != SHOAL_OK || (replay->at == replay->len && replay->begun)) {
		return false;
	}
	entry->offset = replay->at;
	entry->inputs = replay->inputs;
	replay->status = read_entry(replay, entry);
	if (replay->status != SHOAL_OK) {
		memset(entry, 0, sizeof *entry);
		return false;
	}
	entry->part = replay->part;
	entry->mono_ns = replay->mono;
	entry->wall_ns = replay->wall;
	return true;
}

/* So did it take what was told of messages. */
static void
pass_over_messages(struct shoal_replay *replay)
{
	struct shoal_event event;

	while (shoal_peer_next_event(replay->core, &event)) {
		continue;
	}
}

/* The host of the core took all sends after each input; taking one is a part of the run. */
static void
feed(struct shoal_replay *replay, const struct shoal_input *input)
{
	struct shoal_send send;

	(void)shoal_core_step(replay->core, input);
	while (shoal_core_next_send(replay->core, &send)) {
		continue;
	}
}

bool
shoal_replay_step(struct shoal_replay *replay, struct shoal_replay_entry *entry)
{
	if (!shoal_replay_next(replay, entry)) {
		return false;
	}
	if (replay->core != NULL) {
		pass_over_messages(replay);
	}
	if (entry->kind == SHOAL_REPLAY_BEGIN && entry->part == 0) {
		if (entry->config.codec == NULL && replay->codec_id != SHOAL_CODEC_BINARY) {
			replay->status = SHOAL_ERR_CODEC;
			return false;
		}
		entry->config.allocator = &replay->mem;
		replay->status = shoal_core_new(&replay->core, &entry->config, NULL, 0);
		entry->config.allocator = NULL;
		return replay->status == SHOAL_OK;
	}
	if (replay->core == NULL) {
		return true;
	}
	if (entry->kind == SHOAL_REPLAY_INPUT) {
		feed(replay, &entry->input);
	} else if (entry->kind != SHOAL_REPLAY_BEGIN) {
		entry->is_hash = shoal_core_hash(replay->core);
	}
	return true;
}

int
shoal_replay_status(const struct shoal_replay *replay, uint64_t *offset)
{
	if (offset != NULL) {
		*offset = replay->at;
	}
	return replay->status != SHOAL_OK ? replay->status
	       : replay->ended            ? SHOAL_OK
	                                  : SHOAL_ERR_CLOSED;
}

struct shoal_core *
shoal_replay_core(const struct shoal_replay *replay)
{
	return replay->core;
}

const char *
shoal_input_name(enum shoal_input_kind kind)
{
	static const char *const names[] = {[SHOAL_INPUT_TIMER] = "timer",
	        [SHOAL_INPUT_DATAGRAM] = "datagram",
	        [SHOAL_INPUT_STREAM] = "stream",
	        [SHOAL_INPUT_REQUEST] = "request",
	        [SHOAL_INPUT_RESULT] = "result",
	        [SHOAL_INPUT_REFUSED] = "refused",
	        [SHOAL_INPUT_JOIN] = "join",
	        [SHOAL_INPUT_LEAVE] = "leave",
	        [SHOAL_INPUT_RESTORE] = "restore",
	        [SHOAL_INPUT_TOO_LARGE] = "too_large",
	        [SHOAL_INPUT_WATCHED] = "watched",
	        [SHOAL_INPUT_UNWATCHED] = "unwatched",
	        [SHOAL_INPUT_CLOSED] = "closed",
	        [SHOAL_INPUT_META] = "meta",
	        [SHOAL_INPUT_TUNE] = "tune",
	        [SHOAL_INPUT_FORGET] = "forget",
	        [SHOAL_INPUT_ALLOW] = "allow",
	        [SHOAL_INPUT_SEND] = "send",
	        [SHOAL_INPUT_ROOM] = "room",
	        [SHOAL_INPUT_BROADCAST] = "broadcast",
	        [SHOAL_INPUT_KEYS] = "keys",
	        [SHOAL_INPUT_ADDRESS] = "address",
	        [SHOAL_INPUT_ACCEPT] = "accept",
	        [SHOAL_INPUT_MIGRATE] = "migrate"};

	return (unsigned)kind < sizeof names / sizeof names[0] && names[kind] != NULL ? names[kind]
	                                                                              : "invalid";
}
