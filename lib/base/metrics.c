/* SPDX-License-Identifier: MIT */
/* Labels and texts of the counters, from the one table of shoal/metrics.h. */
#include <shoal/metrics.h>

const char *
shoal_counter_name(enum shoal_counter counter)
{
	static const char *const names[SHOAL_COUNTERS] = {
#define SHOAL_X(name, label, text) #label,
	        SHOAL_COUNTER_TABLE(SHOAL_X)
#undef SHOAL_X
	};

	return (unsigned)counter < SHOAL_COUNTERS ? names[counter] : "invalid";
}

const char *
shoal_counter_help(enum shoal_counter counter)
{
	static const char *const texts[SHOAL_COUNTERS] = {
#define SHOAL_X(name, label, text) text,
	        SHOAL_COUNTER_TABLE(SHOAL_X)
#undef SHOAL_X
	};

	return (unsigned)counter < SHOAL_COUNTERS ? texts[counter] : "invalid";
}
