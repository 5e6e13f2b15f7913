/* SPDX-License-Identifier: MIT */
/* Reading and replacing the state file. The lock is on a file of its own, because the state file is
 * another one after each write; it belongs to the open file, so that two objects in one process
 * exclude each other too, and a process that dies gives it back. */
#include "cluster/join/state_file.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/reader.h"
#include "base/writer.h"
#include "cluster/report/last_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "state"
#define ASIDE     "state.new"
#define LOCK_NAME "lock"
/* Above what a member may hold: a file that is larger is none of ours. */
#define FILE_MAX (SHOAL_LABEL_MAX + (1 << 30))
/* The start after the last one that a file may tell must have a number, too. An incarnation is
 * beyond that only where others told one that was, and is remembered in the table. */
#define EPOCH_MAX  (UINT32_MAX - 1)
#define HEAD_BYTES 8
#define CRC_BYTES  4
#define AROUND_MAX (HEAD_BYTES + 4 + 1 + SHOAL_LABEL_MAX + 16 + 8 + 8 + 4 + CRC_BYTES)

static const uint8_t head[HEAD_BYTES] = "SHOALST";

static int
fail(const struct shoal_state_dir *state, const char *what, int error)
{
	return shoal_last_error_set(SHOAL_ERR_SYSTEM, "state_dir %s: %s: %s", state->path, what,
	        strerrordesc_np(error));
}

static int
take_lock(struct shoal_state_dir *state)
{
	char pid[32] = "";
	ssize_t n;

	state->lock =
	        openat(state->dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (state->lock < 0) {
		return fail(state, "its lock cannot be made", errno);
	}
	if (flock(state->lock, LOCK_EX | LOCK_NB) == 0) {
		int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

		/* For people only: on a full disk it stays empty. */
		if (ftruncate(state->lock, 0) == 0 &&
		        pwrite(state->lock, pid, (size_t)len, 0) != len) {
			(void)!ftruncate(state->lock, 0);
		}
		return 0;
	}
	if (errno != EWOULDBLOCK) {
		return fail(state, "its lock cannot be taken", errno);
	}
	n = pread(state->lock, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	return shoal_last_error_set(SHOAL_ERR_IN_USE,
	        "state_dir %s: in use by another member (process %s); give each member its own",
	        state->path, pid[0] != '\0' ? pid : "unknown");
}

int
shoal_state_dir_open(
        struct shoal_state_dir *state, const struct shoal_allocator *mem, const char *path)
{
	state->mem = mem;
	state->dir = state->lock = -1;
	state->path = shoal_alloc_text(mem, path);
	if (state->path == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "state_dir: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return fail(state, "cannot be made", errno);
	}
	state->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state->dir < 0) {
		return fail(state, "cannot be opened", errno);
	}
	return take_lock(state);
}

void
shoal_state_dir_close(struct shoal_state_dir *state)
{
	if (state->path == NULL) {
		return;
	}
	if (state->lock >= 0) {
		close(state->lock);
	}
	if (state->dir >= 0) {
		close(state->dir);
	}
	shoal_alloc_free(state->mem, state->path);
	state->path = NULL;
	state->dir = state->lock = -1;
}

static int
refuse(const struct shoal_state_dir *state, int code, const char *why)
{
	return shoal_last_error_set(code,
	        "state_dir %s: the file \"" FILE_NAME "\" %s; move it away to start afresh",
	        state->path, why);
}

/* The whole file. */
static int
load(const struct shoal_state_dir *state, int fd, uint8_t **data, size_t *len)
{
	struct stat stat;
	size_t done = 0;

	if (fstat(fd, &stat) != 0) {
		return fail(state, "its file cannot be read", errno);
	}
	if (!S_ISREG(stat.st_mode) || stat.st_size > FILE_MAX) {
		return refuse(state, SHOAL_ERR_MALFORMED, "is no state file of shoal");
	}
	*len = (size_t)stat.st_size;
	*data = shoal_alloc(state->mem, *len);
	if (*data == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "state_dir: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	while (done < *len) {
		ssize_t n = read(fd, *data + done, *len - done);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return fail(state, "its file cannot be read", errno);
		}
		if (n == 0) {
			break;
		}
		done += (size_t)n;
	}
	*len = done;
	return 0;
}

static int
judge_owner(const struct shoal_state_dir *state, const char *label, const struct shoal_id *id,
        const char *their_label, const struct shoal_id *their_id)
{
	char why[64 + SHOAL_LABEL_MAX], text[SHOAL_ID_TEXT];

	if (strcmp(their_label, label) != 0) {
		snprintf(
		        why, sizeof(why), "belongs to a member with the label \"%s\"", their_label);
		return refuse(state, SHOAL_ERR_LABEL, why);
	}
	if (!shoal_id_is_zero(id) && shoal_id_compare(id, their_id) != 0) {
		shoal_id_print(their_id, text);
		snprintf(why, sizeof(why), "belongs to the member with the id %s", text);
		return refuse(state, SHOAL_ERR_INVALID, why);
	}
	return 0;
}

