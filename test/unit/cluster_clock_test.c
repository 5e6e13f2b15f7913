/* SPDX-License-Identifier: MIT */
/* Time for the core never goes backwards. */
#include "unit.h"

#include "cluster/loop/clock.h"

#include <time.h>

static void
the_clock_of_a_loop_never_goes_backwards(void **state)
{
	struct shoal_clock clock = {0};
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t now = shoal_clock_mono(&clock);

		assert_true(now > 0 && now >= last);
		last = now;
	}
	clock.last = last + SHOAL_SEC(1000);
	assert_true(shoal_clock_mono(&clock) == last + SHOAL_SEC(1000));
}

/* Time for which the machine was suspended counts: to the core that is a stall. */
static void
the_clock_of_a_loop_counts_suspended_time(void **state)
{
	struct shoal_clock clock = {0};
	struct timespec before, after;

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &before), 0);
	uint64_t now = shoal_clock_mono(&clock);
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &after), 0);
	assert_true(now >= SHOAL_SEC(before.tv_sec) + (uint64_t)before.tv_nsec);
	assert_true(now <= SHOAL_SEC(after.tv_sec) + (uint64_t)after.tv_nsec);
}

static void
a_moment_before_now_is_never_the_unknown_moment(void **state)
{
	(void)state;
	assert_int_equal(shoal_clock_before(1000, 0), 1000);
	assert_int_equal(shoal_clock_before(1000, 999), 1);
	assert_int_equal(shoal_clock_before(1000, 1000), 1);
	assert_int_equal(shoal_clock_before(1000, UINT64_MAX), 1);
}

static void
the_wall_clock_counts_from_1970(void **state)
{
	(void)state;
	assert_true(shoal_clock_wall() > SHOAL_SEC(1600000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_clock_of_a_loop_never_goes_backwards),
	        cmocka_unit_test(the_clock_of_a_loop_counts_suspended_time),
	        cmocka_unit_test(a_moment_before_now_is_never_the_unknown_moment),
	        cmocka_unit_test(the_wall_clock_counts_from_1970),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
