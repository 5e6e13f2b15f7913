/* SPDX-License-Identifier: MIT */
/* The parts of the HTTP transport.
 *
 *     http_message.c  bytes of HTTP/1.1 as they come in
 *     http_write.c    and as they go out
 *     http.c          starts and stops; its own address
 *     http_limits.c   how many bytes, refusals, and who goes; for the number of connections see
 *                     crowd.h
 *     http_link.c     the life of one connection, of either side
 *     http_listen.c   connections that peers make
 *     http_server.c   requests of peers, and what is answered to them
 *     http_mount.c    the same by an evhttp of the application
 *     http_peer.c     members by their URL, and how they are reached
 *     http_job.c      what waits for them, and what becomes of it
 *     http_client.c   one connection to a peer: dials, asks, hears the answer
 *
 * One path of HTTP/1.1 serves both sides, in clear and with TLS: libhttp-parser, which reads
 * requests and answers alike, on descriptors by way of channel.h. evhttp has no client with TLS,
 * drops connections on a pair of bufferevents, and bounds a message when it is there; and on the
 * descriptor what TLS made and the kernel did not take waits once, in the session, a record at
 * most. Where an application has an evhttp already, that one asks instead of the listener
 * (http_mount.c).
 *
 * Everything is a POST to the member's URL with one of three words behind its path, of type
 * application/vnd.shoal, with the sender's own URL in Shoal-From:
 *
 *     /datagrams  any number of { length: 2 bytes, datagram }; answered 204
 *     /message    one message of a stream; answered 204
 *     /request    a request; answered 200 with its reply
 *
 * 400 no HTTP, or none of a member; 401 another token, or none; 403 nobody of this cluster; 404
 * another path; 405 no POST; 411 without its length; 413 too long; 414 and 431 too long a head; 415
 * another type, or packed; 429 too much was refused; 503 no room, both with Retry-After; 505
 * another HTTP.
 *
 * Shoal-From is believed as far as the address of a datagram is: it says where answers go, and
 * nothing else; who sent something is told by what is in it, where that is sealed. A URL that was
 * only heard is kept among few, so that lies push out each other.
 *
 * One-way messages to a peer go one after the other, since their order counts; requests beside
 * them, each by a connection of its own for the time, by all but one: whoever takes long to answer
 * still hears the rest. Those longer than first_max go behind what was said before them, by which
 * they are taken. Datagrams that come while some are on
 * their way go together, by the next POST.
 *
 * What is sent twice: what did not leave at all, and a request by a connection that was kept, and
 * turned out to be closed before a byte of an answer; once, by a new connection, and not where it
 * is longer than first_max. These are the rules of tcp.
 *
 * Of first_max no more is held to: behind a proxy connections are nobody's. What a stranger makes
 * this member keep is bounded by the bytes of his source.
 *
 * Reentrancy: as in tcp.h. What ends is doomed: it gives back its place and its descriptor at once,
 * and is released, with the body that the host may be reading, on a turn of the loop of its own. */
#ifndef SHOAL_TRANSPORTS_HTTP_H
#define SHOAL_TRANSPORTS_HTTP_H

#include <event2/buffer.h>
#include <event2/event_struct.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/rng.h"
#include "base/slab.h"
#include "base/url.h"
#include "transports/acceptor.h"
#include "transports/channel.h"
#include "transports/handshakes.h"
#include "transports/http_message.h"
#include "transports/said.h"
#include "transports/socket.h"

#define SHOAL_HTTP_LINKS_TO_PEER 4      /* connections to one peer */
#define SHOAL_HTTP_PEERS_MAX     16384  /* that the host named or sent to */
#define SHOAL_HTTP_HEARD_MAX     1024   /* of which only something came */
#define SHOAL_HTTP_BATCH_MAX     262144 /* bytes of datagrams that wait for a peer */
#define SHOAL_HTTP_JOBS_MAX      1024   /* messages and requests that wait for a peer */
#define SHOAL_HTTP_EXCHANGES_MAX 16384  /* requests of peers that wait for the host */
#define SHOAL_HTTP_ADDRS_MAX     8      /* answers to a name that are tried */
#define SHOAL_HTTP_BANS          64     /* sources of which refusals are counted */
#define SHOAL_HTTP_PASSED        16     /* messages in a row that the host did not take */
#define SHOAL_HTTP_SCRATCH       65536
#define SHOAL_HTTP_NUMBERS       (UINT64_C(1) << 62)

enum shoal_http_kind {
	SHOAL_HTTP_DATAGRAMS,
	SHOAL_HTTP_MESSAGE,
	SHOAL_HTTP_REQUEST,
	SHOAL_HTTP_KINDS
};

