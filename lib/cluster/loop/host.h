/* SPDX-License-Identifier: MIT */
/* Between core and transports: what arrives goes to the core, what the core sends goes out. */
#ifndef SHOAL_CLUSTER_HOST_H
#define SHOAL_CLUSTER_HOST_H

#include "cluster/cluster.h"

/* Numbers of transports are below this bit; above it stands the place of the transport. */
#define SHOAL_HOST_PLACE_SHIFT 62

/* The transport's own number. */
static inline uint64_t
shoal_host_inner(uint64_t number)
{
	return number & ((UINT64_C(1) << SHOAL_HOST_PLACE_SHIFT) - 1);
}

/* The functions that a transport is started with. */
struct shoal_transport_host shoal_host_functions(struct shoal_host_port *port);

/* Hands every queued send of the core to the transports. */
void shoal_host_drain(struct shoal_cluster *cluster);
/* Tells the transports that a batch is over. */
void shoal_host_flush(struct shoal_cluster *cluster);

/* A request that no transport took; its end is told to the core on a later turn. */
struct shoal_failed {
	uint64_t exchange;
	int code;
};
/* Tells the core of those that were there when it began. */
void shoal_host_fail_requests(struct shoal_cluster *cluster);

#endif
