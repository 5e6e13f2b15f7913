/* SPDX-License-Identifier: MIT */
/* A ring of two halves. The newest half is written; when it is full it takes the place of the older
 * one and a new part of the record begins, so that at least half of record_bytes, and at most all
 * of it and one input, is kept. In memory the halves are buffers, on disk FILE (the newest) and
 * FILE.1; what stood in FILE before goes to FILE.1 too, because it may tell why the process was
 * started again.
 *
 * On the loop's thread an input costs a copy and a checksum. Files are written 64 KiB at a time, or
 * what there is five times a second; the kernel takes it into its cache, and a disk that makes it
 * wait makes the loop wait. What cannot be written ends the record and nothing else. */
#include "cluster/report/recording.h"

#include "base/alloc.h"
#include "cluster/loop/fork.h"
#include "cluster/report/last_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_DEFAULT (UINT32_C(64) << 20)
#define BUFFER_BYTES  ((size_t)64 << 10)
#define FLUSH_EACH    SHOAL_MS(200)

/* The first half of what is kept in memory, or of the buffer of a file, at first. */
#define GROW_FROM 4096

struct half {
	uint8_t *data;
	size_t len, capacity;
};

struct shoal_recording {
	const struct shoal_allocator *mem;
	struct shoal_recorder *recorder;
	const char *path; /* NULL: in memory */
	char *older;      /* FILE.1 */
	size_t half_bytes;
	size_t written; /* bytes of the newest part, buffered ones included */
	uint64_t flushed_ns;
	int fd;
	bool stopped;
	pthread_mutex_t lock;    /* for the halves: a dump reads them on another thread */
	struct half newest, old; /* a file has one only: what is not written yet */
};

static bool
append(struct shoal_recording *recording, struct half *half, const uint8_t *data, size_t len)
{
	size_t needed = half->len + len;

	if (needed > half->capacity) {
		size_t capacity = half->capacity == 0 ? GROW_FROM : half->capacity;
		while (capacity < needed) {
			capacity *= 2;
		}
		if (capacity > recording->half_bytes) {
			capacity = needed > recording->half_bytes ? needed : recording->half_bytes;
		}
		uint8_t *larger = shoal_alloc_resize(recording->mem, half->data, capacity, 1);
		if (larger == NULL) {
			return false;
		}
		half->data = larger;
		half->capacity = capacity;
	}
	memcpy(half->data + half->len, data, len);
	half->len += len;
	return true;
}

/* 0, or the errno of what went wrong. */
static int
flush(struct shoal_recording *recording)
{
	struct half *half = &recording->newest;
	size_t done = 0;

	while (done < half->len) {
		ssize_t n = write(recording->fd, half->data + done, half->len - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n < 0 ? errno : ENOSPC;
		}
		done += (size_t)n;
	}
	half->len = 0;
	return 0;
}

static int
keep(struct shoal_recording *recording, const uint8_t *data, size_t len)
{
	int error = 0;

	pthread_mutex_lock(&recording->lock);
	if (!append(recording, &recording->newest, data, len)) {
		error = ENOMEM;
	}
	pthread_mutex_unlock(&recording->lock);
	recording->written += len;
	if (error == 0 && recording->path != NULL && recording->newest.len >= BUFFER_BYTES) {
		error = flush(recording);
	}
	return error;
}

