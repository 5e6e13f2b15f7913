/* SPDX-License-Identifier: MIT */
/* shoal/transport.h - how bytes leave and enter. transports/ implements it; applications may bring
 * their own.
 *
 * A transport moves packets that it does not understand: datagrams, one-way messages on streams,
 * exchanges (a request on a stream and its reply), and watch links: idle connections that one side,
 * the watcher, keeps to the other, and whose end tells that the other has gone. It lives on one
 * event loop; every call in both directions is made on the loop's thread. A transport never calls
 * its host from inside a call of the host, other than count and log: what such a call causes is
 * delivered on a later turn of the loop. */
#ifndef SHOAL_TRANSPORT_H
#define SHOAL_TRANSPORT_H

#include <shoal/error.h>
#include <shoal/log.h>
#include <shoal/metrics.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_TRANSPORT_ABI 4

struct event_base;
struct evhttp;

/* What its host made of a message on a stream. */
enum shoal_transport_verdict {
	SHOAL_TRANSPORT_TAKEN = 0, /* it is a member's */
	SHOAL_TRANSPORT_PASSED,    /* it was not taken, and says nothing against who sent it, unless
	                            * many come like that, one after the other */
	SHOAL_TRANSPORT_REFUSED /* nobody of this cluster sent it: its connection is closed, behind
	                         * what the host replied inside the call */
};

/* What a transport reports to its host. Data is borrowed for the call. */
struct shoal_transport_host {
	/* A datagram. age_ns: how long ago the kernel received it, 0 where that is not known. */
	void (*datagram)(void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len,
	        uint64_t age_ns);
	/* A one-way message on a stream. */
	enum shoal_transport_verdict (*stream)(
	        void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len);
	/* A request; the host answers with reply(exchange) once, later or never: the transport
	 * gives up by itself. exchange is the transport's number, never 0, and below 2^62. */
	enum shoal_transport_verdict (*request)(void *arg, const struct shoal_addr *from,
	        uint64_t exchange, const uint8_t *data, size_t len);
	/* The end of a request of this host, exactly once for each that request() took: code 0 with
	 * the reply, or SHOAL_ERR_TIMEOUT, _REFUSED, _UNREACHABLE, _CLOSED, _TOO_BIG, _LIMIT,
	 * _SYSTEM with a reason in English where the code does not say it all, as of a certificate
	 * that was refused; then the verdict says nothing. */
	enum shoal_transport_verdict (*result)(
	        void *arg, uint64_t exchange, int code, const uint8_t *data, size_t len);
	/* The host of a peer refused a datagram (ICMP port unreachable): a hint, ICMP can be
	 * forged. */
	void (*refused)(void *arg, const struct shoal_addr *peer);
	/* A batch of the calls above is over: the host may now drain what they caused. */
	void (*batch_end)(void *arg);
	/* Adds to a counter of metrics.h. */
	void (*count)(void *arg, enum shoal_counter counter, uint64_t n);
	/* One line for the log. */
	void (*log)(void *arg, enum shoal_log_level level, const char *room, const char *text);
	void *arg;
	/* A peer opened a watch link with this message. link is the transport's number, never 0,
	 * below 2^62 and never that of a request; reply(link) answers, tell(link) and drop(link)
	 * take it. */
	enum shoal_transport_verdict (*watched)(void *arg, const struct shoal_addr *from,
	        uint64_t link, const uint8_t *data, size_t len);
	/* That link has ended, by the peer or its network; not after drop(). Once. */
	void (*unwatched)(void *arg, uint64_t link);
	/* A watch link of this host, of which result() told code 0, has ended; not after unwatch().
	 * Once. SHOAL_ERR_CLOSED: the other end closed it, as the kernel does for a process that
	 * dies; _TIMEOUT: it fell silent; another error: the network or this host. */
	void (*closed)(void *arg, uint64_t link, int code);
	/* A datagram to this peer was larger than the path takes. size: nothing larger than this
	 * fits, 0 where that is not known; what comes by ICMP can be forged. NULL: not told. */
	void (*too_large)(void *arg, const struct shoal_addr *peer, size_t size);
};

/* TLS of streams: of tcp where `on`, of http where a URL is https. Borrowed as the rest of the env;
 * see config.h for what each means. */
