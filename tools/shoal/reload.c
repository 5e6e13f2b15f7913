/* SPDX-License-Identifier: MIT */
/* `shoal reload`: the local agent reads the file of --config again, and says what came of it. */
#include "client.h"
#include "json_text.h"
#include "table.h"

#include <stdio.h>

static void
print_list(const char *title, const json_t *keys)
{
	size_t i;

	if (json_array_size(keys) == 0) {
		return;
	}
	printf("%s", title);
	for (i = 0; i < json_array_size(keys); i++) {
		printf("%s%s", i == 0 ? " " : ", ", json_string_value(json_array_get(keys, i)));
	}
	putchar('\n');
}

static void
add_rows(struct cli_table *table, const json_t *keys, const char *effect)
{
	size_t i;

	for (i = 0; i < json_array_size(keys); i++) {
		cli_table_add(table, json_string_value(json_array_get(keys, i)), CLI_PLAIN);
		cli_table_add(table, effect, CLI_PLAIN);
	}
}

static void
print_csv(const json_t *changed, const json_t *restart)
{
	static const char *const headers[] = {"key", "effect"};
	struct cli_table *table = cli_table_new(headers, 2);

	add_rows(table, changed, "changed");
	add_rows(table, restart, "restart");
	cli_table_print_csv(table);
	cli_table_free(table);
}

static void
print(enum cli_form form, const json_t *answer)
{
	const json_t *changed = json_object_get(answer, "changed");
	const json_t *restart = json_object_get(answer, "restart");

	if (form == CLI_CSV) {
		print_csv(changed, restart);
	} else if (form == CLI_JSON) {
		json_dumpf(answer, stdout, 0);
		putchar('\n');
	} else if (json_array_size(changed) + json_array_size(restart) == 0) {
		puts("nothing has changed");
	} else {
		print_list("changed:", changed);
		print_list("needs a restart:", restart);
	}
}

static int
run(struct cli_options *options)
{
	struct cli_client *client;
	json_t *body, *answer = NULL;
	enum cli_form form;
	int end = cli_option_form(options, &form);

	if (end >= 0) {
		return end;
	}
	end = cli_client_new(&client, options, false);
	if (end != CLI_DONE) {
		return end;
	}
	body = json_object();
	end = cli_client_post(client, "/v1/reload", body, 0, &answer);
	json_decref(body);
	cli_client_free(client);
	if (end != CLI_DONE) {
		return end;
	}
	print(form, answer);
	json_decref(answer);
	return cli_flush();
}

static const struct cli_option reload_options[] = {
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_reload_command = {
        .name = "reload",
        .operands = "",
        .summary = "Let the agent read its configuration again",
        .about =
                "The local agent reads the file of --config again, under the flags and variables "
                "that it was started with, and those of its certificates and its token, takes over "
                "at once what may change while it runs, and says what needs a restart. A file "
                "that is wrong changes nothing. SIGHUP does the same, and logs the result.",
        .options = reload_options,
        .run = run,
};
