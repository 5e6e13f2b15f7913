/* SPDX-License-Identifier: MIT */
/* Forgetting: who is meant is looked for among the members only. */
#include "agent_forget.h"

#include "agent_find.h"
#include "document.h"
#include "http_answer.h"

static void
forget(struct shoal_cluster *cluster, struct evhttp_request *request, const char *word)
{
	struct shoal_member_list *members = shoal_members(cluster, NULL);
	struct cli_found found;
	char id[SHOAL_ID_TEXT];
	int rc;

	if (members == NULL) {
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
		return;
	}
	if (cli_agent_find(&found, word, members, NULL, request) == 0) {
		rc = shoal_cluster_forget(cluster, &found.id);
		shoal_id_print(&found.id, id);
		if (rc == 0) {
			cli_answer(request, HTTP_OK,
			        json_pack("{s:s, s:o}", "id", id, "name",
			                cli_document_text(found.name)));
		} else {
			cli_refuse(request, rc, shoal_last_error());
		}
	}
	shoal_member_list_free(members);
}

void
cli_agent_forget(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	json_t *body = cli_body(request);
	const char *word = json_string_value(json_object_get(body, "member"));

	if (body == NULL) {
		return;
	}
	if (word == NULL || word[0] == '\0') {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "member: say a name, an id, or how an id begins");
	} else {
		forget(cluster, request, word);
	}
	json_decref(body);
}
