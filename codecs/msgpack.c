/* SPDX-License-Identifier: MIT */
/* MessagePack (the specification of 2017, with str and bin). Integers, lengths and counts are
 * written in their shortest form and read in any; doubles are written in 8 bytes, single precision
 * is read. Extension types, and maps with keys that are no strings, are well formed and no values
 * of ours: refused as such. */
#include <shoal/codec.h>

#include <string.h>

#include "base/panic.h"
#include "base/reader.h"
#include "base/writer.h"
#include "codecs/token.h"

enum {
	FIX_MAP = 0x80,
	FIX_ARRAY = 0x90,
	FIX_STR = 0xa0,
	NIL = 0xc0,
	FALSE = 0xc2,
	TRUE = 0xc3,
	BIN8 = 0xc4,
	BIN16,
	BIN32,
	EXT8,
	EXT32 = 0xc9,
	FLOAT32,
	FLOAT64,
	UINT8,
	UINT16,
	UINT32,
	UINT64,
	INT8,
	INT16,
	INT32,
	INT64,
	FIX_EXT1,
	FIX_EXT16 = 0xd8,
	STR8,
	STR16,
	STR32,
	ARRAY16,
	ARRAY32,
	MAP16,
	MAP32,
	NEGATIVE_FIX = 0xe0
};

/* The last `width` bytes of a number behind its tag; forms of 1, 2, 4 and 8 bytes have tags that
 * follow each other. */
static void
write_wide(struct shoal_writer *writer, uint8_t tag, unsigned width, uint64_t n)
{
	uint8_t bytes[9] = {tag};

	for (unsigned i = 0; i < width; i++) {
		bytes[width - i] = (uint8_t)(n >> 8 * i);
	}
	shoal_writer_bytes(writer, bytes, 1 + width);
}

static void
write_null(struct shoal_writer *writer)
{
	shoal_writer_u8(writer, NIL);
}

static void
write_bool(struct shoal_writer *writer, bool value)
{
	shoal_writer_u8(writer, value ? TRUE : FALSE);
}

static void
write_int64(struct shoal_writer *writer, int64_t value)
{
	if (value >= -32) {
		shoal_writer_u8(writer, (uint8_t)value);
	} else if (value >= INT8_MIN) {
		write_wide(writer, INT8, 1, (uint64_t)value);
	} else if (value >= INT16_MIN) {
		write_wide(writer, INT16, 2, (uint64_t)value);
	} else if (value >= INT32_MIN) {
		write_wide(writer, INT32, 4, (uint64_t)value);
	} else {
		write_wide(writer, INT64, 8, (uint64_t)value);
	}
}

static void
write_uint64(struct shoal_writer *writer, uint64_t value)
{
	if (value < FIX_MAP) {
		shoal_writer_u8(writer, (uint8_t)value);
	} else if (value <= UINT8_MAX) {
		write_wide(writer, UINT8, 1, value);
	} else if (value <= UINT16_MAX) {
		write_wide(writer, UINT16, 2, value);
	} else if (value <= UINT32_MAX) {
		write_wide(writer, UINT32, 4, value);
	} else {
		write_wide(writer, UINT64, 8, value);
	}
}

static void
write_double(struct shoal_writer *writer, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	write_wide(writer, FLOAT64, 8, bits);
}

/* A length or a count above what a fix form holds; tag8 0: there is no form of one byte. Longer
 * than any form there is: no writer has room for it. */
static void
write_length(struct shoal_writer *writer, uint8_t tag8, uint8_t tag16, size_t n)
{
	if (tag8 != 0 && n <= UINT8_MAX) {
		write_wide(writer, tag8, 1, n);
	} else if (n <= UINT16_MAX) {
		write_wide(writer, tag16, 2, n);
	} else if (n <= UINT32_MAX) {
		write_wide(writer, (uint8_t)(tag16 + 1), 4, n);
	} else {
		writer->failed = true;
	}
}

static void
write_string(struct shoal_writer *writer, const char *text, size_t len)
{
	if (len < 32) {
		shoal_writer_u8(writer, (uint8_t)(FIX_STR + len));
	} else {
		write_length(writer, STR8, STR16, len);
	}
	shoal_writer_bytes(writer, text, len);
}

static void
write_bytes(struct shoal_writer *writer, const uint8_t *data, size_t len)
{
	write_length(writer, BIN8, BIN16, len);
	shoal_writer_bytes(writer, data, len);
}

static void
write_array(struct shoal_writer *writer, size_t count)
{
	if (count < 16) {
		shoal_writer_u8(writer, (uint8_t)(FIX_ARRAY + count));
	} else {
		write_length(writer, 0, ARRAY16, count);
	}
}

static void
write_map(struct shoal_writer *writer, size_t count)
{
	if (count < 16) {
		shoal_writer_u8(writer, (uint8_t)(FIX_MAP + count));
	} else {
		write_length(writer, 0, MAP16, count);
	}
}

static uint64_t
read_wide(struct shoal_reader *reader, unsigned width)
{
	const uint8_t *at = shoal_reader_bytes(reader, width);
	uint64_t n = 0;

	for (unsigned i = 0; at != NULL && i < width; i++) {
		n = n << 8 | at[i];
	}
	return n;
}

