/* SPDX-License-Identifier: MIT */
/* Options of a subcommand: one table feeds the command line, the SHOAL_* variables, the JSON file
 * and
 * --help.
 *
 * A value has a source; the strongest source that names a key wins and hides all values of the
 * weaker ones, also for lists: flag, variable, file. Keys are the names of options with '_' for
 * '-', so that
 * --log-level, SHOAL_LOG_LEVEL and "log_level" are one key. Keys that no option has are fields of
 * struct shoal_config (--set KEY=VALUE, and the file). All texts live as long as the options. */
#ifndef SHOAL_CLI_OPTIONS_H
#define SHOAL_CLI_OPTIONS_H

#include "cli.h"

enum cli_kind {
	CLI_FLAG,
	CLI_VALUE,
	CLI_LIST /* may be given several times; a variable holds them with commas between */
};

struct cli_option {
	const char *name;
	const char *argument; /* how --help names the value */
	const char *help;
	enum cli_kind kind;
	bool field; /* a field of struct shoal_config: shoal_config_set judges its value */
};

/* Rows that several tables have. */
/* clang-format off */
#define CLI_HELP_ROW   {"help", NULL, "Show this text.", CLI_FLAG, false}
#define CLI_FORMAT_ROW {"format", "FORMAT", "table, json or csv. Default: table.", CLI_VALUE, false}
#define CLI_SOCKET_ROWS                                                                             \
	{"socket", "PATH",                                                               \
	        "The agent's control socket. Default: that of --name, else the only one in "        \
	        "$XDG_RUNTIME_DIR or /run.", CLI_VALUE, false},                                                \
	{"name", "NAME", "The name of the local agent, to find its control socket.", CLI_VALUE, false}
#define CLI_END_ROW {NULL, NULL, NULL, CLI_FLAG, false}
/* clang-format on */

enum cli_source {
	CLI_FROM_FILE = 1,
	CLI_FROM_VARIABLE,
	CLI_FROM_FLAG
};

struct cli_setting {
	char *key;
	char *value;
	char *origin; /* for complaints: "--bind", "SHOAL_BIND", "agent.json: $.bind" */
	enum cli_source source;
};

struct cli_options {
	const struct cli_command *command;
	struct cli_setting *settings;
	size_t count, capacity;
	char **operands;
	int operand_count;
};

/* Reads the variables, then argv, whose first element is the name of the subcommand. Returns -1 to
 * go on, or the exit code: after --help, or after a complaint about wrong usage. */
int cli_options_parse(
        struct cli_options *options, const struct cli_command *command, int argc, char **argv);
void cli_options_free(struct cli_options *options);

/* A copy without what came from a file. */
void cli_options_copy(struct cli_options *copy, const struct cli_options *options);

/* Adds one value; key, value and origin are copied. */
void cli_options_add(struct cli_options *options, enum cli_source source, const char *key,
        const char *value, const char *origin);

/* The row of a key, NULL where no option has it. */
const struct cli_option *cli_option_row(const struct cli_command *command, const char *key);

/* The last value of the strongest source; NULL: nobody gave one. */
const char *cli_option(const struct cli_options *options, const char *key);
const struct cli_setting *cli_option_setting(const struct cli_options *options, const char *key);

/* Value number i of the strongest source; NULL past the last. */
const struct cli_setting *cli_option_at(
        const struct cli_options *options, const char *key, size_t i);

bool cli_option_flag(const struct cli_options *options, const char *key);

/* "--format": table, json, csv; "text" is table. CLI_USAGE, with a complaint, for any other word.
 */
enum cli_form {
	CLI_TABLE,
	CLI_JSON,
	CLI_CSV
};
int cli_option_form(const struct cli_options *options, enum cli_form *form);

/* A duration ("500ms", "2s", "1m", "1h") of at most 10 minutes; fallback_ms where nobody gave one.
 */
int cli_option_ms(
        const struct cli_options *options, const char *key, unsigned fallback_ms, unsigned *ms);

/* Prints the --help of a subcommand. */
void cli_help(const struct cli_command *command);

/* Prints one row of a list, "  LEFT   RIGHT", with RIGHT wrapped at 80 columns. */
void cli_help_row(const char *left, const char *right);

#endif
