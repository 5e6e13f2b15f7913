/* SPDX-License-Identifier: MIT */
/* `shoal monitor`: every member event as it happens, one line each, flushed. A monitor that reads
 * too slowly is told so by the agent: it prints that as an overflow and follows again. */
#include "client.h"
#include "json_text.h"
#include "table.h"
#include "text.h"

#include <shoal/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PRINTABLE_MAX 512

static const char *const csv_headers[] = {
        "time", "event", "id", "name", "address", "state", "was", "cause", "accusers", "detail"};

#define CSV_COLUMNS (sizeof(csv_headers) / sizeof(csv_headers[0]))

/* The agent's time as that of this machine's clock on the wall: 15:04:05.123. */
static const char *
clock_of(const char *time, char text[CLI_TIME_TEXT])
{
	struct tm tm = {0};
	const char *rest = strptime(time, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t ms;

	if (rest == NULL || rest[0] != '.') {
		return "-";
	}
	ms = strtoul(rest + 1, NULL, 10) % 1000;
	return cli_text_clock((uint64_t)timegm(&tm) * 1000000000 + ms * 1000000, text);
}

static void
print_list(const char *before, const json_t *list, char sign)
{
	char printable[PRINTABLE_MAX];

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		cli_text_printable(text != NULL ? text : "", printable, sizeof(printable));
		printf("%s", i == 0 ? before : " ");
		if (sign != ' ') {
			putchar(sign);
		}
		printf("%s", printable);
	}
}

/* "metadata tags, +added *changed -removed" */
static void
print_changes(const json_t *event)
{
	const json_t *keys = json_object_get(event, "keys");

	print_list(": ", json_object_get(event, "changed"), ' ');
	print_list(", ", json_object_get(keys, "added"), '+');
	print_list(", ", json_object_get(keys, "changed"), '*');
	print_list(", ", json_object_get(keys, "removed"), '-');
}

/* 15:04:05.123 web-3 failed: suspected by web-1, web-2 and not refuted for 4.1 s */
static void
print_line(const json_t *event)
{
	const char *kind = cli_json_text(event, "event"), *name = cli_json_text(event, "name");
	const char *detail = cli_json_text(json_object_get(event, "cause"), "detail");
	char time[CLI_TIME_TEXT], printable[PRINTABLE_MAX];
	bool colours = cli_colours();

	printf("%s ", clock_of(cli_json_text(event, "time"), time));
	if (name[0] != '\0') {
		cli_text_printable(name, printable, sizeof(printable));
		printf("%s ", printable);
	}
	printf("%s%s%s", cli_colour_on(cli_colour_of(kind), colours), kind,
	        cli_colour_off(cli_colour_of(kind), colours));
	print_changes(event);
	cli_text_printable(detail, printable, sizeof(printable));
	printf("%s%s\n", printable[0] == '\0' ? "" : ": ", printable);
}

static void
print_csv(const json_t *event)
{
	struct cli_table *table = cli_table_new(csv_headers, CSV_COLUMNS);
	const json_t *cause = json_object_get(event, "cause");
	size_t i;

	for (i = 0; i < CSV_COLUMNS - 3; i++) {
		cli_json_cell(table, json_object_get(event, csv_headers[i]));
	}
	const char *data = cli_json_text(event, "data");
	bool log = strcmp(cli_json_text(event, "event"), "log") == 0;
	cli_json_cell(
	        table, log ? json_object_get(event, "level") : json_object_get(cause, "kind"));
	cli_json_cell(table, json_object_get(cause, "accusers"));
	if (strcmp(cli_json_text(event, "event"), "message") == 0) {
		cli_table_add(table, data[0] != '\0' ? data : cli_json_text(event, "data_hex"),
		        CLI_PLAIN);
	} else if (log) {
		cli_json_cell(table, json_object_get(event, "text"));
	} else {
		cli_json_cell(table, json_object_get(cause, "detail"));
	}
	cli_table_print_csv_rows(table);
	cli_table_free(table);
}

/* 15:04:05.123 web-3 message 200: the data */
static void
print_message(const json_t *event)
{
	const char *data = cli_json_text(event, "data"), *hex = cli_json_text(event, "data_hex");
	char time[CLI_TIME_TEXT], printable[PRINTABLE_MAX];

	printf("%s ", clock_of(cli_json_text(event, "time"), time));
	cli_text_printable(cli_json_text(event, "name"), printable, sizeof(printable));
	printf("%s message %llu: ", printable, (unsigned long long)cli_json_count(event, "type"));
	cli_text_printable(data[0] != '\0' ? data : hex, printable, sizeof(printable));
	printf("%s\n", printable);
}

/* 15:04:05.123 info  probe: the text */
static void
print_log(const json_t *event)
{
	char time[CLI_TIME_TEXT], printable[PRINTABLE_MAX];

	cli_text_printable(cli_json_text(event, "text"), printable, sizeof(printable));
	printf("%s %-5s %s: %s\n", clock_of(cli_json_text(event, "time"), time),
	        cli_json_text(event, "level"), cli_json_text(event, "room"), printable);
}