struct evhttp;
struct shoal_http;
struct shoal_http_link;
struct shoal_http_mounted;

/* How dear a connection is, see crowd.h; those to peers are IDLE or BUSY. */
enum shoal_http_phase {
	SHOAL_HTTP_SILENT, /* nothing whole came yet; or it is only waited for its end */
	SHOAL_HTTP_IDLE,
	SHOAL_HTTP_READING, /* a message is half here */
	SHOAL_HTTP_BUSY     /* something is owed: never closed for another one */
};

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
	bool again;        /* it was sent once more */
	size_t why;        /* doomed: so many bytes of the body say why */
	size_t len, size;  /* size: with all that it takes */
	uint64_t since;    /* when it began to wait */
	uint8_t body[];
};

struct shoal_http_peer {
	struct shoal_list in_bucket, in_use; /* in_use: in http->peers or http->heard */
	struct shoal_http *http;
	struct shoal_addr addr; /* made from the URL */
	struct shoal_url url;
	struct shoal_list jobs;  /* that wait, in order */
	struct shoal_list links; /* connections to it */
	unsigned link_count, job_count;
	bool known;     /* the host named it or sent to it; else something came of it only */
	size_t waiting; /* bytes of one-way messages that the network has not taken */
	const struct shoal_http_job *telling; /* the message that is on its way */
	const struct shoal_http_job
	        *batching;              /* the datagrams that wait as a job or are on their way */
	struct shoal_list in_unflushed; /* where a batch waits for the end of sends */
	bool flushed;                   /* a batch waits for a connection */
	struct evbuffer *batch;
	uint64_t batch_since; /* when the first of it came */
	struct shoal_resolve *resolve;
	struct shoal_addr found[SHOAL_HTTP_ADDRS_MAX];
	size_t found_count, next; /* next: the one to dial */
	uint64_t rests_until;     /* it could not be reached: until then only requests try */
	uint64_t asked_until;     /* it said so, and nobody does */
	unsigned failures;
	struct event timer;
};

/* A request of a peer, from host.request to reply(). */
struct shoal_http_exchange {
	struct shoal_http_link *link;       /* or */
	struct shoal_http_mounted *mounted; /* who waits for the answer */
	const struct shoal_addr *source;    /* from there: in that one */
	uint64_t number;
};

struct shoal_http_link {
	struct shoal_list node; /* in peer->links, or doomed */
	struct shoal_crowd_member member;
	struct shoal_http *http;
	struct shoal_channel channel;
	struct event readable, writable, timer;
	struct evbuffer *out;
	struct shoal_http_input input;
	bool client, connecting, doomed;
	bool last;    /* nothing more is read or asked; closed once all has left */
	bool lingers; /* all has left: what still comes is thrown away, until the other end closes
	               */
	bool watches; /* the writable event is added */
	size_t held;  /* bytes, of those that are bounded */
	/* A peer's. */
	struct shoal_addr addr;
	unsigned passed;   /* messages in a row that were not taken */
	uint64_t exchange; /* its request waits for the host; 0: none does */
	size_t out_held;   /* of held: what it is answered */
	/* To a peer. */
	struct shoal_http_peer *peer; /* not once it is doomed */
	struct shoal_http_job *job;
	bool used;  /* it has carried an answer: it may have been closed since without a word */
	bool wrote; /* something of the job has left */
};

/* A source whose requests were refused: a token bucket as the time until which it is spent. */
struct shoal_http_ban {
	struct shoal_addr source;
	uint64_t spent;
};

struct shoal_http {
	struct shoal_allocator own, work;
	struct shoal_transport_env env;
	struct shoal_url bind;        /* where it listens */
	char path[SHOAL_URL_MAX + 1]; /* of that, plain */
	struct shoal_addr bound;
	char self[SHOAL_URL_MAX + 1]; /* its own URL, as peers have it */
	char token[SHOAL_HTTP_TOKEN_MAX + 1];
	char also[SHOAL_HTTP_TOKEN_MAX + 1]; /* is taken too */
	struct shoal_tls *tls;
	char no_tls[SHOAL_TLS_WHY]; /* why there is none, where no_tls_code is not 0 */
	int no_tls_code;
	uint64_t no_tls_until;
	bool prepared, running, called;
	const struct shoal_http_link *delivers; /* what it sent the host is told right now */
	uint64_t owner;
	struct shoal_acceptor acceptor;
	/* Connections, and bytes: of what peers send and are answered, of what they answer, and of
	 * what waits for them. */
	struct shoal_crowd crowd;
	size_t held, answers_held, jobs_held, held_max;
	struct shoal_list doomed_links, doomed_jobs;
	struct shoal_slab exchanges;
	uint32_t serial;
	uint64_t key[2];
	struct shoal_rng rng;
	struct shoal_list *bucket; /* of peers */
	size_t buckets, peer_count, heard_count;
	struct shoal_list peers, heard, unflushed; /* by their last use */
	struct shoal_http_ban ban[SHOAL_HTTP_BANS];
	struct {
		/* Of failures: by the URL, and by where it came from. There TLS that failed and
		 * what was refused share a minute: strangers can cause either. */
		struct shoal_said dialled, came;
	} said;
	struct shoal_handshakes handshakes;
	uint64_t patience_ns, idle_ns;
	uint8_t *scratch;
	struct evhttp *evhttp; /* of the application; NULL: it listens itself */
	bool is_mounted;
	struct shoal_list mounted;
};

