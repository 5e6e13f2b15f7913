/* SPDX-License-Identifier: MIT */
/* The parts of the TCP transport.
 *
 *     tcp.c             starts and stops
 *     tcp_limits.c      how many bytes, and who goes; for the number of connections see crowd.h
 *     tcp_connection.c  the life of one connection, from dial or accept to burial
 *     tcp_dial.c        connections to peers: the one that is there, or a new one
 *     tcp_greet.c       the handshake where TLS is on
 *     tcp_output.c      messages leave, in order
 *     tcp_frame.c       received bytes become frames
 *     tcp_message.c     frames and the greeting, as they go out
 *     tcp_exchange.c    requests of this host and of peers, and their ends
 *     tcp_watch.c       watch links, kept by this host and by peers
 *
 * On the wire, all numbers in network byte order: the dialler greets with 8 bytes, "SHOAL", the
 * version of the framing (0), two zero bytes. Then both sides send frames: length of the payload
 * (4), kind (1), exchange number (8), payload. The dialler sends requests and one-way messages, the
 * acceptor replies with the number of the request. A connection whose first frame is a watch is a
 * watch link: the dialler sends nothing more on it, the acceptor a reply and one-way messages.
 *
 * Ownership and reentrancy: the host may call the transport from inside any of its own calls, so
 * nothing that such a call could end is released below one. A connection that ends is *doomed*: its
 * descriptor, buffers and place in the limits are given back at once, its struct and the results of
 * its requests wait for its own turn of the loop, where it is buried. Dooming
 * allocates nothing and cannot fail. */
#ifndef SHOAL_TRANSPORTS_TCP_H
#define SHOAL_TRANSPORTS_TCP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/slab.h"
#include "transports/acceptor.h"
#include "transports/channel.h"
#include "transports/handshakes.h"
#include "transports/said.h"
#include "transports/socket.h"

/* Bytes. */
#define SHOAL_TCP_GREETING 8
#define SHOAL_TCP_HEADER   13
#define SHOAL_TCP_SCRATCH  65536

/* Requests of this host, on one connection and in all; requests of peers likewise. */
#define SHOAL_TCP_IN_FLIGHT     512
#define SHOAL_TCP_REQUESTS_MAX  65536
#define SHOAL_TCP_UNANSWERED    1024
#define SHOAL_TCP_EXCHANGES_MAX 65536

/* Messages in a row that the host did not take, of which each may have cost it an answer. */
#define SHOAL_TCP_PASSED 16

/* Watch links in each direction. */
#define SHOAL_TCP_LINKS_MAX 64

/* For shoal_tcp_connection_doom: nothing to count. */
#define SHOAL_TCP_QUIET SHOAL_COUNTERS

enum shoal_tcp_kind {
	SHOAL_TCP_REQUEST = 1,
	SHOAL_TCP_REPLY = 2,
	SHOAL_TCP_ONE_WAY = 3,
	SHOAL_TCP_WATCH = 4
};

/* How dear a connection is, see crowd.h: those of a phase in the order of their last use. */
enum shoal_tcp_phase {
	SHOAL_TCP_SILENT = 0, /* accepted, has not greeted */
	SHOAL_TCP_IDLE = 1,   /* nothing under way */
	SHOAL_TCP_LINK = 2,   /* a watch link: idle is what it is for */
	SHOAL_TCP_BUSY = 3    /* never evicted for its number, only for its bytes or its time */
};

struct shoal_tcp_message {
	struct shoal_list node;            /* in the output of a connection */
	struct shoal_tcp_request *request; /* owns it; NULL: the connection's output does */
	bool one_way;
	size_t len;
	uint8_t bytes[];
};

/* A request of this host, from request() to result(). */
struct shoal_tcp_request {
	struct shoal_list node; /* in connection->requests */
	struct shoal_tcp_connection *connection;
	struct shoal_tcp_message *message; /* NULL: sent, and will not be sent again */
	struct event timer;
	uint64_t number; /* the host's */
	uint64_t wire;   /* on the wire: a serial number and the slot */
	bool reused;     /* goes by a connection that was there before: may be sent again */
};

