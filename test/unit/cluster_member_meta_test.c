/* SPDX-License-Identifier: MIT */
/* Metadata of a member as an application reads it: conversions that lose nothing, and those that
 * are refused; keys and tags in order; criteria; what changed between two copies; and that a
 * hostile document, and no memory, do no harm. */
#include "unit.h"

#include <stdio.h>

#include "cluster/members/criteria.h"
#include "cluster/members/member.h"
#include "heap_fault.h"

#include <shoal/cluster.h>
#include <shoal/document.h>
#include <shoal/metadata.h>

static uint8_t doc[SHOAL_META_MAX], room[SHOAL_META_MAX];
static size_t doc_len;

static void
set(const char *key, struct shoal_meta_value value)
{
	size_t len;

	assert_int_equal(shoal_document_set(
	                         doc, doc_len, key, strlen(key), &value, room, sizeof(room), &len),
	        0);
	memcpy(doc, room, len);
	doc_len = len;
}

static void
set_number(const char *key, enum shoal_meta_type type, int64_t number)
{
	struct shoal_meta_value value = {.type = type};

	if (type == SHOAL_META_BOOL) {
		value.is.boolean = number != 0;
	} else {
		value.is.int64 = number;
	}
	set(key, value);
}

static void
set_double(const char *key, double number)
{
	struct shoal_meta_value value = {.type = SHOAL_META_DOUBLE};

	value.is.number = number;
	set(key, value);
}

static void
set_text(const char *key, const char *text, enum shoal_meta_type type)
{
	struct shoal_meta_value value = {.type = type};

	value.is.bytes.data = (const uint8_t *)text;
	value.is.bytes.len = strlen(text);
	set(key, value);
}

static void
tag(const char *name)
{
	size_t len;

	assert_int_equal(shoal_document_tag(
	                         doc, doc_len, name, strlen(name), true, room, sizeof(room), &len),
	        0);
	memcpy(doc, room, len);
	doc_len = len;
}

static struct shoal_member *
member(const struct shoal_allocator *mem, uint64_t version, const struct shoal_member *before)
{
	struct shoal_core_member from = {.id = {{1}},
	        .name = "web-1",
	        .addrs = 1,
	        .state = SHOAL_STATE_ALIVE,
	        .meta_version = version,
	        .meta = doc,
	        .meta_len = doc_len};

	return shoal_member_new(mem, &from, 1, before);
}

static const struct shoal_allocator *
libc(void)
{
	static struct heap_fault fault;

	if (fault.mem.malloc == NULL) {
		heap_fault_init(&fault);
	}
	return &fault.mem;
}

