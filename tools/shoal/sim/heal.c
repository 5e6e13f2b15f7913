/* SPDX-License-Identifier: MIT */
/* Two sides that were cut from each other find together again: within the bound, and without
 * anybody being told dead who lived all the time on the side of whoever tells it. */
#include "world.h"

#include <math.h>

enum out {
	OUT_AGREED,  /* from the end of the cut until all agree, s */
	OUT_BOUND,   /* that was promised, s */
	OUT_PARTED,  /* FAILED about members of the other side, during the cut */
	OUT_WRONG,   /* FAILED about a member of the observer's own side, ever */
	OUT_ACROSS,  /* FAILED about one of the other side, after the cut */
	OUT_MESSAGES /* a member, from the end of the cut until all agree */
};

static const struct sim_param params[] = {
        {"left", "500", 1, 30000, false, "members on one side"},
        {"right", "500", 1, 30000, false, "members on the other"},
        {"hours", "1", 0.001, 1000, false, "hours of the cut"},
        {"loss", "20", 0, 90, false, "percent of datagrams lost while the sides meet again"},
        {"duplicates", "20", 0, 90, false, "percent of datagrams that come twice then"},
        {NULL, NULL, 0, 0, false, NULL},
};

struct sides {
	uint32_t left;
	bool healed;
	uint64_t parted, wrong, across;
};

static void
on_note(const struct shoal_sim_note *note, void *arg)
{
	struct sides *sides = arg;

	bool same = (note->node < sides->left) == (note->other < sides->left);

	if (note->kind != SHOAL_SIM_NOTE_EVENT || note->event != SHOAL_EVENT_FAILED ||
	        !note->wrong) {
		return;
	}
	sides->wrong += same; /* before the end of the cut it is as wrong */
	sides->across += !same && sides->healed;
	sides->parted += !same && !sides->healed;
}

static void
plan(const struct sim_settings *settings, struct sim_cases *cases)
{
	sim_plan(settings, cases, 0, 0);
}

static int
cut(const struct sim_settings *settings, struct sim_case *one, struct shoal_sim *sim, uint32_t left)
{
	for (uint32_t i = 0; i < left; i++) {
		if (sim_must(one, sim, shoal_sim_group(sim, i, 1), "the cut") != 0) {
			return -1;
		}
	}
	return sim_world_run(
	        one, sim, (uint64_t)(sim_number(settings, "hours") * 3600e9), "the cut");
}

static void
run(const struct sim_settings *settings, struct sim_case *one)
{
	uint32_t left = (uint32_t)sim_number(settings, "left");
	uint32_t right = (uint32_t)sim_number(settings, "right");
	struct shoal_sim_config config;
	struct sides sides = {.left = left};

	shoal_sim_config_init(&config);
	config.seed = one->seed;
	config.nodes = left + right;
	config.untraced = true;
	config.on_note = on_note;
	config.arg = &sides;
	struct shoal_sim_link link = config.link;
	link.loss_ppm = (uint32_t)(sim_number(settings, "loss") * 10000);
	link.duplicate_ppm = (uint32_t)(sim_number(settings, "duplicates") * 10000);
	uint64_t bound = shoal_sim_convergence_bound(&config.profile, config.nodes, 0);
	struct shoal_sim *sim = sim_world_new(one, &config);
	if (sim == NULL || cut(settings, one, sim, left) != 0) {
		sim_end(one, sim);
		return;
	}
	shoal_sim_heal(sim);
	sides.healed = true;
	if (sim_must(one, sim, shoal_sim_set_link(sim, &link), "the loss") == 0) {
		struct sim_load before = sim_load_of(sim);

		one->out[OUT_BOUND] = (double)bound / 1e9;
		one->out[OUT_AGREED] = sim_world_agree(one, sim, bound);
		struct sim_load after = sim_load_of(sim);
		one->out[OUT_MESSAGES] = (after.messages - before.messages) / config.nodes;
		/* What is told late is counted too. */
		(void)sim_world_run(one, sim, SHOAL_SEC(120), "after");
		one->out[OUT_PARTED] = (double)sides.parted;
		one->out[OUT_WRONG] = (double)sides.wrong;
		one->out[OUT_ACROSS] = (double)sides.across;
	}
	sim_end(one, sim);
}

static void
tell(const struct sim_settings *settings, const struct sim_cases *cases, struct sim_report *report)
{
	static const char *const columns[] = {"left", "right", "hours", "loss %",
	        "found dead during the cut", "agreed after, median, s", "max", "bound, s",
	        "own side found dead", "other side found dead", "messages a member"};
	struct sim_table *table = sim_report_table(
	        report, "After the cut", columns, sizeof(columns) / sizeof(columns[0]));
	double wrong = sim_sum(cases, 0, 0, OUT_WRONG), across = sim_sum(cases, 0, 0, OUT_ACROSS);

	sim_cell(table, sim_number(settings, "left"), 0);
	sim_cell(table, sim_number(settings, "right"), 0);
	sim_cell(table, sim_number(settings, "hours"), 2);
	sim_cell(table, sim_number(settings, "loss"), 0);
	sim_cell(table, sim_sum(cases, 0, 0, OUT_PARTED), 0);
	sim_cell(table, sim_share(cases, 0, 0, OUT_AGREED, 0.5), 1);
	sim_cell(table, sim_share(cases, 0, 0, OUT_AGREED, 1), 1);
	sim_cell(table, sim_mean(cases, 0, 0, OUT_BOUND), 1);
	sim_cell(table, wrong, 0);
	sim_cell(table, across, 0);
	sim_cell(table, sim_mean(cases, 0, 0, OUT_MESSAGES), 1);
	sim_fact(report, sim_sum(cases, 0, 0, OUT_PARTED) > 0,
	        "the cut was long enough for the sides to find each other dead");
	sim_fact(report, wrong == 0,
	        "nobody is found dead, in the cut or the merge, by who is on the same side: %.0f "
	        "events",
	        wrong);
}

const struct sim_scenario sim_heal_scenario = {
        .name = "heal",
        .summary = "Two sides, cut from each other for hours, meet again",
        .about = "All know each other; then nothing passes between the two sides, each finds the "
                 "other dead; then the cut ends, while datagrams are lost and doubled.",
        .params = params,
        .runs = 1,
        .plan = plan,
        .run = run,
        .tell = tell,
};