/* A request of a peer, from host.request to reply(). */
struct shoal_tcp_exchange {
	struct shoal_list node; /* in connection->exchanges, oldest first */
	struct shoal_tcp_connection *connection;
	uint64_t number; /* ours: a serial number and the slot */
	uint64_t wire;   /* the peer's */
	uint64_t since;
};

struct shoal_tcp_connection {
	struct shoal_tcp *tcp;
	struct shoal_crowd_member member;
	struct shoal_list in_doomed;
	struct shoal_list in_address; /* outbound, is or was shared: in the bucket of its peer */
	struct shoal_addr peer;
	struct event readable, writable, timer;
	struct shoal_channel channel;
	bool outbound, connecting, doomed;
	bool shared;     /* outbound: later requests go by it */
	bool proved;     /* the host took a message that came by it */
	unsigned passed; /* messages since then that it did not take */
	uint64_t used_at;

	/* The frame that is coming in. */
	size_t greeted; /* inbound: bytes of the greeting that came */
	size_t header_len;
	uint8_t header[SHOAL_TCP_HEADER];
	uint8_t *body; /* NULL: no byte of the payload came, or all of them at once */
	size_t body_len, body_capacity;
	uint64_t frame_since; /* 0: no part of a frame or greeting is missing */

	/* Frames that go out. */
	struct shoal_list output;
	size_t output_bytes, output_sent; /* of all; of the first message */
	size_t one_way_bytes;             /* of all one-way messages */
	uint64_t output_since;            /* the first message became the first; 0: none */

	struct shoal_list requests, exchanges;
	unsigned in_flight, unanswered;

	/* A watch link. */
	struct shoal_list in_links; /* linked: it is one */
	bool watched;       /* outbound: the peer has answered; inbound: the host knows it */
	uint64_t link;      /* its number towards the host; 0: it hears no more of it */
	uint64_t link_wire; /* inbound: the number that the reply carries */
	uint64_t ending;    /* inbound: it goes when its output has left, since then; 0: it stays */

	/* Doomed. */
	int code;
	enum shoal_counter counter;
	char *why;  /* in English, where the code does not say it; NULL */
	bool stale; /* the peer closed it between two frames: requests may be tried again */
};

struct shoal_tcp {
	struct shoal_allocator own;     /* of this struct */
	struct shoal_allocator work;    /* of all the rest */
	struct shoal_transport_env env; /* bind is borrowed for the call of start */
	bool prepared;                  /* holds what release gives back */
	bool running;
	uint64_t owner; /* number of the process that started it */
	bool called;    /* the host was called since its last batch_end */
	const struct shoal_tcp_connection *delivers; /* what it sent the host is told right now */
	uint64_t patience_ns, idle_ns;
	struct shoal_acceptor acceptor;
	uint8_t *scratch;       /* what one read takes in */
	struct shoal_tls *tls;  /* NULL: in clear */
	struct shoal_said said; /* of failed handshakes */
	struct shoal_handshakes handshakes;

	struct shoal_crowd crowd;
	struct shoal_list doomed;
	size_t held, held_max; /* bytes of messages and partial frames */
	uint64_t key[2];
	struct shoal_list
	        *address; /* outbound connections by peer, in as many buckets as the crowd */

	struct shoal_slab requests, exchanges;
	struct shoal_list links; /* of both directions, doomed ones too */
	size_t links_in, links_out;
	uint32_t serial;
};

/* tcp.c */
/* Tells the host that a batch of calls is over, where there were any. */
void shoal_tcp_batch_end(struct shoal_tcp *tcp);
void shoal_tcp_count(struct shoal_tcp *tcp, enum shoal_counter counter);

/* tcp_limits.c */
int shoal_tcp_limits_init(struct shoal_tcp *tcp);
void shoal_tcp_limits_done(struct shoal_tcp *tcp);
/* Takes size bytes from the budget, which may doom the connection that holds most. connection: who
 * wants them, NULL for none in particular. false: it holds most itself. */
bool shoal_tcp_limits_hold(
        struct shoal_tcp *tcp, struct shoal_tcp_connection *connection, size_t size);
void shoal_tcp_limits_unhold(struct shoal_tcp *tcp, size_t size);

/* tcp_connection.c */
/* A connection with its timer armed and nothing else. NULL: no memory. */
struct shoal_tcp_connection *shoal_tcp_connection_new(
        struct shoal_tcp *tcp, const struct shoal_addr *peer);
