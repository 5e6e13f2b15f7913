/* SPDX-License-Identifier: MIT */
/* SWIM's own experiments (Das, Gupta, Motivala 2002, figures 2 and 3): the time until a crash is
 * first noticed and the load of a member do not grow with the group, the time until all know grows
 * with its logarithm. */
#include "world.h"

#include <math.h>

enum out {
	OUT_NOTICED, /* crash to the first SUSPECT, in periods */
	OUT_SPREAD,  /* first to last SUSPECT, in periods */
	OUT_FAILED,  /* crash to the first FAILED, in seconds */
	OUT_ALL,     /* ... to the last */
	OUT_SENT,    /* messages a member and period, before the crash */
	OUT_BYTES    /* a member and second, with headers of IP and UDP */
};

enum variant {
	AS_PUBLISHED, /* one relay, news on pings and acks only */
	AS_SHIPPED    /* shoal, the host lost, so that no link tells of it */
};

static const struct sim_param params[] = {
        {"sizes", "8,16,32,64,128,256,512", 3, 10000, true, "members"},
        {"period_s", "2", 0.1, 60, false, "seconds of a protocol period, of both"},
        {NULL, NULL, 0, 0, false, NULL},
};

static void
plan(const struct sim_settings *settings, struct sim_cases *cases)
{
	double sizes[SIM_LIST_MAX];
	size_t n = sim_list(settings, "sizes", sizes);

	for (unsigned row = 0; row < n; row++) {
		sim_plan(settings, cases, row, AS_PUBLISHED);
		sim_plan(settings, cases, row, AS_SHIPPED);
	}
}

static void
configure(const struct sim_settings *settings, const struct sim_case *one,
        struct shoal_sim_config *config)
{
	double sizes[SIM_LIST_MAX];
	uint32_t period_ms = (uint32_t)(sim_number(settings, "period_s") * 1000);

	sim_list(settings, "sizes", sizes);
	shoal_sim_config_init(config);
	config->seed = one->seed;
	config->nodes = (uint32_t)sizes[one->row];
	config->untraced = true;
	config->profile.probe_interval_ms = period_ms;
	config->profile.probe_timeout_ms = period_ms / 2;
	if (one->variant == AS_PUBLISHED) {
		sim_protocol_apply(SIM_SWIM, config);
		config->profile.relays = 1;
		config->profile.gossip_interval_ms = 60000;
	}
}

static void
run(const struct sim_settings *settings, struct sim_case *one)
{
	struct shoal_sim_config config;
	configure(settings, one, &config);
	struct sim_tally *tally = sim_tally_new(&config);
	struct shoal_sim *sim = sim_world_new(one, &config);
	uint64_t period = SHOAL_MS(config.profile.probe_interval_ms);
	double periods = 20;

	if (sim == NULL || sim_world_run(one, sim, 30 * period, "quiet") != 0) {
		goto end;
	}
	struct sim_load before = sim_load_of(sim);
	if (sim_world_run(one, sim, (uint64_t)periods * period, "steady") != 0) {
		goto end;
	}
	struct sim_load after = sim_load_of(sim);
	one->out[OUT_SENT] = (after.messages - before.messages) / periods / config.nodes;
	one->out[OUT_BYTES] =
	        (after.bytes - before.bytes) / periods / config.nodes / ((double)period / 1e9);
	/* At no particular moment of a period. */
	if (sim_world_run(one, sim, sim_draw(one->seed, 1, period), "steady") != 0) {
		goto end;
	}
	tally->subject = 1 + (uint32_t)sim_draw(one->seed, 2, config.nodes - 1);
	uint64_t crash = shoal_sim_now(sim);
	sim_must(one, sim, shoal_sim_crash(sim, tally->subject, SHOAL_SIM_CRASH_HOST), "the crash");
	uint64_t bound = shoal_profile_detection_bound(&config.profile, config.nodes);
	one->out[OUT_ALL] = sim_world_hold(one, sim, tally->subject, SHOAL_STATE_DEAD, 2 * bound);
	one->out[OUT_NOTICED] = (double)(tally->suspect_first - crash) / (double)period;
	one->out[OUT_SPREAD] =
	        (double)(tally->suspect_last - tally->suspect_first) / (double)period;
	one->out[OUT_FAILED] = (double)(tally->failed_first - crash) / 1e9;
end:
	sim_end(one, sim);
	sim_tally_free(tally);
}

