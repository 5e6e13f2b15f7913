/* SPDX-License-Identifier: MIT */
/* POST /v1/meta: changes what this agent's member says of itself. */
#ifndef SHOAL_CLI_AGENT_META_H
#define SHOAL_CLI_AGENT_META_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* Takes {"set": {key: value}, "unset": [keys], "add_tags": [tags], "remove_tags": [tags]}, each of
 * them where there is one, as one update. */
void cli_agent_meta(struct shoal_cluster *cluster, struct evhttp_request *request);

#endif
