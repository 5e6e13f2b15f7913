/* SPDX-License-Identifier: MIT */
/* The inside of a report, for the files that print it. */
#ifndef SHOAL_CLI_SIM_MODEL_H
#define SHOAL_CLI_SIM_MODEL_H

#include "report.h"

struct sim_text_cell {
	char *text;
	double number; /* NAN: a text */
	bool is_number;
};

struct sim_table {
	char *title;
	char **columns;
	size_t width;
	struct sim_text_cell *cells;
	size_t count, capacity;
};

static inline size_t
sim_table_rows(const struct sim_table *table)
{
	return table->width == 0 ? 0 : table->count / table->width;
}

struct sim_series {
	char *name;
	double (*points)[2];
	size_t count, capacity;
};

struct sim_chart {
	char *title, *axis[2];
	enum sim_axis kind[2];
	struct sim_series *series;
	size_t count;
};

struct sim_line {
	char *text;
	bool is_fact, holds;
};

struct sim_report {
	struct sim_head head;
	struct sim_line *lines;
	size_t line_count;
	struct sim_table **tables;
	size_t table_count;
	struct sim_chart **charts;
	size_t chart_count;
};

/* html.c, markdown.c */
void sim_html_write(const struct sim_report *report, FILE *out);
void sim_markdown_write(const struct sim_report *report, FILE *out);

#endif
