/* SPDX-License-Identifier: MIT */
/* Erasing secrets: all of them and nothing else. */
#include "unit.h"

#include "base/wipe.h"

static void
what_was_there_is_zero_and_nothing_beside_it(void **state)
{
	uint8_t data[16], expected[16];

	(void)state;
	memset(data, 0xaa, sizeof data);
	memset(expected, 0xaa, sizeof expected);
	memset(expected + 3, 0, 7);
	shoal_wipe(data + 3, 7);
	assert_memory_equal(data, expected, sizeof data);
	shoal_wipe(data, 0);
	shoal_wipe(NULL, 0);
	assert_memory_equal(data, expected, sizeof data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_there_is_zero_and_nothing_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
