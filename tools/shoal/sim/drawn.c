/* SPDX-License-Identifier: MIT */
/* One drawn cluster a case. What failed is run again for its story: a run is the same each time. */
#include "drawn.h"

#include "record.h"
#include "story.h"

#include <math.h>
#include <stdio.h>

#define TWICE_EVERY 16

/* out[]: how often each checker looked, then the shares. */
enum share {
	SHARE_DETECTION,
	SHARE_AGREEMENT,
	SHARE_LEAVE,
	SHARE_DIGEST,
	SHARES
};

#define OUT_LOOKED SHARES

/* The checker of that index, which has a place in out[]. */
static bool
look(const struct shoal_sim *sim, size_t index, struct shoal_sim_check *check)
{
	return OUT_LOOKED + index < SIM_OUT_MAX && shoal_sim_check(sim, index, check);
}

static void
measure(struct sim_case *one, const struct shoal_swarm *swarm)
{
	const struct shoal_sim *sim = shoal_swarm_sim(swarm);
	struct shoal_swarm_shares shares;
	struct shoal_sim_check check;

	shoal_swarm_shares(swarm, &shares);
	one->out[SHARE_DETECTION] = shares.detection / 10.0;
	one->out[SHARE_AGREEMENT] = shares.agreement / 10.0;
	one->out[SHARE_LEAVE] = shares.leave / 10.0;
	one->out[SHARE_DIGEST] = shares.digest / 10.0;
	for (size_t i = 0; look(sim, i, &check); i++) {
		one->out[OUT_LOOKED + i] = (double)check.looked;
	}
	one->steps += shoal_sim_steps(sim);
	one->virtual_ns += shoal_sim_now(sim);
}

/* The trace of the run; where it fails, that stands in trouble. */
static uint64_t
play(struct sim_case *one, uint32_t nodes)
{
	struct shoal_swarm *swarm;
	uint64_t trace = 0;

	if (sim_must(one, NULL,
	            shoal_swarm_new_coded(&swarm, one->seed, nodes, one->codec, NULL, NULL),
	            "the world") == 0) {
		sim_must(one, shoal_swarm_sim(swarm), shoal_swarm_run(swarm), "a drawn cluster");
		measure(one, swarm);
		trace = shoal_sim_trace(shoal_swarm_sim(swarm));
		shoal_swarm_free(swarm);
	}
	return trace;
}

void
sim_drawn_run(struct sim_case *one, uint32_t nodes)
{
	uint64_t trace = play(one, nodes);

	if (one->seed % TWICE_EVERY == 0 && one->trouble[0] == '\0' && play(one, nodes) != trace) {
		snprintf(one->trouble, sizeof(one->trouble), "two runs of the seed differ");
	}
}

static double
sum(const struct sim_cases *cases, size_t out)
{
	double all = 0;

	for (size_t i = 0; i < cases->count; i++) {
		double value = cases->item[i].out[out];

		all += isnan(value) ? 0 : value;
	}
	return all;
}

static double
most(const struct sim_cases *cases, size_t out)
{
	double value = NAN;

	for (size_t i = 0; i < cases->count; i++) {
		value = fmax(value, cases->item[i].out[out]);
	}
	return value;
}

static void
tell_looks(const struct sim_cases *cases, struct sim_report *report)
{
	static const char *const columns[] = {"checker", "looked", "what it holds"};
	struct sim_table *table = sim_report_table(report, "Checkers", columns, 3);
	struct shoal_swarm *swarm;
	struct shoal_sim_check check;

	/* Any world has their names. */
	if (shoal_swarm_new(&swarm, 1, 2, NULL, NULL) != 0) {
		return;
	}
	for (size_t i = 0; look(shoal_swarm_sim(swarm), i, &check); i++) {
		sim_cell_text(table, "%s", check.name);
		sim_cell(table, sum(cases, OUT_LOOKED + i), 0);
		sim_cell_text(table, "%s", check.help);
	}
	shoal_swarm_free(swarm);
}

void
sim_drawn_tell(const struct sim_cases *cases, struct sim_report *report)
{
	static const char *const columns[] = {"until", "% of its bound"};
	static const char *const names[SHARES] = {[SHARE_DETECTION] = "a crash known to all",
	        [SHARE_AGREEMENT] = "agreement after joins, cuts and faults",
	        [SHARE_LEAVE] = "a leave known to all",
	        [SHARE_DIGEST] = "no difference known any more"};
	size_t failed = 0;

	for (size_t i = 0; i < cases->count; i++) {
		failed += cases->item[i].trouble[0] != '\0';
	}
	tell_looks(cases, report);
	struct sim_table *table = sim_report_table(report, "Longest of all", columns, 2);
	for (size_t i = 0; i < SHARES; i++) {
		sim_cell_text(table, "%s", names[i]);
		sim_cell(table, most(cases, i), 1);
	}
	sim_fact(report, failed == 0, "every checker is content with %zu of %zu clusters",
	        cases->count - failed, cases->count);
}

void
sim_drawn_again(const struct sim_settings *settings, const struct sim_case *one, uint32_t nodes,
        struct sim_report *report)
{
	char members[32] = "";
	struct shoal_sim_failure failure;
	struct shoal_swarm *swarm;
	struct sim_record record;

	if (nodes != 0) {
		snprintf(members, sizeof(members), " --nodes %u", (unsigned)nodes);
	}
	sim_remark(report, "Again: shoal sim swarm --seed %llu --runs 1%s%s%s --record FILE",
	        (unsigned long long)one->seed, members, one->codec != NULL ? " --codec " : "",
	        one->codec != NULL ? one->codec->name : "");
	if (shoal_swarm_new_coded(&swarm, one->seed, nodes, one->codec, NULL, NULL) != 0) {
		return;
	}
	(void)shoal_swarm_run(swarm);
	sim_story_failure(swarm, stderr);
	bool fired = shoal_sim_failure(shoal_swarm_sim(swarm), &failure);
	shoal_swarm_free(swarm);
	if (settings->record == NULL || !fired || failure.observer == SHOAL_SIM_NOBODY ||
	        shoal_swarm_new_coded(&swarm, one->seed, nodes, one->codec, NULL, NULL) != 0) {
		return;
	}
	sim_record_begin(&record, shoal_swarm_sim(swarm), failure.observer, settings->record);
	(void)shoal_swarm_run(swarm);
	sim_record_end(&record);
	shoal_swarm_free(swarm);
	sim_remark(report, "Recorded: node %u of it: shoal replay %s", (unsigned)failure.observer,
	        settings->record);
}
