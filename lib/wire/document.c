/* SPDX-License-Identifier: MIT */
/* Documents are canonical: sorted, each tag and key once, numbers in their shortest form. So equal
 * documents are equal bytes, two are compared in one pass, and editing one is a merge of it with
 * one item. What comes from peers is looked at once by shoal_document_is_valid; past that line
 * reading cannot fail. */
#include <shoal/document.h>

#include <string.h>

#include "base/reader.h"
#include "base/text.h"
#include "base/writer.h"

const char *
shoal_meta_type_name(enum shoal_meta_type type)
{
	static const char *const names[] = {[SHOAL_META_BOOL] = "bool",
	        [SHOAL_META_INT64] = "int64",
	        [SHOAL_META_UINT64] = "uint64",
	        [SHOAL_META_DOUBLE] = "double",
	        [SHOAL_META_TIME] = "time",
	        [SHOAL_META_STRING] = "string",
	        [SHOAL_META_BYTES] = "bytes"};

	return (unsigned)type < sizeof names / sizeof names[0] && names[type] != NULL ? names[type]
	                                                                              : "none";
}

struct item {
	const uint8_t *key;
	size_t key_len;
	struct shoal_meta_value value;
};

static uint64_t
to_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t
from_zigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

/* <0, 0, >0 in the order of the bytes, a beginning before what it begins. */
static int
compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static bool
is_name(const uint8_t *data, size_t len, size_t most)
{
	return len > 0 && len <= most && shoal_text_is_name(data, len);
}

static bool
is_value(const struct shoal_meta_value *value)
{
	switch (value->type) {
	case SHOAL_META_STRING:
		return value->is.bytes.len == 0 ||
		       shoal_text_is_utf8(value->is.bytes.data, value->is.bytes.len);
	case SHOAL_META_BOOL:
	case SHOAL_META_INT64:
	case SHOAL_META_UINT64:
	case SHOAL_META_DOUBLE:
	case SHOAL_META_TIME:
	case SHOAL_META_BYTES:
		return true;
	default:
		return false;
	}
}

static const uint8_t *
read_bytes(struct shoal_reader *reader, size_t *len)
{
	*len = (size_t)shoal_reader_var(reader, SHOAL_META_MAX);
	return shoal_reader_bytes(reader, *len);
}

static void
read_value(struct shoal_reader *reader, struct shoal_meta_value *value)
{
	uint64_t bits;

	memset(value, 0, sizeof *value);
	value->type = (enum shoal_meta_type)shoal_reader_u8(reader);
	switch (value->type) {
	case SHOAL_META_BOOL:
		value->is.boolean = shoal_reader_var(reader, 1) != 0;
		break;
	case SHOAL_META_INT64:
		value->is.int64 = from_zigzag(shoal_reader_var(reader, UINT64_MAX));
		break;
	case SHOAL_META_UINT64:
		value->is.uint64 = shoal_reader_var(reader, UINT64_MAX);
		break;
	case SHOAL_META_DOUBLE:
		bits = shoal_reader_u64(reader);
		memcpy(&value->is.number, &bits, sizeof bits);
		break;
	case SHOAL_META_TIME:
		value->is.time_ms = from_zigzag(shoal_reader_var(reader, UINT64_MAX));
		break;
	case SHOAL_META_STRING:
	case SHOAL_META_BYTES:
		value->is.bytes.data = read_bytes(reader, &value->is.bytes.len);
		break;
	default:
		shoal_reader_fail(reader);
		break;
	}
}

static void
read_item(struct shoal_reader *reader, struct item *item)
{
	item->key = read_bytes(reader, &item->key_len);
	read_value(reader, &item->value);
}

static void
write_bytes(struct shoal_writer *writer, const uint8_t *data, size_t len)
{
	shoal_writer_var(writer, len);
	if (len > 0) {
		shoal_writer_bytes(writer, data, len);
	}
}

