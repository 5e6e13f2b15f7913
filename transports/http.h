/* SPDX-License-Identifier: MIT */
/* The parts of the HTTP transport.
 *
 *     http_message.c  bytes of HTTP/1.1, in and out
 *     http.c          starts and stops; its own address
 *     http_link.c     the life of one connection, of either side
 *     http_server.c   listens; requests of peers, and what is answered to them
 *     http_peer.c     members by their URL: what waits for them, and by which connections it goes
 *     http_client.c   one connection to a peer: dials, asks, hears the answer
 *
 * Everything is a POST to the member's URL with one of three words behind its path, of type
 * application/vnd.shoal, with the sender's own URL in Shoal-From:
 *
 *     /datagrams  any number of { length: 2 bytes, datagram }; answered 204
 *     /message    one message of a stream; answered 204
 *     /request    a request; answered 200 with its reply
 *
 * 401 another token, or none; 403 nobody of this cluster; 404 another path; 405 no POST; 413 too
 * long; 415 another type; 429 too much was refused; 503 no room, both with Retry-After.
 *
 * One-way messages to a peer go one after the other, since their order counts; requests beside
 * them, each by a connection of its own for the time. Datagrams that come while some are on their
 * way go together, by the next POST.
 *
 * Reentrancy: as in tcp.h. What ends is doomed: it gives back what it holds at once, and is
 * released and tells of its end on a turn of the loop of its own. */
#ifndef SHOAL_TRANSPORTS_HTTP_H
#define SHOAL_TRANSPORTS_HTTP_H

#include <event2/buffer.h>
#include <event2/event_struct.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/url.h"
#include "transports/channel.h"
#include "transports/http_message.h"
#include "transports/socket.h"

#define SHOAL_HTTP_LINKS_TO_PEER 4      /* connections to one peer */
#define SHOAL_HTTP_PEERS_MAX     16384  /* that are remembered */
#define SHOAL_HTTP_BATCH_MAX     262144 /* bytes of datagrams that wait for a peer */
#define SHOAL_HTTP_JOBS_MAX      1024   /* messages and requests that wait for a peer */
#define SHOAL_HTTP_EXCHANGES_MAX 16384  /* requests of peers that wait for the host */
#define SHOAL_HTTP_ADDRS_MAX     8      /* answers to a name that are tried */
#define SHOAL_HTTP_BANS          64     /* sources of which refusals are counted */
#define SHOAL_HTTP_NUMBERS       (UINT64_C(1) << 62)

enum shoal_http_kind {
	SHOAL_HTTP_DATAGRAMS,
	SHOAL_HTTP_MESSAGE,
	SHOAL_HTTP_REQUEST,
	SHOAL_HTTP_KINDS
};

struct shoal_http;
struct shoal_http_link;

/* A message or a request of this host, or a batch of datagrams, on its way to a peer. */
struct shoal_http_job {
	struct shoal_list node; /* waiting in the peer, or doomed */
	struct shoal_http *http;
	struct shoal_http_peer *peer; /* not once it is doomed */
	struct shoal_http_link *link; /* NULL: it waits */
	struct event timer;           /* REQUEST: of its time-out; doomed: of its end */
	enum shoal_http_kind kind;
	uint64_t exchange; /* REQUEST: the host's number */
	int code;          /* doomed: how it ended */
	bool again;        /* it was tried once more */
	size_t len;
	uint8_t body[];
};

struct shoal_http_peer {
	struct shoal_list in_bucket, in_use; /* in_use: the one used longest ago first */
	struct shoal_http *http;
	struct shoal_addr addr; /* made from the URL */
	struct shoal_url url;
	struct shoal_list jobs;  /* that wait, in order */
	struct shoal_list links; /* connections to it */
	unsigned link_count, job_count;
	size_t waiting; /* bytes of one-way messages that the network has not taken */
	bool telling;   /* a message is on its way */
	bool batching;  /* datagrams are */
	bool flushed;   /* datagrams wait for a connection, not for the end of a batch of sends */
	struct evbuffer *batch;
	struct shoal_resolve *resolve;
	struct shoal_addr found[SHOAL_HTTP_ADDRS_MAX];
	size_t found_count, next; /* next: the one to dial */
	uint64_t rests_until;     /* it asked for that, or could not be reached */
	unsigned failures;
	uint64_t said_at; /* when a line of the log told of a failure */
	struct event timer;
};

/* A request of a peer, from host.request to reply(). */
struct shoal_http_exchange {
	struct shoal_http_link *link;
	uint64_t number;
};

struct shoal_http_link {
	struct shoal_list node; /* in http->inbound, peer->links, or doomed */
	struct shoal_http *http;
	struct shoal_channel channel;
	struct event readable, writable, timer;
	struct evbuffer *out;
	struct shoal_http_input input;
	bool client, connecting, last, doomed; /* last: closed once all has left */
	bool watches;                          /* the writable event is added */
	uint64_t deadline_at;
	/* A peer's. */
	struct shoal_addr source;
	uint64_t exchange; /* its request waits for the host; 0: none does */
	/* To a peer. */
	struct shoal_http_peer *peer;
	struct shoal_http_job *job;
	bool used; /* it has carried an answer: it may have been closed since without a word */
};

/* A source whose requests were refused: a token bucket as the time until which it is spent. */
struct shoal_http_ban {
	struct shoal_addr source;
	uint64_t spent;
};

