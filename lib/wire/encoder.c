/* SPDX-License-Identifier: MIT */
/* The writing half of what all codecs share: keys and values come in turn, arrays and maps hold
 * what they said, strings are UTF-8. A codec that is called from here need not look.
 *
 * An array or map is closed as soon as its last item is written, with all around it that are full
 * by that. Invariant: every open one wants at least one more item. */
#include <shoal/codec.h>

#include <string.h>

#include "base/text.h"
#include "base/writer.h"

void
shoal_encoder_init(struct shoal_encoder *encoder, const struct shoal_codec_ops *codec,
        struct shoal_writer *writer)
{
	encoder->codec = codec;
	encoder->writer = writer;
	encoder->error = SHOAL_OK;
	encoder->done = false;
	encoder->depth = 0;
}

static void
fail(struct shoal_encoder *encoder, int error)
{
	if (encoder->error == SHOAL_OK) {
		encoder->error = error;
	}
}

static struct shoal_nest *
top(struct shoal_encoder *encoder)
{
	return encoder->depth > 0 ? &encoder->nest[encoder->depth - 1] : NULL;
}

/* Whether a key, or a value, may come now; writes what stands before it. */
static bool
begin_item(struct shoal_encoder *encoder, bool key)
{
	struct shoal_nest *nest = top(encoder);

	if (encoder->error != SHOAL_OK) {
		return false;
	}
	if (nest == NULL ? key || encoder->done
	                 : key != (nest->type == SHOAL_TOKEN_MAP && !nest->keyed)) {
		fail(encoder, SHOAL_ERR_STATE);
		return false;
	}
	if (nest == NULL) {
		encoder->done = true;
		return true;
	}
	if (!nest->keyed && nest->begun && encoder->codec->write_next != NULL) {
		encoder->codec->write_next(encoder->writer);
	}
	nest->begun = true;
	nest->keyed = key;
	return true;
}

/* Behind a value: closes what is full. */
static void
end_item(struct shoal_encoder *encoder)
{
	struct shoal_nest *nest = top(encoder);

	while (nest != NULL && --nest->left == 0) {
		if (encoder->codec->write_end != NULL) {
			encoder->codec->write_end(encoder->writer, nest->type);
		}
		encoder->depth--;
		nest = top(encoder);
	}
	if (encoder->writer->failed) {
		fail(encoder, SHOAL_ERR_TOO_BIG);
	}
}

void
shoal_encoder_null(struct shoal_encoder *encoder)
{
	if (begin_item(encoder, false)) {
		encoder->codec->write_null(encoder->writer);
		end_item(encoder);
	}
}

void
shoal_encoder_bool(struct shoal_encoder *encoder, bool value)
{
	if (begin_item(encoder, false)) {
		encoder->codec->write_bool(encoder->writer, value);
		end_item(encoder);
	}
}

void
shoal_encoder_int64(struct shoal_encoder *encoder, int64_t value)
{
	if (value >= 0) {
		shoal_encoder_uint64(encoder, (uint64_t)value);
	} else if (begin_item(encoder, false)) {
		encoder->codec->write_int64(encoder->writer, value);
		end_item(encoder);
	}
}

void
shoal_encoder_uint64(struct shoal_encoder *encoder, uint64_t value)
{
	if (begin_item(encoder, false)) {
		encoder->codec->write_uint64(encoder->writer, value);
		end_item(encoder);
	}
}

/* All bits of the exponent are set in an infinity and in NaN. */
static bool
is_finite(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	return (bits >> 52 & 0x7ff) != 0x7ff;
}

void
shoal_encoder_double(struct shoal_encoder *encoder, double value)
{
	if (!begin_item(encoder, false)) {
		return;
	}
	if ((encoder->codec->flags & SHOAL_CODEC_FINITE) != 0 && !is_finite(value)) {
		fail(encoder, SHOAL_ERR_UNSUPPORTED);
		return;
	}
	encoder->codec->write_double(encoder->writer, value);
	end_item(encoder);
}

static bool
is_string(struct shoal_encoder *encoder, const char *text, size_t *len)
{
	if (*len == SIZE_MAX) {
		*len = strlen(text);
	}
	if (!shoal_text_is_utf8((const uint8_t *)text, *len)) {
		fail(encoder, SHOAL_ERR_INVALID);
		return false;
	}
	return true;
}

void
shoal_encoder_string(struct shoal_encoder *encoder, const char *text, size_t len)
{
	if (begin_item(encoder, false) && is_string(encoder, text, &len)) {
		encoder->codec->write_string(encoder->writer, text, len);
		end_item(encoder);
	}
}

void
shoal_encoder_bytes(struct shoal_encoder *encoder, const void *data, size_t len)
{
	if (begin_item(encoder, false)) {
		encoder->codec->write_bytes(encoder->writer, data, len);
		end_item(encoder);
	}
}

void
shoal_encoder_key(struct shoal_encoder *encoder, const char *text, size_t len)
{
	if (begin_item(encoder, true) && is_string(encoder, text, &len)) {
		encoder->codec->write_key(encoder->writer, text, len);
	}
}

static void
open_nest(struct shoal_encoder *encoder, enum shoal_token_type type, size_t count)
{
	const struct shoal_codec_ops *codec = encoder->codec;

	if (!begin_item(encoder, false)) {
		return;
	}
	if (encoder->depth == SHOAL_DEPTH_MAX) {
		fail(encoder, SHOAL_ERR_TOO_BIG);
		return;
	}
	(type == SHOAL_TOKEN_MAP ? codec->write_map : codec->write_array)(encoder->writer, count);
	if (count > 0) {
		encoder->nest[encoder->depth++] = (struct shoal_nest){.left = count, .type = type};
		return;
	}
	if (codec->write_end != NULL) {
		codec->write_end(encoder->writer, type);
	}
	end_item(encoder);
}

void
shoal_encoder_array(struct shoal_encoder *encoder, size_t count)
{
	open_nest(encoder, SHOAL_TOKEN_ARRAY, count);
}

void
shoal_encoder_map(struct shoal_encoder *encoder, size_t count)
{
	open_nest(encoder, SHOAL_TOKEN_MAP, count);
}

int
shoal_encoder_end(const struct shoal_encoder *encoder)
{
	if (encoder->error != SHOAL_OK) {
		return encoder->error;
	}
	if (encoder->writer->failed) {
		return SHOAL_ERR_TOO_BIG;
	}
	return encoder->done && encoder->depth == 0 ? SHOAL_OK : SHOAL_ERR_STATE;
}
