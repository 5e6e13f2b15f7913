/* SPDX-License-Identifier: MIT */
/* The simulator's program: runs seeds and judges them.
 *
 *     shoal-sim-test --seed N | --seeds A..B | --count N   which seeds (N counts from 1)
 *         --nodes N            a fixed size instead of a drawn one
 *         --trace              a line a seed with its trace hash
 *         --verbose            every event and fault
 *         --record NODE:FILE   what that node takes, for `shoal replay`; its second start goes to
 *                              FILE.2 and so on
 *         --plant-expect C     a bug is planted: checker C must fire in one of the seeds
 *         --scenario P         instead of seeds: 64 nodes and a crash under profile P
 *
 * Every 16th seed runs twice, and both runs must have one trace. Exit status: 0 well, 1 a checker
 * fired (with --plant-expect: it did not), 2 usage. A run of 50 seeds or more fails too where some
 * checker never looked. */
#include "record.h"
#include "scenario.h"
#include "story.h"

#include <shoal/error.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWICE_EVERY 16
#define ALL_LOOK    50

struct options {
	uint64_t first, last;
	bool trace, verbose;
	const char *plant, *scenario, *record_file;
	uint32_t record_node;
	struct story_options story;
};

/* The worst of each measured time, as a share of its bound, in permille. */
struct totals {
	struct shoal_checkers checks;
	uint64_t seeds, steps;
	uint64_t detection, converged, left, settled;
};

static struct options options;
static uint64_t current_seed;

static void
on_panic(const char *expression, const char *file, int line)
{
	printf("ASSERTION: %s at %s:%d, seed %" PRIu64 "\n", expression, file, line, current_seed);
	story_replay(current_seed, &options.story);
}

static bool
number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return errno == 0 && end != text && *end == '\0';
}

static bool
range(char *text)
{
	char *dots = strstr(text, "..");

	if (dots == NULL) {
		return false;
	}
	*dots = '\0';
	return number(text, &options.first) && number(dots + 2, &options.last) &&
	       options.first <= options.last;
}

/* NODE:FILE */
static bool
recorded(char *text)
{
	char *colon = strchr(text, ':');
	uint64_t node;

	if (colon == NULL || colon[1] == '\0') {
		return false;
	}
	*colon = '\0';
	options.record_file = colon + 1;
	if (!number(text, &node) || node >= SHOAL_PLAN_NODES_MAX) {
		return false;
	}
	options.record_node = (uint32_t)node;
	return true;
}

static bool
take_option(int option, char *value)
{
	uint64_t n = 0;

	switch (option) {
	case 's':
		options.last = 0;
		return number(value, &options.first);
	case 'S':
		return range(value);
	case 'c':
		return number(value, &options.last) && options.last != 0;
	case 'n':
		if (!number(value, &n) || n < 2 || n > SHOAL_PLAN_NODES_MAX) {
			return false;
		}
		options.story.nodes = (uint32_t)n;
		return true;
	case 't':
		options.trace = true;
		return true;
	case 'v':
		options.verbose = true;
		return true;
	case 'r':
		return recorded(value);
	case 'p':
		options.plant = value;
		return true;
	case 'x':
		options.scenario = value;
		return true;
	default:
		return false;
	}
}

static bool
parse(int argc, char **argv)
{
	static const struct option longs[] = {{"seed", required_argument, NULL, 's'},
	        {"seeds", required_argument, NULL, 'S'}, {"count", required_argument, NULL, 'c'},
	        {"nodes", required_argument, NULL, 'n'}, {"trace", no_argument, NULL, 't'},
	        {"verbose", no_argument, NULL, 'v'}, {"record", required_argument, NULL, 'r'},
	        {"plant-expect", required_argument, NULL, 'p'},
	        {"scenario", required_argument, NULL, 'x'}, {NULL, 0, NULL, 0}};
	int option;

	options.first = 1;
	options.story.program = argv[0];
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (!take_option(option, optarg)) {
			return false;
		}
	}
	if (options.last == 0) {
		options.last = options.first;
	}
	return optind == argc;
}

static void
worst(uint64_t *permille, uint64_t time, uint64_t bound)
{
	uint64_t share = bound != 0 ? time / (bound / 1000) : 0;

	*permille = share > *permille ? share : *permille;
}

static void
add_up(struct totals *totals, const struct shoal_swarm *swarm)
{
	const struct shoal_swarm_times *times = &swarm->times;
	const struct shoal_checkers *checks = shoal_sim_checkers(swarm->sim);

	totals->seeds++;
	totals->steps += shoal_sim_steps(swarm->sim);
	for (size_t i = 0; i < SHOAL_CHECKERS; i++) {
		totals->checks.looked[i] += checks->looked[i];
	}
	if (times->detection.by != 0) {
		worst(&totals->detection, times->detection.last_ns - times->detection.down_ns,
		        times->failed_bound_ns);
	}
	worst(&totals->left, times->left_ns, times->left_bound_ns);
	worst(&totals->converged, times->converged_ns, times->converged_bound_ns);
	worst(&totals->converged, times->merged_ns, times->merged_bound_ns);
	worst(&totals->converged, times->join_ns, times->join_bound_ns);
	worst(&totals->settled, times->settled_ns, times->settled_bound_ns);
}