static void
each_type_is_read_and_converted_where_nothing_is_lost(void **state)
{
	struct shoal_member *is;
	const uint8_t *data;
	int64_t int64;
	uint64_t uint64;
	double number;
	bool boolean;
	size_t len;

	(void)state;
	doc_len = 0;
	set_number("yes", SHOAL_META_BOOL, 1);
	set_number("minus", SHOAL_META_INT64, -5);
	set_number("most", SHOAL_META_UINT64, -1);
	set_number("when", SHOAL_META_TIME, INT64_C(1700000000123));
	set_double("half", 0.5);
	set_double("two", 2.0);
	set_text("digits", "-9223372036854775808", SHOAL_META_STRING);
	set_text("word", "true", SHOAL_META_STRING);
	set_text("blob", "\x01\xff", SHOAL_META_BYTES);
	is = member(libc(), 7, NULL);
	assert_true(shoal_member_meta_version(is) == 7);
	assert_int_equal(shoal_member_meta_count(is), 9);
	assert_string_equal(shoal_member_meta_key(is, 0, NULL), "blob");
	assert_null(shoal_member_meta_key(is, 9, NULL));
	assert_int_equal(shoal_member_meta_bool(is, "yes", &boolean), 0);
	assert_true(boolean);
	assert_int_equal(shoal_member_meta_bool(is, "word", &boolean), 0);
	assert_int_equal(shoal_member_meta_bool(is, "two", &boolean), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_member_meta_int64(is, "minus", &int64), 0);
	assert_int_equal(int64, -5);
	assert_int_equal(shoal_member_meta_int64(is, "yes", &int64), 0);
	assert_int_equal(int64, 1);
	assert_int_equal(shoal_member_meta_int64(is, "digits", &int64), 0);
	assert_true(int64 == INT64_MIN);
	assert_int_equal(shoal_member_meta_int64(is, "most", &int64), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_member_meta_int64(is, "half", &int64), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_member_meta_int64(is, "none", &int64), SHOAL_ERR_NOT_FOUND);
	assert_true(int64 == INT64_MIN);
	assert_int_equal(shoal_member_meta_uint64(is, "most", &uint64), 0);
	assert_true(uint64 == UINT64_MAX);
	assert_int_equal(shoal_member_meta_uint64(is, "minus", &uint64), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_member_meta_uint64(is, "word", &uint64), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_member_meta_double(is, "half", &number), 0);
	assert_true(number >= 0.5 && number <= 0.5);
	assert_int_equal(shoal_member_meta_double(is, "minus", &number), 0);
	assert_true(number <= -5);
	assert_int_equal(shoal_member_meta_double(is, "most", &number), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_member_meta_time(is, "when", &int64), 0);
	assert_true(int64 == INT64_C(1700000000123));
	assert_int_equal(shoal_member_meta_bytes(is, "blob", &data, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(data[1], 0xff);
	assert_int_equal(shoal_member_meta_bytes(is, "two", &data, &len), SHOAL_ERR_TYPE);
	assert_string_equal(shoal_member_meta_str(is, "word"), "true");
	assert_null(shoal_member_meta_str(is, "two"));
	assert_non_null(strstr(shoal_last_error(), "double"));
	assert_null(shoal_member_meta_str(is, "none"));
	shoal_member_unref(is);
}

static void
any_value_has_a_text(void **state)
{
	static const struct {
		const char *key, *text;
	} rows[] = {{"no", "false"}, {"n", "-7"}, {"u", "18446744073709551615"}, {"d", "0.5"},
	        {"t", "2023-11-14T22:13:20.123Z"}, {"old", "1969-12-31T23:59:59.999Z"},
	        {"first", "-9223372036854775808"}, {"last", "9223372036854775807"},
	        {"tenth", "0.1"}, {"third", "0.3333333333333333"}, {"s", "a b"}, {"b", "01ff"}};
	struct shoal_meta_value value;
	struct shoal_member *is;
	char text[64];

	(void)state;
	doc_len = 0;
	set_number("no", SHOAL_META_BOOL, 0);
	set_number("n", SHOAL_META_INT64, -7);
	set_number("u", SHOAL_META_UINT64, -1);
	set_double("d", 0.5);
	set_number("t", SHOAL_META_TIME, INT64_C(1700000000123));
	set_number("old", SHOAL_META_TIME, -1);
	set_number("first", SHOAL_META_TIME, INT64_MIN);
	set_number("last", SHOAL_META_TIME, INT64_MAX);
	set_double("tenth", 0.1);
	set_double("third", 1.0 / 3);
	set_text("s", "a b", SHOAL_META_STRING);
	set_text("b", "\x01\xff", SHOAL_META_BYTES);
	is = member(libc(), 1, NULL);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(shoal_member_meta_text(is, rows[i].key, text, sizeof(text)), 0);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(
		        shoal_member_meta_text(is, rows[i].key, text, strlen(rows[i].text)),
		        SHOAL_ERR_TOO_BIG);
		assert_int_equal(strlen(text), strlen(rows[i].text) - 1);
		assert_int_equal(shoal_member_meta(is, rows[i].key, &value), 0);
	}
	assert_int_equal(shoal_member_meta_text(is, "x", text, sizeof(text)), SHOAL_ERR_NOT_FOUND);
	shoal_member_unref(is);
}

static void
criteria_are_met_by_value_presence_and_part(void **state)
{
	static const struct {
		const char *criteria;
		bool met;
	} rows[] = {{NULL, true}, {"", true}, {"role=web", true}, {"role", true}, {"role~e", true},
	        {"role=we", false}, {"role~x", false}, {"rol", false}, {"role=web,port=80", true},
	        {"role=web,port=81", false}, {"port~8", true}, {"role~", true}, {"empty=", true},
	        {"role=", false}, {"empty~", true}, {"role=web,zone", false}};
	struct shoal_member *is;

	(void)state;
	doc_len = 0;
	set_text("role", "web", SHOAL_META_STRING);
	set_text("empty", "", SHOAL_META_STRING);
	set_number("port", SHOAL_META_UINT64, 80);
	is = member(libc(), 1, NULL);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(shoal_criteria_check(rows[i].criteria), 0);
		if (shoal_criteria_meet(rows[i].criteria, is->described) != rows[i].met) {
			fail_msg("%s", rows[i].criteria);
		}
	}
	assert_false(shoal_criteria_meet("role", NULL));
	shoal_member_unref(is);
	static const char *const wrong[] = {",", "a,", "=x", "a,,b", "~"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(shoal_criteria_check(wrong[i]), SHOAL_ERR_INVALID);
		assert_non_null(strstr(shoal_last_error(), "criteria"));
	}
}

