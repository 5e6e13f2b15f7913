/* SPDX-License-Identifier: MIT */
/* The compact binary codec: every tag, and that there is one form only. */
#include "unit.h"

#include "codecs_draw.h"

static const struct shoal_codec_ops *
binary(void)
{
	return shoal_codec_binary();
}

static void
every_value_has_its_tag(void **state)
{
	(void)state;
	draw_expect_both(binary(), "null", "00");
	draw_expect_both(binary(), "false", "01");
	draw_expect_both(binary(), "true", "02");
	draw_expect_both(binary(), "0", "80");
	draw_expect_both(binary(), "127", "ff");
	draw_expect_both(binary(), "128", "03 8001");
	draw_expect_both(binary(), "18446744073709551615", "03 ffffffffffffffffff01");
	draw_expect_both(binary(), "-1", "04 00");
	draw_expect_both(binary(), "-9223372036854775808", "04 ffffffffffffffff7f");
	draw_expect_both(binary(), "1.5", "05 3ff8000000000000");
	draw_expect_both(binary(), "\"\"", "40");
	draw_expect_both(binary(), "\"abc\"", "43 616263");
	draw_expect_both(binary(), "\"0123456789012345678901234567890\"",
	        "5f 30313233343536373839303132333435363738393031323334353637383930");
	draw_expect_both(binary(), "\"01234567890123456789012345678901\"",
	        "06 20 3031323334353637383930313233343536373839303132333435363738393031");
	draw_expect_both(binary(), "\"data:;base64,AQID\"", "07 03 010203");
	draw_expect_both(binary(), "[]", "60");
	draw_expect_both(binary(), "[1,[2]]", "62 81 61 82");
	draw_expect_both(binary(), "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
	        "08 10 80808080 80808080 80808080 80808080");
	draw_expect_both(binary(), "{}", "70");
	draw_expect_both(binary(), "{\"a\":null,\"\":{\"b\":1}}", "72 01 61 00 00 71 01 62 81");
}

static void
a_form_that_is_not_the_shortest_is_refused(void **state)
{
	static const char *const wrong[] = {"03 7f", "03 00", "03 8000", "06 00", "06 1f 30",
	        "08 0f 000000000000000000000000000000", "08 00", "09 00", "09 01 00 00", "07 8000",
	        "04 8000"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		draw_expect_error(binary(), SHOAL_ERR_MALFORMED, wrong[i]);
	}
}

static void
what_has_no_meaning_is_refused(void **state)
{
	static const char *const wrong[] = {"", "0a", "3f", "03", "03 80", "04",
	        "04 80808080808080808001", "05 00", "41", "42 61", "41 ff", "41 00",
	        "06 ffffffff0f", "07 02 00", "61", "6f 00", "08 ffffffffffffffffff01", "71",
	        "71 00", "71 01 61", "72 01 61 00 01 61 01", "00 00", "09 ffffffffffffffffff01",
	        "71 01 ff 00"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		draw_expect_error(binary(), SHOAL_ERR_MALFORMED, wrong[i]);
	}
}

static void
it_says_what_it_is(void **state)
{
	(void)state;
	assert_string_equal(binary()->name, "binary");
	assert_int_equal(binary()->abi, SHOAL_CODEC_ABI);
	assert_int_equal(binary()->id, SHOAL_CODEC_BINARY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_value_has_its_tag),
	        cmocka_unit_test(a_form_that_is_not_the_shortest_is_refused),
	        cmocka_unit_test(what_has_no_meaning_is_refused),
	        cmocka_unit_test(it_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
