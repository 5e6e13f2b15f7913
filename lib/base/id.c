/* SPDX-License-Identifier: MIT */
/* Ids are UUIDs (RFC 9562): version 8 where they come from a name, version 7 where they are made
 * from time and random bits, whatever the user gave otherwise.
 *
 * The id of a name is the first 16 bytes of SHA-256 over
 *     length of the label (1 byte), label, length of the name (1 byte), name
 * with the version and variant bits set. The lengths keep {"a", "bc"} and {"ab", "c"} apart. */
#include "base/id.h"

#include "base/hash.h"
#include "base/text.h"
#include <shoal/error.h>

#include <string.h>

static void
set_version(struct shoal_id *id, unsigned version)
{
	id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | version << 4);
	id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
}

void
shoal_id_from_time(struct shoal_id *id, uint64_t wall_ns, const uint8_t random[16])
{
	uint64_t ms = wall_ns / 1000000;
	size_t i;

	memcpy(id->bytes, random, sizeof(id->bytes));
	for (i = 0; i < 6; i++) {
		id->bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	}
	set_version(id, 7);
}

static void
hash_text(struct shoal_sha256 *sha, const char *text, size_t len)
{
	uint8_t size = (uint8_t)len;

	shoal_sha256_update(sha, &size, 1);
	shoal_sha256_update(sha, text, len);
}

int
shoal_id_from_name(struct shoal_id *id, const char *label, const char *name)
{
	size_t label_len = label != NULL ? strlen(label) : 0, name_len = strlen(name);
	struct shoal_sha256 sha;
	uint8_t digest[32];

	if (name_len == 0 || name_len > SHOAL_NAME_MAX || label_len > SHOAL_LABEL_MAX) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sha256_init(&sha);
	hash_text(&sha, label, label_len);
	hash_text(&sha, name, name_len);
	shoal_sha256_final(&sha, digest);
	memcpy(id->bytes, digest, sizeof(id->bytes));
	set_version(id, 8);
	return 0;
}

void
shoal_id_print(const struct shoal_id *id, char text[SHOAL_ID_TEXT])
{
	struct shoal_text out;

	shoal_text_init(&out, text, SHOAL_ID_TEXT);
	shoal_text_id(&out, id);
}

/* -1: no digit. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
shoal_id_parse(struct shoal_id *id, const char *text)
{
	bool dashes = strlen(text) == SHOAL_ID_TEXT - 1;
	struct shoal_id parsed;
	size_t i;

	if (!dashes && strlen(text) != 2 * sizeof(parsed.bytes)) {
		return SHOAL_ERR_INVALID;
	}
	for (i = 0; i < sizeof(parsed.bytes); i++) {
		int high, low;

		if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-') {
			return SHOAL_ERR_INVALID;
		}
		high = hex_digit(text[0]);
		low = hex_digit(text[1]);
		if (high < 0 || low < 0) {
			return SHOAL_ERR_INVALID;
		}
		parsed.bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	*id = parsed;
	return 0;
}

int
shoal_id_compare(const struct shoal_id *a, const struct shoal_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool
shoal_id_is_zero(const struct shoal_id *id)
{
	static const struct shoal_id zero;

	return memcmp(id, &zero, sizeof zero) == 0;
}
