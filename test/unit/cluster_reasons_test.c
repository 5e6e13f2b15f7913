/* SPDX-License-Identifier: MIT */
/* Lists of reasons: whole where they fit, counted where they do not. */
#include "unit.h"

#include "cluster/report/reasons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
reasons_are_listed_in_order(void **state)
{
	struct shoal_reasons reasons = {0};

	(void)state;
	assert_string_equal(reasons.text, "");
	shoal_reasons_add(&reasons, "a: %s", "refused");
	assert_string_equal(reasons.text, "a: refused");
	shoal_reasons_add(&reasons, "b: %d", 7);
	assert_string_equal(reasons.text, "a: refused; b: 7");
	shoal_reasons_clear(&reasons);
	assert_string_equal(reasons.text, "");
	shoal_reasons_add(&reasons, "c");
	assert_string_equal(reasons.text, "c");
}

static void
reasons_that_have_no_place_are_counted(void **state)
{
	struct shoal_reasons reasons = {0};
	unsigned listed = 0;
	char tail[32];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		shoal_reasons_add(&reasons, "10.0.0.%u:7946: connection refused", i);
		assert_true(strlen(reasons.text) < sizeof(reasons.text));
	}
	for (const char *at = reasons.text; (at = strstr(at, "refused")) != NULL; at++) {
		listed++;
	}
	assert_in_range(listed, 20, 199);
	snprintf(tail, sizeof(tail), "refused; and %u more", 200 - listed);
	assert_string_equal(reasons.text + strlen(reasons.text) - strlen(tail), tail);
}

static void
one_behind_the_end_is_counted_though_it_would_fit(void **state)
{
	struct shoal_reasons reasons = {0};
	char longest[SHOAL_LAST_ERROR_MAX];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	shoal_reasons_add(&reasons, "a");
	shoal_reasons_add(&reasons, "%s", longest);
	assert_string_equal(reasons.text, "a; and 1 more");
	shoal_reasons_add(&reasons, "b");
	assert_string_equal(reasons.text, "a; and 2 more");
}

static void
the_first_one_is_cut_where_it_does_not_fit(void **state)
{
	struct shoal_reasons reasons = {0};
	char longest[2 * SHOAL_LAST_ERROR_MAX];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	shoal_reasons_add(&reasons, "%s", longest);
	assert_int_equal(strlen(reasons.text), reasons.len);
	assert_in_range(reasons.len, SHOAL_LAST_ERROR_MAX / 2, SHOAL_LAST_ERROR_MAX - 1);
	shoal_reasons_add(&reasons, "b");
	assert_string_equal(reasons.text + reasons.len, "; and 1 more");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reasons_are_listed_in_order),
	        cmocka_unit_test(reasons_that_have_no_place_are_counted),
	        cmocka_unit_test(one_behind_the_end_is_counted_though_it_would_fit),
	        cmocka_unit_test(the_first_one_is_cut_where_it_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
