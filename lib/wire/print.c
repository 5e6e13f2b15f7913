/* SPDX-License-Identifier: MIT */
/* A printer for each type of field; the tables say which. Both forms differ in quotes, braces and
 * commas only: what JSON has no form for (ids, hashes of 64 bits, addresses) is a string there. */
#include "wire/print.h"

#include <string.h>

#include "base/addr.h"

#define BYTES_SHOWN 512

static void
print_quoted(struct shoal_text *text, bool quoted, const char *str)
{
	shoal_text_str(text, quoted ? "\"" : "");
	shoal_text_str(text, str);
	shoal_text_str(text, quoted ? "\"" : "");
}

void
shoal_print_hex(struct shoal_text *text, struct shoal_span span)
{
	for (size_t i = 0; i < span.len; i++) {
		shoal_text_hex(text, span.data[i], 2);
	}
}

void
shoal_print_text(struct shoal_text *text, struct shoal_span span)
{
	size_t from = 0;

	shoal_text_char(text, '"');
	if (!shoal_text_is_name(span.data, span.len)) {
		shoal_text_str(text, "0x");
		shoal_print_hex(text, span);
		span.len = 0;
	}
	for (size_t i = 0; i < span.len; i++) {
		if (span.data[i] == '"' || span.data[i] == '\\') {
			shoal_text_strn(text, (const char *)span.data + from, i - from);
			shoal_text_char(text, '\\');
			from = i;
		}
	}
	if (span.len > from) {
		shoal_text_strn(text, (const char *)span.data + from, span.len - from);
	}
	shoal_text_char(text, '"');
}

static void
print_id(struct shoal_text *text, bool json, const struct shoal_id *id)
{
	char printed[SHOAL_ID_TEXT];

	shoal_id_print(id, printed);
	print_quoted(text, json, printed);
}

static void
print_addr(struct shoal_text *text, bool json, const struct shoal_addr *addr)
{
	char printed[SHOAL_ADDR_TEXT];

	if (shoal_addr_is_zero(addr)) {
		shoal_text_str(text, json ? "null" : "none");
	} else {
		print_quoted(text, json, shoal_addr_print(addr, printed, sizeof printed));
	}
}

static void
print_list(struct shoal_text *text, bool json, const struct shoal_field *field, const void *at)
{
	const struct shoal_id_list *ids = at;
	const struct shoal_addr_list *addrs = at;
	size_t count = field->type == SHOAL_FIELD_IDS ? ids->count : addrs->count;

	shoal_text_char(text, '[');
	for (size_t i = 0; i < count; i++) {
		shoal_text_str(text, i > 0 ? "," : "");
		if (field->type == SHOAL_FIELD_IDS) {
			print_id(text, json, &ids->item[i]);
		} else {
			print_addr(text, json, &addrs->item[i]);
		}
	}
	shoal_text_char(text, ']');
}

static void
print_long(struct shoal_text *text, bool json, uint64_t value, unsigned digits)
{
	shoal_text_str(text, json ? "\"0x" : "0x");
	shoal_text_hex(text, value, digits);
	shoal_text_str(text, json ? "\"" : "");
}

/* What is long is cut, and ends with dots. */
static void
print_bytes(struct shoal_text *text, bool json, struct shoal_span bytes)
{
	bool cut = bytes.len > BYTES_SHOWN;

	bytes.len = cut ? BYTES_SHOWN : bytes.len;
	shoal_text_str(text, json ? "\"0x" : "0x");
	shoal_print_hex(text, bytes);
	shoal_text_str(text, cut ? "..." : "");
	shoal_text_str(text, json ? "\"" : "");
}

/* A number, or the state that it stands for. */
static void
print_byte(struct shoal_text *text, bool json, const struct shoal_field *field, uint8_t value)
{
	if (strcmp(field->name, "state") == 0) {
		print_quoted(text, json, shoal_state_name((enum shoal_state)value));
	} else {
		shoal_text_u64(text, value);
	}
}

static void
print_value(struct shoal_text *text, bool json, const struct shoal_field *field, const void *at)
{
	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG:
		print_byte(text, json, field, *(const uint8_t *)at);
		break;
	case SHOAL_FIELD_U32:
		print_long(text, json, *(const uint32_t *)at, 8);
		break;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
		print_long(text, json, *(const uint64_t *)at, 16);
		break;
	case SHOAL_FIELD_VAR:
		shoal_text_u64(text, *(const uint64_t *)at);
		break;
	case SHOAL_FIELD_ID:
		print_id(text, json, at);
		break;
	case SHOAL_FIELD_SALT:
		shoal_text_str(text, json ? "\"0x" : "0x");
		shoal_print_hex(text, (struct shoal_span){at, sizeof(struct shoal_salt)});
		shoal_text_str(text, json ? "\"" : "");
		break;
	case SHOAL_FIELD_ADDR:
		print_addr(text, json, at);
		break;
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
		shoal_print_text(text, *(const struct shoal_span *)at);
		break;
	case SHOAL_FIELD_BYTES:
		print_bytes(text, json, *(const struct shoal_span *)at);
		break;
	case SHOAL_FIELD_IDS:
	case SHOAL_FIELD_ADDRS:
		print_list(text, json, field, at);
		break;
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
}

void
shoal_message_print(struct shoal_text *text, enum shoal_print_form form, uint16_t kind,
        const union shoal_wire_message *message)
{
	const struct shoal_layout *layout = shoal_message_layout(kind);
	bool json = form == SHOAL_PRINT_JSON;

	if (json) {
		shoal_text_str(text, "{\"kind\":");
		shoal_text_u64(text, kind);
		shoal_text_str(text, ",\"message\":");
		print_quoted(text, true, layout->name);
		shoal_text_str(text, ",\"fields\":{");
	} else {
		shoal_text_str(text, layout->name);
	}
	for (size_t i = 0; i < layout->fields; i++) {
		const struct shoal_field *field = &layout->field[i];

		shoal_text_str(text, !json ? " " : i > 0 ? "," : "");
		print_quoted(text, json, field->name);
		shoal_text_char(text, json ? ':' : '=');
		print_value(text, json, field, (const uint8_t *)message + field->offset);
	}
	shoal_text_str(text, json ? "}}" : "");
}
