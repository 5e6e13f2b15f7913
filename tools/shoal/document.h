/* SPDX-License-Identifier: MIT */
/* The JSON documents of the agent: what /v1/members, /v1/info and /v1/events show. Their members
 * are a contract with programs (docs/man, "OUTPUT"): add, never rename.
 *
 * Every function returns a new reference, NULL when memory ran out. */
#ifndef SHOAL_CLI_DOCUMENT_H
#define SHOAL_CLI_DOCUMENT_H

#include <jansson.h>
#include <shoal/core.h>
#include <shoal/shoal.h>

json_t *cli_document_member(const struct shoal_member *member, uint64_t wall_ns);

/* The first address of one member that is of a kind of which another one has some, too: that is
 * where the other one begins. JSON null: there is none, and neither reaches the other by itself. */
json_t *cli_document_way(const struct shoal_member *from, const struct shoal_member *to);

json_t *cli_document_event(struct shoal_cluster *cluster, const struct shoal_member_event *event);

/* An event as the core told it, in the form of cli_document_event, with what was measured then.
 * member: whose it is, or NULL; its URL takes the place of an address that stands for it. */
json_t *cli_document_transition(const struct shoal_event *event, const struct shoal_member *member);

/* A text of others; bytes that are no UTF-8 become '?'. */
json_t *cli_document_text(const char *text);

/* subscribers: how many follow the events. */
json_t *cli_document_info(struct shoal_cluster *cluster, uint64_t uptime_ms, unsigned subscribers);

/* {"error": text, "code": name of the code} */
json_t *cli_document_error(int code, const char *text);

#endif
