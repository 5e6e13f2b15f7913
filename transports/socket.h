/* SPDX-License-Identifier: MIT */
/* What udp, tcp and the cluster share: addresses in the kernel's form and in ours; and what udp and
 * tcp share: sockets that are opened and bound in one way, errno as a result code with an English
 * reason, the clock of deadlines. Nothing here keeps state. */
#ifndef SHOAL_TRANSPORTS_SOCKET_H
#define SHOAL_TRANSPORTS_SOCKET_H

#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <shoal/transport.h>

union shoal_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The kernel's form of an address; returns its length. */
socklen_t shoal_socket_from_addr(union shoal_sockaddr *to, const struct shoal_addr *addr);

/* The inverse; false: neither IPv4 nor IPv6, or of 0100::/8, which is no network's and stands for
 * URLs here: who claims it would be taken for a member at one. *addr is untouched then. */
bool shoal_socket_to_addr(struct shoal_addr *addr, const struct sockaddr *from);

/* A non-blocking, close-on-exec socket of the family of addr; IPv6 sockets take IPv6 only, so that
 * both families can have the same port. -1 and errno on failure. */
int shoal_socket_open(const struct shoal_addr *addr, int type);

/* Binds, and finds out which port the kernel chose. 0, or -1 and errno. */
int shoal_socket_bind(int fd, const struct shoal_addr *addr, struct shoal_addr *bound);

/* Whether this process is a fork of the one with this number (process.h), which opened a
 * transport's sockets: what comes there is for that one, and nothing may be sent in its name. */
bool shoal_socket_is_forked(uint64_t owner);

/* Whether a connection's other end is itself: so ends a dial to a port of this machine that nobody
 * listens on, where the kernel gives it that very port as its own. */
bool shoal_socket_is_self(int fd);

/* Sets an option that takes an int; whether that worked. */
bool shoal_socket_set(int fd, int level, int option, int value);

/* The code of what a peer or its network did to a connection. Never NOMEM: what a socket cannot get
 * is a LIMIT. */
int shoal_socket_code(int error);

/* The code of a socket that could not be opened or bound; why says it in English, with what to do
 * about it. */
int shoal_socket_explain(
        const char *transport, const struct shoal_addr *addr, int error, char *why, size_t len);

/* Checks what a transport with these capabilities needs of its env; SHOAL_ERR_INVALID, and why
 * names the field. */
int shoal_socket_check_env(const struct shoal_transport_ops *ops,
        const struct shoal_transport_env *env, char *why, size_t len);

/* The allocator to work with: that of the env, or where it has none, the transport's own. */
struct shoal_allocator shoal_socket_allocator(
        const struct shoal_transport_env *env, const struct shoal_allocator *own);

/* A key for shoal_socket_hash that no peer can know. false: the kernel gave none. */
bool shoal_socket_random_key(uint64_t key[2]);
uint64_t shoal_socket_hash(const uint64_t key[2], const struct shoal_addr *addr);

/* Whose a connection is, where shares are given: of IPv6 a /64, which one host has for itself. */
struct shoal_addr shoal_socket_source(const struct shoal_addr *peer);

/* CLOCK_MONOTONIC: deadlines of connections and exchanges do not run while the machine sleeps. */
uint64_t shoal_socket_now(void);

/* Lets a timer fire on the next turn of the loop; where libevent has no memory left for that, in
 * this one, which needs none: either way after the callback that runs, and without fail. */
void shoal_socket_soon(struct event *timer);

/* From now until at, rounded up; 0 where it has passed. */
struct timeval shoal_socket_until(uint64_t now, uint64_t at);

#endif