struct shoal_transport_tls {
	bool on;
	bool insecure;     /* takes any certificate */
	bool client_certs; /* wants one of whoever dials */
	const char *ca;    /* PEM files; NULL: the machine's authorities */
	const char *cert, *key;
	const char *name; /* that certificates of peers must be for, where the peer is dialled by
	                   * its IP address; NULL: that address */
};

/* What a transport with WEB is started with. Borrowed as the rest of its env. */
struct shoal_transport_web {
	const char *bind;  /* "http://10.0.0.1:8001/gossip" or https: where it listens. The host is
	                    * an address of this machine or a wildcard; port 0: the kernel picks */
	const char *url;   /* by which others reach it; NULL: what was bound */
	const char *token; /* that requests must have, and have; NULL or "": none. Behind a space
	                    * another one that they may have */
};

/* Who makes the connections of a transport with STREAM where the kernel's own do not lead there:
 * an overlay network, a proxy. All calls are made on the loop's thread, and must not block;
 * descriptors are non-blocking stream sockets, and the transport's from then on. */
struct shoal_transport_dialer {
	/* A connection to an address: connected, or on its way, which its becoming writable and
	 * SO_ERROR tell. < 0: SHOAL_ERR_UNREACHABLE, _REFUSED, _LIMIT, _SYSTEM. NULL: connect(2).
	 */
	int (*dial)(void *arg, const struct shoal_addr *to);
	/* A descriptor that is readable while connections wait, and the address by which others
	 * dial it. < 0: SHOAL_ERR_IN_USE, _PERMISSION, _INVALID, _SYSTEM. NULL: listen(2). */
	int (*listen)(void *arg, const struct shoal_addr *at, struct shoal_addr *bound);
	/* The next of them, and who made it. < 0: SHOAL_ERR_AGAIN, there is none; else the one
	 * that waited is lost. NULL: accept(2). */
	int (*accept)(void *arg, int listener, struct shoal_addr *from);
	void *arg;
};

/* The end of a question for a name: code 0 with n addresses, each with the port, or an error and
 * why. Borrowed for the call. */
typedef void (*shoal_transport_found_fn)(
        void *arg, int code, const char *why, const struct shoal_addr *addr, size_t n);

/* Names of hosts as the host of the transport has them resolved: see dns, family and resolver of
 * config.h. All calls are made on the loop's thread. */
struct shoal_transport_names {
	/* Asks for at most `most` addresses of a host. found is called once, on a later turn of the
	 * loop, unless cancel(question) came before. SHOAL_ERR_LIMIT, _SYSTEM, _NOMEM: it will not
	 * be called. NULL: the transport asks the hosts file and DNS itself. */
	int (*find)(void *arg, const char *host, uint16_t port, size_t most,
	        shoal_transport_found_fn found, void *found_arg, void **question);
	void (*cancel)(void *arg, void *question);
	void *arg;
};

/* What a transport is started with. Borrowed for the call of start, with the array of bind; what
 * the other pointers name lives until free. */
struct shoal_transport_env {
	size_t size; /* sizeof of this struct, set by the host */
	struct event_base *base;
	const struct shoal_allocator *allocator;
	struct shoal_transport_host host;
	const struct shoal_addr *bind; /* port 0: the kernel picks; the same one for all of the
	                                * address' transports */
	size_t binds;
	size_t datagram_max;      /* the host never sends a larger datagram */
	size_t stream_max;        /* a larger message on a stream is refused in both directions */
	uint32_t connections_max; /* streams open at once, both directions */
	uint32_t idle_timeout_ms; /* an unused connection is closed */
	uint32_t exchange_timeout_ms; /* a message may take so long to arrive and be answered */
	uint32_t link_idle_ms; /* a watch link that was silent for so long is tried, by its watcher;
	                        * after twice that by the other end. At least 1000 */
	size_t first_max;      /* as stream_max, for what comes on a connection that a peer made and
	                        * on which nothing was taken yet; not of http, whose connections may
	                        * be a proxy's: the bytes of each source are bounded there */
	struct shoal_transport_web web;
	struct shoal_transport_tls tls;
	struct shoal_transport_dialer dialer;
	struct shoal_transport_names names;
};

