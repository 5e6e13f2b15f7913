/* SPDX-License-Identifier: MIT */
/* Forgetting a dead or left member, as a request of the control socket. */
#ifndef SHOAL_CLI_AGENT_FORGET_H
#define SHOAL_CLI_AGENT_FORGET_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* Answers POST /v1/forget with {"member": M}, M a name, an id or the beginning of one. */
void cli_agent_forget(struct shoal_cluster *cluster, struct evhttp_request *request);

#endif
