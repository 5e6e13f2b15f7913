/* SPDX-License-Identifier: MIT */
/* shoal/resolver.h - what names stand for. */
#ifndef SHOAL_RESOLVER_H
#define SHOAL_RESOLVER_H

#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_HOST_MAX 253 /* bytes of a host name (RFC 1035) */

/* A host that offers a service (RFC 2782): of those with the lowest priority that can be reached,
 * one with a greater weight is tried first more often. */
struct shoal_service {
	const char *host; /* a name, or an address without a port */
	uint16_t port, priority, weight;
};

#ifdef __cplusplus
}
#endif

#endif
