/* SPDX-License-Identifier: MIT */
/* One datagram a call: a manager that starts anew has another socket behind the same name. */
#include "notify.h"

#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A path, or with '@' first a name in the abstract namespace. 0: it is neither, or too long. */
static socklen_t
address_of(const char *path, struct sockaddr_un *addr)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(addr->sun_path)) {
		return 0;
	}
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, len);
	if (path[0] == '@') {
		addr->sun_path[0] = '\0';
	}
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void
cli_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr;
	socklen_t len;
	int fd;

	if (path == NULL || path[0] == '\0') {
		return;
	}
	len = address_of(path, &addr);
	if (len == 0) {
		cli_log(SHOAL_LOG_WARN, "NOTIFY_SOCKET: '%s' is no path of a socket", path);
		return;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
	                      (const struct sockaddr *)&addr, len) < 0) {
		cli_log(SHOAL_LOG_WARN, "NOTIFY_SOCKET: cannot tell the service manager: %s",
		        strerror(errno));
	}
	if (fd >= 0) {
		close(fd);
	}
}

void
cli_notify_reloading(void)
{
	struct timespec now;
	char state[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
	        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	cli_notify(state);
}
