/* SPDX-License-Identifier: MIT */
/* Ports and addresses of this machine, for tests of the transports that use real sockets. */
#ifndef SHOAL_TEST_TRANSPORTS_PORT_H
#define SHOAL_TEST_TRANSPORTS_PORT_H

#include "transports_site.h"

#include <unistd.h>

#include "transports/socket.h"

/* Skips the test where this machine has no ::1. To be called before anything is opened. */
static inline void
port_needs_ipv6(void)
{
	struct shoal_addr addr = at("[::1]:0"), bound;
	int fd = shoal_socket_open(&addr, SOCK_DGRAM);
	bool works = fd >= 0 && shoal_socket_bind(fd, &addr, &bound) == 0;

	if (fd >= 0) {
		close(fd);
	}
	if (!works) {
		skip();
	}
}

/* An address whose port refuses datagrams (SOCK_DGRAM) or connections (SOCK_STREAM). Nobody else
 * gets it from the kernel until the socket that is returned is closed: it is bound, but does not
 * listen, or is connected to itself and takes no datagrams of others. */
static inline int
port_that_refuses(int type, const char *ip, struct shoal_addr *refusing)
{
	struct shoal_addr addr = with_port(ip, 0);
	union shoal_sockaddr name;
	int fd = shoal_socket_open(&addr, type);

	assert_true(fd >= 0);
	assert_int_equal(shoal_socket_bind(fd, &addr, refusing), 0);
	if (type == SOCK_DGRAM) {
		socklen_t len = shoal_socket_from_addr(&name, refusing);

		assert_int_equal(connect(fd, &name.any, len), 0);
	}
	return fd;
}

#endif
