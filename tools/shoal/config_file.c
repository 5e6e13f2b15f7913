/* SPDX-License-Identifier: MIT */
/* Reads the JSON file into settings. Values are texts, whole numbers, true or false, and lists of
 * texts where an option may be given several times; all become the text that a flag would have. */
#include "config_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
add_value(struct cli_options *options, const char *key, const json_t *value, const char *origin)
{
	char number[24];

	if (json_is_string(value)) {
		cli_options_add(options, CLI_FROM_FILE, key, json_string_value(value), origin);
	} else if (json_is_integer(value)) {
		snprintf(
		        number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		cli_options_add(options, CLI_FROM_FILE, key, number, origin);
	} else if (json_is_boolean(value)) {
		cli_options_add(options, CLI_FROM_FILE, key, json_is_true(value) ? "true" : "false",
		        origin);
	} else {
		return cli_usage(options->command,
		        "%s: must be a text, a whole number, true or false", origin);
	}
	return -1;
}

static int
add_list(struct cli_options *options, const char *path, const char *key, const json_t *list)
{
	const json_t *value;
	size_t i;
	int end;

	json_array_foreach((json_t *)list, i, value)
	{
		char *origin = cli_format("%s: $.%s[%zu]", path, key, i);

		end = json_string_length(value) > 0
		              ? add_value(options, key, value, origin)
		              : cli_usage(options->command, "%s: must be a text that is not empty",
		                        origin);
		free(origin);
		if (end >= 0) {
			return end;
		}
	}
	return -1;
}

/* "meta" may be an object, too: {"key": "value"}. */
static int
add_meta(struct cli_options *options, const char *path, const char *key, const json_t *map)
{
	const char *name;
	json_t *value;
	int end = -1;

	json_object_foreach((json_t *)(uintptr_t)map, name, value)
	{
		char *origin = cli_format("%s: $.%s.%s", path, key, name);
		char *pair = cli_format(
		        "%s=%s", name, json_is_string(value) ? json_string_value(value) : "");

		if (!json_is_string(value)) {
			end = cli_usage(options->command, "%s: must be a text", origin);
		} else if (strchr(name, '=') != NULL) {
			end = cli_usage(options->command, "%s: a key has no '='", origin);
		} else {
			cli_options_add(options, CLI_FROM_FILE, key, pair, origin);
		}
		free(pair);
		free(origin);
		if (end >= 0) {
			break;
		}
	}
	return end;
}

/* Whether an option's value is a number; of those that are no flags all others are texts. */
static bool
is_number(const char *key)
{
	return strcmp(key, "watch_links") == 0;
}

/* Options that a file cannot hold. */
static bool
flag_only(const char *key)
{
	return strcmp(key, "set") == 0 || strcmp(key, "config") == 0 || strcmp(key, "help") == 0;
}

static int
add_member(struct cli_options *options, const char *path, const char *key, const json_t *value)
{
	const struct cli_option *row = cli_option_row(options->command, key);
	char *origin;
	int end;

	if (json_is_array(value) && row != NULL && row->kind == CLI_LIST && !flag_only(key)) {
		return add_list(options, path, key, value);
	}
	if (json_is_object(value) && strcmp(key, "meta") == 0) {
		return add_meta(options, path, key, value);
	}
	origin = cli_format("%s: $.%s", path, key);
	if (strcmp(key, "set") == 0) {
		end = cli_usage(options->command, "%s: write its KEYs beside the others", origin);
	} else if (flag_only(key)) {
		end = cli_usage(options->command, "%s: cannot stand in the file", origin);
	} else if (row != NULL && row->kind == CLI_FLAG && !json_is_boolean(value)) {
		end = cli_usage(options->command, "%s: must be true or false", origin);
	} else if (row != NULL && row->kind != CLI_FLAG && !is_number(key) &&
	           !json_is_string(value)) {
		end = cli_usage(options->command, "%s: must be a text%s", origin,
		        row->kind == CLI_LIST ? " or a list of texts" : "");
	} else {
		end = add_value(options, key, value, origin);
	}
	free(origin);
	return end;
}

int
cli_config_file_read(struct cli_options *options, const char *path)
{
	FILE *file = fopen(path, "re");
	json_error_t error;
	json_t *document, *value;
	const char *key;
	int end = -1;

	if (file == NULL) {
		return cli_usage(options->command, "cannot read %s: %s", path, strerror(errno));
	}
	document = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	fclose(file);
	if (document == NULL) {
		return cli_usage(options->command, "%s, line %d, column %d: %s", path, error.line,
		        error.column, error.text);
	}
	if (!json_is_object(document)) {
		end = cli_usage(options->command, "%s: $: must be an object", path);
	}
	json_object_foreach(document, key, value)
	{
		end = add_member(options, path, key, value);
		if (end >= 0) {
			break;
		}
	}
	json_decref(document);
	return end;
}
