/* SPDX-License-Identifier: MIT */
/* --help, printed from the table of the subcommand: what is not in the table is not an option. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#define LEFT_WIDTH 26
#define LINE_WIDTH 80

/* Prints words from `column` on, wrapped to lines that begin at `indent`. */
static void
wrap(const char *text, size_t indent, size_t column)
{
	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > LINE_WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)word, text);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

void
cli_help_row(const char *left, const char *right)
{
	int column = printf("  %s", left);

	if (column + 2 > LEFT_WIDTH) {
		printf("\n%*s", LEFT_WIDTH, "");
	} else {
		printf("%*s", LEFT_WIDTH - column, "");
	}
	wrap(right, LEFT_WIDTH, LEFT_WIDTH);
}

void
cli_help(const struct cli_command *command)
{
	const struct cli_option *row;
	char left[64];

	printf("Usage: shoal %s [OPTION]...%s%s\n\n", command->name,
	        command->operands[0] == '\0' ? "" : " ", command->operands);
	wrap(command->about, 0, 0);
	printf("\nOptions:\n");
	for (row = command->options; row->name != NULL; row++) {
		snprintf(left, sizeof(left), "--%s%s%s%s", row->name,
		        row->argument == NULL ? "" : " ",
		        row->argument == NULL ? "" : row->argument,
		        row->kind == CLI_LIST ? "..." : "");
		cli_help_row(left, row->help);
	}
	if (command->rows != NULL) {
		putchar('\n');
		wrap(command->rows_title, 0, 0);
		command->rows(cli_help_row);
	}
}
