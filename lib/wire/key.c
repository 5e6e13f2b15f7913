/* SPDX-License-Identifier: MIT */
/* Keys as text, and their prints. Base64 as in RFC 4648, section 4, in its one canonical form. */
#include <shoal/keyring.h>

#include <string.h>

#include "base/hash.h"
#include "base/wipe.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Four digits to three bytes; -1: a character that is none. '=' counts as zero. */
static int32_t
group(const char *text)
{
	int32_t value = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *digit = text[i] == '=' ? digits : strchr(digits, text[i]);
		if (digit == NULL || text[i] == '\0') {
			return -1;
		}
		value = value << 6 | (int32_t)(digit - digits);
	}
	return value;
}

static bool
read_groups(struct shoal_key *key, const char *text, size_t len)
{
	size_t pad = len > 0 && text[len - 1] == '=' ? len > 1 && text[len - 2] == '=' ? 2 : 1 : 0;
	size_t bytes = len / 4 * 3 - pad;

	if (len % 4 != 0 || (bytes != 16 && bytes != 24 && bytes != 32) ||
	        memchr(text, '=', len - pad) != NULL) {
		return false;
	}
	key->len = (uint8_t)bytes;
	for (size_t i = 0, at = 0; i < len; i += 4) {
		int32_t value = group(text + i);
		for (int shift = 16; value >= 0 && shift >= 0; shift -= 8) {
			uint8_t byte = (uint8_t)(value >> shift);
			if (at < bytes) {
				key->bytes[at++] = byte;
			} else if (byte != 0) {
				return false; /* bits behind the end */
			}
		}
		if (value < 0) {
			return false;
		}
	}
	return true;
}

int
shoal_key_parse(struct shoal_key *key, const char *text, size_t len)
{
	while (len > 0 && is_space(text[len - 1])) {
		len--;
	}
	while (len > 0 && is_space(*text)) {
		text++;
		len--;
	}
	memset(key, 0, sizeof *key);
	if (!read_groups(key, text, len)) {
		shoal_wipe(key, sizeof *key);
		return SHOAL_ERR_INVALID;
	}
	return SHOAL_OK;
}

void
shoal_key_print(const struct shoal_key *key, char text[SHOAL_KEY_TEXT])
{
	size_t n = 0;

	for (size_t i = 0; i < key->len && key->len <= SHOAL_KEY_MOST; i += 3) {
		uint32_t value = 0;
		for (size_t k = 0; k < 3; k++) {
			value = value << 8 | (i + k < key->len ? key->bytes[i + k] : 0u);
		}
		for (size_t k = 0; k < 4; k++) {
			bool none = i + k > key->len;
			char digit = digits[value >> (18 - 6 * k) & 63];
			if (none) {
				digit = '=';
			}
			text[n++] = digit;
		}
	}
	text[n] = '\0';
}

uint64_t
shoal_key_name(const struct shoal_key *key)
{
	static const char info[] = "shoal key";
	struct shoal_hkdf_input input = {.key = key->bytes,
	        .key_len = key->len < SHOAL_KEY_MOST ? key->len : SHOAL_KEY_MOST,
	        .info = info,
	        .info_len = sizeof info - 1};
	uint8_t bytes[8];
	uint64_t print = 0;

	shoal_hash_hkdf(&input, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		print = print << 8 | bytes[i];
	}
	return print != 0 ? print : 1;
}

void
shoal_key_wipe(void *data, size_t len)
{
	shoal_wipe(data, len);
}
