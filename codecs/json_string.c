/* SPDX-License-Identifier: MIT */
/* Strings of JSON. Reading looks at every escape once and finds out how long the content is; so
 * copying, which comes later and may not fail, needs no checks. Whether what stands unescaped is
 * UTF-8 is the decoder's to see. Linear, without memory. */
#include "codecs/json_string.h"

#include <string.h>

#include "base/reader.h"
#include "base/writer.h"
#include "codecs/base64.h"

#define BYTES_MARK     "data:;base64,"
#define BYTES_MARK_LEN (sizeof BYTES_MARK - 1)

static bool
is_marked(const void *text, size_t len)
{
	return len >= BYTES_MARK_LEN && memcmp(text, BYTES_MARK, BYTES_MARK_LEN) == 0;
}

static void
write_escape(struct shoal_writer *writer, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	static const char hex[] = "0123456789abcdef";
	const char *at = strchr(from, c);
	char text[6] = {'\\', 'u', '0', '0', hex[(uint8_t)c >> 4], hex[c & 15]};

	if (at != NULL) {
		text[1] = to[at - from];
	}
	shoal_writer_bytes(writer, text, at != NULL ? 2 : 6);
}

/* The content, between the quotes. */
static void
write_content(struct shoal_writer *writer, const char *text, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\') {
			continue;
		}
		shoal_writer_bytes(writer, text + from, i - from);
		write_escape(writer, text[i]);
		from = i + 1;
	}
	shoal_writer_bytes(writer, text + from, len - from);
	shoal_writer_u8(writer, '"');
}

void
shoal_json_string_write(struct shoal_writer *writer, const char *text, size_t len)
{
	shoal_writer_u8(writer, '"');
	write_content(writer, text, len);
}

void
shoal_json_text_write(struct shoal_writer *writer, const char *text, size_t len)
{
	static const char first[] = "\"\\u0064";

	if (!is_marked(text, len)) {
		shoal_json_string_write(writer, text, len);
		return;
	}
	shoal_writer_bytes(writer, first, sizeof first - 1);
	write_content(writer, text + 1, len - 1);
}

void
shoal_json_bytes_write(struct shoal_writer *writer, const uint8_t *data, size_t len)
{
	shoal_writer_u8(writer, '"');
	shoal_writer_bytes(writer, BYTES_MARK, BYTES_MARK_LEN);
	shoal_base64_write(writer, data, len);
	shoal_writer_u8(writer, '"');
}

size_t
shoal_json_bytes_bound(size_t len)
{
	return 2 + BYTES_MARK_LEN + (len / 3 + 1) * 4;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of "\uXXXX" at text. -1: there is none. */
static int32_t
hex_escape(const uint8_t *text, size_t len)
{
	int32_t value = 0;

	if (len < 6 || text[0] != '\\' || text[1] != 'u') {
		return -1;
	}
	for (size_t i = 2; i < 6; i++) {
		int digit = hex_digit(text[i]);
		if (digit < 0) {
			return -1;
		}
		value = value * 16 + digit;
	}
	return value;
}

/* The character of the escape at text, and the bytes that it stands in; 0: malformed. */
static uint32_t
unescape(const uint8_t *text, size_t len, size_t *width)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int32_t high = hex_escape(text, len), low;

	*width = 2;
	if (high < 0) {
		const char *at = len >= 2 && text[1] != 0 ? strchr(from, text[1]) : NULL;
		return at != NULL ? (uint32_t)to[at - from] : 0;
	}
	*width = 6;
	if (high < 0xd800 || high > 0xdfff) {
		return (uint32_t)high;
	}
	low = hex_escape(text + 6, len - 6);
	if (high > 0xdbff || low < 0xdc00 || low > 0xdfff) {
		return 0;
	}
	*width = 12;
	return 0x10000 + (((uint32_t)high & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
}

static size_t
utf8_width(uint32_t c)
{
	return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static void
utf8_put(uint32_t c, uint8_t *dst)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t width = utf8_width(c);

	for (size_t i = width; i-- > 1; c >>= 6) {
		dst[i] = (uint8_t)(0x80 | (c & 0x3f));
	}
	dst[0] = (uint8_t)(lead[width] | c);
}

/* Finds the closing quote of the content at the cursor. *len: of what the content means. -1: it is
 * malformed, or there is none. */
static ptrdiff_t
content_end(const struct shoal_reader *reader, size_t *len)
{
	size_t at = 0;

	*len = 0;
	while (at < reader->left && reader->at[at] != '"') {
		size_t width = 1;
		uint32_t c;

		if (reader->at[at] < 0x20) {
			return -1;
		}
		if (reader->at[at] != '\\') {
			++*len;
		} else {
			c = unescape(reader->at + at, reader->left - at, &width);
			if (c == 0) {
				return -1;
			}
			*len += utf8_width(c);
		}
		at += width;
	}
	return at < reader->left ? (ptrdiff_t)at : -1;
}

int
shoal_json_string_read(struct shoal_reader *reader, struct shoal_token *token)
{
	const uint8_t *quote = shoal_reader_bytes(reader, 1);
	ptrdiff_t end;

	if (quote == NULL || *quote != '"') {
		return SHOAL_ERR_MALFORMED;
	}
	end = content_end(reader, &token->is.len);
	if (end < 0) {
		return SHOAL_ERR_MALFORMED;
	}
	token->data_len = (size_t)end;
	token->data = shoal_reader_bytes(reader, token->data_len);
	token->escaped = token->is.len != token->data_len;
	shoal_reader_bytes(reader, 1);
	if (token->type == SHOAL_TOKEN_STRING && is_marked(token->data, token->data_len)) {
		token->type = SHOAL_TOKEN_BYTES;
		token->escaped = true;
		return shoal_base64_check(token->data + BYTES_MARK_LEN,
		               token->data_len - BYTES_MARK_LEN, &token->is.len)
		               ? SHOAL_OK
		               : SHOAL_ERR_MALFORMED;
	}
	return SHOAL_OK;
}

void
shoal_json_string_copy(const struct shoal_token *token, uint8_t *dst)
{
	const uint8_t *at = token->data, *end = at + token->data_len;

	if (token->type == SHOAL_TOKEN_BYTES) {
		shoal_base64_decode(at + BYTES_MARK_LEN, token->data_len - BYTES_MARK_LEN, dst);
		return;
	}
	while (at < end) {
		size_t width;
		uint32_t c;

		if (*at != '\\') {
			*dst++ = *at++;
			continue;
		}
		c = unescape(at, (size_t)(end - at), &width);
		utf8_put(c, dst);
		dst += utf8_width(c);
		at += width;
	}
}
