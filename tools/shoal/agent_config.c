/* SPDX-License-Identifier: MIT */
/* From settings to a config. Fields are set from the weakest source to the strongest, so the
 * strongest stays; the profile is set before all of them, because it resets the numbers. Judged by
 * the library is what the library knows (shoal_config_set); judged here is what belongs to the
 * tool. */
#include "agent_config.h"

#include "agent_environ.h"
#include "agent_request.h"
#include "agent_token.h"

#include "config_file.h"
#include "program.h"
#include "socket_path.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The values of a list field as the library wants them: one text with commas. NULL: none. */
static char *
join_values(const struct cli_options *options, const char *key)
{
	const struct cli_setting *setting;
	char *text = NULL, *longer;
	size_t i;

	for (i = 0; (setting = cli_option_at(options, key, i)) != NULL; i++) {
		longer = cli_format("%s%s%s", text == NULL ? "" : text, text == NULL ? "" : ",",
		        setting->value);
		free(text);
		text = longer;
	}
	return text;
}

/* Options whose fields have another name. */
static const struct {
	const char *key, *field;
} renamed[] = {{"watch_links", "watchers"}, {"tag", "tags"}, {"token_file", "token"}};

#define RENAMED (sizeof(renamed) / sizeof(renamed[0]))

static const char *
field_of(const char *key)
{
	size_t i;

	for (i = 0; i < RENAMED; i++) {
		if (strcmp(renamed[i].key, key) == 0) {
			return renamed[i].field;
		}
	}
	return key;
}

const char *
cli_agent_config_key(const char *field)
{
	size_t i;

	for (i = 0; i < RENAMED; i++) {
		if (strcmp(renamed[i].field, field) == 0) {
			return renamed[i].key;
		}
	}
	return field;
}

static int
set_field(struct cli_agent_config *config, const struct cli_options *options,
        const struct cli_setting *setting, const char *value)
{
	const struct cli_option *row = cli_option_row(options->command, setting->key);
	const char *field = row == NULL ? setting->key : field_of(setting->key);

	if (row != NULL && !row->field) {
		if (strncmp(setting->origin, "--set ", 6) == 0) {
			return cli_usage(options->command, "%s: is an option: write --%s",
			        setting->origin, row->name);
		}
		return -1;
	}
	if (cli_token_refuse(options, setting) >= 0) {
		return CLI_USAGE;
	}
	/* The agent's own loop and callbacks depend on how the cluster runs. */
	if (strcmp(setting->key, "run") == 0) {
		return cli_usage(options->command, "%s: the agent decides that", setting->origin);
	}
	if (row != NULL && row->kind == CLI_FLAG) {
		value = cli_text_bool(value) == 1 ? "1" : "0";
	}
	if (shoal_config_set(&config->shoal, field, value) < 0) {
		return cli_usage(options->command, "%s: %s", setting->origin, shoal_last_error());
	}
	return -1;
}

static int
set_list(struct cli_agent_config *config, const struct cli_options *options, const char *key,
        char **joined)
{
	*joined = join_values(options, key);
	if (*joined == NULL) {
		return -1;
	}
	return set_field(config, options, cli_option_setting(options, key), *joined);
}

static int
set_fields(struct cli_agent_config *config, const struct cli_options *options)
{
	const struct cli_setting *profile = cli_option_setting(options, "profile");
	enum cli_source source;
	size_t i;
	int end = -1;

	if (profile != NULL) {
		end = set_field(config, options, profile, profile->value);
	}
	for (source = CLI_FROM_FILE; end < 0 && source <= CLI_FROM_FLAG; source++) {
		for (i = 0; end < 0 && i < options->count; i++) {
			const struct cli_setting *setting = &options->settings[i];
			const struct cli_option *row =
			        cli_option_row(options->command, setting->key);

			if (setting->source == source && strcmp(setting->key, "profile") != 0 &&
			        (row == NULL || row->kind != CLI_LIST)) {
				end = set_field(config, options, setting, setting->value);
			}
		}
	}
	if (end < 0) {
		end = set_list(config, options, "bind", &config->bind);
	}
	if (end < 0) {
		end = set_list(config, options, "advertise", &config->advertise);
	}
	if (end < 0) {
		end = set_list(config, options, "tag", &config->tags);
	}
	if (end < 0) {
		end = set_list(config, options, "allow", &config->allow);
	}
	return end;
}