enum shoal_transport_caps {
	SHOAL_TRANSPORT_DATAGRAM = 1, /* send() */
	SHOAL_TRANSPORT_STREAM = 2,   /* request(), reply(), stream() */
	SHOAL_TRANSPORT_WATCH = 4,    /* fresh(), watch(), unwatch(), tell(), drop(); with STREAM */
	SHOAL_TRANSPORT_WAITING = 8,  /* waiting() */
	SHOAL_TRANSPORT_TOLD = 16,    /* told(); with WATCH */
	SHOAL_TRANSPORT_WEB = 32,  /* to and from addresses that are made from URLs, and no others:
	                            * know(), url(), with DATAGRAM and STREAM */
	SHOAL_TRANSPORT_PEERS = 64 /* peer(); with STREAM */
};

struct shoal_transport_ops {
	uint32_t abi;     /* SHOAL_TRANSPORT_ABI */
	uint32_t caps;    /* SHOAL_TRANSPORT_* bits */
	const char *name; /* "udp", "tcp", "memory"; static */

	/* REQUIRED. Binds, and begins delivery. Called again after a failure, and after stop where
	 * the port that this transport got is taken for another one; never from inside of a call to
	 * the host, below which stop leaves what this releases. On failure nothing stays open, and
	 * why (len bytes) says in English what failed at which address and what to do.
	 * SHOAL_ERR_IN_USE, _PERMISSION, _INVALID, _SYSTEM, _NOMEM, and _UNSUPPORTED of TLS in a
	 * build that has none. */
	int (*start)(void *self, const struct shoal_transport_env *env, char *why, size_t len);

	/* REQUIRED. The address that was bound for env->bind[i], with the port that the kernel
	 * chose. */
	int (*address)(const void *self, size_t i, struct shoal_addr *addr);

	/* DATAGRAM: REQUIRED. Sends or copies before it returns; never blocks. Loss is no error.
	 * SHOAL_ERR_TOO_BIG above what the path takes at once. */
	int (*send)(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);

	/* STREAM: REQUIRED. One-way message; copied before it returns. */
	int (*stream)(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);

	/* STREAM: REQUIRED. exchange is the host's number, unique among those in flight. Copied
	 * before it returns. An error means that result() will not be called. SHOAL_ERR_LIMIT,
	 * _TOO_BIG, _NOMEM. */
	int (*request)(void *self, const struct shoal_addr *to, uint64_t exchange,
	        const uint8_t *data, size_t len, uint64_t timeout_ns);

	/* STREAM: REQUIRED. SHOAL_ERR_NOT_FOUND: the requester has gone; no other harm. */
	int (*reply)(void *self, uint64_t exchange, const uint8_t *data, size_t len);

	/* OPTIONAL. Sends what send() collected; the host calls it once after a batch of sends. */
	void (*flush)(void *self);

	/* REQUIRED. Flushes, closes; no call to the host is made after it returns. Idempotent. */
	void (*stop)(void *self);

	/* REQUIRED. stop, and releases self. */
	void (*free)(void *self);

	/* WATCH: REQUIRED. As request(), on a connection that is made now and for this request
	 * only, so that result() with SHOAL_ERR_REFUSED proves that nobody listened there. */
	int (*fresh)(void *self, const struct shoal_addr *to, uint64_t exchange,
	        const uint8_t *data, size_t len, uint64_t timeout_ns);

	/* WATCH: REQUIRED. Opens a watch link: a connection of its own with data as its first
	 * message, never closed for being idle. link is the host's number, unique among its links
	 * and requests. result(link) tells the reply, or that there is none; what the other end
	 * tells later comes by stream(). Errors as with request(). */
	int (*watch)(void *self, const struct shoal_addr *to, uint64_t link, const uint8_t *data,
	        size_t len, uint64_t timeout_ns);

	/* WATCH: REQUIRED. Ends a link of this host; nothing more is told of it, not even its
	 * result. Does nothing where it is not known. */
	void (*unwatch)(void *self, uint64_t link);

	/* WATCH: REQUIRED. One-way message to the peer that opened a link; copied before it
	 * returns. SHOAL_ERR_NOT_FOUND: the link has ended. */
	int (*tell)(void *self, uint64_t link, const uint8_t *data, size_t len);

	/* WATCH: REQUIRED. Ends a link that a peer opened. What was told on it goes first, as far
	 * as the network takes it within exchange_timeout_ms. Does nothing where it is not known.
	 */
	void (*drop)(void *self, uint64_t link);

