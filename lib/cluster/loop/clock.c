/* SPDX-License-Identifier: MIT */
/* Reads the clocks for the core.
 *
 * The core refuses an input that is older than the one before. The kernel promises that
 * CLOCK_BOOTTIME does not go back, hypervisors have broken that promise; a clamp is one comparison.
 * Both clocks are read without a system call where the kernel offers that. */
#include "cluster/loop/clock.h"

#include <time.h>

static uint64_t
read_clock(clockid_t id)
{
	struct timespec at;

	if (clock_gettime(id, &at) != 0) {
		return 0;
	}
	return (uint64_t)at.tv_sec * UINT64_C(1000000000) + (uint64_t)at.tv_nsec;
}

uint64_t
shoal_clock_mono(struct shoal_clock *clock)
{
	uint64_t now = read_clock(CLOCK_BOOTTIME);

	if (now > clock->last) {
		clock->last = now;
	}
	return clock->last;
}

uint64_t
shoal_clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t
shoal_clock_before(uint64_t now, uint64_t age)
{
	return age < now ? now - age : 1;
}
