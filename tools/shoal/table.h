/* SPDX-License-Identifier: MIT */
/* Rows of text, printed aligned for people or as CSV (RFC 4180) for programs. */
#ifndef SHOAL_CLI_TABLE_H
#define SHOAL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum cli_colour {
	CLI_PLAIN = 0,
	CLI_GREEN,
	CLI_YELLOW,
	CLI_RED,
	CLI_GREY
};

#define CLI_CURSOR_HOME "\033[H"
#define CLI_CLEAR_REST  "\033[K" /* of the line */
#define CLI_CLEAR_BELOW "\033[J"

struct cli_table;

/* headers (n of them) must live as long as the table; the first "": the aligned form has no line of
 * them. */
struct cli_table *cli_table_new(const char *const *headers, size_t n);
void cli_table_free(struct cli_table *table);

/* Fills the next cell, row by row; text is copied. */
void cli_table_add(struct cli_table *table, const char *text, enum cli_colour colour);
/* A member's state in its colour, and its diagnosis behind it, "": none. */
void cli_table_add_state(struct cli_table *table, const char *state, const char *diagnosis);

/* A terminal on which a table is drawn over the one before; 0: no limit is known. */
struct cli_screen {
	size_t rows, columns;
};

/* Prints the aligned form. On a screen (NULL: none) it takes at most so many lines, the last of
 * them then says how many rows were left out, and no line is longer than the screen is wide: what
 * does not fit is left out from the last column on. Each line clears what it does not cover. */
void cli_table_print(const struct cli_table *table, bool colours, const struct cli_screen *screen);

void cli_table_print_csv(const struct cli_table *table);

/* The two parts of print_csv, for output that grows row by row. */
void cli_table_print_csv_header(const struct cli_table *table);
void cli_table_print_csv_rows(const struct cli_table *table);

/* Whether standard output is a terminal that takes colours, and nobody set NO_COLOR. */
bool cli_colours(void);

/* The sequence that begins a colour, "" without colours; "" of CLI_PLAIN ends nothing. */
const char *cli_colour_on(enum cli_colour colour, bool colours);
const char *cli_colour_off(enum cli_colour colour, bool colours);

/* The colour of a state's or an event's name. */
enum cli_colour cli_colour_of(const char *word);

#endif
