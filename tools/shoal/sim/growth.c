/* SPDX-License-Identifier: MIT */
/* Time, bytes and messages against the number of members, for what happens in the life of a
 * cluster: all start at once, nothing happens, a process dies, a host is lost, one in a hundred are
 * lost at once, halves are cut apart and meet again, all restart.
 *
 * In a storm every member has news of every other, and its time and memory go with the square of
 * their number: of 1,000 it is six sevenths of the whole run. So there is a largest size for
 * storms; larger worlds are born knowing all. */
#include "world.h"

#include <math.h>
#include <stdlib.h>

enum phase {
	JOIN,
	STEADY,
	KILL,
	LOSE,
	LOSE_MANY,
	HEAL,
	RESTART,
	PHASES
};

/* out[3 * phase ...]: seconds, messages a member, bytes a member; of STEADY a second. */
#define SECONDS  0
#define MESSAGES 1
#define BYTES    2

/* Above so many members the checkers follow a few of them. */
#define FOLLOWED_TO   1000
#define FOLLOWED_THEN 16

static const char *const phase_names[PHASES] = {"all start at once", "nothing happens",
        "a process is killed", "a host is lost", "1 % of the hosts are lost at once",
        "halves, cut for 2 minutes, meet", "all restart without memory"};

static const struct sim_param params[] = {
        {"sizes", "10,32,100,316,1000", 4, 60000, true, "members"},
        {"storms_to", "3162", 4, 60000, false,
                "members up to which all start, restart or are cut apart at once; more know each "
                "other from the start"},
        {"steady_s", "30", 1, 100000, false, "seconds of quiet that are measured"},
        {NULL, NULL, 0, 0, false, NULL},
};

static void
plan(const struct sim_settings *settings, struct sim_cases *cases)
{
	double sizes[SIM_LIST_MAX];
	size_t n = sim_list(settings, "sizes", sizes);

	/* The large ones first: they take longest. */
	for (unsigned row = (unsigned)n; row-- > 0;) {
		sim_plan(settings, cases, row, 0);
	}
}

struct life {
	struct sim_case *one;
	struct shoal_sim *sim;
	const struct shoal_sim_config *config;
	struct sim_load before;
	uint64_t bound, detection;
	bool storms;
};

static void
begin(struct life *life)
{
	life->before = sim_load_of(life->sim);
}

static void
end(struct life *life, enum phase phase, double seconds)
{
	struct sim_load now = sim_load_of(life->sim);
	double share = life->config->nodes * (phase == STEADY ? seconds : 1);
	double *out = &life->one->out[3 * phase];

	out[SECONDS] = seconds;
	out[MESSAGES] = (now.messages - life->before.messages) / share;
	out[BYTES] = (now.bytes - life->before.bytes) / share;
}

static int
quiet(struct life *life, double seconds)
{
	return sim_world_run(life->one, life->sim, (uint64_t)(seconds * 1e9), "quiet");
}

static bool
went_wrong(const struct life *life)
{
	return life->one->trouble[0] != '\0';
}

/* Nodes from `first` on go down; until all the others know of all of them. */
static void
lose(struct life *life, enum phase phase, uint32_t first, uint32_t count, enum shoal_sim_crash how)
{
	double seconds = 0;

	begin(life);
	for (uint32_t i = first; i < first + count; i++) {
		sim_must(life->one, life->sim, shoal_sim_crash(life->sim, i, how), "a crash");
	}
	for (uint32_t i = first; i < first + count && !went_wrong(life); i++) {
		seconds += sim_world_hold(
		        life->one, life->sim, i, SHOAL_STATE_DEAD, 2 * life->detection);
	}
	end(life, phase, seconds);
}

static void
come_back(struct life *life, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		sim_must(life->one, life->sim, shoal_sim_start(life->sim, i), "a start");
		sim_must(life->one, life->sim, shoal_sim_join(life->sim, i, 0), "a join");
	}
	(void)sim_world_agree(life->one, life->sim, life->bound);
	(void)quiet(life, 30);
}

static void
heal(struct life *life)
{
	for (uint32_t i = 0; i < life->config->nodes / 2; i++) {
		sim_must(life->one, life->sim, shoal_sim_group(life->sim, i, 1), "the cut");
	}
	(void)quiet(life, 120);
	shoal_sim_heal(life->sim);
	begin(life);
	end(life, HEAL, sim_world_agree(life->one, life->sim, life->bound));
	(void)quiet(life, 60);
}

static void
restart(struct life *life)
{
	begin(life);
	for (uint32_t i = 0; i < life->config->nodes; i++) {
		sim_must(life->one, life->sim,
		        shoal_sim_crash(life->sim, i, SHOAL_SIM_CRASH_PROCESS), "a crash");
	}
	sim_must(life->one, life->sim, shoal_sim_gather(life->sim), "the start");
	end(life, RESTART, sim_world_agree(life->one, life->sim, life->bound));
}

/* All know each other: they find each other, or are born so. */
static void
come_up(struct life *life)
{
	if (!life->storms) {
		sim_must(life->one, life->sim, shoal_sim_warm(life->sim), "the start");
		return;
	}
	begin(life);
	sim_must(life->one, life->sim, shoal_sim_gather(life->sim), "the start");
	end(life, JOIN, sim_world_agree(life->one, life->sim, life->bound));
}

