/* SPDX-License-Identifier: MIT */
/* The token of an agent that is reached by a URL. */
#ifndef SHOAL_CLI_AGENT_TOKEN_H
#define SHOAL_CLI_AGENT_TOKEN_H

#include "agent_config.h"

/* Takes it from SHOAL_TOKEN, which is out of the environment then and is remembered for a reload,
 * or from the file of --token-file. -1 to go on, or the exit code after a complaint that does not
 * hold it. */
int cli_token_take(struct cli_agent_config *config);

/* Whether what is set is one: given as a word it could be read by whoever lists processes. */
int cli_token_refuse(const struct cli_options *options, const struct cli_setting *setting);

#endif