/* http.c */
void shoal_http_count(struct shoal_http *http, enum shoal_counter counter);
void shoal_http_batch_end(struct shoal_http *http);
void shoal_http_say(struct shoal_http *http, enum shoal_log_level level, const char *text);
/* Makes http->tls where there is none yet. Errors of shoal_tls_new. */
int shoal_http_need_tls(struct shoal_http *http);
/* The word of a kind, with its slash. */
extern const char *const shoal_http_word[SHOAL_HTTP_KINDS];

/* http_limits.c */
int shoal_http_limits_init(struct shoal_http *http);
void shoal_http_limits_place(struct shoal_http_link *link, enum shoal_http_phase phase);
/* Takes it, and its bytes, from its source. */
void shoal_http_limits_remove(struct shoal_http_link *link);
/* An inbound one at a place of the list of a phase. */
static inline struct shoal_http_link *
shoal_http_limits_link(struct shoal_list *in_side)
{
	return SHOAL_LIST_ITEM(in_side, struct shoal_http_link, member.in_side);
}
/* At rest, to a peer. */
static inline bool
shoal_http_limits_rests(const struct shoal_http_link *link)
{
	return link->client && link->member.phase == SHOAL_HTTP_IDLE;
}
/* A shoal_http_hold_fn for a link: see there. */
bool shoal_http_limits_hold(void *link, ptrdiff_t more);
/* Whether a source was refused so often that it is told to wait. */
bool shoal_http_limits_is_banned(struct shoal_http *http, const struct shoal_addr *addr);
void shoal_http_limits_ban(struct shoal_http *http, const struct shoal_addr *addr);

/* http_link.c */
/* A connection on a descriptor, which it takes over. peer, or source: who made it. NULL: no memory.
 */
struct shoal_http_link *shoal_http_link_new(struct shoal_http *http, int fd,
        struct shoal_http_peer *peer, struct shoal_crowd_source *source, struct shoal_tls *tls);
/* Reads what is there, and gives it to its side. */
void shoal_http_link_read(struct shoal_http_link *link);
/* Its turn in the handshake. */
void shoal_http_link_turn(struct shoal_channel *channel);
/* Sends what is in link->out, as far as it goes now. */
void shoal_http_link_write(struct shoal_http_link *link);
/* Reads again, now that nothing is owed. */
void shoal_http_link_resume(struct shoal_http_link *link);
/* Its end: later, with what goes with it. code: of the job that it carries. */
void shoal_http_link_doom(struct shoal_http_link *link, int code);
/* It must have made progress by then. */
void shoal_http_link_arm(struct shoal_http_link *link, uint64_t in_ns);
/* Ends it without a word: nothing runs for it any more. Its struct stays, for whoever is below a
 * call of the host. */
void shoal_http_link_close(struct shoal_http_link *link);
/* Releases one, and calls nobody. */
void shoal_http_link_release(struct shoal_http_link *link);

/* http_listen.c */
int shoal_http_listen_start(struct shoal_http *http, char *why, size_t len);

/* http_server.c */
/* A message is complete, or refused with a status. */
void shoal_http_server_heard(struct shoal_http_link *link, unsigned status);
int shoal_http_server_peer(const void *self, char *name, size_t len);
int shoal_http_server_reply(void *self, uint64_t number, const uint8_t *data, size_t len);
/* For the input of an inbound connection. */
unsigned shoal_http_server_judge(const struct shoal_http_head *head, void *link);
/* The same for a request from there by whatever way. */
unsigned shoal_http_server_judge_from(
        struct shoal_http *http, const struct shoal_http_head *head, const struct shoal_addr *addr);
/* Gives what passed that to the host. The status to answer with; 0: a reply comes, or came. Who
 * asks is in one of link and mounted, and its number, while it waits, in *waits. */
