/* SPDX-License-Identifier: MIT */
/* A packet in the codec costs its decoding, and the compact form of it is made and decoded again.
 * Both are bounded: the compact form by what an uncompressed packet of that length may have, and
 * by stream_max. Rooms are kept from packet to packet, up to 64 KiB each. */
#include "core/admission/coding.h"

#include <string.h>

#include "core/node.h"
#include "wire/coded.h"
#include "wire/packet.h"
#include "wire/structured.h"

/* What stands around one long value in a packet, in any codec. */
#define PACKET_REST 1024

/* The name goes to others, in refusals. */
static bool
is_named(const struct shoal_codec_ops *codec)
{
	size_t len = codec->name != NULL ? strlen(codec->name) : 0;

	return len > 0 && len <= SHOAL_CODEC_NAME_MAX &&
	       shoal_text_is_name((const uint8_t *)codec->name, len);
}

static bool
is_complete(const struct shoal_codec_ops *codec)
{
	return is_named(codec) && codec->write_null != NULL && codec->write_bool != NULL &&
	       codec->write_int64 != NULL && codec->write_uint64 != NULL &&
	       codec->write_double != NULL && codec->write_string != NULL &&
	       codec->write_bytes != NULL && codec->write_array != NULL &&
	       codec->write_map != NULL && codec->write_key != NULL && codec->read != NULL &&
	       codec->read_key != NULL;
}

int
shoal_coding_init(struct shoal_core *core, const struct shoal_core_config *config, const char **why)
{
	const struct shoal_codec_ops *codec = config->codec;

	if (codec == NULL) {
		return SHOAL_OK;
	}
	*why = codec->abi != SHOAL_CODEC_ABI ? "codec: made for another version of codec.h"
	       : !is_complete(codec)         ? "codec: a required function or the name is missing"
	       : codec->id > SHOAL_CODEC_JSON && codec->id < SHOAL_CODEC_APPLICATION
	               ? "codec: the number of one's own must be 128 to 255"
	       : codec->id != SHOAL_CODEC_BINARY &&
	                       config->profile.datagram_max < SHOAL_CODEC_DATAGRAM
	               ? "datagram_max: must be at least 1200 with a codec other than binary"
	               : NULL;
	if (*why != NULL) {
		return SHOAL_ERR_INVALID;
	}
	if (codec->id != SHOAL_CODEC_BINARY) {
		core->coding.codec = core->coding.now = codec;
		core->coding.holds =
		        shoal_codec_holds(codec, config->profile.stream_max - PACKET_REST);
	}
	return SHOAL_OK;
}

void
shoal_coding_done(struct shoal_core *core)
{
	shoal_alloc_free(&core->mem, core->coding.scratch.data);
	shoal_alloc_free(&core->mem, core->coding.plain.data);
}

size_t
shoal_coding_memory(const struct shoal_core *core)
{
	return core->coding.scratch.cap + core->coding.plain.cap;
}

uint8_t
shoal_coding_id(const struct shoal_core *core)
{
	return core->coding.codec != NULL ? core->coding.codec->id : SHOAL_CODEC_BINARY;
}

bool
shoal_coding_is_common(const struct shoal_pending *pending)
{
	struct shoal_reader reader, body;
	union shoal_wire_message message;
	uint16_t kind;

	shoal_reader_init(&reader, pending->primary, pending->len);
	if (shoal_message_next(&reader, &kind, &body) <= 0) {
		return false;
	}
	if (kind == SHOAL_MESSAGE_ANSWER) {
		return shoal_message_decode(kind, body, &message) == SHOAL_OK &&
		       message.answer.code != 0;
	}
	return kind == SHOAL_MESSAGE_JOIN ||
	       (kind == SHOAL_MESSAGE_SENDER && pending->flags == SHOAL_FILL_BARE);
}

