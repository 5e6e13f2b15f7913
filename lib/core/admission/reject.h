/* SPDX-License-Identifier: MIT */
/* What becomes of a packet that is not taken. */
#ifndef SHOAL_CORE_REJECT_H
#define SHOAL_CORE_REJECT_H

#include <shoal/core.h>

struct shoal_core;

/* Counts a packet that was dropped for this reason. */
void shoal_reject_count(struct shoal_core *core, int rc);

/* The same of one that asked something or opened a link, which hears why, and the log tells it. One
 * that was sealed for another instance came from a member that does not know this one: it is told.
 */
void shoal_reject(struct shoal_core *core, const struct shoal_input *input, int rc);

#endif
