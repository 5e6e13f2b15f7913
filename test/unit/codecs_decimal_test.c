/* SPDX-License-Identifier: MIT */
/* Doubles as decimal text, held against libc: strtod for reading, and for printing the shortest of
 * "%.1e" to "%.17e" that strtod reads back as the same number. */
#include "unit.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codecs/decimal.h"

static double
of_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

static uint64_t
bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static void
expect_text(double value, const char *expected)
{
	char text[SHOAL_DECIMAL_TEXT + 1];

	text[shoal_decimal_print(value, text)] = 0;
	assert_string_equal(text, expected);
}

static void
numbers_are_printed_as_people_write_them(void **state)
{
	(void)state;
	expect_text(0.0, "0.0");
	expect_text(-0.0, "-0.0");
	expect_text(1.0, "1.0");
	expect_text(-1.5, "-1.5");
	expect_text(0.1, "0.1");
	expect_text(0.3, "0.3");
	expect_text(0.1 + 0.2, "0.30000000000000004");
	expect_text(123456.789, "123456.789");
	expect_text(1200.0, "1200.0");
	expect_text(0.001, "0.001");
	expect_text(0.00000123, "0.00000123");
	expect_text(0.000000123, "1.23e-7");
	expect_text(1e21, "1e21");
	expect_text(123456789012345678000.0, "123456789012345680000.0");
	expect_text(1.5e300, "1.5e300");
	expect_text(DBL_MAX, "1.7976931348623157e308");
	expect_text(-DBL_MIN, "-2.2250738585072014e-308");
	expect_text(of_bits(1), "5e-324");
	expect_text(of_bits(0x000fffffffffffff), "2.225073858507201e-308");
	expect_text(9007199254740993.0, "9007199254740992.0");
	expect_text(2e-44, "2e-44");
}

static size_t
digits_in(const char *text)
{
	size_t digits = 0, zeros = 0;

	for (; *text != 0 && *text != 'e'; text++) {
		if (*text >= '1' && *text <= '9') {
			digits += zeros + 1;
			zeros = 0;
		} else if (*text == '0' && digits > 0) {
			zeros++;
		}
	}
	return digits;
}

static void
check(double value)
{
	char text[SHOAL_DECIMAL_TEXT + 1], other[64];
	size_t len = shoal_decimal_print(value, text);
	double back, nearest;
	int places = -1;

	assert_true(len < SHOAL_DECIMAL_TEXT);
	text[len] = 0;
	do {
		snprintf(other, sizeof other, "%.*e", ++places, value);
	} while (bits_of(strtod(other, NULL)) != bits_of(value));
	if (bits_of(strtod(text, NULL)) != bits_of(value) ||
	        !shoal_decimal_parse(text, len, &back) || bits_of(back) != bits_of(value)) {
		fail_msg("%a is printed as %s", value, text);
	}
	if (digits_in(text) > (size_t)places + 1) {
		fail_msg("%s has more digits than %s", text, other);
	}
	nearest = strtod(other, NULL);
	assert_true(shoal_decimal_parse(other, strlen(other), &back));
	assert_true(bits_of(back) == bits_of(nearest));
	assert_non_null(strpbrk(text, ".e"));
}

static void
drawn_numbers_come_back_from_the_fewest_digits(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double value = of_bits(unit_random(&seed));
		if (isfinite(value)) {
			check(value);
		}
		check((double)(int64_t)unit_random(&seed) / 1000);
		check((double)(unit_random(&seed) % 100000) / 100);
	}
	/* Powers of two and their neighbours, where the gaps change, down to the least. */
	for (uint64_t exponent = 0; exponent < 2047; exponent++) {
		check(of_bits(exponent << 52));
		check(of_bits((exponent << 52) + 1));
		check(of_bits(((exponent + 1) << 52) - 1));
	}
	for (unsigned i = 0; i < 52; i++) {
		check(of_bits(UINT64_C(1) << i));
	}
}

static void
check_parse(const char *text)
{
	double expected = strtod(text, NULL), value = 0;

	if (isinf(expected)) {
		if (shoal_decimal_parse(text, strlen(text), &value)) {
			fail_msg("%s is taken for %a", text, value);
		}
		return;
	}
	if (!shoal_decimal_parse(text, strlen(text), &value) ||
	        bits_of(value) != bits_of(expected)) {
		fail_msg("%.60s is read as %a, not %a", text, value, expected);
	}
}

static void
texts_are_read_as_the_nearest_double(void **state)
{
	static const char *const texts[] = {"0", "0.0", "-0.0", "0e999999999999999999", "1e-400",
	        "1e0", "1E+2", "1e-2", "17.25", "9007199254740993", "9007199254740992.999999999",
	        "9007199254740993.0000000000000000000001", "2.4703282292062327e-324",
	        "2.4703282292062328e-324", "4.9e-324", "2.2250738585072011e-308",
	        "2.2250738585072012e-308", "1.7976931348623157e308", "1.7976931348623158e308",
	        "1.7976931348623159e308", "1.797693134862315807e308", "1e309", "1e310", "123e400",
	        "0.000000000000000000000000000000000000000000000001e350", "1e999999999999999999999",
	        "1e-999999999999999999999", "8.5", "10.5", "1e23", "8.41e21", "1e22",
	        "6.02214076e23"};
	uint64_t seed = 2;
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		check_parse(texts[i]);
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "%s%llu.%lluE%d", i % 2 == 0 ? "-" : "",
		        (unsigned long long)(unit_random(&seed) >> unit_random(&seed) % 64),
		        (unsigned long long)unit_random(&seed),
		        (int)(unit_random(&seed) % 680) - 345);
		check_parse(text);
	}
}

/* Half the way between two doubles has up to 767 digits, and one more decides. */
static void
the_last_of_many_digits_decides(void **state)
{
	static char text[2048];
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t bits = unit_random(&seed) >> 12 | (uint64_t)(i % 4) << 52;
		long double middle =
		        ((long double)of_bits(bits) + (long double)of_bits(bits + 1)) / 2;
		int len = snprintf(text, 1200, "%.1100Le", middle);
		char *exponent = strchr(text, 'e');
		char tail[16];

		assert_true(len > 0 && exponent != NULL);
		check_parse(text);
		snprintf(tail, sizeof tail, "%s", exponent);
		memset(exponent, '0', 500);
		snprintf(exponent + 500, 20, "1%s", tail);
		check_parse(text);
	}
	memset(text, '0', sizeof text);
	text[1] = '.';
	snprintf(text + 1900, 20, "1e1899");
	check_parse(text);
	memset(text, '9', sizeof text);
	snprintf(text + 1900, 20, "e-1899");
	check_parse(text);
	snprintf(text + 1900, 20, ".5e-1800");
	check_parse(text);
}

static void
the_locale_changes_nothing(void **state)
{
	static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
	double value;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(locales); i++) {
		(void)setlocale(LC_ALL, locales[i]);
		expect_text(1.5, "1.5");
		assert_true(shoal_decimal_parse("1.5", 3, &value) && value == 1.5);
	}
	(void)setlocale(LC_ALL, "C");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(numbers_are_printed_as_people_write_them),
	        cmocka_unit_test(drawn_numbers_come_back_from_the_fewest_digits),
	        cmocka_unit_test(texts_are_read_as_the_nearest_double),
	        cmocka_unit_test(the_last_of_many_digits_decides),
	        cmocka_unit_test(the_locale_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
