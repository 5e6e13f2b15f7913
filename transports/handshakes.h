/* SPDX-License-Identifier: MIT */
/* TLS handshakes of those who dial. A turn of the loop calculates a few steps of them at most, and
 * what else the loop has to do gets its turn in between. Sources, see shoal_socket_source, take
 * turns, a step each; of one source who could go on first goes first. So whoever begins many makes
 * his own handshakes slow, and others hardly. Nobody is refused here: how many wait is bounded by
 * the crowd, how long by the time of the connection. What this side dials does not wait: it decides
 * itself how often it does. */
#ifndef SHOAL_TRANSPORTS_HANDSHAKES_H
#define SHOAL_TRANSPORTS_HANDSHAKES_H

#include <event2/event_struct.h>

#include "transports/channel.h"
#include "transports/crowd.h"

#define SHOAL_HANDSHAKES_A_TURN 4

struct shoal_handshakes {
	struct shoal_list sources; /* of which a channel waits, or waited and was closed */
	struct event timer;        /* pending while there are any */
	const struct shoal_channel *turn;
	void (*go_on)(struct shoal_channel *channel);
};

/* go_on: it is a channel's turn, so that shoal_handshakes_wait is false until go_on returns. It may
 * close this channel and others. */
void shoal_handshakes_init(struct shoal_handshakes *handshakes, struct event_base *base,
        void (*go_on)(struct shoal_channel *channel));
/* All channels are closed. Also inside go_on. */
void shoal_handshakes_stop(struct shoal_handshakes *handshakes);

/* Whether a channel that can go on with its handshake must wait for its turn, which comes later,
 * unless it is closed before; at the latest when its source goes. */
bool shoal_handshakes_wait(struct shoal_handshakes *handshakes, struct shoal_crowd_source *source,
        struct shoal_channel *channel);

#endif
