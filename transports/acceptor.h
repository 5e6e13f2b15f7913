/* SPDX-License-Identifier: MIT */
/* Listens for a stream transport, and accepts within the limits of its crowd.
 *
 * A wake-up accepts fewer connections than one source may have, and each may be read before the
 * next turn: what is silent goes first where room is needed, so that those of a burst would
 * displace each other with what they say unread. Out of descriptors the cheapest connection is
 * closed to make room; where there is none, accepting rests for a while, which is said once,
 * instead of being woken at once by the connection that it cannot take. */
#ifndef SHOAL_TRANSPORTS_ACCEPTOR_H
#define SHOAL_TRANSPORTS_ACCEPTOR_H

#include <event2/event_struct.h>
#include <shoal/transport.h>

#include "transports/crowd.h"

/* Takes a descriptor over, and the place in its source, see shoal_crowd_admit, which may have
 * evicted connections of any source before. */
typedef void (*shoal_acceptor_fn)(
        void *arg, int fd, const struct shoal_addr *peer, struct shoal_crowd_source *source);

struct shoal_acceptor_port {
	struct shoal_acceptor *acceptor;
	struct event readable;
	int fd;
	struct shoal_addr addr;
};

struct shoal_acceptor {
	const struct shoal_transport_env *env;
	const struct shoal_allocator *mem;
	struct shoal_crowd *crowd;
	const char *transport; /* its name, for the log */
	shoal_acceptor_fn welcome;
	void *arg;
	struct shoal_acceptor_port *port;
	size_t ports;
	struct event rest;
	uint64_t owner;
	bool tired; /* out of descriptors, and said so */
};

/* Room for so many ports; the rest is set by the caller before. SHOAL_ERR_NOMEM. */
SHOAL_MUST_USE int shoal_acceptor_init(struct shoal_acceptor *acceptor, size_t ports);
/* One port more. Codes and why as those of start() in transport.h. */
SHOAL_MUST_USE int shoal_acceptor_listen(
        struct shoal_acceptor *acceptor, const struct shoal_addr *addr, char *why, size_t len);
/* May be called inside welcome. */
void shoal_acceptor_stop(struct shoal_acceptor *acceptor);
/* Stopped before. */
void shoal_acceptor_done(struct shoal_acceptor *acceptor);

#endif
