/* SPDX-License-Identifier: MIT */
/* Other numbers for a cluster that runs, between the threads that set them and the loop that tells
 * the core. */
#ifndef SHOAL_CLUSTER_TUNING_H
#define SHOAL_CLUSTER_TUNING_H

#include <shoal/cluster.h>

#include <pthread.h>

/* What was accepted last. Its lock is held while one call compares and accepts. */
struct shoal_tuning {
	pthread_mutex_t lock;
	struct shoal_profile profile;
	enum shoal_log_level log_level;
	char *tags, *allow, *advertise, *token; /* those of the config that counts; NULL: none */
	struct shoal_cidr range[SHOAL_ALLOW_MAX];
	size_t ranges;
	struct shoal_addr addr[SHOAL_ADDRS_MAX]; /* those to advertise; none: what is bound */
	size_t addrs;
	uint32_t accept_clear, accept_unlabelled, accept_for_ms;
	bool migrates; /* these were changed, and the time begins anew */
	bool clear_set,
	        unlabelled_set; /* of these modes; the other one stays, also where it ended */
	bool changed;           /* the loop has not heard of it */
};

/* From the settings. SHOAL_ERR_NOMEM; shoal_tuning_done frees what there is. */
SHOAL_MUST_USE int shoal_tuning_init(struct shoal_cluster *cluster);
void shoal_tuning_done(struct shoal_cluster *cluster);

/* The loop's thread: what was changed counts from now on, for the core and in the settings. */
void shoal_tuning_push(struct shoal_cluster *cluster);

/* How long a leave may take, from any thread. */
unsigned shoal_tuning_leave_ms(struct shoal_cluster *cluster);

#endif
