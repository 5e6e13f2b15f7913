/* SPDX-License-Identifier: MIT */
/* `shoal send`, `shoal broadcast`, `shoal request`: a message of a person or a script, by the local
 * agent. */
#include "client.h"
#include "file.h"
#include "json_text.h"

#include <shoal/types.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an agent takes in one body, as digits. */
#define DATA_MAX 65536

static json_t *
hex_of(const uint8_t *data, size_t len)
{
	char *hex = malloc(2 * len + 1);
	json_t *text = NULL;

	if (hex != NULL) {
		for (size_t i = 0; i < len; i++) {
			snprintf(hex + 2 * i, 3, "%02x", data[i]);
		}
		text = json_stringn(hex, 2 * len);
	}
	free(hex);
	return text;
}

/* TYPE and DATA, which stand at a place; "-": standard input. */
static int
put_message(const struct cli_options *options, size_t at, json_t *body)
{
	const char *type = options->operands[at], *data = options->operands[at + 1];
	char *rest;
	long number = strtol(type, &rest, 10);
	uint8_t *bytes = NULL;
	size_t len = 0;

	if (rest == type || *rest != '\0' || number < 128 || number > 65535) {
		return cli_usage(
		        options->command, "TYPE is a number, 128 to 65535; not '%s'", type);
	}
	json_object_set_new(body, "type", json_integer(number));
	if (strcmp(data, "-") != 0) {
		json_t *text = json_string(data);

		len = strlen(data);
		json_object_set_new(body, text != NULL ? "data" : "data_hex",
		        text != NULL ? text : hex_of((const uint8_t *)data, len));
	} else {
		if (cli_file_read(data, &bytes, &len) < 0) {
			free(bytes);
			return cli_error("cannot read standard input: %s", strerror(errno));
		}
		if (len <= DATA_MAX) {
			json_object_set_new(body, "data_hex", hex_of(bytes, len));
		}
		free(bytes);
	}
	return len <= DATA_MAX
	               ? CLI_DONE
	               : cli_error("DATA has %zu bytes; here it may have %d", len, DATA_MAX);
}

static int
post(const struct cli_options *options, const char *target, json_t *body, unsigned timeout_ms,
        json_t **answer)
{
	struct cli_client *client;
	int end = cli_client_new(&client, options, false);

	if (end == CLI_DONE) {
		end = cli_client_post(client, target, body, timeout_ms, answer);
		cli_client_free(client);
	}
	return end;
}

static int
put_member(const struct cli_options *options, json_t *body)
{
	return json_object_set_new(body, "member", json_string(options->operands[0])) == 0
	               ? CLI_DONE
	               : cli_usage(options->command, "MEMBER is no UTF-8");
}

static void
put_reliable(const struct cli_options *options, json_t *body)
{
	json_object_set_new(body, "reliable", json_boolean(cli_option_flag(options, "reliable")));
}

static int
run_send(struct cli_options *options)
{
	json_t *body = json_object(), *answer = NULL;
	int end = put_member(options, body);

	if (end == CLI_DONE) {
		end = put_message(options, 1, body);
	}
	put_reliable(options, body);
	if (end == CLI_DONE) {
		end = post(options, "/v1/send", body, 0, &answer);
	}
	json_decref(answer);
	json_decref(body);
	return end;
}

/* How far it goes and how long it is told, where that is said. */
static int
put_limits(const struct cli_options *options, json_t *body)
{
	const struct cli_setting *hops = cli_option_setting(options, "hops");
	unsigned ttl_ms = 0;
	int end = cli_option_ms(options, "ttl", 0, &ttl_ms);

	if (end >= 0 && end != CLI_DONE) {
		return end;
	}
	if (ttl_ms != 0) {
		json_object_set_new(body, "ttl_ms", json_integer(ttl_ms));
	}
	if (hops != NULL) {
		char *rest;
		long number = strtol(hops->value, &rest, 10);

		if (rest == hops->value || *rest != '\0' || number < 1 || number > SHOAL_HOPS_MAX) {
			return cli_usage(options->command, "%s %s: say a number, 1 to %d",
			        hops->origin, hops->value, SHOAL_HOPS_MAX);
		}
		json_object_set_new(body, "hops", json_integer(number));
	}
	return CLI_DONE;
}