/* Runs a seed; the swarm stays for its notes, whatever came out. */
static int
run_seed(uint64_t seed, struct shoal_swarm *swarm, bool verbose)
{
	struct record record;
	struct shoal_plan plan;
	int rc;

	current_seed = seed;
	shoal_plan_draw(&plan, seed, options.story.nodes);
	if (verbose) {
		story_plan(&plan);
	}
	rc = shoal_swarm_init(swarm, &plan, verbose ? story_note : NULL, NULL);
	if (rc != 0 || options.record_file == NULL) {
		return rc == 0 ? shoal_swarm_run(swarm) : rc;
	}
	record_begin(&record, swarm->sim, options.record_node, options.record_file);
	rc = shoal_swarm_run(swarm);
	record_end(&record);
	return rc;
}

static bool
same_again(uint64_t seed, uint64_t trace)
{
	struct shoal_swarm swarm;
	bool same = run_seed(seed, &swarm, false) == 0 && shoal_sim_trace(swarm.sim) == trace;

	shoal_swarm_done(&swarm);
	if (!same) {
		printf("FAILED: seed %" PRIu64 " run twice gives two traces\n", seed);
		story_replay(seed, &options.story);
	}
	return same;
}

/* false: this seed failed. */
static bool
judge_seed(uint64_t seed, struct totals *totals)
{
	struct shoal_swarm swarm;
	int rc = run_seed(seed, &swarm, options.verbose);
	uint64_t trace;

	if (swarm.sim == NULL) {
		printf("FAILED: seed %" PRIu64 ": %s\n", seed, shoal_strerror(rc));
		return false;
	}
	trace = shoal_sim_trace(swarm.sim);
	if (options.trace) {
		printf("seed %" PRIu64 " nodes %" PRIu32 " steps %" PRIu64 " trace %016" PRIx64
		       "\n",
		        seed, swarm.plan.nodes, shoal_sim_steps(swarm.sim), trace);
	}
	if (rc != 0) {
		story_failure(&swarm, &options.story);
	} else {
		add_up(totals, &swarm);
	}
	shoal_swarm_done(&swarm);
	return rc == 0 && (seed % TWICE_EVERY != 0 || same_again(seed, trace));
}

static int
run_seeds(void)
{
	struct totals totals = {.seeds = 0};
	int failed = 0;

	for (uint64_t seed = options.first; seed <= options.last && failed == 0; seed++) {
		failed = judge_seed(seed, &totals) ? 0 : 1;
	}
	if (failed != 0 || options.trace) {
		return failed;
	}
	printf("%" PRIu64 " seeds, %" PRIu64
	       " steps; longest, in permille of its bound: detection %" PRIu64
	       ", convergence %" PRIu64 ", leave %" PRIu64 ", digest %" PRIu64 "\n",
	        totals.seeds, totals.steps, totals.detection, totals.converged, totals.left,
	        totals.settled);
	story_checks(&totals.checks);
	for (size_t i = 0; i < SHOAL_CHECKERS && totals.seeds >= ALL_LOOK; i++) {
		if (totals.checks.looked[i] == 0) {
			printf("FAILED: checker %s never looked\n",
			        shoal_checker_name((enum shoal_checker)i));
			failed = 1;
		}
	}
	return failed;
}

/* A planted bug: the named checker fires within the seeds, or the checker or the plant is worth
 * nothing. */
static int
expect_plant(void)
{
	enum shoal_checker check;

	if (shoal_checker_parse(&check, options.plant) != 0) {
		return 2;
	}
	for (uint64_t seed = options.first; seed <= options.last; seed++) {
		struct shoal_swarm swarm;
		int rc = run_seed(seed, &swarm, false);
		const struct shoal_checkers *checks =
		        swarm.sim != NULL ? shoal_sim_checkers(swarm.sim) : NULL;
		bool fired =
		        rc == SHOAL_ERR_STATE && checks->fired != 0 && checks->first.check == check;

		if (fired) {
			printf("checker %s fired at seed %" PRIu64 ": %s\n", options.plant, seed,
			        checks->first.text);
		}
		shoal_swarm_done(&swarm);
		if (fired) {
			return 0;
		}
	}
	printf("FAILED: checker %s did not fire in seeds %" PRIu64 " to %" PRIu64 "\n",
	        options.plant, options.first, options.last);
	return 1;
}

int
main(int argc, char **argv)
{
	if (!parse(argc, argv)) {
		fprintf(stderr,
		        "usage: %s [--seed N] [--seeds A..B] [--count N] [--nodes N] [--trace] "
		        "[--verbose] [--record NODE:FILE] [--plant-expect CHECKER] "
		        "[--scenario PROFILE]\n",
		        argv[0]);
		return 2;
	}
	shoal_on_panic(on_panic);
	if (options.scenario != NULL) {
		return scenario_run(
		        options.scenario, options.story.nodes, options.first, options.verbose);
	}
	return options.plant != NULL ? expect_plant() : run_seeds();
}
