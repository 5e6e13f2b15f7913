/* SPDX-License-Identifier: MIT */
/* `shoal keys`: the keys of all members, or of the local agent. A key is read from a file or from
 * standard input, never from the command line; it is named by its print or by itself. */
#include "client.h"
#include "json_text.h"
#include "text.h"

#include <shoal/cluster.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each member has its own time, a few are asked at once. */
#define ALL_MS         600000u
#define PROGRESS_WIDTH 50

static const char *const headers[] = {"PRINT", "BITS", "IN USE"};
static const char *const fields[] = {"print", "bits", "in_use"};

static void
print_keys(const json_t *keys, enum cli_form form)
{
	struct cli_table *table = cli_table_new(form == CLI_CSV ? fields : headers, 3);
	size_t i;

	for (i = 0; i < json_array_size(keys); i++) {
		const json_t *key = json_array_get(keys, i);
		bool in_use = json_is_true(json_object_get(key, "in_use"));

		cli_json_cell(table, json_object_get(key, "print"));
		cli_json_cell(table, json_object_get(key, "bits"));
		cli_table_add(table,
		        form == CLI_CSV ? (in_use ? "true" : "false")
		        : in_use        ? "*"
		                        : "",
		        CLI_PLAIN);
	}
	if (form == CLI_CSV) {
		cli_table_print_csv(table);
	} else {
		cli_table_print(table, cli_colours(), NULL);
	}
	cli_table_free(table);
}

/* The prints that a member holds, the one in use with a star. */
static char *
prints_of(const json_t *keys)
{
	const size_t cap = (size_t)SHOAL_KEYS_MAX * (SHOAL_KEY_PRINT + 2);
	char *text = cli_alloc(cap, 1);
	size_t len = 0, i;

	*text = '\0';
	for (i = 0; i < json_array_size(keys) && i < SHOAL_KEYS_MAX; i++) {
		const json_t *key = json_array_get(keys, i);

		len += (size_t)snprintf(text + len, cap - len, "%s%.16s%s", i > 0 ? " " : "",
		        cli_json_text(key, "print"),
		        json_is_true(json_object_get(key, "in_use")) ? "*" : "");
	}
	return text;
}

/* What each member answered. */
static void
print_answers(const json_t *members, enum cli_form form)
{
	static const char *const rows[] = {"MEMBER", "RESULT", "KEYS (* IN USE)"};
	static const char *const row_fields[] = {"name", "result", "keys"};
	struct cli_table *table = cli_table_new(form == CLI_CSV ? row_fields : rows, 3);
	size_t i;

	for (i = 0; i < json_array_size(members); i++) {
		const json_t *member = json_array_get(members, i);
		char *prints = prints_of(json_object_get(member, "keys"));

		cli_json_cell(table, json_object_get(member, "name"));
		cli_json_cell(table, json_object_get(member, "result"));
		cli_table_add(table, prints, CLI_PLAIN);
		free(prints);
	}
	if (form == CLI_CSV) {
		cli_table_print_csv(table);
	} else {
		cli_table_print(table, cli_colours(), NULL);
	}
	cli_table_free(table);
}

/* An array: of this agent; an object: the answers of all. */
static int
show(const json_t *answer, enum cli_form form)
{
	const json_t *members = json_object_get(answer, "members");
	int end;

	if (form == CLI_JSON) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (members != NULL) {
		print_answers(members, form);
	} else {
		print_keys(answer, form);
	}
	end = cli_flush();
	if (end == CLI_DONE && members != NULL && !json_is_true(json_object_get(answer, "ok"))) {
		end = cli_error("%s", cli_json_text(answer, "text"));
	}
	return end;
}

/* The one key of a file. CLI_DONE, or CLI_FAILED with a complaint. */
static int
load_one(const char *path, struct shoal_key *key)
{
	struct shoal_key keys[SHOAL_KEYS_MAX];
	size_t count;
	int end = CLI_DONE;

	if (shoal_keys_load(path, keys, &count) < 0) {
		return cli_error("%s", shoal_last_error());
	}
	if (count != 1) {
		end = cli_error("%s: %zu keys; say one", path, count);
	}
	*key = keys[0];
	shoal_key_wipe(keys, sizeof(keys));
	return end;
}

