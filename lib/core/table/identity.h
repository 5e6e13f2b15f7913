/* SPDX-License-Identifier: MIT */
/* Two instances under one id: of this member's own, and of another's. Both are found by asking, and
 * of two that live the later one stops. */
#ifndef SHOAL_CORE_IDENTITY_H
#define SHOAL_CORE_IDENTITY_H

#include <shoal/core.h>

#include "base/slab.h"
#include "core/table/statement.h"
#include "wire/message.h"

struct shoal_identity {
	uint64_t started_ms;      /* since 1970, when this instance started */
	uint64_t outbid;          /* when another instance was last outbid; 0: never */
	uint64_t insisted;        /* when its addresses were insisted on last; 0: never */
	struct shoal_slab twins;  /* other instances of this member's id, see identity.c */
	struct shoal_slab rivals; /* new instances of members, while the known one is asked */
};

struct shoal_core;
struct shoal_probe;
struct shoal_teller;

void shoal_identity_init(struct shoal_core *core);
void shoal_identity_done(struct shoal_core *core);

/* What is said of this member under another instance's salt; member may be NULL: the short form.
 * true: that instance is asked first whether it lives, and what was said is left alone until then.
 */
bool shoal_identity_asks(struct shoal_core *core, const struct shoal_claim *told,
        const struct shoal_msg_member *member);

/* A seed says that it has this member's id, under this salt. */
void shoal_identity_met(struct shoal_core *core, uint64_t salt, const struct shoal_addr *addr);

/* Whether another instance may be outbid now: at most once a second. */
bool shoal_identity_may_outbid(struct shoal_core *core);

/* Puts this member's incarnation above what was told. */
void shoal_identity_rise(struct shoal_core *core, uint64_t told);

/* A statement about a member. true: it is of a new instance at another address and that
 * instance says it itself: the known one is asked first, and the statement waits for that. */
bool shoal_identity_defers(struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);

/* A new instance of a member is taken over. The salt of the one before, where the new one said it
 * itself and is at another address: then it is told of that one once it is taken over, so that the
 * one before stops should it return. Else 0. */
uint64_t shoal_identity_heritage(const struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);
void shoal_identity_tell_heir(struct shoal_core *core, uint32_t slot, uint64_t salt);

/* The known instance of a member has answered, or is silent. */
void shoal_identity_checked(
        struct shoal_core *core, const struct shoal_probe *probe, bool answered);

void shoal_identity_on_conflict(struct shoal_core *core, const struct shoal_msg_conflict *said,
        const struct shoal_addr *from, enum shoal_input_kind path);
void shoal_identity_on_timer(struct shoal_core *core, uint32_t number);

#endif
