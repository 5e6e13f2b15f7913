/* SPDX-License-Identifier: MIT */
/* The permutation of the members that take part: shuffled rounds of probing (SWIM 4.3) and random
 * choice, each O(1). */
#ifndef SHOAL_CORE_ORDER_H
#define SHOAL_CORE_ORDER_H

#include "core/members.h"

/* Room for n members. SHOAL_ERR_NOMEM. */
int shoal_order_reserve(struct shoal_core *core, uint32_t n);
/* At a random place of what is left of the round. Does nothing where it is in. */
void shoal_order_insert(struct shoal_core *core, uint32_t slot);
/* Does nothing where it is not in. */
void shoal_order_remove(struct shoal_core *core, uint32_t slot);

#endif