struct shoal_http {
	struct shoal_allocator own, work;
	struct shoal_transport_env env;
	struct shoal_url bind; /* where it listens */
	struct shoal_addr bound;
	char self[SHOAL_URL_MAX + 1]; /* its own URL, as peers have it */
	char token[SHOAL_HTTP_TOKEN_MAX + 1];
	struct shoal_tls *tls;
	bool prepared, running, called;
	uint64_t owner;
	int listener;
	struct event acceptable, rest;
	struct shoal_list inbound; /* the one used longest ago first */
	size_t inbound_count, outbound_count;
	struct shoal_list doomed_links, doomed_jobs;
	struct shoal_slab exchanges;
	uint32_t serial;
	uint64_t key[2];
	struct shoal_list *bucket; /* of peers */
	size_t buckets, peer_count;
	struct shoal_list peers; /* by their last use */
	struct shoal_http_ban ban[SHOAL_HTTP_BANS];
	uint64_t patience_ns, idle_ns;
	uint8_t *scratch;
};

/* http.c */
void shoal_http_count(struct shoal_http *http, enum shoal_counter counter);
void shoal_http_batch_end(struct shoal_http *http);
void shoal_http_say(struct shoal_http *http, enum shoal_log_level level, const char *text);
/* The word of a kind, with its slash. */
extern const char *const shoal_http_word[SHOAL_HTTP_KINDS];

/* http_link.c */
/* A connection on a descriptor, which it takes over. peer NULL: a peer made it. host: whose
 * certificate it must have. NULL: no memory. */
struct shoal_http_link *shoal_http_link_new(
        struct shoal_http *http, int fd, struct shoal_http_peer *peer, struct shoal_tls *tls);
/* Sends what is in link->out, as far as it goes now. */
void shoal_http_link_write(struct shoal_http_link *link);
/* Its end: later, with what goes with it. code: of the job that it carries. */
void shoal_http_link_doom(struct shoal_http_link *link, int code);
/* It must have made progress by then. */
void shoal_http_link_arm(struct shoal_http_link *link, uint64_t in_ns);
/* Ends it without a word: nothing runs for it any more. Its struct stays, for whoever is below a
 * call of the host. */
void shoal_http_link_close(struct shoal_http_link *link);
/* Releases one, and calls nobody. */
void shoal_http_link_release(struct shoal_http_link *link);

/* http_server.c */
int shoal_http_server_start(struct shoal_http *http, char *why, size_t len);
void shoal_http_server_stop(struct shoal_http *http);
/* A message is complete, or refused with a status. */
void shoal_http_server_heard(struct shoal_http_link *link, unsigned status);
int shoal_http_server_peer(const void *self, uint64_t number, char *name, size_t len);
int shoal_http_server_reply(void *self, uint64_t number, const uint8_t *data, size_t len);
/* For the input of an inbound connection. */
unsigned shoal_http_server_judge(const struct shoal_http_head *head, void *arg);
void shoal_http_server_forget(struct shoal_http_link *link);

/* http_peer.c */
int shoal_http_peer_init(struct shoal_http *http);
void shoal_http_peer_done(struct shoal_http *http);
/* Ends all that is under way, without a word. */
void shoal_http_peer_close_all(struct shoal_http *http);
/* NULL: not known. */
struct shoal_http_peer *shoal_http_peer_find(
        const struct shoal_http *http, const struct shoal_addr *addr);
/* The same, made where it is new. NULL: no memory, or no URL of a member. */
struct shoal_http_peer *shoal_http_peer_named(struct shoal_http *http, const char *url);
int shoal_http_peer_know(void *self, const struct shoal_addr *addr, const char *url);
int shoal_http_peer_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);
int shoal_http_peer_stream(
        void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);
int shoal_http_peer_request(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns);
size_t shoal_http_peer_waiting(const void *self, const struct shoal_addr *to);
void shoal_http_peer_flush(void *self);
/* A connection can take something. NULL: there is nothing. */
struct shoal_http_job *shoal_http_peer_next(struct shoal_http_peer *peer);
/* Something waits: uses the connections that are idle, and makes others. */
void shoal_http_peer_tend(struct shoal_http_peer *peer);
/* A connection could not be made: the next address is tried, or all that waits ends. */
void shoal_http_peer_failed(struct shoal_http_peer *peer, int code, const char *why);
/* One was made. */
void shoal_http_peer_reached(struct shoal_http_peer *peer);
/* It wants to be left alone for a time. */
void shoal_http_peer_rest(struct shoal_http_peer *peer, uint64_t ns);
/* A job is over. data: of the answer. */
void shoal_http_job_end(struct shoal_http_job *job, int code, const uint8_t *data, size_t len);
/* A job goes back to the head of those that wait. */
void shoal_http_job_again(struct shoal_http_job *job);

/* http_client.c */
/* Dials the next address of a peer. NULL: *code says why none could be begun. */
struct shoal_http_link *shoal_http_client_dial(struct shoal_http_peer *peer, int *code);
/* Gives a job to a connection at rest. */
void shoal_http_client_ask(struct shoal_http_link *link, struct shoal_http_job *job);
/* It is connected, and greeted where it has to be. */
void shoal_http_client_ready(struct shoal_http_link *link);
void shoal_http_client_heard(struct shoal_http_link *link, unsigned status);

#endif
