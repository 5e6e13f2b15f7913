/* SPDX-License-Identifier: MIT */
/* What the application is asked about, until it answers. */
#ifndef SHOAL_CLUSTER_APPLICANT_H
#define SHOAL_CLUSTER_APPLICANT_H

#include "base/slab.h"
#include "cluster/loop/callbacks.h"

/* Under the cluster's lock. */
struct shoal_applicants {
	struct shoal_slab asked;   /* see applicant.c */
	struct shoal_list decided; /* of these: the loop has not taken them yet */
	unsigned asked_ms;         /* how long a question lasts */
	uint32_t round;            /* in the upper half of tickets: none comes twice */
};

void shoal_applicant_init(struct shoal_cluster *cluster);
void shoal_applicant_done(struct shoal_cluster *cluster);

/* The loop's thread. The core asks. */
void shoal_applicant_asked(struct shoal_cluster *cluster, const struct shoal_event *event);
/* Tells the core what was decided. */
void shoal_applicant_take(struct shoal_cluster *cluster);

/* The callbacks' thread: asks the application; dropped: it is only released. */
void shoal_applicant_call(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped);

#endif
