/* SPDX-License-Identifier: MIT */
/* The compact binary codec: a tag of one byte, then the value. Numbers are LEB128 (VAR) in the
 * shortest form, doubles 8 bytes in network order.
 *
 *     00 null    01 false    02 true
 *     03 n       an integer, n >= 128             80..ff  an integer, 0 to 127
 *     04 n       the integer -1 - n
 *     05 x       a double
 *     06 n ...   a string of n >= 32 bytes        40..5f  a string of 0 to 31 bytes
 *     07 n ...   n bytes
 *     08 n ...   an array of n >= 16 items        60..6f  an array of 0 to 15 items
 *     09 n ...   a map of n >= 16 pairs           70..7f  a map of 0 to 15 pairs
 *
 * A key is VAR length and string, without a tag. The shortest form is the only one: a value and an
 * order of keys have one encoding. */
#include <shoal/codec.h>

#include <string.h>

#include "base/reader.h"
#include "base/writer.h"
#include "codecs/token.h"

enum {
	TAG_NULL,
	TAG_FALSE,
	TAG_TRUE,
	TAG_UINT,
	TAG_NEGATIVE,
	TAG_DOUBLE,
	TAG_STRING,
	TAG_BYTES,
	TAG_ARRAY,
	TAG_MAP,
	SHORT_STRING = 0x40,
	SHORT_ARRAY = 0x60,
	SHORT_MAP = 0x70,
	SHORT_UINT = 0x80,
	SHORT_STRINGS = 32, /* so many lengths have a tag of their own */
	SHORT_COUNTS = 16,
	SHORT_UINTS = 128
};

static void
write_null(struct shoal_writer *writer)
{
	shoal_writer_u8(writer, TAG_NULL);
}

static void
write_bool(struct shoal_writer *writer, bool value)
{
	shoal_writer_u8(writer, value ? TAG_TRUE : TAG_FALSE);
}

/* A number that has a tag of its own below `shorts`. */
static void
write_number(
        struct shoal_writer *writer, uint8_t tag, uint8_t short_tag, unsigned shorts, uint64_t n)
{
	if (n < shorts) {
		shoal_writer_u8(writer, (uint8_t)(short_tag + n));
		return;
	}
	shoal_writer_u8(writer, tag);
	shoal_writer_var(writer, n);
}

static void
write_int64(struct shoal_writer *writer, int64_t value)
{
	shoal_writer_u8(writer, TAG_NEGATIVE);
	shoal_writer_var(writer, (uint64_t)(-1 - value));
}

static void
write_uint64(struct shoal_writer *writer, uint64_t value)
{
	write_number(writer, TAG_UINT, SHORT_UINT, SHORT_UINTS, value);
}

static void
write_double(struct shoal_writer *writer, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	shoal_writer_u8(writer, TAG_DOUBLE);
	shoal_writer_u64(writer, bits);
}

static void
write_string(struct shoal_writer *writer, const char *text, size_t len)
{
	write_number(writer, TAG_STRING, SHORT_STRING, SHORT_STRINGS, len);
	shoal_writer_bytes(writer, text, len);
}

static void
write_bytes(struct shoal_writer *writer, const uint8_t *data, size_t len)
{
	shoal_writer_u8(writer, TAG_BYTES);
	shoal_writer_var(writer, len);
	shoal_writer_bytes(writer, data, len);
}

static void
write_array(struct shoal_writer *writer, size_t count)
{
	write_number(writer, TAG_ARRAY, SHORT_ARRAY, SHORT_COUNTS, count);
}

static void
write_map(struct shoal_writer *writer, size_t count)
{
	write_number(writer, TAG_MAP, SHORT_MAP, SHORT_COUNTS, count);
}

static void
write_key(struct shoal_writer *writer, const char *text, size_t len)
{
	shoal_writer_var(writer, len);
	shoal_writer_bytes(writer, text, len);
}

