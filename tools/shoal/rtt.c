/* SPDX-License-Identifier: MIT */
/* `shoal rtt`: how long a ping and its answer take between two members, as one of them measured it.
 */
#include "client.h"
#include "json_text.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 5000

static int
ask(const struct cli_options *options, unsigned timeout_ms, json_t **answer)
{
	const char *first = options->operands[0], *second = options->operands[1];
	json_t *body = second == NULL ? json_pack("{s:s}", "to", first)
	                              : json_pack("{s:s, s:s}", "from", first, "to", second);
	struct cli_client *client;
	int end;

	if (body == NULL) {
		return cli_usage(options->command, "MEMBER is no UTF-8");
	}
	json_object_set_new(body, "timeout_ms", json_integer(timeout_ms));
	end = cli_client_new(&client, options, false);
	if (end == CLI_DONE) {
		end = cli_client_post(client, "/v1/rtt", body, timeout_ms, answer);
		cli_client_free(client);
	}
	json_decref(body);
	return end;
}

static const char *
name_of(const json_t *answer, const char *which)
{
	return cli_json_text(json_object_get(answer, which), "name");
}

static void
print_line(const json_t *answer)
{
	char *from = cli_text_safe(name_of(answer, "from"));
	char *to = cli_text_safe(name_of(answer, "to"));

	printf("%s to %s: %.3f ms\n", from, to, cli_json_number(answer, "rtt_ms"));
	free(from);
	free(to);
}

static void
print_csv(const json_t *answer)
{
	static const char *const headers[] = {"from", "to", "rtt_ms"};
	struct cli_table *table = cli_table_new(headers, 3);

	cli_json_cell(table, json_object_get(json_object_get(answer, "from"), "name"));
	cli_json_cell(table, json_object_get(json_object_get(answer, "to"), "name"));
	cli_json_cell(table, json_object_get(answer, "rtt_ms"));
	cli_table_print_csv(table);
	cli_table_free(table);
}

static int
complain(const json_t *answer)
{
	char *from = cli_text_safe(name_of(answer, "from"));
	char *to = cli_text_safe(name_of(answer, "to"));
	int end = json_is_true(json_object_get(answer, "apart"))
	                  ? cli_error("%s does not measure %s: they have no kind of address in "
	                              "common (ip:port, URL): their probes are relayed",
	                            from, to)
	                  : cli_error("%s has not measured %s yet: no ping was answered directly; "
	                              "ask again in some probe intervals",
	                            from, to);

	free(from);
	free(to);
	return end;
}

static int
print(enum cli_form form, const json_t *answer)
{
	if (json_is_null(json_object_get(answer, "rtt_ms")) && form != CLI_JSON) {
		return complain(answer);
	}
	if (form == CLI_JSON) {
		json_dumpf(answer, stdout, 0);
		putchar('\n');
	} else if (form == CLI_CSV) {
		print_csv(answer);
	} else {
		print_line(answer);
	}
	return cli_flush();
}

static int
run(struct cli_options *options)
{
	enum cli_form form;
	json_t *answer = NULL;
	unsigned timeout_ms = 0;
	int end = cli_option_form(options, &form);

	if (end < 0) {
		end = cli_option_ms(options, "timeout", TIMEOUT_MS, &timeout_ms);
	}
	if (end < 0 || end == CLI_DONE) {
		end = ask(options, timeout_ms, &answer);
	}
	if (end == CLI_DONE) {
		end = print(form, answer);
	}
	json_decref(answer);
	return end;
}

static const struct cli_option rtt_options[] = {
        CLI_FORMAT_ROW,
        {"timeout", "TIME", "How long to wait for the answer of A, as 500ms or 2s. Default: 5s.",
                CLI_VALUE, false},
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_rtt_command = {
        .name = "rtt",
        .operands = "A [B]",
        .summary = "Round trip time between two members",
        .about =
                "Prints how long a ping of member A to member B and its answer take, smoothed, as "
                "A has measured it in its failure detection; without B from the agent's own member "
                "to A. A and B are names, ids, or how an id begins.",
        .options = rtt_options,
        .operands_min = 1,
        .operands_max = 2,
        .run = run,
};
