/* SPDX-License-Identifier: MIT */
/* The list of members as an answer of the control socket. */
#ifndef SHOAL_CLI_AGENT_MEMBERS_H
#define SHOAL_CLI_AGENT_MEMBERS_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* Answers GET /v1/members[?state=S,S]. */
void cli_agent_members(struct shoal_cluster *cluster, struct evhttp_request *request);

#endif
