/* SPDX-License-Identifier: MIT */
/* Bad networks: loss everywhere, loss on one member's way in or out, an interface that flaps. */
#include "world.h"

#include <math.h>

enum out {
	OUT_SUSPECTED, /* wrongly, an hour and member */
	OUT_FAILED,    /* FAILED about sound members, at sound members, in all */
	OUT_BY_SICK,   /* FAILED about sound members, at the one that has the trouble */
	OUT_SICK,      /* FAILED about the one that has the trouble */
	OUT_ALL,       /* a host lost meanwhile is known to all after, s */
	OUT_MESSAGES,  /* a member and second */
	OUT_BYTES
};

#define SICK 1
#define LOST 2

static const enum sim_protocol compared[] = {SIM_SWIM, SIM_LIFEGUARD, SIM_SHOAL};
#define COMPARED 3U
_Static_assert(sizeof(compared) / sizeof(compared[0]) == COMPARED, "as many as are named");

static void
configure(const struct sim_settings *settings, const struct sim_case *one,
        struct shoal_sim_config *config)
{
	enum sim_protocol protocol = compared[one->variant % COMPARED];

	shoal_sim_config_init(config);
	config->seed = one->seed;
	config->nodes = (uint32_t)sim_number(settings, "nodes");
	config->untraced = true;
	config->profile.suspicion_mult = protocol == SIM_SHOAL ? config->profile.suspicion_mult : 5;
	sim_protocol_apply(protocol, config);
}

/* Makes the trouble of a case. */
typedef int (*trouble_fn)(
        const struct sim_settings *settings, const struct sim_case *one, struct shoal_sim *sim);

static int make_loss(
        const struct sim_settings *settings, const struct sim_case *one, struct shoal_sim *sim);

static void
run_with(const struct sim_settings *settings, struct sim_case *one, trouble_fn make)
{
	double minutes = sim_number(settings, "minutes");
	struct shoal_sim_config config;
	configure(settings, one, &config);
	struct sim_tally *tally = sim_tally_new(&config);
	struct shoal_sim *sim = sim_world_new(one, &config);

	tally->sick[SICK] = make != make_loss;
	if (sim == NULL || sim_must(one, sim, make(settings, one, sim), "the trouble") != 0) {
		goto end;
	}
	struct sim_load before = sim_load_of(sim);
	sim_tally_clear(tally);
	if (sim_world_run(one, sim, (uint64_t)(minutes * 60e9), "trouble") != 0) {
		goto end;
	}
	struct sim_load after = sim_load_of(sim);
	double seconds = minutes * 60 * config.nodes;
	one->out[OUT_SUSPECTED] = (double)tally->suspected * 3600 / seconds;
	one->out[OUT_FAILED] = (double)tally->failed_sound;
	one->out[OUT_BY_SICK] = (double)(tally->failed - tally->failed_sound);
	one->out[OUT_SICK] = (double)tally->failed_sick;
	one->out[OUT_MESSAGES] = (after.messages - before.messages) / seconds;
	one->out[OUT_BYTES] = (after.bytes - before.bytes) / seconds;
	tally->sick[LOST] = true;
	sim_must(one, sim, shoal_sim_crash(sim, LOST, SHOAL_SIM_CRASH_HOST), "the crash");
	one->out[OUT_ALL] = sim_world_hold(one, sim, LOST, SHOAL_STATE_DEAD,
	        3 * shoal_profile_detection_bound(&config.profile, config.nodes));
end:
	sim_end(one, sim);
	sim_tally_free(tally);
}

static void
plan_rows(const struct sim_settings *settings, struct sim_cases *cases, const char *list,
        unsigned times)
{
	double values[SIM_LIST_MAX];
	size_t n = sim_list(settings, list, values);

	for (unsigned row = 0; row < n; row++) {
		for (unsigned variant = 0; variant < COMPARED * times; variant++) {
			sim_plan(settings, cases, row, variant);
		}
	}
}

