/* SPDX-License-Identifier: MIT */
/* From a config and inputs to the bytes of a record. One buffer, which grows to the largest input
 * and is then used again: recording allocates nothing on the steady path. Cost: a copy and a
 * checksum of the input, and of every checkpoint_ns a look at every member. */
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/writer.h"
#include "core/record/record.h"
#include "core/record/redact.h"

#include <shoal/version.h>

#define CONFIG_MOST     (1 << 16) /* bytes of a config of any release */
#define CHECKPOINT_EACH SHOAL_SEC(10)

struct shoal_recorder {
	struct shoal_allocator mem;
	struct shoal_recorder_config config;
	struct shoal_core_config core; /* its texts stand below */
	char name[SHOAL_NAME_MAX + 1], label[SHOAL_LABEL_MAX + 1], url[SHOAL_URL_MAX + 1];
	uint64_t parts, inputs;
	uint64_t mono, wall; /* of the last input */
	uint64_t checked;    /* when the last checkpoint was */
	uint32_t crc;
	uint8_t *buffer;
	size_t capacity, len;
};

uint32_t
shoal_record_names(void)
{
	static const char names[] =
#define SHOAL_X(field, min, max, lan, wan, local, text) #field " "
	        SHOAL_PROFILE_TABLE(SHOAL_X);
#undef SHOAL_X

	return shoal_hash_crc32c(0, names, sizeof names - 1);
}

void
shoal_recorder_config_init_sized(struct shoal_recorder_config *config, size_t size)
{
	struct shoal_recorder_config whole = {.checkpoint_ns = CHECKPOINT_EACH};

	memset(config, 0, size);
	memcpy(config, &whole, size < sizeof whole ? size : sizeof whole);
	config->size = size;
}

static bool
take_text(char *copy, size_t most, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (len > most) {
		return false;
	}
	memcpy(copy, text == NULL ? "" : text, len + 1);
	return true;
}

static int
take_configs(struct shoal_recorder *recorder, const struct shoal_core_config *core,
        const struct shoal_recorder_config *config)
{
	if (core->size == 0 || core->size > CONFIG_MOST || config->size == 0 ||
	        config->size > CONFIG_MOST) {
		return SHOAL_ERR_INVALID;
	}
	shoal_core_config_init(&recorder->core);
	memcpy(&recorder->core, core,
	        core->size < sizeof recorder->core ? core->size : sizeof recorder->core);
	shoal_recorder_config_init(&recorder->config);
	memcpy(&recorder->config, config,
	        config->size < sizeof recorder->config ? config->size : sizeof recorder->config);
	if (recorder->core.addrs > SHOAL_ADDRS_MAX ||
	        !take_text(recorder->name, SHOAL_NAME_MAX, recorder->core.name) ||
	        !take_text(recorder->label, SHOAL_LABEL_MAX, recorder->core.label) ||
	        !take_text(recorder->url, SHOAL_URL_MAX, recorder->core.url)) {
		return SHOAL_ERR_INVALID;
	}
	return SHOAL_OK;
}

int
shoal_recorder_new(struct shoal_recorder **out, const struct shoal_core_config *core,
        const struct shoal_recorder_config *config)
{
	struct shoal_recorder empty, *recorder;

	memset(&empty, 0, sizeof empty);
	int rc = take_configs(&empty, core, config);
	if (rc != SHOAL_OK) {
		return rc;
	}
	empty.mem = shoal_allocator_or_libc(empty.config.allocator);
	empty.mono = empty.checked = empty.core.mono_ns;
	empty.wall = empty.core.wall_ns;
	empty.capacity = 2 * (size_t)SHOAL_RECORD_SMALL;
	empty.buffer = shoal_alloc(&empty.mem, empty.capacity);
	recorder = empty.buffer != NULL ? shoal_alloc(&empty.mem, sizeof *recorder) : NULL;
	if (recorder == NULL) {
		shoal_alloc_free(&empty.mem, empty.buffer);
		return SHOAL_ERR_NOMEM;
	}
	*recorder = empty;
	*out = recorder;
	return SHOAL_OK;
}

void
shoal_recorder_free(struct shoal_recorder *recorder)
{
	if (recorder != NULL) {
		struct shoal_allocator mem = recorder->mem;
		shoal_alloc_free(&mem, recorder->buffer);
		shoal_alloc_free(&mem, recorder);
	}
}

/* Room for an entry with so much data, and for a checkpoint before it. */
static int
reserve(struct shoal_recorder *recorder, size_t data)
{
	size_t need = 2 * (size_t)SHOAL_RECORD_SMALL + data, capacity = recorder->capacity;

	if (data > SHOAL_RECORD_ENTRY_MAX - SHOAL_RECORD_SMALL) {
		return SHOAL_ERR_TOO_BIG;
	}
	while (capacity < need) {
		capacity *= 2;
	}
	if (capacity > recorder->capacity) {
		uint8_t *larger = shoal_alloc_resize(&recorder->mem, recorder->buffer, capacity, 1);
		if (larger == NULL) {
			return SHOAL_ERR_NOMEM;
		}
		recorder->buffer = larger;
		recorder->capacity = capacity;
	}
	return SHOAL_OK;
}

