/* SPDX-License-Identifier: MIT */
/* Header, checksum and seal of a packet. Everything that a stranger can send passes here first:
 * nothing is looked at beyond the bounded cursor, and nothing is kept. */
#include "wire/packet.h"

#include <string.h>

#include "base/hash.h"
#include "base/panic.h"

/* Kind and request on a stream come after the head. */
#define AD_MAX      (SHOAL_PACKET_HEAD + SHOAL_LABEL_MAX + 1 + SHOAL_PACKET_SEAL + 9)
#define KNOWN_FLAGS (SHOAL_PACKET_SEALED | SHOAL_PACKET_COMPRESSED | SHOAL_PACKET_CODED)

int
shoal_packet_header(struct shoal_reader *reader, struct shoal_packet_header *header)
{
	memset(header, 0, sizeof *header);
	uint8_t first = shoal_reader_u8(reader);
	header->version = (first & 0xf0) == SHOAL_PACKET_FIRST ? first & 0x0f : 0;
	if (!reader->failed && header->version != SHOAL_PACKET_VERSION) {
		return SHOAL_ERR_VERSION;
	}
	header->flags = shoal_reader_u8(reader);
	if ((header->flags & ~KNOWN_FLAGS) != 0) {
		return SHOAL_ERR_VERSION;
	}
	header->label.len = shoal_reader_u8(reader);
	if (header->label.len > SHOAL_LABEL_MAX) {
		return SHOAL_ERR_MALFORMED;
	}
	header->label.data = shoal_reader_bytes(reader, header->label.len);
	if ((header->flags & SHOAL_PACKET_CODED) != 0) {
		header->codec = shoal_reader_u8(reader);
		if (header->codec == 0) {
			return SHOAL_ERR_MALFORMED; /* that is said by no flag */
		}
	}
	if ((header->flags & SHOAL_PACKET_SEALED) != 0) {
		header->by.key_id = shoal_reader_u8(reader);
		header->by.salt = shoal_reader_u64(reader);
		header->by.counter = shoal_reader_u64(reader);
		header->addressee = shoal_reader_u64(reader);
	}
	return reader->failed ? SHOAL_ERR_MALFORMED : SHOAL_OK;
}

static void
write_crc(uint8_t *data, size_t len)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data + len, SHOAL_PACKET_CRC);
	shoal_writer_u32(&writer, shoal_hash_crc32c(0, data, len));
}

/* The checksum of a clear packet behind its header; *messages: what is between. */
static int
check_crc(
        const uint8_t *data, size_t len, struct shoal_reader *reader, struct shoal_reader *messages)
{
	if (reader->left < SHOAL_PACKET_CRC) {
		return SHOAL_ERR_MALFORMED;
	}
	*messages = shoal_reader_sub(reader, reader->left - SHOAL_PACKET_CRC);
#ifdef SHOAL_PLANT_CHECKSUM_UNREAD
	return SHOAL_OK;
#endif
	return shoal_reader_u32(reader) == shoal_hash_crc32c(0, data, len - SHOAL_PACKET_CRC)
	               ? SHOAL_OK
	               : SHOAL_ERR_CHECKSUM;
}

int
shoal_packet_read(const uint8_t *data, size_t len, struct shoal_packet_header *header,
        struct shoal_reader *messages)
{
	struct shoal_reader reader;

	shoal_reader_init(&reader, data, len);
	int rc = shoal_packet_header(&reader, header);
	if (rc == SHOAL_OK && (header->flags & SHOAL_PACKET_SEALED) != 0) {
		return SHOAL_ERR_KEY;
	}
	return rc == SHOAL_OK ? check_crc(data, len, &reader, messages) : rc;
}

/* The checksum is judged before the label: a damaged packet must not look like a stranger's. */
int
shoal_packet_open(const uint8_t *data, size_t len, struct shoal_span label,
        struct shoal_packet_header *header, struct shoal_reader *messages)
{
	int rc = shoal_packet_read(data, len, header, messages);

	if (rc != SHOAL_OK) {
		return rc;
	}
	if (header->label.len != label.len ||
	        (label.len > 0 && memcmp(header->label.data, label.data, label.len) != 0)) {
		return SHOAL_ERR_LABEL;
	}
	if ((header->flags & SHOAL_PACKET_CODED) != 0) {
		return SHOAL_ERR_CODEC;
	}
	return (header->flags & SHOAL_PACKET_COMPRESSED) != 0 ? SHOAL_ERR_UNSUPPORTED : SHOAL_OK;
}

