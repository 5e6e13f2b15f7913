/* SPDX-License-Identifier: MIT */
/* The table writer: cells are collected, then measured in terminal columns and printed. What a cell
 * holds may come from the network: what is not printable is replaced. */
#include "table.h"

#include "cli.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELL_MAX 1024
#define GAP      2

struct cell {
	char *text;
	enum cli_colour colour;
};

struct cli_table {
	const char *const *headers;
	size_t columns;
	struct cell *cells;
	size_t count, capacity;
};

struct cli_table *
cli_table_new(const char *const *headers, size_t n)
{
	struct cli_table *table = cli_alloc(1, sizeof(*table));

	table->headers = headers;
	table->columns = n;
	return table;
}

void
cli_table_free(struct cli_table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		free(table->cells[i].text);
	}
	free(table->cells);
	free(table);
}

void
cli_table_add(struct cli_table *table, const char *text, enum cli_colour colour)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
		table->cells = cli_grow(table->cells, table->capacity, sizeof(*table->cells));
	}
	table->cells[table->count].text = cli_copy(text);
	table->cells[table->count].colour = colour;
	table->count++;
}

void
cli_table_add_state(struct cli_table *table, const char *state, const char *diagnosis)
{
	char *both = diagnosis[0] != '\0' ? cli_format("%s (%s)", state, diagnosis) : NULL;

	cli_table_add(table, both != NULL ? both : state, cli_colour_of(state));
	free(both);
}

static const struct cell *
cell_at(const struct cli_table *table, size_t row, size_t column)
{
	return &table->cells[row * table->columns + column];
}

static void
measure(const struct cli_table *table, size_t *widths)
{
	char copy[CELL_MAX];
	size_t i;

	for (i = 0; i < table->columns; i++) {
		widths[i] = cli_text_printable(table->headers[i], copy, sizeof(copy));
	}
	for (i = 0; i < table->count; i++) {
		size_t width = cli_text_printable(table->cells[i].text, copy, sizeof(copy));

		if (width > widths[i % table->columns]) {
			widths[i % table->columns] = width;
		}
	}
}

/* How many columns are printed; the first, which holds what names a row, gets at most half of a
 * screen. */
static size_t
fit(const struct cli_table *table, size_t *widths, const struct cli_screen *screen)
{
	size_t shown = table->columns, all = 0, i;

	if (screen == NULL || screen->columns == 0) {
		return shown;
	}
	if (widths[0] > screen->columns / 2) {
		widths[0] = screen->columns / 2;
	}
	for (i = 0; i < shown; i++) {
		all += widths[i] + (i == 0 ? 0 : GAP);
	}
	while (all > screen->columns && shown > 1) {
		all -= widths[--shown] + GAP;
	}
	return shown;
}

static void
end_line(const struct cli_screen *screen)
{
	puts(screen == NULL ? "" : CLI_CLEAR_REST);
}

static void
print_cell(const char *text, enum cli_colour colour, bool colours, size_t width, bool last)
{
	char copy[CELL_MAX];
	size_t columns;

	cli_text_printable(text, copy, sizeof(copy));
	columns = cli_text_cut(copy, width);
	printf("%s%s%s", cli_colour_on(colour, colours), copy, cli_colour_off(colour, colours));
	if (!last) {
		printf("%*s", (int)(width - columns + GAP), "");
	}
}

/* How many of all rows fit on a screen, with the head and perhaps the line about the others. */
static size_t
rows_that_fit(size_t all, const struct cli_screen *screen)
{
	if (screen == NULL || screen->rows == 0 || all + 1 <= screen->rows) {
		return all;
	}
	return screen->rows > 2 ? screen->rows - 2 : 0;
}

void
cli_table_print(const struct cli_table *table, bool colours, const struct cli_screen *screen)
{
	size_t all = table->count / table->columns, rows = rows_that_fit(all, screen);
	size_t *widths = cli_alloc(table->columns, sizeof(*widths)), columns, row, column;
	char more[40];

	measure(table, widths);
	columns = fit(table, widths, screen);
	if (table->headers[0][0] != '\0') {
		for (column = 0; column < columns; column++) {
			print_cell(table->headers[column], CLI_GREY, colours, widths[column],
			        column + 1 == columns);
		}
		end_line(screen);
	}
	for (row = 0; row < rows; row++) {
		for (column = 0; column < columns; column++) {
			const struct cell *cell = cell_at(table, row, column);

			print_cell(cell->text, cell->colour, colours, widths[column],
			        column + 1 == columns);
		}
		end_line(screen);
	}
	if (rows < all) {
		snprintf(more, sizeof(more), "and %zu more", all - rows);
		cli_text_cut(more, screen->columns == 0 ? sizeof(more) : screen->columns);
		fputs(more, stdout);
		end_line(screen);
	}
	free(widths);
}

static void
print_csv_field(const char *text, bool last)
{
	char *safe = cli_text_safe(text), *at;

	if (safe[strcspn(safe, ",\"")] == '\0') {
		fputs(safe, stdout);
	} else {
		putchar('"');
		for (at = safe; *at != '\0'; at++) {
			if (*at == '"') {
				putchar('"');
			}
			putchar(*at);
		}
		putchar('"');
	}
	putchar(last ? '\n' : ',');
	free(safe);
}

void
cli_table_print_csv_header(const struct cli_table *table)
{
	size_t column;

	for (column = 0; column < table->columns; column++) {
		print_csv_field(table->headers[column], column + 1 == table->columns);
	}
}

void
cli_table_print_csv_rows(const struct cli_table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		print_csv_field(table->cells[i].text, (i + 1) % table->columns == 0);
	}
}

void
cli_table_print_csv(const struct cli_table *table)
{
	cli_table_print_csv_header(table);
	cli_table_print_csv_rows(table);
}

bool
cli_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

const char *
cli_colour_on(enum cli_colour colour, bool colours)
{
	static const char *const codes[] = {[CLI_PLAIN] = "",
	        [CLI_GREEN] = "\033[32m",
	        [CLI_YELLOW] = "\033[33m",
	        [CLI_RED] = "\033[31m",
	        [CLI_GREY] = "\033[90m"};

	return colours ? codes[colour] : "";
}

const char *
cli_colour_off(enum cli_colour colour, bool colours)
{
	return colours && colour != CLI_PLAIN ? "\033[0m" : "";
}

enum cli_colour
cli_colour_of(const char *word)
{
	static const struct {
		const char *word;
		enum cli_colour colour;
	} colours[] = {{"alive", CLI_GREEN}, {"join", CLI_GREEN}, {"suspect", CLI_YELLOW},
	        {"leaving", CLI_YELLOW}, {"conflict", CLI_YELLOW}, {"overflow", CLI_YELLOW},
	        {"dead", CLI_RED}, {"failed", CLI_RED}, {"left", CLI_GREY}, {"reap", CLI_GREY},
	        {"unknown", CLI_GREY}};
	size_t i;

	for (i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		if (strcmp(word, colours[i].word) == 0) {
			return colours[i].colour;
		}
	}
	return CLI_PLAIN;
}
