/* SPDX-License-Identifier: MIT */
/* What an agent is started with, put together from flags, SHOAL_* variables and the JSON file. */
#ifndef SHOAL_CLI_AGENT_CONFIG_H
#define SHOAL_CLI_AGENT_CONFIG_H

#include "log.h"
#include "options.h"

#include <shoal/shoal.h>

#define CLI_SEEDS_MAX 64

struct cli_agent_config {
	struct shoal_config shoal; /* strings live as long as the options, or as this */
	const char *seeds[CLI_SEEDS_MAX];
	size_t seed_count;
	const char *socket; /* NULL: from the name */
	const char *socket_group;
	const char *http;     /* NULL: no address for reading */
	const char *on_event; /* NULL: none */
	enum cli_log_form log_form;
	char *bind, *advertise, *tags, *allow; /* lists, joined with commas */
	char *token;                           /* of --token-file; NULL: none */
	const struct cli_options *options;
};

/* Reads the file, adds the variables that are fields of struct shoal_config, and sets everything.
 * Returns -1 to go on, or the exit code after a complaint that names the source. */
int cli_agent_config_make(struct cli_agent_config *config, struct cli_options *options);
/* The key by which the tool knows a field of struct shoal_config. */
const char *cli_agent_config_key(const char *field);

/* A row for each number of the profile: "probe_interval_ms=1000", and what it is. */
void cli_agent_config_rows(void (*row)(const char *left, const char *right));

void cli_agent_config_free(struct cli_agent_config *config);

#endif