/* Takes over a descriptor, on failure too: SHOAL_ERR_NOMEM. */
int shoal_tcp_connection_adopt(struct shoal_tcp_connection *connection, int fd);
/* For the acceptor of a transport. */
void shoal_tcp_connection_accept(
        void *tcp, int fd, const struct shoal_addr *peer, struct shoal_crowd_source *source);
/* Ends a connection: see above. code: of its requests; counter: what it is counted as, when it is
 * buried. */
void shoal_tcp_connection_doom(
        struct shoal_tcp_connection *connection, int code, enum shoal_counter counter);
/* The same for the errno of a call on one that was open. */
void shoal_tcp_connection_doom_by(struct shoal_tcp_connection *connection, int error);
/* No later request goes by it; what waits in it goes on counting. */
void shoal_tcp_connection_retire(struct shoal_tcp_connection *connection);
/* After anything that may have changed its phase or its deadline. */
void shoal_tcp_connection_settle(struct shoal_tcp_connection *connection);
/* Closes and releases all, calls nobody. */
void shoal_tcp_connection_close_all(struct shoal_tcp *tcp);
void shoal_tcp_connection_release_all(struct shoal_tcp *tcp);
/* Whether frames may pass. */
static inline bool
shoal_tcp_connection_is_up(const struct shoal_tcp_connection *connection)
{
	return !connection->connecting && connection->channel.up;
}

/* tcp_dial.c */
/* The connections to a peer, and others. */
struct shoal_list *shoal_tcp_dial_bucket(
        const struct shoal_tcp *tcp, const struct shoal_addr *peer);
/* The connection that requests to a peer go by; dials where there is none. NULL: *code is LIMIT or
 * NOMEM. It may be doomed already, where the kernel refused at once. */
struct shoal_tcp_connection *shoal_tcp_dial_shared(
        struct shoal_tcp *tcp, const struct shoal_addr *peer, int *code);
/* The same, a new one that no other request will go by: it is closed once nothing is under way. */
struct shoal_tcp_connection *shoal_tcp_dial_fresh(
        struct shoal_tcp *tcp, const struct shoal_addr *peer, int *code);
void shoal_tcp_dial_writable(evutil_socket_t fd, short what, void *arg);

/* tcp_greet.c */
/* Goes on with a handshake. false: it is not over, or the connection is doomed. In clear, true. */
bool shoal_tcp_greet(struct shoal_tcp_connection *connection);
/* It is the turn of a connection that waited for it there. */
void shoal_tcp_greet_turn(struct shoal_channel *channel);
/* Whose certificate a peer must have. */
const char *shoal_tcp_greet_host(
        const struct shoal_tcp_connection *connection, char host[INET6_ADDRSTRLEN]);
/* Says of a connection whose time is over that it hung in the handshake, where it did. */
void shoal_tcp_greet_late(struct shoal_tcp_connection *connection);
/* Whether these first bytes are of TLS where there should be none; says so. */
bool shoal_tcp_greet_foreign(
        struct shoal_tcp_connection *connection, const uint8_t *data, size_t len);

/* tcp_output.c */
/* Whether it can take len bytes more; then queues a message and sends what the kernel takes. */
bool shoal_tcp_output_has_room(const struct shoal_tcp_connection *connection, size_t len);
void shoal_tcp_output_write(
        struct shoal_tcp_connection *connection, struct shoal_tcp_message *message);
/* Sends what the kernel takes now. */
void shoal_tcp_output_flush(struct shoal_tcp_connection *connection);
/* Nothing waits for the kernel. */
bool shoal_tcp_output_is_empty(const struct shoal_tcp_connection *connection);
/* Bytes of one-way messages to a peer that wait for the kernel, in whichever of its connections. */
size_t shoal_tcp_output_waiting(const void *self, const struct shoal_addr *peer);
/* The request that a message belongs to is over: released, unless a part of it has left already. */
void shoal_tcp_output_abandon(
        struct shoal_tcp_connection *connection, struct shoal_tcp_message *message);
/* All that has not left is lost. */
void shoal_tcp_output_drop(struct shoal_tcp_connection *connection);

