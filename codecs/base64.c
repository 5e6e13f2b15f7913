/* SPDX-License-Identifier: MIT */
/* Three bytes to four characters and back. A last group has one or two '=' in place of what is not
 * there, and zeros for the bits that belong to no byte: anything else is refused, so that no two
 * texts mean the same bytes. Linear, without memory. */
#include "codecs/base64.h"

#include "base/writer.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
shoal_base64_write(struct shoal_writer *writer, const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t n = len < 3 ? len : 3;
		uint32_t bits = (uint32_t)data[0] << 16;
		char text[4] = {0, 0, '=', '='};

		bits |= n > 1 ? (uint32_t)data[1] << 8 : 0;
		bits |= n > 2 ? data[2] : 0;
		for (size_t i = 0; i <= n; i++) {
			text[i] = alphabet[bits >> (18 - 6 * i) & 63];
		}
		shoal_writer_bytes(writer, text, sizeof text);
		data += n;
		len -= n;
	}
}

/* 64: no character of the alphabet. */
static uint32_t
digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z') {
		return (uint32_t)(c - 'A');
	}
	if (c >= 'a' && c <= 'z') {
		return (uint32_t)(c - 'a' + 26);
	}
	if (c >= '0' && c <= '9') {
		return (uint32_t)(c - '0' + 52);
	}
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool
shoal_base64_check(const uint8_t *text, size_t len, size_t *bytes)
{
	size_t digits = len;

	*bytes = 0;
	if (len % 4 != 0) {
		return false;
	}
	if (len == 0) {
		return true;
	}
	digits -= text[len - 1] == '=';
	digits -= digits < len && text[len - 2] == '=';
	for (size_t i = 0; i < digits; i++) {
		if (digit(text[i]) == 64) {
			return false;
		}
	}
	*bytes = len / 4 * 3 - (len - digits);
	return digits == len || (digit(text[digits - 1]) & (len - digits == 2 ? 15 : 3)) == 0;
}

void
shoal_base64_decode(const uint8_t *text, size_t len, uint8_t *dst)
{
	uint32_t bits = 0;
	unsigned held = 0;

	for (size_t i = 0; i < len && text[i] != '='; i++) {
		bits = bits << 6 | digit(text[i]);
		held += 6;
		if (held >= 8) {
			held -= 8;
			*dst++ = (uint8_t)(bits >> held);
		}
	}
}
