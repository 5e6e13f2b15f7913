/* SPDX-License-Identifier: MIT */
/* Text in a fixed buffer: cut at every capacity, hostile strings, durations at the borders of their
 * units, numbers, and the table of valid UTF-8. */
#include "unit.h"

#include <stdlib.h>

#include "base/text.h"

static void
text_is_cut_to_fit_and_terminated_at_every_capacity(void **state)
{
	static const char whole[] = "abc12345cafe.";
	size_t cap;

	(void)state;
	for (cap = 1; cap <= sizeof(whole) + 1; cap++) {
		size_t len = cap - 1 < sizeof(whole) - 1 ? cap - 1 : sizeof(whole) - 1;
		char *data = malloc(cap);
		struct shoal_text text;

		assert_non_null(data);
		memset(data, 'x', cap);
		shoal_text_init(&text, data, cap);
		assert_string_equal(data, "");
		shoal_text_str(&text, "abc");
		shoal_text_u64(&text, 12345);
		shoal_text_hex(&text, 0xcafe, 1);
		shoal_text_char(&text, '.');
		assert_int_equal(text.len, len);
		assert_int_equal(data[len], 0);
		assert_memory_equal(data, whole, len);
		assert_true(text.cut == (cap < sizeof(whole)));
		free(data);
	}
}

static void
without_a_buffer_nothing_is_written(void **state)
{
	struct shoal_text text;

	(void)state;
	shoal_text_init(&text, NULL, 0);
	shoal_text_str(&text, "");
	assert_false(text.cut);
	shoal_text_str(&text, "abc");
	shoal_text_u64(&text, 1);
	assert_true(text.cut);
	assert_int_equal(text.len, 0);
}

static void
after_a_cut_a_shorter_piece_is_not_appended(void **state)
{
	char data[4];
	struct shoal_text text;

	(void)state;
	shoal_text_init(&text, data, sizeof(data));
	shoal_text_str(&text, "ab");
	shoal_text_str(&text, "cde");
	shoal_text_str(&text, "f");
	assert_string_equal(data, "abc");
	shoal_text_init(&text, data, sizeof(data));
	shoal_text_str(&text, "a\xc3\xa4\xc3\xb6");
	shoal_text_char(&text, 'z');
	assert_string_equal(data, "a\xc3\xa4");
}

static void
text_is_never_cut_inside_a_character(void **state)
{
	/* 1, 2, 3, 4 and 1 bytes. */
	static const char whole[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9fz";
	size_t cap;

	(void)state;
	for (cap = 1; cap <= sizeof(whole); cap++) {
		char data[sizeof(whole)];
		struct shoal_text text;

		shoal_text_init(&text, data, cap);
		shoal_text_str(&text, whole);
		assert_true(shoal_text_is_utf8((const uint8_t *)data, text.len));
		assert_memory_equal(data, whole, text.len);
		assert_true(text.len + 4 >= cap);
		/* The same without the letter in front: the first character does not fit either. */
		shoal_text_init(&text, data, cap);
		shoal_text_str(&text, whole + 1);
		assert_true(shoal_text_is_utf8((const uint8_t *)data, text.len));
	}
}

static void
what_is_no_utf8_is_cut_without_harm(void **state)
{
	static const char whole[] = "\x80\xbf\x80\xbf\xff\xc3";
	size_t cap;

	(void)state;
	for (cap = 1; cap <= sizeof(whole); cap++) {
		char *data = malloc(cap);
		struct shoal_text text;

		assert_non_null(data);
		shoal_text_init(&text, data, cap);
		shoal_text_str(&text, whole);
		assert_true(text.len < cap && data[text.len] == 0);
		assert_memory_equal(data, whole, text.len);
		assert_true(text.cut == (cap < sizeof(whole)));
		free(data);
	}
}

static void
expect_strn(const char *str, size_t len, const char *expected)
{
	char data[64];
	struct shoal_text text;

	shoal_text_init(&text, data, sizeof(data));
	shoal_text_strn(&text, str, len);
	assert_string_equal(data, expected);
}

static void
control_bytes_are_shown_as_question_marks(void **state)
{
	(void)state;
	expect_strn("plain text", 10, "plain text");
	expect_strn("\x1f ~", 3, "? ~");
	expect_strn("\xc2\x80\xc2\x9f", 4, "????");
	expect_strn("\x01", 1, "?");
	expect_strn("\0", 1, "");
	expect_strn("plain", 3, "pla");
	expect_strn("pl\0in", 5, "pl");
	expect_strn("", 0, "");
	expect_strn(NULL, 0, "");
	expect_strn("\x1b[2Jgone\r\n\t\x7f", 12, "?[2Jgone????");
	/* CSI as one character of ISO 6429, in UTF-8; a no-break space, which is none. */
	expect_strn("a\xc2\x9b"
	            "b",
	        4, "a??b");
	expect_strn("a\xc2\xa0"
	            "b",
	        4,
	        "a\xc2\xa0"
	        "b");
	expect_strn("a\xc2", 2, "a\xc2");
}

static void
numbers_are_printed_from_the_smallest_to_the_largest(void **state)
{
	char data[64];
	struct shoal_text text;

	(void)state;
	shoal_text_init(&text, data, sizeof(data));
	shoal_text_u64(&text, 0);
	shoal_text_char(&text, ' ');
	shoal_text_u64(&text, 10);
	shoal_text_char(&text, ' ');
	shoal_text_u64(&text, UINT64_MAX);
	assert_string_equal(data, "0 10 18446744073709551615");
	shoal_text_init(&text, data, sizeof(data));
	shoal_text_hex(&text, 0, 0);
	shoal_text_char(&text, ' ');
	shoal_text_hex(&text, 0xab, 4);
	shoal_text_char(&text, ' ');
	shoal_text_hex(&text, UINT64_MAX, 1);
	shoal_text_char(&text, ' ');
	shoal_text_hex(&text, 0x1f, 20);
	assert_string_equal(data, "0 00ab ffffffffffffffff 0000000000000000001f");
	shoal_text_init(&text, data, sizeof(data));
	shoal_text_hex(&text, 0xabc, 15);
	shoal_text_char(&text, ' ');
	shoal_text_hex(&text, 0xabc, 16);
	shoal_text_char(&text, ' ');
	shoal_text_hex(&text, 0xabc, 17);
	assert_string_equal(data, "000000000000abc 0000000000000abc 00000000000000abc");
}

static void
ids_and_addresses_can_be_part_of_a_text(void **state)
{
	const struct shoal_id id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}};
	const struct shoal_addr addr = {{[15] = 1}, 7946, 0};
	char data[128];
	struct shoal_text text;

	(void)state;
	shoal_text_init(&text, data, sizeof(data));
	shoal_text_id(&text, &id);
	shoal_text_str(&text, " at ");
	shoal_text_addr(&text, &addr);
	assert_string_equal(data, "00010203-0405-0607-0809-0a0b0c0d0eff at [::1]:7946");
}

