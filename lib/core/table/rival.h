/* SPDX-License-Identifier: MIT */
/* New instances of other members, which say or are said to be elsewhere than the known one: that is
 * asked first. */
#ifndef SHOAL_CORE_RIVAL_H
#define SHOAL_CORE_RIVAL_H

#include <shoal/core.h>

#include "wire/message.h"

struct shoal_core;
struct shoal_probe;
struct shoal_teller;

void shoal_rival_init(struct shoal_core *core);
void shoal_rival_done(struct shoal_core *core);

/* A full statement about a member that is held; counts: it would be taken over. true: it is of a
 * new instance at another address, and waits until the known one has been asked, or is dropped.
 * What would not be taken over is asked for only where the new instance says itself that it lives,
 * so that both hear of it. */
bool shoal_rival_waits(struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller, bool counts);

/* A new instance of a member is taken over. The salt of the one before, where the new one said it
 * itself and is at another address: then it is told of that one once it is taken over, so that the
 * one before stops should it return. Else 0. */
uint64_t shoal_rival_heritage(const struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);
void shoal_rival_tell_heir(struct shoal_core *core, uint32_t slot, uint64_t salt);

/* The known instance of a member has been asked. answered: the salt of the one that did; 0: it is
 * silent. */
void shoal_rival_checked(
        struct shoal_core *core, const struct shoal_probe *probe, uint64_t answered);

/* What one of two instances under the id of another member says to the other one, and this member
 * told both of each other: it goes on to that one where the two have no kind of address in common.
 * false: it is none of these. */
bool shoal_rival_passes_on(struct shoal_core *core, const struct shoal_msg_conflict *said,
        const struct shoal_addr *from);

/* Those that say themselves that they are back count at once, whatever the known ones answer. */
void shoal_rival_believe(struct shoal_core *core);

#endif
