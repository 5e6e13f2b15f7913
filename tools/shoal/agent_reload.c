/* SPDX-License-Identifier: MIT */
/* What the agent is told to be now is compared with what it was told before: a value that was
 * changed by a command since stays, unless its line in the file has changed too. What the library
 * knows it compares itself, with what is in force. */
#include "agent_reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOIN_TIMEOUT_MS 5000

struct cli_reload {
	struct shoal_cluster *cluster;
	const struct cli_agent_config *started;
	struct cli_options *options; /* of the last reload; NULL: there was none */
	struct cli_agent_config config;
};

struct report {
	json_t *changed, *restart;
};

struct cli_reload *
cli_reload_new(struct shoal_cluster *cluster, const struct cli_agent_config *started)
{
	struct cli_reload *reload = cli_alloc(1, sizeof(*reload));

	reload->cluster = cluster;
	reload->started = started;
	return reload;
}

static void
free_config(struct cli_options *options, struct cli_agent_config *config)
{
	if (options != NULL) {
		cli_agent_config_free(config);
		cli_options_free(options);
		free(options);
	}
}

void
cli_reload_free(struct cli_reload *reload)
{
	if (reload != NULL) {
		free_config(reload->options, &reload->config);
		free(reload);
	}
}

/* What the agent was told last. */
static const struct cli_agent_config *
before(const struct cli_reload *reload)
{
	return reload->options == NULL ? reload->started : &reload->config;
}

static void
on_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	(void)cluster;
	(void)arg;
	if (code != 0 && code != SHOAL_ERR_CANCELED) {
		cli_log(SHOAL_LOG_WARN, "not joined yet, trying again in the background: %s", text);
	} else if (code == 0) {
		cli_log(SHOAL_LOG_INFO, "joined through %zu new seeds", reached);
	}
}

static bool
knows_seed(const struct cli_agent_config *config, const char *seed)
{
	size_t i;

	for (i = 0; i < config->seed_count; i++) {
		if (strcmp(config->seeds[i], seed) == 0) {
			return true;
		}
	}
	return false;
}

/* Seeds that are new; those that are gone are forgotten with the next start. */
static int
join(struct cli_reload *reload, const struct cli_agent_config *next, struct report *report)
{
	const char *seeds[CLI_SEEDS_MAX];
	size_t i, n = 0;

	for (i = 0; i < next->seed_count; i++) {
		if (!knows_seed(before(reload), next->seeds[i])) {
			seeds[n++] = next->seeds[i];
		}
	}
	if (n == 0) {
		return 0;
	}
	json_array_append_new(report->changed, json_string("join"));
	return shoal_cluster_join_async(
	        reload->cluster, seeds, n, JOIN_TIMEOUT_MS, on_joined, NULL);
}

/* The value of a key in the settings of --meta, and how long the key is; NULL: not there. */
static const char *
meta_of(const struct cli_agent_config *config, const char *key, size_t len)
{
	const struct cli_setting *setting;
	const char *value = NULL;
	size_t i;

	for (i = 0; (setting = cli_option_at(config->options, "meta", i)) != NULL; i++) {
		if (strncmp(setting->value, key, len) == 0 && setting->value[len] == '=') {
			value = setting->value + len + 1;
		}
	}
	return value;
}

/* One key of --meta; wanted NULL: it shall go. What is as it was before is left alone. */
static int
change_key(struct shoal_meta_edit *edit, const char *setting, const char *wanted, const char *was,
        size_t *changes)
{
	char *key;
	int rc;

	if (was != NULL && wanted != NULL && strcmp(was, wanted) == 0) {
		return 0;
	}
	key = cli_copy(setting);
	key[strcspn(key, "=")] = '\0';
	rc = wanted == NULL ? shoal_meta_edit_set(edit, key, NULL)
	                    : shoal_meta_edit_str(edit, key, wanted);
	free(key);
	++*changes;
	return rc;
}

static int
change_keys(struct cli_reload *reload, const struct cli_agent_config *next,
        struct shoal_meta_edit *edit, size_t *changes)
{
	const struct cli_agent_config *last = before(reload);
	const struct cli_setting *setting;
	size_t i, len;
	int rc = 0;

