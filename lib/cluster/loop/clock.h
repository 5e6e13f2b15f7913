/* SPDX-License-Identifier: MIT */
/* The two clocks that a core is fed with. */
#ifndef SHOAL_CLUSTER_CLOCK_H
#define SHOAL_CLUSTER_CLOCK_H

#include <shoal/types.h>

/* Remembers the last reading, so that what a core is told never goes backwards. One loop uses it.
 */
struct shoal_clock {
	uint64_t last;
};

/* CLOCK_BOOTTIME: it counts suspended time, which must look like a stall and not like nothing. */
uint64_t shoal_clock_mono(struct shoal_clock *clock);
/* CLOCK_REALTIME, since 1970. */
uint64_t shoal_clock_wall(void);
/* The moment `age` before `now`, never 0: that means "unknown" to the core. */
uint64_t shoal_clock_before(uint64_t now, uint64_t age);

#endif
