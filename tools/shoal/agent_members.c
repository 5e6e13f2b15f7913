/* SPDX-License-Identifier: MIT */
/* A snapshot of the members, sorted by name, written into the answer document by document: the
 * whole list is never held twice. O(n log n) on the tool's loop; the cluster's loop is another
 * thread.
 *
 * A list waits in memory until its reader has taken it. What waits is counted where its bytes are
 * released, because evhttp tells nobody of a connection that broke; the count is the process's,
 * because buffers may live until the event base ends. */
#include "agent_members.h"

#include "document.h"
#include "http_answer.h"
#include "text.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t waiting; /* bytes of lists that were answered and not yet released */

/* arg is the number of bytes of the list. */
static void
on_released(const void *bytes, size_t len, void *arg)
{
	(void)bytes;
	(void)len;
	waiting -= (uintptr_t)arg;
}

/* The end of the list, whose release is that of all before it. */
static bool
add_tail(struct evbuffer *body)
{
	uintptr_t len = evbuffer_get_length(body);

	if (evbuffer_add_reference(body, "]\n", 2, on_released, (void *)len) < 0) {
		return false;
	}
	waiting += len;
	return true;
}

/* Reads "alive,suspect" into the bits of a filter. */
static int
parse_states(const char *text, unsigned *states)
{
	unsigned bits = 0, state;

	while (*text != '\0') {
		size_t n = strcspn(text, ",");

		for (state = 0; state < SHOAL_STATES; state++) {
			const char *name = shoal_state_name((enum shoal_state)state);

			if (strlen(name) == n && memcmp(text, name, n) == 0) {
				break;
			}
		}
		if (state == SHOAL_STATES) {
			return -1;
		}
		bits |= 1U << state;
		text += n;
		text += *text == ',';
	}
	*states = bits;
	return 0;
}

/* Tag and criteria live as long as the pairs. */
static int
filter_of(struct evhttp_request *request, struct evkeyvalq *pairs, struct shoal_filter *filter)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request)), *states;

	shoal_filter_init(filter);
	if (query == NULL) {
		return 0;
	}
	if (evhttp_parse_query_str(query, pairs) < 0) {
		return -1;
	}
	filter->tag = evhttp_find_header(pairs, "tag");
	filter->criteria = evhttp_find_header(pairs, "where");
	states = evhttp_find_header(pairs, "state");
	return states != NULL ? parse_states(states, &filter->states) : 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct shoal_member *left = *(struct shoal_member *const *)a;
	const struct shoal_member *right = *(struct shoal_member *const *)b;
	int order = strcmp(shoal_member_name(left), shoal_member_name(right));

	return order != 0 ? order : shoal_id_compare(shoal_member_id(left), shoal_member_id(right));
}

/* NULL: out of memory. */
static struct shoal_member **
sorted(const struct shoal_member_list *list)
{
	size_t n = shoal_member_list_count(list), i;
	struct shoal_member **members = calloc(n + 1, sizeof(struct shoal_member *));

	if (members == NULL) {
		return NULL;
	}
	for (i = 0; i < n; i++) {
		members[i] = shoal_member_list_at(list, i);
	}
	qsort(members, n, sizeof(struct shoal_member *), by_name);
	return members;
}

static int
write_one(struct evbuffer *body, const struct shoal_member *self, const struct shoal_member *member,
        uint64_t now, bool first)
{
	json_t *document = cli_document_member(member, now);
	char *text;
	int rc = -1;

	json_object_set_new(document, "used", cli_document_way(self, member));
	text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(document);
	if (text != NULL) {
		rc = evbuffer_add_printf(body, "%s%s", first ? "" : ",\n", text);
	}
	free(text);
	return rc;
}

static struct evbuffer *
body_of(const struct shoal_member *self, const struct shoal_member_list *list)
{
	struct shoal_member **members = sorted(list);
	struct evbuffer *body = evbuffer_new();
	uint64_t now = cli_text_wall_ns();
	bool whole = members != NULL && body != NULL && evbuffer_add(body, "[", 1) == 0;
	size_t i;

	for (i = 0; whole && members[i] != NULL; i++) {
		whole = write_one(body, self, members[i], now, i == 0) >= 0;
	}
	whole = whole && add_tail(body);
	if (!whole && body != NULL) {
		evbuffer_free(body);
		body = NULL;
	}
	free(members);
	return body;
}

static void
answer(struct shoal_cluster *cluster, struct evhttp_request *request,
        const struct shoal_filter *filter)
{
	struct shoal_member_list *list;
	struct shoal_member *self;
	struct evbuffer *body;

	if (waiting > CLI_LISTS_BYTES_MAX) {
		cli_refuse(request, SHOAL_ERR_AGAIN,
		        "busy: others have not read their lists of members yet; try again");
		return;
	}
	self = shoal_cluster_self(cluster);
	list = shoal_members(cluster, filter);
	body = list == NULL || self == NULL ? NULL : body_of(self, list);
	if (list == NULL) {
		cli_refuse(request, SHOAL_ERR_INVALID, shoal_last_error());
	} else if (body == NULL) {
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
	} else {
		cli_answer_body(request, HTTP_OK, body);
	}
	if (list != NULL) {
		shoal_member_list_free(list);
	}
	shoal_member_unref(self);
}

void
cli_agent_members(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	struct evkeyvalq pairs = {0};
	struct shoal_filter filter;

	if (filter_of(request, &pairs, &filter) < 0) {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "state: say some of unknown, alive, suspect, dead, leaving, left");
	} else {
		answer(cluster, request, &filter);
	}
	evhttp_clear_headers(&pairs);
}
