/* SPDX-License-Identifier: MIT */
/* What `shoal replay` knows while it runs, and how it is printed. */
#ifndef SHOAL_CLI_REPLAY_H
#define SHOAL_CLI_REPLAY_H

#include "options.h"

#include <shoal/record.h>

struct cli_replay_run {
	enum cli_form form;
	const char *member; /* NULL: all. A name, an id or the beginning of one */
	bool inputs;        /* print them too */
	uint64_t begun_ns;  /* mono time of the first entry */
	uint64_t wall_ns;   /* and its time of day */
	uint64_t now_ns;    /* mono time of the last entry */
	uint64_t read, events, checkpoints;
	bool begun, differs, stopped, listing;
	uint64_t differs_at; /* inputs before the checkpoint that differs */
	uint64_t was, is;    /* its hashes */
};

void cli_replay_print_begin(
        struct cli_replay_run *run, const struct shoal_replay_entry *entry, const char *path);
void cli_replay_print_input(
        const struct cli_replay_run *run, const struct shoal_replay_entry *entry);
/* core: which told it, and knows the URLs of its members. */
void cli_replay_print_event(const struct cli_replay_run *run, const struct shoal_core *core,
        const struct shoal_event *event);

/* The members, if there is a core, and what the replay came to. status and offset are those of
 * shoal_replay_status. */
void cli_replay_print_end(const struct cli_replay_run *run, const struct shoal_core *core,
        int status, uint64_t offset);

/* Whether a member is the one that a word names. */
bool cli_replay_names(const char *word, const struct shoal_id *id, const char *name);

#endif
