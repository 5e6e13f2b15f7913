/* SPDX-License-Identifier: MIT */
/* Line charts. Curves differ in colour and in the shape of their marks, so that they can be told
 * apart in print and by those who see colours differently. */
#include "svg.h"

#include <math.h>

#define WIDTH   760.0
#define HEIGHT  380.0
#define LEFT    70.0
#define RIGHT   20.0
#define TOP     16.0
#define BOTTOM  52.0
#define LEGEND  20.0 /* a line of it */
#define COLUMNS 3
#define TICKS   6

static const char *const colours[] = {
        "#3b76c4", "#d1762a", "#2a9d6f", "#b04a8f", "#8a6d3b", "#5b5bd6", "#c23b3b", "#4a9fb5"};
#define COLOURS (sizeof(colours) / sizeof(colours[0]))

/* One axis: values to places. */
struct scale {
	double least, most; /* on a logarithmic axis: the logarithms */
	double from, to;    /* on the paper */
	enum sim_axis kind;
};

static double
place(const struct scale *scale, double value)
{
	double at = scale->kind == SIM_LOG ? log10(value) : value;
	double span = scale->most - scale->least;

	return scale->from +
	       (scale->to - scale->from) * (span == 0 ? 0.5 : (at - scale->least) / span);
}

/* 1, 2 or 5 times a power of ten, so that about TICKS of them fill the span. */
static double
step_of(double span)
{
	double raw = span / TICKS, power = pow(10, floor(log10(raw)));
	double times = raw / power;

	return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static struct scale
make_scale(const struct sim_chart *chart, int axis, double from, double to)
{
	struct scale scale = {.least = INFINITY,
	        .most = -INFINITY,
	        .from = from,
	        .to = to,
	        .kind = chart->kind[axis]};

	for (size_t i = 0; i < chart->count; i++) {
		for (size_t p = 0; p < chart->series[i].count; p++) {
			double value = chart->series[i].points[p][axis];

			value = scale.kind == SIM_LOG ? log10(value) : value;
			scale.least = fmin(scale.least, value);
			scale.most = fmax(scale.most, value);
		}
	}
	if (isinf(scale.least)) {
		scale.least = 0;
		scale.most = 1;
	}
	if (scale.kind == SIM_LOG) {
		scale.least = floor(scale.least + 1e-9);
		scale.most = fmax(ceil(scale.most - 1e-9), scale.least + 1);
	} else {
		double step;

		scale.least = fmin(scale.least, 0);
		scale.most = scale.most <= scale.least ? scale.least + 1 : scale.most;
		step = step_of(scale.most - scale.least);
		scale.most = ceil(scale.most / step - 1e-9) * step;
	}
	return scale;
}

static void
write_number(FILE *out, double value)
{
	double size = fabs(value);

	if (size >= 1e6) {
		fprintf(out, "%gM", value / 1e6);
	} else if (size >= 1e4) {
		fprintf(out, "%gk", value / 1e3);
	} else {
		fprintf(out, "%.4g", value);
	}
}

static void
write_tick(FILE *out, const struct scale *scale, bool horizontal, double value)
{
	double at = place(scale, value);

	if (horizontal) {
		fprintf(out,
		        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
		        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
		        at, at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 17);
	} else {
		fprintf(out,
		        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
		        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
		        LEFT, WIDTH - RIGHT, at, at, LEFT - 7, at + 4);
	}
	write_number(out, value);
	fputs("</text>\n", out);
}

static void
write_axis(FILE *out, const struct scale *scale, bool horizontal)
{
	if (scale->kind == SIM_LOG) {
		/* A few decades have room for the twos and fives between them. */
		bool fine = scale->most - scale->least <= 2;

		int last = (int)lround(scale->most);

		for (int power = (int)lround(scale->least); power <= last; power++) {
			write_tick(out, scale, horizontal, pow(10, power));
			if (fine && power < last) {
				write_tick(out, scale, horizontal, 2 * pow(10, power));
				write_tick(out, scale, horizontal, 5 * pow(10, power));
			}
		}
		return;
	}
	double step = step_of(scale->most - scale->least);
	long last = lround(floor(scale->most / step + 1e-6));
	for (long i = lround(ceil(scale->least / step - 1e-6)); i <= last; i++) {
		write_tick(out, scale, horizontal, (double)i * step);
	}
}

static void
write_mark(FILE *out, size_t number, double x, double y)
{
	const char *colour = colours[number % COLOURS];

	switch (number % 4) {
	case 0:
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>", x, y,
		        colour);
		break;
	case 1:
		fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\" fill=\"%s\"/>",
		        x - 3.5, y - 3.5, colour);
		break;
	case 2:
		fprintf(out, "<path d=\"M%.1f %.1fl4.5 8h-9z\" fill=\"%s\"/>", x, y - 5, colour);
		break;
	default:
		fprintf(out, "<path d=\"M%.1f %.1fl5 5l-5 5l-5-5z\" fill=\"%s\"/>", x, y - 5,
		        colour);
	}
}

static void
write_series(FILE *out, const struct sim_series *series, size_t number, const struct scale *x,
        const struct scale *y)
{
	fprintf(out, "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"",
	        colours[number % COLOURS]);
	for (size_t p = 0; p < series->count; p++) {
		fprintf(out, "%.1f,%.1f ", place(x, series->points[p][0]),
		        place(y, series->points[p][1]));
	}
	fputs("\"/>\n", out);
	for (size_t p = 0; p < series->count; p++) {
		write_mark(out, number, place(x, series->points[p][0]),
		        place(y, series->points[p][1]));
	}
	fputc('\n', out);
}

/* Curves without a point are not in it. Returns how many it has; out NULL: only that. */
static size_t
write_legend(FILE *out, const struct sim_chart *chart)
{
	size_t n = 0;

	for (size_t i = 0; i < chart->count; i++) {
		if (chart->series[i].count == 0) {
			continue;
		}
		size_t column = n % COLUMNS, line = n / COLUMNS;
		double x = LEFT + (double)column * (WIDTH - LEFT - RIGHT) / COLUMNS;
		double y = HEIGHT + (double)line * LEGEND + 6;

		n++;
		if (out == NULL) {
			continue;
		}

		write_mark(out, i, x, y);
		fprintf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x + 10, y + 4);
		sim_html_text(out, chart->series[i].name);
		fputs("</text>\n", out);
	}
	return n;
}

void
sim_svg_write(const struct sim_chart *chart, FILE *out)
{
	struct scale x = make_scale(chart, 0, LEFT, WIDTH - RIGHT);
	struct scale y = make_scale(chart, 1, HEIGHT - BOTTOM, TOP);
	size_t lines = (write_legend(NULL, chart) + COLUMNS - 1) / COLUMNS;

	fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", WIDTH,
	        HEIGHT + (double)lines * LEGEND + 4);
	sim_html_text(out, chart->title);
	fputs("\">\n", out);
	write_axis(out, &x, true);
	write_axis(out, &y, false);
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
	        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14);
	sim_html_text(out, chart->axis[0]);
	fprintf(out,
	        "</text>\n<text transform=\"translate(14 %.1f) rotate(-90)\" text-anchor=\"middle\">",
	        (TOP + HEIGHT - BOTTOM) / 2);
	sim_html_text(out, chart->axis[1]);
	fputs("</text>\n", out);
	for (size_t i = 0; i < chart->count; i++) {
		if (chart->series[i].count == 0) {
			continue;
		}
		write_series(out, &chart->series[i], i, &x, &y);
	}
	(void)write_legend(out, chart);
	fputs("</svg>\n", out);
}
