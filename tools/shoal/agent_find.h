/* SPDX-License-Identifier: MIT */
/* Which member a request means: by its name, its id, or how the id begins. */
#ifndef SHOAL_CLI_AGENT_FIND_H
#define SHOAL_CLI_AGENT_FIND_H

#include <event2/http.h>
#include <shoal/shoal.h>

struct cli_found {
	struct shoal_id id;
	char name[SHOAL_NAME_MAX + 1];
};

/* Looks among the members and among those of a history (NULL: none), which may be forgotten; an id
 * or a name as a whole goes before the beginning of an id. -1: the request was answered: 404 where
 * nobody is meant, 409 with a list where several are. O(members). */
int cli_agent_find(struct cli_found *found, const char *word,
        const struct shoal_member_list *members, const struct shoal_history *history,
        struct evhttp_request *request);

#endif
