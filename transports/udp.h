/* SPDX-License-Identifier: MIT */
/* The parts of the UDP transport: udp.c starts and stops, udp_receive.c reads sockets and their
 * error queues, udp_send.c collects and sends, udp_route.c remembers by which local address a peer
 * reached us. */
#ifndef SHOAL_TRANSPORTS_UDP_H
#define SHOAL_TRANSPORTS_UDP_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "transports/socket.h"

#define SHOAL_UDP_BATCH       32   /* datagrams of one system call */
#define SHOAL_UDP_SLOT        2048 /* room for a received datagram, where datagram_max is smaller */
#define SHOAL_UDP_PAYLOAD_MAX 65507 /* 65535 less the headers of IPv4 and UDP */
#define SHOAL_UDP_CONTROL     128   /* stamp, drop counter and addressed address */

struct shoal_udp;

struct shoal_udp_socket {
	struct shoal_udp *udp;
	struct event readable;
	int fd;
	bool wildcard;
	struct shoal_addr addr;
	uint32_t drops; /* the kernel's counter as last seen */
};

/* Where one recvmmsg puts what it reads. */
struct shoal_udp_inbox {
	struct mmsghdr header[SHOAL_UDP_BATCH];
	struct iovec piece[SHOAL_UDP_BATCH];
	union shoal_sockaddr from[SHOAL_UDP_BATCH];
	_Alignas(struct cmsghdr) char control[SHOAL_UDP_BATCH][SHOAL_UDP_CONTROL];
	unsigned slots; /* of SHOAL_UDP_BATCH; fewer where datagrams may be large */
	size_t slot;
	uint8_t *bytes; /* slots * slot */
};

/* What send() collected for one sendmmsg a socket. */
struct shoal_udp_outbox {
	struct mmsghdr header[SHOAL_UDP_BATCH];
	struct iovec piece[SHOAL_UDP_BATCH];
	union shoal_sockaddr to[SHOAL_UDP_BATCH];
	_Alignas(struct cmsghdr) char control[SHOAL_UDP_BATCH]
	                                     [CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct shoal_udp_socket *socket[SHOAL_UDP_BATCH];
	unsigned count;
	size_t used, size;
	uint8_t *bytes; /* datagrams end to end, in all `size` */
};

/* How a peer reached us last: replies leave the same way. */
struct shoal_udp_route {
	struct shoal_addr peer; /* port 0: the entry is empty */
	uint8_t local[16];      /* all zero: only the socket counts */
	struct shoal_udp_socket *socket;
};

/* A datagram that was larger than the path takes, as this machine knows it. */
struct shoal_udp_large {
	struct shoal_addr to;
	size_t len;
};

struct shoal_udp {
	struct shoal_allocator own;     /* of this struct */
	struct shoal_allocator work;    /* of all the rest */
	struct shoal_transport_env env; /* bind is borrowed for the call of start */
	bool running;
	uint64_t owner; /* number of the process that started it */
	bool warned;    /* of a datagram that did not fit */
	bool called;    /* the host was called since its last batch_end */
	struct shoal_udp_socket *socket;
	size_t sockets;
	struct shoal_udp_inbox *inbox;
	struct shoal_udp_outbox *outbox;
	struct shoal_udp_route *route; /* NULL: one socket at one address, nothing to choose */
	uint64_t key[2];
	struct event report;  /* tells the host of errors that it caused, on a later turn */
	uint64_t send_errors; /* not reported yet */
	struct shoal_udp_large large[SHOAL_UDP_BATCH]; /* the same; one that has no place is lost */
	unsigned larges;
};

/* udp_receive.c */
void shoal_udp_receive_ready(evutil_socket_t fd, short what, void *arg);
/* Tells the host of errors that it caused, and that this batch of calls is over. */
void shoal_udp_receive_end(struct shoal_udp *udp);

/* udp_send.c */
int shoal_udp_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len);
void shoal_udp_send_flush(void *self);
void shoal_udp_send_report(struct shoal_udp *udp);

/* udp_route.c */
int shoal_udp_route_init(struct shoal_udp *udp);
void shoal_udp_route_remember(struct shoal_udp *udp, const struct shoal_addr *peer,
        struct shoal_udp_socket *socket, const uint8_t local[16]);
void shoal_udp_route_forget(struct shoal_udp *udp, const struct shoal_addr *peer);
/* The socket for a peer, NULL: no socket of its family. *local: 16 bytes to send from, NULL: the
 * kernel chooses. */
struct shoal_udp_socket *shoal_udp_route_find(
        struct shoal_udp *udp, const struct shoal_addr *peer, const uint8_t **local);

#endif