static int
print_event(enum cli_form form, const json_t *event)
{
	if (form == CLI_TABLE && strcmp(cli_json_text(event, "event"), "log") == 0) {
		print_log(event);
		return cli_flush();
	}
	if (form == CLI_TABLE && strcmp(cli_json_text(event, "event"), "message") == 0) {
		print_message(event);
	} else if (form == CLI_TABLE) {
		print_line(event);
	} else if (form == CLI_CSV) {
		print_csv(event);
	} else {
		json_dumpf(event, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
		putchar('\n');
	}
	return cli_flush();
}

/* What the agent says of events that this monitor missed, in the form of all others. */
static json_t *
overflow_of(const char *data)
{
	json_t *lagged = json_loads(data, 0, NULL), *event;
	char time[CLI_TIME_TEXT], detail[80];

	snprintf(detail, sizeof(detail), "%llu events were lost: the monitor read too slowly",
	        (unsigned long long)cli_json_count(lagged, "n"));
	event = json_pack("{s:s, s:s, s:n, s:n, s:n, s:n, s:{s:s, s:[], s:s}}", "time",
	        cli_text_time(cli_text_wall_ns(), time), "event", "overflow", "id", "name",
	        "address", "state", "cause", "kind", "none", "accusers", "detail", detail);
	json_decref(lagged);
	return event;
}

static int
take_event(enum cli_form form, const struct cli_sse_event *event, bool *lagged)
{
	json_t *document;
	int end;

	if (strcmp(event->kind, ":") == 0) {
		return CLI_DONE;
	}
	*lagged = strcmp(event->kind, "lagged") == 0;
	document = *lagged ? overflow_of(event->data) : json_loads(event->data, 0, NULL);
	if (document == NULL) {
		return cli_error("the agent sent an event that is no JSON: %s", event->data);
	}
	end = print_event(form, document);
	json_decref(document);
	return end;
}

static int
follow(struct cli_client *client, enum cli_form form)
{
	struct cli_sse_event event;
	int end = cli_client_follow(client);
	bool lagged = false;

	while (end == CLI_DONE) {
		switch (cli_client_next(client, -1, &event)) {
		case CLI_CLIENT_EVENT:
			end = take_event(form, &event, &lagged);
			break;
		case CLI_CLIENT_TIMEOUT:
			break;
		case CLI_CLIENT_SIGNAL:
			return CLI_DONE;
		case CLI_CLIENT_CLOSED:
			end = cli_client_follow_again(client, &lagged);
			break;
		case CLI_CLIENT_COMPLAINED:
			return CLI_FAILED;
		}
	}
	return end;
}

/* What is shown: member events, unless something else was chosen and they were not. */
static void
choose(struct cli_client *client, const struct cli_options *options, const char *logs)
{
	bool messages = cli_option_flag(options, "messages");
	bool events = cli_option_flag(options, "events") || (!messages && logs == NULL);
	char query[80];

	snprintf(query, sizeof(query), "%s%s%s%s", events ? "?" : "?events=no&",
	        messages ? "messages=also&" : "", logs != NULL ? "logs=" : "",
	        logs != NULL ? logs : "");
	query[strlen(query) - (logs == NULL)] = '\0'; /* what stands between, or before nothing */
	cli_client_choose(client, query);
}

static int
run(struct cli_options *options)
{
	const char *logs = cli_option(options, "logs");
	enum shoal_log_level level;
	struct cli_client *client;
	enum cli_form form;
	int end = cli_option_form(options, &form);

	if (end < 0 && logs != NULL && shoal_log_level_parse(&level, logs) < 0) {
		end = cli_usage(
		        options->command, "--logs %s: say error, warn, info or debug", logs);
	}
	if (end >= 0) {
		return end;
	}
	end = cli_client_new(&client, options, true);
	if (end != CLI_DONE) {
		return end;
	}
	choose(client, options, logs);
	if (form == CLI_CSV) {
		struct cli_table *table = cli_table_new(csv_headers, CSV_COLUMNS);

		cli_table_print_csv_header(table);
		cli_table_free(table);
		end = cli_flush();
	}
	if (end == CLI_DONE) {
		end = follow(client, form);
	}
	cli_client_free(client);
	return end;
}

static const struct cli_option monitor_options[] = {
        {"events", NULL, "Member events; shown also where nothing is chosen.", CLI_FLAG, false},
        {"messages", NULL, "Messages that come to the local agent.", CLI_FLAG, false},
        {"logs", "LEVEL",
                "Log lines of the local agent up to this level: error, warn, info or debug; its own "
                "--log-level does not matter.",
                CLI_VALUE, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_monitor_command = {
        .name = "monitor",
        .operands = "",
        .summary = "Print every member event as it happens",
        .about =
                "Prints every change of a member as it happens, with its cause, one line each: join, "
                "update, suspect, alive, failed, leaving, left, reap, conflict, overflow; with "
                "--messages the messages that come to the local agent, with --logs its log, alone or "
                "beside those. Ctrl-C ends it.",
        .options = monitor_options,
        .run = run,
};
