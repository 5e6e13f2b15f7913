/* SPDX-License-Identifier: MIT */
/* Seeds as users write them. */
#ifndef SHOAL_CLUSTER_SEED_H
#define SHOAL_CLUSTER_SEED_H

#include "base/url.h"
#include "cluster/join/address.h"

#include <shoal/resolver.h>

enum shoal_seed_form {
	SHOAL_SEED_ADDRESS,    /* 1.2.3.4:7946, [2001:db8::1]:7946, [fe80::1%eth0]:7946 */
	SHOAL_SEED_HOST,       /* db1.example.com:7946 */
	SHOAL_SEED_SERVICE,    /* srv+example.com */
	SHOAL_SEED_URL,        /* https://db1.example.com/gossip */
	SHOAL_SEED_SERVICE_URL /* srv+https://example.com/gossip */
};

struct shoal_seed {
	enum shoal_seed_form form;
	struct shoal_addr addr;            /* ADDRESS; without has_port its port is 0 */
	char host[SHOAL_ADDRESS_HOST_MAX]; /* HOST; SERVICE and SERVICE_URL: whose SRV records */
	bool has_port;
	uint16_t port;                /* HOST, with has_port */
	bool tls;                     /* SERVICE_URL */
	char path[SHOAL_URL_MAX + 1]; /* SERVICE_URL: "" or "/a/b" */
	struct shoal_url url;         /* URL */
};

/* SHOAL_ERR_INVALID: why says what is wrong, and what is allowed. */
SHOAL_MUST_USE int shoal_seed_parse(
        struct shoal_seed *seed, const char *text, char *why, size_t len);

/* SERVICE_URL: the URL of the member at one of its hosts, whose name its certificate is for.
 * SHOAL_ERR_INVALID: that is no URL of a member. */
SHOAL_MUST_USE int shoal_seed_url(
        const struct shoal_seed *seed, const struct shoal_service *service, struct shoal_url *url);

/* Whether it is the name of a host, or an address without a port. */
bool shoal_seed_is_host(const char *text);

/* Whether somebody can listen there: no wildcard, no broadcast or multicast address. */
bool shoal_seed_can_be_dialled(const struct shoal_addr *addr);

#endif
