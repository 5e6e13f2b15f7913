/* SPDX-License-Identifier: MIT */
/* By which of our addresses a peer reached us.
 *
 * A socket that is bound to a wildcard has many addresses, and the kernel would pick the source of
 * a reply by its routing table: a peer that pinged one address would get its ack from another and
 * drop it. So each received datagram leaves a note of the address that it was sent to, and what
 * goes back to that peer leaves from there.
 *
 * The notes are a cache of fixed size, addressed by a keyed hash, where a newer note replaces an
 * older one. A forged sender can replace a note; then the kernel chooses the source, as it would
 * without the cache. No note is kept where there is one socket with one address. Everything is
 * O(1), but for the choice among sockets (as many as addresses were bound) of a peer that was not
 * heard yet. */
#define _GNU_SOURCE
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "transports/udp.h"

#define ROUTES 256

int
shoal_udp_route_init(struct shoal_udp *udp)
{
	if (udp->sockets == 1 && !udp->socket[0].wildcard) {
		return 0;
	}
	if (!shoal_socket_random_key(udp->key)) {
		return SHOAL_ERR_SYSTEM;
	}
	udp->route = shoal_alloc_zeroed(&udp->work, ROUTES, sizeof(*udp->route));
	return udp->route != NULL ? 0 : SHOAL_ERR_NOMEM;
}

static struct shoal_udp_route *
place_of(struct shoal_udp *udp, const struct shoal_addr *peer)
{
	return &udp->route[shoal_socket_hash(udp->key, peer) % ROUTES];
}

void
shoal_udp_route_remember(struct shoal_udp *udp, const struct shoal_addr *peer,
        struct shoal_udp_socket *socket, const uint8_t local[16])
{
	if (udp->route == NULL) {
		return;
	}
	struct shoal_udp_route *route = place_of(udp, peer);
	route->peer = *peer;
	route->socket = socket;
	memcpy(route->local, local, sizeof(route->local));
}

void
shoal_udp_route_forget(struct shoal_udp *udp, const struct shoal_addr *peer)
{
	if (udp->route == NULL) {
		return;
	}
	struct shoal_udp_route *route = place_of(udp, peer);
	if (shoal_addr_equal(&route->peer, peer)) {
		memset(route, 0, sizeof(*route));
	}
}

/* The first socket that can reach a peer: of its family, and on loopback where the peer is,
 * elsewhere where it is not; where all are on the other side, the first of the family. */
static struct shoal_udp_socket *
choose(struct shoal_udp *udp, const struct shoal_addr *peer)
{
	struct shoal_udp_socket *first = NULL;
	for (size_t i = 0; i < udp->sockets; ++i) {
		struct shoal_udp_socket *socket = &udp->socket[i];
		if (shoal_addr_is_ipv4(&socket->addr) != shoal_addr_is_ipv4(peer)) {
			continue;
		}
		if (socket->wildcard ||
		        shoal_addr_is_loopback(&socket->addr) == shoal_addr_is_loopback(peer)) {
			return socket;
		}
		if (first == NULL) {
			first = socket;
		}
	}
	return first;
}

struct shoal_udp_socket *
shoal_udp_route_find(struct shoal_udp *udp, const struct shoal_addr *peer, const uint8_t **local)
{
	static const uint8_t none[16];
	*local = NULL;
	if (udp->route == NULL) {
		return choose(udp, peer);
	}
	const struct shoal_udp_route *route = place_of(udp, peer);
	if (route->peer.port == 0 || !shoal_addr_equal(&route->peer, peer)) {
		return choose(udp, peer);
	}
	if (memcmp(route->local, none, sizeof(none)) != 0) {
		*local = route->local;
	}
	return route->socket;
}
