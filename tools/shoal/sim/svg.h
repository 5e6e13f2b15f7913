/* SPDX-License-Identifier: MIT */
/* Charts as SVG. */
#ifndef SHOAL_CLI_SIM_SVG_H
#define SHOAL_CLI_SIM_SVG_H

#include "model.h"

void sim_svg_write(const struct sim_chart *chart, FILE *out);

/* A text with what means something in HTML made harmless (html.c). */
void sim_html_text(FILE *out, const char *text);

#endif
