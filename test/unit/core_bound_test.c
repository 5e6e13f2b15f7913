/* SPDX-License-Identifier: MIT */
/* The bound of docs/protocol.md, "Bounds": its formula in double precision, and its table. */
#include "unit.h"

#include <math.h>

#include <shoal/profile.h>

static double
formula(const struct shoal_profile *p, size_t n)
{
	double interval = p->probe_interval_ms / 1e3;
	double least = p->suspicion_mult * fmax(1, log10((double)n)) * interval;
	bool alone = n <= 2 || p->suspicion_mult <= 2;
	double most = alone ? least : p->suspicion_max_mult * least;

	return (n < 8 ? 2 * (double)n : 16) * interval + interval + most + 3 * interval +
	       10 * p->gossip_interval_ms / 1e3;
}

static void
the_bound_is_the_sum_that_the_document_derives(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 5, 7, 8, 9, 16, 100, 1000, 100000, 1000000};

	(void)state;
	for (int kind = SHOAL_PROFILE_LAN; kind <= SHOAL_PROFILE_LOCAL; kind++) {
		struct shoal_profile profile;

		assert_int_equal(shoal_profile_init(&profile, (enum shoal_profile_kind)kind), 0);
		for (size_t i = 0; i < COUNT_OF(sizes); i++) {
			double wanted = formula(&profile, sizes[i]);
			double bound =
			        (double)shoal_profile_detection_bound(&profile, sizes[i]) / 1e9;
			assert_true(fabs(bound - wanted) <= wanted / 4096);
		}
	}
}

static void
the_table_of_the_document_holds(void **state)
{
	static const struct {
		size_t n;
		double lan, local, wan;
	} rows[] = {{2, 14, 3.8, 75}, {3, 36, 8.0, 235}, {5, 40, 9.0, 255}, {16, 51, 11.4, 322},
	        {64, 65, 14.1, 430}, {128, 73, 15.5, 484}, {1000, 94, 19.5, 645}};
	struct shoal_profile lan, local, wan;

	(void)state;
	shoal_profile_init(&lan, SHOAL_PROFILE_LAN);
	shoal_profile_init(&local, SHOAL_PROFILE_LOCAL);
	shoal_profile_init(&wan, SHOAL_PROFILE_WAN);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t n = rows[i].n;
		/* Rounded to the digits that the document shows. */
		assert_true(fabs((double)shoal_profile_detection_bound(&lan, n) / 1e9 -
		                    rows[i].lan) <= 0.51);
		assert_true(fabs((double)shoal_profile_detection_bound(&local, n) / 1e9 -
		                    rows[i].local) <= 0.051);
		assert_true(fabs((double)shoal_profile_detection_bound(&wan, n) / 1e9 -
		                    rows[i].wan) <= 0.51);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_bound_is_the_sum_that_the_document_derives),
	        cmocka_unit_test(the_table_of_the_document_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
