/* SPDX-License-Identifier: MIT */
/* What every file of the command line shares: exit codes, the row that describes a subcommand, the
 * two forms of an error and memory.
 *
 * A complaint is one line on standard error that says what to do. Everything external here begins
 * with cli_, so that no name meets one of the library. Out of memory ends the program: a subcommand
 * has nothing to save, and the agent allocates here only while it starts (its HTTP side checks
 * instead). */
#ifndef SHOAL_CLI_H
#define SHOAL_CLI_H

#include <stdbool.h>
#include <stddef.h>

struct cli_option;
struct cli_options;

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2
};

struct cli_command {
	const char *name;
	const char *operands;             /* as --help shows them, "" for none */
	const char *summary;              /* one line for the list of subcommands */
	const char *about;                /* a paragraph for --help */
	const struct cli_option *options; /* ends with a row without a name */
	int operands_min, operands_max;
	int (*run)(struct cli_options *options);
	/* OPTIONAL: rows that are listed after the options, and the line above them. */
	const char *rows_title;
	void (*rows)(void (*row)(const char *left, const char *right));
};

extern const struct cli_command cli_agent_command;
extern const struct cli_command cli_broadcast_command;
extern const struct cli_command cli_completion_command;
extern const struct cli_command cli_decode_command;
extern const struct cli_command cli_forget_command;
extern const struct cli_command cli_info_command;
extern const struct cli_command cli_join_command;
extern const struct cli_command cli_keygen_command;
extern const struct cli_command cli_keys_command;
extern const struct cli_command cli_leave_command;
extern const struct cli_command cli_manual_command;
extern const struct cli_command cli_members_command;
extern const struct cli_command cli_meta_command;
extern const struct cli_command cli_monitor_command;
extern const struct cli_command cli_reload_command;
extern const struct cli_command cli_replay_command;
extern const struct cli_command cli_request_command;
extern const struct cli_command cli_rtt_command;
extern const struct cli_command cli_send_command;
extern const struct cli_command cli_sim_command;
extern const struct cli_command cli_tag_command;
extern const struct cli_command cli_top_command;
extern const struct cli_command cli_version_command;
extern const struct cli_command cli_why_command;

/* The subcommands in the order in which they are listed; NULL: past the last. */
const struct cli_command *cli_command_at(size_t i);

/* Prints "shoal: ..." and returns CLI_FAILED. Line ends inside the text become "; ". */
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints "shoal COMMAND: ...; see 'shoal COMMAND --help'" and returns CLI_USAGE. */
int cli_usage(const struct cli_command *command, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* From now on a complaint is put into text (len bytes, cut to fit, "" while there was none) and not
 * printed; NULL: printed again. For the agent, whose complaints are answers once it runs. */
void cli_catch(char *text, size_t len);

/* Never NULL. */
void *cli_alloc(size_t count, size_t size);
void *cli_grow(void *ptr, size_t count, size_t size);
char *cli_copy(const char *text);
char *cli_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes standard output. CLI_FAILED, with a complaint, when what was written did not arrive. */
int cli_flush(void);

#endif
