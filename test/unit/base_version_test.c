/* SPDX-License-Identifier: MIT */
/* The version of the library: the header's here, and text and number say the same. */
#include "unit.h"

#include <stdio.h>

#include <shoal/version.h>

static void
text_and_number_are_those_of_the_header(void **state)
{
	char text[32];
	int number = -1;

	(void)state;
	assert_string_equal(shoal_version(&number), SHOAL_VERSION_STRING);
	assert_int_equal(number, SHOAL_VERSION_NUMBER);
	snprintf(text, sizeof(text), "%d.%d.%d", number >> 16, number >> 8 & 255, number & 255);
	assert_string_equal(text, SHOAL_VERSION_STRING);
	assert_string_equal(shoal_version(NULL), SHOAL_VERSION_STRING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(text_and_number_are_those_of_the_header)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
