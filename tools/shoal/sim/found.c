/* SPDX-License-Identifier: MIT */
/* The seeds that show a bug, one after the other, in a library that has none of them. */
#include "found.h"

#include "drawn.h"

static const struct found {
	const char *checker, *what;
	uint64_t seed;
} found[] = {
#define SIM_X(name, checker, seed, what) {checker, what, seed},
        SIM_FOUND_TABLE(SIM_X)
#undef SIM_X
#define SIM_X(checker, seed, what) {checker, what, seed},
                SIM_FOUND_BY_SWARM(SIM_X)
#undef SIM_X
};

#define FOUND (sizeof(found) / sizeof(found[0]))

static const struct sim_param params[] = {
        {NULL, NULL, 0, 0, false, NULL},
};

/* The seeds are those of the list, whatever --seed and --runs say. */
static void
plan(const struct sim_settings *settings, struct sim_cases *cases)
{
	for (unsigned row = 0; row < FOUND; row++) {
		sim_plan_runs(settings, cases, row, 0, 1);
		cases->item[row].seed = found[row].seed;
	}
}

static void
run(const struct sim_settings *settings, struct sim_case *one)
{
	(void)settings;
	sim_drawn_run(one, 0);
}

static void
tell(const struct sim_settings *settings, const struct sim_cases *cases, struct sim_report *report)
{
	static const char *const columns[] = {"bug", "seed", "shown by", "now"};
	struct sim_table *table = sim_report_table(report, "Seeds that show a bug", columns, 4);
	const struct sim_case *first = NULL;

	for (size_t i = 0; i < FOUND; i++) {
		const struct sim_case *one = &cases->item[i];
		bool well = one->trouble[0] == '\0';

		first = first == NULL && !well ? one : first;
		sim_cell_text(table, "%s", found[i].what);
		sim_cell(table, (double)found[i].seed, 0);
		sim_cell_text(table, "%s", found[i].checker);
		sim_cell_text(table, "%s", well ? "well" : "fails");
	}
	sim_drawn_tell(cases, report);
	if (first != NULL) {
		sim_drawn_again(settings, first, 0, report);
	}
}

const struct sim_scenario sim_found_scenario = {
        .name = "found",
        .summary = "The seeds that show each known bug, in a library without it",
        .about = "For each bug that the checkers are tried with, the drawn cluster that shows it: "
                 "all must be well. A build with the bug in it fails at its seed.",
        .params = params,
        .runs = 1,
        .records = true,
        .plan = plan,
        .run = run,
        .tell = tell,
};
