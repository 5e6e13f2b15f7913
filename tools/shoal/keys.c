/* SPDX-License-Identifier: MIT */
/* `shoal keys`: the keys of the local agent. A key is read from a file or from standard input,
 * never from the command line; it is named by its print or by itself. */
#include "client.h"
#include "json_text.h"
#include "text.h"

#include <shoal/cluster.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static int
show(const json_t *keys, enum cli_form form)
{
	if (form == CLI_JSON) {
		json_dumpf(keys, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_keys(keys, form);
	}
	return cli_flush();
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

/* What the agent is asked for; wiped and freed by forget. */
static json_t *
request_of(const char *action, const char *which)
{
	char text[SHOAL_KEY_TEXT > SHOAL_KEY_PRINT ? SHOAL_KEY_TEXT : SHOAL_KEY_PRINT];
	bool installs = strcmp(action, "install") == 0;
	struct shoal_key key;
	uint64_t print;
	json_t *body;

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

static int
ask(struct cli_options *options, json_t *body, json_t **keys)
{
	struct cli_client *client;
	int end = cli_client_new(&client, options, false);

	if (end != CLI_DONE) {
		return end;
	}
	end = body == NULL ? cli_client_get(client, "/v1/keys", keys)
	                   : cli_client_post(client, "/v1/keys", body, 0, keys);
	cli_client_free(client);
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
	if (!lists && !cli_option_flag(options, "local")) {
		return cli_usage(options->command,
		        "%s: say --local, and say it beside each agent: the others are not told",
		        action);
	}
	return -1;
}

static int
run(struct cli_options *options)
{
	const char *action = options->operands[0];
	enum cli_form form;
	json_t *body = NULL, *keys;
	int end = cli_option_form(options, &form);

	if (end < 0) {
		end = judge(options, action);
	}
	if (end >= 0) {
		return end;
	}
	if (strcmp(action, "list") != 0) {
		body = request_of(action, options->operands[1]);
		if (body == NULL) {
			return CLI_FAILED;
		}
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
        {"local", NULL, "Of this agent only, which is all that there is so far.", CLI_FLAG, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_keys_command = {
        .name = "keys",
        .operands = "list|install FILE|use KEY|remove KEY",
        .summary = "Show and change the keys of an agent",
        .about =
                "Shows the prints of the keys that the local agent holds, installs the key in FILE "
                "(- is standard input), seals with KEY from now on, or removes KEY. KEY is a print "
                "as 'list' shows it, or a file with the key. To change a cluster's key, install the "
                "new one beside every agent, then use it beside every agent, then remove the old "
                "one; and change the keyring files, which are read at the next start.",
        .options = keys_options,
        .operands_min = 1,
        .operands_max = 2,
        .run = run,
};
