/* SPDX-License-Identifier: MIT */
/* What a scenario tells: facts that hold or do not, tables and charts. Printed as text, as JSON or
 * CSV, and written as one self-contained page of HTML with the charts as SVG, or as Markdown. */
#ifndef SHOAL_CLI_SIM_REPORT_H
#define SHOAL_CLI_SIM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sim_report;
struct sim_table;
struct sim_chart;

/* What a run of the command was. */
struct sim_head {
	const char *scenario, *summary, *about;
	char *command; /* that gives the same again */
	uint64_t seed;
	unsigned runs;
	double wall_s, virtual_s;
	uint64_t steps, cases, failed;
};

struct sim_report *sim_report_new(const struct sim_head *head);
void sim_report_free(struct sim_report *report);
/* The costs, known only at the end. */
struct sim_head *sim_report_head(struct sim_report *report);

/* A statement about the outcome; one that does not hold makes the command fail. */
void sim_fact(struct sim_report *report, bool holds, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* A remark: what the figures mean, what differs from what was published. */
void sim_remark(struct sim_report *report, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
bool sim_report_holds(const struct sim_report *report);

/* title and the columns' names are copied. A name carries its unit: "bytes/s". */
struct sim_table *sim_report_table(
        struct sim_report *report, const char *title, const char *const *columns, size_t n);
/* The next cell, row by row; decimals after the point. NAN prints as "-". */
void sim_cell(struct sim_table *table, double value, int decimals);
void sim_cell_text(struct sim_table *table, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

enum sim_axis {
	SIM_LINEAR = 0,
	SIM_LOG = 1
};
struct sim_chart *sim_report_chart(struct sim_report *report, const char *title, const char *x,
        enum sim_axis x_axis, const char *y, enum sim_axis y_axis);
/* Begins a curve; the points that follow are its own. */
void sim_curve(struct sim_chart *chart, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* NAN, and what a logarithmic axis cannot show, is left out. */
void sim_point(struct sim_chart *chart, double x, double y);

void sim_report_print(const struct sim_report *report);
/* All of it as one object; where only the tables are wanted, as CSV, a blank line between. */
void sim_report_print_json(const struct sim_report *report);
void sim_report_print_csv(const struct sim_report *report);
/* Whether a file of that name can be written: by its ending, .html or .md. */
bool sim_report_may_be(const char *path);
/* CLI_FAILED with a complaint. */
int sim_report_write(const struct sim_report *report, const char *path);

#endif
