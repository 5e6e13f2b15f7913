/* SPDX-License-Identifier: MIT */
/* Documents: what is set is found, in one form only; edits and differences; and that bytes which
 * are no document are refused, whatever they are. */
#include "unit.h"

#include <shoal/document.h>

static uint8_t doc[SHOAL_META_MAX], room[SHOAL_META_MAX];
static size_t doc_len;

static int
set(const char *key, const struct shoal_meta_value *value)
{
	size_t len = 0;
	int rc = shoal_document_set(doc, doc_len, key, strlen(key), value, room, sizeof room, &len);

	if (rc == SHOAL_OK) {
		memcpy(doc, room, len);
		doc_len = len;
	}
	assert_true(shoal_document_is_valid(doc, doc_len));
	return rc;
}

static int
tag(const char *name, bool wanted)
{
	size_t len = 0;
	int rc = shoal_document_tag(
	        doc, doc_len, name, strlen(name), wanted, room, sizeof room, &len);

	if (rc == SHOAL_OK) {
		memcpy(doc, room, len);
		doc_len = len;
	}
	assert_true(shoal_document_is_valid(doc, doc_len));
	return rc;
}

static struct shoal_meta_value
string(const char *text)
{
	struct shoal_meta_value value = {.type = SHOAL_META_STRING};

	value.is.bytes.data = (const uint8_t *)text;
	value.is.bytes.len = strlen(text);
	return value;
}

static int
set_string(const char *key, const char *text)
{
	struct shoal_meta_value value = string(text);

	return set(key, &value);
}

static struct shoal_meta_value
get(const char *key)
{
	struct shoal_meta_value value = {.type = SHOAL_META_NONE};

	(void)shoal_document_find(doc, doc_len, key, strlen(key), &value);
	return value;
}

static void
begin(void)
{
	doc_len = 0;
}

static void
each_type_comes_out_as_it_went_in(void **state)
{
	static const int64_t numbers[] = {0, 1, -1, 63, -64, 64, INT64_MAX, INT64_MIN};
	struct shoal_meta_value value = {.type = SHOAL_META_BOOL};

	(void)state;
	begin();
	value.is.boolean = true;
	assert_int_equal(set("bool", &value), SHOAL_OK);
	assert_true(get("bool").type == SHOAL_META_BOOL && get("bool").is.boolean);
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		value = (struct shoal_meta_value){.type = SHOAL_META_INT64};
		value.is.int64 = numbers[i];
		assert_int_equal(set("int64", &value), SHOAL_OK);
		assert_true(get("int64").is.int64 == numbers[i]);
		value.type = SHOAL_META_TIME;
		assert_int_equal(set("time", &value), SHOAL_OK);
		assert_true(get("time").type == SHOAL_META_TIME);
		assert_true(get("time").is.time_ms == numbers[i]);
		value.type = SHOAL_META_UINT64;
		assert_int_equal(set("uint64", &value), SHOAL_OK);
		assert_true(get("uint64").is.uint64 == (uint64_t)numbers[i]);
	}
	value = (struct shoal_meta_value){.type = SHOAL_META_DOUBLE};
	value.is.number = -0.1;
	assert_int_equal(set("double", &value), SHOAL_OK);
	assert_true(get("double").is.number <= -0.1 && get("double").is.number >= -0.1);
	assert_int_equal(set_string("string", "caf\xc3\xa9\n"), SHOAL_OK);
	assert_int_equal(get("string").is.bytes.len, 6);
	assert_memory_equal(get("string").is.bytes.data, "caf\xc3\xa9\n", 6);
	value = string("\xff");
	value.type = SHOAL_META_BYTES;
	assert_int_equal(set("bytes", &value), SHOAL_OK);
	assert_int_equal(get("bytes").is.bytes.data[0], 0xff);
	assert_int_equal(get("nothing").type, SHOAL_META_NONE);
	assert_string_equal(shoal_meta_type_name(SHOAL_META_TIME), "time");
	assert_string_equal(shoal_meta_type_name((enum shoal_meta_type)99), "none");
}

