/* SPDX-License-Identifier: MIT */
/* Lock, then clear the way, then bind; see control_socket.h.
 *
 * The lock file is removed at the end, while it is held. So whoever got a lock must look whether
 * the file that it locked still is the one at the path, and start over if not. */
#include "control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG    64
#define LOCK_TRIES 16

static int
complain_in_use(const struct cli_control_socket *control, int lock)
{
	char pid[24] = "";
	ssize_t n = pread(lock, pid, sizeof(pid) - 1, 0);

	if (n > 0) {
		pid[strspn(pid, "0123456789")] = '\0';
	}
	return cli_error(
	        "the control socket %s is in use by another agent%s%s: stop that one, or give "
	        "another --name or --socket",
	        control->path, pid[0] == '\0' ? "" : ", process ", pid);
}

static int
complain_no_place(const char *path)
{
	return cli_error("cannot create %s: %s: set XDG_RUNTIME_DIR, or give --socket PATH in a "
	                 "directory that you may write",
	        path, strerror(errno));
}

static bool
same_file(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

static int
take_lock(struct cli_control_socket *control)
{
	int tries, fd, end;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		fd = open(control->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0) {
			return complain_no_place(control->lock_path);
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			end = complain_in_use(control, fd);
			close(fd);
			return end;
		}
		if (same_file(fd, control->lock_path)) {
			control->lock = fd;
			return CLI_DONE;
		}
		close(fd);
	}
	return cli_error("another agent comes and goes at %s: try again", control->path);
}

/* For the one who finds the lock taken: who holds it. */
static void
write_pid(int fd)
{
	if (ftruncate(fd, 0) == 0) {
		dprintf(fd, "%ld\n", (long)getpid());
	}
}

static int
clear_the_way(const struct cli_control_socket *control)
{
	struct stat there;

	if (lstat(control->path, &there) < 0) {
		return errno == ENOENT ? CLI_DONE : complain_no_place(control->path);
	}
	if (!S_ISSOCK(there.st_mode)) {
		return cli_error("%s exists and is no socket: remove it, or give another --socket",
		        control->path);
	}
	if (cli_socket_path_probe(control->path) != ECONNREFUSED) {
		return cli_error("the control socket %s is in use by another program: give another "
		                 "--socket",
		        control->path);
	}
	if (unlink(control->path) < 0 && errno != ENOENT) {
		return cli_error(
		        "cannot remove the stale socket %s: %s", control->path, strerror(errno));
	}
	return CLI_DONE;
}

static int
bind_and_listen(struct cli_control_socket *control)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat there;
	mode_t mask;
	int bound;

	memcpy(addr.sun_path, control->path, strlen(control->path) + 1);
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0) {
		return cli_error("cannot make a Unix socket: %s", strerror(errno));
	}
	mask = umask(0177);
	bound = bind(control->fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (bound < 0) {
		close(control->fd);
		control->fd = -1; /* nothing of ours lies at the path */
		return complain_no_place(control->path);
	}
	if (lstat(control->path, &there) == 0) {
		control->dev = there.st_dev;
		control->ino = there.st_ino;
		control->bound = true;
	}
	if (listen(control->fd, BACKLOG) < 0) {
		return cli_error("cannot listen at %s: %s", control->path, strerror(errno));
	}
	return CLI_DONE;
}

static int
open_to_group(const char *path, const char *name)
{
	const struct group *group = getgrnam(name);
	char *end;
	gid_t gid;

	if (group != NULL) {
		gid = group->gr_gid;
	} else {
		gid = (gid_t)strtoul(name, &end, 10);
		if (name[0] < '0' || name[0] > '9' || *end != '\0') {
			return cli_error("--socket-group %s: no such group", name);
		}
	}
	if (chown(path, (uid_t)-1, gid) < 0) {
		return cli_error("cannot give %s to group %s: %s: be a member of the group", path,
		        name, strerror(errno));
	}
	if (chmod(path, 0660) < 0) {
		return cli_error("cannot open %s to group %s: %s", path, name, strerror(errno));
	}
	return CLI_DONE;
}

int
cli_control_socket_open(struct cli_control_socket *control, const char *path, const char *group)
{
	control->fd = control->lock = -1;
	control->bound = false;
	if (cli_socket_path_check(path) != CLI_DONE) {
		return CLI_FAILED;
	}
	snprintf(control->path, sizeof(control->path), "%s", path);
	snprintf(control->lock_path, sizeof(control->lock_path), "%s.lock", path);
	if (take_lock(control) != CLI_DONE) {
		return CLI_FAILED;
	}
	write_pid(control->lock);
	if (clear_the_way(control) == CLI_DONE && bind_and_listen(control) == CLI_DONE &&
	        (group == NULL || open_to_group(path, group) == CLI_DONE)) {
		return CLI_DONE;
	}
	cli_control_socket_close(control);
	return CLI_FAILED;
}

/* Somebody may have removed the files of a running agent, and another one begun in their place. */
static bool
is_ours(const struct cli_control_socket *control)
{
	struct stat there;

	return control->bound && lstat(control->path, &there) == 0 &&
	       there.st_dev == control->dev && there.st_ino == control->ino;
}

void
cli_control_socket_close(struct cli_control_socket *control)
{
	if (control->fd >= 0) {
		if (is_ours(control)) {
			unlink(control->path);
		}
		close(control->fd);
	}
	if (control->lock >= 0) {
		if (same_file(control->lock, control->lock_path)) {
			unlink(control->lock_path);
		}
		close(control->lock);
	}
	control->fd = control->lock = -1;
	control->bound = false;
}
