/* SPDX-License-Identifier: MIT */
/* Random bytes differ from call to call and fill what they are asked to. */
#include "unit.h"

#include "cluster/loop/entropy.h"

static void
two_draws_differ_and_touch_nothing_beside(void **state)
{
	uint8_t a[66] = {0}, b[66] = {0};

	(void)state;
	assert_int_equal(shoal_entropy_fill(a + 1, 64), 0);
	assert_int_equal(shoal_entropy_fill(b + 1, 64), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(a[0] | a[65] | b[0] | b[65], 0);
	assert_int_equal(shoal_entropy_fill(a, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(two_draws_differ_and_touch_nothing_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
