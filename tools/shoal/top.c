/* SPDX-License-Identifier: MIT */
/* `shoal top`: the agent and the cluster at a glance, drawn again each interval: how well it is,
 * what it does a second, its newest events, and the members with those in trouble first. Rates are
 * the difference of two looks, by the clock of this command. */
#include "client.h"
#include "json_text.h"
#include "members.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INTERVAL_MS 1000
#define EVENTS_KEPT 5
#define LINE_MAX    256
#define HEAD_LINES  3 /* above the rates, with the line that is empty */

static const struct rate {
	const char *title, *key;
	const char *counters[3]; /* their sum; "drop_": all that begin so */
} rates[] = {{"packets in", "packets_in", {"datagrams_in", "streams_in"}},
        {"packets out", "packets_out", {"datagrams_out", "streams_out"}},
        {"bytes in", "bytes_in", {"bytes_in"}}, {"bytes out", "bytes_out", {"bytes_out"}},
        {"probes", "probes", {"probes"}}, {"probes failed", "probes_failed", {"probes_failed"}},
        {"statements in", "statements_in", {"statements_in"}},
        {"table exchanges", "syncs", {"syncs"}}, {"dropped", "dropped", {"drop_"}}};

#define RATES (sizeof(rates) / sizeof(rates[0]))

struct top {
	struct cli_client *client;
	enum cli_form form;
	unsigned interval_ms;
	uint64_t left; /* looks to take; UINT64_MAX: until a signal */
	bool screen;
	uint64_t looked_ms, before[RATES], now[RATES];
	double rate[RATES];
	char event[EVENTS_KEPT][LINE_MAX]; /* the newest last */
	size_t events;
};

static uint64_t
sum_of(const json_t *counters, const struct rate *rate)
{
	uint64_t sum = 0;
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)counters, name, value)
	{
		for (i = 0; i < 3 && rate->counters[i] != NULL; i++) {
			bool all = strcmp(rate->counters[i], "drop_") == 0;
			if (all ? strncmp(name, "drop_", 5) == 0
			        : strcmp(name, rate->counters[i]) == 0) {
				sum += (uint64_t)json_integer_value(value);
			}
		}
	}
	return sum;
}

/* The first look has nothing to compare with: its rates are 0. */
static void
measure(struct top *top, const json_t *info)
{
	const json_t *counters = json_object_get(info, "counters");
	uint64_t now = cli_text_boot_ms(), ms = now - top->looked_ms;
	size_t i;

	for (i = 0; i < RATES; i++) {
		top->now[i] = sum_of(counters, &rates[i]);
		/* Less than before: another agent has the socket now. */
		top->rate[i] = top->looked_ms == 0 || ms == 0 || top->now[i] < top->before[i]
		                       ? 0
		                       : (double)(top->now[i] - top->before[i]) * 1000 / (double)ms;
		top->before[i] = top->now[i];
	}
	top->looked_ms = now;
}

static void
remember(struct top *top, const char *data)
{
	json_t *event = json_loads(data, 0, NULL);
	char name[LINE_MAX / 4], detail[LINE_MAX / 2];
	const char *time = cli_json_text(event, "time");

	cli_text_printable(cli_json_text(event, "name"), name, sizeof(name));
	cli_text_printable(
	        cli_json_text(json_object_get(event, "cause"), "detail"), detail, sizeof(detail));
	if (top->events == EVENTS_KEPT) {
		memmove(top->event[0], top->event[1], (EVENTS_KEPT - 1) * LINE_MAX);
		top->events--;
	}
	snprintf(top->event[top->events++], LINE_MAX, "%.8s %s %s%s%s",
	        strlen(time) > 11 ? time + 11 : "", name, cli_json_text(event, "event"),
	        detail[0] == '\0' ? "" : ": ", detail);
	json_decref(event);
}

/* Until the interval is over. */
static int
pause_and_listen(struct top *top)
{
	uint64_t end = cli_text_boot_ms() + top->interval_ms, now;
	struct cli_sse_event event;
	bool lagged = false;
	int rc = CLI_DONE;

	while (rc == CLI_DONE && (now = cli_text_boot_ms()) < end) {
		switch (cli_client_next(top->client, (int)(end - now), &event)) {
		case CLI_CLIENT_EVENT:
			if (strcmp(event.kind, ":") != 0 && strcmp(event.kind, "lagged") != 0) {
				remember(top, event.data);
			}
			break;
		case CLI_CLIENT_TIMEOUT:
			break;
		case CLI_CLIENT_SIGNAL:
			return CLI_CLIENT_INTERRUPTED;
		case CLI_CLIENT_CLOSED:
			rc = cli_client_follow_again(top->client, &lagged);
			break;
		case CLI_CLIENT_COMPLAINED:
			return CLI_FAILED;
		}
	}
	return rc;
}