/* A regular file that is there already moves out of the way; a device is written as it is. */
static int
open_file(struct shoal_recording *recording)
{
	struct stat status;

	if (lstat(recording->path, &status) == 0 && S_ISREG(status.st_mode) &&
	        rename(recording->path, recording->older) != 0) {
		return errno;
	}
	recording->fd = open(recording->path,
	        O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
	return recording->fd >= 0 ? 0 : errno;
}

static int
begin_part(struct shoal_recording *recording)
{
	const uint8_t *data;
	size_t len;

	recording->written = 0;
	if (shoal_recorder_begin(recording->recorder, &data, &len) != 0) {
		return ENOMEM;
	}
	return keep(recording, data, len);
}

/* The newest half is full. */
static int
turn(struct shoal_recording *recording)
{
	struct half old;
	int error;

	if (recording->path == NULL) {
		pthread_mutex_lock(&recording->lock);
		old = recording->old;
		recording->old = recording->newest;
		recording->newest = old;
		recording->newest.len = 0;
		pthread_mutex_unlock(&recording->lock);
		return begin_part(recording);
	}
	error = flush(recording);
	if (error == 0) {
		(void)close(recording->fd);
		recording->fd = -1;
		error = open_file(recording);
	}
	return error == 0 ? begin_part(recording) : error;
}

static void
close_fd(struct shoal_recording *recording)
{
	if (recording->fd >= 0) {
		(void)close(recording->fd);
	}
	recording->fd = -1;
}

static void
give_up(struct shoal_cluster *cluster, int error)
{
	struct shoal_recording *recording = cluster->recording;

	recording->stopped = true;
	close_fd(recording);
	shoal_cluster_log(cluster, SHOAL_LOG_WARN, "record", "recording%s%s has stopped: %s",
	        recording->path != NULL ? " to " : "",
	        recording->path != NULL ? recording->path : "", strerrordesc_np(error));
}

static int
make_recorder(struct shoal_recording *recording, const struct shoal_config *config,
        const struct shoal_core_config *core)
{
	struct shoal_recorder_config how;

	shoal_recorder_config_init(&how);
	how.redact = config->record_redact != 0;
	how.allocator = recording->mem;
	return shoal_recorder_new(&recording->recorder, core, &how);
}

static int
set_up(struct shoal_recording *recording, const struct shoal_config *config,
        const struct shoal_core_config *core)
{
	size_t len = config->record != NULL ? strlen(config->record) : 0;

	recording->path = config->record;
	if (recording->path != NULL) {
		recording->older = shoal_alloc(recording->mem, len + sizeof(".1"));
		if (recording->older == NULL) {
			return SHOAL_ERR_NOMEM;
		}
		memcpy(recording->older, recording->path, len);
		memcpy(recording->older + len, ".1", sizeof(".1"));
	}
	return make_recorder(recording, config, core);
}

/* What went wrong with the file, as a code and a text. */
static int
refuse(const struct shoal_recording *recording, int error)
{
	int rc = error == EACCES || error == EPERM ? SHOAL_ERR_PERMISSION : SHOAL_ERR_SYSTEM;

	if (error == ENOMEM) {
		rc = SHOAL_ERR_NOMEM;
	}
	return shoal_last_error_set(rc, "record: %s: %s",
	        recording->path != NULL ? recording->path : "in memory", strerrordesc_np(error));
}

int
shoal_recording_start(struct shoal_cluster *cluster, const struct shoal_core_config *core)
{
	const struct shoal_config *config = &cluster->settings.config;
	struct shoal_recording *recording;
	int rc, error;

	if (config->record == NULL && config->record_bytes == 0) {
		return 0;
	}
	recording = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*recording));
	if (recording == NULL || pthread_mutex_init(&recording->lock, NULL) != 0) {
		shoal_alloc_free(cluster->mem, recording);
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	recording->mem = cluster->mem;
	recording->fd = -1;
	recording->flushed_ns = core->mono_ns;
	recording->half_bytes =
	        (config->record_bytes != 0 ? config->record_bytes : BYTES_DEFAULT) / 2;
	rc = set_up(recording, config, core);
	error = rc != 0 ? ENOMEM : recording->path != NULL ? open_file(recording) : 0;
	if (error == 0) {
		error = begin_part(recording);
	}
	if (error != 0) {
		rc = refuse(recording, error);
		shoal_recording_free(recording);
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	cluster->recording = recording;
	pthread_mutex_unlock(&cluster->lock);
	return 0;
}

void
shoal_recording_input(struct shoal_cluster *cluster, const struct shoal_input *input)
{
	struct shoal_recording *recording = cluster->recording;
	const uint8_t *data;
	int error = 0;
	size_t len;

	if (recording == NULL || recording->stopped) {
		return;
	}
	if (recording->written >= recording->half_bytes) {
		error = turn(recording);
	}
	if (error == 0) {
		int rc = shoal_recorder_input(
		        recording->recorder, cluster->core, input, &data, &len);
		error = rc != 0 ? ENOMEM : keep(recording, data, len);
	}
	if (error == 0 && recording->path != NULL &&
	        input->mono_ns - recording->flushed_ns >= FLUSH_EACH) {
		recording->flushed_ns = input->mono_ns;
		error = flush(recording);
	}
	if (error != 0) {
		give_up(cluster, error);
	}
}

void
shoal_recording_end(struct shoal_cluster *cluster)
{
	struct shoal_recording *recording = cluster->recording;
	const uint8_t *data;
	int error = 0;
	size_t len;

	if (recording == NULL || recording->stopped) {
		return;
	}
	if (shoal_recorder_end(recording->recorder, cluster->core, &data, &len) == 0) {
		error = keep(recording, data, len);
	}
	if (error == 0 && recording->path != NULL) {
		error = flush(recording);
	}
	if (error != 0) {
		give_up(cluster, error);
	}
	recording->stopped = true;
	close_fd(recording);
}

void
shoal_recording_free(struct shoal_recording *recording)
{
	if (recording == NULL) {
		return;
	}
	close_fd(recording);
	shoal_recorder_free(recording->recorder);
	pthread_mutex_destroy(&recording->lock);
	shoal_alloc_free(recording->mem, recording->newest.data);
	shoal_alloc_free(recording->mem, recording->old.data);
	shoal_alloc_free(recording->mem, recording->older);
	shoal_alloc_free(recording->mem, recording);
}

/* Both halves in order, as they are now. */
static int
copy_halves(struct shoal_recording *recording, struct half *copy)
{
	size_t len;
	int rc = 0;

	pthread_mutex_lock(&recording->lock);
	len = recording->old.len + recording->newest.len;
	copy->data = shoal_alloc(recording->mem, len);
	if (copy->data == NULL) {
		rc = SHOAL_ERR_NOMEM;
	} else {
		if (recording->old.len > 0) {
			memcpy(copy->data, recording->old.data, recording->old.len);
		}
		memcpy(copy->data + recording->old.len, recording->newest.data,
		        recording->newest.len);
		copy->len = len;
	}
	pthread_mutex_unlock(&recording->lock);
	return rc;
}

static int
write_copy(struct shoal_recording *recording, const char *path, struct half *copy)
{
	struct shoal_recording file = {.path = path, .newest = *copy, .mem = recording->mem};
	struct stat there;
	int error;

	/* What members said stands in it: for nobody else, whatever was there before. */
	file.fd =
	        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
	error = file.fd < 0 ? errno : 0;
	if (error == 0 && fstat(file.fd, &there) == 0 && S_ISREG(there.st_mode) &&
	        fchmod(file.fd, 0600) != 0) {
		error = errno;
	}
	error = error == 0 ? flush(&file) : error;
	if (file.fd >= 0 && close(file.fd) != 0 && error == 0) {
		error = errno;
	}
	return error == 0 ? 0 : refuse(&file, error);
}

int
shoal_cluster_record_dump(struct shoal_cluster *cluster, const char *path)
{
	struct shoal_recording *recording;
	struct half copy = {0};
	int rc = shoal_fork_check(cluster, "record_dump");

	if (rc != 0) {
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	recording = cluster->recording;
	pthread_mutex_unlock(&cluster->lock);
	if (path == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "record: no path");
	}
	if (recording == NULL || recording->path != NULL) {
		return shoal_last_error_set(SHOAL_ERR_STATE,
		        "record: nothing is recorded in memory; set record_bytes and no record");
	}
	rc = copy_halves(recording, &copy);
	if (rc != 0) {
		return shoal_last_error_set(rc, "record: %s", shoal_strerror(rc));
	}
	rc = write_copy(recording, path, &copy);
	shoal_alloc_free(recording->mem, copy.data);
	return rc;
}