static void
live(struct life *life, double steady)
{
	uint32_t nodes = life->config->nodes, many = nodes / 100;

	come_up(life);
	if (went_wrong(life) || quiet(life, 30) != 0) {
		return;
	}
	begin(life);
	if (quiet(life, steady) != 0) {
		return;
	}
	end(life, STEADY, steady);
	lose(life, KILL, 1, 1, SHOAL_SIM_CRASH_PROCESS);
	if (!went_wrong(life)) {
		come_back(life, 1, 1);
		lose(life, LOSE, 2, 1, SHOAL_SIM_CRASH_HOST);
	}
	if (!went_wrong(life)) {
		come_back(life, 2, 1);
	}
	if (!went_wrong(life) && many > 1) {
		lose(life, LOSE_MANY, 1, many, SHOAL_SIM_CRASH_HOST);
		come_back(life, 1, many);
	}
	if (!went_wrong(life) && life->storms) {
		heal(life);
	}
	if (!went_wrong(life) && life->storms) {
		restart(life);
	}
}

static void
run(const struct sim_settings *settings, struct sim_case *one)
{
	double sizes[SIM_LIST_MAX];
	struct shoal_sim_config config;

	sim_list(settings, "sizes", sizes);
	shoal_sim_config_init(&config);
	config.codec = one->codec;
	config.seed = one->seed;
	config.nodes = (uint32_t)sizes[one->row];
	config.untraced = true;
	if (config.nodes > FOLLOWED_TO) {
		config.followed_max = FOLLOWED_THEN;
	}
	struct life life = {.one = one,
	        .config = &config,
	        .storms = config.nodes <= sim_number(settings, "storms_to"),
	        .bound = shoal_sim_convergence_bound(&config.profile, config.nodes, 0),
	        .detection = shoal_profile_detection_bound(&config.profile, config.nodes)};
	if (sim_must(one, NULL, shoal_sim_new(&life.sim, &config), "the world") == 0) {
		live(&life, sim_number(settings, "steady_s"));
	}
	sim_end(one, life.sim);
}

static void
tell_measure(const struct sim_cases *cases, const double *sizes, size_t n, unsigned measure,
        const char *title, int decimals, struct sim_report *report)
{
	const char *columns[PHASES + 1] = {"members"};
	struct sim_chart *chart =
	        sim_report_chart(report, title, "members", SIM_LOG, title, SIM_LOG);

	for (size_t phase = 0; phase < PHASES; phase++) {
		columns[phase + 1] = phase_names[phase];
	}
	struct sim_table *table = sim_report_table(report, title, columns, PHASES + 1);
	for (unsigned row = 0; row < n; row++) {
		sim_cell(table, sizes[row], 0);
		for (unsigned phase = 0; phase < PHASES; phase++) {
			sim_cell(table, sim_mean(cases, row, 0, 3 * phase + measure), decimals);
		}
	}
	for (unsigned phase = 0; phase < PHASES; phase++) {
		if (measure == SECONDS && phase == STEADY) {
			continue; /* it takes as long as was asked for */
		}
		sim_curve(chart, "%s", phase_names[phase]);
		for (unsigned row = 0; row < n; row++) {
			sim_point(chart, sizes[row], sim_mean(cases, row, 0, 3 * phase + measure));
		}
	}
}

static void
tell(const struct sim_settings *settings, const struct sim_cases *cases, struct sim_report *report)
{
	double sizes[SIM_LIST_MAX];
	size_t n = sim_list(settings, "sizes", sizes);

	tell_measure(cases, sizes, n, SECONDS, "Seconds until all know", 3, report);
	tell_measure(cases, sizes, n, MESSAGES, "Messages a member (nothing happens: a second)", 2,
	        report);
	tell_measure(cases, sizes, n, BYTES,
	        "Bytes a member, with IP, UDP and TCP headers (nothing happens: a second)", 0,
	        report);
	sim_remark(report,
	        "The first probe of each member to each other is padded, to find out what "
	        "the way takes (docs/protocol.md): among n members that is most of the "
	        "bytes of the first n seconds. A steady_s far above n shows what stays.");
	if (n >= 2) {
		double first = sim_mean(cases, 0, 0, 3 * STEADY + MESSAGES);
		double last = sim_mean(cases, (unsigned)n - 1, 0, 3 * STEADY + MESSAGES);

		sim_fact(report, last <= 1.1 * first + 0.1,
		        "a quiet member sends as much among %.0f as among %.0f: %.2f and %.2f "
		        "messages a second",
		        sizes[n - 1], sizes[0], last, first);
	}
}

const struct sim_scenario sim_growth_scenario = {
        .name = "growth",
        .summary = "Time, messages and bytes against the number of members",
        .about = "The life of a cluster, phase by phase, for clusters of several sizes: how long "
                 "until all know, and what it costs each member.",
        .params = params,
        .runs = 1,
        .plan = plan,
        .run = run,
        .tell = tell,
};
