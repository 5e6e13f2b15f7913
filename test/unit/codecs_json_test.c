/* SPDX-License-Identifier: MIT */
/* JSON: what RFC 8259 allows and no more; numbers are exact, strings and bytes come back. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "codecs_draw.h"

static const struct shoal_codec_ops *
json(void)
{
	return shoal_codec_json();
}

/* Reads a text and writes it again. */
static void
expect(const char *text, const char *expected)
{
	struct shoal_value *value = draw_json(text);
	uint8_t *data;
	size_t len;

	assert_int_equal(shoal_value_encode(json(), value, SIZE_MAX, NULL, &data, &len), 0);
	if (len != strlen(expected) || memcmp(data, expected, len) != 0) {
		fail_msg("%s becomes %.*s, not %s", text, (int)len, (char *)data, expected);
	}
	free(data);
	shoal_value_free(value);
}

static void
expect_error(int error, const char *text, size_t len)
{
	struct shoal_value *value;
	int rc = draw_decode(json(), text, len, &value);

	if (rc != error) {
		fail_msg("%s: %s, not %s", text, shoal_strerror(rc), shoal_strerror(error));
	}
}

static void
documents_are_written_without_white_space(void **state)
{
	(void)state;
	expect(" null ", "null");
	expect("\t[ true , false ,\r\n{ } , [ ] ]\n", "[true,false,{},[]]");
	expect("{ \"b\" : [ 1 , { \"c\" : null } ] , \"a\" : \"x\" }",
	        "{\"b\":[1,{\"c\":null}],\"a\":\"x\"}");
	expect("[[[[]]],{\"\":{}}]", "[[[[]]],{\"\":{}}]");
}

static void
numbers_are_exact(void **state)
{
	static const char *const same[] = {"0", "-1", "9223372036854775807", "-9223372036854775808",
	        "9223372036854775808", "18446744073709551615", "0.5", "-0.0", "1e300", "5e-324",
	        "1.7976931348623157e308", "0.30000000000000004"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(same); i++) {
		expect(same[i], same[i]);
	}
	expect("-0", "0");
	expect("1.0", "1.0");
	expect("1E2", "100.0");
	expect("1e-400", "0.0");
	expect("100000000000000000000000e-3", "100000000000000000000.0");
	expect_error(SHOAL_ERR_UNSUPPORTED, "18446744073709551616", 20);
	expect_error(SHOAL_ERR_UNSUPPORTED, "-9223372036854775809", 20);
	expect_error(SHOAL_ERR_UNSUPPORTED, "99999999999999999999999", 23);
	expect_error(SHOAL_ERR_UNSUPPORTED, "1e309", 5);
}

static void
strings_are_unescaped_and_escaped_where_they_must_be(void **state)
{
	(void)state;
	expect("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
	expect("\"\\u0001\\u001F\\u007f\"", "\"\\u0001\\u001f\x7f\"");
	expect("\"\\u20AC\\u00e9\\uD834\\uDD1E\"", "\"\u20ac\xc3\xa9\U0001d11e\"");
	expect("\"\\uffff\\udbff\\udfff\"", "\"\uffff\U0010ffff\"");
	expect("{\"\\u0061\\n\":1}", "{\"a\\n\":1}");
}

static void
bytes_are_base64_behind_a_mark_and_a_text_that_looks_so_is_none(void **state)
{
	struct shoal_value *value = draw_json("\"data:;base64,AAEC/w==\"");
	const uint8_t *bytes;
	const char *text;
	size_t len;

	(void)state;
	assert_int_equal(shoal_value_get_bytes(value, &bytes, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(bytes, "\x00\x01\x02\xff", 4);
	shoal_value_free(value);
	value = draw_json("\"\\u0064ata:;base64,AAEC\"");
	assert_int_equal(shoal_value_get_string(value, &text, &len), 0);
	assert_string_equal(text, "data:;base64,AAEC");
	shoal_value_free(value);
	expect("\"data:;base64,AAEC/w==\"", "\"data:;base64,AAEC/w==\"");
	expect("\"\\u0064ata:;base64,\\\"\"", "\"\\u0064ata:;base64,\\\"\"");
	expect("\"data:;base64\"", "\"data:;base64\"");
	expect("{\"data:;base64,\":\"data:;base64,\"}", "{\"data:;base64,\":\"data:;base64,\"}");
	expect_error(SHOAL_ERR_MALFORMED, "\"data:;base64,A\"", 16);
	expect_error(SHOAL_ERR_MALFORMED, "\"data:;base64,AA\\u003d=\"", 23);
}

static void
what_the_standard_does_not_allow_is_refused(void **state)
{
	static const char *const wrong[] = {"", " ", "nul", "nulll", "True", "NaN", "Infinity", "-",
	        "+1", "01", "-01", "1.", ".5", "1.e1", "1e", "1e+", "0x1", "1 2", "'a'", "\"",
	        "\"a", "\"\\", "\"\\\"", "\"\\x41\"", "\"\\u12\"", "\"\\u123g\"", "\"\\ud800\"",
	        "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\\ud800\\udbff\"",
	        "\"\\u0000\"", "\"\n\"", "\"\t\"", "\"\x1f\"", "\"\xff\"", "\"\xc0\x80\"",
	        "\"\xed\xa0\x80\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{", "}",
	        "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{a:1}", "{1:2}",
	        "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[1]]", "[1]x",
	        "// x\n1", "/* x */ 1", "\xef\xbb\xbf[]", "[1]\v", "\"a\"\"b\"",
	        "{\"a\":1,,\"b\":2}", "{null:1}", "\"\\U0041\"", "[\"\\u00\"0\"]"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		expect_error(SHOAL_ERR_MALFORMED, wrong[i], strlen(wrong[i]));
	}
	expect_error(SHOAL_ERR_MALFORMED, "\"a\0b\"", 5);
	expect_error(SHOAL_ERR_MALFORMED, "1\0", 2);
	expect_error(SHOAL_ERR_MALFORMED, "\"\\\0\"", 4);
}

static void
infinities_have_no_form(void **state)
{
	static const double none[] = {(double)INFINITY, -(double)INFINITY, (double)NAN};
	uint8_t *data;
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		struct shoal_value *value = shoal_value_double(NULL, none[i]);
		assert_int_equal(shoal_value_encode(json(), value, SIZE_MAX, NULL, &data, &len),
		        SHOAL_ERR_UNSUPPORTED);
		draw_round_trip(shoal_codec_msgpack(), value);
		draw_round_trip(shoal_codec_binary(), value);
		shoal_value_free(value);
	}
}

static void
it_says_what_it_is(void **state)
{
	(void)state;
	assert_string_equal(json()->name, "json");
	assert_int_equal(json()->abi, SHOAL_CODEC_ABI);
	assert_int_equal(json()->id, SHOAL_CODEC_JSON);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(documents_are_written_without_white_space),
	        cmocka_unit_test(numbers_are_exact),
	        cmocka_unit_test(strings_are_unescaped_and_escaped_where_they_must_be),
	        cmocka_unit_test(bytes_are_base64_behind_a_mark_and_a_text_that_looks_so_is_none),
	        cmocka_unit_test(what_the_standard_does_not_allow_is_refused),
	        cmocka_unit_test(infinities_have_no_form),
	        cmocka_unit_test(it_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
