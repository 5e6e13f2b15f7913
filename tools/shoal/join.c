/* SPDX-License-Identifier: MIT */
/* `shoal join`: tells the local agent to join through other members, and waits for the result. */
#include "client.h"
#include "json_text.h"

#include <stdio.h>

#define DEFAULT_TIMEOUT_MS 5000

static int
ask(struct cli_client *client, const struct cli_options *options, unsigned timeout_ms,
        json_t **answer)
{
	json_t *addresses = json_array(), *body;
	int i, end;

	for (i = 0; i < options->operand_count; i++) {
		json_array_append_new(addresses, json_string(options->operands[i]));
	}
	body = json_pack("{s:o, s:i}", "addresses", addresses, "timeout_ms", (int)timeout_ms);
	end = cli_client_post(client, "/v1/join", body, timeout_ms, answer);
	json_decref(body);
	return end;
}

static int
run(struct cli_options *options)
{
	struct cli_client *client;
	enum cli_form form;
	unsigned timeout_ms;
	json_t *answer;
	int end = cli_option_form(options, &form);

	if (end < 0) {
		end = cli_option_ms(options, "timeout", DEFAULT_TIMEOUT_MS, &timeout_ms);
	}
	if (end >= 0) {
		return end;
	}
	end = cli_client_new(&client, options, false);
	if (end != CLI_DONE) {
		return end;
	}
	end = ask(client, options, timeout_ms, &answer);
	cli_client_free(client);
	if (end != CLI_DONE) {
		return end;
	}
	if (form == CLI_TABLE) {
		printf("joined through %llu of %d\n",
		        (unsigned long long)cli_json_count(answer, "reached"),
		        options->operand_count);
	} else if (form == CLI_CSV) {
		printf("reached,asked\n%llu,%d\n",
		        (unsigned long long)cli_json_count(answer, "reached"),
		        options->operand_count);
	} else {
		printf("{\"reached\": %llu, \"asked\": %d}\n",
		        (unsigned long long)cli_json_count(answer, "reached"),
		        options->operand_count);
	}
	json_decref(answer);
	return cli_flush();
}

static const struct cli_option join_options[] = {
        {"timeout", "TIME", "How long to wait, as 500ms or 2s. Default: 5s.", CLI_VALUE, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_join_command = {
        .name = "join",
        .operands = "ADDR...",
        .summary = "Join the cluster of other members",
        .about = "Tells the local agent to join through the members at ADDR (ADDRESS:PORT, "
                 "HOST:PORT, srv+NAME or a URL). All are tried; one that answers is enough.",
        .options = join_options,
        .operands_min = 1,
        .operands_max = 64,
        .run = run,
};
