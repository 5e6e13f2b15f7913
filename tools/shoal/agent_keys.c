/* SPDX-License-Identifier: MIT */
/* A key goes in and never comes out: what is told of keys are their prints. The text of a key is
 * wiped where it was parsed; what the HTTP library holds of the request is its own to free. */
#include "agent_keys.h"

#include "document.h"
#include "http_answer.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
cli_agent_keys(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	size_t count = shoal_cluster_keys(cluster, info), i;
	json_t *keys = json_array();

	for (i = 0; i < count; i++) {
		char print[SHOAL_KEY_PRINT];

		snprintf(print, sizeof(print), "%016" PRIx64, info[i].print);
		json_array_append_new(keys, json_pack("{s:s, s:i, s:b}", "print", print, "bits",
		                                    8 * info[i].len, "in_use", info[i].in_use));
	}
	cli_answer(request, HTTP_OK, keys);
}

/* The text is wiped in the document. */
static int
install(struct shoal_cluster *cluster, const json_t *body)
{
	const char *text = json_string_value(json_object_get(body, "key"));
	size_t len = text != NULL ? strlen(text) : 0;
	struct shoal_key key;
	int rc = text != NULL ? shoal_key_parse(&key, text, len) : SHOAL_ERR_INVALID;

	if (text != NULL) {
		shoal_key_wipe((char *)(uintptr_t)text, len);
	}
	if (rc == 0) {
		rc = shoal_cluster_key_install(cluster, &key, NULL);
		shoal_key_wipe(&key, sizeof(key));
		return rc;
	}
	return 1;
}

/* A negative code with a text, 0, or 1: the request says nothing of the kind. */
static int
act(struct shoal_cluster *cluster, const json_t *body)
{
	const char *action = json_string_value(json_object_get(body, "action"));
	const char *text = json_string_value(json_object_get(body, "print"));
	uint64_t print;

	if (action == NULL) {
		return 1;
	}
	if (strcmp(action, "install") == 0) {
		return install(cluster, body);
	}
	if (text == NULL || cli_text_print(text, &print) < 0) {
		return 1;
	}
	if (strcmp(action, "use") == 0) {
		return shoal_cluster_key_use(cluster, print);
	}
	return strcmp(action, "remove") == 0 ? shoal_cluster_key_remove(cluster, print) : 1;
}

void
cli_agent_keys_post(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	json_t *body = cli_body(request);
	int rc = act(cluster, body);

	json_decref(body);
	if (rc == 0) {
		cli_agent_keys(cluster, request);
	} else if (rc < 0) {
		cli_refuse(request, rc, shoal_last_error());
	} else {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "say {\"action\": \"install\", \"key\": base64 of 16, 24 or 32 bytes}, or "
		        "\"use\" or \"remove\" with \"print\": 16 hexadecimal digits");
	}
}