static void
durations_have_two_digits_where_it_matters(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} table[] = {
	        {0, "0 ns"},
	        {1, "1 ns"},
	        {999, "999 ns"},
	        {1000, "1.0 us"},
	        {8349, "8.3 us"},
	        {8350, "8.4 us"},
	        {9949, "9.9 us"},
	        {9950, "10 us"},
	        {830000, "830 us"},
	        {999499, "999 us"},
	        {999500, "1.0 ms"},
	        {SHOAL_MS(12), "12 ms"},
	        {SHOAL_MS(1) + 250000, "1.3 ms"},
	        {SHOAL_MS(999) + 499999, "999 ms"},
	        {SHOAL_MS(999) + 500000, "1.0 s"},
	        {SHOAL_MS(4100), "4.1 s"},
	        {SHOAL_MS(9949), "9.9 s"},
	        {SHOAL_MS(9950), "10 s"},
	        {SHOAL_SEC(61), "61 s"},
	        {SHOAL_MS(119499), "119 s"},
	        {SHOAL_MS(119500), "2 min"},
	        {SHOAL_SEC(180), "3 min"},
	        {SHOAL_SEC(5 * 3600), "5 h"},
	        {SHOAL_SEC(7169), "119 min"},
	        {SHOAL_SEC(7170), "2 h"},
	        {SHOAL_SEC(47 * 3600), "47 h"},
	        {SHOAL_SEC(48 * 3600), "2 d"},
	        {UINT64_MAX, "213504 d"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(table); i++) {
		char data[32];
		struct shoal_text text;

		shoal_text_init(&text, data, sizeof(data));
		shoal_text_duration(&text, table[i].ns);
		assert_string_equal(data, table[i].text);
	}
}