/* One table a kind of trouble, a row for each value and protocol; and a chart. */
static void
tell_rows(const struct sim_settings *settings, const struct sim_cases *cases,
        struct sim_report *report, const char *list, unsigned kind, const char *title)
{
	const char *const columns[] = {list, "protocol", "suspected wrongly, an hour and member",
	        "sound members found dead by sound ones", "by the troubled one",
	        "the troubled one found dead", "lost host known to all, median, s",
	        "messages/s a member", "bytes/s a member"};
	struct sim_table *table =
	        sim_report_table(report, title, columns, sizeof(columns) / sizeof(columns[0]));
	struct sim_chart *chart = sim_report_chart(report, title, list, SIM_LINEAR,
	        "suspected wrongly, an hour and member", SIM_LINEAR);
	double values[SIM_LIST_MAX];
	size_t n = sim_list(settings, list, values);

	for (unsigned i = 0; i < COMPARED; i++) {
		sim_curve(chart, "%s", sim_protocol_name(compared[i]));
		for (unsigned row = 0; row < n; row++) {
			sim_point(chart, values[row],
			        sim_mean(cases, row, kind * COMPARED + i, OUT_SUSPECTED));
		}
	}
	for (unsigned row = 0; row < n; row++) {
		for (unsigned i = 0; i < COMPARED; i++) {
			unsigned variant = kind * COMPARED + i;

			sim_cell(table, values[row], 1);
			sim_cell_text(table, "%s", sim_protocol_name(compared[i]));
			sim_cell(table, sim_mean(cases, row, variant, OUT_SUSPECTED), 2);
			sim_cell(table, sim_sum(cases, row, variant, OUT_FAILED), 0);
			sim_cell(table, sim_sum(cases, row, variant, OUT_BY_SICK), 0);
			sim_cell(table, sim_sum(cases, row, variant, OUT_SICK), 0);
			sim_cell(table, sim_share(cases, row, variant, OUT_ALL, 0.5), 1);
			sim_cell(table, sim_mean(cases, row, variant, OUT_MESSAGES), 2);
			sim_cell(table, sim_mean(cases, row, variant, OUT_BYTES), 0);
		}
	}
}

/* Sound members that shoal found dead, over all rows of a kind. */
static double
wronged(const struct sim_settings *settings, const struct sim_cases *cases, const char *list,
        unsigned kind)
{
	double values[SIM_LIST_MAX], sum = 0;
	size_t n = sim_list(settings, list, values);

	for (unsigned row = 0; row < n; row++) {
		sum += sim_sum(cases, row, kind * COMPARED + COMPARED - 1, OUT_FAILED);
	}
	return sum;
}

/* ---- loss ---- */

static const struct sim_param loss_params[] = {
        {"nodes", "64", 4, 10000, false, "members"},
        {"loss", "1,2,5,10,15,20,25,30", 0, 90, true, "percent of all datagrams lost"},
        {"minutes", "10", 0.1, 10000, false, "minutes of virtual time"},
        {NULL, NULL, 0, 0, false, NULL},
};

static int
make_loss(const struct sim_settings *settings, const struct sim_case *one, struct shoal_sim *sim)
{
	double loss[SIM_LIST_MAX];
	struct shoal_sim_config config;

	sim_list(settings, "loss", loss);
	shoal_sim_config_init(&config);
	config.link.loss_ppm = (uint32_t)(loss[one->row] * 10000);
	return shoal_sim_set_link(sim, &config.link);
}

static void
run_loss(const struct sim_settings *settings, struct sim_case *one)
{
	run_with(settings, one, make_loss);
}

static void
plan_loss(const struct sim_settings *settings, struct sim_cases *cases)
{
	plan_rows(settings, cases, "loss", 1);
}

static void
tell_loss(const struct sim_settings *settings, const struct sim_cases *cases,
        struct sim_report *report)
{
	tell_rows(settings, cases, report, "loss", 0, "Loss of all datagrams, in percent");
	double wrong = wronged(settings, cases, "loss", 0);
	sim_fact(report, wrong == 0, "shoal finds nobody dead that lives: %.0f events", wrong);
}

const struct sim_scenario sim_loss_scenario = {
        .name = "loss",
        .summary = "Loss of datagrams everywhere",
        .about = "A part of all datagrams is lost on every way; then a host is lost too.",
        .params = loss_params,
        .runs = 3,
        .plan = plan_loss,
        .run = run_loss,
        .tell = tell_loss,
};