/* A writer for the body of an entry behind what is in the buffer. */
static struct shoal_writer
open_entry(struct shoal_recorder *recorder, enum shoal_replay_kind kind)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, recorder->buffer + recorder->len,
	        recorder->capacity - recorder->len - SHOAL_RECORD_CRC);
	shoal_writer_u8(&writer, (uint8_t)kind);
	shoal_writer_u32(&writer, 0);
	return writer;
}

static void
close_entry(struct shoal_recorder *recorder, struct shoal_writer *writer)
{
	struct shoal_writer head;

	shoal_writer_init(&head, writer->data + 1, sizeof(uint32_t));
	shoal_writer_u32(&head, (uint32_t)(writer->len - SHOAL_RECORD_HEAD));
	recorder->crc = shoal_hash_crc32c(recorder->crc, writer->data, writer->len);
	writer->cap += SHOAL_RECORD_CRC;
	shoal_writer_u32(writer, recorder->crc);
	recorder->len += writer->len;
}

static void
write_text(struct shoal_writer *writer, const char *text)
{
	size_t len = strlen(text);

	shoal_writer_var(writer, len);
	shoal_writer_bytes(writer, text, len);
}

static void
write_addr(struct shoal_writer *writer, const struct shoal_addr *addr)
{
	shoal_writer_bytes(writer, addr->ip, sizeof addr->ip);
	shoal_writer_u16(writer, addr->port);
	shoal_writer_var(writer, addr->scope);
}

static void
write_config(struct shoal_writer *writer, const struct shoal_recorder *recorder)
{
	const struct shoal_core_config *core = &recorder->core;

	shoal_writer_u64(writer, core->seed);
	shoal_writer_bytes(writer, core->salt.bytes, sizeof core->salt.bytes);
	shoal_writer_u64(writer, core->mono_ns);
	shoal_writer_u64(writer, core->wall_ns);
	shoal_writer_bytes(writer, core->id.bytes, sizeof core->id.bytes);
	write_text(writer, recorder->name);
	write_text(writer, recorder->label);
	shoal_writer_u8(writer, (uint8_t)core->addrs);
	for (size_t i = 0; i < core->addrs; i++) {
		write_addr(writer, &core->addr[i]);
	}
	write_text(writer, recorder->url);
	shoal_writer_var(writer, core->app_version);
	shoal_writer_u8(writer, (uint8_t)core->log_level);
	shoal_writer_var(writer, core->epoch_least);
	bool sealed = core->cipher != NULL ? core->accept_clear < 2 : core->sealed_sizes;
	shoal_writer_u8(writer, sealed ? 1 : 0);
	shoal_writer_u8(writer, (uint8_t)core->accept_clear);
	shoal_writer_u8(writer, core->codec != NULL ? core->codec->id : SHOAL_CODEC_BINARY);
	shoal_writer_u8(writer, (uint8_t)((core->asks_accept ? SHOAL_RECORD_ASKS : 0) |
	                                  (core->unwatched ? SHOAL_RECORD_UNWATCHED : 0)));
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	shoal_writer_var(writer, core->profile.field);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
}

static int
give(struct shoal_recorder *recorder, const uint8_t **data, size_t *len)
{
	*data = recorder->buffer;
	*len = recorder->len;
	return SHOAL_OK;
}

int
shoal_recorder_begin(struct shoal_recorder *recorder, const uint8_t **data, size_t *len)
{
	struct shoal_writer writer;

	recorder->crc = 0;
	recorder->len = 0;
	writer = open_entry(recorder, SHOAL_REPLAY_BEGIN);
	shoal_writer_bytes(&writer, SHOAL_RECORD_MAGIC, sizeof SHOAL_RECORD_MAGIC - 1);
	shoal_writer_u8(&writer, SHOAL_RECORD_FORMAT);
	shoal_writer_u8(&writer, recorder->config.redact ? SHOAL_RECORD_REDACTED : 0);
	write_text(&writer, shoal_version(NULL));
	shoal_writer_u32(&writer, shoal_record_names());
	shoal_writer_var(&writer, recorder->parts++);
	shoal_writer_var(&writer, recorder->inputs);
	shoal_writer_u64(&writer, recorder->mono);
	shoal_writer_u64(&writer, recorder->wall);
	write_config(&writer, recorder);
	close_entry(recorder, &writer);
	return give(recorder, data, len);
}

static void
checkpoint(
        struct shoal_recorder *recorder, const struct shoal_core *core, enum shoal_replay_kind kind)
{
	struct shoal_writer writer = open_entry(recorder, kind);

	shoal_writer_var(&writer, recorder->inputs);
	shoal_writer_u64(&writer, shoal_core_hash(core));
	close_entry(recorder, &writer);
}