/* tcp_frame.c */
void shoal_tcp_frame_readable(evutil_socket_t fd, short what, void *arg);
void shoal_tcp_frame_drop(struct shoal_tcp_connection *connection);

/* tcp_message.c */
extern const uint8_t shoal_tcp_message_hello[SHOAL_TCP_GREETING];
/* A frame for a connection. NULL: *code is LIMIT or NOMEM. */
struct shoal_tcp_message *shoal_tcp_message_new(struct shoal_tcp_connection *connection,
        enum shoal_tcp_kind kind, uint64_t number, const uint8_t *data, size_t len, int *code);
/* NULL: no memory, or none in the budget. */
struct shoal_tcp_message *shoal_tcp_message_greeting(struct shoal_tcp *tcp);
void shoal_tcp_message_free(struct shoal_tcp *tcp, struct shoal_tcp_message *message);

/* tcp_exchange.c */
int shoal_tcp_exchange_request(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns);
int shoal_tcp_exchange_stream(
        void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);
int shoal_tcp_exchange_fresh(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns);
int shoal_tcp_exchange_peer(const void *self, char *name, size_t len);
int shoal_tcp_exchange_reply(void *self, uint64_t number, const uint8_t *data, size_t len);
/* Puts the first message of a kind on a connection, as a request of this host. */
int shoal_tcp_exchange_ask(struct shoal_tcp_connection *connection, enum shoal_tcp_kind kind,
        uint64_t number, const uint8_t *data, size_t len, uint64_t timeout_ns);
/* A number for the host, with a slot in its low half. */
uint64_t shoal_tcp_exchange_number(struct shoal_tcp *tcp, uint32_t slot);
/* Handles a frame of a peer; false: it has no place here. */
bool shoal_tcp_exchange_frame(struct shoal_tcp_connection *connection, uint8_t kind,
        uint64_t number, const uint8_t *data, size_t len);
/* What the host said of a message that came by a connection. */
void shoal_tcp_exchange_judge(
        struct shoal_tcp_connection *connection, enum shoal_transport_verdict verdict);
/* Gives up on requests of the peer that came at or before a time: late replies to them find
 * nothing. */
void shoal_tcp_exchange_expire(struct shoal_tcp_connection *connection, uint64_t since);
/* The requests of this host that a doomed connection carried: tried again, or ended with its code.
 */
void shoal_tcp_exchange_bury(struct shoal_tcp_connection *connection);
/* Forgets them without a word to the host. */
void shoal_tcp_exchange_cancel_all(struct shoal_tcp_connection *connection);

/* tcp_watch.c */
int shoal_tcp_watch_open(void *self, const struct shoal_addr *to, uint64_t link,
        const uint8_t *data, size_t len, uint64_t timeout_ns);
void shoal_tcp_watch_close(void *self, uint64_t link);
int shoal_tcp_watch_tell(void *self, uint64_t link, const uint8_t *data, size_t len);
void shoal_tcp_watch_drop(void *self, uint64_t link);
/* Bytes of one-way messages that wait for the kernel on a peer's link. */
size_t shoal_tcp_watch_told(const void *self, uint64_t link);
/* Numbers of inbound links hold this slot, which no exchange has. */
#define SHOAL_TCP_LINK_SLOT UINT32_MAX
/* NULL: there is none. */
struct shoal_tcp_connection *shoal_tcp_watch_find(
        const struct shoal_tcp *tcp, bool outbound, uint64_t link);
int shoal_tcp_watch_reply(struct shoal_tcp *tcp, uint64_t link, const uint8_t *data, size_t len);
/* The first frame of a peer's link. false: it has no place here. */
bool shoal_tcp_watch_accept(
        struct shoal_tcp_connection *connection, uint64_t wire, const uint8_t *data, size_t len);
/* The peer is about to answer a link of this host. */
void shoal_tcp_watch_begin(struct shoal_tcp_connection *connection);
/* Tells the host that the link of a doomed connection has ended. */
void shoal_tcp_watch_bury(struct shoal_tcp_connection *connection);
/* A link is released. Does nothing where it is none. */
void shoal_tcp_watch_forget(struct shoal_tcp_connection *connection);
static inline bool
shoal_tcp_watch_is_link(const struct shoal_tcp_connection *connection)
{
	return shoal_list_linked(&connection->in_links);
}

#endif
