/* SPDX-License-Identifier: MIT */
/* Names as the config says they are resolved. */
#ifndef SHOAL_CLUSTER_LOOKUP_H
#define SHOAL_CLUSTER_LOOKUP_H

#include "transports/resolve.h"

struct shoal_cluster;
struct shoal_lookup;

/* As shoal_resolve_host and shoal_resolve_service; SHOAL_ERR_LIMIT besides. */
SHOAL_MUST_USE int shoal_lookup_host(struct shoal_lookup **lookup, struct shoal_cluster *cluster,
        const char *host, uint16_t port, size_t most, shoal_resolve_fn fn, void *arg);
SHOAL_MUST_USE int shoal_lookup_service(struct shoal_lookup **lookup, struct shoal_cluster *cluster,
        const char *name, size_t most, shoal_resolve_fn fn, void *arg);
/* Ends it without the call. */
void shoal_lookup_cancel(struct shoal_lookup *lookup);

/* The same for transports. */
struct shoal_transport_names shoal_lookup_names(struct shoal_cluster *cluster);

#endif