static unsigned
fields_of(const struct shoal_input *input)
{
	static const struct shoal_addr nobody;
	unsigned fields = 0;

	fields |= !shoal_addr_equal(&input->from, &nobody) ? SHOAL_RECORD_FROM : 0u;
	fields |= input->received_ns != 0 ? SHOAL_RECORD_RECEIVED : 0u;
	fields |= input->exchange != 0 ? SHOAL_RECORD_EXCHANGE : 0u;
	fields |= input->code != 0 ? SHOAL_RECORD_CODE : 0u;
	fields |= input->timeout_ns != 0 ? SHOAL_RECORD_TIMEOUT : 0u;
	fields |= input->age_ns != 0 ? SHOAL_RECORD_AGE : 0u;
	fields |= input->size != 0 ? SHOAL_RECORD_SIZE : 0u;
	fields |= input->len != 0 ? SHOAL_RECORD_DATA : 0u;
	fields |= input->opened != SHOAL_OPENED_NOT ? SHOAL_RECORD_OPENED : 0u;
	return fields;
}

static void
write_fields(
        struct shoal_writer *writer, const struct shoal_input *input, unsigned fields, bool redact)
{
	if ((fields & SHOAL_RECORD_FROM) != 0) {
		write_addr(writer, &input->from);
	}
	if ((fields & SHOAL_RECORD_RECEIVED) != 0) {
		shoal_writer_var(writer, shoal_record_zigzag(input->mono_ns - input->received_ns));
	}
	if ((fields & SHOAL_RECORD_EXCHANGE) != 0) {
		shoal_writer_u64(writer, input->exchange);
	}
	if ((fields & SHOAL_RECORD_CODE) != 0) {
		shoal_writer_var(writer, shoal_record_zigzag((uint64_t)(int64_t)input->code));
	}
	if ((fields & SHOAL_RECORD_TIMEOUT) != 0) {
		shoal_writer_var(writer, input->timeout_ns);
	}
	if ((fields & SHOAL_RECORD_AGE) != 0) {
		shoal_writer_var(writer, input->age_ns);
	}
	if ((fields & SHOAL_RECORD_SIZE) != 0) {
		shoal_writer_var(writer, input->size);
	}
	if ((fields & SHOAL_RECORD_OPENED) != 0) {
		shoal_writer_u8(writer, (uint8_t)input->opened);
		shoal_writer_u64(writer, input->sender);
	}
	if (input->kind == SHOAL_INPUT_SEND) {
		shoal_writer_bytes(writer, input->id.bytes, sizeof input->id.bytes);
		shoal_writer_u16(writer, input->type);
		shoal_writer_u16(writer, input->flags);
	}
	if (input->kind == SHOAL_INPUT_BROADCAST) {
		shoal_writer_u16(writer, input->type);
		shoal_writer_u16(writer, input->flags);
		shoal_writer_var(writer, input->tag_len);
		shoal_writer_bytes(writer, input->tag, input->tag_len);
	}
	if ((fields & SHOAL_RECORD_DATA) != 0) {
		size_t at = writer->len;
		shoal_writer_bytes(writer, input->data, input->len);
		if (redact &&
		        (input->kind == SHOAL_INPUT_SEND || input->kind == SHOAL_INPUT_BROADCAST)) {
			memset(writer->data + at, 0, input->len);
		} else if (redact && input->kind < SHOAL_INPUT_META) {
			shoal_redact_packet(writer->data + at, input->len);
		}
	}
}

int
shoal_recorder_input(struct shoal_recorder *recorder, const struct shoal_core *core,
        const struct shoal_input *input, const uint8_t **data, size_t *len)
{
	int rc = reserve(recorder, input->len);
	struct shoal_writer writer;

	recorder->len = 0;
	if (rc != SHOAL_OK) {
		return rc;
	}
	if (input->mono_ns >= recorder->checked &&
	        input->mono_ns - recorder->checked >= recorder->config.checkpoint_ns) {
		checkpoint(recorder, core, SHOAL_REPLAY_CHECKPOINT);
		recorder->checked = input->mono_ns;
	}
	uint64_t moved = input->mono_ns - recorder->mono;
	unsigned fields = fields_of(input);
	writer = open_entry(recorder, SHOAL_REPLAY_INPUT);
	shoal_writer_u8(&writer, (uint8_t)input->kind);
	shoal_writer_var(&writer, fields);
	shoal_writer_var(&writer, shoal_record_zigzag(moved));
	shoal_writer_var(&writer, shoal_record_zigzag(input->wall_ns - recorder->wall - moved));
	write_fields(&writer, input, fields, recorder->config.redact);
	close_entry(recorder, &writer);
	recorder->mono = input->mono_ns;
	recorder->wall = input->wall_ns;
	recorder->inputs++;
	return give(recorder, data, len);
}

int
shoal_recorder_end(struct shoal_recorder *recorder, const struct shoal_core *core,
        const uint8_t **data, size_t *len)
{
	recorder->len = 0;
	checkpoint(recorder, core, SHOAL_REPLAY_END);
	return give(recorder, data, len);
}

uint64_t
shoal_recorder_parts(const struct shoal_recorder *recorder)
{
	return recorder->parts;
}
