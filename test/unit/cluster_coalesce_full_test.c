/* SPDX-License-Identifier: MIT */
/* Coalescing where the program is slow, and its queue is full, or where memory is short. */
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

/* What the second of two rigs does with an event is what the first one did, up to the allocation
 * that was its last: that which makes the place of the member's newest event. */
static void
happen_without_a_place(struct rig *rig, unsigned kind, int was, unsigned changed)
{
	size_t failed = rig->fault.failed;
	struct rig other;

	begin(&other, 100);
	size_t before = other.fault.calls;
	happen(&other, 20, kind, was, ODD, changed);
	rig->fault.fail_at = rig->fault.calls + other.fault.calls - before;
	end(&other);
	happen(rig, 20, kind, was, ODD, changed);
	assert_int_equal(rig->fault.failed, failed + 1);
	assert_int_equal(rig->fault.calls, rig->fault.fail_at);
	assert_false(rig->short_of_memory);
}

static void
without_memory_for_the_place_of_its_newest_event_a_member_is_told_of_all_the_same(void **state)
{
	struct rig rig;

	(void)state;
	/* Of the first member at all, and of one beyond the places that there are. */
	for (unsigned others = 0; others <= 1; others++) {
		begin(&rig, 100);
		if (others > 0) {
			happen(&rig, 1, LEFT, DOWN, GONE, 0);
		}
		happen_without_a_place(&rig, SUSPECT, UP, 0);
		happen_without_a_place(&rig, UPDATE, ODD, 1);
		assert_true(rig.callbacks.last.capacity <= 20);
		commit(&rig, 0);
		commit(&rig, 100);
		assert_non_null(strstr(rig.text, "suspect 20 1>2; "));
		assert_non_null(strstr(rig.text, "update 20 2>2 1 "));
		assert_int_equal(rig.events, others + 2);
		assert_int_equal(rig.overflows, 0);
		end(&rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_comes_when_the_queue_is_full_is_told_after_all_of_its_member),
	        cmocka_unit_test(
	                without_memory_for_the_place_of_its_newest_event_a_member_is_told_of_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
