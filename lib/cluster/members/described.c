/* SPDX-License-Identifier: MIT */
/* A document as arrays in one allocation: items and tags in order, so that they are found by
 * halving, and their texts with zeros behind them. An item is 16 bytes beside its key and value: a
 * hostile document becomes at most some seven times as large. */
#include "cluster/members/described.h"

#include "base/alloc.h"

#include <shoal/document.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct item {
	uint32_t key, value; /* in the texts */
	uint32_t len;        /* STRING, BYTES */
	uint32_t type;
};

struct shoal_described {
	_Atomic uint32_t refs;
	const struct shoal_allocator *mem;
	uint64_t version, hash;
	size_t keys, tags;
	uint32_t *tag; /* in the texts */
	char *text;
	struct item item[];
};

static bool
is_text(enum shoal_meta_type type)
{
	return type == SHOAL_META_STRING || type == SHOAL_META_BYTES;
}

struct sizes {
	size_t keys, tags, text;
};

static struct sizes
measure(const uint8_t *data, size_t len)
{
	struct shoal_document_cursor cursor;
	struct shoal_meta_value value;
	struct sizes sizes = {0, 0, 0};
	const char *name;
	size_t name_len;

	shoal_document_begin(&cursor, data, len);
	while (shoal_document_next_tag(&cursor, &name, &name_len)) {
		sizes.tags++;
		sizes.text += name_len + 1;
	}
	while (shoal_document_next(&cursor, &name, &name_len, &value)) {
		sizes.keys++;
		sizes.text += name_len + 1;
		sizes.text += is_text(value.type) ? value.is.bytes.len + 1 : sizeof(uint64_t);
	}
	return sizes;
}

static uint32_t
keep(struct shoal_described *described, size_t *at, const void *data, size_t len, bool zero)
{
	uint32_t begin = (uint32_t)*at;

	if (len > 0) {
		memcpy(described->text + begin, data, len);
	}
	*at += len + zero;
	return begin;
}

struct shoal_described *
shoal_described_new(const struct shoal_allocator *mem, uint64_t version, uint64_t hash,
        const uint8_t *data, size_t len)
{
	struct sizes sizes = measure(data, len);
	size_t items = sizes.keys * sizeof(struct item), at = 0, name_len;
	struct shoal_described *made;
	struct shoal_document_cursor cursor;
	struct shoal_meta_value value;
	const char *name;

	made = shoal_alloc_zeroed(
	        mem, 1, sizeof(*made) + items + sizes.tags * sizeof(*made->tag) + sizes.text);
	if (made == NULL) {
		return NULL;
	}
	atomic_init(&made->refs, 1);
	made->mem = mem;
	made->version = version;
	made->hash = hash;
	made->tag = (uint32_t *)(void *)((char *)made->item + items);
	made->text = (char *)(made->tag + sizes.tags);
	shoal_document_begin(&cursor, data, len);
	while (shoal_document_next_tag(&cursor, &name, &name_len)) {
		made->tag[made->tags++] = keep(made, &at, name, name_len, true);
	}
	while (shoal_document_next(&cursor, &name, &name_len, &value)) {
		struct item *item = &made->item[made->keys++];

		item->type = (uint32_t)value.type;
		item->key = keep(made, &at, name, name_len, true);
		if (is_text(value.type)) {
			item->len = (uint32_t)value.is.bytes.len;
			item->value = keep(made, &at, value.is.bytes.data, item->len, true);
		} else if (value.type == SHOAL_META_BOOL) {
			value.is.uint64 = value.is.boolean;
			item->value = keep(made, &at, &value.is.uint64, sizeof(uint64_t), false);
		} else {
			item->value = keep(made, &at, &value.is.uint64, sizeof(uint64_t), false);
		}
	}
	return made;
}

struct shoal_described *
shoal_described_ref(struct shoal_described *described)
{
	if (described != NULL) {
		atomic_fetch_add_explicit(&described->refs, 1, memory_order_relaxed);
	}
	return described;
}

void
shoal_described_unref(struct shoal_described *described)
{
	if (described != NULL &&
	        atomic_fetch_sub_explicit(&described->refs, 1, memory_order_acq_rel) == 1) {
		shoal_alloc_free(described->mem, described);
	}
}

uint64_t
shoal_described_version(const struct shoal_described *described)
{
	return described != NULL ? described->version : 0;
}

uint64_t
shoal_described_hash(const struct shoal_described *described)
{
	return described != NULL ? described->hash : 0;
}

bool
shoal_described_is(const struct shoal_described *described, uint64_t version, uint64_t hash)
{
	return shoal_described_version(described) == version &&
	       (version == 0 || shoal_described_hash(described) == hash);
}

size_t
shoal_described_keys(const struct shoal_described *described)
{
	return described != NULL ? described->keys : 0;
}

