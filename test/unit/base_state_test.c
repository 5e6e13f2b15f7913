/* SPDX-License-Identifier: MIT */
/* Names of the states: each its own, and none for other numbers. */
#include "unit.h"

#include <shoal/types.h>

static void
every_state_has_its_name(void **state)
{
	static const char *const names[SHOAL_STATES] = {
	        "unknown", "alive", "suspect", "dead", "leaving", "left"};
	unsigned i;

	(void)state;
	for (i = 0; i < SHOAL_STATES; i++) {
		assert_string_equal(shoal_state_name((enum shoal_state)i), names[i]);
	}
	assert_string_equal(shoal_state_name((enum shoal_state)SHOAL_STATES), "invalid");
	assert_string_equal(shoal_state_name((enum shoal_state)255), "invalid");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_state_has_its_name)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
