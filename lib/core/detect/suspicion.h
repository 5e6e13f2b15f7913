/* SPDX-License-Identifier: MIT */
/* Suspicion: accusers, and a time-out that falls with their number. */
#ifndef SHOAL_CORE_SUSPICION_H
#define SHOAL_CORE_SUSPICION_H

#include <shoal/core.h>

#include "wire/field.h"

struct shoal_core;

/* Shortest and longest suspicion among n members, and how many further accusers bring the longest
 * down to the shortest. */
struct shoal_suspicion_span {
	uint64_t least, most; /* nanoseconds */
	uint32_t wanted;
};
struct shoal_suspicion_span shoal_suspicion_span(const struct shoal_profile *profile, size_t n);

/* The length with `further` independent accusers (Q8: each its weight) beyond the first (Lifeguard
 * IV-B): max(least, most - (most - least) * log(further + 1) / log(wanted + 1)). */
uint64_t shoal_suspicion_length(const struct shoal_suspicion_span *span, uint32_t further_q8);

/* accuser says that the member, alive or suspect here, has failed at its present incarnation. */
void shoal_suspicion_accuse(struct shoal_core *core, uint32_t slot, const struct shoal_id *accuser,
        const struct shoal_cause *cause);

/* This member stalled: a suspicion lasts for so much longer, at most for twice its length in all.
 */
void shoal_suspicion_delay(struct shoal_core *core, uint32_t slot, uint64_t lag);

/* Another member answers at the address of one that is suspect here. */
void shoal_suspicion_replaced(struct shoal_core *core, uint32_t slot);

/* It was suspect and says that it lives, or (restarted) another instance of it does: they who
 * accused were wrong, or right. */
void shoal_suspicion_refuted(struct shoal_core *core, uint32_t slot, bool restarted);

/* The time of a suspicion is over: it is dead. */
/* Dead at once, by the verdict of those who are named: its host refuses connections since a time.
 */
void shoal_suspicion_convict(struct shoal_core *core, uint32_t slot, uint64_t refused_at,
        const struct shoal_id_list *by, struct shoal_cause *cause);

void shoal_suspicion_expire(struct shoal_core *core, uint32_t slot);

/* Makes a member dead here and tells it on. */
void shoal_suspicion_bury(struct shoal_core *core, uint32_t slot, struct shoal_cause *cause);

/* Whether this observer has had an ordinary suspicion of it for at least half of the shortest time.
 */
bool shoal_suspicion_is_old(const struct shoal_core *core, uint32_t slot);

#endif