static void
load(const struct shoal_described *described, const struct item *item,
        struct shoal_meta_value *value)
{
	const char *at = described->text + item->value;
	uint64_t bits;

	memset(value, 0, sizeof(*value));
	value->type = (enum shoal_meta_type)item->type;
	if (is_text(value->type)) {
		value->is.bytes.data = (const uint8_t *)at;
		value->is.bytes.len = item->len;
		return;
	}
	memcpy(&bits, at, sizeof(bits));
	if (value->type == SHOAL_META_BOOL) {
		value->is.boolean = bits != 0;
	} else {
		value->is.uint64 = bits;
	}
}

const char *
shoal_described_key(
        const struct shoal_described *described, size_t i, struct shoal_meta_value *value)
{
	const struct item *item = &described->item[i];

	if (value != NULL) {
		load(described, item, value);
	}
	return described->text + item->key;
}

int
shoal_described_find(
        const struct shoal_described *described, const char *key, struct shoal_meta_value *value)
{
	size_t low = 0, high = shoal_described_keys(described);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(key, described->text + described->item[middle].key);

		if (order == 0) {
			load(described, &described->item[middle], value);
			return 0;
		}
		if (order < 0) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return SHOAL_ERR_NOT_FOUND;
}

size_t
shoal_described_tags(const struct shoal_described *described)
{
	return described != NULL ? described->tags : 0;
}

const char *
shoal_described_tag(const struct shoal_described *described, size_t i)
{
	return described->text + described->tag[i];
}

static size_t
print_time(int64_t time_ms, char *text, size_t len)
{
	int64_t ms = time_ms % 1000 < 0 ? time_ms % 1000 + 1000 : time_ms % 1000;
	time_t seconds = (time_t)(time_ms / 1000 - (time_ms % 1000 < 0));
	struct tm utc;

	if (gmtime_r(&seconds, &utc) == NULL || utc.tm_year + 1900 > 9999 || utc.tm_year < -1900) {
		return (size_t)snprintf(text, len, "%" PRId64, time_ms);
	}
	return (size_t)snprintf(text, len, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
	        utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
	        utc.tm_sec, (int)ms);
}

/* The shortest text that reads back as the value; with a point, whatever the locale. */
static size_t
print_double(double value, char *text, size_t len)
{
	char full[32];
	size_t n = 0;

	for (int digits = 15; digits <= 17; digits++) {
		n = (size_t)snprintf(full, sizeof full, "%.*g", digits, value);
		if (strtod(full, NULL) == value) {
			break;
		}
	}
	snprintf(text, len, "%s", full);
	for (size_t i = 0; i < n && i + 1 < len; i++) {
		if (text[i] == ',') {
			text[i] = '.';
		}
	}
	return n;
}

static size_t
print_bytes(const uint8_t *data, size_t size, char *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 2 * size && i + 1 < len; i++) {
		unsigned shift = i % 2 == 0 ? 4 : 0;

		text[i] = digits[data[i / 2] >> shift & 15];
	}
	if (len > 0) {
		text[2 * size < len - 1 ? 2 * size : len - 1] = '\0';
	}
	return 2 * size;
}

size_t
shoal_described_print(const struct shoal_meta_value *value, char *text, size_t len)
{
	switch (value->type) {
	case SHOAL_META_BOOL:
		return (size_t)snprintf(text, len, "%s", value->is.boolean ? "true" : "false");
	case SHOAL_META_INT64:
		return (size_t)snprintf(text, len, "%" PRId64, value->is.int64);
	case SHOAL_META_UINT64:
		return (size_t)snprintf(text, len, "%" PRIu64, value->is.uint64);
	case SHOAL_META_DOUBLE:
		return print_double(value->is.number, text, len);
	case SHOAL_META_TIME:
		return print_time(value->is.time_ms, text, len);
	case SHOAL_META_STRING:
		return (size_t)snprintf(text, len, "%.*s", (int)value->is.bytes.len,
		        (const char *)value->is.bytes.data);
	case SHOAL_META_BYTES:
		return print_bytes(value->is.bytes.data, value->is.bytes.len, text, len);
	default:
		return (size_t)snprintf(text, len, "%s", "");
	}
}

bool
shoal_described_same(const struct shoal_meta_value *a, const struct shoal_meta_value *b)
{
	if (a->type != b->type) {
		return false;
	}
	if (is_text(a->type)) {
		return a->is.bytes.len == b->is.bytes.len &&
		       (a->is.bytes.len == 0 ||
		               memcmp(a->is.bytes.data, b->is.bytes.data, a->is.bytes.len) == 0);
	}
	return a->type == SHOAL_META_BOOL
	               ? a->is.boolean == b->is.boolean
	               : memcmp(&a->is.uint64, &b->is.uint64, sizeof(a->is.uint64)) == 0;
}
