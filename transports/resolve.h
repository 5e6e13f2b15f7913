/* SPDX-License-Identifier: MIT */
/* Names to addresses, and to the hosts that offer a service, on the loop: the hosts file and DNS,
 * by c-ares. */
#ifndef SHOAL_TRANSPORTS_RESOLVE_H
#define SHOAL_TRANSPORTS_RESOLVE_H

#include <shoal/resolver.h>
#include <shoal/transport.h>

struct event_base;
struct shoal_resolve;
struct shoal_rng;

/* Which addresses of a name, in which order. */
enum shoal_family {
	SHOAL_FAMILY_ANY, /* that of RFC 6724 */
	SHOAL_FAMILY_IPV4_FIRST,
	SHOAL_FAMILY_IPV6_FIRST,
	SHOAL_FAMILY_IPV4, /* no others */
	SHOAL_FAMILY_IPV6
};

/* How names are resolved. Borrowed for the call. */
struct shoal_resolve_how {
	const struct shoal_allocator *mem;
	struct event_base *base;
	const struct shoal_addr *server; /* name servers; none: the machine's */
	size_t servers;                  /* at most SHOAL_ADDRS_MAX */
	enum shoal_family family;
	unsigned ms; /* until a question ends unanswered; 0: SHOAL_RESOLVED_MS */
	const struct shoal_transport_names *names; /* with find: they are asked, and for hosts only
	                                            */
	struct shoal_rng *rng; /* for the choice among services; lives until the end of the resolve
	                        */
};

/* Code 0, or SHOAL_ERR_RESOLVE or another error and why. Borrowed for the call. */
struct shoal_resolve_answer {
	int code;
	const char *why;
	const struct shoal_addr *addr;       /* of a host, each with the port */
	const struct shoal_service *service; /* of a service, in the order to be tried */
	size_t n;                            /* of either */
	size_t left_out;                     /* for which there was no room */
};

/* Called once, on a later turn of the loop. The resolve is freed after the call. */
typedef void (*shoal_resolve_fn)(void *arg, const struct shoal_resolve_answer *answer);

/* At most `most` addresses are reported. SHOAL_ERR_NOMEM, SHOAL_ERR_SYSTEM. */
SHOAL_MUST_USE int shoal_resolve_host(struct shoal_resolve **resolve,
        const struct shoal_resolve_how *how, const char *host, uint16_t port, size_t most,
        shoal_resolve_fn fn, void *arg);
/* The same for the SRV records of a name. */
SHOAL_MUST_USE int shoal_resolve_service(struct shoal_resolve **resolve,
        const struct shoal_resolve_how *how, const char *name, size_t most, shoal_resolve_fn fn,
        void *arg);
/* What a status of c-ares means. none: the service is said not to be offered. Static. */
const char *shoal_resolve_why(int status, enum shoal_family family, bool service, bool none);

/* resolve_sockets.c: c-ares opens no more than *left sockets for this channel, which lives as long
 * as it. */
struct ares_channeldata;
void shoal_resolve_sockets(struct ares_channeldata *channel, unsigned *left);
/* Ends it without the call. */
void shoal_resolve_cancel(struct shoal_resolve *resolve);

#endif
