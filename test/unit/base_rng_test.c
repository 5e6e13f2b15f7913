/* SPDX-License-Identifier: MIT */
/* PCG32 against the numbers of its author's demonstration program; bounds; evenness, with fixed
 * seeds. */
#include "unit.h"

#include "base/rng.h"

static void
the_authors_numbers_come_out(void **state)
{
	static const uint32_t numbers[] = {UINT32_C(0xa15c02b7), UINT32_C(0x7b47f409),
	        UINT32_C(0xba1d3330), UINT32_C(0x83d2f293), UINT32_C(0xbfa4784b),
	        UINT32_C(0xcbed606e)};
	struct shoal_rng rng;
	size_t i;

	(void)state;
	shoal_rng_init(&rng, 42, 54);
	for (i = 0; i < COUNT_OF(numbers); i++) {
		assert_true(shoal_rng_u32(&rng) == numbers[i]);
	}
	shoal_rng_init(&rng, 42, 54);
	assert_true(shoal_rng_u64(&rng) == UINT64_C(0xa15c02b77b47f409));
}

static void
seed_and_stream_both_choose_the_sequence(void **state)
{
	struct shoal_rng a, b, c, same;
	unsigned i, ab = 0, ac = 0;

	(void)state;
	shoal_rng_init(&a, 1, 1);
	shoal_rng_init(&same, 1, 1);
	shoal_rng_init(&b, 2, 1);
	shoal_rng_init(&c, 1, 2);
	for (i = 0; i < 1000; i++) {
		uint32_t draw = shoal_rng_u32(&a);

		assert_true(shoal_rng_u32(&same) == draw);
		ab += shoal_rng_u32(&b) == draw;
		ac += shoal_rng_u32(&c) == draw;
	}
	assert_true(ab <= 1 && ac <= 1);
}

static void
numbers_below_a_bound_are_even(void **state)
{
	static const uint32_t bounds[] = {1, 2, 3, 7, 10, 64, 100};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bounds); i++) {
		uint32_t n = bounds[i], seen[100] = {0}, k;
		struct shoal_rng rng;

		shoal_rng_init(&rng, 7, i);
		for (k = 0; k < n * 10000; k++) {
			uint32_t draw = shoal_rng_below(&rng, n);

			assert_true(draw < n);
			seen[draw]++;
		}
		/* Six standard deviations of a count whose mean is 10000. */
		for (k = 0; k < n; k++) {
			assert_true(n == 1 || (seen[k] > 9400 && seen[k] < 10600));
		}
	}
}

static void
a_bound_that_does_not_divide_the_range_has_no_bias(void **state)
{
	/* Of 2^32 numbers, 3/4 * 2^32 does not take a whole share each: without rejection the
	 * lowest third would come twice as often as the others. */
	const uint32_t n = UINT32_C(3) << 30;
	uint32_t third[3] = {0}, k;
	struct shoal_rng rng;

	(void)state;
	shoal_rng_init(&rng, 7, 7);
	for (k = 0; k < 30000; k++) {
		uint32_t draw = shoal_rng_below(&rng, n);

		assert_true(draw < n);
		third[draw >> 30]++;
	}
	for (k = 0; k < 3; k++) {
		assert_true(third[k] > 9500 && third[k] < 10500);
	}
	for (k = 0; k < 1000; k++) {
		assert_true(shoal_rng_below(&rng, UINT32_MAX) < UINT32_MAX);
	}
}

static void
numbers_between_two_include_both(void **state)
{
	struct shoal_rng rng;
	bool low = false, high = false;
	unsigned i;

	(void)state;
	shoal_rng_init(&rng, 9, 9);
	for (i = 0; i < 1000; i++) {
		uint64_t draw = shoal_rng_between(&rng, UINT64_MAX - 3, UINT64_MAX);

		assert_true(draw >= UINT64_MAX - 3);
		low |= draw == UINT64_MAX - 3;
		high |= draw == UINT64_MAX;
		assert_true(shoal_rng_between(&rng, 5, 5) == 5);
	}
	assert_true(low && high);
}

static void
wide_ranges_are_even_too(void **state)
{
	static const uint64_t spans[] = {UINT32_MAX - UINT64_C(1), UINT32_MAX,
	        UINT32_MAX + UINT64_C(1), UINT64_C(3) << 62, UINT64_MAX - 1, UINT64_MAX};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(spans); i++) {
		unsigned quarter[4] = {0}, k;
		struct shoal_rng rng;
		uint64_t low = UINT64_MAX - spans[i];

		shoal_rng_init(&rng, 10, i);
		for (k = 0; k < 40000; k++) {
			uint64_t draw = shoal_rng_between(&rng, low, UINT64_MAX);

			assert_true(draw >= low);
			quarter[(draw - low) / (spans[i] / 4 + 1)]++;
		}
		for (k = 0; k < 4; k++) {
			assert_true(quarter[k] > 9500 && quarter[k] < 10500);
		}
	}
}

static void
ranges_of_a_power_of_two_keep_the_bits_as_they_were_drawn(void **state)
{
	unsigned bits, k;

	(void)state;
	for (bits = 33; bits < 64; bits++) {
		struct shoal_rng rng, same;

		shoal_rng_init(&rng, 11, bits);
		same = rng;
		for (k = 0; k < 100; k++) {
			uint64_t last = (UINT64_C(1) << bits) - 1;

			assert_true(shoal_rng_between(&rng, 7, last + 7) ==
			            (shoal_rng_u64(&same) & last) + 7);
		}
	}
	for (bits = 0; bits < 32; bits++) {
		struct shoal_rng rng, same;

		shoal_rng_init(&rng, 12, bits);
		same = rng;
		for (k = 0; k < 100; k++) {
			assert_true(shoal_rng_below(&rng, UINT32_C(1) << bits) ==
			            (uint64_t)shoal_rng_u32(&same) << bits >> 32);
		}
	}
}

static void
below_zero(void *arg)
{
	shoal_rng_below(arg, 0);
}

static void
between_nothing(void *arg)
{
	shoal_rng_between(arg, 2, 1);
}

static void
to_choose_from_nothing_is_a_bug(void **state)
{
	struct shoal_rng rng;

	(void)state;
	shoal_rng_init(&rng, 1, 1);
	assert_true(unit_panics(below_zero, &rng));
	assert_true(unit_panics(between_nothing, &rng));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_authors_numbers_come_out),
	        cmocka_unit_test(seed_and_stream_both_choose_the_sequence),
	        cmocka_unit_test(numbers_below_a_bound_are_even),
	        cmocka_unit_test(a_bound_that_does_not_divide_the_range_has_no_bias),
	        cmocka_unit_test(numbers_between_two_include_both),
	        cmocka_unit_test(wide_ranges_are_even_too),
	        cmocka_unit_test(ranges_of_a_power_of_two_keep_the_bits_as_they_were_drawn),
	        cmocka_unit_test(to_choose_from_nothing_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
