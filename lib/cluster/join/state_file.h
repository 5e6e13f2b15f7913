/* SPDX-License-Identifier: MIT */
/* The state directory: one file with what a member must know after a restart, and a lock that keeps
 * two processes apart.
 *
 *     +----------+---------+-----------+-------+----+---------+----------+-----+-------+--------+
 *     | "SHOALST"| version | label len | label | id | epoch_s | saved at | len | state | CRC32C |
 *     |   7, 0   |    4    |     1     | 0..64 | 16 |    8    |    8     |  4  |  ...  |   4    |
 *     +----------+---------+-----------+-------+----+---------+----------+-----+-------+--------+
 *
 * Numbers are in network byte order, saved at in nanoseconds since 1970; state is what
 * shoal_core_save gave. The file is replaced as a whole: whoever reads it, at whatever moment the
 * writer or its machine died, finds the old one or the new one. */
#ifndef SHOAL_CLUSTER_STATE_FILE_H
#define SHOAL_CLUSTER_STATE_FILE_H

#include <shoal/types.h>

#define SHOAL_STATE_VERSION 1

struct shoal_state_dir {
	const struct shoal_allocator *mem;
	char *path;
	int dir, lock; /* descriptors, -1: not open */
};

struct shoal_saved {
	struct shoal_id id;
	uint64_t epoch_s, saved_ns;
	const uint8_t *state;
	size_t len;
	uint8_t *file; /* owned */
};

/* Opens the directory, makes it where only its last part is missing, and takes the lock.
 * SHOAL_ERR_IN_USE: another process has it; SHOAL_ERR_SYSTEM, _NOMEM: the last error's text says
 * what to do. Undo with shoal_state_dir_close, also after a failure. */
int shoal_state_dir_open(
        struct shoal_state_dir *state, const struct shoal_allocator *mem, const char *path);
void shoal_state_dir_close(struct shoal_state_dir *state);

/* Reads the file for a member of this label; id zero: any. SHOAL_ERR_NOT_FOUND: there is none, no
 * failure. SHOAL_ERR_MALFORMED, _CHECKSUM, _VERSION, _LABEL, _INVALID (another id), _SYSTEM,
 * _NOMEM: the last error's text says which file and what to do. Free saved->file. */
int shoal_state_dir_read(const struct shoal_state_dir *state, const char *label,
        const struct shoal_id *id, struct shoal_saved *saved);

/* The content of a file, on the allocator. NULL: no memory. */
uint8_t *shoal_state_file_make(const struct shoal_allocator *mem, const char *label,
        const struct shoal_saved *saved, size_t *len);

/* Replaces the file: written aside, synced, renamed, the directory synced. Returns 0 or an errno;
 * then the old file stays as it was. Blocks as long as the disk does. */
int shoal_state_dir_write(const struct shoal_state_dir *state, const uint8_t *data, size_t len);

#endif
