/* SPDX-License-Identifier: MIT */
/* How much of this thread's time the TLS handshakes of those who dial may take: half of it, and a
 * quarter for one source, see shoal_socket_source. Who is beyond that is refused before anything is
 * calculated for it, until the time has passed that its handshakes were more than their share; the
 * share of two seconds may be used at once. What is counted is the processor's time that was really
 * used: a handshake costs ten times as much with one key as with another. */
#ifndef SHOAL_TRANSPORTS_HANDSHAKES_H
#define SHOAL_TRANSPORTS_HANDSHAKES_H

#include "transports/channel.h"

#define SHOAL_HANDSHAKES_SOURCES 64 /* told apart by their hash */

#define SHOAL_HANDSHAKES_WHY "its handshakes took more than their share of this member's time"

/* All zero: nothing was used. The times until which the shares are used up. */
struct shoal_handshakes {
	uint64_t all, source[SHOAL_HANDSHAKES_SOURCES];
};

/* key: of shoal_socket_hash; now: of shoal_socket_now. */
bool shoal_handshakes_may(const struct shoal_handshakes *handshakes, const uint64_t key[2],
        const struct shoal_addr *peer, uint64_t now);
void shoal_handshakes_spend(struct shoal_handshakes *handshakes, const uint64_t key[2],
        const struct shoal_addr *peer, uint64_t now, uint64_t ns);

/* shoal_channel_greet on a connection that peer made. SHOAL_ERR_LIMIT: its share is used up. */
SHOAL_MUST_USE int shoal_handshakes_greet(struct shoal_handshakes *handshakes,
        const uint64_t key[2], const struct shoal_addr *peer, struct shoal_channel *channel,
        enum shoal_tls_want *want);

#endif