static int
run_broadcast(struct cli_options *options)
{
	const struct cli_setting *tag = cli_option_setting(options, "tag");
	json_t *body = json_object(), *answer = NULL;
	int end = put_limits(options, body);

	if (end == CLI_DONE) {
		end = put_message(options, 0, body);
	}
	if (end == CLI_DONE && cli_option_flag(options, "no_forward") &&
	        cli_option_flag(options, "reliable")) {
		end = cli_usage(options->command,
		        "--reliable and --no-forward exclude each other: members keep it for others");
	}
	put_reliable(options, body);
	if (cli_option_flag(options, "no_forward")) {
		json_object_set_new(body, "forward", json_false());
	}
	if (tag != NULL) {
		json_object_set_new(body, "tag", json_string(tag->value));
	}
	if (end == CLI_DONE) {
		end = post(options, "/v1/broadcast", body, 0, &answer);
	}
	json_decref(answer);
	json_decref(body);
	return end;
}

static int
print_reply(const json_t *answer)
{
	const json_t *data = json_object_get(answer, "data");
	const char *hex = cli_json_text(answer, "data_hex");

	if (data != NULL) {
		const char *text = json_string_value(data);
		size_t len = json_string_length(data);

		fwrite(text, 1, len, stdout);
		if (len == 0 || text[len - 1] != '\n') {
			putchar('\n');
		}
		return cli_flush();
	}
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
		char byte[] = {hex[0], hex[1], '\0'};

		putchar((int)strtoul(byte, NULL, 16));
	}
	return cli_flush();
}

static int
run_request(struct cli_options *options)
{
	json_t *body = json_object(), *answer = NULL;
	unsigned timeout_ms = 0;
	int end = cli_option_ms(options, "timeout", 5000, &timeout_ms);

	if (end < 0 || end == CLI_DONE) {
		end = put_member(options, body);
	}
	if (end == CLI_DONE) {
		end = put_message(options, 1, body);
	}
	if (end == CLI_DONE) {
		json_object_set_new(body, "timeout_ms", json_integer(timeout_ms));
		end = post(options, "/v1/request", body, timeout_ms, &answer);
	}
	if (end == CLI_DONE) {
		end = print_reply(answer);
	}
	json_decref(answer);
	json_decref(body);
	return end;
}

static const struct cli_option send_options[] = {
        {"reliable", NULL, "Again and again until the member has it.", CLI_FLAG, false},
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_send_command = {
        .name = "send",
        .operands = "MEMBER TYPE DATA",
        .summary = "Send a message to a member",
        .about = "Sends a message of the local agent to a member. TYPE is a number, 128 to 65535; "
                 "DATA a text of at most 64 KiB, or - for standard input. Done when it is on its "
                 "way. MEMBER is a name, an id, or how an id begins.",
        .options = send_options,
        .operands_min = 3,
        .operands_max = 3,
        .run = run_send,
};

static const struct cli_option broadcast_options[] = {
        {"tag", "TAG", "Only to the members that carry it.", CLI_VALUE, false},
        {"reliable", NULL, "Kept, so that who is cut off gets it later.", CLI_FLAG, false},
        {"hops", "N", "Steps from member to member that it goes at most, 1 to 64.", CLI_VALUE,
                false},
        {"ttl", "TIME",
                "Nobody is told any more when it is so old, as 500ms or 2s. Default: no limit.",
                CLI_VALUE, false},
        {"no-forward", NULL,
                "Nobody passes it on: of many members it comes to some, those that the local agent tells.",
                CLI_FLAG, false},
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_broadcast_command = {
        .name = "broadcast",
        .operands = "TYPE DATA",
        .summary = "Send a message to all members",
        .about =
                "Sends a message of the local agent to all other members, or to those that carry a "
                "tag. TYPE and DATA are as with shoal send. Done when it is on its way.",
        .options = broadcast_options,
        .operands_min = 2,
        .operands_max = 2,
        .run = run_broadcast,
};

static const struct cli_option request_options[] = {
        {"timeout", "TIME", "How long to wait, as 500ms or 2s. Default: 5s.", CLI_VALUE, false},
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_request_command = {
        .name = "request",
        .operands = "MEMBER TYPE DATA",
        .summary = "Ask a member and print its reply",
        .about =
                "Sends a request of the local agent to a member, of which the program answers "
                "requests of this TYPE, and prints the reply. TYPE and DATA are as with shoal send. "
                "An agent answers those for which it was started with --on-request.",
        .options = request_options,
        .operands_min = 3,
        .operands_max = 3,
        .run = run_request,
};
