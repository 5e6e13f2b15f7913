/* SPDX-License-Identifier: MIT */
/* Stalls of this member's own loop: what it could not hear meanwhile is not held against others. */
#ifndef SHOAL_CORE_LAG_H
#define SHOAL_CORE_LAG_H

#include <stdint.h>

struct shoal_core;
struct shoal_text;

struct shoal_lag {
	uint64_t ns;     /* how late the loop was in the last stall */
	uint64_t at;     /* when that ended, 0: there was none */
	uint64_t logged; /* when one was logged last, 0: never */
};

/* An input has come; `before`: the time of the one before it. */
void shoal_lag_observe(struct shoal_core *core, uint64_t before);

/* The lag of the last stall that ended at or after this time, 0: there was none. */
uint64_t shoal_lag_since(const struct shoal_core *core, uint64_t time);

/* Appends that to the detail of a cause, where there was one. */
void shoal_lag_describe(const struct shoal_core *core, uint64_t time, struct shoal_text *text);

#endif
