/* SPDX-License-Identifier: MIT */
/* A report as a section of Markdown. */
#include "model.h"

static void
write_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|' || *text == '<') {
			fputc('\\', out);
		}
		fputc(*text, out);
	}
}

static void
write_table(FILE *out, const struct sim_table *table)
{
	fprintf(out, "\n**");
	write_text(out, table->title);
	fprintf(out, "**\n\n|");
	for (size_t i = 0; i < table->width; i++) {
		fputc(' ', out);
		write_text(out, table->columns[i]);
		fprintf(out, " |");
	}
	fprintf(out, "\n|");
	for (size_t i = 0; i < table->width; i++) {
		fprintf(out, i == 0 ? "---|" : "---:|");
	}
	for (size_t row = 0; row < sim_table_rows(table); row++) {
		fprintf(out, "\n|");
		for (size_t i = 0; i < table->width; i++) {
			fputc(' ', out);
			write_text(out, table->cells[row * table->width + i].text);
			fprintf(out, " |");
		}
	}
	fputc('\n', out);
}

void
sim_markdown_write(const struct sim_report *report, FILE *out)
{
	const struct sim_head *head = &report->head;

	fprintf(out, "## %s\n\n%s\n\n    %s\n", head->scenario, head->about, head->command);
	for (size_t i = 0; i < report->table_count; i++) {
		write_table(out, report->tables[i]);
	}
	fputc('\n', out);
	for (size_t i = 0; i < report->line_count; i++) {
		const struct sim_line *line = &report->lines[i];

		fprintf(out, "- %s", !line->is_fact ? "" : line->holds ? "Holds: " : "**Fails**: ");
		write_text(out, line->text);
		fputc('\n', out);
	}
	fprintf(out, "\n%llu runs, %.0f s of virtual time, %.0f s of real time.\n",
	        (unsigned long long)head->cases, head->virtual_s, head->wall_s);
}
