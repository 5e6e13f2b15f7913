/* SPDX-License-Identifier: MIT */
/* The permutation of the members that take part: shuffled rounds of probing (SWIM 4.3) and random
 * choice, each O(1). */
#ifndef SHOAL_CORE_ORDER_H
#define SHOAL_CORE_ORDER_H

#include "core/table/members.h"

/* Room for n members. SHOAL_ERR_NOMEM. */
int shoal_order_reserve(struct shoal_core *core, uint32_t n);
/* At a random place of what is left of the round. Does nothing where it is in. */
void shoal_order_insert(struct shoal_core *core, uint32_t slot);
/* Does nothing where it is not in. */
void shoal_order_remove(struct shoal_core *core, uint32_t slot);

/* The next member to probe, in shuffled rounds; SHOAL_NONE: nobody. */
uint32_t shoal_order_next(struct shoal_core *core);

/* Up to n distinct members that are alive and can be dialled, without `except`, on distinct
 * addresses, chosen at random; returns how many. */
uint32_t shoal_order_sample(struct shoal_core *core, uint32_t except, uint32_t n, uint32_t *slots);
/* The same, beside those that were found before. */
uint32_t shoal_order_fill(
        struct shoal_core *core, uint32_t except, uint32_t n, uint32_t *slots, uint32_t found);
/* The next ones in turn to which this member has a way and which do not poll for what they are
 * told, at most n (SHOAL_FANOUT_MAX); *turn is the place in the order. Of a long row of others it
 * goes past a part, so many at the most. */
#define SHOAL_FANOUT_MAX 16 /* of the profile */
#define SHOAL_ORDER_PAST 32
uint32_t shoal_order_turn(struct shoal_core *core, uint32_t *turn, uint32_t n, uint32_t *slots);
/* Whether a member is at the address of one of these. */
bool shoal_order_is_chosen(
        const struct shoal_core *core, const uint32_t *slots, uint32_t n, uint32_t slot);

#endif
