/* SPDX-License-Identifier: MIT */
/* How many connections a stream transport has, from whom, and who goes for another one.
 *
 * Three limits on number: all connections (connections_max); those that came in, three quarters of
 * that, so that strangers cannot keep this member from dialling; those of one source, a quarter but
 * at least 16. At a limit the newcomer is let in and the cheapest goes: of the lowest phase the one
 * that has been in it longest, and never one of the last phase. A flood of silent connections so
 * displaces itself, and who says at once what it wants is served. Only where all are in the last
 * phase is the newcomer refused; their time is bounded by the transport. */
#ifndef SHOAL_TRANSPORTS_CROWD_H
#define SHOAL_TRANSPORTS_CROWD_H

#include <shoal/types.h>

#include "base/list.h"

#define SHOAL_CROWD_PHASES 4

/* Connections that share a limit, by phase, in each the oldest first. */
struct shoal_crowd_side {
	struct shoal_list phase[SHOAL_CROWD_PHASES];
	size_t count;
};

/* Who has connections to us, see shoal_socket_source. */
struct shoal_crowd_source {
	struct shoal_list node;
	struct shoal_addr key;
	struct shoal_crowd_side side;
	size_t held; /* bytes: the transport's to count */
	/* Those of its channels that wait for their turn, and its place among others, see
	 * handshakes.h. */
	struct shoal_list waiting, in_turn;
};

/* In each connection; all zero until it is placed. */
struct shoal_crowd_member {
	struct shoal_list in_side, in_source;
	struct shoal_crowd_source *source; /* NULL: this side dialled */
	unsigned phase;
};

struct shoal_crowd {
	const struct shoal_allocator *mem;
	const uint64_t *key;
	void (*evict)(struct shoal_crowd_member *member);
	struct shoal_crowd_side inbound, outbound;
	size_t max, inbound_max, source_max;
	size_t buckets; /* a power of two */
	struct shoal_list *source;
};

/* evict closes a connection, which removes it, and calls nobody but count. mem and key, for
 * shoal_socket_hash, are borrowed. SHOAL_ERR_NOMEM. */
SHOAL_MUST_USE int shoal_crowd_init(struct shoal_crowd *crowd, const struct shoal_allocator *mem,
        const uint64_t key[2], size_t max, void (*evict)(struct shoal_crowd_member *));
void shoal_crowd_done(struct shoal_crowd *crowd);
/* Makes room for a connection from a peer, for which any others may be evicted, also those of other
 * sources, and names its source. NULL: there is none. The source
 * goes when its last connection is removed, or with shoal_crowd_drop where none was made. */
struct shoal_crowd_source *shoal_crowd_admit(
        struct shoal_crowd *crowd, const struct shoal_addr *peer);
void shoal_crowd_drop(struct shoal_crowd *crowd, struct shoal_crowd_source *source);
/* Makes room for a connection to a peer. */
bool shoal_crowd_dial(struct shoal_crowd *crowd);
/* Closes the cheapest connection. false: none can go. */
bool shoal_crowd_evict(struct shoal_crowd *crowd);
/* Puts a connection behind the others of a phase; a new one is counted. */
void shoal_crowd_place(
        struct shoal_crowd *crowd, struct shoal_crowd_member *member, unsigned phase);
/* Does nothing where it was not placed. */
void shoal_crowd_remove(struct shoal_crowd *crowd, struct shoal_crowd_member *member);

#endif
