/* SPDX-License-Identifier: MIT */
/* `shoal sim`: runs a scenario of the simulator and tells what came out. No agent is asked, no
 * packet leaves the process. */
#include "options.h"
#include "sim/run.h"
#include "table.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS_MAX 100000
#define JOBS_MAX 256

static const struct cli_option sim_options[] = {
        {"list", NULL, "List the scenarios, or with SCENARIO its parameters.", CLI_FLAG, false},
        {"seed", "N", "Seed of the first run; the others follow it. Default: 1.", CLI_VALUE, false},
        {"runs", "N", "Runs of each row. Default: the scenario's.", CLI_VALUE, false},
        {"nodes", "N", "Members: --param nodes=N, or sizes=N, whichever the scenario has.",
                CLI_VALUE, false},
        {"param", "NAME=VALUE", "A parameter of the scenario.", CLI_LIST, false},
        {"codec", "NAME",
                "What packets are written in: binary, msgpack or json; not of found, whose seeds "
                "are of binary. Default: binary.",
                CLI_VALUE, false},
        {"jobs", "N", "Runs at once. Default: one a processor.", CLI_VALUE, false},
        {"report", "FILE",
                "Write the report to a file too: one page with charts (.html), or a section of "
                "text (.md).",
                CLI_VALUE, false},
        {"record", "FILE",
                "swarm, found: what the node took that shows the first failure, for 'shoal "
                "replay'; its second start goes to FILE.2.",
                CLI_VALUE, false},
        CLI_FORMAT_ROW,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

static const struct sim_scenario *
find(const char *name)
{
	for (size_t i = 0; sim_scenarios[i] != NULL; i++) {
		if (strcmp(sim_scenarios[i]->name, name) == 0) {
			return sim_scenarios[i];
		}
	}
	return NULL;
}

static void
list_all(enum cli_form form)
{
	static const char *const headers[] = {"SCENARIO", "WHAT IT SHOWS"};
	struct cli_table *table = cli_table_new(headers, 2);

	for (size_t i = 0; sim_scenarios[i] != NULL; i++) {
		cli_table_add(table, sim_scenarios[i]->name, CLI_GREEN);
		cli_table_add(table, sim_scenarios[i]->summary, CLI_PLAIN);
	}
	if (form == CLI_CSV) {
		cli_table_print_csv(table);
	} else {
		cli_table_print(table, cli_colours(), NULL);
	}
	cli_table_free(table);
}

static void
list_one(const struct sim_scenario *scenario, enum cli_form form)
{
	static const char *const headers[] = {"PARAMETER", "DEFAULT", "FROM", "TO", "MEANING"};
	struct cli_table *table = cli_table_new(headers, 5);
	char bound[32];

	for (const struct sim_param *param = scenario->params; param->name != NULL; param++) {
		cli_table_add(table, param->name, CLI_GREEN);
		cli_table_add(table, param->fallback, CLI_PLAIN);
		snprintf(bound, sizeof(bound), "%g", param->least);
		cli_table_add(table, bound, CLI_PLAIN);
		snprintf(bound, sizeof(bound), "%g", param->most);
		cli_table_add(table, bound, CLI_PLAIN);
		cli_table_add(table, param->help, CLI_PLAIN);
	}
	if (form == CLI_CSV) {
		cli_table_print_csv(table);
	} else {
		printf("%s: %s\n\n%s\n\nRuns of each row: %u.\n\n", scenario->name,
		        scenario->summary, scenario->about, scenario->runs);
		cli_table_print(table, cli_colours(), NULL);
	}
	cli_table_free(table);
}

static void
list_json(const struct sim_scenario *only)
{
	printf("[");
	for (size_t i = 0, n = 0; sim_scenarios[i] != NULL; i++) {
		const struct sim_scenario *scenario = sim_scenarios[i];

		if (only != NULL && only != scenario) {
			continue;
		}
		printf("%s\n  {\"name\": \"%s\", \"summary\": \"%s\", \"runs\": %u, \"parameters\": [",
		        n++ == 0 ? "" : ",", scenario->name, scenario->summary, scenario->runs);
		for (const struct sim_param *param = scenario->params; param->name != NULL;
		        param++) {
			printf("%s\n    {\"name\": \"%s\", \"default\": \"%s\", \"from\": %g, "
			       "\"to\": %g, \"list\": %s, \"meaning\": \"%s\"}",
			        param == scenario->params ? "" : ",", param->name, param->fallback,
			        param->least, param->most, param->list ? "true" : "false",
			        param->help);
		}
		printf("]}");
	}
	printf("\n]\n");
}

static int
list(const struct sim_scenario *scenario, enum cli_form form)
{
	if (form == CLI_JSON) {
		list_json(scenario);
	} else if (scenario != NULL) {
		list_one(scenario, form);
	} else {
		list_all(form);
	}
	return cli_flush();
}

/* -1: it was given and is good, or nobody gave it. */
static int
take_number(const struct cli_options *options, const char *key, uint64_t least, uint64_t most,
        uint64_t *value)
{
	const char *text = cli_option(options, key);
	char *end;

	if (text == NULL) {
		return -1;
	}
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number < least ||
	        number > most) {
		return cli_usage(options->command, "--%s %s: must be a number from %llu to %llu",
		        key, text, (unsigned long long)least, (unsigned long long)most);
	}
	*value = number;
	return -1;
}

