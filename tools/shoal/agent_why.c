/* SPDX-License-Identifier: MIT */
/* The history of a member, with one line for people: the transition that explains its state. */
#include "agent_why.h"

#include "agent_find.h"
#include "document.h"
#include "http_answer.h"
#include "text.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one line for people; NULL: out of memory. */
static char *
line_of(const struct shoal_member *member, const struct shoal_event *last)
{
	char cause[SHOAL_LOG_TEXT_MAX], time[CLI_TIME_TEXT], diagnosis[32] = "";
	char *line = NULL;
	int n;

	if (member != NULL && shoal_member_diagnosis(member) != SHOAL_DIAGNOSIS_NONE) {
		snprintf(diagnosis, sizeof(diagnosis), " (%s)",
		        shoal_diagnosis_name(shoal_member_diagnosis(member)));
	}
	if (member != NULL && shoal_member_is_self(member)) {
		n = asprintf(&line, "%s is this agent itself", shoal_member_name(member));
	} else if (last == NULL) {
		n = asprintf(&line, "%s is %s; no transition of it is kept",
		        shoal_member_name(member), shoal_state_name(shoal_member_state(member)));
	} else {
		n = asprintf(&line, "%s %s %s%s since %s: %s%s", last->name,
		        member == NULL ? "is forgotten, it was" : "is",
		        shoal_state_name(last->state), diagnosis,
		        cli_text_time(last->wall_ns, time),
		        shoal_cause_print(&last->cause, cause, sizeof(cause)),
		        member == NULL || shoal_member_state(member) == last->state
		                ? ""
		                : " (it has changed since)");
	}
	return n < 0 ? NULL : line;
}

/* The transition that explains the state: the last that changed it, or the last of all. */
static const struct shoal_event *
reason_of(const struct shoal_history *history)
{
	size_t i;

	for (i = shoal_history_count(history); i > 0; i--) {
		const struct shoal_event *event = shoal_history_at(history, i - 1);

		if (event->was != event->state && event->kind != SHOAL_EVENT_REAP) {
			return event;
		}
	}
	return shoal_history_at(history, 0);
}

static json_t *
document_of(const struct shoal_id *id, const char *name, const struct shoal_member *member,
        const struct shoal_history *history)
{
	json_t *document, *list = json_array();
	char text[SHOAL_ID_TEXT], *line = line_of(member, reason_of(history));
	size_t i;

	for (i = 0; i < shoal_history_count(history); i++) {
		json_array_append_new(
		        list, cli_document_transition(shoal_history_at(history, i), member));
	}
	shoal_id_print(id, text);
	document = json_pack("{s:s, s:o, s:s?, s:o, s:o}", "id", text, "name",
	        cli_document_text(name), "why", line, "member",
	        member == NULL ? json_null() : cli_document_member(member, cli_text_wall_ns()),
	        "transitions", list);
	free(line);
	return document;
}

static void
answer(struct shoal_cluster *cluster, struct evhttp_request *request,
        const struct shoal_member_list *members, const struct cli_found *found)
{
	struct shoal_history *history = shoal_why(cluster, &found->id);
	const struct shoal_member *member = shoal_member_list_find_by_id(members, &found->id);

	if (history == NULL) {
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
	} else if (member == NULL && shoal_history_count(history) == 0) {
		cli_refuse(request, SHOAL_ERR_NOT_FOUND, "no such member: it was just forgotten");
	} else {
		cli_answer(request, HTTP_OK, document_of(&found->id, found->name, member, history));
	}
	shoal_history_free(history);
}

static void
search(struct shoal_cluster *cluster, struct evhttp_request *request, const char *word)
{
	struct shoal_member_list *members = shoal_members(cluster, NULL);
	struct shoal_history *all = shoal_why_all(cluster);
	struct cli_found found;

	if (members == NULL || all == NULL) {
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
	} else if (cli_agent_find(&found, word, members, all, request) == 0) {
		answer(cluster, request, members, &found);
	}
	shoal_history_free(all);
	shoal_member_list_free(members);
}

void
cli_agent_why(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct evkeyvalq pairs = {0};
	const char *word = NULL;

	if (query != NULL && evhttp_parse_query_str(query, &pairs) == 0) {
		word = evhttp_find_header(&pairs, "member");
	}
	if (word == NULL || word[0] == '\0') {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "say which: ?member= a name, an id, or how an id begins");
	} else {
		search(cluster, request, word);
	}
	evhttp_clear_headers(&pairs);
}
