/* SPDX-License-Identifier: MIT */
/* Why a member is in its state, as an answer of the control socket. */
#ifndef SHOAL_CLI_AGENT_WHY_H
#define SHOAL_CLI_AGENT_WHY_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* Answers GET /v1/why?member=M, M a name, an id or the beginning of one: 404 where nobody is meant,
 * 409 with a list where several are. O(members). */
void cli_agent_why(struct shoal_cluster *cluster, struct evhttp_request *request);

#endif
