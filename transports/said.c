/* SPDX-License-Identifier: MIT */
/* What was said of peers in the log. Two that share a place share its minute. */
#include "transports/said.h"

#include "base/addr.h"
#include "transports/socket.h"

#define SAY_AGAIN SHOAL_SEC(60)

bool
shoal_said_may(struct shoal_said *said, const uint64_t key[2], const struct shoal_addr *peer)
{
	uint64_t *at = &said->at[shoal_socket_hash(key, peer) % SHOAL_SAID_PEERS];
	uint64_t now = shoal_socket_now();

	if (*at != 0 && now - *at < SAY_AGAIN) {
		return false;
	}
	*at = now;
	return true;
}
