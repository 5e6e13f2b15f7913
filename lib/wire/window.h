/* SPDX-License-Identifier: MIT */
/* A replay window (RFC 4303, 3.4.3): which of the last counters of a sender were seen. What is
 * below counts as seen, what is above does not. All O(1), but a jump, which clears what it passes.
 */
#ifndef SHOAL_WIRE_WINDOW_H
#define SHOAL_WIRE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Counters, a power of two, of datagrams and of messages on streams. A long message is under way
 * for seconds, in which its sender counts what it says to all others. */
#define SHOAL_REPLAY_WINDOW  1024
#define SHOAL_REPLAY_STREAMS 8192

struct shoal_window {
	uint64_t top;   /* the highest counter seen */
	uint64_t size;  /* how many below it are told apart */
	uint64_t *seen; /* a bit a counter, by its remainder; the caller's */
};

/* seen: size / 64 of them. all: everything at or below top was seen; else nothing, and top is 0. */
static inline void
shoal_window_init(
        struct shoal_window *window, uint64_t *seen, uint64_t size, uint64_t top, bool all)
{
	*window = (struct shoal_window){.top = top, .size = size, .seen = seen};
	memset(seen, all ? 0xff : 0, (size_t)size / 8);
}

static inline bool
shoal_window_saw(const struct shoal_window *window, uint64_t counter)
{
	uint64_t at = counter % window->size;

	if (counter > window->top) {
		return false;
	}
	return window->top - counter >= window->size || (window->seen[at / 64] >> at % 64 & 1) != 0;
}

/* A counter that was not seen. */
static inline void
shoal_window_mark(struct shoal_window *window, uint64_t counter)
{
	uint64_t at = counter % window->size;
	uint64_t ahead = counter > window->top ? counter - window->top : 0;

	if (ahead >= window->size) {
		memset(window->seen, 0, (size_t)window->size / 8);
	} else {
		for (uint64_t i = 1; i <= ahead; i++) {
			uint64_t passed = (window->top + i) % window->size;
			window->seen[passed / 64] &= ~(UINT64_C(1) << passed % 64);
		}
	}
	window->top += ahead;
	window->seen[at / 64] |= UINT64_C(1) << at % 64;
}

#endif