	for (i = 0; rc == 0 && (setting = cli_option_at(last->options, "meta", i)) != NULL; i++) {
		len = strcspn(setting->value, "=");
		if (meta_of(next, setting->value, len) == NULL) {
			rc = change_key(edit, setting->value, NULL, NULL, changes);
		}
	}
	for (i = 0; rc == 0 && (setting = cli_option_at(next->options, "meta", i)) != NULL; i++) {
		len = strcspn(setting->value, "=");
		rc = change_key(edit, setting->value, meta_of(next, setting->value, len),
		        meta_of(last, setting->value, len), changes);
	}
	return rc;
}

/* An edit of what differs, which nothing but want of room can refuse any more; *edit NULL: nothing
 * does. */
static int
prepare(struct cli_reload *reload, const struct cli_agent_config *next,
        struct shoal_meta_edit **edit)
{
	size_t changes = 0;
	int rc = shoal_meta_begin(reload->cluster, edit);

	if (rc != 0) {
		*edit = NULL;
		return rc;
	}
	rc = change_keys(reload, next, *edit, &changes);
	if (rc != 0 || changes == 0) {
		shoal_meta_abort(*edit);
		*edit = NULL;
	}
	return rc;
}

static void
on_field(const char *field, bool in_force, void *arg)
{
	struct report *report = arg;

	json_array_append_new(in_force ? report->changed : report->restart,
	        json_string(cli_agent_config_key(field)));
}

static void
compare_own(struct report *report, const char *key, const char *was, const char *is)
{
	if (was == NULL || is == NULL ? was != is : strcmp(was, is) != 0) {
		json_array_append_new(report->restart, json_string(key));
	}
}

static void
compare_lists(struct report *report, const char *key, const struct cli_options *was,
        const struct cli_options *is)
{
	const struct cli_setting *a, *b;
	size_t i = 0;

	do {
		a = cli_option_at(was, key, i);
		b = cli_option_at(is, key, i++);
	} while (a != NULL && b != NULL && strcmp(a->value, b->value) == 0);
	if (a != NULL || b != NULL) {
		json_array_append_new(report->restart, json_string(key));
	}
}

/* What is not the library's. */
static void
apply_own(struct cli_reload *reload, const struct cli_agent_config *next, struct report *report)
{
	const struct cli_agent_config *started = reload->started;

	compare_own(report, "socket", started->socket, next->socket);
	compare_own(report, "socket_group", started->socket_group, next->socket_group);
	compare_own(report, "http", started->http, next->http);
	compare_own(report, "on_event", started->on_event, next->on_event);
	compare_lists(report, "on_request", started->options, next->options);
	if (before(reload)->log_form != next->log_form) {
		json_array_append_new(report->changed, json_string("log_format"));
	}
	cli_log_set(next->log_form, next->shoal.log_level);
}

/* What can be refused comes first. */
static int
apply(struct cli_reload *reload, const struct cli_agent_config *next, struct report *report)
{
	struct shoal_meta_edit *edit;
	int rc = prepare(reload, next, &edit);

	if (rc != 0) {
		return rc;
	}
	rc = shoal_cluster_reconfigure(reload->cluster, &next->shoal, on_field, report);
	if (rc != 0 && edit != NULL) {
		shoal_meta_abort(edit);
	} else if (edit != NULL) {
		json_array_append_new(report->changed, json_string("meta"));
		rc = shoal_meta_commit(edit);
	}
	if (rc == 0) {
		rc = join(reload, next, report);
	}
	if (rc == 0) {
		apply_own(reload, next, report);
	}
	return rc;
}

json_t *
cli_reload_again(struct cli_reload *reload, char why[CLI_RELOAD_TEXT])
{
	struct cli_options *options = cli_alloc(1, sizeof(*options));
	struct report report = {json_array(), json_array()};
	struct cli_agent_config next;
	int rc = 0;

	cli_options_copy(options, reload->started->options);
	cli_catch(why, CLI_RELOAD_TEXT);
	if (cli_agent_config_make(&next, options) >= 0) {
		rc = SHOAL_ERR_INVALID;
	}
	cli_catch(NULL, 0);
	if (rc == 0) {
		rc = apply(reload, &next, &report);
		if (rc != 0) {
			snprintf(why, CLI_RELOAD_TEXT, "%s", shoal_last_error());
		}
	}
	if (rc != 0) {
		free_config(options, &next);
		json_decref(report.changed);
		json_decref(report.restart);
		return NULL;
	}
	free_config(reload->options, &reload->config);
	reload->options = options;
	reload->config = next;
	return json_pack("{s:o, s:o}", "changed", report.changed, "restart", report.restart);
}
