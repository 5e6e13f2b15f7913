/* SPDX-License-Identifier: MIT */
/* A running agent reads its configuration again. */
#ifndef SHOAL_CLI_AGENT_RELOAD_H
#define SHOAL_CLI_AGENT_RELOAD_H

#include "agent_config.h"

#include <jansson.h>

#define CLI_RELOAD_TEXT 2048

struct cli_reload;

/* started: what the agent was started with; lives as long as this. Never NULL. */
struct cli_reload *cli_reload_new(
        struct shoal_cluster *cluster, const struct cli_agent_config *started);
void cli_reload_free(struct cli_reload *reload);

/* Reads the file of --config again, under the same flags and variables, and takes over what may
 * change: {"changed": [keys], "restart": [keys that differ and need a restart]}. NULL: why says
 * what is wrong, and nothing changed, but for metadata and tags that have no room beside each
 * other. The caller's document. */
json_t *cli_reload_again(struct cli_reload *reload, char why[CLI_RELOAD_TEXT]);

#endif
