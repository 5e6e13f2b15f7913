/* SPDX-License-Identifier: MIT */
/* Whether others get in at what this member advertises: for its operator, who is told, and where no
 * links are kept for poll.h. */
#ifndef SHOAL_CORE_REACH_H
#define SHOAL_CORE_REACH_H

#include <shoal/core.h>

#include "base/heap.h"

/* Those who could not, that are remembered. */
#define SHOAL_REACH_PEERS 8

/* One that got no answer from this member. */
struct shoal_reach_peer {
	struct shoal_id id;
	uint64_t datagrams; /* when it said so of datagrams last; 0: it did not */
	uint64_t streams;   /* the same of streams */
};

struct shoal_reach_in {
	struct shoal_timer timer;
	uint64_t pinged;   /* a member's ping came in a datagram last, or this member has begun */
	uint64_t streamed; /* the same of a request */
	uint64_t entered;  /* the same of what no firewall lets in as an answer */
	uint64_t told;     /* the log was last */
	uint64_t good;     /* none of what is told is the case since; 0: some is */
	uint32_t peers;    /* who said so, or were asked and did not get in */
	uint8_t ways;      /* enum shoal_access, as it was told last */
	uint8_t count;
	bool came; /* something of that did, since this member is where it is */
	struct shoal_reach_peer peer[SHOAL_REACH_PEERS];
};

struct shoal_core;

void shoal_reach_init(struct shoal_core *core);

/* A member's ping came in a datagram, or in the place of one on a connection that the member opened
 * (dialled); or its request on a stream. Behind a firewall a datagram gets in too, for a while,
 * from where one of this member's own went: it does not show that others get in. */
void shoal_reach_pinged(struct shoal_core *core, bool dialled);
void shoal_reach_streamed(struct shoal_core *core);

/* When somebody got in last, or this member has begun. And: whether anybody ever did. */
uint64_t shoal_reach_last(const struct shoal_core *core);
bool shoal_reach_is_known(const struct shoal_core *core);

/* A member got no answer to a datagram, and, with streams, to what it tried on a stream. */
void shoal_reach_missed(struct shoal_core *core, const struct shoal_id *peer, bool streams);

/* So many were asked to connect and none got in; or this member can be dialled again. */
void shoal_reach_undialled(struct shoal_core *core, uint32_t asked);
void shoal_reach_dialled(struct shoal_core *core);

/* It is to be found elsewhere now. */
void shoal_reach_moved(struct shoal_core *core);

void shoal_reach_on_timer(struct shoal_core *core);

#endif
