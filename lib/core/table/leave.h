/* SPDX-License-Identifier: MIT */
/* Leaving: said to a few members until they answer, and gossiped. */
#ifndef SHOAL_CORE_LEAVE_H
#define SHOAL_CORE_LEAVE_H

#include <shoal/core.h>

struct shoal_core;

/* The LEAVE command. SHOAL_ERR_STATE: already leaving. */
int shoal_leave_begin(struct shoal_core *core, uint64_t timeout_ns);

/* A member answered to what was said in a phase (enum shoal_leave_phase). */
void shoal_leave_told(struct shoal_core *core, unsigned phase);

/* Ends at once, and tells nobody. */
void shoal_leave_end(struct shoal_core *core, int code);

void shoal_leave_on_timer(struct shoal_core *core);

#endif
