/* SPDX-License-Identifier: MIT */
/* A list of ranges with commas between them. */
#include "cluster/config/ranges.h"

#include "cluster/report/last_error.h"

#include <string.h>

#define RANGE_TEXT 64

static int
parse_one(struct shoal_cidr *range, const char *text, size_t len)
{
	char copy[RANGE_TEXT];
	size_t before = strspn(text, " ");

	before = before < len ? before : len;
	text += before;
	len -= before;
	while (len > 0 && text[len - 1] == ' ') {
		len--;
	}
	if (len >= sizeof(copy)) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	return shoal_cidr_parse(range, copy);
}

int
shoal_ranges_parse(struct shoal_cidr range[SHOAL_ALLOW_MAX], size_t *count, const char *text)
{
	const char *rest = text;
	size_t n = 0;

	while (rest != NULL && *rest != '\0') {
		size_t len = strcspn(rest, ",");

		if (n == SHOAL_ALLOW_MAX) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "allow: more than %d ranges; join some of them", SHOAL_ALLOW_MAX);
		}
		if (parse_one(&range[n], rest, len) != 0) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "allow: \"%.*s\"; allowed are ranges as 10.0.0.0/8 or fd00::/8 "
			        "without bits behind the length, and single addresses",
			        (int)(len < RANGE_TEXT ? len : RANGE_TEXT), rest);
		}
		n++;
		rest += len + (rest[len] == ',');
	}
	*count = n;
	return 0;
}
