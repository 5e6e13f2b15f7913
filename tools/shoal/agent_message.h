/* SPDX-License-Identifier: MIT */
/* Messages of people and scripts: /v1/send, /v1/broadcast, /v1/request; and messages as documents.
 */
#ifndef SHOAL_CLI_AGENT_MESSAGE_H
#define SHOAL_CLI_AGENT_MESSAGE_H

#include <event2/http.h>
#include <jansson.h>
#include <shoal/shoal.h>

void cli_agent_send(struct shoal_cluster *cluster, struct evhttp_request *request);
void cli_agent_broadcast(struct shoal_cluster *cluster, struct evhttp_request *request);
/* Answered when the request has its end, at the latest when the cluster is freed. */
void cli_agent_request(struct shoal_cluster *cluster, struct evhttp_request *request);

/* A message that came, as an event: {"time", "event": "message", "id", "name", "type", "broadcast",
 * "reliable", "hops", "data" or "data_hex"}. */
json_t *cli_document_message(struct shoal_cluster *cluster, const struct shoal_message *message);

#endif
