/* SPDX-License-Identifier: MIT */
/* The agent's end of its control socket: a listening Unix socket and the lock file PATH.lock beside
 * it.
 *
 * The lock is held as long as the agent lives, by the kernel's hand: it ends with the process. A
 * socket file that is in the way is removed only while the lock is held, and only if nobody answers
 * on it. */
#ifndef SHOAL_CLI_CONTROL_SOCKET_H
#define SHOAL_CLI_CONTROL_SOCKET_H

#include "socket_path.h"

#include <sys/types.h>

#define CLI_LOCK_PATH_MAX (CLI_SOCKET_PATH_MAX + 8)

struct cli_control_socket {
	int fd; /* listening, non-blocking; -1 none */
	int lock;
	bool bound; /* dev and ino are those of the socket file */
	dev_t dev;
	ino_t ino;
	char path[CLI_SOCKET_PATH_MAX];
	char lock_path[CLI_LOCK_PATH_MAX];
};

/* Listens at path, mode 0600, or 0660 for a group (a name or a number; NULL none). CLI_FAILED, with
 * a complaint; nothing stays behind then. */
int cli_control_socket_open(
        struct cli_control_socket *control, const char *path, const char *group);

/* Closes, and removes both files unless another agent has put its own there meanwhile. Idempotent.
 */
void cli_control_socket_close(struct cli_control_socket *control);

#endif