static void
begin(struct shoal_writer *writer, struct shoal_span label, uint8_t flags, size_t end)
{
	SHOAL_ASSERT(writer->len == 0 && writer->cap >= SHOAL_PACKET_HEAD + label.len + end);
	writer->cap -= end;
	shoal_writer_u8(writer, SHOAL_PACKET_FIRST | SHOAL_PACKET_VERSION);
	shoal_writer_u8(writer, flags);
	shoal_writer_u8(writer, (uint8_t)label.len);
	shoal_writer_bytes(writer, label.data, label.len);
}

void
shoal_packet_begin(struct shoal_writer *writer, struct shoal_span label)
{
	begin(writer, label, 0, SHOAL_PACKET_CRC);
}

void
shoal_packet_end(struct shoal_writer *writer)
{
	writer->cap += SHOAL_PACKET_CRC;
	shoal_writer_u32(writer, shoal_hash_crc32c(0, writer->data, writer->len));
}

size_t
shoal_packet_overhead(size_t label_len)
{
	return SHOAL_PACKET_HEAD + label_len + SHOAL_PACKET_CRC;
}

/* What a clear packet has in front of its messages. */
static size_t
clear_head(uint8_t flags, size_t label_len)
{
	return SHOAL_PACKET_HEAD + label_len + ((flags & SHOAL_PACKET_CODED) != 0 ? 1u : 0u);
}

/* Of the clear part in front of the messages. */
static size_t
head_len(const uint8_t *data)
{
	bool sealed = (data[1] & SHOAL_PACKET_SEALED) != 0;

	return clear_head(data[1], data[2]) + (sealed ? (size_t)SHOAL_PACKET_SEAL : 0);
}

void
shoal_packet_set_codec(struct shoal_writer *writer, uint8_t codec)
{
	SHOAL_ASSERT(codec != 0 && writer->len == head_len(writer->data));
	/* What stands behind the label is blank so far. */
	shoal_writer_u8(writer, 0);
	SHOAL_ASSERT(!writer->failed);
	writer->data[SHOAL_PACKET_HEAD + writer->data[2]] = codec;
	writer->data[1] |= SHOAL_PACKET_CODED;
}

void
shoal_packet_begin_sealed(struct shoal_writer *writer, struct shoal_span label)
{
	static const uint8_t blank[SHOAL_PACKET_SEAL];

	begin(writer, label, SHOAL_PACKET_SEALED, SHOAL_SEALED_TAG);
	SHOAL_ASSERT(shoal_writer_left(writer) >= sizeof blank);
	shoal_writer_bytes(writer, blank, sizeof blank);
}

/* What is authenticated and not encrypted: the head of the packet, and on a stream its kind and
 * which request it answers. Returns its length. */
static size_t
bind(const uint8_t *data, size_t head, const struct shoal_packet_frame *frame, uint8_t ad[AD_MAX])
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, ad, AD_MAX);
	shoal_writer_bytes(&writer, data, head);
	if (frame->kind != SHOAL_PACKET_DATAGRAM) {
		shoal_writer_u8(&writer, (uint8_t)frame->kind);
		shoal_writer_u64(&writer, frame->request);
	}
	return writer.len;
}

int
shoal_packet_seal(struct shoal_writer *writer, struct shoal_keyring *ring,
        const struct shoal_packet_frame *frame, uint64_t addressee)
{
	struct shoal_sealed_by by = shoal_keyring_next(ring, frame->kind != SHOAL_PACKET_DATAGRAM);
	size_t head = head_len(writer->data), len = writer->len - head;
	struct shoal_writer header;
	uint8_t ad[AD_MAX];

	shoal_writer_init(&header, writer->data + head - SHOAL_PACKET_SEAL, SHOAL_PACKET_SEAL);
	shoal_writer_u8(&header, by.key_id);
	shoal_writer_u64(&header, by.salt);
	shoal_writer_u64(&header, by.counter);
	shoal_writer_u64(&header, addressee);
	writer->cap += SHOAL_SEALED_TAG;
	writer->len += SHOAL_SEALED_TAG;
	size_t ad_len = bind(writer->data, head, frame, ad);
	return shoal_keyring_seal(ring, &by, ad, ad_len, writer->data + head, len);
}

size_t
shoal_packet_sealed_overhead(size_t label_len)
{
	return SHOAL_PACKET_HEAD + label_len + SHOAL_PACKET_SEAL + SHOAL_SEALED_TAG;
}

