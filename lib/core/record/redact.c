/* SPDX-License-Identifier: MIT */
/* A redacted packet must be judged as the whole one was: the same length, the same messages of the
 * protocol, a checksum that holds if it held, and is malformed where it was. */
#include "core/record/redact.h"

#include <string.h>

#include "base/hash.h"
#include "wire/entry.h"
#include "wire/message.h"
#include "wire/packet.h"

#define HEAD 3 /* version, flags and length of the label decide what cannot be read at all */

static void
write_crc(uint8_t *at, uint32_t crc)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, at, SHOAL_PACKET_CRC);
	shoal_writer_u32(&writer, crc);
}

/* What the application says in a message of the protocol; all of it where it is malformed. */
static void
clear_entries(uint8_t *data, uint16_t kind, struct shoal_reader body)
{
	union shoal_wire_message m;
	struct shoal_reader entries;
	struct shoal_entry entry;

	if (shoal_message_decode(kind, body, &m) != SHOAL_OK) {
		memset(data + (body.at - data), 0, body.left);
		return;
	}
	struct shoal_span span = kind == SHOAL_MESSAGE_USER ? m.user.entries : m.batch.entries;
	shoal_reader_init(&entries, span.data, span.len);
	while (shoal_entry_next(&entries, &entry) > 0) {
		if (entry.data.len > 0) {
			memset(data + (entry.data.data - data), 0, entry.data.len);
		}
	}
}

static void
clear_cast(uint8_t *data, struct shoal_reader body)
{
	union shoal_wire_message m;

	if (shoal_message_decode(SHOAL_MESSAGE_CAST, body, &m) != SHOAL_OK) {
		memset(data + (body.at - data), 0, body.left);
	} else if (m.cast.body.len > 0) {
		memset(data + (m.cast.body.data - data), 0, m.cast.body.len);
	}
}

/* 0xff is no number in its shortest form, however many follow: what was malformed stays so. */
static void
clear_messages(uint8_t *data, struct shoal_reader messages)
{
	const uint8_t *end = messages.at + messages.left, *at = messages.at;
	struct shoal_reader body;
	uint16_t kind;
	int rc;

	while ((rc = shoal_message_next(&messages, &kind, &body)) > 0) {
		at = messages.at;
		if (kind >= SHOAL_REDACT_KIND && body.left > 0) {
			memset(data + (body.at - data), 0, body.left);
		} else if (kind == SHOAL_MESSAGE_USER || kind == SHOAL_MESSAGE_BATCH) {
			clear_entries(data, kind, body);
		} else if (kind == SHOAL_MESSAGE_CAST) {
			clear_cast(data, body);
		}
	}
	if (rc < 0) {
		memset(data + (at - data), 0xff, (size_t)(end - at));
	}
}

void
shoal_redact_packet(uint8_t *data, size_t len)
{
	struct shoal_packet_header header;
	struct shoal_reader reader, messages;

	shoal_reader_init(&reader, data, len);
	int rc = shoal_packet_header(&reader, &header);
	if (rc != SHOAL_OK || reader.left < SHOAL_PACKET_CRC) {
		size_t keep = rc == SHOAL_OK ? len - reader.left : len < HEAD ? len : HEAD;
		memset(data + keep, 0, len - keep);
		return;
	}
	if ((header.flags & SHOAL_PACKET_SEALED) != 0) {
		return;
	}
	uint32_t crc = shoal_hash_crc32c(0, data, len - SHOAL_PACKET_CRC);
	messages = shoal_reader_sub(&reader, reader.left - SHOAL_PACKET_CRC);
	bool holds = shoal_reader_u32(&reader) == crc;
	if (holds && (header.flags & SHOAL_PACKET_COMPRESSED) == 0) {
		clear_messages(data, messages);
	} else {
		memset(data + (messages.at - data), 0, messages.left);
	}
	crc = shoal_hash_crc32c(0, data, len - SHOAL_PACKET_CRC);
	write_crc(data + len - SHOAL_PACKET_CRC, holds ? crc : ~crc);
}