static bool
is_loopback(const struct shoal_addr *addr)
{
	static const uint8_t v6[16] = {[15] = 1};

	if (shoal_addr_is_ipv4(addr)) {
		return addr->ip[12] == 127;
	}
	return memcmp(addr->ip, v6, sizeof(v6)) == 0;
}

/* Whether only this machine reaches it. */
static bool
is_local(const char *item)
{
	const char *host = strstr(item, "://");
	struct shoal_addr addr;
	size_t len;

	if (host == NULL) {
		return shoal_addr_parse(&addr, item) == 0 && is_loopback(&addr);
	}
	host += 3;
	len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	return (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
	       (len == 5 && strncmp(host, "[::1]", len) == 0) ||
	       (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len);
}

/* The first of a list that others reach, and that nothing protects; NULL: there is none. A token
 * protects a URL. */
static char *
exposed(const struct cli_agent_config *config, char *list, bool urls_only)
{
	char *item;

	while ((item = strsep(&list, ",")) != NULL) {
		bool url = strstr(item, "://") != NULL;

		item += strspn(item, " ");
		item[strcspn(item, " ")] = '\0';
		if (!is_local(item) && !(url ? config->shoal.token != NULL : urls_only)) {
			return item;
		}
	}
	return NULL;
}

/* No datagrams, and on streams nobody without a certificate of an authority that is named, either
 * way. */
static bool
is_all_certified(const struct shoal_config *config)
{
	return config->tls != 0 && config->tls_client_certs != 0 && config->tls_ca != NULL &&
	       config->tls_insecure == 0 && config->transport != NULL &&
	       strcmp(config->transport, "tcp") == 0;
}

/* Without keys whoever reaches the port can speak for any member. What is advertised by a URL is
 * reached through something that stands before what is bound. */
static int
check_exposure(const struct cli_agent_config *config, const struct cli_options *options)
{
	const char *advertise = config->shoal.advertise;
	char *bound, *told, *item;
	int end = -1;

	if (cli_option_flag(options, "insecure") || is_all_certified(&config->shoal) ||
	        ((config->shoal.keyring != NULL || config->shoal.keys != NULL) &&
	                config->shoal.accept_clear == 0)) {
		return -1;
	}
	bound = cli_copy(config->shoal.bind);
	told = cli_copy(advertise != NULL ? advertise : "127.0.0.1:0");
	item = exposed(config, bound, false);
	item = item != NULL ? item : exposed(config, told, true);
	if (item != NULL) {
		end = cli_usage(options->command,
		        "%s is no loopback address, and this agent takes what is not "
		        "sealed: give it keys (--keyring, SHOAL_KEY)%s, bind to 127.0.0.1 or [::1], or "
		        "say --insecure if only trusted machines reach it",
		        item,
		        strstr(item, "://") != NULL ? " or a token (--token-file, SHOAL_TOKEN)"
		                                    : "");
	}
	free(bound);
	free(told);
	return end;
}

/* The library names its field first; here the origin does. */
static const char *
without_field(const char *text)
{
	const char *colon = strstr(text, ": ");

	return colon == NULL ? text : colon + 2;
}

static int
check_program(
        const struct cli_options *options, const struct cli_setting *setting, const char *program)
{
	int error = cli_program_look(program);

	return error == 0 ? -1
	                  : cli_usage(options->command, "%s: cannot run %s: %s", setting->origin,
	                            program, strerror(error));
}

/* Which of the values of a list is the wrong one, where one is wrong alone. */
static const struct cli_setting *
culprit(const struct cli_agent_config *config, const struct cli_options *options, const char *key,
        const char *field)
{
	const struct cli_setting *setting;
	size_t n = strlen(field);

	for (size_t i = 0; (setting = cli_option_at(options, key, i)) != NULL; i++) {
		struct shoal_config one = config->shoal;

		if (shoal_config_set(&one, field, setting->value) < 0 ||
		        (shoal_config_check(&one) < 0 &&
		                strncmp(shoal_last_error(), field, n) == 0)) {
			return setting;
		}
	}
	return cli_option_setting(options, key);
}

/* Where what the library refuses came from. */
static int
check_all(const struct cli_agent_config *config, const struct cli_options *options)
{
	const struct cli_setting *setting = NULL;
	char field[64] = "", *text;
	int end;

	if (shoal_config_check(&config->shoal) == 0) {
		return -1;
	}
	text = cli_copy(shoal_last_error());
	if (strcspn(text, ":") < sizeof(field)) {
		memcpy(field, text, strcspn(text, ":"));
		setting = culprit(config, options, cli_agent_config_key(field), field);
	}
	end = setting == NULL ? cli_usage(options->command, "%s", text)
	                      : cli_usage(options->command, "%s: %s", setting->origin, text);
	free(text);
	return end;
}

static int
set_own(struct cli_agent_config *config, const struct cli_options *options)
{
	const struct cli_setting *form = cli_option_setting(options, "log_format"), *seed, *meta;
	const struct cli_setting *request;
	const struct cli_setting *http = cli_option_setting(options, "http");
	size_t metas = 0, requests = 0;
	const char *program;
	struct shoal_addr addr;
	int end = -1;

	if (form != NULL && cli_log_form_parse(&config->log_form, form->value) < 0) {
		return cli_usage(
		        options->command, "%s %s: say text or json", form->origin, form->value);
	}
	while ((seed = cli_option_at(options, "join", config->seed_count)) != NULL) {
		if (config->seed_count == CLI_SEEDS_MAX) {
			return cli_usage(options->command, "%s: more than %d seeds", seed->origin,
			        CLI_SEEDS_MAX);
		}
		config->seeds[config->seed_count++] = seed->value;
		if (shoal_seeds_check(&config->seeds[config->seed_count - 1], 1) < 0) {
			return cli_usage(options->command, "%s: %s", seed->origin,
			        without_field(shoal_last_error()));
		}
	}
	while ((request = cli_option_at(options, "on_request", requests++)) != NULL) {
		if (cli_requests_parse(request->value, &program) < 0) {
			return cli_usage(options->command,
			        "%s %s: say TYPE=PROGRAM, TYPE from 128 to 65535", request->origin,
			        request->value);
		}
		end = check_program(options, request, program);
		if (end >= 0) {
			return end;
		}
	}
	while ((meta = cli_option_at(options, "meta", metas++)) != NULL) {
		if (strchr(meta->value, '=') == NULL) {
			return cli_usage(options->command, "%s %s: say KEY=VALUE", meta->origin,
			        meta->value);
		}
	}
	if (cli_option(options, "on_event") != NULL) {
		const struct cli_setting *hook = cli_option_setting(options, "on_event");

		end = check_program(options, hook, hook->value);
	}
	if (end >= 0) {
		return end;
	}
	if (http != NULL && shoal_addr_parse(&addr, http->value) < 0) {
		return cli_usage(options->command,
		        "%s: '%s' is no address: 127.0.0.1:8080 or [::1]:8080", http->origin,
		        http->value);
	}
	if (cli_socket_path_given(options, &config->socket) != CLI_DONE) {
		return CLI_USAGE;
	}
	config->socket_group = cli_option(options, "socket_group");
	config->http = cli_option(options, "http");
	config->on_event = cli_option(options, "on_event");
	return -1;
}

int
cli_agent_config_make(struct cli_agent_config *config, struct cli_options *options)
{
	const char *path = cli_option(options, "config");
	int end = -1;

	memset(config, 0, sizeof(*config));
	config->options = options;
	shoal_config_init(&config->shoal);
	config->shoal.run = SHOAL_RUN_DISPATCH;
	config->shoal.log = cli_log_record;
	if (path != NULL) {
		end = cli_config_file_read(options, path);
	}
	if (end < 0) {
		cli_environ_add_fields(options);
		end = set_own(config, options);
	}
	if (end < 0) {
		end = set_fields(config, options);
	}
	if (end < 0) {
		end = cli_environ_keys(config);
	}
	if (end < 0) {
		end = cli_token_take(config);
	}
	if (end < 0) {
		end = check_all(config, options);
	}
	if (end < 0) {
		end = check_exposure(config, options);
	}
	return end;
}

void
cli_agent_config_free(struct cli_agent_config *config)
{
	free(config->bind);
	free(config->advertise);
	free(config->tags);
	free(config->allow);
	if (config->token != NULL) {
		shoal_key_wipe(config->token, strlen(config->token));
	}
	free(config->token);
}

void
cli_agent_config_rows(void (*row)(const char *left, const char *right))
{
	char left[64];

#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	snprintf(left, sizeof(left), "%s=%s", #field, #lan);                                       \
	row(left, text);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
}