/* ---- one-way ---- */

static const struct sim_param one_way_params[] = {
        {"nodes", "64", 4, 10000, false, "members"},
        {"loss", "20,50,80,100", 0, 100, true, "percent of one member's datagrams lost"},
        {"minutes", "10", 0.1, 10000, false, "minutes of virtual time"},
        {NULL, NULL, 0, 0, false, NULL},
};

static int
make_one_way(const struct sim_settings *settings, const struct sim_case *one, struct shoal_sim *sim)
{
	double loss[SIM_LIST_MAX];

	sim_list(settings, "loss", loss);
	uint32_t ppm = (uint32_t)(loss[one->row] * 10000);
	bool in = one->variant < COMPARED;
	return shoal_sim_lossy(sim, SICK, in ? ppm : 0, in ? 0 : ppm);
}

static void
run_one_way(const struct sim_settings *settings, struct sim_case *one)
{
	run_with(settings, one, make_one_way);
}

static void
plan_one_way(const struct sim_settings *settings, struct sim_cases *cases)
{
	plan_rows(settings, cases, "loss", 2);
}

static void
tell_one_way(const struct sim_settings *settings, const struct sim_cases *cases,
        struct sim_report *report)
{
	tell_rows(settings, cases, report, "loss", 0, "Loss on one member's way in, in percent");
	tell_rows(settings, cases, report, "loss", 1, "Loss on one member's way out, in percent");
	double wrong = wronged(settings, cases, "loss", 0) + wronged(settings, cases, "loss", 1);
	sim_fact(report, wrong == 0, "shoal finds nobody dead that is well: %.0f events", wrong);
}

const struct sim_scenario sim_one_way_scenario = {
        .name = "one-way",
        .summary = "Loss on one member's way in, or out",
        .about = "One member does not hear, or is not heard, for a part of its datagrams; its "
                 "streams take longer. It may be found dead; the others must not.",
        .params = one_way_params,
        .runs = 3,
        .plan = plan_one_way,
        .run = run_one_way,
        .tell = tell_one_way,
};

/* ---- flapping ---- */

static const struct sim_param flapping_params[] = {
        {"nodes", "64", 4, 10000, false, "members"},
        {"down_s", "0.2,0.5,1,2,5,15", 0.01, 3600, true, "seconds for which nothing passes"},
        {"up_s", "5", 0.01, 3600, false, "seconds between"},
        {"minutes", "10", 0.1, 10000, false, "minutes of virtual time"},
        {NULL, NULL, 0, 0, false, NULL},
};

static int
make_flapping(
        const struct sim_settings *settings, const struct sim_case *one, struct shoal_sim *sim)
{
	double down[SIM_LIST_MAX], up = sim_number(settings, "up_s");

	sim_list(settings, "down_s", down);
	return shoal_sim_flap(
	        sim, SICK, (uint64_t)(up * 1e9), (uint64_t)((up + down[one->row]) * 1e9));
}

static void
run_flapping(const struct sim_settings *settings, struct sim_case *one)
{
	run_with(settings, one, make_flapping);
}

static void
plan_flapping(const struct sim_settings *settings, struct sim_cases *cases)
{
	plan_rows(settings, cases, "down_s", 1);
}

static void
tell_flapping(const struct sim_settings *settings, const struct sim_cases *cases,
        struct sim_report *report)
{
	tell_rows(settings, cases, report, "down_s", 0,
	        "One member's interface is down again and again, seconds");
	double wrong = wronged(settings, cases, "down_s", 0);
	sim_fact(report, wrong == 0, "shoal finds nobody dead that is well: %.0f events", wrong);
}

const struct sim_scenario sim_flapping_scenario = {
        .name = "flapping",
        .summary = "One member's interface goes up and down",
        .about = "Nothing passes to and from one member, then all does, again and again.",
        .params = flapping_params,
        .runs = 3,
        .plan = plan_flapping,
        .run = run_flapping,
        .tell = tell_flapping,
};
