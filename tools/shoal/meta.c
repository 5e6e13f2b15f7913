/* SPDX-License-Identifier: MIT */
/* `shoal meta`: what members say of themselves, and `shoal tag`. The agent changes its own member;
 * what others say is read from its list. */
#include "client.h"
#include "json_text.h"
#include "meta_value.h"
#include "table.h"
#include "text.h"

#include <event2/http.h>
#include <shoal/shoal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 5000

static const char *const headers[] = {"KEY", "VALUE"};
static const char *const csv_headers[] = {"key", "value"};

static int
post(const struct cli_options *options, const json_t *body)
{
	struct cli_client *client;
	json_t *answer;
	int end = cli_client_new(&client, options, false);

	if (end != CLI_DONE) {
		return end;
	}
	end = cli_client_post(client, "/v1/meta", body, TIMEOUT_MS, &answer);
	cli_client_free(client);
	if (end == CLI_DONE) {
		json_decref(answer);
	}
	return end;
}

static int
check_type(const struct cli_options *options, const char *type)
{
	if (cli_meta_value_wanted(type) == NULL) {
		return cli_usage(options->command,
		        "no type '%s': say bool, int64, uint64, double, time, string or bytes",
		        type);
	}
	return -1;
}

/* The value of a key in JSON; NULL: it was complained of. */
static json_t *
value_of(const struct cli_options *options, const char *key, const char *type, const char *text)
{
	struct shoal_meta_value parsed;
	void *bytes = NULL;
	json_t *value;

	if (type != NULL && cli_meta_value_parse(type, text, &parsed, &bytes) < 0) {
		cli_usage(options->command, "%s: '%s' is no value of type %s: say %s", key, text,
		        type, cli_meta_value_wanted(type));
		return NULL;
	}
	free(bytes);
	value = type == NULL ? json_string(text)
	                     : json_pack("{s:s, s:s}", "type", type, "value", text);
	if (value == NULL) {
		cli_usage(options->command, "%s: key and value must be UTF-8", key);
	}
	return value;
}

static int
set(const struct cli_options *options)
{
	const char *type = cli_option(options, "type");
	json_t *keys = json_object(), *body;
	int i, end = type == NULL ? -1 : check_type(options, type);

	if (end < 0 && (options->operand_count < 3 || options->operand_count % 2 == 0)) {
		end = cli_usage(options->command, "set: say KEY VALUE, once or several times");
	}
	for (i = 1; end < 0 && i < options->operand_count; i += 2) {
		const char *key = options->operands[i];
		json_t *value = value_of(options, key, type, options->operands[i + 1]);

		if (value == NULL) {
			end = CLI_USAGE;
		} else if (json_object_set_new(keys, key, value) < 0) {
			end = cli_usage(options->command, "%s: key and value must be UTF-8", key);
		}
	}
	if (end >= 0) {
		json_decref(keys);
		return end;
	}
	body = json_pack("{s:o}", "set", keys);
	end = post(options, body);
	json_decref(body);
	return end;
}

/* The operands behind the first, as a list under a name. */
static int
send_list(const struct cli_options *options, const char *name)
{
	json_t *list = json_array(), *body;
	int i, end;

	for (i = 1; i < options->operand_count; i++) {
		if (json_array_append_new(list, json_string(options->operands[i])) < 0) {
			json_decref(list);
			return cli_usage(
			        options->command, "%s: must be UTF-8", options->operands[i]);
		}
	}
	body = json_pack("{s:o}", name, list);
	end = post(options, body);
	json_decref(body);
	return end;
}

