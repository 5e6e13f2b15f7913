/* SPDX-License-Identifier: MIT */
/* Histograms with buckets at powers of two: an observation is a count of leading zeros and three
 * additions, and two machines count the same. */
#include "base/histogram.h"

static const struct {
	const char *name, *text;
	enum shoal_unit unit;
	unsigned low, high;
} rows[SHOAL_HISTOGRAMS] = {
#define SHOAL_X(name, label, unit, low, high, text) {#label, text, SHOAL_UNIT_##unit, low, high},
        SHOAL_HISTOGRAM_TABLE(SHOAL_X)
#undef SHOAL_X
};

#define SHOAL_X(name, label, unit, low, high, text)                                                \
	_Static_assert((low) < (high) && (high) - (low) < SHOAL_HISTOGRAM_BUCKETS, #label);
SHOAL_HISTOGRAM_TABLE(SHOAL_X)
#undef SHOAL_X

static bool
is_kind(enum shoal_histogram_kind kind)
{
	return (unsigned)kind < SHOAL_HISTOGRAMS;
}

const char *
shoal_histogram_name(enum shoal_histogram_kind kind)
{
	return is_kind(kind) ? rows[kind].name : "invalid";
}

const char *
shoal_histogram_help(enum shoal_histogram_kind kind)
{
	return is_kind(kind) ? rows[kind].text : "invalid";
}

enum shoal_unit
shoal_histogram_unit(enum shoal_histogram_kind kind)
{
	return is_kind(kind) ? rows[kind].unit : SHOAL_UNIT_BYTES;
}

uint64_t
shoal_histogram_bound(enum shoal_histogram_kind kind, unsigned i)
{
	return is_kind(kind) && i <= rows[kind].high - rows[kind].low
	               ? UINT64_C(1) << (rows[kind].low + i)
	               : 0;
}

/* The smallest power of two that is not below the value. */
static unsigned
power_above(uint64_t value)
{
	return value < 2 ? 0 : 64u - (unsigned)__builtin_clzll(value - 1);
}

void
shoal_histogram_observe(
        struct shoal_histograms *histograms, enum shoal_histogram_kind kind, uint64_t value)
{
	struct shoal_histogram *histogram = &histograms->item[kind];
	unsigned power = power_above(value);
	unsigned bucket = power > rows[kind].low ? power - rows[kind].low : 0;

	histogram->count++;
	histogram->sum += value;
	if (power <= rows[kind].high) {
		histogram->bucket[bucket]++;
	}
}
