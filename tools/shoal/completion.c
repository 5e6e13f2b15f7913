/* SPDX-License-Identifier: MIT */
/* `shoal completion`: a completion script for a shell, made from the tables of the subcommands, so
 * that it knows exactly their options. The build installs what it prints. */
#include "options.h"

#include <stdio.h>
#include <string.h>

/* What may stand for the value of an option or for an operand. */
enum value {
	VALUE_NONE, /* the option takes none */
	VALUE_WORD, /* nothing that could be offered */
	VALUE_FORMAT,
	VALUE_FILE,
	VALUE_FOLDER
};

static enum value
value_of(const struct cli_option *row)
{
	const char *argument = row->argument;

	if (argument == NULL) {
		return VALUE_NONE;
	}
	if (strcmp(row->name, "format") == 0) {
		return VALUE_FORMAT;
	}
	if (strcmp(argument, "DIR") == 0) {
		return VALUE_FOLDER;
	}
	return strncmp(argument, "FILE", 4) == 0 || strcmp(argument, "PATH") == 0 ||
	                       strcmp(argument, "PROGRAM") == 0
	               ? VALUE_FILE
	               : VALUE_WORD;
}

static bool
takes_files(const struct cli_command *command)
{
	return strstr(command->operands, "FILE") != NULL;
}

/* The first sentence of a help text, without its full stop, with a backslash before each byte of
 * `escaped`. Each of the three shells reads it between single quotes. */
static void
put_sentence(const char *text, const char *escaped)
{
	const char *end = strstr(text, ". ");

	for (; *text != '\0' && text != end; text++) {
		if (*text == '.' && text[1] == '\0') {
			break;
		}
		if (*text == '\'') {
			fputs("'\\''", stdout);
			continue;
		}
		if (strchr(escaped, *text) != NULL) {
			putchar('\\');
		}
		putchar(*text);
	}
}

static void
put_commands(const char *between)
{
	const struct cli_command *command;

	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		printf("%s%s", i == 0 ? "" : between, command->name);
	}
}

/* Options of a value, as alternatives of a pattern of bash. "": there are none. */
static size_t
put_bash_options(const struct cli_command *command, enum value value)
{
	size_t count = 0;

	for (const struct cli_option *row = command->options; row->name != NULL; row++) {
		if (value_of(row) == value) {
			printf("%s--%s", count++ == 0 ? "\t\t" : "|", row->name);
		}
	}
	return count;
}

static void
put_bash_values(const struct cli_command *command)
{
	static const struct {
		enum value value;
		const char *offer;
	} offers[] = {{VALUE_WORD, ""}, {VALUE_FORMAT, "-W 'table json csv'"}, {VALUE_FILE, "-f"},
	        {VALUE_FOLDER, "-d"}};

	printf("\t\tcase $previous in\n");
	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		if (put_bash_options(command, offers[i].value) > 0) {
			printf(") offer=\"%s\" ;;\n", offers[i].offer);
		}
	}
	printf("\t\t*) offer=\"-W '");
	for (const struct cli_option *row = command->options; row->name != NULL; row++) {
		printf("%s--%s", row == command->options ? "" : " ", row->name);
	}
	printf("'%s\" ;;\n\t\tesac\n", takes_files(command) ? " -f" : "");
}

static void
put_bash(void)
{
	const struct cli_command *command;

	printf("# Completion of shoal for bash.\n"
	       "_shoal() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} offer=\n"
	       "\tCOMPREPLY=()\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	put_commands(" ");
	printf(" help' -- \"$word\")\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		printf("\t%s)\n", command->name);
		put_bash_values(command);
		printf("\t\t;;\n");
	}
	printf("\tesac\n"
	       "\t[ -z \"$offer\" ] || mapfile -t COMPREPLY < <(eval \"compgen $offer\" -- '\"$word\"')\n"
	       "}\n"
	       "complete -o filenames -F _shoal shoal\n");
}