unsigned shoal_http_server_take(struct shoal_http *http, const struct shoal_http_head *head,
        const uint8_t *body, size_t len, const struct shoal_http_exchange *who, uint64_t *waits,
        enum shoal_transport_verdict *verdict);
/* Counts what is answered, and says for how long to stay away. */
uint32_t shoal_http_server_note(
        struct shoal_http *http, const struct shoal_addr *addr, unsigned status);
/* The answer is not wanted any more. */
void shoal_http_server_forget(struct shoal_http *http, uint64_t *waits);

/* http_mount.c */
/* Sets the limits that an evhttp does not have by itself. */
void shoal_http_mount_bound(struct evhttp *evhttp);
int shoal_http_mount_start(struct shoal_http *http, char *why, size_t len);
void shoal_http_mount_stop(struct shoal_http *http);
void shoal_http_mount_answer(
        struct shoal_http_mounted *mounted, unsigned status, const uint8_t *data, size_t len);

/* http_peer.c */
int shoal_http_peer_init(struct shoal_http *http);
void shoal_http_peer_done(struct shoal_http *http);
/* Ends all that is under way, without a word. */
void shoal_http_peer_close_all(struct shoal_http *http);
/* NULL: not known. */
struct shoal_http_peer *shoal_http_peer_find(
        const struct shoal_http *http, const struct shoal_addr *addr);
/* The same, made where it is new. known: the host says so. NULL: no memory, or no URL of a member.
 */
struct shoal_http_peer *shoal_http_peer_named(struct shoal_http *http, const char *url, bool known);
int shoal_http_peer_know(void *self, const struct shoal_addr *addr, const char *url);
/* Host and port, as addresses are written. */
void shoal_http_peer_host(const struct shoal_url *url, char *text, size_t len);
/* The host uses it. */
void shoal_http_peer_use(struct shoal_http_peer *peer);
/* Something waits: uses the connections that are idle, and makes others. */
void shoal_http_peer_tend(struct shoal_http_peer *peer);
/* tend(), on a turn of its own. */
void shoal_http_peer_wake(struct shoal_http_peer *peer);
/* One line about it for the log, now and then. */
void shoal_http_peer_say(struct shoal_http_peer *peer, const char *why);
/* A connection could not be made: the next address is tried, or all that waits ends. */
void shoal_http_peer_failed(struct shoal_http_peer *peer, int code, const char *why);
/* One was made. */
void shoal_http_peer_reached(struct shoal_http_peer *peer);
/* It wants to be left alone for a time. */
void shoal_http_peer_rest(struct shoal_http_peer *peer, uint64_t ns);

/* http_job.c */
int shoal_http_job_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);
int shoal_http_job_stream(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);
int shoal_http_job_request(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns);
size_t shoal_http_job_waiting(const void *self, const struct shoal_addr *to);
void shoal_http_job_flush(void *self);
/* Whether something waits that a connection can take. */
bool shoal_http_job_waits(const struct shoal_http_peer *peer);
/* A connection can take something. NULL: there is nothing. */
struct shoal_http_job *shoal_http_job_next(struct shoal_http_peer *peer);
/* A job is over. data: of the answer, or in English why there is none. */
enum shoal_transport_verdict shoal_http_job_end(
        struct shoal_http_job *job, int code, const uint8_t *data, size_t len);
/* A job goes back to the head of those that wait. */
void shoal_http_job_again(struct shoal_http_job *job);
/* All that wait end so. */
void shoal_http_job_end_all(struct shoal_http_peer *peer, int code, const char *why);
/* Releases one, and calls nobody. */
void shoal_http_job_release(struct shoal_http_job *job);
/* When the first message has waited for so long that it ends; UINT64_MAX: none waits. */
uint64_t shoal_http_job_due(const struct shoal_http_peer *peer);
/* Ends those of which that is now. */
void shoal_http_job_expire(struct shoal_http_peer *peer, uint64_t now);
/* Throws the datagrams away where they are too old to be of use. */
void shoal_http_job_refresh(struct shoal_http_peer *peer, uint64_t now);
/* Throws the datagrams away that wait. */
void shoal_http_job_drain(struct shoal_http_peer *peer);

/* http_client.c */
/* Dials the next address of a peer. NULL: *code says why none could be begun. */
struct shoal_http_link *shoal_http_client_dial(struct shoal_http_peer *peer, int *code);
/* Gives a job to a connection at rest. */
void shoal_http_client_ask(struct shoal_http_link *link, struct shoal_http_job *job);
/* It is connected, and greeted where it has to be. */
void shoal_http_client_ready(struct shoal_http_link *link);
/* more: bytes came behind the answer. */
void shoal_http_client_heard(struct shoal_http_link *link, unsigned status, bool more);

#endif