static void
documents_that_say_the_same_are_the_same_bytes(void **state)
{
	static const uint8_t wanted[] = "\2\2db\3web\1a\6\1x\2ab\6\0\1b\6\1z";

	(void)state;
	for (int order = 0; order < 2; order++) {
		begin();
		assert_int_equal(tag(order == 0 ? "db" : "web", true), SHOAL_OK);
		assert_int_equal(set_string(order == 0 ? "b" : "ab", order == 0 ? "z" : ""), 0);
		assert_int_equal(set_string("a", "y"), SHOAL_OK);
		assert_int_equal(tag(order == 0 ? "web" : "db", true), SHOAL_OK);
		assert_int_equal(tag("web", true), SHOAL_OK);
		assert_int_equal(set_string(order == 0 ? "ab" : "b", order == 0 ? "" : "z"), 0);
		assert_int_equal(set_string("a", "x"), SHOAL_OK);
		assert_int_equal(doc_len, sizeof wanted - 1);
		assert_memory_equal(doc, wanted, doc_len);
	}
	assert_true(shoal_document_has_tag(doc, doc_len, "db", 2));
	assert_false(shoal_document_has_tag(doc, doc_len, "d", 1));
}

static void
what_is_taken_away_is_gone_and_nothing_is_an_empty_document(void **state)
{
	(void)state;
	begin();
	assert_int_equal(set("a", NULL), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(tag("t", false), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(set_string("a", "1"), SHOAL_OK);
	assert_int_equal(set_string("b", "2"), SHOAL_OK);
	assert_int_equal(tag("t", true), SHOAL_OK);
	assert_int_equal(set("a", NULL), SHOAL_OK);
	assert_int_equal(get("a").type, SHOAL_META_NONE);
	assert_int_equal(get("b").type, SHOAL_META_STRING);
	assert_int_equal(set("b", NULL), SHOAL_OK);
	assert_int_equal(tag("t", false), SHOAL_OK);
	assert_int_equal(doc_len, 0);
}

static void
what_cannot_be_kept_is_refused_and_changes_nothing(void **state)
{
	struct shoal_meta_value value = string("\xff");
	static char text[SHOAL_META_MAX + 1];
	char key[SHOAL_META_KEY_MAX + 2];
	size_t len;

	(void)state;
	begin();
	assert_int_equal(set("a", &value), SHOAL_ERR_INVALID);
	value.type = SHOAL_META_NONE;
	assert_int_equal(set("a", &value), SHOAL_ERR_INVALID);
	assert_int_equal(set_string("", "x"), SHOAL_ERR_INVALID);
	assert_int_equal(set_string("a\n", "x"), SHOAL_ERR_INVALID);
	memset(key, 'k', sizeof key);
	key[sizeof key - 1] = '\0';
	assert_int_equal(set_string(key, "x"), SHOAL_ERR_INVALID);
	key[sizeof key - 2] = '\0';
	assert_int_equal(set_string(key, "x"), SHOAL_OK);
	assert_int_equal(tag("", true), SHOAL_ERR_INVALID);
	assert_int_equal(tag(key, true), SHOAL_ERR_INVALID);
	/* To the byte: count, key, type, length of three bytes. */
	begin();
	memset(text, 'x', sizeof text - 1);
	text[SHOAL_META_MAX - 6] = '\0';
	assert_int_equal(set_string("k", text), SHOAL_ERR_TOO_BIG);
	text[SHOAL_META_MAX - 7] = '\0';
	assert_int_equal(set_string("k", text), SHOAL_OK);
	assert_int_equal(doc_len, SHOAL_META_MAX);
	assert_int_equal(tag("t", true), SHOAL_ERR_TOO_BIG);
	value = string("");
	assert_int_equal(
	        shoal_document_set(NULL, 0, "k", 1, &value, room, 4, &len), SHOAL_ERR_TOO_BIG);
	assert_int_equal(shoal_document_set(NULL, 0, "k", 1, &value, room, 5, &len), SHOAL_OK);
	assert_false(shoal_document_is_valid(room, SHOAL_META_MAX + 1));
}

static void
bytes_that_are_no_document_are_refused(void **state)
{
#define BYTES(text)                                                                                \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}
	static const struct {
		const uint8_t *data;
		size_t len;
	} rows[] = {BYTES("\0"), BYTES("\1"), BYTES("\1\0"), BYTES("\2\1b\1a"), BYTES("\2\1a\1a"),
	        BYTES("\1\1\n"), BYTES("\0\1k"), BYTES("\0\1k\0"), BYTES("\0\1k\10"),
	        BYTES("\0\1k\1\2"), BYTES("\0\1k\2"), BYTES("\0\1k\2\x80\0"), BYTES("\0\1k\4\1\2"),
	        BYTES("\0\1k\6\1"), BYTES("\0\1k\6\1\xff"), BYTES("\0\0\1\1"),
	        BYTES("\0\1b\1\1\1a\1\1"), BYTES("\0\1a\1\1\1a\1\1"), BYTES("\xff\xff\xff\xff\xff"),
	        BYTES("\0\xff\xff\3k\1\1")};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_false(shoal_document_is_valid(rows[i].data, rows[i].len));
	}
	assert_true(shoal_document_is_valid(NULL, 0));
}

/* Bytes drawn and bent: what is taken is read to its end, in order. */
static void
whatever_is_taken_can_be_read(void **state)
{
	uint64_t draw = 1, taken = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		begin();
		assert_int_equal(tag("ab", true), SHOAL_OK);
		assert_int_equal(set_string("key", "value"), SHOAL_OK);
		assert_int_equal(set_string("other", ""), SHOAL_OK);
		size_t bends = 1 + unit_random(&draw) % 2;
		for (size_t i = 0; i < bends; i++) {
			doc[unit_random(&draw) % doc_len] = (uint8_t)(unit_random(&draw) % 12);
		}
		if (!shoal_document_is_valid(doc, doc_len)) {
			continue;
		}
		struct shoal_document_cursor cursor;
		struct shoal_meta_value value;
		const char *at;
		size_t len;
		taken++;
		shoal_document_begin(&cursor, doc, doc_len);
		while (shoal_document_next_tag(&cursor, &at, &len)) {
			assert_true(shoal_document_has_tag(doc, doc_len, at, len));
		}
		while (shoal_document_next(&cursor, &at, &len, &value)) {
			assert_int_equal(
			        shoal_document_find(doc, doc_len, at, len, &value), SHOAL_OK);
		}
		assert_false(cursor.reader.failed);
		assert_int_equal(cursor.reader.left, 0);
	}
	assert_true(taken > 100);
}

