/* SPDX-License-Identifier: MIT */
/* `shoal why`: what happened to a member, as the local agent saw it. The agent finds the member. */
#include "client.h"
#include "json_text.h"
#include "table.h"
#include "text.h"

#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const headers[] = {"TIME", "EVENT", "FROM", "TO", "RTT", "LAG", "WHY"};
static const char *const csv_headers[] = {"time", "event", "id", "name", "was", "state",
        "incarnation", "rtt_ms", "lag_ms", "cause", "accusers", "detail"};

#define COLUMNS     (sizeof(headers) / sizeof(headers[0]))
#define CSV_COLUMNS (sizeof(csv_headers) / sizeof(csv_headers[0]))
#define CSV_CAUSE   3 /* of the columns, the last */

static void
add_ms(struct cli_table *table, const json_t *transition, const char *key)
{
	double ms = cli_json_number(transition, key);
	char text[32];

	snprintf(text, sizeof(text), "%.2fms", ms);
	cli_table_add(table, ms > 0 ? text : "-", CLI_PLAIN);
}

static void
add_row(struct cli_table *table, const json_t *transition)
{
	const char *event = cli_json_text(transition, "event");
	const char *was = cli_json_text(transition, "was");
	const char *state = cli_json_text(transition, "state");

	cli_table_add(table, cli_json_text(transition, "time"), CLI_GREY);
	cli_table_add(table, event, cli_colour_of(event));
	cli_table_add(table, was, cli_colour_of(was));
	cli_table_add(table, state, cli_colour_of(state));
	add_ms(table, transition, "rtt_ms");
	add_ms(table, transition, "lag_ms");
	cli_table_add(
	        table, cli_json_text(json_object_get(transition, "cause"), "detail"), CLI_PLAIN);
}

static void
print_table(const json_t *document)
{
	const json_t *transitions = json_object_get(document, "transitions");
	char *line = cli_text_safe(cli_json_text(document, "why"));
	struct cli_table *table;
	size_t i;

	puts(line);
	free(line);
	if (json_array_size(transitions) == 0) {
		return;
	}
	putchar('\n');
	table = cli_table_new(headers, COLUMNS);
	for (i = 0; i < json_array_size(transitions); i++) {
		add_row(table, json_array_get(transitions, i));
	}
	cli_table_print(table, cli_colours(), NULL);
	cli_table_free(table);
}

static void
print_csv(const json_t *document)
{
	const json_t *transitions = json_object_get(document, "transitions");
	struct cli_table *table = cli_table_new(csv_headers, CSV_COLUMNS);
	size_t i, column;

	for (i = 0; i < json_array_size(transitions); i++) {
		const json_t *transition = json_array_get(transitions, i);
		const json_t *cause = json_object_get(transition, "cause");

		for (column = 0; column < CSV_COLUMNS - CSV_CAUSE; column++) {
			cli_json_cell(table, json_object_get(transition, csv_headers[column]));
		}
		cli_json_cell(table, json_object_get(cause, "kind"));
		cli_json_cell(table, json_object_get(cause, "accusers"));
		cli_json_cell(table, json_object_get(cause, "detail"));
	}
	cli_table_print_csv(table);
	cli_table_free(table);
}

static int
ask(const struct cli_options *options, const char *word, json_t **document)
{
	char *encoded = evhttp_encode_uri(word), *target;
	struct cli_client *client;
	int end;

	if (encoded == NULL) {
		return cli_error("out of memory");
	}
	target = cli_format("/v1/why?member=%s", encoded);
	free(encoded);
	end = cli_client_new(&client, options, false);
	if (end == CLI_DONE) {
		end = cli_client_get(client, target, document);
		cli_client_free(client);
	}
	free(target);
	return end;
}

static int
run(struct cli_options *options)
{
	enum cli_form form;
	json_t *document = NULL;
	int end = cli_option_form(options, &form);

	if (end < 0) {
		end = ask(options, options->operands[0], &document);
	}
	if (end != CLI_DONE) {
		return end;
	}
	if (form == CLI_TABLE) {
		print_table(document);
	} else if (form == CLI_CSV) {
		print_csv(document);
	} else {
		json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		putchar('\n');
	}
	json_decref(document);
	return cli_flush();
}

static const struct cli_option why_options[] = {
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_why_command = {
        .name = "why",
        .operands = "MEMBER",
        .summary = "Tell why a member is in its state: who said so, and when",
        .about =
                "Shows the last transitions of a member as the local agent saw them, with the cause "
                "of each, who accused it, the round trip time to it and how late the agent's own "
                "loop was at that moment. MEMBER is a name, an id, or how an id begins; also one "
                "that is forgotten, while the agent has its history (history_max transitions in "
                "all, 16 of a member).",
        .options = why_options,
        .operands_min = 1,
        .operands_max = 1,
        .run = run,
};