static void
write_item(struct shoal_writer *writer, const struct item *item)
{
	const struct shoal_meta_value *value = &item->value;
	uint64_t bits;

	write_bytes(writer, item->key, item->key_len);
	shoal_writer_u8(writer, (uint8_t)value->type);
	switch (value->type) {
	case SHOAL_META_BOOL:
		shoal_writer_var(writer, value->is.boolean);
		break;
	case SHOAL_META_INT64:
		shoal_writer_var(writer, to_zigzag(value->is.int64));
		break;
	case SHOAL_META_UINT64:
		shoal_writer_var(writer, value->is.uint64);
		break;
	case SHOAL_META_DOUBLE:
		memcpy(&bits, &value->is.number, sizeof bits);
		shoal_writer_u64(writer, bits);
		break;
	case SHOAL_META_TIME:
		shoal_writer_var(writer, to_zigzag(value->is.time_ms));
		break;
	default:
		write_bytes(writer, value->is.bytes.data, value->is.bytes.len);
		break;
	}
}

/* Whether a name is one, and behind the one before it. */
static bool
follows(const uint8_t *last, size_t last_len, const uint8_t *name, size_t len, size_t most)
{
	return name != NULL && is_name(name, len, most) &&
	       (last == NULL || compare(last, last_len, name, len) < 0);
}

bool
shoal_document_is_valid(const uint8_t *data, size_t len)
{
	const uint8_t *last = NULL;
	size_t last_len = 0, tag_len;
	struct shoal_reader reader;
	struct item item;

	shoal_reader_init(&reader, data, len);
	if (len == 0) {
		return true;
	}
	uint64_t tags = len > SHOAL_META_MAX ? 0 : shoal_reader_var(&reader, SHOAL_META_MAX);
	if (tags == 0 && reader.left == 0) {
		return false;
	}
	for (; tags > 0; tags--) {
		const uint8_t *tag = read_bytes(&reader, &tag_len);
		if (!follows(last, last_len, tag, tag_len, SHOAL_TAG_MAX)) {
			return false;
		}
		last = tag;
		last_len = tag_len;
	}
	last = NULL;
	while (reader.left > 0) {
		read_item(&reader, &item);
		if (reader.failed || !is_value(&item.value) ||
		        !follows(last, last_len, item.key, item.key_len, SHOAL_META_KEY_MAX)) {
			return false;
		}
		last = item.key;
		last_len = item.key_len;
	}
	return !reader.failed && len <= SHOAL_META_MAX;
}

void
shoal_document_begin(struct shoal_document_cursor *cursor, const uint8_t *data, size_t len)
{
	shoal_reader_init(&cursor->reader, data, len);
	cursor->tags = len == 0 ? 0 : shoal_reader_var(&cursor->reader, SHOAL_META_MAX);
}

bool
shoal_document_next_tag(struct shoal_document_cursor *cursor, const char **tag, size_t *len)
{
	if (cursor->tags == 0) {
		return false;
	}
	cursor->tags--;
	*tag = (const char *)read_bytes(&cursor->reader, len);
	return *tag != NULL;
}

bool
shoal_document_next(struct shoal_document_cursor *cursor, const char **key, size_t *len,
        struct shoal_meta_value *value)
{
	struct item item;

	while (shoal_document_next_tag(cursor, key, len)) {
		continue;
	}
	if (cursor->reader.left == 0) {
		return false;
	}
	read_item(&cursor->reader, &item);
	if (cursor->reader.failed) {
		return false;
	}
	*key = (const char *)item.key;
	*len = item.key_len;
	if (value != NULL) {
		*value = item.value;
	}
	return true;
}

int
shoal_document_find(const uint8_t *data, size_t len, const char *key, size_t key_len,
        struct shoal_meta_value *value)
{
	struct shoal_document_cursor cursor;
	struct shoal_meta_value found;
	const char *at;
	size_t at_len;

