/* SPDX-License-Identifier: MIT */
/* The hybrid clock: strictly growing whatever the wall clock does, above what was merged, and the
 * cap of 60 s to the millisecond. */
#include "unit.h"

#include "base/hlc.h"

#define MS UINT64_C(1000000)

static void
a_stamp_is_milliseconds_and_a_counter(void **state)
{
	struct shoal_hlc clock = {0};

	(void)state;
	assert_true(shoal_hlc_now(&clock, 1000 * MS) == UINT64_C(1000) << 16);
	assert_true(shoal_hlc_now(&clock, 1000 * MS) == (UINT64_C(1000) << 16 | 1));
	assert_true(shoal_hlc_now(&clock, 1001 * MS - 1) == (UINT64_C(1000) << 16 | 2));
	assert_true(shoal_hlc_now(&clock, 1001 * MS) == UINT64_C(1001) << 16);
	assert_true(shoal_hlc_ms(clock.last) == 1001);
	assert_true(shoal_hlc_ms(clock.last | 0xffff) == 1001);
}

static void
stamps_grow_when_the_wall_clock_goes_backwards(void **state)
{
	static const uint64_t walls[] = {5000, 4000, 0, 4999, 5000, 1, 5001, 5000};
	struct shoal_hlc clock = {0};
	uint64_t last = 0;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(walls); i++) {
		uint64_t stamp = shoal_hlc_now(&clock, walls[i] * MS);

		assert_true(stamp > last);
		assert_true(shoal_hlc_ms(stamp) >= walls[i]);
		last = stamp;
	}
	assert_true(shoal_hlc_ms(last) == 5001);
}

static void
a_counter_that_runs_over_takes_from_the_milliseconds(void **state)
{
	struct shoal_hlc clock = {UINT64_C(70) << 16 | 0xfffe};
	uint64_t last = clock.last;

	(void)state;
	assert_true(shoal_hlc_now(&clock, 0) == last + 1);
	assert_true(shoal_hlc_now(&clock, 0) == UINT64_C(71) << 16);
	assert_true(shoal_hlc_now(&clock, 71 * MS) == (UINT64_C(71) << 16 | 1));
}

static void
the_next_stamp_is_above_one_that_was_merged(void **state)
{
	struct shoal_hlc clock = {0};
	uint64_t remote = UINT64_C(1500) << 16 | 7;

	(void)state;
	shoal_hlc_now(&clock, 1000 * MS);
	assert_true(shoal_hlc_merge(&clock, remote, 1000 * MS));
	assert_true(shoal_hlc_now(&clock, 1000 * MS) == remote + 1);
	/* An older one changes nothing. */
	assert_true(shoal_hlc_merge(&clock, 5, 1000 * MS));
	assert_true(shoal_hlc_now(&clock, 1000 * MS) == remote + 2);
	assert_true(shoal_hlc_merge(&clock, clock.last, 1000 * MS));
	assert_true(shoal_hlc_now(&clock, 1000 * MS) == remote + 3);
}

static void
a_stamp_may_be_sixty_seconds_ahead_and_no_millisecond_more(void **state)
{
	const uint64_t wall = 1700000000000, edge = (wall + SHOAL_HLC_DRIFT_MS) << 16;
	struct shoal_hlc clock = {0};

	(void)state;
	assert_true(shoal_hlc_merge(&clock, edge | 0xffff, wall * MS));
	assert_true(clock.last == (edge | 0xffff));
	clock.last = 0;
	assert_false(shoal_hlc_merge(&clock, edge + 0x10000, wall * MS));
	assert_true(clock.last == edge);
	assert_true(shoal_hlc_now(&clock, wall * MS) == edge + 1);
	assert_false(shoal_hlc_merge(&clock, UINT64_MAX, wall * MS));
	assert_true(clock.last == edge + 1);
}

static void
a_far_stamp_again_and_again_cannot_push_the_clock_on(void **state)
{
	const uint64_t wall = 1700000000000;
	struct shoal_hlc clock = {0};
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		assert_false(shoal_hlc_merge(&clock, UINT64_MAX, wall * MS));
	}
	assert_true(shoal_hlc_ms(clock.last) == wall + SHOAL_HLC_DRIFT_MS);
	/* Later the cap has moved with the wall clock. */
	assert_false(shoal_hlc_merge(&clock, UINT64_MAX, (wall + 5) * MS));
	assert_true(shoal_hlc_ms(clock.last) == wall + 5 + SHOAL_HLC_DRIFT_MS);
}

static void
the_ends_of_the_range_do_not_overflow(void **state)
{
	struct shoal_hlc clock = {0};

	(void)state;
	assert_true(shoal_hlc_merge(&clock, 0, 0));
	assert_true(shoal_hlc_now(&clock, 0) == 1);
	assert_true(shoal_hlc_ms(shoal_hlc_now(&clock, UINT64_MAX)) == UINT64_MAX / MS);
	assert_false(shoal_hlc_merge(&clock, UINT64_MAX, UINT64_MAX));
	assert_true(shoal_hlc_ms(clock.last) == UINT64_MAX / MS + SHOAL_HLC_DRIFT_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_stamp_is_milliseconds_and_a_counter),
	        cmocka_unit_test(stamps_grow_when_the_wall_clock_goes_backwards),
	        cmocka_unit_test(a_counter_that_runs_over_takes_from_the_milliseconds),
	        cmocka_unit_test(the_next_stamp_is_above_one_that_was_merged),
	        cmocka_unit_test(a_stamp_may_be_sixty_seconds_ahead_and_no_millisecond_more),
	        cmocka_unit_test(a_far_stamp_again_and_again_cannot_push_the_clock_on),
	        cmocka_unit_test(the_ends_of_the_range_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
