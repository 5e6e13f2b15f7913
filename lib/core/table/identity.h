/* SPDX-License-Identifier: MIT */
/* Two instances under this member's own id: found by asking, and of two that live the later one
 * stops. */
#ifndef SHOAL_CORE_IDENTITY_H
#define SHOAL_CORE_IDENTITY_H

#include <shoal/core.h>

#include "base/slab.h"
#include "core/table/statement.h"
#include "wire/message.h"

/* Where an instance is. */
struct shoal_place {
	struct shoal_addr addr;
	struct shoal_span
	        url; /* what addr stands for, where it is made from a URL and that is known */
};

struct shoal_identity {
	uint64_t started_ms;      /* since 1970, when this instance started */
	uint64_t outbid;          /* when another instance was last outbid; 0: never */
	uint64_t insisted;        /* when its addresses were insisted on last; 0: never */
	struct shoal_slab twins;  /* other instances of this member's id, see identity.c */
	struct shoal_slab rivals; /* see rival.c */
};

struct shoal_core;

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

/* The event conflict, about a member and where its other instance is. */
void shoal_identity_tell(
        struct shoal_core *core, uint32_t slot, const struct shoal_place *other, const char *which);

void shoal_identity_on_conflict(struct shoal_core *core, const struct shoal_msg_conflict *said,
        const struct shoal_addr *from, enum shoal_input_kind path);
void shoal_identity_on_timer(struct shoal_core *core, uint32_t number);

#endif
