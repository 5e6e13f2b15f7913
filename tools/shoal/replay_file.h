/* SPDX-License-Identifier: MIT */
/* A record as the agent left it: FILE, behind FILE.1 where that is the part before it. */
#ifndef SHOAL_CLI_REPLAY_FILE_H
#define SHOAL_CLI_REPLAY_FILE_H

#include <stddef.h>
#include <stdint.h>

struct cli_replay_file {
	uint8_t *data;
	size_t len;
	size_t older; /* of which the bytes of FILE.1 */
};

/* CLI_DONE, or CLI_FAILED after a complaint. Free it in either case. */
int cli_replay_file_read(struct cli_replay_file *file, const char *path);
void cli_replay_file_free(struct cli_replay_file *file);

#endif
