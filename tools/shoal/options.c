/* SPDX-License-Identifier: MIT */
/* Options from the command line and from SHOAL_* variables, by the table of the subcommand.
 *
 * getopt_long reads the words; this file says what was wrong with them, keeps every value with its
 * source, and answers which one counts. Settings are few (tens), so look-ups walk the array. */
#include "options.h"

#include "text.h"

#include <ctype.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 48
#define KEY_MAX     64
#define FIRST_VALUE 256 /* getopt_long returns this plus the row's number */
#define LONGEST_MS  600000

static void
key_of(const char *name, char key[KEY_MAX])
{
	size_t i;

	for (i = 0; name[i] != '\0' && i + 1 < KEY_MAX; i++) {
		key[i] = (char)(name[i] == '-' ? '_' : name[i]);
	}
	key[i] = '\0';
}

const struct cli_option *
cli_option_row(const struct cli_command *command, const char *key)
{
	const struct cli_option *row;
	char name[KEY_MAX];

	for (row = command->options; row->name != NULL; row++) {
		key_of(row->name, name);
		if (strcmp(name, key) == 0) {
			return row;
		}
	}
	return NULL;
}

void
cli_options_add(struct cli_options *options, enum cli_source source, const char *key,
        const char *value, const char *origin)
{
	struct cli_setting *setting;

	if (options->count == options->capacity) {
		options->capacity = options->capacity == 0 ? 16 : options->capacity * 2;
		options->settings =
		        cli_grow(options->settings, options->capacity, sizeof(*options->settings));
	}
	setting = &options->settings[options->count++];
	setting->source = source;
	setting->key = cli_copy(key);
	setting->value = cli_copy(value);
	setting->origin = cli_copy(origin);
}

/* SHOAL_JOIN=a,b is a list of two. */
static void
add_list(struct cli_options *options, const char *key, const char *value, const char *origin)
{
	char *copy = cli_copy(value), *rest = copy, *item;

	while ((item = strsep(&rest, ",")) != NULL) {
		if (item[0] != '\0') {
			cli_options_add(options, CLI_FROM_VARIABLE, key, item, origin);
		}
	}
	free(copy);
}

static int
read_variable(struct cli_options *options, const struct cli_option *row)
{
	char key[KEY_MAX], variable[KEY_MAX + 8];
	const char *value;
	size_t i;

	key_of(row->name, key);
	snprintf(variable, sizeof(variable), "SHOAL_%s", key);
	for (i = 0; variable[i] != '\0'; i++) {
		variable[i] = (char)toupper((unsigned char)variable[i]);
	}
	value = getenv(variable);
	/* SHOAL_KEY holds an agent's keys themselves: no file of that name is looked for, nor
	 * shown. */
	if (value == NULL || value[0] == '\0' || strcmp(key, "key") == 0) {
		return -1;
	}
	if (strcmp(key, "set") == 0) {
		return cli_usage(options->command,
		        "%s: give each KEY its own variable, as SHOAL_PROBE_INTERVAL_MS=500",
		        variable);
	}
	if (row->kind == CLI_FLAG && cli_text_bool(value) < 0) {
		return cli_usage(options->command, "%s=%s: say true or false", variable, value);
	}
	if (row->kind == CLI_LIST) {
		add_list(options, key, value, variable);
	} else {
		cli_options_add(options, CLI_FROM_VARIABLE, key, value, variable);
	}
	return -1;
}

/* "--set KEY=VALUE" is the value of KEY. */
static int
add_pair(struct cli_options *options, const char *pair)
{
	const char *equals = strchr(pair, '=');
	char key[KEY_MAX], *origin;

	if (equals == NULL || equals == pair || (size_t)(equals - pair) >= sizeof(key)) {
		return cli_usage(options->command, "--set %s: write --set KEY=VALUE", pair);
	}
	memcpy(key, pair, (size_t)(equals - pair));
	key[equals - pair] = '\0';
	origin = cli_format("--set %s", key);
	cli_options_add(options, CLI_FROM_FLAG, key, equals + 1, origin);
	free(origin);
	return -1;
}

static int
add_flag(struct cli_options *options, const struct cli_option *row, const char *value)
{
	char key[KEY_MAX], origin[KEY_MAX + 2];

	if (strcmp(row->name, "set") == 0) {
		return add_pair(options, value);
	}
	key_of(row->name, key);
	snprintf(origin, sizeof(origin), "--%s", row->name);
	cli_options_add(
	        options, CLI_FROM_FLAG, key, row->kind == CLI_FLAG ? "true" : value, origin);
	return -1;
}

static int
misread(const struct cli_command *command, int what, char **argv)
{
	const char *word = argv[optind - 1];

	if (what == ':') {
		return cli_usage(command, "option '%s' needs a value", word);
	}
	if (optopt >= FIRST_VALUE) {
		return cli_usage(command, "option '--%s' takes no value",
		        command->options[optopt - FIRST_VALUE].name);
	}
	if (optopt != 0) {
		return cli_usage(command, "unknown option '-%c'", optopt);
	}
	return cli_usage(command, "unknown option '%s'", word);
}