static int
take_codec(const struct cli_options *options, struct sim_settings *settings)
{
	const struct shoal_codec_ops *const all[] = {
	        shoal_codec_binary(), shoal_codec_msgpack(), shoal_codec_json()};
	const char *name = cli_option(options, "codec");

	if (name == NULL) {
		return -1;
	}
	if (settings->scenario == &sim_found_scenario) {
		return cli_usage(options->command, "--codec: the seeds of found are of binary");
	}
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(name, all[i]->name) == 0) {
			settings->codec = all[i];
			return -1;
		}
	}
	return cli_usage(options->command, "--codec %s: must be binary, msgpack or json", name);
}

static int
take_settings(const struct cli_options *options, struct sim_settings *settings)
{
	const struct cli_setting *set;
	const struct cli_setting *nodes = cli_option_setting(options, "nodes");
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t runs = settings->runs, jobs = processors > 0 ? (uint64_t)processors : 1;
	char why[256];
	int end = take_number(options, "seed", 0, UINT64_MAX / 2, &settings->seed);

	end = end >= 0 ? end : take_number(options, "runs", 1, RUNS_MAX, &runs);
	end = end >= 0 ? end : take_number(options, "jobs", 1, JOBS_MAX, &jobs);
	end = end >= 0 ? end : take_codec(options, settings);
	settings->runs = (unsigned)runs;
	settings->jobs = (unsigned)(jobs < JOBS_MAX ? jobs : JOBS_MAX);
	if (end < 0 && nodes != NULL &&
	        sim_settings_set(settings, sim_settings_has(settings, "sizes") ? "sizes" : "nodes",
	                nodes->value, why, sizeof(why)) != CLI_DONE) {
		end = cli_usage(options->command, "%s", why);
	}
	for (size_t i = 0; end < 0 && (set = cli_option_at(options, "param", i)) != NULL; i++) {
		char *name = cli_copy(set->value);
		char *equals = strchr(name, '=');

		if (equals == NULL) {
			end = cli_usage(options->command, "--param %s: must be NAME=VALUE", name);
		} else {
			*equals = '\0';
			if (sim_settings_set(settings, name, set->value + (equals - name) + 1, why,
			            sizeof(why)) != CLI_DONE) {
				end = cli_usage(options->command, "%s", why);
			}
		}
		free(name);
	}
	return end;
}

/* The command that gives the same again, with what differs from the defaults. */
static char *
command_of(const struct sim_settings *settings)
{
	const struct sim_scenario *scenario = settings->scenario;
	char *text = cli_format("shoal sim %s --seed %llu --runs %u%s%s", scenario->name,
	        (unsigned long long)settings->seed, settings->runs,
	        settings->codec != NULL ? " --codec " : "",
	        settings->codec != NULL ? settings->codec->name : "");

	for (size_t i = 0; scenario->params[i].name != NULL; i++) {
		if (strcmp(settings->value[i], scenario->params[i].fallback) != 0) {
			char *longer = cli_format("%s --param %s=%s", text,
			        scenario->params[i].name, settings->value[i]);
			free(text);
			text = longer;
		}
	}
	return text;
}

