/* SPDX-License-Identifier: MIT */
/* Addresses as users write them: lists for bind and advertise, seeds, and what a wildcard stands
 * for. */
#ifndef SHOAL_CLUSTER_ADDRESS_H
#define SHOAL_CLUSTER_ADDRESS_H

#include "base/url.h"

#include <shoal/error.h>

#define SHOAL_ADDRESS_HOST_MAX                                                                     \
	256 /* buffer for a host name: 253 characters (RFC 1035), a dot and a zero */

/* What stands before and behind the last colon. */
struct shoal_address_parts {
	char host[SHOAL_ADDRESS_HOST_MAX]; /* without brackets */
	uint16_t port; /* 0 where there is none                                  */
	bool has_port;
};

/* Splits "host", "host:port", "1.2.3.4:7", "[v6]:7", "[v6]" or a bare "v6". SHOAL_ERR_INVALID. */
SHOAL_MUST_USE int shoal_address_split(struct shoal_address_parts *parts, const char *text);

/* A numeric host with a port. The scope of an IPv6 address may be a number or the name of an
 * interface. SHOAL_ERR_INVALID: the host is a name, or of 0100::/8, which stands for URLs. */
SHOAL_MUST_USE int shoal_address_numeric(struct shoal_addr *addr, const char *host, uint16_t port);

/* What a list names: addresses of IP, and one URL at most. */
struct shoal_address_list {
	struct shoal_addr addr[SHOAL_ADDRS_MAX];
	size_t count;
	struct shoal_url url; /* text "": there is none */
};

/* Whether text is meant to be a URL of a member. */
bool shoal_address_is_url(const char *text);

/* Reads numeric addresses and URLs with commas between them, SHOAL_ADDRS_MAX in all; spaces around
 * them are allowed. Without port_optional each address must have its port; with it a missing one is
 * 0. SHOAL_ERR_INVALID: why says which one is wrong and what is allowed. */
SHOAL_MUST_USE int shoal_address_list(struct shoal_address_list *list, const char *text,
        bool port_optional, char *why, size_t len);

/* The address of this machine that peers would see when a socket bound to the wildcard sends to
 * them: that of the default route, else of the first interface that is up and no loopback. The port
 * is kept. SHOAL_ERR_NOT_FOUND. */
SHOAL_MUST_USE int shoal_address_of_route(
        struct shoal_addr *addr, const struct shoal_addr *wildcard);

/* Whether an interface of this machine has it, whatever the port. */
bool shoal_address_is_local(const struct shoal_addr *addr);

#endif
