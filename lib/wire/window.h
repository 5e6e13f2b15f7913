/* SPDX-License-Identifier: MIT */
/* A replay window (RFC 4303, 3.4.3): which of the last 1,024 counters of a sender were seen. What
 * is below counts as seen, what is above does not. All O(1), but a jump, which clears what it
 * passes. */
#ifndef SHOAL_WIRE_WINDOW_H
#define SHOAL_WIRE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SHOAL_REPLAY_WINDOW 1024 /* counters */

struct shoal_window {
	uint64_t top;                            /* the highest counter seen */
	uint64_t seen[SHOAL_REPLAY_WINDOW / 64]; /* a bit a counter, by its remainder */
};

/* all: everything at or below top was seen; else nothing, and top is 0. */
static inline void
shoal_window_init(struct shoal_window *window, uint64_t top, bool all)
{
	window->top = top;
	memset(window->seen, all ? 0xff : 0, sizeof window->seen);
}

static inline bool
shoal_window_saw(const struct shoal_window *window, uint64_t counter)
{
	uint64_t at = counter % SHOAL_REPLAY_WINDOW;

	if (counter > window->top) {
		return false;
	}
	return window->top - counter >= SHOAL_REPLAY_WINDOW ||
	       (window->seen[at / 64] >> at % 64 & 1) != 0;
}

/* A counter that was not seen. */
static inline void
shoal_window_mark(struct shoal_window *window, uint64_t counter)
{
	uint64_t at = counter % SHOAL_REPLAY_WINDOW;
	uint64_t ahead = counter > window->top ? counter - window->top : 0;

	for (uint64_t i = 1; i <= ahead && i <= SHOAL_REPLAY_WINDOW; i++) {
		uint64_t passed = (window->top + i) % SHOAL_REPLAY_WINDOW;
		window->seen[passed / 64] &= ~(UINT64_C(1) << passed % 64);
	}
	window->top += ahead;
	window->seen[at / 64] |= UINT64_C(1) << at % 64;
}

#endif
