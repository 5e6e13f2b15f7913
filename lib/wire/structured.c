/* SPDX-License-Identifier: MIT */
/* Messages as maps, driven by the tables. What a value must be is what wire/binary.c asks of it:
 * limits of numbers, lengths and counts, names without control characters; then the same last look
 * at the whole. Linear in the body, without memory. */
#include "wire/structured.h"

#include <string.h>

#include "base/addr.h"
#include "base/panic.h"
#include "base/text.h"
#include "wire/binary.h"

#define KEY_MAX 31 /* bytes of a field's name */

static bool
is_zero(const struct shoal_field *field, const void *at)
{
	static const uint8_t zero[16];

	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG:
		return *(const uint8_t *)at == 0;
	case SHOAL_FIELD_U32:
		return *(const uint32_t *)at == 0;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
	case SHOAL_FIELD_VAR:
		return *(const uint64_t *)at == 0;
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		return memcmp(at, zero, sizeof zero) == 0;
	case SHOAL_FIELD_ADDR:
		return shoal_addr_is_zero(at);
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
	case SHOAL_FIELD_BYTES:
		return ((const struct shoal_span *)at)->len == 0;
	case SHOAL_FIELD_IDS:
		return ((const struct shoal_id_list *)at)->count == 0;
	case SHOAL_FIELD_ADDRS:
		return ((const struct shoal_addr_list *)at)->count == 0;
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
	return true;
}

/* The scope of a link-local address means nothing to another machine. */
static void
encode_addr(struct shoal_encoder *encoder, const struct shoal_addr *addr)
{
	struct shoal_addr sent = *addr;
	char text[SHOAL_ADDR_TEXT];

	sent.scope = 0;
	if (shoal_addr_is_zero(&sent)) {
		shoal_encoder_null(encoder);
	} else {
		shoal_encoder_string(encoder, shoal_addr_print(&sent, text, sizeof text), SIZE_MAX);
	}
}

static void
encode_lists(struct shoal_encoder *encoder, const struct shoal_field *field, const void *at)
{
	const struct shoal_id_list *ids = at;
	const struct shoal_addr_list *addrs = at;
	size_t count = field->type == SHOAL_FIELD_IDS ? ids->count : addrs->count;

	SHOAL_ASSERT(count <= field->limit);
	shoal_encoder_array(encoder, count);
	for (size_t i = 0; i < count; i++) {
		if (field->type == SHOAL_FIELD_IDS) {
			shoal_encoder_bytes(encoder, ids->item[i].bytes, sizeof ids->item[i].bytes);
		} else {
			encode_addr(encoder, &addrs->item[i]);
		}
	}
}

static void
encode_field(struct shoal_encoder *encoder, const struct shoal_field *field, const void *at)
{
	const struct shoal_span *span = at;

	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG:
		shoal_encoder_uint64(encoder, *(const uint8_t *)at);
		break;
	case SHOAL_FIELD_U32:
		shoal_encoder_uint64(encoder, *(const uint32_t *)at);
		break;
	case SHOAL_FIELD_VAR:
		SHOAL_ASSERT(*(const uint64_t *)at <= field->limit);
		shoal_encoder_uint64(encoder, *(const uint64_t *)at);
		break;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
		shoal_encoder_uint64(encoder, *(const uint64_t *)at);
		break;
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		shoal_encoder_bytes(encoder, at, 16);
		break;
	case SHOAL_FIELD_ADDR:
		encode_addr(encoder, at);
		break;
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
		SHOAL_ASSERT(span->len <= field->limit);
		shoal_encoder_string(encoder, (const char *)span->data, span->len);
		break;
	case SHOAL_FIELD_BYTES:
		SHOAL_ASSERT(span->len <= field->limit);
		shoal_encoder_bytes(encoder, span->data, span->len);
		break;
	case SHOAL_FIELD_IDS:
	case SHOAL_FIELD_ADDRS:
		encode_lists(encoder, field, at);
		break;
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
}

