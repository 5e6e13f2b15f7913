/* SPDX-License-Identifier: MIT */
/* What becomes of a statement about a member: admission decides, this room does it. */
#ifndef SHOAL_CORE_LEARN_H
#define SHOAL_CORE_LEARN_H

#include <shoal/core.h>

#include "wire/message.h"

struct shoal_core;
struct shoal_record;

/* How long an unconfirmed member is kept. */
#define SHOAL_UNKNOWN_KEPT SHOAL_SEC(600)

enum shoal_path {
	SHOAL_PATH_GOSSIP = 0,
	SHOAL_PATH_SYNC,  /* in a table  */
	SHOAL_PATH_ASKED, /* in the table that answered our own join */
	SHOAL_PATH_JOIN   /* in a peer's join request   */
};

struct shoal_teller {
	enum shoal_path path;
	struct shoal_id id;
	uint32_t slot; /* SHOAL_NONE: not a member that is known */
	struct shoal_addr from;
	bool checked;    /* the instance that was known has been asked, and is silent */
	bool sealed;     /* it came sealed, and has waited here since                   */
	uint64_t waited; /* so long: it is no hearsay for that */
};

/* The teller's record; NULL: it is no member that is known, or it was forgotten meanwhile. */
struct shoal_record *shoal_learn_teller(struct shoal_core *core, const struct shoal_teller *teller);

void shoal_learn_member(struct shoal_core *core, struct shoal_msg_member *member,
        const struct shoal_teller *teller);
void shoal_learn_state(struct shoal_core *core, const struct shoal_msg_state *state,
        const struct shoal_teller *teller);

/* An age of the wire in nanoseconds, bounded so that any sum with a time of the core fits. */
uint64_t shoal_learn_age(uint64_t age_ms);

#endif
