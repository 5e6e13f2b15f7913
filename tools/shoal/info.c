/* SPDX-License-Identifier: MIT */
/* `shoal info`: the local agent itself. The table leaves out the counters, of which there are many;
 * JSON has everything, CSV one row of what stands at the top level and the counts of members. */
#include "client.h"
#include "json_text.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const csv_headers[] = {"id", "name", "address", "state", "health",
        "convergence_lag_ms", "uptime_ms", "version", "protocol", "label", "encrypted", "codec",
        "incarnation", "app_version", "pid", "members_unknown", "members_alive", "members_suspect",
        "members_dead", "members_leaving", "members_left"};

#define CSV_COLUMNS (sizeof(csv_headers) / sizeof(csv_headers[0]))
#define CSV_COUNTS  6 /* of the columns, the last */
#define COUNT_NAME  (sizeof("members_") - 1)

static void
add_line(struct cli_table *table, const char *key, const char *value)
{
	cli_table_add(table, key, CLI_GREY);
	cli_table_add(table, value, CLI_PLAIN);
}

/* "4 alive, 1 dead" */
static char *
counts_of(const json_t *members)
{
	char *text = cli_copy(""), *longer;
	const char *state;
	json_t *count;

	json_object_foreach((json_t *)members, state, count)
	{
		if (json_integer_value(count) == 0) {
			continue;
		}
		longer = cli_format("%s%s%" JSON_INTEGER_FORMAT " %s", text,
		        text[0] == '\0' ? "" : ", ", json_integer_value(count), state);
		free(text);
		text = longer;
	}
	return text;
}

/* While the cluster gets keys or a label. */
static void
add_migration(struct cli_table *table, const json_t *migration)
{
	char line[120], left[CLI_DURATION_TEXT];
	uint64_t clear, unlabelled, ms;

	if (!json_is_object(migration)) {
		return;
	}
	clear = cli_json_count(migration, "accept_clear");
	unlabelled = cli_json_count(migration, "accept_unlabelled");
	ms = cli_json_count(migration, "left_ms");
	snprintf(line, sizeof(line), "%s%s%s%s%s", clear != 0 ? "not sealed" : "",
	        clear != 0 && unlabelled != 0 ? ", " : "", unlabelled != 0 ? "no label" : "",
	        ms != 0 ? "; ends in " : "", ms != 0 ? cli_text_duration(ms, left) : "");
	add_line(table, "takes besides", line);
}

static void
add_certificate(struct cli_table *table, const json_t *days)
{
	char line[64];

	if (json_is_integer(days)) {
		snprintf(line, sizeof(line),
		        json_integer_value(days) < 0 ? "has ended"
		                                     : "ends in %" JSON_INTEGER_FORMAT " days",
		        json_integer_value(days));
		add_line(table, "certificate", line);
	}
}

/* An agent that is alone has nobody who could tell it. */
static void
add_reach(struct cli_table *table, const json_t *reach)
{
	char line[80];
	const char *state = json_is_null(json_object_get(reach, "state"))
	                            ? "no other member tells"
	                            : cli_json_text(reach, "state");
	unsigned long long peers = (unsigned long long)cli_json_count(reach, "peers");

	if (peers == 0) {
		snprintf(line, sizeof(line), "%s", state);
	} else {
		snprintf(line, sizeof(line), "%s (said by %llu %s, see the log)", state, peers,
		        peers == 1 ? "peer" : "peers");
	}
	add_line(table, "reach", line);
}

/* "10.0.0.7:7946, http://10.0.0.7:8001/web-1" */
static char *
places_of(const json_t *places, size_t from)
{
	char *text = cli_copy(""), *longer;
	size_t i;

	for (i = from; i < json_array_size(places); i++) {
		longer = cli_format("%s%s%s", text, text[0] == '\0' ? "" : ", ",
		        cli_json_text(json_array_get(places, i), "address"));
		free(text);
		text = longer;
	}
	return text;
}

