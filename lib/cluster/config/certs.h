/* SPDX-License-Identifier: MIT */
/* Certificates of streams: what the config says of them, their files, and how long they last. */
#ifndef SHOAL_CLUSTER_CERTS_H
#define SHOAL_CLUSTER_CERTS_H

#include <shoal/cluster.h>

#include "cluster/config/config.h"
#include "transports/tls.h"

/* What the files had in them. */
struct shoal_certs_held {
	int64_t until; /* s since 1970: end of this member's certificate; INT64_MAX: none */
	struct shoal_tls_digest digest; /* zeros: no file is read before it is needed */
};

struct shoal_certs {
	/* Under the cluster's lock. */
	struct shoal_certs_held held;
	bool anew; /* the transports are to read the files again */
	/* The loop's. */
	uint64_t next_look;
};

/* SHOAL_ERR_INVALID; no file is read. */
SHOAL_MUST_USE int shoal_certs_check(
        const struct shoal_settings *settings, const struct shoal_config *config);
struct shoal_transport_tls shoal_certs_env(const struct shoal_config *config);

/* Before the transports start. Errors name the file. */
SHOAL_MUST_USE int shoal_certs_begin(struct shoal_cluster *cluster);
/* Any thread: reads the files; then, the transports shall, too, on the loop's next turn. fn (NULL:
 * nobody) is called for each field of the config whose file has something else in it than before,
 * unless wanted has another file. */
SHOAL_MUST_USE int shoal_certs_read(struct shoal_cluster *cluster, struct shoal_certs_held *held);
void shoal_certs_renew(struct shoal_cluster *cluster, const struct shoal_certs_held *held,
        const struct shoal_config *wanted, shoal_reconfigured_fn fn, void *arg);

/* The loop's thread: does what is to be done. */
void shoal_certs_push(struct shoal_cluster *cluster);
/* Warns where the end is near; looks at the clock once an hour. */
void shoal_certs_turn(struct shoal_cluster *cluster, uint64_t now);

#endif
