/* SPDX-License-Identifier: MIT */
/* What was said of peers in the log: once a minute of each, and of SHOAL_SAID_PEERS at most,
 * however many there are, or pretend to be: strangers cannot fill a log. */
#ifndef SHOAL_TRANSPORTS_SAID_H
#define SHOAL_TRANSPORTS_SAID_H

#include <shoal/types.h>

#define SHOAL_SAID_PEERS 64

struct shoal_said {
	uint64_t at[SHOAL_SAID_PEERS]; /* by the peer's hash; 0: nothing yet */
};

/* Whether it is time for a line about a peer, which is then taken as said. key: of
 * shoal_socket_hash. */
bool shoal_said_may(struct shoal_said *said, const uint64_t key[2], const struct shoal_addr *peer);

#endif
