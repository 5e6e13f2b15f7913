/* SPDX-License-Identifier: MIT */
/* Where the control socket of an agent lies, for the agent that makes it and for the commands that
 * look for it: --socket or $SHOAL_SOCKET, else shoal-NAME.sock in $XDG_RUNTIME_DIR or /run. */
#ifndef SHOAL_CLI_SOCKET_PATH_H
#define SHOAL_CLI_SOCKET_PATH_H

#include "options.h"

#include <sys/un.h>

#define CLI_SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path))

/* The default path for an agent's name. CLI_FAILED, with a complaint: the name or the path does not
 * make one. */
int cli_socket_path_of(const char *name, char path[CLI_SOCKET_PATH_MAX]);

/* The path that the options name, NULL where they name none. CLI_USAGE, with a complaint, where it
 * is empty: such a path would be one of Linux's abstract names, which have no mode that keeps
 * strangers out. */
int cli_socket_path_given(const struct cli_options *options, const char **path);

/* CLI_FAILED, with a complaint, where the path is too long. */
int cli_socket_path_check(const char *path);

/* The socket that a command shall talk to: by its options, else the only one there. CLI_FAILED,
 * with a complaint: none, or several, which are then listed. CLI_USAGE, with a complaint. */
int cli_socket_path_find(const struct cli_options *options, char path[CLI_SOCKET_PATH_MAX]);

/* Tries to connect: 0 somebody answers, otherwise the error number. */
int cli_socket_path_probe(const char *path);

#endif