static uint64_t
read_long(struct shoal_reader *reader, uint64_t shorts)
{
	uint64_t n = shoal_reader_var(reader, UINT64_MAX);

	if (n < shorts) {
		shoal_reader_fail(reader);
	}
	return n;
}

static void
read_short(struct shoal_reader *reader, struct shoal_token *token, uint8_t tag)
{
	if (tag >= SHORT_UINT) {
		token->type = SHOAL_TOKEN_UINT64;
		token->is.uint64 = tag - SHORT_UINT;
	} else if (tag >= SHORT_MAP) {
		shoal_token_begin(token, reader, SHOAL_TOKEN_MAP, tag - SHORT_MAP);
	} else if (tag >= SHORT_ARRAY) {
		shoal_token_begin(token, reader, SHOAL_TOKEN_ARRAY, tag - SHORT_ARRAY);
	} else {
		shoal_token_take(token, reader, SHOAL_TOKEN_STRING, tag - SHORT_STRING);
	}
}

static void
read_tagged(struct shoal_reader *reader, struct shoal_token *token, uint8_t tag)
{
	uint64_t bits;

	switch (tag) {
	case TAG_NULL:
		token->type = SHOAL_TOKEN_NULL;
		break;
	case TAG_FALSE:
	case TAG_TRUE:
		token->type = SHOAL_TOKEN_BOOL;
		token->is.boolean = tag == TAG_TRUE;
		break;
	case TAG_UINT:
		token->type = SHOAL_TOKEN_UINT64;
		token->is.uint64 = read_long(reader, SHORT_UINTS);
		break;
	case TAG_NEGATIVE:
		token->type = SHOAL_TOKEN_INT64;
		token->is.int64 = -1 - (int64_t)shoal_reader_var(reader, INT64_MAX);
		break;
	case TAG_DOUBLE:
		token->type = SHOAL_TOKEN_DOUBLE;
		bits = shoal_reader_u64(reader);
		memcpy(&token->is.number, &bits, sizeof bits);
		break;
	case TAG_STRING:
		shoal_token_take(
		        token, reader, SHOAL_TOKEN_STRING, read_long(reader, SHORT_STRINGS));
		break;
	case TAG_BYTES:
		shoal_token_take(
		        token, reader, SHOAL_TOKEN_BYTES, shoal_reader_var(reader, UINT64_MAX));
		break;
	case TAG_ARRAY:
		shoal_token_begin(
		        token, reader, SHOAL_TOKEN_ARRAY, read_long(reader, SHORT_COUNTS));
		break;
	case TAG_MAP:
		shoal_token_begin(token, reader, SHOAL_TOKEN_MAP, read_long(reader, SHORT_COUNTS));
		break;
	default:
		shoal_reader_fail(reader);
	}
}

static int
read_value(struct shoal_reader *reader, struct shoal_token *token)
{
	uint8_t tag = shoal_reader_u8(reader);

	(tag >= SHORT_STRING ? read_short : read_tagged)(reader, token, tag);
	return reader->failed ? SHOAL_ERR_MALFORMED : SHOAL_OK;
}

static int
read_key(struct shoal_reader *reader, struct shoal_token *token)
{
	shoal_token_take(token, reader, SHOAL_TOKEN_KEY, shoal_reader_var(reader, UINT64_MAX));
	return reader->failed ? SHOAL_ERR_MALFORMED : SHOAL_OK;
}

static const struct shoal_codec_ops binary = {
        .abi = SHOAL_CODEC_ABI,
        .id = SHOAL_CODEC_BINARY,
        .name = "binary",
        .write_null = write_null,
        .write_bool = write_bool,
        .write_int64 = write_int64,
        .write_uint64 = write_uint64,
        .write_double = write_double,
        .write_string = write_string,
        .write_bytes = write_bytes,
        .write_array = write_array,
        .write_map = write_map,
        .write_key = write_key,
        .read = read_value,
        .read_key = read_key,
};

const struct shoal_codec_ops *
shoal_codec_binary(void)
{
	return &binary;
}
