/* SPDX-License-Identifier: MIT */
/* A share is kept as the time until which it is used up: what is used is added as often as the
 * share goes into the whole. Two sources of one hash have a share together. */
#define _GNU_SOURCE
#include "transports/handshakes.h"

#include <time.h>

#include "transports/socket.h"

#define ALL    2 /* one in so many */
#define SOURCE 4
#define AHEAD  SHOAL_SEC(2) /* that may be used at once */

static size_t
place_of(const uint64_t key[2], const struct shoal_addr *peer)
{
	struct shoal_addr source = shoal_socket_source(peer);

	return (size_t)(shoal_socket_hash(key, &source) % SHOAL_HANDSHAKES_SOURCES);
}

static void
add(uint64_t *until, uint64_t now, uint64_t ns)
{
	*until = (*until > now ? *until : now) + ns;
}

bool
shoal_handshakes_may(const struct shoal_handshakes *handshakes, const uint64_t key[2],
        const struct shoal_addr *peer, uint64_t now)
{
	return handshakes->all <= now + AHEAD &&
	       handshakes->source[place_of(key, peer)] <= now + AHEAD;
}

void
shoal_handshakes_spend(struct shoal_handshakes *handshakes, const uint64_t key[2],
        const struct shoal_addr *peer, uint64_t now, uint64_t ns)
{
	add(&handshakes->all, now, ALL * ns);
	add(&handshakes->source[place_of(key, peer)], now, SOURCE * ns);
}

/* Of this thread: what others take is not the peer's doing. */
static uint64_t
used(void)
{
	struct timespec used = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return SHOAL_SEC((uint64_t)used.tv_sec) + (uint64_t)used.tv_nsec;
}

int
shoal_handshakes_greet(struct shoal_handshakes *handshakes, const uint64_t key[2],
        const struct shoal_addr *peer, struct shoal_channel *channel, enum shoal_tls_want *want)
{
	uint64_t now = shoal_socket_now();

	if (channel->up) {
		return shoal_channel_greet(channel, want);
	}
	if (!shoal_handshakes_may(handshakes, key, peer, now)) {
		*want = SHOAL_TLS_DONE;
		return SHOAL_ERR_LIMIT;
	}
	uint64_t before = used();
	int code = shoal_channel_greet(channel, want);
	shoal_handshakes_spend(handshakes, key, peer, now, used() - before);
	return code;
}