/* Trouble first, then the slowest. */
static int
compare(const void *a, const void *b)
{
	const json_t *one = *(const json_t *const *)a, *other = *(const json_t *const *)b;
	bool well = strcmp(cli_json_text(one, "state"), "alive") == 0;
	bool other_well = strcmp(cli_json_text(other, "state"), "alive") == 0;
	double rtt = cli_json_number(one, "rtt_ms"), other_rtt = cli_json_number(other, "rtt_ms");

	if (well != other_well) {
		return well ? 1 : -1;
	}
	return rtt < other_rtt ? 1 : rtt > other_rtt ? -1 : 0;
}

static void
add_member(struct cli_table *table, const json_t *member)
{
	char text[CLI_DURATION_TEXT];

	cli_table_add(table, cli_json_text(member, "name"), CLI_PLAIN);
	cli_table_add_state(
	        table, cli_json_text(member, "state"), cli_json_text(member, "diagnosis"));
	cli_table_add(
	        table, cli_text_duration(cli_json_count(member, "state_age_ms"), text), CLI_PLAIN);
	snprintf(text, sizeof(text), "%.2fms", cli_json_number(member, "rtt_ms"));
	cli_table_add(
	        table, json_is_number(json_object_get(member, "rtt_ms")) ? text : "-", CLI_PLAIN);
	cli_table_add(table, cli_members_place(member), CLI_GREY);
}

static struct cli_table *
table_of_members(const json_t *members)
{
	static const char *const headers[] = {"NAME", "STATE", "AGE", "RTT", "ADDRESS"};
	struct cli_table *table = cli_table_new(headers, 5);
	size_t n = json_array_size(members), i;
	const json_t **sorted = cli_alloc(n + 1, sizeof(*sorted));

	for (i = 0; i < n; i++) {
		sorted[i] = json_array_get(members, i);
	}
	qsort(sorted, n, sizeof(*sorted), compare);
	for (i = 0; i < n; i++) {
		add_member(table, sorted[i]);
	}
	free(sorted);
	return table;
}

static struct cli_table *
table_of_rates(const struct top *top)
{
	static const char *const headers[] = {"", "A SECOND", "TOTAL"};
	struct cli_table *table = cli_table_new(headers, 3);
	char text[32];
	size_t i;

	for (i = 0; i < RATES; i++) {
		cli_table_add(table, rates[i].title, CLI_PLAIN);
		snprintf(text, sizeof(text), "%.1f", top->rate[i]);
		cli_table_add(table, text, CLI_PLAIN);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)top->now[i]);
		cli_table_add(table, text, CLI_GREY);
	}
	return table;
}

/* One line, cut to the screen, that clears what stood there. */
static void
put_line(const struct top *top, size_t columns, char *line)
{
	if (top->screen && columns > 0) {
		cli_text_cut(line, columns);
	}
	printf("%s%s\n", line, top->screen ? CLI_CLEAR_REST : "");
}

static void
put_head(const struct top *top, size_t columns, const json_t *info)
{
	char line[LINE_MAX * 2], name[LINE_MAX / 2], uptime[CLI_DURATION_TEXT];
	const json_t *members = json_object_get(info, "members");
	size_t n = 0;
	const char *state;
	json_t *count;

	cli_text_printable(cli_json_text(info, "name"), name, sizeof(name));
	snprintf(line, sizeof(line), "%s  %s  %s  up %s  health %llu (0 is good)", name,
	        cli_json_text(info, "address"), cli_json_text(info, "state"),
	        cli_text_duration(cli_json_count(info, "uptime_ms"), uptime),
	        (unsigned long long)cli_json_count(info, "health"));
	put_line(top, columns, line);
	n = (size_t)snprintf(line, sizeof(line), "members:");
	json_object_foreach((json_t *)members, state, count)
	{
		if (json_integer_value(count) > 0 && n < sizeof(line)) {
			n += (size_t)snprintf(line + n, sizeof(line) - n,
			        " %" JSON_INTEGER_FORMAT " %s", json_integer_value(count), state);
		}
	}
	put_line(top, columns, line);
	line[0] = '\0';
	put_line(top, columns, line);
}

