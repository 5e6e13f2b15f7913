/* SPDX-License-Identifier: MIT */
/* Reads a record whole. FILE.1 belongs to it where its parts come before FILE's in the same run;
 * otherwise it is an earlier run's, and a record of its own. */
#include "replay_file.h"

#include "cli.h"
#include "file.h"

#include <errno.h>
#include <shoal/record.h>
#include <stdlib.h>
#include <string.h>

/* The first entry. false: it cannot be read. */
static bool
beginning(const uint8_t *data, size_t len, struct shoal_replay_entry *entry)
{
	struct shoal_replay *replay;
	bool read;

	if (shoal_replay_new(&replay, data, len, NULL) != 0) {
		return false;
	}
	read = shoal_replay_next(replay, entry);
	shoal_replay_free(replay);
	return read;
}

/* A part of one run knows the run by its secret random numbers. */
static bool
goes_before(const struct shoal_replay_entry *older, const struct shoal_replay_entry *newer)
{
	return older->part < newer->part && older->config.seed == newer->config.seed &&
	       memcmp(&older->config.salt, &newer->config.salt, sizeof(newer->config.salt)) == 0;
}

static void
put_before(struct cli_replay_file *file, const char *path)
{
	struct shoal_replay_entry older, newer;
	char *other = cli_format("%s.1", path);
	uint8_t *data;
	size_t len;

	if (cli_file_read(other, &data, &len) == 0 && beginning(data, len, &older) &&
	        beginning(file->data, file->len, &newer) && goes_before(&older, &newer)) {
		data = cli_grow(data, len + file->len, 1);
		memcpy(data + len, file->data, file->len);
		free(file->data);
		file->data = data;
		file->older = len;
		file->len += len;
	} else {
		free(data);
	}
	free(other);
}

int
cli_replay_file_read(struct cli_replay_file *file, const char *path)
{
	struct shoal_replay_entry entry;

	memset(file, 0, sizeof(*file));
	if (cli_file_read(path, &file->data, &file->len) < 0) {
		return cli_error("cannot read %s: %s", path, strerror(errno));
	}
	if (beginning(file->data, file->len, &entry) && entry.part > 0) {
		put_before(file, path);
	}
	return CLI_DONE;
}

void
cli_replay_file_free(struct cli_replay_file *file)
{
	free(file->data);
	memset(file, 0, sizeof(*file));
}
