/* SPDX-License-Identifier: MIT */
/* Healing: members that are held dead are tried again for as long as they are remembered, so that
 * two halves of a cut network find each other. */
#ifndef SHOAL_CORE_HEAL_H
#define SHOAL_CORE_HEAL_H

#include <stdint.h>

struct shoal_core;

void shoal_heal_init(struct shoal_core *core);

/* The next dead member is tried an interval from now. */
void shoal_heal_arm(struct shoal_core *core);

void shoal_heal_on_timer(struct shoal_core *core);

/* Tells a dead or left member that it is held so, and asks it. */
void shoal_heal_try(struct shoal_core *core, uint32_t slot);

/* It answered: the two tables are exchanged. */
void shoal_heal_answered(struct shoal_core *core, uint32_t slot);

#endif
