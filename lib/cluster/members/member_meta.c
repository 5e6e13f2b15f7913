/* SPDX-License-Identifier: MIT */
/* Metadata and tags of a member, read from its copy. Conversions lose nothing: what does not fit is
 * SHOAL_ERR_TYPE, and the text of the error names both types. */
#include "cluster/members/described.h"
#include "cluster/members/member.h"
#include "cluster/report/last_error.h"

#include <shoal/metadata.h>

#include <string.h>

/* Doubles of at most so much are exact whole numbers. */
#define EXACT_MAX INT64_C(9007199254740992)

int
shoal_member_meta(
        const struct shoal_member *member, const char *key, struct shoal_meta_value *value)
{
	if (shoal_described_find(member->described, key, value) != 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOT_FOUND, "metadata: %s has no key \"%s\"", member->name, key);
	}
	return 0;
}

static int
refuse(const char *key, enum shoal_meta_type is, const char *wanted)
{
	return shoal_last_error_set(SHOAL_ERR_TYPE,
	        "metadata: \"%s\" has the type %s, and is no %s", key, shoal_meta_type_name(is),
	        wanted);
}

/* A whole number as sign and amount. */
struct whole {
	bool negative;
	uint64_t amount;
};

static struct whole
whole_of(int64_t value)
{
	return (struct whole){value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value};
}

static bool
parse(const char *text, size_t len, struct whole *whole)
{
	size_t i = len > 0 && text[0] == '-' ? 1 : 0;

	*whole = (struct whole){.negative = i == 1};
	if (i == len) {
		return false;
	}
	for (; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (digit > 9 || whole->amount > (UINT64_MAX - digit) / 10) {
			return false;
		}
		whole->amount = whole->amount * 10 + digit;
	}
	whole->negative = whole->negative && whole->amount != 0;
	return true;
}

/* false: the value is no whole number. */
static bool
to_whole(const struct shoal_meta_value *value, struct whole *whole)
{
	switch (value->type) {
	case SHOAL_META_BOOL:
		*whole = (struct whole){false, value->is.boolean};
		return true;
	case SHOAL_META_INT64:
	case SHOAL_META_TIME:
		*whole = whole_of(value->is.int64);
		return true;
	case SHOAL_META_UINT64:
		*whole = (struct whole){false, value->is.uint64};
		return true;
	case SHOAL_META_DOUBLE:
		if (!(value->is.number >= -(double)EXACT_MAX &&
		            value->is.number <= (double)EXACT_MAX)) {
			return false;
		}
		*whole = whole_of((int64_t)value->is.number);
		return (double)(int64_t)value->is.number >= value->is.number &&
		       (double)(int64_t)value->is.number <= value->is.number;
	case SHOAL_META_STRING:
		return parse((const char *)value->is.bytes.data, value->is.bytes.len, whole);
	default:
		return false;
	}
}

int
shoal_member_meta_bool(const struct shoal_member *member, const char *key, bool *value)
{
	struct shoal_meta_value is;
	struct whole whole;
	int rc = shoal_member_meta(member, key, &is);

	if (rc != 0) {
		return rc;
	}
	if (is.type == SHOAL_META_STRING) {
		const char *text = (const char *)is.is.bytes.data;

		if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
			*value = text[0] == 't';
			return 0;
		}
	}
	if (!to_whole(&is, &whole) || whole.negative || whole.amount > 1) {
		return refuse(key, is.type, "bool");
	}
	*value = whole.amount != 0;
	return 0;
}

static int
signed_of(const struct shoal_member *member, const char *key, const char *wanted, int64_t *value)
{
	struct shoal_meta_value is;
	struct whole whole;
	int rc = shoal_member_meta(member, key, &is);

	if (rc != 0) {
		return rc;
	}
	if (!to_whole(&is, &whole) || whole.amount > (uint64_t)INT64_MAX + whole.negative) {
		return refuse(key, is.type, wanted);
	}
	*value = whole.negative ? (int64_t)(0 - whole.amount) : (int64_t)whole.amount;
	return 0;
}

int
shoal_member_meta_int64(const struct shoal_member *member, const char *key, int64_t *value)
{
	return signed_of(member, key, "int64", value);
}

int
shoal_member_meta_time(const struct shoal_member *member, const char *key, int64_t *time_ms)
{
	return signed_of(member, key, "time", time_ms);
}

int
shoal_member_meta_uint64(const struct shoal_member *member, const char *key, uint64_t *value)
{
	struct shoal_meta_value is;
	struct whole whole;
	int rc = shoal_member_meta(member, key, &is);

	if (rc != 0) {
		return rc;
	}
	if (!to_whole(&is, &whole) || whole.negative) {
		return refuse(key, is.type, "uint64");
	}
	*value = whole.amount;
	return 0;
}

