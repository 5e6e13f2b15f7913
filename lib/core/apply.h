/* SPDX-License-Identifier: MIT */
/* Taking statements over, after admission. */
#ifndef SHOAL_CORE_APPLY_H
#define SHOAL_CORE_APPLY_H

#include "core/learn.h"
#include "core/statement.h"

/* A statement in either form. */
struct shoal_said {
	struct shoal_told told;
	const struct shoal_id *id;
	uint64_t age_ns;
	uint64_t refused_ns; /* the verdict's age; 0: none */
	const struct shoal_id_list *accusers;
	const struct shoal_msg_member *member; /* NULL: the short form */
	bool inbound;
};

/* Takes a newer statement about a member over. */
void shoal_apply(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller);
/* The same statement as is held: what it adds. */
void shoal_apply_again(struct shoal_core *core, uint32_t slot, const struct shoal_said *said,
        const struct shoal_teller *teller);

#endif
