/* SPDX-License-Identifier: MIT */
/* Taking statements over, after admission. */
#ifndef SHOAL_CORE_APPLY_H
#define SHOAL_CORE_APPLY_H

#include "core/table/learn.h"
#include "core/table/statement.h"

/* A statement in either form. */
struct shoal_said {
	struct shoal_told told;
	const struct shoal_id *id;
	uint64_t age_ns;
	uint64_t refused_ns; /* the verdict's age; 0: none */
	const struct shoal_id_list *accusers;
	const struct shoal_msg_member *member; /* NULL: the short form */
	bool inbound, forgotten;               /* its marks */
	enum shoal_state was;                  /* held until it came */
};

/* Whether what was told of a member is told on. What the table of a seed tells is no news to
 * others, but for what is old by this member, and for members that started about when this one did:
 * where many start at once, those who came between them have not heard of each other. */
bool shoal_apply_spreads(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_teller *teller);

/* The cause of an event that this teller brought. */
struct shoal_cause shoal_apply_cause(const struct shoal_teller *teller);

/* Takes a newer statement about a member over. */
void shoal_apply(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller);
/* The same statement as is held: what it adds. */
void shoal_apply_again(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller);

#endif