	shoal_document_begin(&cursor, data, len);
	while (shoal_document_next(&cursor, &at, &at_len, &found)) {
		if (at_len == key_len && memcmp(at, key, key_len) == 0) {
			*value = found;
			return SHOAL_OK;
		}
	}
	return SHOAL_ERR_NOT_FOUND;
}

bool
shoal_document_has_tag(const uint8_t *data, size_t len, const char *tag, size_t tag_len)
{
	struct shoal_document_cursor cursor;
	const char *at;
	size_t at_len;

	shoal_document_begin(&cursor, data, len);
	while (shoal_document_next_tag(&cursor, &at, &at_len)) {
		if (at_len == tag_len && memcmp(at, tag, tag_len) == 0) {
			return true;
		}
	}
	return false;
}

/* Ends an edit: a document without anything in it is empty. */
static int
finish(const struct shoal_writer *writer, size_t *out_len)
{
	if (writer->failed) {
		return SHOAL_ERR_TOO_BIG;
	}
	*out_len = writer->len == 1 ? 0 : writer->len;
	return SHOAL_OK;
}

static void
begin(struct shoal_writer *writer, uint8_t *out, size_t cap)
{
	shoal_writer_init(writer, out, cap < SHOAL_META_MAX ? cap : SHOAL_META_MAX);
}

/* The tags as they are. */
static void
copy_tags(struct shoal_document_cursor *cursor, struct shoal_writer *writer)
{
	const char *tag;
	size_t len;

	shoal_writer_var(writer, cursor->tags);
	while (shoal_document_next_tag(cursor, &tag, &len)) {
		write_bytes(writer, (const uint8_t *)tag, len);
	}
}

int
shoal_document_set(const uint8_t *data, size_t len, const char *key, size_t key_len,
        const struct shoal_meta_value *value, uint8_t *out, size_t cap, size_t *out_len)
{
	struct item set = {.key = (const uint8_t *)key, .key_len = key_len}, item;
	struct shoal_document_cursor cursor;
	struct shoal_writer writer;
	bool there = false, done = value == NULL;

	if (!is_name(set.key, key_len, SHOAL_META_KEY_MAX) || (value != NULL && !is_value(value))) {
		return SHOAL_ERR_INVALID;
	}
	set.value = value != NULL ? *value : (struct shoal_meta_value){.type = SHOAL_META_NONE};
	begin(&writer, out, cap);
	shoal_document_begin(&cursor, data, len);
	copy_tags(&cursor, &writer);
	while (cursor.reader.left > 0) {
		read_item(&cursor.reader, &item);
		int order = compare(item.key, item.key_len, set.key, key_len);
		if (order >= 0 && !done) {
			write_item(&writer, &set);
			done = true;
		}
		there = there || order == 0;
		if (order != 0) {
			write_item(&writer, &item);
		}
	}
	if (!done) {
		write_item(&writer, &set);
	}
	return value == NULL && !there ? SHOAL_ERR_NOT_FOUND : finish(&writer, out_len);
}

int
shoal_document_tag(const uint8_t *data, size_t len, const char *tag, size_t tag_len, bool wanted,
        uint8_t *out, size_t cap, size_t *out_len)
{
	const uint8_t *name = (const uint8_t *)tag;
	bool there, done = !wanted;
	struct shoal_document_cursor cursor;
	struct shoal_writer writer;
	const char *at;
	size_t at_len;

	if (!is_name(name, tag_len, SHOAL_TAG_MAX)) {
		return SHOAL_ERR_INVALID;
	}
	there = shoal_document_has_tag(data, len, tag, tag_len);
	if (!there && !wanted) {
		return SHOAL_ERR_NOT_FOUND;
	}
	begin(&writer, out, cap);
	shoal_document_begin(&cursor, data, len);
	shoal_writer_var(&writer, cursor.tags - there + wanted);
	while (shoal_document_next_tag(&cursor, &at, &at_len)) {
		int order = compare((const uint8_t *)at, at_len, name, tag_len);
		if (order >= 0 && !done) {
			write_bytes(&writer, name, tag_len);
			done = true;
		}
		if (order != 0) {
			write_bytes(&writer, (const uint8_t *)at, at_len);
		}
	}
	if (!done) {
		write_bytes(&writer, name, tag_len);
	}
	shoal_writer_bytes(&writer, cursor.reader.at, cursor.reader.left);
	return finish(&writer, out_len);
}

