/* SPDX-License-Identifier: MIT */
/* Parts of an agent's documents as texts, for output. Nothing is taken on trust: a part that is not
 * there or is of another type reads as "" or 0. */
#ifndef SHOAL_CLI_JSON_TEXT_H
#define SHOAL_CLI_JSON_TEXT_H

#include "table.h"

#include <jansson.h>
#include <stdint.h>

const char *cli_json_text(const json_t *document, const char *key);
double cli_json_number(const json_t *document, const char *key);
uint64_t cli_json_count(const json_t *document, const char *key);

/* Adds any value as a cell: a text without its quotes, "" for null, the rest as JSON. */
void cli_json_cell(struct cli_table *table, const json_t *value);

#endif
