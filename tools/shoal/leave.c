/* SPDX-License-Identifier: MIT */
/* `shoal leave`: tells the local agent to leave the cluster and end, and waits for both, so that
 * another agent can be started under the same name and addresses once this command is done. */
#include "client.h"
#include "json_text.h"
#include "socket_path.h"
#include "text.h"

#include <stdio.h>
#include <time.h>

#define DEFAULT_TIMEOUT_MS 0    /* the agent's profile says */
#define END_MS             5000 /* from the answer to the end of the process */
#define LOOK_AGAIN_MS      10

/* The agent frees its addresses before its control socket. */
static int
wait_for_end(const char *path)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
	uint64_t end = cli_text_boot_ms() + END_MS;

	while (cli_socket_path_probe(path) == 0) {
		if (cli_text_boot_ms() > end) {
			return cli_error(
			        "the agent left the cluster but still serves %s: look at its "
			        "log",
			        path);
		}
		nanosleep(&pause, NULL);
	}
	return CLI_DONE;
}

static int
ask(struct cli_client *client, unsigned timeout_ms, bool *confirmed)
{
	json_t *body = json_object(), *answer;
	bool lent;
	int end;

	if (timeout_ms > 0) {
		json_object_set_new(body, "timeout_ms", json_integer(timeout_ms));
	}
	end = cli_client_post(client, "/v1/leave", body, timeout_ms, &answer);
	json_decref(body);
	if (end != CLI_DONE) {
		return end;
	}
	*confirmed = json_is_true(json_object_get(answer, "confirmed"));
	lent = json_is_true(json_object_get(answer, "lent"));
	json_decref(answer);
	return lent ? CLI_DONE : wait_for_end(cli_client_path(client));
}

static int
run(struct cli_options *options)
{
	static const char *const said[] = {[CLI_TABLE] = "left\n",
	        [CLI_JSON] = "{\"left\": true}\n",
	        [CLI_CSV] = "left\ntrue\n"};
	struct cli_client *client;
	enum cli_form form;
	unsigned timeout_ms;
	bool confirmed = false;
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
	end = ask(client, timeout_ms, &confirmed);
	cli_client_free(client);
	if (end != CLI_DONE) {
		return end;
	}
	if (!confirmed) {
		return cli_error(
		        "the agent left, but timed out before another member confirmed it: the "
		        "others may see it as failed");
	}
	fputs(said[form], stdout);
	return cli_flush();
}

static const struct cli_option leave_options[] = {
        {"timeout", "TIME",
                "How long to wait until others know, as 500ms or 2s. Default: the profile's.",
                CLI_VALUE, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_leave_command = {
        .name = "leave",
        .operands = "",
        .summary = "Leave the cluster and end the agent",
        .about = "Tells the local agent to leave the cluster and to end. Done when it has ended.",
        .options = leave_options,
        .run = run,
};
