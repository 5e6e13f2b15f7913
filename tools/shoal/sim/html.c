/* SPDX-License-Identifier: MIT */
/* A report as one page of HTML that needs nothing else: no script, no font, no image from anywhere;
 * charts are SVG (svg.c) in the page. */
#include "svg.h"

static const char style[] =
        ":root{--ink:#1c2430;--soft:#5d6a7a;--line:#d5dbe3;--back:#fff;--card:#f6f8fa;--good:#1a7f37;"
        "--bad:#b42318}\n"
        "@media(prefers-color-scheme:dark){:root{--ink:#e4e9f0;--soft:#9aa7b8;--line:#3a4554;"
        "--back:#12171e;--card:#1a212b;--good:#57c46f;--bad:#ff7b6b}}\n"
        "body{font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--back);"
        "max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
        "h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}\n"
        "p.about{color:var(--soft)}code{background:var(--card);padding:.15rem .4rem;"
        "border-radius:4px;overflow-wrap:anywhere}\n"
        "table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;"
        "overflow-x:auto}th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid "
        "var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}"
        "th:first-child,td:first-child{text-align:left}\n"
        "ul{padding-left:1.2rem}.good::marker{content:'\\2713  ';color:var(--good)}"
        ".bad::marker{content:'\\2717  ';color:var(--bad)}.bad{color:var(--bad)}\n"
        "svg{width:100%;height:auto;background:var(--card);border-radius:6px}"
        "svg text{fill:var(--soft);font-size:12px}svg .name{fill:var(--ink)}"
        "svg .grid{stroke:var(--line)}\n"
        "footer{color:var(--soft);margin-top:2rem;border-top:1px solid var(--line);"
        "padding-top:.5rem}\n";

void
sim_html_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

/* An element with a text. */
static void
element(FILE *out, const char *name, const char *attributes, const char *text)
{
	fprintf(out, "<%s%s>", name, attributes);
	sim_html_text(out, text);
	fprintf(out, "</%s>", name);
}

static void
write_table(FILE *out, const struct sim_table *table)
{
	element(out, "h2", "", table->title);
	fputs("\n<table><thead><tr>", out);
	for (size_t i = 0; i < table->width; i++) {
		element(out, "th", "", table->columns[i]);
	}
	fputs("</tr></thead><tbody>\n", out);
	for (size_t row = 0; row < sim_table_rows(table); row++) {
		fputs("<tr>", out);
		for (size_t i = 0; i < table->width; i++) {
			element(out, "td", "", table->cells[row * table->width + i].text);
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
}

void
sim_html_write(const struct sim_report *report, FILE *out)
{
	const struct sim_head *head = &report->head;

	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width\"><title>shoal sim ",
	        out);
	sim_html_text(out, head->scenario);
	fprintf(out, "</title><style>\n%s</style></head><body>\n", style);
	element(out, "h1", "", head->summary);
	element(out, "p", " class=\"about\"", head->about);
	fputs("\n<p>", out);
	element(out, "code", "", head->command);
	fputs("</p>\n<ul>\n", out);
	for (size_t i = 0; i < report->line_count; i++) {
		const struct sim_line *line = &report->lines[i];

		element(out, "li",
		        !line->is_fact ? ""
		        : line->holds  ? " class=\"good\""
		                       : " class=\"bad\"",
		        line->text);
		fputc('\n', out);
	}
	fputs("</ul>\n", out);
	for (size_t i = 0; i < report->chart_count; i++) {
		element(out, "h2", "", report->charts[i]->title);
		fputc('\n', out);
		sim_svg_write(report->charts[i], out);
	}
	for (size_t i = 0; i < report->table_count; i++) {
		write_table(out, report->tables[i]);
	}
	fprintf(out,
	        "<footer>%llu runs (%llu broke), seeds from %llu, %.0f s of virtual time, %.1f s of "
	        "real time, %llu steps.</footer>\n</body></html>\n",
	        (unsigned long long)head->cases, (unsigned long long)head->failed,
	        (unsigned long long)head->seed, head->virtual_s, head->wall_s,
	        (unsigned long long)head->steps);
}