static const char *
zsh_action(enum value value)
{
	switch (value) {
	case VALUE_FORMAT:
		return "(table json csv)";
	case VALUE_FILE:
		return "_files";
	case VALUE_FOLDER:
		return "_files -/";
	case VALUE_NONE:
	case VALUE_WORD:
		break;
	}
	return "";
}

static void
put_zsh_options(const struct cli_command *command)
{
	for (const struct cli_option *row = command->options; row->name != NULL; row++) {
		printf(" \\\n\t\t\t'%s--%s[", row->kind == CLI_LIST ? "*" : "", row->name);
		put_sentence(row->help, "[]\\:");
		putchar(']');
		if (row->argument != NULL) {
			printf(":%s:%s", row->argument, zsh_action(value_of(row)));
		}
		putchar('\'');
	}
	if (takes_files(command)) {
		printf(" \\\n\t\t\t'*:file:_files'");
	}
	putchar('\n');
}

static void
put_zsh(void)
{
	const struct cli_command *command;

	printf("#compdef shoal\n"
	       "# Completion of shoal for zsh.\n"
	       "_shoal() {\n"
	       "\tlocal -a commands=(");
	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		printf("\n\t\t'%s:", command->name);
		put_sentence(command->summary, "\\:");
		putchar('\'');
	}
	printf(")\n"
	       "\tif ((CURRENT == 2)); then\n"
	       "\t\t_describe command commands\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tshift words\n"
	       "\t((CURRENT--))\n"
	       "\tcase $words[1] in\n");
	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		printf("\t%s)\n\t\t_arguments", command->name);
		put_zsh_options(command);
		printf("\t\t;;\n");
	}
	printf("\tesac\n"
	       "}\n"
	       "_shoal \"$@\"\n");
}

static void
put_fish_options(const struct cli_command *command)
{
	static const char *const takes[] = {[VALUE_NONE] = " -f",
	        [VALUE_WORD] = " -x",
	        [VALUE_FORMAT] = " -x -a 'table json csv'",
	        [VALUE_FILE] = " -r -F",
	        [VALUE_FOLDER] = " -x -a '(__fish_complete_directories)'"};

	for (const struct cli_option *row = command->options; row->name != NULL; row++) {
		printf("complete -c shoal -n '__fish_seen_subcommand_from %s' -l %s%s -d '",
		        command->name, row->name, takes[value_of(row)]);
		put_sentence(row->help, "\\");
		printf("'\n");
	}
	if (takes_files(command)) {
		printf("complete -c shoal -n '__fish_seen_subcommand_from %s' -F\n", command->name);
	}
}

static void
put_fish(void)
{
	const struct cli_command *command;

	printf("# Completion of shoal for fish.\n"
	       "complete -c shoal -f\n");
	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		printf("complete -c shoal -n __fish_use_subcommand -a %s -d '", command->name);
		put_sentence(command->summary, "\\");
		printf("'\n");
	}
	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		put_fish_options(command);
	}
}

static int
run(struct cli_options *options)
{
	static const struct {
		const char *shell;
		void (*put)(void);
	} scripts[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		if (strcmp(options->operands[0], scripts[i].shell) == 0) {
			scripts[i].put();
			return cli_flush();
		}
	}
	return cli_usage(&cli_completion_command, "no completion for '%s': bash, zsh or fish",
	        options->operands[0]);
}

static const struct cli_option completion_options[] = {
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_completion_command = {
        .name = "completion",
        .operands = "SHELL",
        .summary = "Print a completion script for a shell",
        .about =
                "Prints a script with which a shell, bash, zsh or fish, completes the commands and "
                "options of shoal. An installation puts them in their places; where shoal was not "
                "installed, 'source <(shoal completion bash)' does it for one session.",
        .options = completion_options,
        .operands_min = 1,
        .operands_max = 1,
        .run = run,
};
