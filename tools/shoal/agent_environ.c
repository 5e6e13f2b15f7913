/* SPDX-License-Identifier: MIT */
/* Variables of the environment. The text of a key is overwritten where it stands, which is what
 * /proc shows of it, too; of the keys themselves only the lengths are kept once the cluster has
 * them. */
#include "agent_environ.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX  "SHOAL_"
#define KEY_VAR "SHOAL_KEY"
#define KEY_MAX 64

static struct shoal_key keys[SHOAL_KEYS_MAX];
static size_t key_count;

/* "SHOAL_PROBE_INTERVAL_MS=5" is the key "probe_interval_ms"; *value is what follows. false: it is
 * no variable of this form, or an empty one. */
static bool
key_of(const char *entry, char key[KEY_MAX], const char **value)
{
	const char *name = entry + strlen(PREFIX), *equals = strchr(entry, '=');
	size_t i, n;

	if (strncmp(entry, PREFIX, strlen(PREFIX)) != 0 || equals == NULL || equals <= name ||
	        equals - name >= KEY_MAX || equals[1] == '\0') {
		return false;
	}
	n = (size_t)(equals - name);
	for (i = 0; i < n; i++) {
		key[i] = (char)tolower((unsigned char)name[i]);
	}
	key[n] = '\0';
	*value = equals + 1;
	return true;
}

static bool
is_field(const struct cli_command *command, const char *key, const char *value)
{
	struct shoal_config scratch;

	shoal_config_init(&scratch);
	return cli_option_row(command, key) == NULL && strcmp(key, "run") != 0 &&
	       strcmp(key, "token") != 0 && /* see agent_token.c */
	       shoal_config_set(&scratch, key, value) != SHOAL_ERR_NOT_FOUND;
}

void
cli_environ_add_fields(struct cli_options *options)
{
	char key[KEY_MAX], *origin;
	const char *value;
	char **entry;

	for (entry = environ; *entry != NULL; entry++) {
		if (key_of(*entry, key, &value) && is_field(options->command, key, value)) {
			origin = cli_format("%.*s", (int)(value - 1 - *entry), *entry);
			cli_options_add(options, CLI_FROM_VARIABLE, key, value, origin);
			free(origin);
		}
	}
}

/* Keys with commas or line ends between; the text is wiped. */
static int
take_keys(const struct cli_command *command, char *text)
{
	size_t len = strlen(text);
	char *rest = text, *item;
	int end = -1;

	while (end < 0 && (item = strsep(&rest, ",\n")) != NULL) {
		if (item[strspn(item, " \t\r")] == '\0') {
			continue;
		}
		if (key_count == SHOAL_KEYS_MAX) {
			end = cli_usage(command, KEY_VAR ": more than %d keys", SHOAL_KEYS_MAX);
		} else if (shoal_key_parse(&keys[key_count], item, strlen(item)) != 0) {
			end = cli_usage(command,
			        KEY_VAR ": key %zu is none; allowed is base64 of 16, 24 or 32 "
			                "bytes, as 'shoal keygen' prints it",
			        key_count + 1);
		} else {
			key_count++;
		}
	}
	shoal_key_wipe(text, len);
	if (end < 0 && key_count == 0) {
		end = cli_usage(command, KEY_VAR ": no key in it");
	}
	return end;
}

int
cli_environ_keys(struct cli_agent_config *config)
{
	char *text = getenv(KEY_VAR);
	int end = -1;

	if (text != NULL) { /* empty: where a file was to be printed that is not there */
		end = take_keys(config->options->command, text);
	}
	unsetenv(KEY_VAR);
	if (end >= 0) {
		cli_environ_wipe_keys();
		return end;
	}
	if (key_count > 0 && config->shoal.keyring != NULL) {
		return cli_usage(config->options->command,
		        KEY_VAR " and a keyring (--keyring): say one of the two");
	}
	if (key_count > 0) {
		config->shoal.keys = keys;
		config->shoal.key_count = key_count;
	}
	return -1;
}

void
cli_environ_wipe_keys(void)
{
	for (size_t i = 0; i < key_count; i++) {
		shoal_key_wipe(keys[i].bytes, sizeof(keys[i].bytes));
	}
}

/* Options of other commands may stand there for them; an agent sets some for the programs that it
 * runs, which may be agents. */
static bool
is_known(const struct cli_command *command, const char *key, const char *value)
{
	static const char *const of_hooks[] = {"event", "member", "member_id", "member_address"};
	const struct cli_command *other;

	for (size_t i = 0; (other = cli_command_at(i)) != NULL; i++) {
		if (cli_option_row(other, key) != NULL) {
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(of_hooks) / sizeof(of_hooks[0]); i++) {
		if (strcmp(key, of_hooks[i]) == 0) {
			return true;
		}
	}
	return is_field(command, key, value);
}

void
cli_environ_warn(const struct cli_command *command)
{
	char key[KEY_MAX];
	const char *value;
	char **entry;

	for (entry = environ; *entry != NULL; entry++) {
		if (key_of(*entry, key, &value) && !is_known(command, key, value)) {
			cli_log(SHOAL_LOG_WARN,
			        "%.*s: no option and no field has this name, it is not used",
			        (int)(value - 1 - *entry), *entry);
		}
	}
}
