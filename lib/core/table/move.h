/* SPDX-License-Identifier: MIT */
/* Members that take other addresses while they run. */
#ifndef SHOAL_CORE_MOVE_H
#define SHOAL_CORE_MOVE_H

#include <shoal/core.h>

#include "core/table/learn.h"

struct shoal_said;

/* SHOAL_INPUT_ADDRESS: where this member is from now on. O(members). */
int shoal_move_set(struct shoal_core *core, struct shoal_span data);

/* Whether a full statement says that its subject moved under an incarnation which nobody gets to:
 * nothing of it counts, whether the subject is known or not. */
bool shoal_move_is_forged(const struct shoal_msg_member *told);

/* Whether a full statement is its subject's own word: sealed, or from where it would be found. */
bool shoal_move_is_own(const struct shoal_core *core, const struct shoal_msg_member *told,
        const struct shoal_teller *teller);

/* What a full statement about a member that is held says of its addresses, whatever became of the
 * rest. */
void shoal_move_told(
        struct shoal_core *core, const struct shoal_said *said, const struct shoal_teller *teller);

/* Whether a full statement about this instance gives it addresses that it never took, which must be
 * contradicted. */
bool shoal_move_denies(const struct shoal_core *core, const struct shoal_msg_member *told);
/* Contradicts them, at most once a second: its addresses are said anew, under an incarnation of
 * their own. */
void shoal_move_insist(struct shoal_core *core, const struct shoal_msg_member *told);

#endif