static void
set_uint(struct shoal_token *token, uint64_t n)
{
	token->type = SHOAL_TOKEN_UINT64;
	token->is.uint64 = n;
}

/* A number in two's complement: below zero its sign goes on to the left. */
static void
set_int(struct shoal_token *token, uint64_t n, unsigned width)
{
	SHOAL_ASSERT(width >= 1 && width <= 8);
	uint64_t sign = UINT64_C(1) << (8 * width - 1);

	if ((n & sign) == 0) {
		set_uint(token, n);
		return;
	}
	token->type = SHOAL_TOKEN_INT64;
	token->is.int64 = -1 - (int64_t)((n ^ (sign - 1)) & (sign - 1));
}

static void
read_float(struct shoal_reader *reader, struct shoal_token *token, unsigned width)
{
	uint64_t bits = read_wide(reader, width);
	uint32_t single_bits = (uint32_t)bits;
	float single;

	token->type = SHOAL_TOKEN_DOUBLE;
	if (width == 8) {
		memcpy(&token->is.number, &bits, sizeof bits);
		return;
	}
	memcpy(&single, &single_bits, sizeof single);
	token->is.number = (double)single;
}

/* The tags from nil up to the maps. */
static int
read_tagged(struct shoal_reader *reader, struct shoal_token *token, uint8_t tag)
{
	if (tag == NIL) {
		token->type = SHOAL_TOKEN_NULL;
	} else if (tag == FALSE || tag == TRUE) {
		token->type = SHOAL_TOKEN_BOOL;
		token->is.boolean = tag == TRUE;
	} else if (tag >= BIN8 && tag <= BIN32) {
		shoal_token_take(
		        token, reader, SHOAL_TOKEN_BYTES, read_wide(reader, 1U << (tag - BIN8)));
	} else if (tag == FLOAT32 || tag == FLOAT64) {
		read_float(reader, token, tag == FLOAT32 ? 4 : 8);
	} else if (tag >= UINT8 && tag <= UINT64) {
		set_uint(token, read_wide(reader, 1U << (tag - UINT8)));
	} else if (tag >= INT8 && tag <= INT64) {
		set_int(token, read_wide(reader, 1U << (tag - INT8)), 1U << (tag - INT8));
	} else if (tag >= STR8 && tag <= STR32) {
		shoal_token_take(
		        token, reader, SHOAL_TOKEN_STRING, read_wide(reader, 1U << (tag - STR8)));
	} else if (tag == ARRAY16 || tag == ARRAY32) {
		shoal_token_begin(token, reader, SHOAL_TOKEN_ARRAY,
		        read_wide(reader, tag == ARRAY16 ? 2 : 4));
	} else if (tag == MAP16 || tag == MAP32) {
		shoal_token_begin(
		        token, reader, SHOAL_TOKEN_MAP, read_wide(reader, tag == MAP16 ? 2 : 4));
	} else if ((tag >= EXT8 && tag <= EXT32) || (tag >= FIX_EXT1 && tag <= FIX_EXT16)) {
		return SHOAL_ERR_UNSUPPORTED;
	} else {
		return SHOAL_ERR_MALFORMED; /* c1: never used */
	}
	return SHOAL_OK;
}

static int
read_value(struct shoal_reader *reader, struct shoal_token *token)
{
	uint8_t tag = shoal_reader_u8(reader);
	int rc = SHOAL_OK;

	if (tag < FIX_MAP) {
		set_uint(token, tag);
	} else if (tag < FIX_ARRAY) {
		shoal_token_begin(token, reader, SHOAL_TOKEN_MAP, tag - FIX_MAP);
	} else if (tag < FIX_STR) {
		shoal_token_begin(token, reader, SHOAL_TOKEN_ARRAY, tag - FIX_ARRAY);
	} else if (tag < NIL) {
		shoal_token_take(token, reader, SHOAL_TOKEN_STRING, tag - FIX_STR);
	} else if (tag >= NEGATIVE_FIX) {
		set_int(token, tag, 1);
	} else {
		rc = read_tagged(reader, token, tag);
	}
	return reader->failed ? SHOAL_ERR_MALFORMED : rc;
}

static int
read_key(struct shoal_reader *reader, struct shoal_token *token)
{
	int rc = read_value(reader, token);

	if (rc == SHOAL_OK && token->type != SHOAL_TOKEN_STRING) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	token->type = SHOAL_TOKEN_KEY;
	return rc;
}

static const struct shoal_codec_ops msgpack = {
        .abi = SHOAL_CODEC_ABI,
        .id = SHOAL_CODEC_MSGPACK,
        .name = "msgpack",
        .write_null = write_null,
        .write_bool = write_bool,
        .write_int64 = write_int64,
        .write_uint64 = write_uint64,
        .write_double = write_double,
        .write_string = write_string,
        .write_bytes = write_bytes,
        .write_array = write_array,
        .write_map = write_map,
        .write_key = write_string,
        .read = read_value,
        .read_key = read_key,
};

const struct shoal_codec_ops *
shoal_codec_msgpack(void)
{
	return &msgpack;
}
