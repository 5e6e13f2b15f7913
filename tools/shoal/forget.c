/* SPDX-License-Identifier: MIT */
/* `shoal forget`: a dead or left member shall not be listed any more. The agent finds the member.
 */
#include "client.h"
#include "json_text.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static int
ask(const struct cli_options *options, json_t **answer)
{
	json_t *body = json_pack("{s:s}", "member", options->operands[0]);
	struct cli_client *client;
	int end;

	if (body == NULL) {
		return cli_usage(options->command, "MEMBER is no UTF-8");
	}
	end = cli_client_new(&client, options, false);
	if (end == CLI_DONE) {
		end = cli_client_post(client, "/v1/forget", body, 0, answer);
		cli_client_free(client);
	}
	json_decref(body);
	return end;
}

static void
print(enum cli_form form, const json_t *answer)
{
	static const char *const headers[] = {"id", "name"};
	struct cli_table *table;
	char *name;

	if (form == CLI_TABLE) {
		name = cli_text_safe(cli_json_text(answer, "name"));
		printf("%s is forgotten\n", name);
		free(name);
	} else if (form == CLI_CSV) {
		table = cli_table_new(headers, 2);
		cli_json_cell(table, json_object_get(answer, "id"));
		cli_json_cell(table, json_object_get(answer, "name"));
		cli_table_print_csv(table);
		cli_table_free(table);
	} else {
		json_dumpf(answer, stdout, 0);
		putchar('\n');
	}
}

static int
run(struct cli_options *options)
{
	enum cli_form form;
	json_t *answer = NULL;
	int end = cli_option_form(options, &form);

	if (end < 0) {
		end = ask(options, &answer);
	}
	if (end != CLI_DONE) {
		return end;
	}
	print(form, answer);
	json_decref(answer);
	return cli_flush();
}

static const struct cli_option forget_options[] = {
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_forget_command = {
        .name = "forget",
        .operands = "MEMBER",
        .summary = "Forget a member that is dead or has left",
        .about = "Lets a dead or left member be forgotten before its time: no member lists it any "
                 "more. If it returns it joins as new. MEMBER is a name, an id, or how an id "
                 "begins.",
        .options = forget_options,
        .operands_min = 1,
        .operands_max = 1,
        .run = run,
};
