/* SPDX-License-Identifier: MIT */
/* The report: collected here, printed for people, and handed to the writers of files. */
#include "model.h"

#include "../cli.h"
#include "../table.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static char *
format_text(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0) {
		abort();
	}
	return text;
}

struct sim_report *
sim_report_new(const struct sim_head *head)
{
	struct sim_report *report = cli_alloc(1, sizeof(*report));

	report->head = *head;
	report->head.command = cli_copy(head->command);
	return report;
}

struct sim_head *
sim_report_head(struct sim_report *report)
{
	return &report->head;
}

static void
free_table(struct sim_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		free(table->cells[i].text);
	}
	for (size_t i = 0; i < table->width; i++) {
		free(table->columns[i]);
	}
	free(table->columns);
	free(table->cells);
	free(table->title);
	free(table);
}

static void
free_chart(struct sim_chart *chart)
{
	for (size_t i = 0; i < chart->count; i++) {
		free(chart->series[i].name);
		free(chart->series[i].points);
	}
	free(chart->series);
	free(chart->title);
	free(chart->axis[0]);
	free(chart->axis[1]);
	free(chart);
}

void
sim_report_free(struct sim_report *report)
{
	for (size_t i = 0; i < report->line_count; i++) {
		free(report->lines[i].text);
	}
	for (size_t i = 0; i < report->table_count; i++) {
		free_table(report->tables[i]);
	}
	for (size_t i = 0; i < report->chart_count; i++) {
		free_chart(report->charts[i]);
	}
	free(report->lines);
	free(report->tables);
	free(report->charts);
	free(report->head.command);
	free(report);
}

static void
add_line(struct sim_report *report, char *text, bool is_fact, bool holds)
{
	report->lines = cli_grow(report->lines, report->line_count + 1, sizeof(*report->lines));
	report->lines[report->line_count++] = (struct sim_line){text, is_fact, holds};
}

void
sim_fact(struct sim_report *report, bool holds, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_line(report, format_text(format, args), true, holds);
	va_end(args);
}

void
sim_remark(struct sim_report *report, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_line(report, format_text(format, args), false, true);
	va_end(args);
}

bool
sim_report_holds(const struct sim_report *report)
{
	for (size_t i = 0; i < report->line_count; i++) {
		if (!report->lines[i].holds) {
			return false;
		}
	}
	return report->head.failed == 0;
}

struct sim_table *
sim_report_table(struct sim_report *report, const char *title, const char *const *columns, size_t n)
{
	struct sim_table *table = cli_alloc(1, sizeof(*table));

	table->title = cli_copy(title);
	table->columns = cli_alloc(n, sizeof(*table->columns));
	table->width = n;
	for (size_t i = 0; i < n; i++) {
		table->columns[i] = cli_copy(columns[i]);
	}
	report->tables =
	        cli_grow(report->tables, report->table_count + 1, sizeof(struct sim_table *));
	report->tables[report->table_count++] = table;
	return table;
}

static void
add_cell(struct sim_table *table, char *text, double number, bool is_number)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
		table->cells = cli_grow(table->cells, table->capacity, sizeof(*table->cells));
	}
	table->cells[table->count++] = (struct sim_text_cell){text, number, is_number};
}

void
sim_cell(struct sim_table *table, double value, int decimals)
{
	char *text = isnan(value) ? cli_copy("-") : cli_format("%.*f", decimals, value);

	add_cell(table, text, value, true);
}

void
sim_cell_text(struct sim_table *table, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_cell(table, format_text(format, args), NAN, false);
	va_end(args);
}

struct sim_chart *
sim_report_chart(struct sim_report *report, const char *title, const char *x, enum sim_axis x_axis,
        const char *y, enum sim_axis y_axis)
{
	struct sim_chart *chart = cli_alloc(1, sizeof(*chart));

	chart->title = cli_copy(title);
	chart->axis[0] = cli_copy(x);
	chart->axis[1] = cli_copy(y);
	chart->kind[0] = x_axis;
	chart->kind[1] = y_axis;
	report->charts =
	        cli_grow(report->charts, report->chart_count + 1, sizeof(struct sim_chart *));
	report->charts[report->chart_count++] = chart;
	return chart;
}

void
sim_curve(struct sim_chart *chart, const char *format, ...)
{
	va_list args;

	chart->series = cli_grow(chart->series, chart->count + 1, sizeof(*chart->series));
	va_start(args, format);
	chart->series[chart->count++] = (struct sim_series){.name = format_text(format, args)};
	va_end(args);
}

void
sim_point(struct sim_chart *chart, double x, double y)
{
	struct sim_series *series = &chart->series[chart->count - 1];

	if (isnan(x) || isnan(y) || (chart->kind[0] == SIM_LOG && x <= 0) ||
	        (chart->kind[1] == SIM_LOG && y <= 0)) {
		return;
	}
	if (series->count == series->capacity) {
		series->capacity = series->capacity == 0 ? 16 : series->capacity * 2;
		series->points =
		        cli_grow(series->points, series->capacity, sizeof(*series->points));
	}
	series->points[series->count][0] = x;
	series->points[series->count++][1] = y;
}

static struct cli_table *
lay_out(const struct sim_table *table)
{
	struct cli_table *made = cli_table_new((const char *const *)table->columns, table->width);

	for (size_t i = 0; i < table->count; i++) {
		cli_table_add(made, table->cells[i].text, CLI_PLAIN);
	}
	return made;
}