/* All addresses behind the first one, and what is bound where that is something else. */
static void
add_places(struct cli_table *table, const json_t *told, const json_t *bound)
{
	char *others = places_of(told, 1), *listens = places_of(bound, 0);

	if (others[0] != '\0') {
		add_line(table, "and", others);
	}
	if (listens[0] != '\0' && !json_equal(told, bound)) {
		add_line(table, "listens on", listens);
	}
	free(others);
	free(listens);
}

static void
print_table(const json_t *info)
{
	static const char *const headers[] = {"", ""};
	struct cli_table *table = cli_table_new(headers, 2);
	char text[CLI_DURATION_TEXT], *counts = counts_of(json_object_get(info, "members"));

	add_line(table, "name", cli_json_text(info, "name"));
	add_line(table, "id", cli_json_text(info, "id"));
	add_line(table, "address", cli_json_text(info, "address"));
	add_places(table, json_object_get(info, "addresses"), json_object_get(info, "bound"));
	add_line(table, "state", cli_json_text(info, "state"));
	snprintf(text, sizeof(text), "%llu (0 is good)",
	        (unsigned long long)cli_json_count(info, "health"));
	add_line(table, "health", text);
	add_line(table, "members", counts);
	add_line(table, "differs for",
	        cli_json_count(info, "convergence_lag_ms") == 0
	                ? "-"
	                : cli_text_duration(cli_json_count(info, "convergence_lag_ms"), text));
	add_reach(table, json_object_get(info, "reach"));
	add_line(table, "uptime", cli_text_duration(cli_json_count(info, "uptime_ms"), text));
	add_line(table, "incarnation", cli_json_text(info, "incarnation"));
	add_line(table, "label",
	        json_is_string(json_object_get(info, "label")) ? cli_json_text(info, "label")
	                                                       : "-");
	add_line(table, "encrypted",
	        json_is_true(json_object_get(info, "encrypted")) ? "yes" : "no");
	add_migration(table, json_object_get(info, "migration"));
	add_certificate(table, json_object_get(info, "certificate_days"));
	add_line(table, "codec", cli_json_text(info, "codec"));
	add_line(table, "version", cli_json_text(info, "version"));
	cli_table_print(table, cli_colours(), NULL);
	cli_table_free(table);
	free(counts);
}

static void
print_csv(const json_t *info)
{
	struct cli_table *table = cli_table_new(csv_headers, CSV_COLUMNS);
	const json_t *counts = json_object_get(info, "members");
	size_t i;

	for (i = 0; i < CSV_COLUMNS - CSV_COUNTS; i++) {
		cli_json_cell(table, json_object_get(info, csv_headers[i]));
	}
	for (; i < CSV_COLUMNS; i++) {
		cli_json_cell(table, json_object_get(counts, csv_headers[i] + COUNT_NAME));
	}
	cli_table_print_csv(table);
	cli_table_free(table);
}

static int
run(struct cli_options *options)
{
	struct cli_client *client;
	enum cli_form form;
	json_t *info;
	int end = cli_option_form(options, &form);

	if (end >= 0) {
		return end;
	}
	end = cli_client_new(&client, options, false);
	if (end != CLI_DONE) {
		return end;
	}
	end = cli_client_get(client, "/v1/info", &info);
	cli_client_free(client);
	if (end != CLI_DONE) {
		return end;
	}
	if (form == CLI_TABLE) {
		print_table(info);
	} else if (form == CLI_CSV) {
		print_csv(info);
	} else {
		json_dumpf(info, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(info);
	return cli_flush();
}

static const struct cli_option info_options[] = {
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_info_command = {
        .name = "info",
        .operands = "",
        .summary = "Show the agent itself: address, health, counts",
        .about =
                "Shows the local agent: its name, id and addresses, how healthy it finds itself, and "
                "how many members it sees in which state. The JSON form has all counters too.",
        .options = info_options,
        .run = run,
};
