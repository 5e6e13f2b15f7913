/* SPDX-License-Identifier: MIT */
/* The parts of the memory transport: memory.c has the net, its addresses and the inboxes,
 * memory_exchange.c requests and watch links. */
#ifndef SHOAL_TRANSPORTS_MEMORY_H
#define SHOAL_TRANSPORTS_MEMORY_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/slab.h"
#include "transports/socket.h"

#define SHOAL_MEMORY_BUCKETS       256
#define SHOAL_MEMORY_EXCHANGES_MAX 65536

struct shoal_memory_net {
	struct shoal_allocator mem;
	struct shoal_list bucket[SHOAL_MEMORY_BUCKETS]; /* endpoints by address */
	struct shoal_slab exchanges;
	struct event_base *base; /* of those that run */
	size_t running;
	uint32_t serial;
	uint16_t port; /* the next to try where the kernel would pick */
};

enum shoal_memory_packet_kind {
	SHOAL_MEMORY_DATAGRAM,
	SHOAL_MEMORY_STREAM,
	SHOAL_MEMORY_REQUEST,
	SHOAL_MEMORY_WATCH,
	SHOAL_MEMORY_REPLY,
	SHOAL_MEMORY_TOLD,    /* on a link, to its watcher */
	SHOAL_MEMORY_FAILURE, /* part of its exchange: to the asker */
	SHOAL_MEMORY_UNWATCH  /* the same, to the one that answered */
};

struct shoal_memory_packet {
	struct shoal_list node; /* in an inbox */
	enum shoal_memory_packet_kind kind;
	struct shoal_addr from;
	uint64_t exchange; /* the net's number */
	int code;
	uint8_t *data;
	size_t len;
};

struct shoal_memory;

struct shoal_memory_endpoint {
	struct shoal_list node;
	struct shoal_memory *owner;
	struct shoal_addr addr;
};

struct shoal_memory {
	struct shoal_memory_net *net;
	struct shoal_transport_env env;
	bool running;
	struct shoal_memory_endpoint *endpoint;
	size_t endpoints;
	struct event timer; /* armed while the inbox holds something */
	struct shoal_list inbox;
	size_t packets, bytes, bytes_max;
	uint64_t dropped;                    /* for want of room in the inbox, not told yet */
	struct shoal_list asked, unanswered; /* exchanges, by their two ends */
};

struct shoal_memory_exchange {
	struct shoal_list by_asker, by_answerer;
	struct shoal_memory *asker, *answerer; /* answerer NULL: nobody was there */
	struct event timer;
	uint64_t number; /* the net's */
	uint64_t theirs; /* the asker's */
	bool link;       /* a watch link */
	bool known;      /* link: the answerer was told of it */
	bool up;         /* link: the asker has the reply */
	struct shoal_memory_packet failure;
	struct shoal_memory *failure_at; /* whose inbox it is in */
};

/* memory.c */
/* NULL: nobody bound it. */
struct shoal_memory_endpoint *shoal_memory_find(
        struct shoal_memory_net *net, const struct shoal_addr *addr);
/* The address by which others can answer what is sent to addr. */
const struct shoal_addr *shoal_memory_source(
        const struct shoal_memory *memory, const struct shoal_addr *addr);
void shoal_memory_enqueue(struct shoal_memory *memory, struct shoal_memory_packet *packet);
void shoal_memory_unqueue(struct shoal_memory *memory, struct shoal_memory_packet *packet);
/* Copies into the inbox of a transport. SHOAL_ERR_LIMIT: it is full; _NOMEM. */
int shoal_memory_post(struct shoal_memory *to, enum shoal_memory_packet_kind kind,
        const struct shoal_addr *from, uint64_t exchange, const uint8_t *data, size_t len);

/* memory_exchange.c */
int shoal_memory_exchange_request(void *self, const struct shoal_addr *to, uint64_t theirs,
        const uint8_t *data, size_t len, uint64_t timeout_ns);
int shoal_memory_exchange_reply(void *self, uint64_t number, const uint8_t *data, size_t len);
int shoal_memory_exchange_watch(void *self, const struct shoal_addr *to, uint64_t link,
        const uint8_t *data, size_t len, uint64_t timeout_ns);
void shoal_memory_exchange_unwatch(void *self, uint64_t link);
int shoal_memory_exchange_tell(void *self, uint64_t link, const uint8_t *data, size_t len);
void shoal_memory_exchange_drop(void *self, uint64_t link);
/* A packet that belongs to an exchange has come out of the inbox. */
void shoal_memory_exchange_deliver(
        struct shoal_memory *memory, const struct shoal_memory_packet *packet);
/* The transport stops: all that it asked and was asked ends. */
void shoal_memory_exchange_stop(struct shoal_memory *memory);

#endif
