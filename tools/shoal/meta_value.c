/* SPDX-License-Identifier: MIT */
/* Texts are read as a whole or not at all: "5 apples" is no number. */
#include "meta_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool
is_whole(const char *text, const char *end)
{
	return end != text && *end == '\0' && !isspace((unsigned char)text[0]) && errno == 0;
}

/* RFC 3339 in UTC, with or without a fraction; or milliseconds since 1970. */
static int
parse_time(const char *text, int64_t *time_ms)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0, unit = 100;
	char *end;

	if (rest == NULL) {
		errno = 0;
		*time_ms = strtoll(text, &end, 10);
		return is_whole(text, end) ? 0 : -1;
	}
	if (*rest == '.') {
		for (rest++; isdigit((unsigned char)*rest); rest++) {
			ms += unit * (*rest - '0');
			unit /= 10;
		}
	}
	*time_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return strcmp(rest, "Z") == 0 ? 0 : -1;
}

static int
digit_of(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)c));

	return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

static int
parse_bytes(const char *text, struct shoal_meta_value *value, void **bytes)
{
	size_t len = strlen(text) / 2, i;
	uint8_t *data = calloc(1, len + 1);

	for (i = 0; data != NULL && i < len; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			break;
		}
		data[i] = (uint8_t)(high << 4 | low);
	}
	if (data == NULL || i < len || strlen(text) % 2 != 0) {
		free(data);
		return -1;
	}
	value->is.bytes.data = data;
	value->is.bytes.len = len;
	*bytes = data;
	return 0;
}

static int
parse_number(const char *text, struct shoal_meta_value *value)
{
	char *end = NULL;

	errno = 0;
	switch (value->type) {
	case SHOAL_META_INT64:
		value->is.int64 = strtoll(text, &end, 10);
		break;
	case SHOAL_META_UINT64:
		value->is.uint64 = strtoull(text, &end, 10);
		end = text[0] == '-' ? (char *)(uintptr_t)text : end;
		break;
	default:
		value->is.number = strtod(text, &end);
		break;
	}
	return is_whole(text, end) ? 0 : -1;
}

int
cli_meta_value_parse(
        const char *type, const char *text, struct shoal_meta_value *value, void **bytes)
{
	unsigned number = SHOAL_META_BYTES;

	*bytes = NULL;
	while (number > SHOAL_META_NONE &&
	        strcmp(type, shoal_meta_type_name((enum shoal_meta_type)number)) != 0) {
		number--;
	}
	memset(value, 0, sizeof(*value));
	value->type = (enum shoal_meta_type)number;
	switch (value->type) {
	case SHOAL_META_BOOL:
		value->is.boolean = strcmp(text, "true") == 0;
		return value->is.boolean || strcmp(text, "false") == 0 ? 0 : -1;
	case SHOAL_META_STRING:
		value->is.bytes.data = (const uint8_t *)text;
		value->is.bytes.len = strlen(text);
		return 0;
	case SHOAL_META_TIME:
		return parse_time(text, &value->is.time_ms);
	case SHOAL_META_BYTES:
		return parse_bytes(text, value, bytes);
	case SHOAL_META_NONE:
		return -1;
	default:
		return parse_number(text, value);
	}
}

const char *
cli_meta_value_wanted(const char *type)
{
	static const struct {
		enum shoal_meta_type type;
		const char *wanted;
	} rows[] = {
	        {SHOAL_META_BOOL, "true or false"},
	        {SHOAL_META_INT64, "a whole number, -9223372036854775808 to 9223372036854775807"},
	        {SHOAL_META_UINT64, "a whole number, 0 to 18446744073709551615"},
	        {SHOAL_META_DOUBLE, "a number"},
	        {SHOAL_META_TIME, "as 2026-01-02T03:04:05Z, or milliseconds since 1970"},
	        {SHOAL_META_STRING, "any text"},
	        {SHOAL_META_BYTES, "hexadecimal digits, two a byte"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(type, shoal_meta_type_name(rows[i].type)) == 0) {
			return rows[i].wanted;
		}
	}
	return NULL;
}