#define TROUBLES_TOLD 5

static void
tell_troubles(const struct sim_cases *cases, struct sim_report *report)
{
	struct sim_head *head = sim_report_head(report);

	for (size_t i = 0; i < cases->count; i++) {
		const struct sim_case *one = &cases->item[i];

		head->steps += one->steps;
		head->virtual_s += (double)one->virtual_ns / 1e9;
		if (one->trouble[0] != '\0' && head->failed++ < TROUBLES_TOLD) {
			sim_fact(report, false, "row %u, variant %u, seed %llu: %s", one->row,
			        one->variant, (unsigned long long)one->seed, one->trouble);
		}
	}
	head->cases = cases->count;
}

static int
print(const struct sim_report *report, enum cli_form form)
{
	if (form == CLI_JSON) {
		sim_report_print_json(report);
	} else if (form == CLI_CSV) {
		sim_report_print_csv(report);
	} else {
		sim_report_print(report);
	}
	return cli_flush();
}

static int
run_scenario(struct cli_options *options, struct sim_settings *settings, enum cli_form form)
{
	const struct sim_scenario *scenario = settings->scenario;
	const char *path = cli_option(options, "report");
	struct sim_cases cases = {0};
	char *command = command_of(settings);
	struct sim_head head = {.scenario = scenario->name,
	        .summary = scenario->summary,
	        .about = scenario->about,
	        .command = command,
	        .seed = settings->seed,
	        .runs = settings->runs};
	struct sim_report *report = sim_report_new(&head);
	uint64_t begun_ms = cli_text_boot_ms();
	int end;

	scenario->plan(settings, &cases);
	sim_cases_run(settings, &cases, isatty(STDERR_FILENO) == 1);
	scenario->tell(settings, &cases, report);
	tell_troubles(&cases, report);
	sim_report_head(report)->wall_s = (double)(cli_text_boot_ms() - begun_ms) / 1e3;
	end = print(report, form);
	if (end == CLI_DONE && path != NULL) {
		end = sim_report_write(report, path);
	}
	if (end == CLI_DONE && !sim_report_holds(report)) {
		end = CLI_FAILED;
	}
	sim_report_free(report);
	sim_cases_free(&cases);
	free(command);
	return end;
}

static int
run(struct cli_options *options)
{
	const char *name = options->operand_count > 0 ? options->operands[0] : NULL;
	const struct sim_scenario *scenario = name == NULL ? NULL : find(name);
	const char *path = cli_option(options, "report");
	struct sim_settings settings;
	enum cli_form form;
	int end = cli_option_form(options, &form);

	if (end >= 0) {
		return end;
	}
	if (name != NULL && scenario == NULL) {
		return cli_usage(options->command,
		        "no scenario \"%s\"; 'shoal sim --list' shows them", name);
	}
	if (cli_option_flag(options, "list")) {
		return list(scenario, form);
	}
	if (scenario == NULL) {
		return cli_usage(
		        options->command, "a scenario is needed; 'shoal sim --list' shows them");
	}
	if (path != NULL && !sim_report_may_be(path)) {
		return cli_usage(options->command, "--report %s: must end in .html or .md", path);
	}
	if (cli_option(options, "record") != NULL && !scenario->records) {
		return cli_usage(
		        options->command, "--record: %s draws no clusters", scenario->name);
	}
	sim_settings_init(&settings, scenario);
	settings.record = cli_option(options, "record");
	end = take_settings(options, &settings);
	if (end < 0) {
		end = run_scenario(options, &settings, form);
	}
	sim_settings_free(&settings);
	return end;
}

const struct cli_command cli_sim_command = {
        .name = "sim",
        .operands = "[SCENARIO]",
        .summary = "Run a scenario of the simulator",
        .about = "Runs many members in one process on a virtual clock and a virtual network, and "
                 "tells what came out. The same seed gives the same run. Exit code 1: something "
                 "that the scenario promises does not hold.",
        .options = sim_options,
        .operands_max = 1,
        .run = run,
};