void
shoal_coding_write(struct shoal_core *core, const struct shoal_pending *pending)
{
	struct shoal_coding *coding = &core->coding;

	coding->now = coding->codec;
	if (coding->codec != NULL && pending != NULL && shoal_coding_is_common(pending)) {
		coding->now = NULL;
	}
}

void
shoal_coding_write_compact(struct shoal_core *core)
{
	core->coding.now = NULL;
}

bool
shoal_coding_append(const struct shoal_core *core, struct shoal_writer *writer,
        enum shoal_message_kind kind, const void *message)
{
	const struct shoal_codec_ops *codec = core->coding.now;

	return codec == NULL ? shoal_message_append(writer, kind, message)
	                     : shoal_structured_append(writer, codec, kind, message);
}

/* The room grows with what the packet says that it holds, within what its length allows. */
static int
decode(struct shoal_core *core, struct shoal_input *input)
{
	struct shoal_coding *coding = &core->coding;
	size_t most = shoal_packet_expands(input->len), want = input->len / 2, len;
	int rc = SHOAL_ERR_TOO_BIG;

	most = most < core->profile.stream_max ? most : core->profile.stream_max;
	if (!shoal_seal_has_room(core, &coding->scratch, input->len)) {
		return SHOAL_ERR_NOMEM;
	}
	while (rc == SHOAL_ERR_TOO_BIG && want < most) {
		want = want < most / 2 ? want * 2 : most;
		if (!shoal_seal_has_room(core, &coding->plain, want)) {
			return SHOAL_ERR_NOMEM;
		}
		rc = shoal_coded_open(input->data, input->len, coding->codec, coding->scratch.data,
		        coding->plain.data, want, &len);
	}
	if (rc == SHOAL_OK) {
		input->data = coding->plain.data;
		input->len = len;
	}
	return rc;
}

int
shoal_coding_open(struct shoal_core *core, struct shoal_input *input)
{
	struct shoal_packet_header header;
	struct shoal_reader messages;
	int rc = shoal_migrate_open(core, input->data, input->len, &header, &messages);

	shoal_seal_trim(core, &core->coding.scratch);
	shoal_seal_trim(core, &core->coding.plain);
	if (rc == SHOAL_ERR_CODEC && header.codec == core->coding.codec->id) {
		return decode(core, input);
	}
	return rc == SHOAL_OK && !shoal_coded_is_common(messages) ? SHOAL_ERR_CODEC : rc;
}

size_t
shoal_coding_most(const struct shoal_core *core, size_t room)
{
	const struct shoal_coding *coding = &core->coding;

	return coding->codec != NULL && coding->holds < room ? coding->holds : room;
}

size_t
shoal_coding_batch(const struct shoal_core *core)
{
	return shoal_coding_most(core, core->profile.batch_max);
}

static void
own_name(const struct shoal_core *core, struct shoal_text *text)
{
	if (core->coding.codec != NULL) {
		shoal_text_str(text, core->coding.codec->name);
	} else {
		shoal_coded_name(text, SHOAL_CODEC_BINARY);
	}
}

const char *
shoal_coding_refusal(struct shoal_core *core, uint8_t other)
{
	struct shoal_text text;

	shoal_text_init(&text, core->coding.reason, sizeof core->coding.reason);
	shoal_text_str(&text, "the cluster speaks ");
	own_name(core, &text);
	shoal_text_str(&text, ", this node ");
	shoal_coded_name(&text, other);
	shoal_text_str(&text, ": set codec to ");
	own_name(core, &text);
	return core->coding.reason;
}

void
shoal_coding_complain(
        const struct shoal_core *core, const struct shoal_input *input, struct shoal_text *text)
{
	shoal_text_str(text, "it speaks ");
	shoal_coded_name(text, shoal_coding_of(input));
	shoal_text_str(text, ", this member ");
	own_name(core, text);
}

uint8_t
shoal_coding_of(const struct shoal_input *input)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;

	shoal_reader_init(&reader, input->data, input->len);
	return shoal_packet_header(&reader, &header) == SHOAL_OK ? header.codec : 0;
}