int
shoal_packet_unseal(uint8_t *data, size_t len, const struct shoal_packet_header *header,
        const struct shoal_packet_frame *frame, struct shoal_keyring *ring, bool keep,
        size_t *clear_len)
{
	size_t before = clear_head(header->flags, header->label.len);
	size_t head = before + SHOAL_PACKET_SEAL;
	uint8_t *clear = data + SHOAL_PACKET_SEAL, ad[AD_MAX];
	struct shoal_sealed_by by = header->by;

	if (len < head + SHOAL_SEALED_TAG) {
		return SHOAL_ERR_MALFORMED;
	}
	by.stream = frame->kind != SHOAL_PACKET_DATAGRAM;
	size_t ad_len = bind(data, head, frame, ad);
	int rc = shoal_keyring_open(ring, &by, keep, ad, ad_len, data + head, len - head);
	if (rc != SHOAL_OK) {
		return rc;
	}
	memmove(clear, data, before);
	clear[1] &= (uint8_t)~SHOAL_PACKET_SEALED;
	size_t rest = len - SHOAL_PACKET_SEAL - SHOAL_SEALED_TAG;
	write_crc(clear, rest);
	*clear_len = rest + SHOAL_PACKET_CRC;
	return SHOAL_OK;
}

bool
shoal_packet_compress(struct shoal_writer *writer, const struct shoal_compressor_ops *by,
        uint8_t *room, size_t room_len)
{
	size_t head = head_len(writer->data), len = writer->len - head, less;
	size_t clear = clear_head(writer->data[1], writer->data[2]) + (size_t)SHOAL_PACKET_CRC;

	if (by->compress(writer->data + head, len, room, room_len, &less) != SHOAL_OK ||
	        less >= len || clear + len > shoal_packet_expands(clear + less)) {
		return false;
	}
	memcpy(writer->data + head, room, less);
	writer->len = head + less;
	writer->data[1] |= SHOAL_PACKET_COMPRESSED;
	return true;
}

int
shoal_packet_uncompress(const uint8_t *data, size_t len, const struct shoal_compressor_ops *by,
        uint8_t *out, size_t cap, size_t *out_len)
{
	struct shoal_packet_header header;
	struct shoal_reader messages;
	int rc = shoal_packet_read(data, len, &header, &messages);

	if (rc != SHOAL_OK) {
		return rc;
	}
	size_t head = clear_head(header.flags, header.label.len), made;
	if (cap < head + SHOAL_PACKET_CRC) {
		return SHOAL_ERR_TOO_BIG;
	}
	rc = by->uncompress(
	        messages.at, messages.left, out + head, cap - head - SHOAL_PACKET_CRC, &made);
	if (rc != SHOAL_OK) {
		return rc;
	}
	memcpy(out, data, head);
	out[1] &= (uint8_t)~SHOAL_PACKET_COMPRESSED;
	write_crc(out, head + made);
	*out_len = head + made + SHOAL_PACKET_CRC;
	return SHOAL_OK;
}

/* What the first bytes of others are: memberlist numbers its messages 0 to 13, in front of a
 * MessagePack map, and 244 is a label; Tarantool's SWIM begins with such a map; the rest is what is
 * sent to any open port. */
const char *
shoal_packet_neighbour(const uint8_t *data, size_t len)
{
	static const struct {
		const char *begin, *name;
	} texts[] = {{"GET ", "it looks like HTTP"}, {"POST ", "it looks like HTTP"},
	        {"PUT ", "it looks like HTTP"}, {"HEAD ", "it looks like HTTP"},
	        {"PRI * HTTP/2", "it looks like HTTP"}, {"SSH-", "it looks like SSH"},
	        {"RCmb", "it looks like the bus of a Redis cluster"},
	        {"SHOAL", "it looks like a stream of shoal"}};

	if (len < 2) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		size_t n = strlen(texts[i].begin);
		if (len >= n && memcmp(data, texts[i].begin, n) == 0) {
			return texts[i].name;
		}
	}
	bool map = data[1] >= 0x80 && data[1] <= 0x8f;
	if (data[0] == 244 || (data[0] <= 13 && map) || data[0] == 7 || data[0] == 12) {
		return "it looks like memberlist (Serf, Consul, Nomad)";
	}
	if (data[0] == 0 && data[1] < 8) {
		return "it looks like a release of shoal from before version 1";
	}
	if (data[0] >= 0x80 && data[0] <= 0x8f) {
		return "it looks like MessagePack (Tarantool's SWIM)";
	}
	if (data[0] == 0x16 && data[1] == 3) {
		return "it looks like TLS";
	}
	return data[0] == '{' ? "it looks like JSON" : shoal_packet_newer(data, len);
}

const char *
shoal_packet_newer(const uint8_t *data, size_t len)
{
	if (len < 2 || data[0] <= SHOAL_PACKET_FIRST || data[0] > (SHOAL_PACKET_FIRST | 0x0f)) {
		return NULL;
	}
	if (data[0] != (SHOAL_PACKET_FIRST | SHOAL_PACKET_VERSION)) {
		return "a packet of another version of shoal";
	}
	return (data[1] & ~KNOWN_FLAGS) != 0 ? "a packet with flags that only a newer shoal knows"
	                                     : NULL;
}
