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

/* A member of whose requests some are not answered. */
struct shoal_asker {
	struct shoal_list served; /* struct shoal_served */
	struct shoal_list dead;   /* in the list of those that are held dead, and may come back */
	struct shoal_id id;
	uint32_t slot, count;
};

struct shoal_served {
	struct shoal_timer timer;
	struct shoal_list node;
	struct shoal_asker *asker;
	uint64_t number; /* the asker's */
	uint64_t ticket;
	bool replying; /* somebody answers it now */
};

void shoal_serve_init(struct shoal_cluster *cluster, const uint64_t key[2]);
void shoal_serve_done(struct shoal_cluster *cluster);

/* A number that never comes twice, for what is in a slot of a slab. Under the lock. */
uint64_t shoal_request_number(struct shoal_requests *requests, uint32_t slot);

/* The callbacks' thread: a reply came. */
void shoal_request_replied(struct shoal_cluster *cluster, const struct shoal_message *message);

/* The request can be answered no more. */
void shoal_serve_drop(struct shoal_cluster *cluster, uint64_t ticket);
/* Under the lock. The time of the one in this slot is over. */
void shoal_serve_expired(struct shoal_requests *requests, uint32_t slot);
/* Under the lock. A member's state or instance changed. */
void shoal_serve_member(struct shoal_cluster *cluster, const struct shoal_event *event);

#endif
