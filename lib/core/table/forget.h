/* SPDX-License-Identifier: MIT */
/* Tombstones that an operator does not want to see any more. */
#ifndef SHOAL_CORE_FORGET_H
#define SHOAL_CORE_FORGET_H

#include "wire/field.h"

struct shoal_core;
struct shoal_said;
struct shoal_teller;

/* SHOAL_INPUT_FORGET. */
int shoal_forget(struct shoal_core *core, struct shoal_span id);

/* Marks a tombstone, with an event, and tells it on; nothing where it is marked already. teller
 * NULL: this member's operator. */
void shoal_forget_marked(struct shoal_core *core, uint32_t slot, const struct shoal_id *teller);

/* A tombstone is that of another instance from now on, which nobody wanted to be forgotten. */
void shoal_forget_not(struct shoal_core *core, uint32_t slot);

/* A tombstone that is held was told once more: its age and its mark. */
void shoal_forget_told(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller);

/* What is older than a tombstone that is held was told: in an exchange a marked one is told back.
 */
void shoal_forget_answer(struct shoal_core *core, uint32_t slot, const struct shoal_teller *teller);

#endif
