/* SPDX-License-Identifier: MIT */
/* What a program reads is a file in memory: it may read it or not, and nobody waits for it. */
#include "program.h"

#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

int
cli_program_input(const void *data, size_t len)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || (len > 0 && write(fd, data, len) != (ssize_t)len) ||
	        lseek(fd, 0, SEEK_SET) != 0) {
		if (fd >= 0) {
			close(fd);
		}
		return -1;
	}
	return fd;
}

/* Before those of the agent: the first one of a name counts. NULL: no memory. */
static char **
environment(const char *const *variables)
{
	size_t own = 0, n = 0;
	char **made;

	while (variables[own] != NULL) {
		own++;
	}
	while (environ[n] != NULL) {
		n++;
	}
	made = calloc(own + n + 1, sizeof(*made));
	if (made != NULL) {
		memcpy(made, variables, own * sizeof(*made));
		memcpy(made + own, environ, n * sizeof(*made));
	}
	return made;
}

/* Signals are as a program expects them. */
static void
set_attributes(posix_spawnattr_t *attributes, bool grouped)
{
	int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, pipe;

	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &pipe);
	posix_spawnattr_setpgroup(attributes, 0);
	flags |= grouped ? POSIX_SPAWN_SETPGROUP : 0;
	posix_spawnattr_setflags(attributes, (short)flags);
}

int
cli_program_start(
        const char *program, int input, int output, const char *const *variables, pid_t *child)
{
	char *arguments[] = {(char *)(uintptr_t)program, NULL};
	posix_spawn_file_actions_t actions;
	char **made = environment(variables);
	posix_spawnattr_t attributes;
	int rc;

	if (made == NULL) {
		return ENOMEM;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (output >= 0) {
		posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	}
	posix_spawnattr_init(&attributes);
	set_attributes(&attributes, output >= 0);
	rc = posix_spawnp(child, program, &actions, &attributes, arguments, made);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(made);
	return rc;
}

static int
look_at(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		return errno;
	}
	return S_ISDIR(status.st_mode) ? EISDIR : access(path, X_OK) == 0 ? 0 : errno;
}

int
cli_program_look(const char *program)
{
	const char *folders = getenv("PATH");
	char *copy, *rest, *folder;
	int rc = ENOENT;

	if (strchr(program, '/') != NULL) {
		return look_at(program);
	}
	copy = rest = cli_copy(folders != NULL ? folders : "/bin:/usr/bin");
	while (rc != 0 && (folder = strsep(&rest, ":")) != NULL) {
		char *path = cli_format("%s/%s", folder[0] != '\0' ? folder : ".", program);

		rc = look_at(path) == 0 ? 0 : ENOENT;
		free(path);
	}
	free(copy);
	return rc;
}
