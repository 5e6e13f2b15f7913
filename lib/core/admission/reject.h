/* SPDX-License-Identifier: MIT */
/* What becomes of a packet that is not taken. */
#ifndef SHOAL_CORE_REJECT_H
#define SHOAL_CORE_REJECT_H

#include <shoal/core.h>

struct shoal_core;
struct shoal_exchange;

/* Counts a packet that was dropped for this reason. */
void shoal_reject_count(struct shoal_core *core, int rc);

/* The same of one that asked something or opened a link, which hears why, and the log tells it. One
 * that was sealed for another instance came from a member that does not know this one: it is told.
 */
void shoal_reject(struct shoal_core *core, const struct shoal_input *input, int rc);

/* A packet from an address that is not allowed here. Who asks as a member of this cluster would is
 * told, since it may be a mistake in a list. SHOAL_ERR_PERMISSION. */
int shoal_reject_outsider(struct shoal_core *core, const struct shoal_input *input);

/* A join of this member ended without an answer that counts, with this error. Where only the
 * connection broke off once the seed had said its salt, it is begun anew, once: the short message
 * that goes before a long one may be lost with a connection. Where somebody who did not show the
 * key said why, that is told as what it is. */
void shoal_reject_join(struct shoal_core *core, const struct shoal_exchange *exchange,
        const struct shoal_input *result, int rc);

#endif