static void
long_options(const struct cli_command *command, struct option table[OPTIONS_MAX + 1])
{
	size_t n;

	memset(table, 0, (OPTIONS_MAX + 1) * sizeof(*table));
	for (n = 0; n < OPTIONS_MAX && command->options[n].name != NULL; n++) {
		table[n].name = command->options[n].name;
		table[n].has_arg =
		        command->options[n].kind == CLI_FLAG ? no_argument : required_argument;
		table[n].val = FIRST_VALUE + (int)n;
	}
}

static int
read_flags(struct cli_options *options, int argc, char **argv)
{
	const struct cli_command *command = options->command;
	struct option table[OPTIONS_MAX + 1];
	int what, end;

	long_options(command, table);
	opterr = 0;
	optind = 1;
	while ((what = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		if (what == ':' || what == '?') {
			return misread(command, what, argv);
		}
		if (what == 'h' || strcmp(command->options[what - FIRST_VALUE].name, "help") == 0) {
			cli_help(command);
			return cli_flush();
		}
		end = add_flag(options, &command->options[what - FIRST_VALUE], optarg);
		if (end >= 0) {
			return end;
		}
	}
	return -1;
}

int
cli_options_parse(
        struct cli_options *options, const struct cli_command *command, int argc, char **argv)
{
	const struct cli_option *row;
	int end;

	memset(options, 0, sizeof(*options));
	options->command = command;
	end = read_flags(options, argc, argv);
	if (end >= 0) {
		return end;
	}
	for (row = command->options; row->name != NULL; row++) {
		if (strcmp(row->name, "help") == 0) {
			continue;
		}
		end = read_variable(options, row);
		if (end >= 0) {
			return end;
		}
	}
	options->operands = argv + optind;
	options->operand_count = argc - optind;
	if (options->operand_count > command->operands_max) {
		return cli_usage(
		        command, "what is '%s' for?", options->operands[command->operands_max]);
	}
	if (options->operand_count < command->operands_min) {
		return cli_usage(
		        command, "say which: shoal %s %s", command->name, command->operands);
	}
	return -1;
}

void
cli_options_copy(struct cli_options *copy, const struct cli_options *options)
{
	size_t i;

	memset(copy, 0, sizeof(*copy));
	copy->command = options->command;
	for (i = 0; i < options->count; i++) {
		const struct cli_setting *from = &options->settings[i];

		if (from->source != CLI_FROM_FILE) {
			cli_options_add(copy, from->source, from->key, from->value, from->origin);
		}
	}
}

void
cli_options_free(struct cli_options *options)
{
	size_t i;

	for (i = 0; i < options->count; i++) {
		free(options->settings[i].key);
		free(options->settings[i].value);
		free(options->settings[i].origin);
	}
	free(options->settings);
	memset(options, 0, sizeof(*options));
}

static enum cli_source
strongest(const struct cli_options *options, const char *key)
{
	enum cli_source source = CLI_FROM_FILE;
	size_t i;

	for (i = 0; i < options->count; i++) {
		if (strcmp(options->settings[i].key, key) == 0 &&
		        options->settings[i].source > source) {
			source = options->settings[i].source;
		}
	}
	return source;
}

const struct cli_setting *
cli_option_at(const struct cli_options *options, const char *key, size_t i)
{
	enum cli_source source = strongest(options, key);
	const struct cli_setting *setting;

	for (setting = options->settings; setting < options->settings + options->count; setting++) {
		if (setting->source == source && strcmp(setting->key, key) == 0 && i-- == 0) {
			return setting;
		}
	}
	return NULL;
}

const struct cli_setting *
cli_option_setting(const struct cli_options *options, const char *key)
{
	const struct cli_setting *setting, *last = NULL;
	size_t i;

	for (i = 0; (setting = cli_option_at(options, key, i)) != NULL; i++) {
		last = setting;
	}
	return last;
}

const char *
cli_option(const struct cli_options *options, const char *key)
{
	const struct cli_setting *setting = cli_option_setting(options, key);

	return setting == NULL ? NULL : setting->value;
}

bool
cli_option_flag(const struct cli_options *options, const char *key)
{
	const char *value = cli_option(options, key);

	return value != NULL && cli_text_bool(value) == 1;
}

int
cli_option_form(const struct cli_options *options, enum cli_form *form)
{
	const char *word = cli_option(options, "format");

	if (word == NULL || strcmp(word, "table") == 0 || strcmp(word, "text") == 0) {
		*form = CLI_TABLE;
	} else if (strcmp(word, "json") == 0) {
		*form = CLI_JSON;
	} else if (strcmp(word, "csv") == 0) {
		*form = CLI_CSV;
	} else {
		return cli_usage(options->command, "no format '%s': say table, json or csv", word);
	}
	return -1;
}

int
cli_option_ms(
        const struct cli_options *options, const char *key, unsigned fallback_ms, unsigned *ms)
{
	const struct cli_setting *setting = cli_option_setting(options, key);
	uint64_t value = fallback_ms;

	if (setting != NULL && (cli_text_parse_duration(setting->value, &value) < 0 || value == 0 ||
	                               value > LONGEST_MS)) {
		return cli_usage(options->command,
		        "%s %s: say a duration from 1ms to 10m, as 500ms or 2s", setting->origin,
		        setting->value);
	}
	*ms = (unsigned)value;
	return -1;
}