/* The document of the agent itself, or of another member. */
static int
find(const struct cli_options *options, const char *word, json_t **member)
{
	char *encoded = word == NULL ? NULL : evhttp_encode_uri(word);
	char *target =
	        word == NULL ? cli_copy("/v1/members") : cli_format("/v1/why?member=%s", encoded);
	struct cli_client *client;
	json_t *document = NULL, *one;
	size_t i;
	int end = cli_client_new(&client, options, false);

	*member = NULL;
	if (end == CLI_DONE) {
		end = cli_client_get(client, target, &document);
		cli_client_free(client);
	}
	free(encoded);
	free(target);
	if (end != CLI_DONE) {
		return end;
	}
	for (i = 0; i < json_array_size(document); i++) {
		one = json_array_get(document, i);
		if (json_is_true(json_object_get(one, "self"))) {
			*member = json_incref(one);
		}
	}
	if (word != NULL && json_is_object(json_object_get(document, "member"))) {
		*member = json_incref(json_object_get(document, "member"));
	}
	json_decref(document);
	return *member == NULL ? cli_error("that member is forgotten, and what it said with it")
	                       : CLI_DONE;
}

static void
print_pairs(json_t *meta, enum cli_form form)
{
	struct cli_table *table = cli_table_new(
	        form == CLI_CSV ? csv_headers : headers, sizeof(headers) / sizeof(headers[0]));
	const char *key;
	json_t *value;

	json_object_foreach(meta, key, value)
	{
		cli_table_add(table, key, CLI_PLAIN);
		cli_json_cell(table, value);
	}
	if (form == CLI_CSV) {
		cli_table_print_csv(table);
	} else {
		cli_table_print(table, cli_colours(), NULL);
	}
	cli_table_free(table);
}

static int
get(const struct cli_options *options)
{
	json_t *member = NULL, *meta;
	enum cli_form form;
	int end = cli_option_form(options, &form);

	if (end < 0 && options->operand_count > 2) {
		end = cli_usage(options->command, "get: say one MEMBER, or none for this one");
	}
	if (end < 0) {
		end = find(
		        options, options->operand_count > 1 ? options->operands[1] : NULL, &member);
	}
	if (end != CLI_DONE) {
		return end;
	}
	meta = json_object_get(member, "meta");
	if (form == CLI_JSON) {
		json_dumpf(meta, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
		putchar('\n');
	} else {
		print_pairs(meta, form);
	}
	json_decref(member);
	return cli_flush();
}

static int
run_meta(struct cli_options *options)
{
	const char *what = options->operands[0];

	if (strcmp(what, "set") == 0) {
		return set(options);
	}
	if (strcmp(what, "unset") == 0 && options->operand_count > 1) {
		return send_list(options, "unset");
	}
	if (strcmp(what, "get") == 0) {
		return get(options);
	}
	return cli_usage(options->command, "say set KEY VALUE, unset KEY or get");
}

static int
run_tag(struct cli_options *options)
{
	const char *what = options->operands[0];

	if (strcmp(what, "add") == 0) {
		return send_list(options, "add_tags");
	}
	if (strcmp(what, "remove") == 0) {
		return send_list(options, "remove_tags");
	}
	return cli_usage(options->command, "say add TAG or remove TAG");
}

static const struct cli_option meta_options[] = {
        {"type", "TYPE",
                "set: the values are bool, int64, uint64, double, time (RFC 3339), string or bytes "
                "(hex). Default: string.",
                CLI_VALUE, false},
        CLI_FORMAT_ROW,
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

static const struct cli_option tag_options[] = {
        CLI_SOCKET_ROWS,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_meta_command = {
        .name = "meta",
        .operands = "set KEY VALUE... | unset KEY... | get [MEMBER]",
        .summary = "Change or show what a member says of itself",
        .about =
                "Sets or unsets keys of the local agent's member; all others see them. Several keys "
                "of one command are one update. get shows the keys of MEMBER (a name, an id, or how "
                "an id begins), or of the agent itself. All that a member says is at most 64 KiB.",
        .options = meta_options,
        .operands_min = 1,
        .operands_max = 256,
        .run = run_meta,
};

const struct cli_command cli_tag_command = {
        .name = "tag",
        .operands = "add TAG... | remove TAG...",
        .summary = "Add tags to the agent's member, or remove them",
        .about =
                "Adds or removes tags of the local agent's member; all others see them. One that is "
                "there already stays, one that is not there is no error.",
        .options = tag_options,
        .operands_min = 2,
        .operands_max = 256,
        .run = run_tag,
};