	/* WAITING: REQUIRED. Bytes of one-way messages to this peer that stream() has taken and the
	 * network has not: they count among those of profile.queue_bytes. Not what tell() has
	 * taken. */
	size_t (*waiting)(const void *self, const struct shoal_addr *to);

	/* TOLD: REQUIRED. The same of what tell() has taken for the peer that opened this link; 0
	 * where it is not known. */
	size_t (*told)(const void *self, uint64_t link);

	/* WEB: REQUIRED. What an address that is sent to soon stands for; the host says it before
	 * it sends, but for those of whom something came. SHOAL_ERR_INVALID: another URL's; _NOMEM.
	 */
	int (*know)(void *self, const struct shoal_addr *addr, const char *url);

	/* WEB: REQUIRED. The URL by which others reach it, SHOAL_URL_MAX + 1 bytes. */
	int (*url)(const void *self, char *text, size_t len);

	/* OPTIONAL. Reads the files of its env anew; on failure all stays, and why says what is
	 * wrong with which. */
	int (*reload)(void *self, char *why, size_t len);

	/* PEERS: REQUIRED. The name in the certificate of who sent what the host is told right now,
	 * while it is in datagram(), stream(), request(), watched() or result(); len 256 suffices.
	 * SHOAL_ERR_NOT_FOUND: it has none that was checked, or nothing is told. */
	int (*peer)(const void *self, char *name, size_t len);

	/* WEB: OPTIONAL. Requests must have and have this token from now on, as web.token says;
	 * copied. SHOAL_ERR_INVALID, _STATE: all stays. */
	int (*token)(void *self, const char *token);
};

struct shoal_transport {
	const struct shoal_transport_ops *ops;
	void *self;
};

/* UDP: IPv4 and IPv6. *transport is owned by the caller until it is given to a cluster.
 * SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_transport_udp(
        struct shoal_transport *transport, const struct shoal_allocator *allocator);

/* TCP: length-framed messages and exchanges, connections kept and reused. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_transport_tcp(
        struct shoal_transport *transport, const struct shoal_allocator *allocator);

/* HTTP and HTTPS: packets as bodies of POST requests, to members at URLs. SHOAL_ERR_NOMEM,
 * SHOAL_ERR_UNSUPPORTED: this build has none. */
SHOAL_API int shoal_transport_http(
        struct shoal_transport *transport, const struct shoal_allocator *allocator);

/* Lets a transport of shoal_transport_http, before it is started, be asked by an evhttp of the
 * application instead of a listener of its own: under the path of web.bind, whose host and port are
 * then those of the evhttp. Both must run on one event_base (SHOAL_RUN_BASE), else start() says so.
 * Before the evhttp is freed the transport is stopped, or given NULL: while it runs nobody asks it
 * any more then. While a request waits for its answer, the callback for the end of its connection
 * is the transport's.
 *
 * Token, type, sender and length are checked as by the own listener. The evhttp reads a body before
 * it asks, and has no limits of its own, nor tells which it was given: this call sets 8 KiB for the
 * headers and 16 MiB, the default of stream_max, for the body, of requests to the application too;
 * where stream_max is more, start() sets that for the body. Other ones are set behind those, and
 * evhttp_set_timeout. The evhttp bounds neither the number of connections nor whose they are. NULL:
 * a listener of its own again, from the next start on. SHOAL_ERR_INVALID: another transport;
 * SHOAL_ERR_STATE: it runs; SHOAL_ERR_UNSUPPORTED. */
SHOAL_API int shoal_transport_http_mount(
        const struct shoal_transport *transport, struct evhttp *evhttp);

/* A network inside the process, for tests: every memory transport made from one shoal_memory_net
 * reaches the others, on the same event_base, by any address that they bound (port 0: the next free
 * one). No loss. */
struct shoal_memory_net;
SHOAL_API int shoal_memory_net_new(
        struct shoal_memory_net **net, const struct shoal_allocator *allocator);
/* After every transport of the net was freed. NULL is allowed. */
SHOAL_API void shoal_memory_net_free(struct shoal_memory_net *net);
SHOAL_API int shoal_transport_memory(
        struct shoal_transport *transport, struct shoal_memory_net *net);

#ifdef __cplusplus
}
#endif

#endif
