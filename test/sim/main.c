/* SPDX-License-Identifier: MIT */
/* The simulator's program: runs seeds and judges them.
 *
 *     shoal-sim-test --seed N | --seeds A..B | --count N   which seeds (N counts from 1)
 *         --nodes N            a fixed size instead of a drawn one
 *         --trace              a line a seed with its trace hash
 *         --verbose            every event and fault
 *         --record NODE:FILE   what that node takes, for `shoal replay`; its second start goes to
 *                              FILE.2 and so on
 *         --plant-expect C     a bug is planted: only checker C may fire, and must in a seed
 *         --scenario P         instead of seeds: 64 nodes and a crash under profile P
 *
 * Every 16th seed runs twice, and both runs must have one trace. Exit status: 0 well, 1 a checker
 * fired (with --plant-expect: it did not), 2 usage. A run of 50 seeds or more fails too where some
 * checker never looked. */
#include "record.h"
#include "scenario.h"
#include "story.h"

#include "sim/judge.h"

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
	enum shoal_checker planted; /* with plant */
	uint32_t record_node;
	const char *program;
	uint32_t nodes; /* 0: drawn */
};

struct totals {
	uint64_t looked[SHOAL_CHECKERS];
	uint64_t seeds, steps;
	struct shoal_swarm_shares worst;
};

static struct options options;
static uint64_t current_seed;

/* The command that runs a seed again. */
static void
replay(uint64_t seed)
{
	printf("replay: %s --seed %" PRIu64, options.program, seed);
	if (options.nodes != 0) {
		printf(" --nodes %" PRIu32, options.nodes);
	}
	printf(" --verbose\n");
	(void)fflush(stdout);
}

static void
on_panic(const char *expression, const char *file, int line)
{
	printf("ASSERTION: %s at %s:%d, seed %" PRIu64 "\n", expression, file, line, current_seed);
	replay(current_seed);
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
	if (!number(text, &node) || node >= SHOAL_SWARM_NODES_MAX) {
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
		if (!number(value, &n) || n < 2 || n > SHOAL_SWARM_NODES_MAX) {
			return false;
		}
		options.nodes = (uint32_t)n;
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
	options.program = argv[0];
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
worst(uint32_t *most, uint32_t share)
{
	*most = share > *most ? share : *most;
}

static void
add_up(struct totals *totals, const struct shoal_swarm *swarm)
{
	const struct shoal_sim *sim = shoal_swarm_sim(swarm);
	struct shoal_sim_check check;
	struct shoal_swarm_shares shares;

	totals->seeds++;
	totals->steps += shoal_sim_steps(sim);
	for (size_t i = 0; i < SHOAL_CHECKERS && shoal_sim_check(sim, i, &check); i++) {
		totals->looked[i] += check.looked;
	}
	shoal_swarm_shares(swarm, &shares);
	worst(&totals->worst.detection, shares.detection);
	worst(&totals->worst.agreement, shares.agreement);
	worst(&totals->worst.leave, shares.leave);
	worst(&totals->worst.digest, shares.digest);
}

/* Runs a seed; the swarm stays for its notes, whatever came out. NULL: it was not made. */
static int
run_seed(uint64_t seed, struct shoal_swarm **swarm, bool verbose)
{
	struct sim_record record;
	int rc;

	current_seed = seed;
	*swarm = NULL;
	rc = shoal_swarm_new(swarm, seed, options.nodes, verbose ? sim_story_note : NULL, stdout);
	if (rc != 0) {
		return rc;
	}
	if (options.plant != NULL) {
		/* Others may see the bug too: each finds by itself what it is there for. */
		struct shoal_checkers *checks = shoal_sim_checkers(shoal_swarm_sim(*swarm));

		checks->one = true;
		checks->which = options.planted;
	}
	if (verbose) {
		sim_story_plan(*swarm, stdout);
	}
	if (options.record_file == NULL) {
		return shoal_swarm_run(*swarm);
	}
	sim_record_begin(
	        &record, shoal_swarm_sim(*swarm), options.record_node, options.record_file);
	rc = shoal_swarm_run(*swarm);
	sim_record_end(&record);
	return rc;
}

static bool
same_again(uint64_t seed, uint64_t trace)
{
	struct shoal_swarm *swarm;
	bool same = run_seed(seed, &swarm, false) == 0 &&
	            shoal_sim_trace(shoal_swarm_sim(swarm)) == trace;

	shoal_swarm_free(swarm);
	if (!same) {
		printf("FAILED: seed %" PRIu64 " run twice gives two traces\n", seed);
		replay(seed);
	}
	return same;
}

/* false: this seed failed. */
static bool
judge_seed(uint64_t seed, struct totals *totals)
{
	struct shoal_swarm *swarm;
	int rc = run_seed(seed, &swarm, options.verbose);
	uint64_t trace;

	if (swarm == NULL) {
		printf("FAILED: seed %" PRIu64 ": %s\n", seed, shoal_strerror(rc));
		return false;
	}
	trace = shoal_sim_trace(shoal_swarm_sim(swarm));
	if (options.trace) {
		printf("seed %" PRIu64 " nodes %" PRIu32 " steps %" PRIu64 " trace %016" PRIx64
		       "\n",
		        seed, shoal_sim_nodes(shoal_swarm_sim(swarm)),
		        shoal_sim_steps(shoal_swarm_sim(swarm)), trace);
	}
	if (rc != 0) {
		printf("FAILED: seed %" PRIu64 "\n", seed);
		sim_story_failure(swarm, stdout);
		replay(seed);
	} else {
		add_up(totals, swarm);
	}
	shoal_swarm_free(swarm);
	return rc == 0 && (seed % TWICE_EVERY != 0 || same_again(seed, trace));
}

static void
print_looks(const struct totals *totals)
{
	for (size_t i = 0; i < SHOAL_CHECKERS; i++) {
		printf("  %-14s %12" PRIu64 "  %s\n", shoal_checker_name((enum shoal_checker)i),
		        totals->looked[i], shoal_checker_help((enum shoal_checker)i));
	}
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
	       " steps; longest, in permille of its bound: detection %" PRIu32
	       ", agreement %" PRIu32 ", leave %" PRIu32 ", digest %" PRIu32 "\n",
	        totals.seeds, totals.steps, totals.worst.detection, totals.worst.agreement,
	        totals.worst.leave, totals.worst.digest);
	print_looks(&totals);
	for (size_t i = 0; i < SHOAL_CHECKERS && totals.seeds >= ALL_LOOK; i++) {
		if (totals.looked[i] == 0) {
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
	if (shoal_checker_parse(&options.planted, options.plant) != 0) {
		return 2;
	}
	for (uint64_t seed = options.first; seed <= options.last; seed++) {
		struct shoal_swarm *swarm;
		struct shoal_sim_failure failure;
		bool fired = run_seed(seed, &swarm, options.verbose) == SHOAL_ERR_STATE &&
		             shoal_sim_failure(shoal_swarm_sim(swarm), &failure);

		if (fired) {
			printf("checker %s fired at seed %" PRIu64 ": %s\n", options.plant, seed,
			        failure.why);
		}
		shoal_swarm_free(swarm);
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
		        options.scenario, options.nodes, options.first, options.verbose);
	}
	return options.plant != NULL ? expect_plant() : run_seeds();
}
