/* SPDX-License-Identifier: MIT */
/* The cases of a scenario, planned and run side by side. */
#ifndef SHOAL_CLI_SIM_RUN_H
#define SHOAL_CLI_SIM_RUN_H

#include "scenario.h"

struct sim_settings {
	const struct sim_scenario *scenario;
	const char **value; /* of each parameter, as text; the fallback where nobody gave one */
	uint64_t seed;
	unsigned runs;
	unsigned jobs;                       /* at once */
	const struct shoal_codec_ops *codec; /* of all members */
	const char *record; /* file for the node that shows the first failure; NULL: none */
};

struct sim_cases {
	struct sim_case *item;
	size_t count, capacity;
};

/* Fills in the parameters' defaults. */
void sim_settings_init(struct sim_settings *settings, const struct sim_scenario *scenario);
void sim_settings_free(struct sim_settings *settings);
/* Whether the scenario has a parameter of that name. */
bool sim_settings_has(const struct sim_settings *settings, const char *name);
/* value must live as long as the settings. CLI_DONE; CLI_USAGE: no such name, or no such value; why
 * says it. */
int sim_settings_set(
        struct sim_settings *settings, const char *name, const char *value, char *why, size_t len);

/* Runs them all, settings->jobs at once; on a terminal the progress stands on standard error. */
void sim_cases_run(const struct sim_settings *settings, struct sim_cases *cases, bool progress);
void sim_cases_free(struct sim_cases *cases);

#endif
