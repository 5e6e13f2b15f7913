/* SPDX-License-Identifier: MIT */
/* Which addresses members may have. */
#ifndef SHOAL_CORE_ALLOW_H
#define SHOAL_CORE_ALLOW_H

#include <shoal/core.h>

#include "wire/message.h"

struct shoal_allow {
	struct shoal_cidr *range; /* NULL: all are allowed */
	size_t count;
};

void shoal_allow_done(struct shoal_core *core);

/* SHOAL_INPUT_ALLOW. */
int shoal_allow_set(struct shoal_core *core, struct shoal_span data);

/* Whether packets from there are taken. O(ranges). */
bool shoal_allow_addr(const struct shoal_core *core, const struct shoal_addr *addr);

/* Whether a member may be known here under all of its addresses; this one may. */
bool shoal_allow_member(const struct shoal_core *core, const struct shoal_msg_member *member);

#endif
