/* SPDX-License-Identifier: MIT */
/* Histograms: every value is in the bucket of the smallest bound that is not below it. */
#include "unit.h"

#include "base/histogram.h"

static void
a_value_is_counted_in_the_first_bucket_that_holds_it(void **state)
{
	static struct shoal_histograms before, after;

	(void)state;
	for (unsigned k = 0; k < SHOAL_HISTOGRAMS; k++) {
		enum shoal_histogram_kind kind = (enum shoal_histogram_kind)k;

		for (unsigned i = 0; shoal_histogram_bound(kind, i) != 0; i++) {
			for (int d = -1; d <= 1; d++) {
				uint64_t value =
				        shoal_histogram_bound(kind, i) + (uint64_t)(int64_t)d;
				unsigned into = d > 0 ? i + 1 : i;

				memset(&after, 0, sizeof(after));
				shoal_histogram_observe(&after, kind, value);
				assert_true(after.item[k].count == 1 && after.item[k].sum == value);
				if (shoal_histogram_bound(kind, into) != 0) {
					assert_true(after.item[k].bucket[into] == 1);
				} else {
					assert_memory_equal(after.item[k].bucket,
					        before.item[k].bucket,
					        sizeof(before.item[k].bucket));
				}
			}
		}
		memset(&after, 0, sizeof(after));
		shoal_histogram_observe(&after, kind, 0);
		assert_true(after.item[k].bucket[0] == 1);
		shoal_histogram_observe(&after, kind, UINT64_MAX);
		assert_true(after.item[k].count == 2 && after.item[k].bucket[0] == 1);
	}
}

static void
every_histogram_has_a_name_a_text_a_unit_and_bounds(void **state)
{
	(void)state;
	for (unsigned k = 0; k < SHOAL_HISTOGRAMS; k++) {
		enum shoal_histogram_kind kind = (enum shoal_histogram_kind)k;

		assert_true(strlen(shoal_histogram_name(kind)) > 3);
		assert_true(strlen(shoal_histogram_help(kind)) > 10);
		assert_in_range(shoal_histogram_unit(kind), SHOAL_UNIT_SECONDS, SHOAL_UNIT_RATIO);
		for (unsigned j = 0; j < k; j++) {
			assert_string_not_equal(shoal_histogram_name(kind),
			        shoal_histogram_name((enum shoal_histogram_kind)j));
		}
		for (unsigned i = 1; shoal_histogram_bound(kind, i) != 0; i++) {
			assert_true(i < SHOAL_HISTOGRAM_BUCKETS);
			assert_true(shoal_histogram_bound(kind, i) ==
			            2 * shoal_histogram_bound(kind, i - 1));
		}
	}
	assert_string_equal(shoal_histogram_name(SHOAL_HISTOGRAMS), "invalid");
	assert_string_equal(shoal_histogram_help(SHOAL_HISTOGRAMS), "invalid");
	assert_true(shoal_histogram_bound(SHOAL_HISTOGRAMS, 0) == 0);
	assert_true(shoal_histogram_bound(SHOAL_HISTOGRAM_PROBE_RTT, 1000) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_value_is_counted_in_the_first_bucket_that_holds_it),
	        cmocka_unit_test(every_histogram_has_a_name_a_text_a_unit_and_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
