/* SPDX-License-Identifier: MIT */
/* The member's keys, as answers of the control socket. */
#ifndef SHOAL_CLI_AGENT_KEYS_H
#define SHOAL_CLI_AGENT_KEYS_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* Answers GET /v1/keys: an array of {"print", "bits", "in_use"}. */
void cli_agent_keys(struct shoal_cluster *cluster, struct evhttp_request *request);

/* Answers POST /v1/keys: {"action": "install", "key": base64}, or "use" or "remove" with "print",
 * with the keys as they are then. */
void cli_agent_keys_post(struct shoal_cluster *cluster, struct evhttp_request *request);

#endif
