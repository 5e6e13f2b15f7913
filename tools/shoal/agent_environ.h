/* SPDX-License-Identifier: MIT */
/* What the environment says to an agent beside its options: fields of struct shoal_config, and its
 * keys. */
#ifndef SHOAL_CLI_AGENT_ENVIRON_H
#define SHOAL_CLI_AGENT_ENVIRON_H

#include "agent_config.h"

/* Adds the variables that are fields (SHOAL_PROBE_INTERVAL_MS). */
void cli_environ_add_fields(struct cli_options *options);

/* Takes the keys of SHOAL_KEY: they are out of the environment then, so that no program that the
 * agent runs has them. Called again it gives what it took, for a reload. -1 to go on, or the exit
 * code after a complaint that does not hold the key. */
int cli_environ_keys(struct cli_agent_config *config);

/* The cluster has them. */
void cli_environ_wipe_keys(void);

/* Logs which variables begin as ours do and are none: a typing error, or somebody else's. */
void cli_environ_warn(const struct cli_command *command);

#endif
