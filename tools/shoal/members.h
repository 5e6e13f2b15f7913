/* SPDX-License-Identifier: MIT */
/* The list of members as a table, JSON or CSV: for `shoal members` and its --watch. */
#ifndef SHOAL_CLI_MEMBERS_H
#define SHOAL_CLI_MEMBERS_H

#include "client.h"

struct cli_members_view {
	enum cli_form form;
	char *target; /* what is asked of the agent, with the filter */
	bool live;    /* repeated: one JSON document a line, a blank line behind a table */
	bool screen;  /* repeated on a terminal: drawn over the one before */
};

/* Where the agent asked begins to reach a member: of its addresses the first of a kind that the
 * agent has, too, or just the first. */
const char *cli_members_place(const json_t *member);

/* Asks and prints once. CLI_CLIENT_INTERRUPTED when a signal came. */
int cli_members_show(struct cli_client *client, struct cli_members_view *view);

/* Prints again at every change, until a signal comes. */
int cli_members_watch(struct cli_client *client, struct cli_members_view *view);

#endif
