/* SPDX-License-Identifier: MIT */
/* A foreign program at the other end of a TCP transport: bare sockets that send what they like.
 * They do not block: the kernel takes connections and small writes before the transport has seen
 * them, and the tests wait on the loop. */
#ifndef SHOAL_TEST_TRANSPORTS_RAW_H
#define SHOAL_TEST_TRANSPORTS_RAW_H

#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transports/socket.h"
#include "transports/tcp.h"

#define HELLO_LEN 8

static const uint8_t hello[HELLO_LEN] = {'S', 'H', 'O', 'A', 'L', 0, 0, 0};

static inline int
raw_connect(const struct shoal_addr *to)
{
	union shoal_sockaddr name;
	socklen_t len = shoal_socket_from_addr(&name, to);
	int fd = shoal_socket_open(to, SOCK_STREAM);

	assert_true(fd >= 0);
	assert_true(connect(fd, &name.any, len) == 0 || errno == EINPROGRESS);
	return fd;
}

static inline void
raw_send(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* One frame; returns its length. */
static inline size_t
raw_frame(uint8_t *to, unsigned kind, uint64_t number, const void *data, size_t len)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(len >> (24 - 8 * i));
	to[4] = (uint8_t)kind;
	for (unsigned i = 0; i < 8; i++)
		to[5 + i] = (uint8_t)(number >> (56 - 8 * i));
	if (len > 0)
		memcpy(to + SHOAL_TCP_HEADER, data, len);
	return SHOAL_TCP_HEADER + len;
}

static inline void
raw_send_frame(int fd, unsigned kind, uint64_t number, const void *data, size_t len)
{
	uint8_t frame[512];

	assert_true(len <= sizeof(frame) - SHOAL_TCP_HEADER);
	raw_send(fd, frame, raw_frame(frame, kind, number, data, len));
}

/* Whether the other end has closed; reads away what it sent before. */
static inline bool
raw_is_closed(int fd)
{
	uint8_t data[4096];
	ssize_t n;

	do {
		n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	} while (n > 0);
	return n == 0 || (errno != EAGAIN && errno != EINPROGRESS && errno != ENOTCONN);
}

#endif