/* The bytes of the tags, without their count. */
static size_t
tags_end(const uint8_t *data, size_t len)
{
	struct shoal_document_cursor cursor;
	const char *tag;
	size_t tag_len;

	shoal_document_begin(&cursor, data, len);
	while (shoal_document_next_tag(&cursor, &tag, &tag_len)) {
		continue;
	}
	return len - cursor.reader.left;
}

unsigned
shoal_document_changes(
        const uint8_t *before, size_t before_len, const uint8_t *after, size_t after_len)
{
	static const uint8_t none[1] = {0};
	unsigned changes = 0;

	before = before_len == 0 ? none : before;
	after = after_len == 0 ? none : after;
	before_len = before_len == 0 ? 1 : before_len;
	after_len = after_len == 0 ? 1 : after_len;
	size_t old = tags_end(before, before_len), now = tags_end(after, after_len);
	if (compare(before, old, after, now) != 0) {
		changes |= SHOAL_CHANGE_TAGS;
	}
	if (compare(before + old, before_len - old, after + now, after_len - now) != 0) {
		changes |= SHOAL_CHANGE_METADATA;
	}
	return changes;
}

static void
step(struct shoal_document_cursor *cursor, const char **key, size_t *len,
        struct shoal_meta_value *value)
{
	if (!shoal_document_next(cursor, key, len, value)) {
		*key = NULL;
	}
}

void
shoal_document_diff_begin(struct shoal_document_diff *diff, const uint8_t *before,
        size_t before_len, const uint8_t *after, size_t after_len)
{
	memset(diff, 0, sizeof *diff);
	shoal_document_begin(&diff->before, before, before_len);
	shoal_document_begin(&diff->after, after, after_len);
	step(&diff->before, &diff->old_key, &diff->old_len, &diff->old_value);
	step(&diff->after, &diff->new_key, &diff->new_len, &diff->new_value);
}

static bool
is_same(const struct shoal_meta_value *a, const struct shoal_meta_value *b)
{
	if (a->type != b->type) {
		return false;
	}
	switch (a->type) {
	case SHOAL_META_BOOL:
		return a->is.boolean == b->is.boolean;
	case SHOAL_META_STRING:
	case SHOAL_META_BYTES:
		return compare(a->is.bytes.data, a->is.bytes.len, b->is.bytes.data,
		               b->is.bytes.len) == 0;
	default:
		return memcmp(&a->is.uint64, &b->is.uint64, sizeof a->is.uint64) == 0;
	}
}

bool
shoal_document_diff_next(struct shoal_document_diff *diff, const char **key, size_t *len,
        enum shoal_key_change *change)
{
	while (diff->old_key != NULL || diff->new_key != NULL) {
		int order = diff->old_key == NULL ? 1
		            : diff->new_key == NULL
		                    ? -1
		                    : compare((const uint8_t *)diff->old_key, diff->old_len,
		                              (const uint8_t *)diff->new_key, diff->new_len);
		bool same = order == 0 && is_same(&diff->old_value, &diff->new_value);

		*change = order < 0   ? SHOAL_KEY_REMOVED
		          : order > 0 ? SHOAL_KEY_ADDED
		                      : SHOAL_KEY_CHANGED;
		*key = order < 0 ? diff->old_key : diff->new_key;
		*len = order < 0 ? diff->old_len : diff->new_len;
		if (order <= 0) {
			step(&diff->before, &diff->old_key, &diff->old_len, &diff->old_value);
		}
		if (order >= 0) {
			step(&diff->after, &diff->new_key, &diff->new_len, &diff->new_value);
		}
		if (!same) {
			return true;
		}
	}
	return false;
}
