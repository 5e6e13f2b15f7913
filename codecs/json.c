/* SPDX-License-Identifier: MIT */
/* JSON (RFC 8259), strict: one value, UTF-8, no byte order mark, no comments, no comma at an end.
 *
 * Integers are exact from -2^63 to 2^64 - 1, larger ones are refused (no value of ours); a number
 * with a point or an exponent is a double, and a double is always written with one. JSON has no
 * bytes, so these are a string in the form of an URL of RFC 2397,
 *
 *     "data:;base64,AAEC"
 *
 * and a text that begins so is written with its first letter escaped ("\u0064ata:..."): what is
 * read back is what was written, and other programs read the text as it is. \u0000 is refused.
 *
 * Strings are looked at where they stand and unescaped when they are copied; see json_string.c. */
#include <shoal/codec.h>

#include <string.h>

#include "base/reader.h"
#include "base/writer.h"
#include "codecs/decimal.h"
#include "codecs/json_string.h"

static void
write_text(struct shoal_writer *writer, const char *text)
{
	shoal_writer_bytes(writer, text, strlen(text));
}

static void
write_null(struct shoal_writer *writer)
{
	write_text(writer, "null");
}

static void
write_bool(struct shoal_writer *writer, bool value)
{
	write_text(writer, value ? "true" : "false");
}

