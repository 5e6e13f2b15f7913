/* SPDX-License-Identifier: MIT */
/* Requests of others, until each is answered. */
#ifndef SHOAL_CLUSTER_SERVE_H
#define SHOAL_CLUSTER_SERVE_H

#include "cluster/message/request.h"

/* Kinds of their timers. */
enum {
	SHOAL_REQUEST_ASKED = 1,
	SHOAL_REQUEST_SERVED
};

struct shoal_served {
	struct shoal_timer timer;
	struct shoal_id id;
	uint64_t number; /* the asker's */
	uint64_t ticket;
	bool replying; /* somebody answers it now */
};

/* A number that never comes twice, for what is in a slot of a slab. Under the lock. */
uint64_t shoal_request_number(struct shoal_requests *requests, uint32_t slot);

/* The callbacks' thread: a reply came. */
void shoal_request_replied(struct shoal_cluster *cluster, const struct shoal_message *message);

/* The request can be answered no more. */
void shoal_serve_drop(struct shoal_cluster *cluster, uint64_t ticket);
/* Under the lock. The same of all requests of a member. */
void shoal_serve_forget(struct shoal_cluster *cluster, const struct shoal_id *id);

#endif
