/* SPDX-License-Identifier: MIT */
/* Trees of values to bytes and back.
 *
 * Decoding makes a tree from its leaves with a stack of the arrays and maps that are open, so it
 * needs no recursion. Room is made as an array or map says how many it has, which the decoder has
 * held against what is left of the document; where the codec does not say, it doubles, and what is
 * too much is given back at the end. */
#include "wire/value.h"

#include <string.h>

#include "base/alloc.h"
#include "base/writer.h"

#define FIRST_TRY ((size_t)256)

void
shoal_value_write(struct shoal_encoder *encoder, const struct shoal_value *value)
{
	switch (shoal_value_type(value)) {
	case SHOAL_VALUE_NULL:
		shoal_encoder_null(encoder);
		break;
	case SHOAL_VALUE_BOOL:
		shoal_encoder_bool(encoder, value->is.boolean);
		break;
	case SHOAL_VALUE_INT64:
		shoal_encoder_int64(encoder, value->is.int64);
		break;
	case SHOAL_VALUE_UINT64:
		shoal_encoder_uint64(encoder, value->is.uint64);
		break;
	case SHOAL_VALUE_DOUBLE:
		shoal_encoder_double(encoder, value->is.number);
		break;
	case SHOAL_VALUE_STRING:
		shoal_encoder_string(encoder, shoal_value_node_data(value), value->len);
		break;
	case SHOAL_VALUE_BYTES:
		shoal_encoder_bytes(encoder, shoal_value_node_data(value), value->len);
		break;
	case SHOAL_VALUE_ARRAY:
		shoal_encoder_array(encoder, value->len);
		for (size_t i = 0; i < value->len; i++) {
			shoal_value_write(encoder, &value->is.item[i]);
		}
		break;
	case SHOAL_VALUE_MAP:
		shoal_encoder_map(encoder, value->len);
		for (size_t i = 0; i < value->len; i++) {
			const struct shoal_value_pair *pair = &value->is.pair[i];
			shoal_encoder_key(
			        encoder, shoal_value_node_data(&pair->key), pair->key.len);
			shoal_value_write(encoder, &pair->value);
		}
		break;
	}
}

/* One try in a buffer of so many bytes. */
static int
encode(const struct shoal_codec_ops *codec, const struct shoal_value *value,
        const struct shoal_allocator *mem, size_t cap, uint8_t **data, size_t *len)
{
	struct shoal_encoder encoder;
	struct shoal_writer writer;
	uint8_t *buffer = shoal_alloc(mem, cap);
	int rc;

	if (buffer == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_writer_init(&writer, buffer, cap);
	shoal_encoder_init(&encoder, codec, &writer);
	shoal_value_write(&encoder, value);
	rc = shoal_encoder_end(&encoder);
	if (rc != SHOAL_OK) {
		shoal_alloc_free(mem, buffer);
		return rc;
	}
	*len = writer.len;
	*data = shoal_alloc_resize(mem, buffer, writer.len, 1);
	if (*data == NULL) {
		*data = buffer;
	}
	return SHOAL_OK;
}

int
shoal_value_encode(const struct shoal_codec_ops *codec, const struct shoal_value *value,
        size_t limit, const struct shoal_allocator *allocator, uint8_t **data, size_t *len)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	size_t cap = FIRST_TRY < limit ? FIRST_TRY : limit;
	int rc = encode(codec, value, &mem, cap, data, len);

	while (rc == SHOAL_ERR_TOO_BIG && cap < limit) {
		cap = cap < limit / 2 ? cap * 2 : limit;
		rc = encode(codec, value, &mem, cap, data, len);
	}
	return rc;
}

/* An array or map that is open. */
struct frame {
	struct shoal_value node;
	struct shoal_value key; /* of the value that comes next */
	size_t filled;          /* where the number is known: so many are there */
	bool counted;
};

struct decoding {
	struct shoal_decoder decoder;
	struct shoal_allocator mem;
	struct shoal_value_limits limits;
	uint64_t elements;
	uint32_t depth;
	struct shoal_value root;
	struct frame frame[SHOAL_DEPTH_MAX];
};

/* Gives a value to what it is in; takes it over in any case. */
static int
attach(struct decoding *d, struct shoal_value *value)
{
	struct frame *top;
	int rc = SHOAL_OK;

	if (d->depth == 0) {
		d->root = *value;
		return SHOAL_OK;
	}
	top = &d->frame[d->depth - 1];
	if (top->counted) {
		shoal_value_node_place(&top->node, top->filled++, &top->key, value);
	} else {
		rc = shoal_value_node_append(&d->mem, &top->node, &top->key, value);
	}
	if (rc == SHOAL_OK) {
		top->key = (struct shoal_value){.type = SHOAL_VALUE_NULL};
	} else {
		shoal_value_node_clear(&d->mem, value);
	}
	return rc;
}

