/* SPDX-License-Identifier: MIT */
/* Hybrid logical clock: the algorithm of Kulkarni, Demirbas, Madappa, Avva and Leone 2014, figure
 * 5, with both parts in one number, so that "larger wall clock, else next counter" is one
 * comparison and a counter that runs over carries into the milliseconds. 64 bits of nanoseconds are
 * less than 45 bits of milliseconds, so no sum here can overflow.
 *
 * The drift cap keeps one machine with a clock in the far future from taking the whole cluster
 * there. */
#include "base/hlc.h"

static uint64_t
wall_stamp(uint64_t wall_ns, uint64_t ahead_ms)
{
	return (wall_ns / 1000000 + ahead_ms) << 16;
}

uint64_t
shoal_hlc_now(struct shoal_hlc *clock, uint64_t wall_ns)
{
	uint64_t stamp = wall_stamp(wall_ns, 0);

	clock->last = stamp > clock->last ? stamp : clock->last + 1;
	return clock->last;
}

bool
shoal_hlc_merge(struct shoal_hlc *clock, uint64_t stamp, uint64_t wall_ns)
{
	uint64_t cap = wall_stamp(wall_ns, SHOAL_HLC_DRIFT_MS);
	bool fits = shoal_hlc_ms(stamp) <= shoal_hlc_ms(cap);

	if (!fits) {
		stamp = cap;
	}
	if (stamp > clock->last) {
		clock->last = stamp;
	}
	return fits;
}

uint64_t
shoal_hlc_ms(uint64_t stamp)
{
	return stamp >> 16;
}