static bool
encode_map(struct shoal_writer *writer, const struct shoal_codec_ops *codec,
        const struct shoal_layout *layout, const void *message)
{
	struct shoal_encoder encoder;
	const uint8_t *at = message;
	size_t count = 0;
	int rc;

	for (size_t i = 0; i < layout->fields; i++) {
		count += !is_zero(&layout->field[i], at + layout->field[i].offset);
	}
	shoal_encoder_init(&encoder, codec, writer);
	shoal_encoder_map(&encoder, count);
	for (size_t i = 0; i < layout->fields; i++) {
		const struct shoal_field *field = &layout->field[i];

		if (!is_zero(field, at + field->offset)) {
			shoal_encoder_key(&encoder, field->name, SIZE_MAX);
			encode_field(&encoder, field, at + field->offset);
		}
	}
	rc = shoal_encoder_end(&encoder);
	SHOAL_ASSERT(rc == SHOAL_OK || rc == SHOAL_ERR_TOO_BIG);
	return rc == SHOAL_OK;
}

bool
shoal_structured_append(struct shoal_writer *writer, const struct shoal_codec_ops *codec,
        enum shoal_message_kind kind, const void *message)
{
	size_t start = writer->len, body;

	if (kind == SHOAL_MESSAGE_PAD) {
		return shoal_message_append(writer, kind, message);
	}
	if (writer->failed) {
		return false;
	}
	body = shoal_message_begin(writer, (uint16_t)kind);
	if (!encode_map(writer, codec, shoal_message_layout((uint16_t)kind), message)) {
		writer->failed = true;
	}
	return shoal_message_end(writer, start, body);
}

struct decoding {
	struct shoal_decoder decoder;
	uint8_t *scratch; /* what is left of it */
	size_t left;
};

/* The content of a STRING or BYTES of at most limit bytes. */
static bool
take_span(struct decoding *d, const struct shoal_token *token, uint64_t limit,
        struct shoal_span *span)
{
	if (token->is.len > limit) {
		return false;
	}
	*span = (struct shoal_span){token->data, token->is.len};
	if (!token->escaped) {
		return true;
	}
	if (token->is.len > d->left) {
		return false;
	}
	shoal_decoder_copy(&d->decoder, token, d->scratch);
	span->data = d->scratch;
	d->scratch += token->is.len;
	d->left -= token->is.len;
	return true;
}

static bool
take_number(const struct shoal_token *token, uint64_t most, uint64_t *value)
{
	if (token->type == SHOAL_TOKEN_UINT64) {
		*value = token->is.uint64;
	} else if (token->type == SHOAL_TOKEN_INT64 && token->is.int64 >= 0) {
		*value = (uint64_t)token->is.int64;
	} else {
		return false;
	}
	return *value <= most;
}

static bool
take_id(const struct decoding *d, const struct shoal_token *token, void *at)
{
	if (token->type != SHOAL_TOKEN_BYTES || token->is.len != 16) {
		return false;
	}
	shoal_decoder_copy(&d->decoder, token, at);
	return true;
}

static bool
take_addr(const struct decoding *d, const struct shoal_token *token, struct shoal_addr *addr)
{
	char text[SHOAL_ADDR_TEXT];

	if (token->type == SHOAL_TOKEN_NULL) {
		return true;
	}
	if (token->type != SHOAL_TOKEN_STRING || token->is.len >= sizeof text) {
		return false;
	}
	shoal_decoder_copy(&d->decoder, token, text);
	text[token->is.len] = 0;
	return shoal_addr_parse(addr, text) == SHOAL_OK && addr->scope == 0;
}

static bool
take_list(struct decoding *d, const struct shoal_token *token, const struct shoal_field *field,
        void *at)
{
	struct shoal_id_list *ids = at;
	struct shoal_addr_list *addrs = at;
	struct shoal_token item;
	size_t count = 0;

	if (token->type != SHOAL_TOKEN_ARRAY) {
		return false;
	}
	while (shoal_decoder_next(&d->decoder, &item) > 0) {
		bool taken;

		if (item.type == SHOAL_TOKEN_END) {
			*(field->type == SHOAL_FIELD_IDS ? &ids->count : &addrs->count) = count;
			return true;
		}
		if (count == field->limit) {
			return false;
		}
		taken = field->type == SHOAL_FIELD_IDS ? take_id(d, &item, &ids->item[count])
		                                       : take_addr(d, &item, &addrs->item[count]);
		if (!taken) {
			return false;
		}
		count++;
	}
	return false;
}

