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

/* A statement about a member. true: it is of a new instance at another address and that instance
 * says it itself: the known one is asked first, and the statement waits for that. */
bool shoal_rival_defers(struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);

/* The same of what somebody else says, where it would count. true: it waits, or is dropped. */
bool shoal_rival_doubts(struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);

/* A new instance of a member is taken over. The salt of the one before, where the new one said it
 * itself and is at another address: then it is told of that one once it is taken over, so that the
 * one before stops should it return. Else 0. */
uint64_t shoal_rival_heritage(const struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);
void shoal_rival_tell_heir(struct shoal_core *core, uint32_t slot, uint64_t salt);

/* The known instance of a member has answered, or is silent. */
void shoal_rival_checked(struct shoal_core *core, const struct shoal_probe *probe, bool answered);

#endif