static void
what_differs_between_two_documents_is_told_by_key(void **state)
{
	static const struct {
		const char *key;
		enum shoal_key_change change;
	} wanted[] = {{"a", SHOAL_KEY_REMOVED}, {"b", SHOAL_KEY_CHANGED}, {"d", SHOAL_KEY_ADDED},
	        {"e", SHOAL_KEY_CHANGED}};
	static uint8_t before[256];
	struct shoal_document_diff diff;
	struct shoal_meta_value value = {.type = SHOAL_META_INT64};
	enum shoal_key_change change;
	const char *key;
	size_t len, before_len;

	(void)state;
	begin();
	set_string("a", "1"), set_string("b", "1"), set_string("c", "1"), set_string("e", "1");
	memcpy(before, doc, doc_len);
	before_len = doc_len;
	assert_int_equal(shoal_document_changes(before, before_len, doc, doc_len), 0);
	tag("t", true);
	assert_int_equal(
	        shoal_document_changes(before, before_len, doc, doc_len), SHOAL_CHANGE_TAGS);
	assert_int_equal(shoal_document_changes(NULL, 0, doc, doc_len),
	        SHOAL_CHANGE_TAGS | SHOAL_CHANGE_METADATA);
	set("a", NULL), set_string("b", "2"), set_string("d", ""), set("e", &value);
	assert_int_equal(shoal_document_changes(before, before_len, doc, doc_len),
	        SHOAL_CHANGE_TAGS | SHOAL_CHANGE_METADATA);
	shoal_document_diff_begin(&diff, before, before_len, doc, doc_len);
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		assert_true(shoal_document_diff_next(&diff, &key, &len, &change));
		assert_int_equal(len, 1);
		assert_int_equal(key[0], wanted[i].key[0]);
		assert_int_equal(change, wanted[i].change);
	}
	assert_false(shoal_document_diff_next(&diff, &key, &len, &change));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_type_comes_out_as_it_went_in),
	        cmocka_unit_test(documents_that_say_the_same_are_the_same_bytes),
	        cmocka_unit_test(what_is_taken_away_is_gone_and_nothing_is_an_empty_document),
	        cmocka_unit_test(what_cannot_be_kept_is_refused_and_changes_nothing),
	        cmocka_unit_test(bytes_that_are_no_document_are_refused),
	        cmocka_unit_test(whatever_is_taken_can_be_read),
	        cmocka_unit_test(what_differs_between_two_documents_is_told_by_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
