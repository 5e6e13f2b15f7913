/* SPDX-License-Identifier: MIT */
/* Scenarios of `shoal sim`: what is varied, what one run does, and how the results are told.
 *
 * A scenario plans cases, each a run of the simulator that is independent of the others, and so
 * they run side by side; the outcome does not depend on how many at once. Run number r of every row
 * and variant has the seed --seed + r, so that what is compared was given the same luck, and a
 * single run can be had again alone. */
#ifndef SHOAL_CLI_SIM_SCENARIO_H
#define SHOAL_CLI_SIM_SCENARIO_H

#include "report.h"

#include <shoal/sim.h>

#define SIM_OUT_MAX  64 /* measured values of one run */
#define SIM_LIST_MAX 64 /* values of a parameter that is a list */

/* A parameter of a scenario; a number, or numbers with commas between where `list` is set. Given as
 * --param NAME=VALUE. */
struct sim_param {
	const char *name, *fallback;
	double least, most;
	bool list;
	const char *help; /* with the unit */
};

struct sim_case {
	unsigned row, variant; /* the scenario's */
	unsigned run;
	uint64_t seed;
	const struct shoal_codec_ops *codec; /* NULL: the compact one */
	double out[SIM_OUT_MAX];             /* what run() measured */
	uint64_t steps;                      /* inputs that cores took */
	uint64_t virtual_ns;
	char trouble[256]; /* "": the run went to its end */
};

struct sim_settings;
struct sim_cases;

struct sim_scenario {
	const char *name, *summary, *about;
	const struct sim_param *params; /* ends with a row without a name */
	unsigned runs;                  /* of each row and variant, unless --runs says otherwise */
	bool records;                   /* it takes --record */
	void (*plan)(const struct sim_settings *settings, struct sim_cases *cases);
	/* On any thread. What went wrong stands in trouble. */
	void (*run)(const struct sim_settings *settings, struct sim_case *one);
	void (*tell)(const struct sim_settings *settings, const struct sim_cases *cases,
	        struct sim_report *report);
};

/* All of them; ends with NULL. */
extern const struct sim_scenario *const sim_scenarios[];

extern const struct sim_scenario sim_detection_scenario, sim_lifeguard_scenario;
extern const struct sim_scenario sim_loss_scenario, sim_one_way_scenario, sim_flapping_scenario;
extern const struct sim_scenario sim_growth_scenario, sim_heal_scenario;
extern const struct sim_scenario sim_swarm_scenario, sim_found_scenario;

/* A parameter's value. The name must be one of the scenario's. */
double sim_number(const struct sim_settings *settings, const char *name);
size_t sim_list(const struct sim_settings *settings, const char *name, double values[SIM_LIST_MAX]);

/* From plan(): runs of a row and variant. */
void sim_plan(const struct sim_settings *settings, struct sim_cases *cases, unsigned row,
        unsigned variant);
/* The same, so many runs instead of what --runs says. */
void sim_plan_runs(const struct sim_settings *settings, struct sim_cases *cases, unsigned row,
        unsigned variant, unsigned runs);

/* From tell(): the values of one measurement over the runs of a row and variant that went to their
 * end, and are not NAN, in rising order. */
struct sim_sample {
	size_t count;
	double *value;
	double sum;
};
struct sim_sample sim_sample_of(
        const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out);
void sim_sample_free(struct sim_sample *sample);
/* NAN of an empty sample. share: 0.5 is the median. */
double sim_sample_at(const struct sim_sample *sample, double share);
double sim_sample_mean(const struct sim_sample *sample);

/* Short cuts for one figure. */
double sim_mean(const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out);
double sim_sum(const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out);
double sim_share(
        const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out, double share);

/* From run(): fails the case unless rc is 0; returns rc. Where a checker fired, says which. */
int sim_must(struct sim_case *one, struct shoal_sim *sim, int rc, const char *what);
/* Notes the cost of the run and frees the world. */
void sim_end(struct sim_case *one, struct shoal_sim *sim);

#endif
