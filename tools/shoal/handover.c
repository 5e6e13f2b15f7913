/* SPDX-License-Identifier: MIT */
/* What a descriptor is for is seen from its family: a Unix socket is the control socket, one of TCP
 * the address of --http. */
#include "handover.h"

#include "cli.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3
#define FDS_MAX  16

/* -1: the variable is not there, or no number. */
static long
number_of(const char *name)
{
	const char *text = getenv(name);
	char *rest;
	long number;

	if (text == NULL || text[0] < '0' || text[0] > '9') {
		return -1;
	}
	number = strtol(text, &rest, 10);
	return *rest == '\0' ? number : -1;
}

static bool
listens(int fd)
{
	int type = 0, accepts = 0;
	socklen_t type_len = sizeof(type), accepts_len = sizeof(accepts);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &accepts_len) == 0 &&
	       accepts != 0;
}

/* Whoever can write to the control socket commands the agent. */
static void
warn_if_open(const struct sockaddr_un *addr, socklen_t len)
{
	struct stat there;

	if (len > offsetof(struct sockaddr_un, sun_path) && addr->sun_path[0] != '\0' &&
	        stat(addr->sun_path, &there) == 0 && (there.st_mode & S_IWOTH) != 0) {
		cli_log(SHOAL_LOG_WARN,
		        "every user of this machine may command the agent at %s: set "
		        "SocketMode=0600",
		        addr->sun_path);
	}
}

static int
take_one(struct cli_handover *handover, int fd)
{
	struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(addr);
	int flags = fcntl(fd, F_GETFL), *place;

	if (flags < 0 || !listens(fd) || getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		return cli_error("LISTEN_FDS: descriptor %d is no socket that listens for streams: "
		                 "give ListenStream= only",
		        fd);
	}
	place = addr.ss_family == AF_UNIX ? &handover->control : &handover->http;
	if (*place >= 0) {
		return cli_error(
		        "LISTEN_FDS: descriptor %d is a second socket of its kind: give at "
		        "most one path and one address",
		        fd);
	}
	if (addr.ss_family == AF_UNIX) {
		warn_if_open((const struct sockaddr_un *)&addr, len);
	}
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		return cli_error("LISTEN_FDS: descriptor %d: %s", fd, strerror(errno));
	}
	*place = fd;
	return CLI_DONE;
}

int
cli_handover_take(struct cli_handover *handover)
{
	long n = number_of("LISTEN_PID") == (long)getpid() ? number_of("LISTEN_FDS") : 0, i;
	int end = CLI_DONE;

	handover->control = handover->http = -1;
	if (n < 0 || n > FDS_MAX) {
		return cli_error(
		        "LISTEN_FDS: say how many descriptors there are, at most %d", FDS_MAX);
	}
	for (i = 0; end == CLI_DONE && i < n; i++) {
		end = take_one(handover, FIRST_FD + (int)i);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return end;
}
