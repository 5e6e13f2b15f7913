/* SPDX-License-Identifier: MIT */
/* Coalescing where the program is slow, and its queue is full. */
#include "cluster_coalesce.h"

/* Its update stands behind its change, and is what the queue gives up for the newest event. */
static void
what_comes_when_the_queue_is_full_is_told_after_all_of_its_member(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 8);
	happen(&rig, 1, UPDATE, UP, UP, 1);
	happen(&rig, 1, SUSPECT, UP, ODD, 0);
	shoal_callbacks_commit(&rig.callbacks, 0);
	shoal_callbacks_commit(&rig.callbacks, 100);
	for (uint8_t other = 2; other < 9; other++) {
		happen(&rig, other, LEFT, DOWN, GONE, 0);
	}
	shoal_callbacks_commit(&rig.callbacks, 200);
	happen(&rig, 1, FAILED, ODD, DOWN, 0);
	commit(&rig, 300);
	commit(&rig, 400);
	assert_non_null(strstr(rig.text, "suspect 1 1>2; "));
	assert_non_null(strstr(rig.text, "failed 1 "));
	assert_null(strstr(rig.text, "update 1 "));
	assert_true(strstr(rig.text, "suspect 1 ") < strstr(rig.text, "failed 1 "));
	end(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_comes_when_the_queue_is_full_is_told_after_all_of_its_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
