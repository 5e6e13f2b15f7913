/* SPDX-License-Identifier: MIT */
/* Messages that were received, on their way to the application's handlers. */
#ifndef SHOAL_CLUSTER_HANDLER_H
#define SHOAL_CLUSTER_HANDLER_H

#include "cluster/loop/callbacks.h"

#include <shoal/message.h>

struct shoal_cluster;

struct shoal_handler {
	uint16_t type;
	shoal_message_fn fn;
	shoal_request_fn request; /* in its place: for requests */
	void *arg;
};

/* All under the cluster's lock. */
struct shoal_handlers {
	struct shoal_handler item[SHOAL_HANDLERS_MAX]; /* by type */
	size_t count;
	bool running; /* a handler runs on the callbacks' thread, for the type */
	uint16_t type;
	pthread_t runner;
	uint64_t held;      /* bytes that wait or run, as the core counts them */
	uint64_t told;      /* of them when the core was told how many more it may take */
	bool asked;         /* the loop is to tell it again */
	uint64_t unhandled; /* messages without a handler */
};

/* The loop's thread: the core told of a message. */
void shoal_handler_message(struct shoal_cluster *cluster, const struct shoal_event *event);
/* Tells the core how much it may take. */
void shoal_handler_room(struct shoal_cluster *cluster);

/* The application is shown another type, and the bytes behind a head. */
void shoal_handler_unwrap(struct shoal_message *message, uint16_t type, size_t head);

/* The callbacks' thread: a message, or what the outbox has to say; dropped: nobody is called. */
void shoal_handler_run(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped);

#endif