static void
write_uint64(struct shoal_writer *writer, uint64_t value)
{
	char digit[20];
	size_t at = sizeof digit;

	do {
		digit[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	shoal_writer_bytes(writer, digit + at, sizeof digit - at);
}

static void
write_int64(struct shoal_writer *writer, int64_t value)
{
	write_text(writer, "-");
	write_uint64(writer, (uint64_t)(-1 - value) + 1);
}

static void
write_double(struct shoal_writer *writer, double value)
{
	char text[SHOAL_DECIMAL_TEXT];

	shoal_writer_bytes(writer, text, shoal_decimal_print(value, text));
}

static void
write_array(struct shoal_writer *writer, size_t count)
{
	(void)count;
	write_text(writer, "[");
}

static void
write_map(struct shoal_writer *writer, size_t count)
{
	(void)count;
	write_text(writer, "{");
}

static void
write_key(struct shoal_writer *writer, const char *text, size_t len)
{
	shoal_json_string_write(writer, text, len);
	write_text(writer, ":");
}

static void
write_next(struct shoal_writer *writer)
{
	write_text(writer, ",");
}

static void
write_end(struct shoal_writer *writer, enum shoal_token_type type)
{
	write_text(writer, type == SHOAL_TOKEN_MAP ? "}" : "]");
}

static void
skip_space(struct shoal_reader *reader)
{
	size_t n = 0;

	while (n < reader->left && (reader->at[n] == ' ' || reader->at[n] == '\t' ||
	                                   reader->at[n] == '\n' || reader->at[n] == '\r')) {
		n++;
	}
	shoal_reader_bytes(reader, n);
}

/* Takes white space, then c if it is there. */
static bool
take_char(struct shoal_reader *reader, char c)
{
	skip_space(reader);
	if (reader->left == 0 || reader->at[0] != (uint8_t)c) {
		return false;
	}
	shoal_reader_bytes(reader, 1);
	return true;
}

static int
read_word(struct shoal_reader *reader, const char *word)
{
	size_t len = strlen(word);
	const uint8_t *at = shoal_reader_bytes(reader, len);

	return at != NULL && memcmp(at, word, len) == 0 ? SHOAL_OK : SHOAL_ERR_MALFORMED;
}

/* Goes past digits; their number. */
static size_t
count_digits(const struct shoal_reader *reader, size_t *at)
{
	size_t from = *at;

	while (*at < reader->left && reader->at[*at] >= '0' && reader->at[*at] <= '9') {
		++*at;
	}
	return *at - from;
}

static bool
is_at(const struct shoal_reader *reader, size_t at, char a, char b)
{
	return at < reader->left && (reader->at[at] == (uint8_t)a || reader->at[at] == (uint8_t)b);
}

/* The length of the number at the cursor, 0 where there is none. *whole: no point, no exponent. */
static size_t
number_len(const struct shoal_reader *reader, bool *whole)
{
	size_t at = is_at(reader, 0, '-', '-'), first = at;
	size_t digits = count_digits(reader, &at);

	*whole = true;
	if (digits == 0 || (digits > 1 && reader->at[first] == '0')) {
		return 0;
	}
	if (is_at(reader, at, '.', '.')) {
		*whole = false;
		at++;
		if (count_digits(reader, &at) == 0) {
			return 0;
		}
	}
	if (is_at(reader, at, 'e', 'E')) {
		*whole = false;
		at++;
		at += is_at(reader, at, '+', '-');
		if (count_digits(reader, &at) == 0) {
			return 0;
		}
	}
	return at;
}

static int
read_integer(const char *text, size_t len, struct shoal_token *token)
{
	bool negative = text[0] == '-';
	uint64_t n = 0, most = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX;

	for (size_t i = negative; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');
		if (n > (most - digit) / 10) {
			return SHOAL_ERR_UNSUPPORTED;
		}
		n = n * 10 + digit;
	}
	token->type = SHOAL_TOKEN_UINT64;
	token->is.uint64 = n;
	if (negative && n > 0) {
		token->type = SHOAL_TOKEN_INT64;
		token->is.int64 = -1 - (int64_t)(n - 1);
	}
	return SHOAL_OK;
}

static int
read_number(struct shoal_reader *reader, struct shoal_token *token)
{
	bool whole;
	size_t len = number_len(reader, &whole);
	const char *text = (const char *)shoal_reader_bytes(reader, len);

	if (len == 0) {
		return SHOAL_ERR_MALFORMED;
	}
	if (whole) {
		return read_integer(text, len, token);
	}
	token->type = SHOAL_TOKEN_DOUBLE;
	return shoal_decimal_parse(text, len, &token->is.number) ? SHOAL_OK : SHOAL_ERR_UNSUPPORTED;
}

static int
read_value(struct shoal_reader *reader, struct shoal_token *token)
{
	skip_space(reader);
	switch (reader->left > 0 ? reader->at[0] : 0) {
	case '{':
	case '[':
		token->type = reader->at[0] == '{' ? SHOAL_TOKEN_MAP : SHOAL_TOKEN_ARRAY;
		token->is.count = SHOAL_COUNT_UNKNOWN;
		shoal_reader_bytes(reader, 1);
		return SHOAL_OK;
	case '"':
		token->type = SHOAL_TOKEN_STRING;
		return shoal_json_string_read(reader, token);
	case 'n':
		token->type = SHOAL_TOKEN_NULL;
		return read_word(reader, "null");
	case 't':
		token->type = SHOAL_TOKEN_BOOL;
		token->is.boolean = true;
		return read_word(reader, "true");
	case 'f':
		token->type = SHOAL_TOKEN_BOOL;
		return read_word(reader, "false");
	default:
		return read_number(reader, token);
	}
}

static int
read_key(struct shoal_reader *reader, struct shoal_token *token)
{
	int rc;

	skip_space(reader);
	rc = shoal_json_string_read(reader, token);
	return rc == SHOAL_OK && !take_char(reader, ':') ? SHOAL_ERR_MALFORMED : rc;
}

static int
read_end(struct shoal_reader *reader, enum shoal_token_type type, bool first)
{
	if (take_char(reader, type == SHOAL_TOKEN_MAP ? '}' : ']')) {
		return 1;
	}
	return first || take_char(reader, ',') ? 0 : SHOAL_ERR_MALFORMED;
}

static const struct shoal_codec_ops json = {
        .abi = SHOAL_CODEC_ABI,
        .id = SHOAL_CODEC_JSON,
        .flags = SHOAL_CODEC_FINITE,
        .name = "json",
        .write_null = write_null,
        .write_bool = write_bool,
        .write_int64 = write_int64,
        .write_uint64 = write_uint64,
        .write_double = write_double,
        .write_string = shoal_json_text_write,
        .write_bytes = shoal_json_bytes_write,
        .write_array = write_array,
        .write_map = write_map,
        .write_key = write_key,
        .write_next = write_next,
        .write_end = write_end,
        .read = read_value,
        .read_key = read_key,
        .read_end = read_end,
        .read_rest = skip_space,
        .copy = shoal_json_string_copy,
        .bytes_bound = shoal_json_bytes_bound,
};

const struct shoal_codec_ops *
shoal_codec_json(void)
{
	return &json;
}
