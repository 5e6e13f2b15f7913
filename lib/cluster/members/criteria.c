/* SPDX-License-Identifier: MIT */
/* Criteria are compared with the values as text, so that a number is found by its digits whatever
 * its type. Nothing is allocated: a value that is longer than any criterion cannot equal it, and is
 * searched in pieces. */
#include "cluster/members/criteria.h"

#include "cluster/report/last_error.h"

#include <shoal/document.h>

#include <string.h>

/* Of a number, a time or a boolean as text. */
#define SCALAR_TEXT 64

struct criterion {
	const char *key, *value;
	size_t key_len, value_len;
	char how; /* '=', '~', or 0: the key is there */
};

/* The next one; *text is moved behind it. */
static struct criterion
next(const char **text)
{
	size_t len = strcspn(*text, ","), at = strcspn(*text, "=~,");
	struct criterion one = {.key = *text, .key_len = at};

	if (at < len) {
		one.how = (*text)[at];
		one.value = *text + at + 1;
		one.value_len = len - at - 1;
	}
	*text += len + ((*text)[len] == ',');
	return one;
}

int
shoal_criteria_check(const char *text)
{
	const char *at = text;

	if (text == NULL || text[0] == '\0') {
		return 0;
	}
	if (text[strlen(text) - 1] == ',') {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "criteria: \"%s\" ends with a comma", text);
	}
	while (*at != '\0') {
		struct criterion one = next(&at);

		if (one.key_len == 0 || one.key_len > SHOAL_META_KEY_MAX) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "criteria: \"%s\"; allowed are key, key=value and key~part, with "
			        "a comma between several",
			        text);
		}
	}
	return 0;
}

static bool
contains(const char *text, size_t len, const char *part, size_t part_len)
{
	for (size_t i = 0; i + part_len <= len; i++) {
		if (memcmp(text + i, part, part_len) == 0) {
			return true;
		}
	}
	return false;
}

static bool
fits(const struct criterion *one, const struct shoal_meta_value *value)
{
	char scalar[SCALAR_TEXT];
	const char *text = scalar;
	size_t len;

	if (one->how == '\0') {
		return true;
	}
	if (value->type == SHOAL_META_STRING || value->type == SHOAL_META_BYTES) {
		text = (const char *)value->is.bytes.data;
		len = value->is.bytes.len;
	} else {
		len = shoal_described_print(value, scalar, sizeof(scalar));
	}
	return one->how == '=' ? len == one->value_len && memcmp(text, one->value, len) == 0
	                       : contains(text, len, one->value, one->value_len);
}

bool
shoal_criteria_meet(const char *text, const struct shoal_described *described)
{
	while (text != NULL && *text != '\0') {
		struct criterion one = next(&text);
		char key[SHOAL_META_KEY_MAX + 1];
		struct shoal_meta_value value;

		memcpy(key, one.key, one.key_len);
		key[one.key_len] = '\0';
		if (shoal_described_find(described, key, &value) != 0 || !fits(&one, &value)) {
			return false;
		}
	}
	return true;
}