static void
tell_variant(const struct sim_cases *cases, const double *sizes, size_t n, enum variant variant,
        struct sim_report *report)
{
	static const char *const columns[] = {"members", "noticed, mean, periods", "median", "max",
	        "all suspect after, median, periods", "failed first, median, s",
	        "failed at all, median, s", "messages a member and period", "bytes/s a member"};
	struct sim_table *table = sim_report_table(report,
	        variant == AS_PUBLISHED
	                ? "SWIM as published: one relay, news on pings and acks only"
	                : "shoal as shipped",
	        columns, sizeof(columns) / sizeof(columns[0]));

	for (unsigned row = 0; row < n; row++) {
		sim_cell(table, sizes[row], 0);
		sim_cell(table, sim_mean(cases, row, variant, OUT_NOTICED), 2);
		sim_cell(table, sim_share(cases, row, variant, OUT_NOTICED, 0.5), 2);
		sim_cell(table, sim_share(cases, row, variant, OUT_NOTICED, 1), 2);
		sim_cell(table, sim_share(cases, row, variant, OUT_SPREAD, 0.5), 3);
		sim_cell(table, sim_share(cases, row, variant, OUT_FAILED, 0.5), 1);
		sim_cell(table, sim_share(cases, row, variant, OUT_ALL, 0.5), 1);
		sim_cell(table, sim_mean(cases, row, variant, OUT_SENT), 2);
		sim_cell(table, sim_mean(cases, row, variant, OUT_BYTES), 0);
	}
}

static void
tell_charts(const struct sim_cases *cases, const double *sizes, size_t n, struct sim_report *report)
{
	static const char *const names[] = {"SWIM as published", "shoal"};
	struct sim_chart *noticed = sim_report_chart(report, "A crash is first noticed", "members",
	        SIM_LOG, "periods, mean", SIM_LINEAR);
	struct sim_chart *spread =
	        sim_report_chart(report, "From the first to suspect it to the last", "members",
	                SIM_LOG, "periods, median", SIM_LINEAR);
	struct sim_chart *load = sim_report_chart(
	        report, "Load", "members", SIM_LOG, "messages a member and period", SIM_LINEAR);

	for (unsigned variant = 0; variant < 2; variant++) {
		sim_curve(noticed, "%s", names[variant]);
		sim_curve(spread, "%s", names[variant]);
		sim_curve(load, "%s", names[variant]);
		for (unsigned row = 0; row < n; row++) {
			sim_point(noticed, sizes[row], sim_mean(cases, row, variant, OUT_NOTICED));
			sim_point(spread, sizes[row],
			        sim_share(cases, row, variant, OUT_SPREAD, 0.5));
			sim_point(load, sizes[row], sim_mean(cases, row, variant, OUT_SENT));
		}
	}
	sim_curve(noticed, "e/(e-1), as derived in the paper");
	for (unsigned row = 0; row < n; row++) {
		sim_point(noticed, sizes[row], exp(1) / (exp(1) - 1));
	}
}

static void
tell(const struct sim_settings *settings, const struct sim_cases *cases, struct sim_report *report)
{
	double sizes[SIM_LIST_MAX];
	size_t n = sim_list(settings, "sizes", sizes);

	tell_variant(cases, sizes, n, AS_PUBLISHED, report);
	tell_variant(cases, sizes, n, AS_SHIPPED, report);
	tell_charts(cases, sizes, n, report);
	sim_remark(report,
	        "Published (figures 2, 3a, 3b; 8 to 56 members, periods of 2 s): noticed "
	        "after 1.76 periods in the mean, 4.44 at most, no trend in n; 1.98 to 2.13 "
	        "messages sent a member and period, flat; an update known to all after a "
	        "median of 1.25 to 3.04 periods.");
	sim_remark(report,
	        "A failed probe is noticed when its period ends, so a whole period after "
	        "the ping: the paper counts from the crash to the detection too.");
}

const struct sim_scenario sim_detection_scenario = {
        .name = "swim",
        .summary = "A crash against the size of the group: when it is noticed, when all know, what "
                   "it costs",
        .about =
                "One host is lost, at no particular moment, in a quiet group. SWIM as published, "
                "made from shoal by switching off what is beyond it, and shoal as shipped with the "
                "same period.",
        .params = params,
        .runs = 30,
        .plan = plan,
        .run = run,
        .tell = tell,
};
