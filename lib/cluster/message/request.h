/* SPDX-License-Identifier: MIT */
/* Requests and their replies, as reliable messages of types of their own. */
#ifndef SHOAL_CLUSTER_REQUEST_H
#define SHOAL_CLUSTER_REQUEST_H

#include "base/heap.h"
#include "base/slab.h"
#include "base/table.h"
#include "cluster/loop/callbacks.h"

#include <shoal/message.h>

#include <event2/event.h>

struct shoal_cluster;

/* Types of the library's services. A request: { number U64, timeout_ms VAR, type VAR, bytes }; a
 * reply: { number U64, code VAR, bytes }. RTT is the type of a request that the library answers
 * itself, see rtt.c. */
enum {
	SHOAL_TYPE_REQUEST = SHOAL_TYPE_SERVICE,
	SHOAL_TYPE_REPLY,
	SHOAL_TYPE_RTT
};

/* All but the event under the cluster's lock. */
struct shoal_requests {
	struct shoal_slab asked;  /* struct shoal_asked *: of this member, without an end */
	struct shoal_slab served; /* struct shoal_served: of others, not answered */
	struct shoal_slab askers; /* struct shoal_asker: who asked those */
	struct shoal_table by_id; /* of askers */
	struct shoal_list dead;   /* askers that are held dead */
	struct shoal_heap heap;   /* their deadlines */
	uint32_t round;           /* in the upper half of numbers: none comes twice */
	struct event *timer;      /* the loop's */
	uint64_t armed;           /* when it fires, perhaps too early */
};

void shoal_request_init(struct shoal_cluster *cluster, const uint64_t key[2]);
void shoal_request_done(struct shoal_cluster *cluster);

/* The loop's thread. */
int shoal_request_begin(struct shoal_cluster *cluster);
/* Sets the timer to the next deadline. */
void shoal_request_arm(struct shoal_cluster *cluster);
/* A member's state or instance changed. */
void shoal_request_member(struct shoal_cluster *cluster, const struct shoal_event *event);
/* The core is gone: all that is left ends. */
void shoal_request_finish(struct shoal_cluster *cluster);

/* The callbacks' thread. What a message of one of the types is: one of another type is left alone,
 * a reply is told. */
enum shoal_request_what {
	SHOAL_REQUEST_NONE,
	SHOAL_REQUEST_OPENED,
	SHOAL_REQUEST_TAKEN
};
enum shoal_request_what shoal_request_on_message(
        struct shoal_cluster *cluster, struct shoal_message *message, uint64_t *ticket);
/* The loop's thread: the message of a request was taken, if it is one's; it has no other end than
 * that then, and nothing is to be called. */
bool shoal_request_taken(struct shoal_cluster *cluster, shoal_sent_fn fn, void *arg);
/* Calls back the end of one. */
void shoal_request_call(struct shoal_cluster *cluster, struct shoal_call *call);

#endif
