/* SPDX-License-Identifier: MIT */
/* Integer logarithms against the mathematics library in long double: the promised error everywhere,
 * and exact powers. */
#include "unit.h"

#include <math.h>

#include "base/ilog.h"

/* 2^-14 in Q16. */
#define ERROR_MAX 4.0L

static void
check(uint64_t value)
{
	long double two = log2l((long double)value) * 65536;
	long double e = logl((long double)value) * 65536;
	long double ten = log10l((long double)value) * 65536;

	assert_true(fabsl((long double)shoal_ilog2_q16(value) - two) < ERROR_MAX);
	assert_true(fabsl((long double)shoal_ilog_ln_q16(value) - e) < ERROR_MAX);
	assert_true(fabsl((long double)shoal_ilog_10_q16(value) - ten) < ERROR_MAX);
}

static void
the_error_is_below_its_bound_for_every_number_of_members(void **state)
{
	uint32_t last = 0, value;

	(void)state;
	for (value = 1; value <= 200000; value++) {
		uint32_t log = shoal_ilog2_q16(value);

		check(value);
		assert_true(log >= last);
		last = log;
	}
}

static void
the_error_is_below_its_bound_over_the_whole_range(void **state)
{
	uint64_t seed = 37;
	unsigned bit, round;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		uint64_t power = UINT64_C(1) << bit;

		assert_true(shoal_ilog2_q16(power) == bit * 65536);
		check(power);
		check(power + 1);
		if (power > 1) {
			check(power - 1);
		}
	}
	check(UINT64_MAX);
	for (round = 0; round < 200000; round++) {
		uint64_t value = unit_random(&seed) >> unit_random(&seed) % 64;

		check(value > 0 ? value : 1);
	}
}

static void
zero_and_one_have_the_logarithm_zero(void **state)
{
	(void)state;
	assert_true(shoal_ilog2_q16(0) == 0 && shoal_ilog2_q16(1) == 0);
	assert_true(shoal_ilog_ln_q16(0) == 0 && shoal_ilog_ln_q16(1) == 0);
	assert_true(shoal_ilog_10_q16(0) == 0 && shoal_ilog_10_q16(1) == 0);
	assert_true(shoal_ilog_ln_ceil(0) == 0 && shoal_ilog_ln_ceil(1) == 0);
	assert_true(shoal_ilog_ln_ceil(2) == 1);
}

static void
the_ceiling_of_the_natural_logarithm_is_exact(void **state)
{
	uint64_t value;
	uint32_t i;

	(void)state;
	for (value = 2; value < 300000; value++) {
		assert_true(shoal_ilog_ln_ceil(value) == (uint32_t)ceill(logl((long double)value)));
	}
	/* At the steps; long double has 64 bits, enough for e^i to the unit below 2^60. */
	for (i = 1; i < 41; i++) {
		uint64_t step = (uint64_t)floorl(expl((long double)i));

		assert_true(shoal_ilog_ln_ceil(step) == i);
		assert_true(shoal_ilog_ln_ceil(step + 1) == i + 1);
	}
	assert_true(shoal_ilog_ln_ceil(UINT64_C(12851600114359308275)) == 44);
	assert_true(shoal_ilog_ln_ceil(UINT64_C(12851600114359308276)) == 45);
	assert_true(shoal_ilog_ln_ceil(UINT64_MAX) == 45);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_error_is_below_its_bound_for_every_number_of_members),
	        cmocka_unit_test(the_error_is_below_its_bound_over_the_whole_range),
	        cmocka_unit_test(zero_and_one_have_the_logarithm_zero),
	        cmocka_unit_test(the_ceiling_of_the_natural_logarithm_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
