/* SPDX-License-Identifier: MIT */
/* A value in JSON is taken as what it is: true, 1, 1.5, "text"; null takes the key away. What JSON
 * has no form for is {"type": "time", "value": "2026-01-02T03:04:05Z"}. */
#include "agent_meta.h"

#include "http_answer.h"
#include "meta_value.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* 0, or an error with the text of shoal_last_error; 1: it is no value, nothing was said. */
static int
set_one(struct shoal_meta_edit *edit, const char *key, const json_t *value)
{
	const char *type = json_string_value(json_object_get(value, "type"));
	const char *text = json_string_value(json_object_get(value, "value"));
	struct shoal_meta_value to = {.type = SHOAL_META_NONE};
	void *bytes = NULL;
	int rc;

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
		if (type == NULL || text == NULL ||
		        cli_meta_value_parse(type, text, &to, &bytes) < 0) {
			return 1;
		}
		break;
	default:
		return 1;
	}
	rc = shoal_meta_edit_set(edit, key, &to);
	free(bytes);
	return rc;
}

static int
set_all(struct shoal_meta_edit *edit, json_t *body)
{
	json_t *set = json_object_get(body, "set"), *value;
	const char *key;
	int rc = 0;

	if (set != NULL && !json_is_object(set)) {
		return 1;
	}
	json_object_foreach(set, key, value)
	{
		rc = rc == 0 ? set_one(edit, key, value) : rc;
	}
	return rc;
}

/* Each text of a list. */
static int
for_each(struct shoal_meta_edit *edit, const json_t *body, const char *name,
        int (*change)(struct shoal_meta_edit *edit, const char *text))
{
	const json_t *list = json_object_get(body, name);
	size_t i;
	int rc = list == NULL || json_is_array(list) ? 0 : 1;

	for (i = 0; rc == 0 && i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		rc = text == NULL ? 1 : change(edit, text);
	}
	return rc;
}

static int
unset(struct shoal_meta_edit *edit, const char *key)
{
	return shoal_meta_edit_set(edit, key, NULL);
}

static int
add_tag(struct shoal_meta_edit *edit, const char *tag)
{
	return shoal_meta_edit_tag(edit, tag, true);
}

static int
remove_tag(struct shoal_meta_edit *edit, const char *tag)
{
	return shoal_meta_edit_tag(edit, tag, false);
}

/* What goes makes room for what comes. */
static int
change(struct shoal_meta_edit *edit, json_t *body)
{
	int rc = body == NULL ? 1 : for_each(edit, body, "unset", unset);

	rc = rc == 0 ? for_each(edit, body, "remove_tags", remove_tag) : rc;
	rc = rc == 0 ? set_all(edit, body) : rc;
	return rc == 0 ? for_each(edit, body, "add_tags", add_tag) : rc;
}

void
cli_agent_meta(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	json_t *body = cli_body(request);
	struct shoal_meta_edit *edit;
	int rc = shoal_meta_begin(cluster, &edit);

	if (rc == 0) {
		rc = change(edit, body);
		if (rc == 0) {
			rc = shoal_meta_commit(edit);
		} else {
			shoal_meta_abort(edit);
		}
	}
	json_decref(body);
	if (rc > 0) {
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
