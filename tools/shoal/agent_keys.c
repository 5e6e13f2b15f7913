/* SPDX-License-Identifier: MIT */
/* A key goes in and never comes out: what is told of keys are their prints. The text of a key is
 * wiped where it was parsed; what the HTTP library holds of the request is its own to free. */
#include "agent_keys.h"

#include "document.h"
#include "http_answer.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An order that all members are told. Who gave it reads each answer when it is there: one that does
 * not answer keeps nobody in the dark about the others. */
struct order {
	struct evhttp_request *request;
	enum shoal_key_action action;
	size_t answered;
};

static json_t *
keys_of(const struct shoal_key_info *info, size_t count)
{
	json_t *keys = json_array();
	size_t i;

	for (i = 0; i < count; i++) {
		char print[SHOAL_KEY_PRINT];

		snprintf(print, sizeof(print), "%016" PRIx64, info[i].print);
		json_array_append_new(keys, json_pack("{s:s, s:i, s:b}", "print", print, "bits",
		                                    8 * info[i].len, "in_use", info[i].in_use));
	}
	return keys;
}

void
cli_agent_keys(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	size_t count = shoal_cluster_keys(cluster, info);

	cli_answer(request, HTTP_OK, keys_of(info, count));
}

/* A part of the answer: text, and the document, which is taken, from its byte number `from` on. */
static void
tell(const struct order *order, const char *text, json_t *document, size_t from, bool last)
{
	char *part = json_dumps(document, JSON_COMPACT);

	json_decref(document);
	cli_answer_part(order->request, text, false);
	cli_answer_part(order->request, part != NULL ? part + from : "", last);
	free(part);
}

static void
on_answer(struct shoal_cluster *cluster, const struct shoal_key_answer *answer, void *arg)
{
	struct order *order = arg;
	const char *result = answer->code == 0 ? "done" : shoal_error_name(answer->code);
	char id[SHOAL_ID_TEXT], head[64] = ",";

	(void)cluster;
	if (order->action == SHOAL_KEY_REMOVE && answer->code == SHOAL_ERR_NOT_FOUND) {
		result = "does not hold it";
	}
	shoal_id_print(&answer->id, id);
	if (order->answered++ == 0) {
		snprintf(head, sizeof(head), "{\"asked\":%zu,\"members\":[", answer->asked);
		cli_answer_begin(order->request);
	}
	tell(order, head,
	        json_pack("{s:s, s:o, s:s, s:o}", "id", id, "name", cli_document_text(answer->name),
	                "result", result, "keys", keys_of(answer->keys, answer->key_count)),
	        0, false);
}

/* Where nobody has answered there is nothing to report but why. */
static void
on_done(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct order *order = arg;

	(void)cluster;
	if (order->answered == 0) {
		cli_refuse(order->request, code, text);
	} else {
		tell(order, "],",
		        json_pack("{s:I, s:b, s:s}", "reached", (json_int_t)reached, "ok",
		                code == 0, "text", text),
		        1, true); /* without its brace */
	}
	free(order);
}

/* What a body asks for; its text of a key is wiped. */
struct wanted {
	enum shoal_key_action action;
	struct shoal_key key;
	uint64_t print;
	bool all;
};

/* false: it says nothing of the kind. */
static bool
read_body(const json_t *body, struct wanted *wanted)
{
	static const char *const actions[] = {"list", "install", "use", "remove"};
	const char *action = json_string_value(json_object_get(body, "action"));
	const char *print = json_string_value(json_object_get(body, "print"));
	const char *key = json_string_value(json_object_get(body, "key"));
	bool has_key = key != NULL && shoal_key_parse(&wanted->key, key, strlen(key)) == 0;
	bool has_print = print != NULL && cli_text_print(print, &wanted->print) == 0;

	if (key != NULL) {
		shoal_key_wipe((char *)(uintptr_t)key, strlen(key));
	}
	wanted->all = json_is_true(json_object_get(body, "all"));
	for (size_t i = 0; action != NULL && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(action, actions[i]) == 0) {
			wanted->action = (enum shoal_key_action)i;
			return wanted->action == SHOAL_KEY_LIST      ? wanted->all
			       : wanted->action == SHOAL_KEY_INSTALL ? has_key
			                                             : has_print;
		}
	}
	return false;
}

static int
act_here(struct shoal_cluster *cluster, const struct wanted *wanted)
{
	switch (wanted->action) {
	case SHOAL_KEY_INSTALL:
		return shoal_cluster_key_install(cluster, &wanted->key, NULL);
	case SHOAL_KEY_USE:
		return shoal_cluster_key_use(cluster, wanted->print);
	case SHOAL_KEY_REMOVE:
		return shoal_cluster_key_remove(cluster, wanted->print);
	default:
		return 0;
	}
}

static void
tell_all(struct shoal_cluster *cluster, struct evhttp_request *request, const struct wanted *wanted)
{
	struct order *order = calloc(1, sizeof(*order));
	int rc = SHOAL_ERR_NOMEM;

	if (order != NULL) {
		order->request = request;
		order->action = wanted->action;
		rc = shoal_cluster_keys_order(cluster, wanted->action,
		        wanted->action == SHOAL_KEY_INSTALL ? &wanted->key : NULL, wanted->print,
		        on_answer, on_done, order);
	}
	if (rc != 0) {
		cli_refuse(request, rc, order != NULL ? shoal_last_error() : NULL);
		free(order);
	}
}

void
cli_agent_keys_post(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	json_t *body = cli_body(request);
	struct wanted wanted = {.action = SHOAL_KEY_LIST};
	bool understood = read_body(body, &wanted);
	int rc = understood && !wanted.all ? act_here(cluster, &wanted) : 0;

	if (body == NULL) {
		return;
	}
	json_decref(body);
	if (!understood) {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "say {\"action\": \"install\", \"key\": base64 of 16, 24 or 32 bytes}, or "
		        "\"use\" or \"remove\" with \"print\": 16 hexadecimal digits; \"all\": true "
		        "tells all members");
	} else if (wanted.all) {
		tell_all(cluster, request, &wanted);
	} else if (rc != 0) {
		cli_refuse(request, rc, shoal_last_error());
	} else {
		cli_agent_keys(cluster, request);
	}
	shoal_key_wipe(&wanted, sizeof(wanted));
}
