/* SPDX-License-Identifier: MIT */
/* `shoal members`: who is in the cluster, as the local agent sees it. The agent filters and sorts.
 */
#include "members.h"

#include "json_text.h"
#include "table.h"
#include "text.h"

#include <event2/http.h>
#include <shoal/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BELOW_TABLE 3U

static const char *const table_headers[] = {
        "NAME", "STATE", "ADDRESS", "AGE", "RTT", "INCARNATION", "ID"};
static const char *const csv_headers[] = {"id", "name", "address", "state", "diagnosis",
        "incarnation", "state_age_ms", "rtt_ms", "tags", "meta", "app_version", "protocol", "self",
        "url", "used"};

#define TABLE_COLUMNS (sizeof(table_headers) / sizeof(table_headers[0]))
#define CSV_COLUMNS   (sizeof(csv_headers) / sizeof(csv_headers[0]))

const char *
cli_members_place(const json_t *member)
{
	const char *used = cli_json_text(member, "used");

	return used[0] != '\0' ? used : cli_json_text(member, "address");
}

static void
add_table_row(struct cli_table *table, const json_t *member)
{
	char text[CLI_DURATION_TEXT], *name;
	double rtt = cli_json_number(member, "rtt_ms");

	name = cli_format("%s%s", cli_json_text(member, "name"),
	        json_is_true(json_object_get(member, "self")) ? " *" : "");
	cli_table_add(table, name, CLI_PLAIN);
	free(name);
	cli_table_add_state(
	        table, cli_json_text(member, "state"), cli_json_text(member, "diagnosis"));
	cli_table_add(table, cli_members_place(member), CLI_PLAIN);
	cli_table_add(
	        table, cli_text_duration(cli_json_count(member, "state_age_ms"), text), CLI_PLAIN);
	snprintf(text, sizeof(text), "%.2fms", rtt);
	cli_table_add(
	        table, json_is_number(json_object_get(member, "rtt_ms")) ? text : "-", CLI_PLAIN);
	cli_table_add(table, cli_json_text(member, "incarnation"), CLI_GREY);
	cli_table_add(table, cli_json_text(member, "id"), CLI_GREY);
}

static void
add_csv_row(struct cli_table *table, const json_t *member)
{
	size_t i;

	for (i = 0; i < CSV_COLUMNS; i++) {
		cli_json_cell(table, json_object_get(member, csv_headers[i]));
	}
}

/* What the table may take of the terminal: below it are an empty line, one that says how to end,
 * and the cursor's. */
static struct cli_screen
screen_of_terminal(void)
{
	struct winsize size = {0};
	struct cli_screen screen = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
		screen.rows = size.ws_row > BELOW_TABLE ? size.ws_row - BELOW_TABLE : 1;
		screen.columns = size.ws_col;
	}
	return screen;
}

/* Over what was drawn before, line by line: a screen that is cleared first would flicker. */
static void
draw(const struct cli_table *table, size_t count)
{
	struct cli_screen screen = screen_of_terminal();
	char below[64];

	snprintf(below, sizeof(below), "%zu members. Ctrl-C ends.", count);
	if (screen.columns > 0) {
		cli_text_cut(below, screen.columns);
	}
	fputs(CLI_CURSOR_HOME, stdout);
	cli_table_print(table, cli_colours(), &screen);
	printf(CLI_CLEAR_REST "\n%s" CLI_CLEAR_REST "\n" CLI_CLEAR_BELOW, below);
}

static void
print_table(const struct cli_members_view *view, const json_t *members)
{
	struct cli_table *table = cli_table_new(table_headers, TABLE_COLUMNS);
	size_t i;

	for (i = 0; i < json_array_size(members); i++) {
		add_table_row(table, json_array_get(members, i));
	}
	if (view->screen) {
		draw(table, json_array_size(members));
	} else {
		cli_table_print(table, cli_colours(), NULL);
	}
	if (view->live && !view->screen) {
		putchar('\n');
	}
	cli_table_free(table);
}

static void
print_csv(const struct cli_members_view *view, const json_t *members)
{
	struct cli_table *table = cli_table_new(csv_headers, CSV_COLUMNS);
	size_t i;

	for (i = 0; i < json_array_size(members); i++) {
		add_csv_row(table, json_array_get(members, i));
	}
	cli_table_print_csv(table);
	if (view->live) {
		putchar('\n');
	}
	cli_table_free(table);
}