static int
parse(const struct shoal_state_dir *state, const char *label, const struct shoal_id *id,
        struct shoal_saved *saved, size_t len)
{
	struct shoal_reader reader;
	char their_label[SHOAL_LABEL_MAX + 1] = "";
	const uint8_t *at;

	shoal_reader_init(&reader, saved->file, len);
	at = shoal_reader_bytes(&reader, sizeof(head));
	if (at == NULL || memcmp(at, head, sizeof(head)) != 0) {
		return refuse(state, SHOAL_ERR_MALFORMED, "is no state file of shoal");
	}
	if (shoal_reader_u32(&reader) != SHOAL_STATE_VERSION) {
		return refuse(state, SHOAL_ERR_VERSION, "was written by another release");
	}
	if (len < sizeof(head) + CRC_BYTES ||
	        shoal_hash_crc32c(0, saved->file, len - CRC_BYTES) !=
	                ((uint32_t)saved->file[len - 4] << 24 |
	                        (uint32_t)saved->file[len - 3] << 16 |
	                        (uint32_t)saved->file[len - 2] << 8 | saved->file[len - 1])) {
		return refuse(state, SHOAL_ERR_CHECKSUM, "is damaged");
	}
	size_t label_len = shoal_reader_u8(&reader);
	at = label_len <= SHOAL_LABEL_MAX ? shoal_reader_bytes(&reader, label_len) : NULL;
	if (at == NULL) {
		return refuse(state, SHOAL_ERR_MALFORMED, "is no state file of shoal");
	}
	memcpy(their_label, at, label_len);
	at = shoal_reader_bytes(&reader, sizeof(saved->id.bytes));
	if (at != NULL) {
		memcpy(saved->id.bytes, at, sizeof(saved->id.bytes));
	}
	saved->epoch_s = shoal_reader_u64(&reader);
	saved->saved_ns = shoal_reader_u64(&reader);
	saved->len = shoal_reader_u32(&reader);
	saved->state = shoal_reader_bytes(&reader, saved->len);
	if (reader.failed || reader.left != CRC_BYTES || saved->epoch_s > EPOCH_MAX ||
	        shoal_id_is_zero(&saved->id)) {
		return refuse(state, SHOAL_ERR_MALFORMED, "is no state file of shoal");
	}
	return judge_owner(state, label, id, their_label, &saved->id);
}

int
shoal_state_dir_read(const struct shoal_state_dir *state, const char *label,
        const struct shoal_id *id, struct shoal_saved *saved)
{
	size_t len = 0;
	int fd, rc;

	memset(saved, 0, sizeof(*saved));
	fd = openat(state->dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		return errno == ENOENT ? SHOAL_ERR_NOT_FOUND
		                       : fail(state, "its file cannot be read", errno);
	}
	rc = load(state, fd, &saved->file, &len);
	close(fd);
	if (rc == 0) {
		rc = parse(state, label, id, saved, len);
	}
	if (rc != 0) {
		shoal_alloc_free(state->mem, saved->file);
		saved->file = NULL;
	}
	return rc;
}

uint8_t *
shoal_state_file_make(const struct shoal_allocator *mem, const char *label,
        const struct shoal_saved *saved, size_t *len)
{
	struct shoal_writer writer;
	size_t label_len = strlen(label);
	uint8_t *data = shoal_alloc(mem, AROUND_MAX + saved->len);

	if (data == NULL) {
		return NULL;
	}
	shoal_writer_init(&writer, data, AROUND_MAX + saved->len);
	shoal_writer_bytes(&writer, head, sizeof(head));
	shoal_writer_u32(&writer, SHOAL_STATE_VERSION);
	shoal_writer_u8(&writer, (uint8_t)label_len);
	shoal_writer_bytes(&writer, label, label_len);
	shoal_writer_bytes(&writer, saved->id.bytes, sizeof(saved->id.bytes));
	shoal_writer_u64(&writer, saved->epoch_s < EPOCH_MAX ? saved->epoch_s : EPOCH_MAX);
	shoal_writer_u64(&writer, saved->saved_ns);
	shoal_writer_u32(&writer, (uint32_t)saved->len);
	shoal_writer_bytes(&writer, saved->state, saved->len);
	shoal_writer_u32(&writer, shoal_hash_crc32c(0, data, writer.len));
	*len = writer.len;
	return data;
}

static int
write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n < 0 ? errno : EIO;
		}
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : errno;
}

int
shoal_state_dir_write(const struct shoal_state_dir *state, const uint8_t *data, size_t len)
{
	int fd = openat(
	        state->dir, ASIDE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error;

	if (fd < 0) {
		return errno;
	}
	error = write_all(fd, data, len);
	if (close(fd) != 0 && error == 0) {
		error = errno;
	}
	if (error == 0 && renameat(state->dir, ASIDE, state->dir, FILE_NAME) != 0) {
		error = errno;
	}
	if (error != 0) {
		(void)unlinkat(state->dir, ASIDE, 0);
		return error;
	}
	return fsync(state->dir) == 0 ? 0 : errno;
}
