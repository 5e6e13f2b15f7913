/* SPDX-License-Identifier: MIT */
/* Which instances the application takes in: asked of it, answered later, remembered. */
#ifndef SHOAL_CORE_ACCEPT_H
#define SHOAL_CORE_ACCEPT_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/slab.h"
#include "wire/message.h"

struct shoal_core;
struct shoal_said;
struct shoal_teller;

struct shoal_accept {
	bool asks;                 /* else nobody is asked, and all count */
	uint32_t round;            /* upper half of the numbers: none comes twice */
	struct shoal_slab waiting; /* see accept.c */
	struct shoal_slab decided; /* the same */
	struct shoal_timer timer;
	char name[SHOAL_NAME_MAX + 1]; /* of shoal_core_applicant */
};

void shoal_accept_init(struct shoal_core *core, bool asks);
void shoal_accept_done(struct shoal_core *core);

/* What is told, and would count, of the member in slot (SHOAL_NONE: of nobody known). true: its
 * instance has not been accepted, and it does not count now; where nobody has decided yet the
 * application is asked, and it counts when that says yes. O(applicants) where it is not known. */
bool shoal_accept_defers(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller);

/* One that is held unconfirmed has answered. true: nobody was asked about it so far, and it stays
 * unconfirmed until it is accepted. */
bool shoal_accept_defers_held(struct shoal_core *core, uint32_t slot, const struct shoal_id *by);

/* A packet of this instance of a member. true: it was refused, and so is the packet; who asks hears
 * why. */
bool shoal_accept_turns_away(struct shoal_core *core, const struct shoal_id *id, uint64_t salt,
        const struct shoal_input *input);

/* Says something of others. true: it is another instance of the member in slot than the one that
 * was taken in, and tells of nobody; counted. */
bool shoal_accept_mutes(struct shoal_core *core, uint32_t slot, uint64_t salt);

/* A join whose joiner's own word has been heard. true: it is not accepted: it was answered so, or
 * is answered once that is decided. */
bool shoal_accept_holds(struct shoal_core *core, const struct shoal_id *id, uint64_t salt,
        const struct shoal_input *input);

/* SHOAL_INPUT_ACCEPT. */
int shoal_accept_decide(struct shoal_core *core, const struct shoal_input *input);
void shoal_accept_on_timer(struct shoal_core *core);

#endif