int
cli_members_show(struct cli_client *client, struct cli_members_view *view)
{
	json_t *members;
	int end = cli_client_get(client, view->target, &members);

	if (end != CLI_DONE) {
		return end;
	}
	if (view->form == CLI_TABLE) {
		print_table(view, members);
	} else if (view->form == CLI_CSV) {
		print_csv(view, members);
	} else {
		json_dumpf(members, stdout,
		        JSON_REAL_PRECISION(9) | (view->live ? JSON_COMPACT : JSON_INDENT(2)));
		putchar('\n');
	}
	json_decref(members);
	return cli_flush();
}

/* Adds "alive,suspect" to the target, after a look at each word. */
static int
add_states(const struct cli_options *options, struct cli_members_view *view)
{
	const struct cli_setting *setting;
	size_t i;

	for (i = 0; (setting = cli_option_at(options, "state", i)) != NULL; i++) {
		char *rest = setting->value, *word, *longer;

		while ((word = strsep(&rest, ",")) != NULL) {
			int state = 0;

			while (state < SHOAL_STATES &&
			        strcmp(word, shoal_state_name((enum shoal_state)state)) != 0) {
				state++;
			}
			if (state == SHOAL_STATES) {
				return cli_usage(options->command,
				        "no state '%s': say unknown, alive, suspect, dead, leaving or "
				        "left",
				        word);
			}
			longer = cli_format("%s%s%s", view->target,
			        strchr(view->target, '?') == NULL ? "?state=" : ",", word);
			free(view->target);
			view->target = longer;
		}
	}
	return -1;
}

/* Adds a word of the query that the agent judges. */
static void
add_word(struct cli_members_view *view, const char *key, const char *value)
{
	char *encoded = evhttp_encode_uri(value), *longer;

	longer = cli_format("%s%s%s=%s", view->target,
	        strchr(view->target, '?') == NULL ? "?" : "&", key, encoded == NULL ? "" : encoded);
	free(encoded);
	free(view->target);
	view->target = longer;
}

static void
add_filters(const struct cli_options *options, struct cli_members_view *view)
{
	const struct cli_setting *setting;
	char *all = NULL, *longer;
	size_t i;

	for (i = 0; (setting = cli_option_at(options, "where", i)) != NULL; i++) {
		longer = cli_format(
		        "%s%s%s", all == NULL ? "" : all, all == NULL ? "" : ",", setting->value);
		free(all);
		all = longer;
	}
	if (all != NULL) {
		add_word(view, "where", all);
	}
	free(all);
	if (cli_option(options, "tag") != NULL) {
		add_word(view, "tag", cli_option(options, "tag"));
	}
}

static int
talk(const struct cli_options *options, struct cli_members_view *view)
{
	struct cli_client *client;
	int end = cli_client_new(&client, options, view->live);

	if (end != CLI_DONE) {
		return end;
	}
	end = view->live ? cli_members_watch(client, view) : cli_members_show(client, view);
	cli_client_free(client);
	return end == CLI_CLIENT_INTERRUPTED ? CLI_DONE : end;
}

static int
run(struct cli_options *options)
{
	struct cli_members_view view = {.target = cli_copy("/v1/members")};
	int end = cli_option_form(options, &view.form);

	if (end < 0) {
		end = add_states(options, &view);
	}
	if (end < 0) {
		add_filters(options, &view);
		view.live = cli_option_flag(options, "watch");
		view.screen = view.live && view.form == CLI_TABLE && isatty(STDOUT_FILENO);
		end = talk(options, &view);
	}
	free(view.target);
	return end;
}

static const struct cli_option members_options[] = {
        {"state", "STATE",
                "Only members in this state: unknown, alive, suspect, dead, leaving or left.",
                CLI_LIST, false},
        {"tag", "TAG", "Only members with this tag.", CLI_VALUE, false},
        {"where", "CRITERION",
                "Only members whose metadata meet it: KEY=VALUE, KEY (it is there), or KEY~PART (in "
                "its value).",
                CLI_LIST, false},
        {"watch", NULL, "Print the list again at every change, until Ctrl-C.", CLI_FLAG, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_members_command = {
        .name = "members",
        .operands = "",
        .summary = "List the members as this agent sees them",
        .about =
                "Lists the members of the cluster as the local agent sees them, sorted by name; the "
                "agent itself is marked with a '*'. Dead members and those that left are listed "
                "while they are remembered.",
        .options = members_options,
        .run = run,
};