static bool
take_field(struct decoding *d, const struct shoal_token *token, const struct shoal_field *field,
        void *at)
{
	struct shoal_span *span = at;
	uint64_t number;

	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG:
		if (!take_number(token, field->limit, &number)) {
			return false;
		}
		*(uint8_t *)at = (uint8_t)number;
		return true;
	case SHOAL_FIELD_U32:
		if (!take_number(token, UINT32_MAX, &number)) {
			return false;
		}
		*(uint32_t *)at = (uint32_t)number;
		return true;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
		return take_number(token, UINT64_MAX, at);
	case SHOAL_FIELD_VAR:
		return take_number(token, field->limit, at);
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		return take_id(d, token, at);
	case SHOAL_FIELD_ADDR:
		return take_addr(d, token, at);
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
		return token->type == SHOAL_TOKEN_STRING &&
		       take_span(d, token, field->limit, span) &&
		       shoal_text_is_name(span->data, span->len);
	case SHOAL_FIELD_BYTES:
		return token->type == SHOAL_TOKEN_BYTES && take_span(d, token, field->limit, span);
	case SHOAL_FIELD_IDS:
	case SHOAL_FIELD_ADDRS:
		return take_list(d, token, field, at);
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
	return false;
}

/* The number of the field under a key; layout->fields: there is none. */
static size_t
find_field(
        const struct decoding *d, const struct shoal_layout *layout, const struct shoal_token *key)
{
	char name[KEY_MAX + 1];
	size_t i = 0;

	if (key->is.len > KEY_MAX) {
		return layout->fields;
	}
	shoal_decoder_copy(&d->decoder, key, name);
	name[key->is.len] = 0;
	while (i < layout->fields && strcmp(layout->field[i].name, name) != 0) {
		i++;
	}
	return i;
}

/* Past the value of a key that is not known. No field is a double, and numbers of other digits than
 * whole ones are dear to read: who sends them makes nobody read more than one. */
static bool
skip_value(struct shoal_decoder *decoder)
{
	uint32_t depth = decoder->depth;
	struct shoal_token token;

	do {
		if (shoal_decoder_next(decoder, &token) <= 0 || token.type == SHOAL_TOKEN_DOUBLE) {
			return false;
		}
	} while (decoder->depth > depth);
	return true;
}

/* One pair of the map, whose key was read. */
static bool
take_pair(struct decoding *d, const struct shoal_layout *layout, const struct shoal_token *key,
        uint32_t *seen, void *message)
{
	size_t i = find_field(d, layout, key);
	struct shoal_token token;

	if (i == layout->fields) {
		return skip_value(&d->decoder);
	}
	if ((*seen & UINT32_C(1) << i) != 0 || shoal_decoder_next(&d->decoder, &token) <= 0) {
		return false;
	}
	*seen |= UINT32_C(1) << i;
	return take_field(
	        d, &token, &layout->field[i], (uint8_t *)message + layout->field[i].offset);
}

static bool
decode_map(struct decoding *d, const struct shoal_layout *layout, void *message)
{
	struct shoal_token token;
	uint32_t seen = 0;

	SHOAL_ASSERT(layout->fields <= 32);
	memset(message, 0, layout->size);
	if (shoal_decoder_next(&d->decoder, &token) <= 0 || token.type != SHOAL_TOKEN_MAP) {
		return false;
	}
	while (shoal_decoder_next(&d->decoder, &token) > 0) {
		if (token.type == SHOAL_TOKEN_END) {
			return shoal_decoder_next(&d->decoder, &token) == 0;
		}
		if (!take_pair(d, layout, &token, &seen, message)) {
			return false;
		}
	}
	return false;
}

int
shoal_structured_decode(const struct shoal_codec_ops *codec, uint16_t kind,
        struct shoal_reader body, uint8_t *scratch, size_t room, union shoal_wire_message *message)
{
	const struct shoal_layout *layout = shoal_message_layout(kind);
	struct decoding d = {.scratch = scratch, .left = room};

	if (layout == NULL || kind == SHOAL_MESSAGE_PAD) {
		return shoal_message_decode(kind, body, message);
	}
	shoal_decoder_init(&d.decoder, codec, body.at, body.left);
	if (body.failed || !decode_map(&d, layout, message)) {
		return SHOAL_ERR_MALFORMED;
	}
	return shoal_message_is_usable(kind, message) ? SHOAL_OK : SHOAL_ERR_MALFORMED;
}
