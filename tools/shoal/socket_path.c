/* SPDX-License-Identifier: MIT */
/* The search for a control socket. A socket file alone does not mean a running agent: one that was
 * killed leaves its file behind, so a search asks each file whether somebody answers. */
#include "socket_path.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIST_MAX 1024

static const char *
runtime_dir(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	return dir == NULL || dir[0] == '\0' ? "/run" : dir;
}

int
cli_socket_path_given(const struct cli_options *options, const char **path)
{
	const struct cli_setting *setting = cli_option_setting(options, "socket");

	*path = setting == NULL ? NULL : setting->value;
	if (setting != NULL && setting->value[0] == '\0') {
		return cli_usage(options->command, "%s: an empty path; say the path of a socket",
		        setting->origin);
	}
	return CLI_DONE;
}

int
cli_socket_path_check(const char *path)
{
	if (strlen(path) < CLI_SOCKET_PATH_MAX) {
		return CLI_DONE;
	}
	return cli_error("the socket path %s is longer than %zu bytes: give a shorter --socket",
	        path, CLI_SOCKET_PATH_MAX - 1);
}

int
cli_socket_path_of(const char *name, char path[CLI_SOCKET_PATH_MAX])
{
	int n;

	if (strchr(name, '/') != NULL) {
		return cli_error(
		        "the name %s has a '/' and makes no file name: give --socket PATH", name);
	}
	n = snprintf(path, CLI_SOCKET_PATH_MAX, "%s/shoal-%s.sock", runtime_dir(), name);
	if (n < 0 || (size_t)n >= CLI_SOCKET_PATH_MAX) {
		return cli_error(
		        "%s/shoal-%s.sock is longer than the %zu bytes of a socket path: give "
		        "--socket PATH",
		        runtime_dir(), name, CLI_SOCKET_PATH_MAX - 1);
	}
	return CLI_DONE;
}

int
cli_socket_path_probe(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, error = 0;

	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return errno;
	}
	/* A full backlog is somebody who is busy. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 && errno != EAGAIN) {
		error = errno;
	}
	close(fd);
	return error;
}

static int
complain_several(const glob_t *found, const bool *live)
{
	char list[LIST_MAX];
	size_t i, n = 0;

	list[0] = '\0';
	for (i = 0; i < found->gl_pathc; i++) {
		if (live[i] && n < sizeof(list)) {
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
			        n == 0 ? "" : ", ", found->gl_pathv[i]);
		}
	}
	return cli_error("several agents run here: choose one with --name or --socket: %s", list);
}

/* None answers: the reason of the first is the best that can be said. */
static int
complain_none(const glob_t *found, int error)
{
	if (found->gl_pathc == 0) {
		return cli_error(
		        "no agent's socket shoal-*.sock in %s: start one with 'shoal agent', or "
		        "give --socket PATH",
		        runtime_dir());
	}
	if (error == EACCES) {
		return cli_error(
		        "%s: permission denied: run this as the user of the agent, or start the "
		        "agent with --socket-group",
		        found->gl_pathv[0]);
	}
	return cli_error(
	        "no agent answers at %s (%s): start it with 'shoal agent', or give --socket "
	        "PATH",
	        found->gl_pathv[0], strerror(error));
}

static int
choose(const glob_t *found, char path[CLI_SOCKET_PATH_MAX])
{
	bool *live = cli_alloc(found->gl_pathc + 1, sizeof(*live));
	size_t i, n = 0, last = 0;
	int first_error = 0, error, end;

	for (i = 0; i < found->gl_pathc; i++) {
		error = strlen(found->gl_pathv[i]) < CLI_SOCKET_PATH_MAX
		                ? cli_socket_path_probe(found->gl_pathv[i])
		                : ENAMETOOLONG;
		live[i] = error == 0;
		if (live[i]) {
			n++;
			last = i;
		} else if (first_error == 0) {
			first_error = error;
		}
	}
	if (n == 1) {
		snprintf(path, CLI_SOCKET_PATH_MAX, "%s", found->gl_pathv[last]);
		end = CLI_DONE;
	} else {
		end = n == 0 ? complain_none(found, first_error) : complain_several(found, live);
	}
	free(live);
	return end;
}

int
cli_socket_path_find(const struct cli_options *options, char path[CLI_SOCKET_PATH_MAX])
{
	const char *given, *name = cli_option(options, "name");
	glob_t found = {0};
	char *pattern;
	int end = cli_socket_path_given(options, &given);

	if (end != CLI_DONE) {
		return end;
	}
	if (given != NULL) {
		if (cli_socket_path_check(given) != CLI_DONE) {
			return CLI_FAILED;
		}
		snprintf(path, CLI_SOCKET_PATH_MAX, "%s", given);
		return CLI_DONE;
	}
	if (name != NULL) {
		return cli_socket_path_of(name, path);
	}
	pattern = cli_format("%s/shoal-*.sock", runtime_dir());
	glob(pattern, 0, NULL, &found);
	end = choose(&found, path);
	globfree(&found);
	free(pattern);
	return end;
}
