/* SPDX-License-Identifier: MIT */
/* `shoal manual`: the manual page of a command for man(1), made from the same table as its --help,
 * so that it has exactly its options; or that of shoal itself, with the list of commands. The build
 * installs what it prints. What no table says comes from a file: it goes on with the description up
 * to its first .SH, and the rest stands behind the options. */
#include "file.h"
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <shoal/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How troff wants a byte that it would take for something else. A hyphen is one that can be copied
 * to a command line. NULL: as it is. */
static const char *
escape_of(char c)
{
	switch (c) {
	case '-':
		return "\\-";
	case '\\':
		return "\\e";
	case '\'':
		return "\\(aq";
	case '`':
		return "\\(ga";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	default:
		return NULL;
	}
}

static void
put_char(char c)
{
	const char *escape = escape_of(c);

	if (escape != NULL) {
		fputs(escape, stdout);
	} else {
		putchar(c);
	}
}

static void
put_words(const char *text)
{
	while (*text != '\0') {
		put_char(*text++);
	}
}

/* A paragraph, each sentence of it on a line of its own. */
static void
put_text(const char *text)
{
	bool begins = true;

	while (*text != '\0') {
		if (begins && *text == '.') {
			fputs("\\&", stdout);
		}
		put_char(*text);
		begins = text[0] == '.' && text[1] == ' ';
		if (begins) {
			putchar('\n');
			text += strspn(text + 1, " ");
		}
		text++;
	}
	putchar('\n');
}

/* What stands for something else is in italics, what is typed as it stands is bold. */
static void
put_operands(const char *text)
{
	while (*text != '\0') {
		size_t word =
		        strspn(text, isupper((unsigned char)*text) ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                                                   : "abcdefghijklmnopqrstuvwxyz");

		if (word > 0) {
			printf("\\f%c%.*s\\fR", isupper((unsigned char)*text) ? 'I' : 'B',
			        (int)word, text);
			text += word;
		} else {
			put_char(*text++);
		}
	}
	putchar('\n');
}

static void
put_row(const char *left, const char *right)
{
	printf(".TP\n.B ");
	put_words(left);
	putchar('\n');
	put_text(right);
}

/* page: "shoal" or "shoal-agent". */
static void
put_head(const char *page, const char *summary)
{
	const char *c;

	printf(".\\\" Made by 'shoal manual'.\n.TH ");
	for (c = page; *c != '\0'; c++) {
		put_char((char)toupper((unsigned char)*c));
	}
	printf(" 1 \"\" \"shoal %s\" \"User Commands\"\n.SH NAME\n", SHOAL_VERSION_STRING);
	put_words(page);
	printf(" \\- ");
	put_char((char)tolower((unsigned char)summary[0]));
	put_words(summary + 1);
	printf("\n.SH SYNOPSIS\n");
}

static void
put_options(const struct cli_command *command)
{
	printf(".SH OPTIONS\n");
	for (const struct cli_option *row = command->options; row->name != NULL; row++) {
		printf(".TP\n\\fB\\-\\-");
		put_words(row->name);
		printf("\\fR");
		if (row->argument != NULL) {
			printf(" \\fI");
			put_words(row->argument);
			printf("\\fR");
		}
		putchar('\n');
		put_text(row->help);
		if (row->kind == CLI_LIST) {
			printf("May be given several times.\n");
		}
	}
	if (command->rows != NULL) {
		printf(".PP\n");
		put_text(command->rows_title);
		command->rows(put_row);
	}
}

static void
put_commands(void)
{
	const struct cli_command *command;

	printf(".SH COMMANDS\n");
	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		printf(".TP\n.BR shoal\\-");
		put_words(command->name);
		printf(" (1)\n");
		put_text(command->summary);
	}
}

/* command: NULL for the page of shoal itself. text: what the file holds. */
static void
put_page(const struct cli_command *command, const char *text)
{
	const char *rest = strncmp(text, ".SH ", 4) == 0 ? text : strstr(text, "\n.SH ");
	char page[64];

	rest = rest == NULL ? text + strlen(text) : rest + (*rest == '\n');
	if (command == NULL) {
		put_head("shoal", "Cluster membership and failure detection");
		printf(".B shoal\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.SH DESCRIPTION\n");
	} else {
		snprintf(page, sizeof(page), "shoal-%s", command->name);
		put_head(page, command->summary);
		printf(".B shoal %s\n[\\fIOPTION\\fR]...%s", command->name,
		        command->operands[0] == '\0' ? "" : " ");
		put_operands(command->operands);
		printf(".SH DESCRIPTION\n");
		put_text(command->about);
	}
	fwrite(text, 1, (size_t)(rest - text), stdout);
	if (command == NULL) {
		put_commands();
	} else {
		put_options(command);
	}
	fputs(rest, stdout);
	if (command != NULL) {
		printf(".SH SEE ALSO\n.BR shoal (1)\n");
	}
}

static const struct cli_command *
find(const char *name)
{
	const struct cli_command *command;

	for (size_t i = 0; (command = cli_command_at(i)) != NULL; i++) {
		if (strcmp(command->name, name) == 0) {
			return command;
		}
	}
	return NULL;
}

static int
run(struct cli_options *options)
{
	const char *path = cli_option(options, "text");
	const struct cli_command *command = NULL;
	uint8_t *data = NULL;
	char *text;
	size_t len = 0;
	int end = CLI_FAILED;

	if (options->operand_count == 1) {
		command = find(options->operands[0]);
		if (command == NULL) {
			return cli_usage(
			        &cli_manual_command, "no command '%s'", options->operands[0]);
		}
	}
	if (path != NULL && cli_file_read(path, &data, &len) < 0) {
		cli_error("%s: %s", path, strerror(errno));
	} else {
		text = cli_format("%.*s", (int)len, data == NULL ? "" : (const char *)data);
		put_page(command, text);
		free(text);
		end = cli_flush();
	}
	free(data);
	return end;
}

static const struct cli_option manual_options[] = {
        {"text", "FILE",
                "What the page says beside the tables, as troff: it goes on with the description, "
                "and from its first .SH on stands behind the options.",
                CLI_VALUE, false},
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_manual_command = {
        .name = "manual",
        .operands = "[COMMAND]",
        .summary = "Print the manual page of a command",
        .about = "Prints the manual page of a command, or of shoal itself, for man(1), made from "
                 "what the command says of itself. An installation has the pages whole; where "
                 "shoal was not installed, 'shoal manual agent | man -l -' shows this one.",
        .options = manual_options,
        .operands_max = 1,
        .run = run,
};
