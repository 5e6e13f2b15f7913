/* SPDX-License-Identifier: MIT */
/* Result codes: texts and labels of each, and what numbers that are none get. */
#include "unit.h"

#include <ctype.h>

#include <shoal/error.h>

static const struct {
	int code;
	const char *name, *label, *text;
} table[] = {
#define SHOAL_X(name, label, value, text) {SHOAL_ERR_##name, #name, #label, text},
        SHOAL_ERROR_TABLE(SHOAL_X)
#undef SHOAL_X
};

static void
every_code_has_its_text_and_its_label(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT_OF(table); i++) {
		assert_true(table[i].code < 0 && table[i].code != SHOAL_ERR_FATAL);
		assert_string_equal(shoal_strerror(table[i].code), table[i].text);
		assert_string_equal(shoal_error_name(table[i].code), table[i].label);
		assert_int_equal(strlen(table[i].label), strlen(table[i].name));
		for (j = 0; table[i].name[j] != 0; j++) {
			assert_int_equal(table[i].label[j], tolower(table[i].name[j]));
		}
		for (j = 0; j < i; j++) {
			assert_string_not_equal(table[i].text, table[j].text);
		}
	}
}

static void
success_is_ok_and_any_other_number_unknown(void **state)
{
	static const int none[] = {1, 2, -33, -499, SHOAL_ERR_FATAL, -503, INT32_MAX, INT32_MIN};
	size_t i;

	(void)state;
	assert_string_equal(shoal_strerror(SHOAL_OK), "ok");
	assert_string_equal(shoal_error_name(SHOAL_OK), "ok");
	for (i = 0; i < COUNT_OF(none); i++) {
		assert_string_equal(shoal_strerror(none[i]), "unknown error");
		assert_string_equal(shoal_error_name(none[i]), "unknown");
	}
}

static void
codes_that_are_abi_have_their_numbers(void **state)
{
	(void)state;
	assert_int_equal(SHOAL_ERR_INVALID, -1);
	assert_int_equal(SHOAL_ERR_NO_SEED, -26);
	assert_int_equal(SHOAL_ERR_NOMEM, -501);
	assert_int_equal(SHOAL_ERR_CALLBACK, -502);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_code_has_its_text_and_its_label),
	        cmocka_unit_test(success_is_ok_and_any_other_number_unknown),
	        cmocka_unit_test(codes_that_are_abi_have_their_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
