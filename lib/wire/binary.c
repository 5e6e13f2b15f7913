/* SPDX-License-Identifier: MIT */
/* One encoder and one decoder for each field type; the tables say which. Bytes become structs here
 * and nowhere else, through the bounded cursor. */
#include "wire/binary.h"

#include <string.h>

#include "base/addr.h"
#include "base/panic.h"
#include "base/text.h"

enum {
	ADDR_NONE = 0,
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6
};

static void
encode_addr(struct shoal_writer *writer, const struct shoal_addr *addr)
{
	if (shoal_addr_is_zero(addr)) {
		shoal_writer_u8(writer, ADDR_NONE);
		return;
	}
	bool ipv4 = shoal_addr_is_ipv4(addr);
	shoal_writer_u8(writer, ipv4 ? ADDR_IPV4 : ADDR_IPV6);
	shoal_writer_bytes(writer, ipv4 ? addr->ip + 12 : addr->ip, ipv4 ? 4 : 16);
	shoal_writer_u16(writer, addr->port);
}

/* The scope of a link-local address means nothing to another machine and is not sent. */
static void
decode_addr(struct shoal_reader *reader, struct shoal_addr *addr)
{
	uint8_t tag = shoal_reader_u8(reader);

	*addr = (struct shoal_addr){.port = 0};
	if (tag == ADDR_IPV4) {
		uint8_t ip[4];
		shoal_reader_copy(reader, ip, sizeof ip);
		shoal_addr_from_ipv4(addr, ip, shoal_reader_u16(reader));
	} else if (tag == ADDR_IPV6) {
		shoal_reader_copy(reader, addr->ip, sizeof addr->ip);
		addr->port = shoal_reader_u16(reader);
	} else if (tag != ADDR_NONE) {
		shoal_reader_fail(reader);
	}
}

static void
encode_field(const struct shoal_field *field, const void *at, struct shoal_writer *writer)
{
	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG:
		shoal_writer_u8(writer, *(const uint8_t *)at);
		break;
	case SHOAL_FIELD_U32:
		shoal_writer_u32(writer, *(const uint32_t *)at);
		break;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
		shoal_writer_u64(writer, *(const uint64_t *)at);
		break;
	case SHOAL_FIELD_VAR:
		SHOAL_ASSERT(*(const uint64_t *)at <= field->limit);
		shoal_writer_var(writer, *(const uint64_t *)at);
		break;
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		shoal_writer_bytes(writer, at, 16);
		break;
	case SHOAL_FIELD_ADDR:
		encode_addr(writer, at);
		break;
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
	case SHOAL_FIELD_BYTES: {
		const struct shoal_span *span = at;
		SHOAL_ASSERT(span->len <= field->limit);
		shoal_writer_var(writer, span->len);
		shoal_writer_bytes(writer, span->data, span->len);
		break;
	}
	case SHOAL_FIELD_IDS: {
		const struct shoal_id_list *list = at;
		SHOAL_ASSERT(list->count <= field->limit);
		shoal_writer_u8(writer, (uint8_t)list->count);
		shoal_writer_bytes(writer, list->item, list->count * sizeof list->item[0]);
		break;
	}
	case SHOAL_FIELD_ADDRS: {
		const struct shoal_addr_list *list = at;
		SHOAL_ASSERT(list->count <= field->limit);
		shoal_writer_u8(writer, (uint8_t)list->count);
		for (size_t i = 0; i < list->count; i++) {
			encode_addr(writer, &list->item[i]);
		}
		break;
	}
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
}

static void
decode_text(struct shoal_reader *reader, uint64_t limit, struct shoal_span *span)
{
	span->len = (size_t)shoal_reader_var(reader, limit);
	span->data = shoal_reader_bytes(reader, span->len);
	if (reader->failed || !shoal_text_is_name(span->data, span->len)) {
		shoal_reader_fail(reader);
		*span = (struct shoal_span){NULL, 0};
	}
}

static void
decode_bytes(struct shoal_reader *reader, uint64_t limit, struct shoal_span *span)
{
	span->len = (size_t)shoal_reader_var(reader, limit);
	span->data = shoal_reader_bytes(reader, span->len);
	if (reader->failed) {
		*span = (struct shoal_span){NULL, 0};
	}
}

static size_t
decode_count(struct shoal_reader *reader, uint64_t limit)
{
	uint8_t count = shoal_reader_u8(reader);
	if (count > limit) {
		shoal_reader_fail(reader);
		return 0;
	}
	return count;
}

static void
decode_field(const struct shoal_field *field, struct shoal_reader *reader, void *at)
{
	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG: {
		uint8_t value = shoal_reader_u8(reader);
		*(uint8_t *)at = value;
		if (value > field->limit) {
			shoal_reader_fail(reader);
		}
		break;
	}
	case SHOAL_FIELD_U32:
		*(uint32_t *)at = shoal_reader_u32(reader);
		break;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
		*(uint64_t *)at = shoal_reader_u64(reader);
		break;
	case SHOAL_FIELD_VAR:
		*(uint64_t *)at = shoal_reader_var(reader, field->limit);
		break;
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		shoal_reader_copy(reader, at, 16);
		break;
	case SHOAL_FIELD_ADDR:
		decode_addr(reader, at);
		break;
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
		decode_text(reader, field->limit, at);
		break;
	case SHOAL_FIELD_BYTES:
		decode_bytes(reader, field->limit, at);
		break;
	case SHOAL_FIELD_IDS: {
		struct shoal_id_list *list = at;
		list->count = decode_count(reader, field->limit);
		shoal_reader_copy(reader, list->item, list->count * sizeof list->item[0]);
		break;
	}
	case SHOAL_FIELD_ADDRS: {
		struct shoal_addr_list *list = at;
		list->count = decode_count(reader, field->limit);
		for (size_t i = 0; i < list->count; i++) {
			decode_addr(reader, &list->item[i]);
		}
		break;
	}
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
}

/* It may be left out at the end of a message. */
static bool
is_optional(const struct shoal_field *field)
{
	return field->type == SHOAL_FIELD_FLAG || field->type == SHOAL_FIELD_LONG ||
	       field->type == SHOAL_FIELD_WORD;
}

static bool
is_omitted(const struct shoal_field *field, const void *message)
{
	const void *at = (const uint8_t *)message + field->offset;

	return field->type == SHOAL_FIELD_FLAG   ? *(const uint8_t *)at == 0
	       : field->type == SHOAL_FIELD_LONG ? *(const uint64_t *)at == 0
	       : field->type == SHOAL_FIELD_WORD ? ((const struct shoal_span *)at)->len == 0
	                                         : false;
}

void
shoal_binary_encode(
        const struct shoal_layout *layout, const void *message, struct shoal_writer *writer)
{
	size_t fields = layout->fields;

	while (fields > 0 && is_omitted(&layout->field[fields - 1], message)) {
		fields--;
	}
	for (size_t i = 0; i < fields; i++) {
		const struct shoal_field *field = &layout->field[i];

		SHOAL_ASSERT(i == 0 || !is_optional(field - 1) || is_optional(field));
		encode_field(field, (const uint8_t *)message + field->offset, writer);
	}
}

/* A body that ends between two fields comes from an older sender: the rest is zero. One that ends
 * inside a field is cut. */
void
shoal_binary_decode(const struct shoal_layout *layout, struct shoal_reader *reader, void *message)
{
	memset(message, 0, layout->size);
	for (size_t i = 0; i < layout->fields && reader->left > 0 && !reader->failed; i++) {
		decode_field(
		        &layout->field[i], reader, (uint8_t *)message + layout->field[i].offset);
	}
}
