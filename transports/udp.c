/* SPDX-License-Identifier: MIT */
/* The UDP transport: one socket for each address that is bound, with the options that the protocol
 * needs.
 *
 *     IPV6_V6ONLY      both families can share a port
 *     SO_TIMESTAMPNS   when the kernel had a datagram: our lag is not the network's
 *     SO_RXQ_OVFL      how many were lost because this process did not read in time
 *     IP_PKTINFO       replies leave from the address that was addressed
 *     IP_RECVERR       which peer it is whose host refuses, from the error queue
 *     IP_MTU_DISCOVER  never fragmented: a lost fragment loses the whole, unseen
 *
 * No SO_REUSEADDR: on UDP it would let two programs bind one port, and one of them would hear
 * nothing.
 *
 * Memory is two batches of buffers, allocated at start and used again, and the table of routes;
 * nothing is allocated after that. A stopped transport can be started again; buffers are released
 * by free or by the next start, since stop may be called by the host while it is being handed a
 * datagram out of them. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "transports/process.h"
#include "transports/udp.h"

#define RECEIVE_BUFFER (2 * 1024 * 1024)
#define SEND_BUFFER    (1024 * 1024)
#define INBOX_SIZE     (SHOAL_UDP_BATCH * SHOAL_UDP_SLOT)
#define OUTBOX_SIZE    (32 * 1024)

static void
close_sockets(struct shoal_udp *udp)
{
	for (size_t i = 0; i < udp->sockets; ++i) {
		event_del(&udp->socket[i].readable);
		close(udp->socket[i].fd);
	}
	udp->sockets = 0;
}

static void
release(struct shoal_udp *udp)
{
	if (udp->inbox != NULL) {
		shoal_alloc_free(&udp->work, udp->inbox->bytes);
	}
	if (udp->outbox != NULL) {
		shoal_alloc_free(&udp->work, udp->outbox->bytes);
	}
	shoal_alloc_free(&udp->work, udp->inbox);
	shoal_alloc_free(&udp->work, udp->outbox);
	shoal_alloc_free(&udp->work, udp->route);
	shoal_alloc_free(&udp->work, udp->socket);
	udp->inbox = NULL;
	udp->outbox = NULL;
	udp->route = NULL;
	udp->socket = NULL;
}

static int
allocate(struct shoal_udp *udp)
{
	size_t datagram = udp->env.datagram_max;
	if (datagram > SHOAL_UDP_PAYLOAD_MAX) {
		datagram = SHOAL_UDP_PAYLOAD_MAX;
	}
	udp->socket = shoal_alloc_zeroed(&udp->work, udp->env.binds, sizeof(*udp->socket));
	udp->inbox = shoal_alloc_zeroed(&udp->work, 1, sizeof(*udp->inbox));
	udp->outbox = shoal_alloc_zeroed(&udp->work, 1, sizeof(*udp->outbox));
	if (udp->socket == NULL || udp->inbox == NULL || udp->outbox == NULL) {
		return SHOAL_ERR_NOMEM;
	}

	struct shoal_udp_inbox *inbox = udp->inbox;
	inbox->slot = datagram > SHOAL_UDP_SLOT ? datagram : SHOAL_UDP_SLOT;
	inbox->slots = (unsigned)(INBOX_SIZE / inbox->slot);
	if (inbox->slots < 4) {
		inbox->slots = 4;
	}
	inbox->bytes = shoal_alloc(&udp->work, inbox->slots * inbox->slot);
	udp->outbox->size = datagram > OUTBOX_SIZE ? datagram : OUTBOX_SIZE;
	udp->outbox->bytes = shoal_alloc(&udp->work, udp->outbox->size);
	return inbox->bytes != NULL && udp->outbox->bytes != NULL ? 0 : SHOAL_ERR_NOMEM;
}

/* Best effort but for the few without which the protocol would be wrong; false and errno. */
static bool
set_options(int fd, bool ipv4)
{
	shoal_socket_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	shoal_socket_set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
	shoal_socket_set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	shoal_socket_set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (ipv4) {
		shoal_socket_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
		return shoal_socket_set(fd, IPPROTO_IP, IP_PKTINFO, 1) &&
		       shoal_socket_set(fd, IPPROTO_IP, IP_RECVERR, 1);
	}
	shoal_socket_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	shoal_socket_set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	return shoal_socket_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
	       shoal_socket_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

/* 0, or -1 and errno. */
static int
open_socket(struct shoal_udp *udp, struct shoal_udp_socket *socket, const struct shoal_addr *addr)
{
	int fd = shoal_socket_open(addr, SOCK_DGRAM);
	if (fd < 0) {
		return -1;
	}
	socket->udp = udp;
	socket->fd = fd;
	socket->wildcard = shoal_addr_is_wildcard(addr);
	event_assign(&socket->readable, udp->env.base, fd, EV_READ | EV_PERSIST,
	        shoal_udp_receive_ready, socket);
	if (set_options(fd, shoal_addr_is_ipv4(addr)) &&
	        shoal_socket_bind(fd, addr, &socket->addr) == 0) {
		if (event_add(&socket->readable, NULL) == 0) {
			return 0;
		}
		errno = ENOMEM;
	}
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void
on_report(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shoal_udp_receive_end(arg);
}

static int
fail(struct shoal_udp *udp, int code)
{
	close_sockets(udp);
	release(udp);
	return code;
}

static const struct shoal_transport_ops ops;

static int
udp_start(void *self, const struct shoal_transport_env *env, char *why, size_t len)
{
	struct shoal_udp *udp = self;
	if (udp->running) {
		return SHOAL_ERR_STATE;
	}
	int code = shoal_socket_check_env(&ops, env, why, len);
	if (code != 0) {
		return code;
	}
	release(udp);
	udp->env = *env;
	udp->work = shoal_socket_allocator(env, &udp->own);
	udp->called = udp->warned = false;
	udp->send_errors = 0;
	udp->larges = 0;
	evtimer_assign(&udp->report, env->base, on_report, udp);
	code = allocate(udp);
	if (code != 0) {
		return fail(udp, shoal_socket_explain("udp", env->bind, ENOMEM, why, len));
	}
	for (size_t i = 0; i < env->binds; ++i) {
		if (open_socket(udp, &udp->socket[i], &env->bind[i]) != 0) {
			return fail(
			        udp, shoal_socket_explain("udp", &env->bind[i], errno, why, len));
		}
		++udp->sockets;
	}
	code = shoal_udp_route_init(udp);
	if (code != 0) {
		return fail(udp, shoal_socket_explain("udp", env->bind,
		                         code == SHOAL_ERR_NOMEM ? ENOMEM : errno, why, len));
	}
	udp->running = true;
	udp->owner = shoal_process_number();
	return 0;
}

static int
udp_address(const void *self, size_t i, struct shoal_addr *addr)
{
	const struct shoal_udp *udp = self;
	if (!udp->running) {
		return SHOAL_ERR_STATE;
	}
	if (i >= udp->sockets) {
		return SHOAL_ERR_INVALID;
	}
	*addr = udp->socket[i].addr;
	return 0;
}

static void
udp_stop(void *self)
{
	struct shoal_udp *udp = self;
	if (!udp->running) {
		return;
	}
	shoal_udp_send_flush(udp);
	udp->running = false;
	evtimer_del(&udp->report);
	close_sockets(udp);
}

static void
udp_free(void *self)
{
	struct shoal_udp *udp = self;
	struct shoal_allocator own = udp->own;
	udp_stop(udp);
	release(udp);
	shoal_alloc_free(&own, udp);
}

static const struct shoal_transport_ops ops = {
        .abi = SHOAL_TRANSPORT_ABI,
        .caps = SHOAL_TRANSPORT_DATAGRAM,
        .name = "udp",
        .start = udp_start,
        .address = udp_address,
        .send = shoal_udp_send,
        .flush = shoal_udp_send_flush,
        .stop = udp_stop,
        .free = udp_free,
};

int
shoal_transport_udp(struct shoal_transport *transport, const struct shoal_allocator *allocator)
{
	struct shoal_allocator own = shoal_allocator_or_libc(allocator);
	struct shoal_udp *udp = shoal_alloc_zeroed(&own, 1, sizeof(*udp));
	if (udp == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	udp->own = own;
	transport->ops = &ops;
	transport->self = udp;
	return 0;
}
