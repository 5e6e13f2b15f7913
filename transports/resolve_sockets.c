/* SPDX-License-Identifier: MIT */
/* The sockets of c-ares. For the order of RFC 6724 it opens one for each address of an answer, to
 * ask the kernel by which source address that is reached: 25 microseconds each, and DNS can carry
 * 4,000 of them. So many are opened for one question, name servers and all; of the addresses behind
 * them c-ares knows no source, as of those that no route leads to, and puts them last. */
#define _GNU_SOURCE
#include "transports/resolve.h"

#include <errno.h>
#include <sys/select.h> /* for ares.h */
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ares.h>

static ares_socket_t
open_one(int domain, int type, int protocol, void *arg)
{
	unsigned *left = arg;

	if (*left == 0) {
		errno = EAFNOSUPPORT;
		return ARES_SOCKET_BAD;
	}
	--*left;
	return socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int
close_one(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

static int
connect_one(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len, void *arg)
{
	(void)arg;
	return connect(fd, to, len);
}

static ares_ssize_t
receive(ares_socket_t fd, void *data, size_t len, int flags, struct sockaddr *from,
        ares_socklen_t *from_len, void *arg)
{
	(void)arg;
	return recvfrom(fd, data, len, flags, from, from_len);
}

static ares_ssize_t
send_all(ares_socket_t fd, const struct iovec *part, int parts, void *arg)
{
	struct msghdr message = {
	        .msg_iov = (struct iovec *)(uintptr_t)part, .msg_iovlen = (size_t)parts};

	(void)arg;
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

void
shoal_resolve_sockets(struct ares_channeldata *channel, unsigned *left)
{
	static const struct ares_socket_functions functions = {.asocket = open_one,
	        .aclose = close_one,
	        .aconnect = connect_one,
	        .arecvfrom = receive,
	        .asendv = send_all};

	ares_set_socket_functions(channel, &functions, left);
}
