/* SPDX-License-Identifier: MIT */
/* Labels and texts of the counters: complete, different, and fit to be names of metrics. */
#include "unit.h"

#include <ctype.h>

#include <shoal/metrics.h>

static const struct {
	const char *name, *label, *text;
} table[] = {
#define SHOAL_X(name, label, text) {#name, #label, text},
        SHOAL_COUNTER_TABLE(SHOAL_X)
#undef SHOAL_X
};

static void
every_counter_has_its_label_and_its_text(void **state)
{
	size_t i, j;

	(void)state;
	assert_int_equal(COUNT_OF(table), SHOAL_COUNTERS);
	for (i = 0; i < COUNT_OF(table); i++) {
		enum shoal_counter counter = (enum shoal_counter)i;

		assert_string_equal(shoal_counter_name(counter), table[i].label);
		assert_string_equal(shoal_counter_help(counter), table[i].text);
		assert_int_equal(strlen(table[i].label), strlen(table[i].name));
		for (j = 0; table[i].name[j] != 0; j++) {
			assert_int_equal(table[i].label[j], tolower(table[i].name[j]));
		}
		for (j = 0; j < i; j++) {
			assert_string_not_equal(table[i].label, table[j].label);
			assert_string_not_equal(table[i].text, table[j].text);
		}
	}
}

static void
a_number_that_is_no_counter_is_invalid(void **state)
{
	(void)state;
	assert_string_equal(shoal_counter_name(SHOAL_COUNTERS), "invalid");
	assert_string_equal(shoal_counter_help(SHOAL_COUNTERS), "invalid");
	assert_string_equal(shoal_counter_name((enum shoal_counter)1000000), "invalid");
	assert_string_equal(shoal_counter_name(SHOAL_COUNTER_DATAGRAMS_IN), "datagrams_in");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_counter_has_its_label_and_its_text),
	        cmocka_unit_test(a_number_that_is_no_counter_is_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
