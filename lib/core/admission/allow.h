/* SPDX-License-Identifier: MIT */
/* Which addresses members may have. */
#ifndef SHOAL_CORE_ALLOW_H
#define SHOAL_CORE_ALLOW_H

#include <shoal/core.h>

#include "wire/message.h"

struct shoal_allow {
	struct shoal_cidr range[SHOAL_ALLOW_MAX];
	size_t count; /* 0: all are allowed */
};

/* SHOAL_INPUT_ALLOW. Members that are not allowed any more are gone at once. O(members). */
int shoal_allow_set(struct shoal_core *core, struct shoal_span data);

/* Whether packets from there are taken. O(ranges). */
bool shoal_allow_addr(const struct shoal_core *core, const struct shoal_addr *addr);

/* Whether what is said of a member that is held counts: that it lives does not where its addresses
 * are not allowed. */
bool shoal_allow_word(const struct shoal_core *core, uint32_t slot, enum shoal_state state);

/* Whether a member may be known here under all of its addresses; this one may. */
bool shoal_allow_member(const struct shoal_core *core, const struct shoal_msg_member *member);

#endif