/* What the agent is asked for, which: NULL: list; wiped and freed by forget. */
static json_t *
request_of(const char *action, const char *which)
{
	char text[SHOAL_KEY_TEXT > SHOAL_KEY_PRINT ? SHOAL_KEY_TEXT : SHOAL_KEY_PRINT];
	bool installs = strcmp(action, "install") == 0;
	struct shoal_key key;
	uint64_t print;
	json_t *body;

	if (which == NULL) {
		return json_pack("{s:s}", "action", action);
	}
	if (!installs && cli_text_print(which, &print) == 0) {
		snprintf(text, sizeof(text), "%016" PRIx64, print);
	} else if (load_one(which, &key) != CLI_DONE) {
		shoal_key_wipe(&key, sizeof(key));
		return NULL;
	} else if (installs) {
		shoal_key_print(&key, text);
	} else {
		snprintf(text, sizeof(text), "%016" PRIx64, shoal_key_name(&key));
	}
	body = json_pack("{s:s, s:s}", "action", action, installs ? "key" : "print", text);
	shoal_key_wipe(&key, sizeof(key));
	shoal_key_wipe(text, sizeof(text));
	return body;
}

static void
forget(json_t *body)
{
	const char *text = json_string_value(json_object_get(body, "key"));

	if (text != NULL) {
		shoal_key_wipe((char *)(uintptr_t)text, strlen(text));
	}
	json_decref(body);
}

/* How many of how many have answered, where somebody looks. The bytes end with no zero. */
static void
show_progress(const char *bytes, size_t len)
{
	static const char row[] = "\"result\":", head[] = "{\"asked\":";
	const char *end = bytes + len, *asked = bytes + sizeof(head) - 1, *at = bytes;
	size_t answered = 0, digits = 0;

	while ((at = memmem(at, (size_t)(end - at), row, sizeof(row) - 1)) != NULL) {
		at += sizeof(row) - 1;
		answered++;
	}
	if (len <= sizeof(head) || memcmp(bytes, head, sizeof(head) - 1) != 0) {
		return;
	}
	while (asked + digits < end && asked[digits] >= '0' && asked[digits] <= '9') {
		digits++;
	}
	fprintf(stderr, "\r%zu of %.*s members have answered", answered, (int)digits, asked);
}

static int
ask(struct cli_options *options, json_t *body, json_t **keys)
{
	bool watched = isatty(STDERR_FILENO) != 0;
	struct cli_client *client;
	int end = cli_client_new(&client, options, false);

	if (end != CLI_DONE) {
		return end;
	}
	cli_client_watch(client, watched ? show_progress : NULL);
	end = body == NULL ? cli_client_get(client, "/v1/keys", keys)
	                   : cli_client_post(client, "/v1/keys", body, ALL_MS, keys);
	cli_client_free(client);
	if (watched) {
		fprintf(stderr, "\r%*s\r", PROGRESS_WIDTH, "");
	}
	return end;
}

static int
judge(const struct cli_options *options, const char *action)
{
	bool lists = strcmp(action, "list") == 0;

	if (!lists && strcmp(action, "install") != 0 && strcmp(action, "use") != 0 &&
	        strcmp(action, "remove") != 0) {
		return cli_usage(options->command, "%s: say list, install, use or remove", action);
	}
	if (options->operand_count != (lists ? 1 : 2)) {
		return cli_usage(options->command,
		        lists ? "list: takes nothing else" : "%s: say which key", action);
	}
	return -1;
}

static int
run(struct cli_options *options)
{
	const char *action = options->operands[0];
	bool local = cli_option_flag(options, "local");
	enum cli_form form;
	json_t *body = NULL, *keys;
	int end = cli_option_form(options, &form);

	if (end < 0) {
		end = judge(options, action);
	}
	if (end >= 0) {
		return end;
	}
	if (!local || strcmp(action, "list") != 0) {
		body = request_of(action, options->operand_count > 1 ? options->operands[1] : NULL);
		if (body == NULL) {
			return CLI_FAILED;
		}
		json_object_set_new(body, "all", json_boolean(!local));
	}
	end = ask(options, body, &keys);
	forget(body);
	if (end != CLI_DONE) {
		return end;
	}
	end = show(keys, form);
	json_decref(keys);
	return end;
}

static const struct cli_option keys_options[] = {
        {"local", NULL, "Of this agent only.", CLI_FLAG, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_keys_command = {
        .name = "keys",
        .operands = "list|install FILE|use KEY|remove KEY",
        .summary = "Show and change the keys of the cluster",
        .about =
                "Shows the prints of the keys that all members hold, or with --local the agent, "
                "installs the key in FILE (- is standard input) there, seals with KEY from now on, or "
                "removes KEY, and says what each member answered. KEY is a print as 'list' shows it, "
                "or a file with the key. To change a cluster's key, install the new one, use it, "
                "remove the old one; and change the keyring files, which are read at the next start. "
                "A key that not all hold is not used, one that somebody uses is not removed. Exit "
                "status 1: somebody did not do it.",

        .options = keys_options,
        .operands_min = 1,
        .operands_max = 2,
        .run = run,
};
