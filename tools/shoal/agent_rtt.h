/* SPDX-License-Identifier: MIT */
/* The round trip between two members for a client of the control socket. */
#ifndef SHOAL_CLI_AGENT_RTT_H
#define SHOAL_CLI_AGENT_RTT_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* POST /v1/rtt, body {"from": a member, without it this one, "to": a member, "timeout_ms": n}. */
void cli_agent_rtt(struct shoal_cluster *cluster, struct evhttp_request *request);

#endif