static void
only_plain_decimal_numbers_up_to_the_maximum_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, value;
		bool ok;
	} table[] = {
	        {"0", 0, 0, true},
	        {"1", 0, 0, false},
	        {"5", 4, 0, false},
	        {"5", 5, 5, true},
	        {"007", 7, 7, true},
	        {"10", 9, 0, false},
	        {"10", 10, 10, true},
	        {"99", 98, 0, false},
	        {"65535", 65535, 65535, true},
	        {"65536", 65535, 0, false},
	        {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
	        {"18446744073709551616", UINT64_MAX, 0, false},
	        {"18446744073709551620", UINT64_MAX, 0, false},
	        {"99999999999999999999", UINT64_MAX, 0, false},
	        {"184467440737095516150", UINT64_MAX, 0, false},
	        {"", 100, 0, false},
	        {" 1", 100, 0, false},
	        {"1 ", 100, 0, false},
	        {"+1", 100, 0, false},
	        {"-1", UINT64_MAX, 0, false},
	        {"0x1", 100, 0, false},
	        {"1e3", UINT64_MAX, 0, false},
	        {"1.0", 100, 0, false},
	        {"\xd9\xa1", 100, 0, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(table); i++) {
		uint64_t value = 4711;

		assert_true(
		        shoal_text_parse_u64(table[i].text, table[i].max, &value) == table[i].ok);
		assert_true(value == (table[i].ok ? table[i].value : 4711));
	}
}

/* The definition (RFC 3629, section 3), by decoding: what the table in the code must agree with. */
static bool
is_one_character(const uint8_t *data, size_t len)
{
	static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};
	uint32_t value;
	size_t need, i;

	if (data[0] < 0x80) {
		need = 1, value = data[0];
	} else if ((data[0] & 0xe0) == 0xc0) {
		need = 2, value = data[0] & 0x1f;
	} else if ((data[0] & 0xf0) == 0xe0) {
		need = 3, value = data[0] & 0x0f;
	} else if ((data[0] & 0xf8) == 0xf0) {
		need = 4, value = data[0] & 0x07;
	} else {
		return false;
	}
	if (len != need) {
		return false;
	}
	for (i = 1; i < need; i++) {
		if ((data[i] & 0xc0) != 0x80) {
			return false;
		}
		value = value << 6 | (data[i] & 0x3f);
	}
	return value >= least[need - 1] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
}

static void
utf8_of_up_to_three_bytes_is_valid_as_its_definition_says(void **state)
{
	uint32_t n;

	(void)state;
	for (n = 0; n < 0x1000000; n += n < 0x10000 ? 1 : 7) {
		const uint8_t data[3] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
		bool three = is_one_character(data, 3) ||
		             (is_one_character(data, 1) && is_one_character(data + 1, 2)) ||
		             (is_one_character(data, 2) && is_one_character(data + 2, 1)) ||
		             (is_one_character(data, 1) && is_one_character(data + 1, 1) &&
		                     is_one_character(data + 2, 1));

		assert_true(shoal_text_is_utf8(data, 3) == three);
	}
}

static void
utf8_of_four_bytes_is_valid_as_its_definition_says(void **state)
{
	static const uint8_t tail[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0xbf, 0xc0, 0xff};
	unsigned first, second;
	size_t i, j, len;

	(void)state;
	for (first = 0xf0; first <= 0xff; first++) {
		for (second = 0; second <= 0xff; second++) {
			for (i = 0; i < sizeof(tail); i++) {
				for (j = 0; j < sizeof(tail); j++) {
					const uint8_t data[4] = {
					        (uint8_t)first, (uint8_t)second, tail[i], tail[j]};

					for (len = 1; len <= 4; len++) {
						assert_true(shoal_text_is_utf8(data, len) ==
						            is_one_character(data, len));
					}
				}
			}
		}
	}
}

static void
utf8_cut_short_or_with_a_zero_is_not_valid(void **state)
{
	static const char whole[] = "\xf0\x9f\x90\x9f";
	size_t len;

	(void)state;
	assert_true(shoal_text_is_utf8(NULL, 0));
	assert_false(shoal_text_is_utf8((const uint8_t *)"a\0b", 3));
	for (len = 1; len <= 4; len++) {
		uint8_t *data = malloc(len);

		assert_non_null(data);
		memcpy(data, whole, len);
		assert_true(shoal_text_is_utf8(data, len) == (len == 4));
		free(data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(text_is_cut_to_fit_and_terminated_at_every_capacity),
	        cmocka_unit_test(without_a_buffer_nothing_is_written),
	        cmocka_unit_test(after_a_cut_a_shorter_piece_is_not_appended),
	        cmocka_unit_test(text_is_never_cut_inside_a_character),
	        cmocka_unit_test(what_is_no_utf8_is_cut_without_harm),
	        cmocka_unit_test(control_bytes_are_shown_as_question_marks),
	        cmocka_unit_test(numbers_are_printed_from_the_smallest_to_the_largest),
	        cmocka_unit_test(ids_and_addresses_can_be_part_of_a_text),
	        cmocka_unit_test(durations_have_two_digits_where_it_matters),
	        cmocka_unit_test(only_plain_decimal_numbers_up_to_the_maximum_are_read),
	        cmocka_unit_test(utf8_of_up_to_three_bytes_is_valid_as_its_definition_says),
	        cmocka_unit_test(utf8_of_four_bytes_is_valid_as_its_definition_says),
	        cmocka_unit_test(utf8_cut_short_or_with_a_zero_is_not_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
