/* SPDX-License-Identifier: MIT */
/* Parts of documents as texts; see json_text.h. */
#include "json_text.h"

#include "cli.h"

#include <stdlib.h>

const char *
cli_json_text(const json_t *document, const char *key)
{
	const char *text = json_string_value(json_object_get(document, key));

	return text == NULL ? "" : text;
}

double
cli_json_number(const json_t *document, const char *key)
{
	return json_number_value(json_object_get(document, key));
}

uint64_t
cli_json_count(const json_t *document, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(document, key));

	return n < 0 ? 0 : (uint64_t)n;
}

void
cli_json_cell(struct cli_table *table, const json_t *value)
{
	char *text;

	if (value == NULL || json_is_null(value)) {
		cli_table_add(table, "", CLI_PLAIN);
	} else if (json_is_string(value)) {
		cli_table_add(table, json_string_value(value), CLI_PLAIN);
	} else {
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
		cli_table_add(table, text == NULL ? "" : text, CLI_PLAIN);
		free(text);
	}
}
