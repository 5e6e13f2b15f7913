/* SPDX-License-Identifier: MIT */
/* Message by message from one form to the other. A message of a kind that is not known, and a PAD,
 * whose bytes are zeros in every codec, stay as they are. */
#include "wire/coded.h"

#include "wire/structured.h"

void
shoal_coded_name(struct shoal_text *text, uint8_t id)
{
	static const char *const names[] = {[SHOAL_CODEC_BINARY] = "binary",
	        [SHOAL_CODEC_MSGPACK] = "msgpack",
	        [SHOAL_CODEC_JSON] = "json"};

	if (id < sizeof names / sizeof names[0]) {
		shoal_text_str(text, names[id]);
	} else {
		shoal_text_str(text, "codec ");
		shoal_text_u64(text, id);
	}
}

static size_t
bound_of(const struct shoal_codec_ops *codec, size_t len)
{
	return codec->bytes_bound != NULL ? codec->bytes_bound(len) : len + 16;
}

size_t
shoal_codec_holds(const struct shoal_codec_ops *codec, size_t room)
{
	size_t least = 0, most = room;

	while (least < most) {
		size_t middle = most - (most - least) / 2;
		if (bound_of(codec, middle) <= room) {
			least = middle;
		} else {
			most = middle - 1;
		}
	}
	return least;
}

bool
shoal_coded_is_common(struct shoal_reader messages)
{
	union shoal_wire_message message;
	struct shoal_reader body;
	uint16_t kind;

	if (shoal_message_next(&messages, &kind, &body) <= 0) {
		return false;
	}
	switch (kind) {
	case SHOAL_MESSAGE_JOIN:
		return true;
	case SHOAL_MESSAGE_SENDER:
		return messages.left == 0;
	case SHOAL_MESSAGE_ANSWER:
		return messages.left == 0 &&
		       shoal_message_decode(kind, body, &message) == SHOAL_OK &&
		       message.answer.code != 0;
	default:
		return false;
	}
}

static void
append_raw(struct shoal_writer *writer, uint16_t kind, struct shoal_reader body)
{
	size_t start = writer->len, at = shoal_message_begin(writer, kind);

	shoal_writer_bytes(writer, body.at, body.left);
	writer->failed = !shoal_message_end(writer, start, at);
}

void
shoal_coded_append(struct shoal_writer *writer, const struct shoal_codec_ops *codec,
        struct shoal_span messages)
{
	union shoal_wire_message message;
	struct shoal_reader reader, body;
	uint16_t kind;

	if (codec == NULL) {
		shoal_writer_bytes(writer, messages.data, messages.len);
		return;
	}
	shoal_reader_init(&reader, messages.data, messages.len);
	while (!writer->failed && shoal_message_next(&reader, &kind, &body) > 0) {
		if (shoal_message_decode(kind, body, &message) != SHOAL_OK ||
		        !shoal_structured_append(
		                writer, codec, (enum shoal_message_kind)kind, &message)) {
			writer->failed = true;
		}
	}
}

static int
take(struct shoal_writer *writer, const struct shoal_codec_ops *codec, uint16_t kind,
        struct shoal_reader body, uint8_t *scratch)
{
	union shoal_wire_message message;

	if (shoal_message_layout(kind) == NULL || kind == SHOAL_MESSAGE_PAD) {
		append_raw(writer, kind, body);
		return writer->failed ? SHOAL_ERR_TOO_BIG : SHOAL_OK;
	}
	int rc = shoal_structured_decode(codec, kind, body, scratch, body.left, &message);
	if (rc == SHOAL_OK &&
	        !shoal_message_append(writer, (enum shoal_message_kind)kind, &message)) {
		rc = SHOAL_ERR_TOO_BIG;
	}
	return rc;
}

/* The messages of a packet in this codec. */
static int
read_packet(const uint8_t *data, size_t len, const struct shoal_codec_ops *codec,
        struct shoal_packet_header *header, struct shoal_reader *messages)
{
	int rc = shoal_packet_read(data, len, header, messages);

	if (rc == SHOAL_OK && header->codec != codec->id) {
		return SHOAL_ERR_CODEC;
	}
	if (rc == SHOAL_OK && (header->flags & SHOAL_PACKET_COMPRESSED) != 0) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	return rc;
}

int
shoal_coded_open(const uint8_t *data, size_t len, const struct shoal_codec_ops *codec,
        uint8_t *scratch, uint8_t *out, size_t cap, size_t *out_len)
{
	struct shoal_packet_header header;
	struct shoal_reader messages, body;
	struct shoal_writer writer;
	uint16_t kind;
	int rc = read_packet(data, len, codec, &header, &messages);

	if (rc != SHOAL_OK) {
		return rc;
	}
	if (cap < shoal_packet_overhead(header.label.len)) {
		return SHOAL_ERR_TOO_BIG;
	}
	shoal_writer_init(&writer, out, cap);
	shoal_packet_begin(&writer, header.label);
	while ((rc = shoal_message_next(&messages, &kind, &body)) > 0) {
		rc = take(&writer, codec, kind, body, scratch);
		if (rc != SHOAL_OK) {
			return rc;
		}
	}
	if (rc == SHOAL_OK) {
		shoal_packet_end(&writer);
		*out_len = writer.len;
	}
	return rc;
}

bool
shoal_coded_first(const uint8_t *data, size_t len, const struct shoal_codec_ops *codec,
        uint8_t *scratch, uint16_t *kind, union shoal_wire_message *message)
{
	struct shoal_packet_header header;
	struct shoal_reader reader, body;

	shoal_reader_init(&reader, data, len);
	return shoal_packet_header(&reader, &header) == SHOAL_OK &&
	       (header.flags & (SHOAL_PACKET_SEALED | SHOAL_PACKET_COMPRESSED)) == 0 &&
	       header.codec == codec->id && shoal_message_next(&reader, kind, &body) > 0 &&
	       shoal_structured_decode(codec, *kind, body, scratch, body.left, message) == SHOAL_OK;
}
