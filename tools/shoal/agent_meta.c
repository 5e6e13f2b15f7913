/* SPDX-License-Identifier: MIT */
/* A value in JSON is taken as what it is: true, 1, 1.5, "text"; null takes the key away. What JSON
 * has no form for is {"type": "time", "value": "2026-01-02T03:04:05Z"}. */
#include "agent_meta.h"

#include "http_answer.h"
#include "meta_value.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What changes ask for. Their results: 0, an error with the text of shoal_last_error, or what
 * refuse returns. */
struct change {
	struct shoal_meta_edit *edit;
	char why[512]; /* "": nothing that fits better than the grammar */
};

/* 1: it is nothing that can be meant; the rest says why. */
static int refuse(struct change *change, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static int
refuse(struct change *change, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(change->why, sizeof(change->why), format, args);
	va_end(args);
	return 1;
}

/* {"type": T, "value": text} */
static int
parse_typed(struct change *change, const char *key, const json_t *value,
        struct shoal_meta_value *to, void **bytes)
{
	const char *type = json_string_value(json_object_get(value, "type"));
	const char *text = json_string_value(json_object_get(value, "value"));

	if (type == NULL || text == NULL) {
		return refuse(change, "%s: say {\"type\": text, \"value\": text}", key);
	}
	if (cli_meta_value_wanted(type) == NULL) {
		return refuse(change,
		        "%s: no type '%.40s': say bool, int64, uint64, double, time, string or "
		        "bytes",
		        key, type);
	}
	if (cli_meta_value_parse(type, text, to, bytes) < 0) {
		return refuse(change, "%s: '%.80s' is no value of type %s: say %s", key, text, type,
		        cli_meta_value_wanted(type));
	}
	return 0;
}

static int
set_one(struct change *change, const char *key, const json_t *value)
{
	struct shoal_meta_edit *edit = change->edit;
	struct shoal_meta_value to = {.type = SHOAL_META_NONE};
	void *bytes = NULL;
	int rc;

	/* Whoever looks for it writes KEY=VALUE. */
	if (strchr(key, '=') != NULL && !json_is_null(value)) {
		return refuse(change, "%s: a key has no '='", key);
	}
	switch (json_typeof(value)) {
	case JSON_NULL:
		return shoal_meta_edit_set(edit, key, NULL);
	case JSON_STRING:
		return shoal_meta_edit_str(edit, key, json_string_value(value));
	case JSON_TRUE:
	case JSON_FALSE:
		to.type = SHOAL_META_BOOL;
		to.is.boolean = json_is_true(value);
		break;
	case JSON_INTEGER:
		to.type = SHOAL_META_INT64;
		to.is.int64 = json_integer_value(value);
		break;
	case JSON_REAL:
		to.type = SHOAL_META_DOUBLE;
		to.is.number = json_real_value(value);
		break;
	case JSON_OBJECT:
		rc = parse_typed(change, key, value, &to, &bytes);
		if (rc != 0) {
			return rc;
		}
		break;
	default:
		return refuse(change, "%s: a list is no value", key);
	}
	rc = shoal_meta_edit_set(edit, key, &to);
	free(bytes);
	return rc;
}

static int
set_all(struct change *change, json_t *body)
{
	json_t *set = json_object_get(body, "set"), *value;
	const char *key;
	int rc = 0;

	if (set != NULL && !json_is_object(set)) {
		return 1;
	}
	json_object_foreach(set, key, value)
	{
		rc = rc == 0 ? set_one(change, key, value) : rc;
	}
	return rc;
}

/* Each text of a list. */
static int
for_each(struct change *change, const json_t *body, const char *name,
        int (*one)(struct change *change, const char *text))
{
	const json_t *list = json_object_get(body, name);
	size_t i;
	int rc = list == NULL || json_is_array(list) ? 0 : 1;

	for (i = 0; rc == 0 && i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		rc = text == NULL ? 1 : one(change, text);
	}
	return rc;
}

static int
unset(struct change *change, const char *key)
{
	return shoal_meta_edit_set(change->edit, key, NULL);
}

static int
add_tag(struct change *change, const char *tag)
{
	/* --tag and its variable part tags there. */
	if (strchr(tag, ',') != NULL) {
		return refuse(
		        change, "tag '%.80s': a tag has no comma; say one after the other", tag);
	}
	return shoal_meta_edit_tag(change->edit, tag, true);
}

static int
remove_tag(struct change *change, const char *tag)
{
	return shoal_meta_edit_tag(change->edit, tag, false);
}

/* What goes makes room for what comes. */
static int
change_all(struct change *change, json_t *body)
{
	int rc = for_each(change, body, "unset", unset);

	rc = rc == 0 ? for_each(change, body, "remove_tags", remove_tag) : rc;
	rc = rc == 0 ? set_all(change, body) : rc;
	return rc == 0 ? for_each(change, body, "add_tags", add_tag) : rc;
}

void
cli_agent_meta(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	json_t *body = cli_body(request);
	struct change change = {.why = ""};
	int rc;

	if (body == NULL) {
		return;
	}
	rc = shoal_meta_begin(cluster, &change.edit);
	if (rc == 0) {
		rc = change_all(&change, body);
		if (rc == 0) {
			rc = shoal_meta_commit(change.edit);
		} else {
			shoal_meta_abort(change.edit);
		}
	}
	json_decref(body);
	if (rc > 0 && change.why[0] != '\0') {
		cli_refuse(request, SHOAL_ERR_INVALID, change.why);
	} else if (rc > 0) {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "say {\"set\": {key: value}, \"unset\": [keys], \"add_tags\": [tags], "
		        "\"remove_tags\": [tags]}; a value is a text, a number, true, false, or "
		        "{\"type\": bool, int64, uint64, double, time, string or bytes (in hex), "
		        "\"value\": text}");
	} else if (rc < 0) {
		cli_refuse(request, rc, shoal_last_error());
	} else {
		cli_answer(request, HTTP_OK, json_pack("{s:b}", "updated", 1));
	}
}
