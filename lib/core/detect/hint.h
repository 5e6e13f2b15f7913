/* SPDX-License-Identifier: MIT */
/* Hints that a member may have gone, which prove nothing and may be forged: a datagram was refused,
 * a watch link fell silent. All that one does is to bring forward an ordinary probe. */
#ifndef SHOAL_CORE_HINT_H
#define SHOAL_CORE_HINT_H

#include <shoal/types.h>

/* Addresses of late datagrams that are remembered. */
#define SHOAL_HINTS 256

struct shoal_hints {
	uint32_t slot[SHOAL_HINTS]; /* to whom the last datagram went, by a hash of the address */
	uint64_t at[SHOAL_HINTS];   /* when a hint was followed last */
	uint64_t next;              /* before then none is followed */
};

struct shoal_core;

void shoal_hint_init(struct shoal_core *core);

/* A datagram goes to a member. */
void shoal_hint_sent(struct shoal_core *core, uint32_t slot, const struct shoal_addr *to);

/* A datagram to this address was refused. */
void shoal_hint_refused(struct shoal_core *core, const struct shoal_addr *addr);

/* This member may have gone. */
void shoal_hint_about(struct shoal_core *core, uint32_t slot);

#endif
