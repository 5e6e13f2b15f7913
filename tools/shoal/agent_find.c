/* SPDX-License-Identifier: MIT */
/* Looking for the member that a word means. */
#include "agent_find.h"

#include "document.h"
#include "http_answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define STATUS_CONFLICT 409
#define LISTED_MAX      8 /* of several that are meant */

struct candidates {
	struct shoal_id id[LISTED_MAX];
	char name[LISTED_MAX][SHOAL_NAME_MAX + 1];
	size_t count; /* may be above LISTED_MAX */
};

static void
take(struct candidates *found, const struct shoal_id *id, const char *name)
{
	size_t i;

	for (i = 0; i < found->count && i < LISTED_MAX; i++) {
		if (shoal_id_compare(&found->id[i], id) == 0) {
			return;
		}
	}
	if (found->count < LISTED_MAX) {
		found->id[found->count] = *id;
		snprintf(found->name[found->count], sizeof(found->name[0]), "%s", name);
	}
	found->count++;
}

static bool
is_meant(const char *word, bool whole, const struct shoal_id *id, const char *name)
{
	char text[SHOAL_ID_TEXT];

	shoal_id_print(id, text);
	if (whole) {
		return strcmp(word, name) == 0 || strcasecmp(word, text) == 0;
	}
	return strncasecmp(word, text, strlen(word)) == 0;
}

static void
look(struct candidates *found, const char *word, bool whole,
        const struct shoal_member_list *members, const struct shoal_history *forgotten)
{
	size_t i;

	for (i = 0; i < shoal_member_list_count(members); i++) {
		const struct shoal_member *member = shoal_member_list_at(members, i);
		const struct shoal_id *id = shoal_member_id(member);

		if (is_meant(word, whole, id, shoal_member_name(member))) {
			take(found, id, shoal_member_name(member));
		}
	}
	for (i = 0; forgotten != NULL && i < shoal_history_count(forgotten); i++) {
		const struct shoal_event *event = shoal_history_at(forgotten, i);

		if (is_meant(word, whole, &event->id, event->name)) {
			take(found, &event->id, event->name);
		}
	}
}

/* "SEVERAL: web-1 (0b...), web-2 (0c...) and 3 more" */
static void
refuse_several(struct evhttp_request *request, const struct candidates *found)
{
	char text[2048], id[SHOAL_ID_TEXT];
	size_t n = 0, i;

	n += (size_t)snprintf(text, sizeof(text), "%zu members are meant: ", found->count);
	for (i = 0; i < found->count && i < LISTED_MAX; i++) {
		shoal_id_print(&found->id[i], id);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s (%s)", i == 0 ? "" : ", ",
		        found->name[i], id);
	}
	if (found->count > LISTED_MAX) {
		snprintf(text + n, sizeof(text) - n, " and %zu more", found->count - LISTED_MAX);
	}
	cli_answer(request, STATUS_CONFLICT, cli_document_error(SHOAL_ERR_INVALID, text));
}

int
cli_agent_find(struct cli_found *found, const char *word, const struct shoal_member_list *members,
        const struct shoal_history *history, struct evhttp_request *request)
{
	struct candidates meant = {.count = 0};

	look(&meant, word, true, members, history);
	if (meant.count == 0) {
		look(&meant, word, false, members, history);
	}
	if (meant.count == 0) {
		cli_refuse(request, SHOAL_ERR_NOT_FOUND,
		        "no such member, and none of that name or id is remembered");
		return -1;
	}
	if (meant.count > 1) {
		refuse_several(request, &meant);
		return -1;
	}
	found->id = meant.id[0];
	memcpy(found->name, meant.name[0], sizeof(found->name));
	return 0;
}