static void
draw(struct top *top, const json_t *info, const json_t *members)
{
	struct cli_table *rate = table_of_rates(top), *list = table_of_members(members);
	size_t used = HEAD_LINES + RATES + 1 + 1 + top->events + (top->events > 0) + 1, i;
	struct winsize size = {0};
	struct cli_screen rest = {0}, whole = {0};
	char line[LINE_MAX];

	if (top->screen && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) {
		rest.rows = size.ws_row > used + 2 ? size.ws_row - used : 2;
		whole.rows = RATES + 1;
		rest.columns = whole.columns = size.ws_col;
	}
	fputs(top->screen ? CLI_CURSOR_HOME : "", stdout);
	put_head(top, size.ws_col, info);
	cli_table_print(rate, cli_colours(), top->screen ? &whole : NULL);
	line[0] = '\0';
	put_line(top, 0, line);
	for (i = 0; i < top->events; i++) {
		snprintf(line, sizeof(line), "%s", top->event[i]);
		put_line(top, size.ws_col, line);
	}
	if (top->events > 0) {
		line[0] = '\0';
		put_line(top, 0, line);
	}
	cli_table_print(list, cli_colours(), top->screen ? &rest : NULL);
	fputs(top->screen ? CLI_CLEAR_BELOW : "\n", stdout);
	cli_table_free(rate);
	cli_table_free(list);
}

static json_t *
rates_of(const struct top *top)
{
	json_t *document = json_object();
	size_t i;

	for (i = 0; i < RATES; i++) {
		json_object_set_new(document, rates[i].key, json_real(top->rate[i]));
	}
	return document;
}

static void
put_csv(const struct top *top)
{
	char time[CLI_TIME_TEXT];
	size_t i;

	printf("%s", cli_text_time(cli_text_wall_ns(), time));
	for (i = 0; i < RATES; i++) {
		printf(",%.1f", top->rate[i]);
	}
	putchar('\n');
}

static void
put_json(const struct top *top, json_t *info, json_t *members)
{
	char time[CLI_TIME_TEXT];
	json_t *document =
	        json_pack("{s:s, s:o, s:O, s:O}", "time", cli_text_time(cli_text_wall_ns(), time),
	                "per_second", rates_of(top), "info", info, "members", members);

	json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(document);
}

static int
look(struct top *top)
{
	json_t *info = NULL, *members = NULL;
	int end = cli_client_get(top->client, "/v1/info", &info);

	if (end == CLI_DONE) {
		end = cli_client_get(top->client, "/v1/members", &members);
	}
	if (end == CLI_DONE) {
		measure(top, info);
		if (top->form == CLI_TABLE) {
			draw(top, info, members);
		} else if (top->form == CLI_CSV) {
			put_csv(top);
		} else {
			put_json(top, info, members);
		}
		end = cli_flush();
	}
	json_decref(info);
	json_decref(members);
	return end;
}

static int
follow(struct top *top)
{
	int end = cli_client_follow(top->client);
	size_t i;

	if (end == CLI_DONE && top->form == CLI_CSV) {
		printf("time");
		for (i = 0; i < RATES; i++) {
			printf(",%s", rates[i].key);
		}
		putchar('\n');
	}
	while (end == CLI_DONE && top->left > 0) {
		end = look(top);
		top->left -= top->left != UINT64_MAX;
		if (end == CLI_DONE && top->left > 0) {
			end = pause_and_listen(top);
		}
	}
	return end == CLI_CLIENT_INTERRUPTED ? CLI_DONE : end;
}

static int
count_of(const struct cli_options *options, uint64_t *count)
{
	const char *text = cli_option(options, "count");
	char *rest;

	*count = UINT64_MAX;
	if (text == NULL) {
		return -1;
	}
	*count = strtoull(text, &rest, 10);
	if (text[0] < '1' || text[0] > '9' || *rest != '\0') {
		return cli_usage(options->command, "--count %s: say a number above 0", text);
	}
	return -1;
}

static int
run(struct cli_options *options)
{
	struct top top = {.form = CLI_TABLE};
	int end = cli_option_form(options, &top.form);

	if (end < 0) {
		end = cli_option_ms(options, "interval", INTERVAL_MS, &top.interval_ms);
	}
	if (end < 0) {
		end = count_of(options, &top.left);
	}
	if (end < 0) {
		end = cli_client_new(&top.client, options, true);
		if (end == CLI_DONE) {
			top.screen = top.form == CLI_TABLE && isatty(STDOUT_FILENO);
			end = follow(&top);
			cli_client_free(top.client);
		}
	}
	return end;
}

static const struct cli_option top_options[] = {
        {"interval", "TIME", "Pause between two looks, as 500ms or 2s. Default: 1s.", CLI_VALUE,
                false},
        {"count", "N", "End after N looks. Default: when a signal comes.", CLI_VALUE, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_top_command = {
        .name = "top",
        .operands = "",
        .summary = "Watch the agent and the cluster at work",
        .about = "Shows each second how well the local agent is, what it does a second, its newest "
                 "events, and the members: those in trouble first, then the slowest. On a terminal "
                 "it is drawn over the one before; Ctrl-C ends. JSON has one object a look, CSV "
                 "the rates.",
        .options = top_options,
        .run = run,
};
