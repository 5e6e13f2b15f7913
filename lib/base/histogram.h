/* SPDX-License-Identifier: MIT */
/* Counting into the histograms of shoal/metrics.h. */
#ifndef SHOAL_BASE_HISTOGRAM_H
#define SHOAL_BASE_HISTOGRAM_H

#include <shoal/metrics.h>

/* value in the row's unit: microseconds, bytes, thousandths. O(1). */
void shoal_histogram_observe(
        struct shoal_histograms *histograms, enum shoal_histogram_kind kind, uint64_t value);

#endif
