/* SPDX-License-Identifier: MIT */
/* The list of members as an answer of the control socket. */
#ifndef SHOAL_CLI_AGENT_MEMBERS_H
#define SHOAL_CLI_AGENT_MEMBERS_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* While more than this waits to be read, no further list is made: so this and one list is the most
 * that slow readers make the agent hold. Four lists of 10,000 members. */
#define CLI_LISTS_BYTES_MAX ((size_t)16 << 20)

/* Answers GET /v1/members[?state=S,S]; 503 while too many bytes of lists wait. */
void cli_agent_members(struct shoal_cluster *cluster, struct evhttp_request *request);

#endif