void
sim_report_print(const struct sim_report *report)
{
	const struct sim_head *head = &report->head;
	bool colours = cli_colours();

	printf("%s: %s\n\n", head->scenario, head->summary);
	for (size_t i = 0; i < report->table_count; i++) {
		struct cli_table *table = lay_out(report->tables[i]);

		printf("%s\n", report->tables[i]->title);
		cli_table_print(table, colours, NULL);
		putchar('\n');
		cli_table_free(table);
	}
	for (size_t i = 0; i < report->line_count; i++) {
		const struct sim_line *line = &report->lines[i];
		enum cli_colour colour = !line->is_fact ? CLI_PLAIN
		                         : line->holds  ? CLI_GREEN
		                                        : CLI_RED;

		printf("%s%s%s%s\n", cli_colour_on(colour, colours),
		        !line->is_fact ? ""
		        : line->holds  ? "holds: "
		                       : "FAILS: ",
		        cli_colour_off(colour, colours), line->text);
	}
	printf("%s%llu runs", report->line_count > 0 ? "\n" : "", (unsigned long long)head->cases);
	if (head->failed > 0) {
		printf(", %llu of them broke", (unsigned long long)head->failed);
	}
	printf(", %.0f s of virtual time, %.1f s of real time, %llu steps\n%s\n", head->virtual_s,
	        head->wall_s, (unsigned long long)head->steps, head->command);
}

static json_t *
json_number(double value)
{
	return isnan(value) || isinf(value) ? json_null() : json_real(value);
}

static json_t *
json_of_table(const struct sim_table *table)
{
	json_t *columns = json_array(), *rows = json_array();

	for (size_t i = 0; i < table->width; i++) {
		json_array_append_new(columns, json_string(table->columns[i]));
	}
	for (size_t r = 0; r < sim_table_rows(table); r++) {
		json_t *row = json_array();

		for (size_t i = 0; i < table->width; i++) {
			const struct sim_text_cell *cell = &table->cells[r * table->width + i];

			json_array_append_new(row, cell->is_number ? json_number(cell->number)
			                                           : json_string(cell->text));
		}
		json_array_append_new(rows, row);
	}
	return json_pack(
	        "{s:s, s:o, s:o}", "title", table->title, "columns", columns, "rows", rows);
}

static json_t *
json_of_chart(const struct sim_chart *chart)
{
	json_t *curves = json_array();

	for (size_t i = 0; i < chart->count; i++) {
		const struct sim_series *series = &chart->series[i];
		json_t *points = json_array();

		for (size_t p = 0; p < series->count; p++) {
			json_array_append_new(
			        points, json_pack("[o, o]", json_number(series->points[p][0]),
			                        json_number(series->points[p][1])));
		}
		json_array_append_new(
		        curves, json_pack("{s:s, s:o}", "name", series->name, "points", points));
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "title", chart->title, "x", chart->axis[0], "y",
	        chart->axis[1], "curves", curves);
}

void
sim_report_print_json(const struct sim_report *report)
{
	const struct sim_head *head = &report->head;
	json_t *facts = json_array(), *remarks = json_array(), *tables = json_array();
	json_t *charts = json_array(), *whole;

	for (size_t i = 0; i < report->line_count; i++) {
		const struct sim_line *line = &report->lines[i];

		if (line->is_fact) {
			json_array_append_new(facts,
			        json_pack("{s:s, s:b}", "text", line->text, "holds", line->holds));
		} else {
			json_array_append_new(remarks, json_string(line->text));
		}
	}
	for (size_t i = 0; i < report->table_count; i++) {
		json_array_append_new(tables, json_of_table(report->tables[i]));
	}
	for (size_t i = 0; i < report->chart_count; i++) {
		json_array_append_new(charts, json_of_chart(report->charts[i]));
	}
	whole = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:b, s:o, s:o, s:o, s:o}",
	        "scenario", head->scenario, "command", head->command, "seed",
	        (json_int_t)head->seed, "runs", (json_int_t)head->runs, "cases",
	        (json_int_t)head->cases, "failed", (json_int_t)head->failed, "virtual_s",
	        head->virtual_s, "wall_s", head->wall_s, "steps", (json_int_t)head->steps, "holds",
	        sim_report_holds(report), "facts", facts, "remarks", remarks, "tables", tables,
	        "charts", charts);
	if (whole == NULL) {
		abort();
	}
	json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	putchar('\n');
	json_decref(whole);
}

void
sim_report_print_csv(const struct sim_report *report)
{
	for (size_t i = 0; i < report->table_count; i++) {
		struct cli_table *table = lay_out(report->tables[i]);

		if (i > 0) {
			putchar('\n');
		}
		cli_table_print_csv(table);
		cli_table_free(table);
	}
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);
	return len > tail && strcmp(text + len - tail, end) == 0;
}

bool
sim_report_may_be(const char *path)
{
	return ends_with(path, ".md") || ends_with(path, ".html");
}

int
sim_report_write(const struct sim_report *report, const char *path)
{
	bool markdown = ends_with(path, ".md");
	FILE *out = fopen(path, "we");

	if (out == NULL) {
		return cli_error("--report %s: %s", path, strerror(errno));
	}
	if (markdown) {
		sim_markdown_write(report, out);
	} else {
		sim_html_write(report, out);
	}
	bool written = ferror(out) == 0;
	if (fclose(out) != 0 || !written) {
		return cli_error("--report %s: it could not be written: %s", path, strerror(errno));
	}
	return CLI_DONE;
}
