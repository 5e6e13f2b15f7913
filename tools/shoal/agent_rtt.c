/* SPDX-License-Identifier: MIT */
/* A round trip of this member is in its list; one between two others is asked of the first of them,
 * and the request waits for its answer. */
#include "agent_rtt.h"

#include "agent_find.h"
#include "document.h"
#include "http_answer.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS     5000
#define TIMEOUT_MS_MAX 600000

struct question {
	struct evhttp_request *request;
	struct cli_found from, to;
	bool apart; /* they have no kind of address in common */
};

static json_t *
put_one(const struct cli_found *one)
{
	char id[SHOAL_ID_TEXT];

	shoal_id_print(&one->id, id);
	return json_pack("{s:s, s:o}", "id", id, "name", cli_document_text(one->name));
}

static void
answer(const struct question *question, uint64_t rtt_ns)
{
	json_t *rtt_ms = rtt_ns > 0 ? json_real((double)rtt_ns / 1e6) : json_null();

	cli_answer(question->request, HTTP_OK,
	        json_pack("{s:o, s:o, s:o, s:b}", "from", put_one(&question->from), "to",
	                put_one(&question->to), "rtt_ms", rtt_ms, "apart", (int)question->apart));
}

static void
on_rtt(struct shoal_cluster *cluster, int code, const char *text, uint64_t rtt_ns, void *arg)
{
	struct question *question = arg;
	char why[SHOAL_NAME_MAX + 256];

	(void)cluster;
	if (code == 0) {
		answer(question, rtt_ns);
	} else {
		snprintf(why, sizeof(why), "%s was asked: %s", question->from.name, text);
		cli_refuse(question->request, code, why);
	}
	free(question);
}

/* The member of this agent. */
static void
find_self(struct shoal_cluster *cluster, struct cli_found *found)
{
	struct shoal_member *self = shoal_cluster_self(cluster);

	found->id = *shoal_member_id(self);
	snprintf(found->name, sizeof(found->name), "%s", shoal_member_name(self));
	shoal_member_unref(self);
}

static bool
are_apart(const struct shoal_member_list *members, const struct shoal_id *from,
        const struct shoal_id *to)
{
	const struct shoal_member *one = shoal_member_list_find_by_id(members, from);
	const struct shoal_member *other = shoal_member_list_find_by_id(members, to);
	json_t *way;
	bool apart;

	if (one == NULL || other == NULL) {
		return false;
	}
	way = cli_document_way(one, other);
	apart = json_is_null(way);
	json_decref(way);
	return apart;
}

/* -1: the request was answered. */
static int
find(struct shoal_cluster *cluster, struct question *question, const char *from, const char *to)
{
	struct shoal_member_list *members = shoal_members(cluster, NULL);
	int rc = -1;

	if (members == NULL) {
		cli_refuse(question->request, SHOAL_ERR_NOMEM, NULL);
		return -1;
	}
	if (cli_agent_find(&question->to, to, members, NULL, question->request) == 0) {
		rc = 0;
		if (from != NULL) {
			rc = cli_agent_find(
			        &question->from, from, members, NULL, question->request);
		} else {
			find_self(cluster, &question->from);
		}
	}
	if (rc == 0) {
		question->apart = are_apart(members, &question->from.id, &question->to.id);
	}
	shoal_member_list_free(members);
	return rc;
}

static void
ask(struct shoal_cluster *cluster, const struct question *question, unsigned timeout_ms)
{
	struct question *kept;
	struct cli_found self;
	uint64_t rtt_ns;
	int rc;

	find_self(cluster, &self);
	if (shoal_id_compare(&self.id, &question->from.id) == 0) {
		rc = shoal_cluster_rtt(cluster, NULL, &question->to.id, timeout_ms, &rtt_ns);
		if (rc == 0) {
			answer(question, rtt_ns);
		} else {
			cli_refuse(question->request, rc, shoal_last_error());
		}
		return;
	}
	kept = malloc(sizeof(*kept));
	if (kept == NULL) {
		cli_refuse(question->request, SHOAL_ERR_NOMEM, NULL);
		return;
	}
	*kept = *question;
	rc = shoal_cluster_rtt_ask(
	        cluster, &question->from.id, &question->to.id, timeout_ms, on_rtt, kept);
	if (rc != 0) {
		free(kept);
		cli_refuse(question->request, rc, shoal_last_error());
	}
}

void
cli_agent_rtt(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	struct question question = {.request = request};
	json_t *body = cli_body(request);
	const json_t *from = json_object_get(body, "from"), *to = json_object_get(body, "to");
	const json_t *value = json_object_get(body, "timeout_ms");
	json_int_t timeout_ms = value != NULL ? json_integer_value(value) : TIMEOUT_MS;

	if (body == NULL) {
		return;
	}
	if (json_string_length(to) == 0 || (from != NULL && json_string_length(from) == 0)) {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "to, and from where it is said: a name, an id, or how an id begins");
	} else if (timeout_ms < 1 || timeout_ms > TIMEOUT_MS_MAX) {
		cli_refuse(request, SHOAL_ERR_INVALID, "timeout_ms: say 1 to 600000");
	} else if (find(cluster, &question, json_string_value(from), json_string_value(to)) == 0) {
		ask(cluster, &question, (unsigned)timeout_ms);
	}
	json_decref(body);
}