int
shoal_member_meta_double(const struct shoal_member *member, const char *key, double *value)
{
	struct shoal_meta_value is;
	struct whole whole;
	int rc = shoal_member_meta(member, key, &is);

	if (rc != 0) {
		return rc;
	}
	if (is.type == SHOAL_META_DOUBLE) {
		*value = is.is.number;
		return 0;
	}
	if (!to_whole(&is, &whole) || whole.amount > (uint64_t)EXACT_MAX) {
		return refuse(key, is.type, "double");
	}
	*value = whole.negative ? -(double)whole.amount : (double)whole.amount;
	return 0;
}

int
shoal_member_meta_bytes(
        const struct shoal_member *member, const char *key, const uint8_t **data, size_t *len)
{
	struct shoal_meta_value is;
	int rc = shoal_member_meta(member, key, &is);

	if (rc != 0) {
		return rc;
	}
	if (is.type != SHOAL_META_STRING && is.type != SHOAL_META_BYTES) {
		return refuse(key, is.type, "bytes");
	}
	*data = is.is.bytes.data;
	*len = is.is.bytes.len;
	return 0;
}

const char *
shoal_member_meta_str(const struct shoal_member *member, const char *key)
{
	struct shoal_meta_value is;

	if (shoal_member_meta(member, key, &is) != 0) {
		return NULL;
	}
	if (is.type != SHOAL_META_STRING) {
		(void)refuse(key, is.type, "string");
		return NULL;
	}
	return (const char *)is.is.bytes.data;
}

int
shoal_member_meta_text(const struct shoal_member *member, const char *key, char *text, size_t len)
{
	struct shoal_meta_value is;
	int rc = shoal_member_meta(member, key, &is);

	if (rc != 0) {
		return rc;
	}
	size_t needed = shoal_described_print(&is, text, len);
	if (needed >= len) {
		return shoal_last_error_set(SHOAL_ERR_TOO_BIG,
		        "metadata: \"%s\" needs a buffer of %zu bytes", key, needed + 1);
	}
	return 0;
}

size_t
shoal_member_meta_count(const struct shoal_member *member)
{
	return shoal_described_keys(member->described);
}

const char *
shoal_member_meta_key(const struct shoal_member *member, size_t i, struct shoal_meta_value *value)
{
	return i < shoal_member_meta_count(member)
	               ? shoal_described_key(member->described, i, value)
	               : NULL;
}

uint64_t
shoal_member_meta_version(const struct shoal_member *member)
{
	return shoal_described_version(member->described);
}

size_t
shoal_member_tags(const struct shoal_member *member)
{
	return shoal_described_tags(member->described);
}

const char *
shoal_member_tag(const struct shoal_member *member, size_t i)
{
	return i < shoal_member_tags(member) ? shoal_described_tag(member->described, i) : NULL;
}

bool
shoal_member_has_tag(const struct shoal_member *member, const char *tag)
{
	for (size_t i = 0; i < shoal_member_tags(member); i++) {
		if (strcmp(shoal_described_tag(member->described, i), tag) == 0) {
			return true;
		}
	}
	return false;
}

/* Both lists are in order: *at holds how far in each, 32 bits for each. */
bool
shoal_event_key(const struct shoal_member_event *event, uint64_t *at, const char **key,
        enum shoal_key_change *change)
{
	const struct shoal_described *old = event->before != NULL ? event->before->described : NULL;
	const struct shoal_described *now = event->member != NULL ? event->member->described : NULL;
	uint32_t i = (uint32_t)(*at >> 32), j = (uint32_t)*at;

	while (i < shoal_described_keys(old) || j < shoal_described_keys(now)) {
		struct shoal_meta_value was, is;
		bool more_old = i < shoal_described_keys(old), more = j < shoal_described_keys(now);
		const char *old_key = more_old ? shoal_described_key(old, i, &was) : NULL;
		const char *new_key = more ? shoal_described_key(now, j, &is) : NULL;
		int order = !more_old ? 1 : !more ? -1 : strcmp(old_key, new_key);
		bool same = order == 0 && shoal_described_same(&was, &is);

		*key = order < 0 ? old_key : new_key;
		*change = order < 0   ? SHOAL_KEY_REMOVED
		          : order > 0 ? SHOAL_KEY_ADDED
		                      : SHOAL_KEY_CHANGED;
		i += order <= 0;
		j += order >= 0;
		*at = (uint64_t)i << 32 | j;
		if (!same) {
			return true;
		}
	}
	return false;
}