static int
begin(struct decoding *d, const struct shoal_token *token)
{
	struct frame *frame = &d->frame[d->depth];
	bool counted = token->is.count != SHOAL_COUNT_UNKNOWN;

	if (d->depth >= d->limits.depth ||
	        (counted && token->is.count > d->limits.elements - d->elements)) {
		return SHOAL_ERR_TOO_BIG;
	}
	*frame = (struct frame){.counted = counted};
	d->depth++;
	return shoal_value_node_begin(&d->mem, &frame->node,
	        token->type == SHOAL_TOKEN_MAP ? SHOAL_VALUE_MAP : SHOAL_VALUE_ARRAY,
	        counted ? token->is.count : 0);
}

static int
end(struct decoding *d)
{
	struct frame *frame = &d->frame[d->depth - 1];
	int rc = shoal_value_node_end(&d->mem, &frame->node);

	if (rc != SHOAL_OK) {
		return rc;
	}
	d->depth--;
	return attach(d, &frame->node);
}

static int
take_text(struct decoding *d, const struct shoal_token *token, enum shoal_value_type type,
        struct shoal_value *node)
{
	char *text = shoal_value_node_text(&d->mem, node, type, token->is.len);

	if (text == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_decoder_copy(&d->decoder, token, text);
	return SHOAL_OK;
}

static int
take_leaf(struct decoding *d, const struct shoal_token *token)
{
	struct shoal_value node = {.type = SHOAL_VALUE_NULL};
	int rc = SHOAL_OK;

	switch (token->type) {
	case SHOAL_TOKEN_BOOL:
		node.type = SHOAL_VALUE_BOOL;
		node.is.boolean = token->is.boolean;
		break;
	case SHOAL_TOKEN_INT64:
		node.type = SHOAL_VALUE_INT64;
		node.is.int64 = token->is.int64;
		break;
	case SHOAL_TOKEN_UINT64:
		node.type = SHOAL_VALUE_UINT64;
		node.is.uint64 = token->is.uint64;
		break;
	case SHOAL_TOKEN_DOUBLE:
		node.type = SHOAL_VALUE_DOUBLE;
		node.is.number = token->is.number;
		break;
	case SHOAL_TOKEN_STRING:
		rc = take_text(d, token, SHOAL_VALUE_STRING, &node);
		break;
	case SHOAL_TOKEN_BYTES:
		rc = take_text(d, token, SHOAL_VALUE_BYTES, &node);
		break;
	default:
		break;
	}
	return rc == SHOAL_OK ? attach(d, &node) : rc;
}

static int
take(struct decoding *d, const struct shoal_token *token)
{
	if (token->type == SHOAL_TOKEN_END) {
		return end(d);
	}
	if (token->type == SHOAL_TOKEN_KEY) {
		return take_text(d, token, SHOAL_VALUE_STRING, &d->frame[d->depth - 1].key);
	}
	if (d->elements >= d->limits.elements) {
		return SHOAL_ERR_TOO_BIG;
	}
	d->elements++;
	if (token->type == SHOAL_TOKEN_ARRAY || token->type == SHOAL_TOKEN_MAP) {
		return begin(d, token);
	}
	return take_leaf(d, token);
}

int
shoal_value_decode(const struct shoal_codec_ops *codec, const uint8_t *data, size_t len,
        const struct shoal_value_limits *limits, const struct shoal_allocator *allocator,
        struct shoal_value **value)
{
	struct decoding d = {.mem = shoal_allocator_or_libc(allocator),
	        .limits = {SHOAL_DEPTH_MAX, SHOAL_VALUE_ELEMENTS_MAX}};
	struct shoal_token token;
	int rc, taken = SHOAL_OK;

	*value = NULL;
	if (limits != NULL) {
		d.limits = *limits;
	}
	shoal_decoder_init(&d.decoder, codec, data, len);
	while ((rc = shoal_decoder_next(&d.decoder, &token)) > 0) {
		taken = take(&d, &token);
		if (taken != SHOAL_OK) {
			rc = taken;
			break;
		}
	}
	if (rc == 0) {
		*value = shoal_value_root_new(&d.mem, d.root);
		return *value != NULL ? SHOAL_OK : SHOAL_ERR_NOMEM;
	}
	for (; d.depth > 0; d.depth--) {
		shoal_value_node_clear(&d.mem, &d.frame[d.depth - 1].node);
		shoal_value_node_clear(&d.mem, &d.frame[d.depth - 1].key);
	}
	shoal_value_node_clear(&d.mem, &d.root);
	return rc;
}
