/* SPDX-License-Identifier: MIT */
/* An address that an orchestrator asks must be free at once after a restart, so it is reused; one
 * that another process listens on is refused all the same. */
#include "http_listen.h"

#include "cli.h"
#include "log.h"

#include <errno.h>
#include <netinet/in.h>
#include <shoal/types.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

static int
listen_on(const struct sockaddr *addr, socklen_t len)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	if (fd >= 0 &&
	        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	                (addr->sa_family == AF_INET6 &&
	                        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	                bind(fd, addr, len) < 0 || listen(fd, BACKLOG) < 0)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Both directions go through the form that the library has of an address. */
static socklen_t
to_socket(const struct shoal_addr *addr, bool six, struct sockaddr_storage *storage)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
	        .sin6_port = htons(addr->port),
	        .sin6_scope_id = addr->scope};

	memcpy(&v4.sin_addr, addr->ip + 12, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, addr->ip, sizeof(v6.sin6_addr));
	memcpy(storage, six ? (const void *)&v6 : (const void *)&v4, six ? sizeof(v6) : sizeof(v4));
	return six ? sizeof(v6) : sizeof(v4);
}

/* Of port 0 only the kernel knows what it became. */
static void
say_where(int fd, struct shoal_addr addr)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound = {.v6 = {.sin6_family = AF_UNSPEC}};
	socklen_t len = sizeof(bound);
	char text[SHOAL_ADDR_TEXT];

	if (getsockname(fd, &bound.any, &len) == 0) {
		addr.port = ntohs(
		        bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
	}
	cli_log(SHOAL_LOG_INFO, "http: listens on %s, to read",
	        shoal_addr_print(&addr, text, sizeof(text)));
}

int
cli_http_listen(const char *address)
{
	struct sockaddr_storage storage;
	struct shoal_addr addr;
	socklen_t len;
	int fd;

	if (shoal_addr_parse(&addr, address) < 0) {
		cli_error("--http: '%s' is no address: 127.0.0.1:8080 or [::1]:8080", address);
		return -1;
	}
	len = to_socket(&addr, address[0] == '[', &storage);
	fd = listen_on((const struct sockaddr *)&storage, len);
	if (fd < 0) {
		cli_error("--http: cannot listen on %s: %s", address, strerror(errno));
		return -1;
	}
	say_where(fd, addr);
	return fd;
}
