/* SPDX-License-Identifier: MIT */
/* What comes from a function of the application is looked at before it is used: a descriptor must
 * be a stream socket and is made non-blocking here, whatever it was; an address that others are to
 * dial has a port; a code that the function may not tell is a failed system call. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "transports/dialer.h"
#include "transports/socket.h"

#define BACKLOG 1024

static bool
is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static bool
prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* A descriptor of the application's; closed where it is none to be used. */
static int
take(int fd)
{
	if (!is_stream(fd) || !prepare(fd)) {
		close(fd);
		return SHOAL_ERR_SYSTEM;
	}
	return fd;
}

/* As they may be told: what is none of these is a failure of the function. */
static int
code_of(int code)
{
	switch (code) {
	case SHOAL_ERR_UNREACHABLE:
	case SHOAL_ERR_REFUSED:
	case SHOAL_ERR_LIMIT:
	case SHOAL_ERR_IN_USE:
	case SHOAL_ERR_PERMISSION:
	case SHOAL_ERR_INVALID:
	case SHOAL_ERR_AGAIN:
		return code;
	default:
		return SHOAL_ERR_SYSTEM;
	}
}

/* Closes it, and keeps errno for the code. */
static int
give_up(int fd)
{
	int error = errno;

	close(fd);
	return shoal_socket_code(error);
}

/* The port is chosen in connect(2): one that is taken by bind(2) serves one connection alone. */
static void
come_from(int fd, struct shoal_addr from)
{
	union shoal_sockaddr name;

	from.port = 0;
	if (shoal_socket_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)) {
		socklen_t len = shoal_socket_from_addr(&name, &from);
		(void)bind(fd, &name.any, len);
	}
}

int
shoal_dialer_dial(const struct shoal_transport_dialer *dialer, const struct shoal_addr *to,
        const struct shoal_addr *from)
{
	union shoal_sockaddr name;

	if (dialer->dial != NULL) {
		int fd = dialer->dial(dialer->arg, to);

		return fd >= 0 ? take(fd) : fd == SHOAL_ERR_AGAIN ? SHOAL_ERR_SYSTEM : code_of(fd);
	}
	socklen_t len = shoal_socket_from_addr(&name, to);
	int fd = shoal_socket_open(to, SOCK_STREAM);

	if (fd < 0) {
		return shoal_socket_code(errno);
	}
	if (from != NULL) {
		come_from(fd, *from);
	}
	return connect(fd, &name.any, len) == 0 || errno == EINPROGRESS ? fd : give_up(fd);
}

static int
explain(const char *transport, const struct shoal_addr *at, int code, const char *what, char *why,
        size_t len)
{
	struct shoal_text text;

	shoal_text_init(&text, why, len);
	shoal_text_str(&text, transport);
	shoal_text_char(&text, ' ');
	shoal_text_addr(&text, at);
	shoal_text_str(&text, ": listen of the dialer: ");
	shoal_text_str(&text, what);
	return code;
}

int
shoal_dialer_listen(const struct shoal_transport_dialer *dialer, const char *transport,
        const struct shoal_addr *at, struct shoal_addr *bound, char *why, size_t len)
{
	if (dialer->listen == NULL) {
		int fd = shoal_socket_open(at, SOCK_STREAM);

		if (fd < 0) {
			return shoal_socket_explain(transport, at, errno, why, len);
		}
		shoal_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (shoal_socket_bind(fd, at, bound) != 0 || listen(fd, BACKLOG) != 0) {
			int error = errno;
			close(fd);
			return shoal_socket_explain(transport, at, error, why, len);
		}
		return fd;
	}
	*bound = *at;
	int fd = dialer->listen(dialer->arg, at, bound);
	if (fd < 0) {
		int code = code_of(fd);
		return explain(transport, at, code, shoal_strerror(code), why, len);
	}
	const char *wrong = !prepare(fd) ? "what it gave is no descriptor to be used"
	                    : dialer->accept == NULL && !is_stream(fd)
	                            ? "what it gave is no stream socket, and there is no accept"
	                    : bound->port == 0 ? "the address that it gave has no port"
	                                       : NULL;
	if (wrong != NULL) {
		close(fd);
		return explain(transport, at, SHOAL_ERR_SYSTEM, wrong, why, len);
	}
	return fd;
}

int
shoal_dialer_accept(
        const struct shoal_transport_dialer *dialer, int listener, struct shoal_addr *from)
{
	union shoal_sockaddr name;
	socklen_t len = sizeof(name);

	if (dialer->accept != NULL) {
		*from = (struct shoal_addr){.port = 0};
		int fd = dialer->accept(dialer->arg, listener, from);
		return fd >= 0 ? take(fd) : code_of(fd);
	}
	int fd = accept4(listener, &name.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		return errno == EAGAIN || errno == EWOULDBLOCK ? SHOAL_ERR_AGAIN
		                                               : shoal_socket_code(errno);
	}
	if (!shoal_socket_to_addr(from, &name.any)) {
		close(fd);
		return SHOAL_ERR_SYSTEM;
	}
	return fd;
}
