/* SPDX-License-Identifier: MIT */
/* By which ways a member is pinged, and at which of its addresses it answers. */
#ifndef SHOAL_CORE_WAYS_H
#define SHOAL_CORE_WAYS_H

#include <shoal/core.h>

/* Members that are noted at once. */
#define SHOAL_WAYS_NOTED 16

/* Those whose last probe only another address than the one that is used answered; the newest last.
 */
struct shoal_ways {
	unsigned count;
	struct shoal_id id[SHOAL_WAYS_NOTED];
};

struct shoal_core;
struct shoal_probe;

/* Pings it in datagrams at those of its addresses that are of use and are not used. */
void shoal_ways_ping(struct shoal_core *core, uint32_t slot, uint64_t seq);

/* Pings it on streams, at all of its addresses that are of use. */
void shoal_ways_stream(
        struct shoal_core *core, uint32_t slot, uint64_t seq, unsigned flags, uint64_t timeout);

/* Pings it on a stream for what its reply brings, under a number of that kind, see poll.h. The
 * exchange, 0: it could not be queued. */
uint64_t shoal_ways_poll(struct shoal_core *core, uint32_t slot, unsigned kind, uint64_t timeout);

/* Takes the number of a ping that waits for a poll of the member in slot. false: none does. */
bool shoal_ways_carry(struct shoal_core *core, uint32_t slot, uint64_t *seq);

/* A probe was answered from there. */
void shoal_ways_answered(
        struct shoal_core *core, const struct shoal_probe *probe, const struct shoal_addr *from);

#endif
