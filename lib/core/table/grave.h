/* SPDX-License-Identifier: MIT */
/* Tombstones: members that are dead or left, remembered for a time and up to a number. */
#ifndef SHOAL_CORE_GRAVE_H
#define SHOAL_CORE_GRAVE_H

#include <shoal/core.h>

struct shoal_core;
struct shoal_record;

/* Makes a member dead or left, since age_ns ago, with an event where `kind` is not 0. false: no
 * memory, counted and nothing changed; or it was the oldest and is forgotten already. */
bool shoal_grave_dig(struct shoal_core *core, uint32_t slot, enum shoal_state state,
        enum shoal_event_kind kind, const struct shoal_cause *cause, uint64_t age_ns);

/* Forgets tombstones whose time is over, and above the limit the oldest. */
void shoal_grave_forget_old(struct shoal_core *core);

/* Forgets one that is dead or left. */
void shoal_grave_forget(struct shoal_core *core, uint32_t slot, enum shoal_cause_kind kind);

/* Forgets the oldest tombstone, where there is one. */
void shoal_grave_forget_oldest(struct shoal_core *core);

/* Nanoseconds since the death. An age is never lowered. */
uint64_t shoal_grave_age(const struct shoal_core *core, const struct shoal_record *record);
void shoal_grave_raise_age(struct shoal_core *core, uint32_t slot, uint64_t age_ns);

/* A random dead member; SHOAL_NONE: there is none. O(graves). */
uint32_t shoal_grave_random_dead(struct shoal_core *core);

#endif