static void
what_changed_is_told_by_key(void **state)
{
	static const struct {
		const char *key;
		enum shoal_key_change change;
	} wanted[] = {{"a", SHOAL_KEY_REMOVED}, {"b", SHOAL_KEY_CHANGED}, {"d", SHOAL_KEY_ADDED}};
	struct shoal_member_event event = {.kind = SHOAL_EVENT_UPDATE};
	enum shoal_key_change change;
	const char *key;
	uint64_t at = 0;

	(void)state;
	doc_len = 0;
	set_text("a", "1", SHOAL_META_STRING);
	set_text("b", "1", SHOAL_META_STRING);
	set_text("c", "1", SHOAL_META_STRING);
	event.before = member(libc(), 1, NULL);
	doc_len = 0;
	set_text("b", "2", SHOAL_META_STRING);
	set_text("c", "1", SHOAL_META_STRING);
	set_number("d", SHOAL_META_BOOL, 1);
	event.member = member(libc(), 2, event.before);
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		assert_true(shoal_event_key(&event, &at, &key, &change));
		assert_string_equal(key, wanted[i].key);
		assert_int_equal(change, wanted[i].change);
	}
	assert_false(shoal_event_key(&event, &at, &key, &change));
	assert_false(shoal_event_key(&event, &at, &key, &change));
	shoal_member_unref(event.before);
	shoal_member_unref(event.member);
}

static void
tags_are_in_order_and_copies_share_what_is_said(void **state)
{
	struct heap_fault fault;
	struct shoal_member *first, *second;

	(void)state;
	heap_fault_init(&fault);
	doc_len = 0;
	tag("web");
	tag("db");
	first = member(&fault.mem, 3, NULL);
	second = member(&fault.mem, 3, first);
	assert_ptr_equal(first->described, second->described);
	shoal_member_unref(first);
	assert_int_equal(shoal_member_tags(second), 2);
	assert_string_equal(shoal_member_tag(second, 0), "db");
	assert_null(shoal_member_tag(second, 2));
	assert_true(shoal_member_has_tag(second, "web"));
	assert_false(shoal_member_has_tag(second, "we"));
	first = shoal_member_copy(second, SHOAL_STATE_DEAD, 9);
	shoal_member_unref(second);
	assert_true(shoal_member_has_tag(first, "web"));
	shoal_member_unref(first);
	doc_len = 0;
	first = member(&fault.mem, 0, NULL);
	assert_int_equal(shoal_member_tags(first) + shoal_member_meta_count(first), 0);
	assert_true(shoal_member_meta_version(first) == 0);
	shoal_member_unref(first);
	assert_int_equal(fault.live, 0);
}

static int
make(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_member *is = member(mem, 1, NULL);

	(void)arg;
	shoal_member_unref(is);
	return is != NULL ? 0 : SHOAL_ERR_NOMEM;
}

/* As many keys as a document can hold. */
static void
a_crowded_document_and_no_memory_do_no_harm(void **state)
{
	struct shoal_member *is;
	char key[8];

	(void)state;
	doc_len = 0;
	assert_true(doc_len == 0);
	doc[doc_len++] = 0;
	for (unsigned i = 0; doc_len + 8 <= sizeof(doc); i++) {
		snprintf(key, sizeof(key), "%04x", i);
		doc[doc_len++] = 4;
		memcpy(doc + doc_len, key, 4);
		doc_len += 4;
		doc[doc_len++] = SHOAL_META_BOOL;
		doc[doc_len++] = 1;
	}
	assert_true(shoal_document_is_valid(doc, doc_len));
	is = member(libc(), 1, NULL);
	assert_int_equal(shoal_member_meta_count(is), (doc_len - 1) / 7);
	for (size_t i = 0; i < shoal_member_meta_count(is); i += 100) {
		bool set_to = false;
		const char *at = shoal_member_meta_key(is, i, NULL);
		assert_int_equal(shoal_member_meta_bool(is, at, &set_to), 0);
		assert_true(set_to);
	}
	shoal_member_unref(is);
	assert_in_range(heap_fault_sweep(make, NULL), 2, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_type_is_read_and_converted_where_nothing_is_lost),
	        cmocka_unit_test(any_value_has_a_text),
	        cmocka_unit_test(criteria_are_met_by_value_presence_and_part),
	        cmocka_unit_test(what_changed_is_told_by_key),
	        cmocka_unit_test(tags_are_in_order_and_copies_share_what_is_said),
	        cmocka_unit_test(a_crowded_document_and_no_memory_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
