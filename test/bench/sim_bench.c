/* SPDX-License-Identifier: MIT */
/* The simulator: steps and probe rounds a second of processor
 * time in a steady world, bytes a node and a
 * member, and how long a world takes to be born; and how many broadcasts that go once do not come
 * to all where 5 % of all datagrams are lost. --nodes N adds a figure of that size: of 10,000 nodes
 * it takes a minute and some gigabytes. */
#include <shoal/sim.h>

#include "bench.h"
#include "sim/world.h"

#define SLICE_NS SHOAL_MS(100)
#define LOST_PPM 50000
#define TOLD_NS  SHOAL_SEC(2) /* until a broadcast is told no more */

static struct shoal_sim *
make(uint32_t nodes, uint32_t lost_ppm)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	shoal_sim_config_init(&config);
	config.seed = 1;
	config.nodes = nodes;
	config.followed_max = nodes < 16 ? nodes : 16;
	config.untraced = true;
	config.link.loss_ppm = lost_ppm;
	if (shoal_sim_new(&sim, &config) != SHOAL_OK) {
		fprintf(stderr, "sim_bench: no world of %u nodes\n", nodes);
		exit(1);
	}
	return sim;
}

static void
need(struct shoal_sim *sim, int rc)
{
	struct shoal_sim_failure failure;

	if (rc != SHOAL_OK) {
		fprintf(stderr, "sim_bench: %s\n", shoal_strerror(rc));
		if (shoal_sim_failure(sim, &failure)) {
			fprintf(stderr, "  %s, node %u: %s\n", failure.check, failure.observer,
			        failure.why);
		}
		exit(1);
	}
}

static void
figure(const struct bench *bench, uint32_t nodes, const char *what, double value, const char *unit)
{
	char text[80];

	snprintf(text, sizeof text, "%s, %u nodes", what, nodes);
	bench_figure(bench, text, value, unit);
}

static uint64_t
counted(const struct shoal_sim *sim, enum shoal_counter counter)
{
	struct shoal_counters counters;

	shoal_sim_counters(sim, SHOAL_SIM_NOBODY, &counters);
	return counters.value[counter];
}

static uint64_t
probes(const struct shoal_sim *sim)
{
	return counted(sim, SHOAL_COUNTER_PROBES_ACKED);
}

static void
bench_world(const struct bench *bench, uint32_t nodes)
{
	struct shoal_sim *sim = make(nodes, 0);
	uint64_t begin, cpu = bench_cpu_ns(), steps, rounds, virtual;
	double seconds, bytes;

	need(sim, shoal_sim_warm(sim));
	figure(bench, nodes, "born warm in", (double)(bench_cpu_ns() - cpu) / 1e9, "s");
	need(sim, shoal_sim_run(sim, SHOAL_SEC(2)));
	bytes = (double)shoal_sim_memory(sim);
	figure(bench, nodes, "all cores", bytes / (1 << 30), "GiB");
	figure(bench, nodes, "a node", bytes / nodes, "bytes");
	figure(bench, nodes, "a member of one node", bytes / nodes / nodes, "bytes");
	steps = shoal_sim_steps(sim);
	rounds = probes(sim);
	virtual = shoal_sim_now(sim);
	begin = bench_now_ns();
	cpu = bench_cpu_ns();
	while (bench_running(bench, begin)) {
		need(sim, shoal_sim_run(sim, shoal_sim_now(sim) + SLICE_NS));
	}
	seconds = (double)(bench_cpu_ns() - cpu) / 1e9;
	figure(bench, nodes, "probe rounds", (double)(probes(sim) - rounds) / seconds, "/s");
	figure(bench, nodes, "steps", (double)(shoal_sim_steps(sim) - steps) / seconds, "/s");
	figure(bench, nodes, "virtual time", (double)(shoal_sim_now(sim) - virtual) / 1e9 / seconds,
	        "s/s");
	if (!shoal_sim_agreed(sim, NULL)) {
		fprintf(stderr, "sim_bench: a steady world does not agree\n");
		exit(1);
	}
	shoal_sim_free(sim);
}

/* Of 4 to 300 bytes, and every sixteenth of 2,000, which fits no datagram. */
static void
bench_casts(const struct bench *bench, uint32_t nodes)
{
	struct shoal_sim *sim = make(nodes, LOST_PPM);
	uint32_t casts = (uint32_t)(1000 * bench->seconds), incomplete = 0;
	uint64_t missed = 0;

	need(sim, shoal_sim_warm(sim));
	need(sim, shoal_sim_run(sim, SHOAL_SEC(2)));
	uint64_t copies = counted(sim, SHOAL_COUNTER_CASTS_OUT);
	for (uint32_t i = 0; i < casts; i++) {
		uint64_t before = counted(sim, SHOAL_COUNTER_CASTS_IN);
		need(sim, shoal_judge_cast(sim, i % nodes, false));
		need(sim, shoal_sim_run(sim, shoal_sim_now(sim) + TOLD_NS));
		uint64_t heard = counted(sim, SHOAL_COUNTER_CASTS_IN) - before;
		missed += nodes - 1 - heard;
		incomplete += heard < nodes - 1;
	}
	copies = counted(sim, SHOAL_COUNTER_CASTS_OUT) - copies;
	figure(bench, nodes, "of broadcasts at 5 % loss not come to all",
	        100.0 * incomplete / casts, "%");
	figure(bench, nodes, "  members that miss one", 1e6 * (double)missed / casts / nodes,
	        "of a million");
	figure(bench, nodes, "  copies that a member sends", (double)copies / casts / nodes, "");
	shoal_sim_free(sim);
}

int
main(int argc, char **argv)
{
	struct bench bench;
	uint32_t nodes = 0;

	if (argc > 2 && strcmp(argv[1], "--nodes") == 0) {
		nodes = (uint32_t)strtoul(argv[2], NULL, 10);
		argv[2] = argv[0];
		argc -= 2;
		argv += 2;
	}
	bench_start(&bench, "sim", argc, argv);
	bench_world(&bench, 100);
	if (bench.seconds >= 1) {
		bench_world(&bench, 1000);
	}
	bench_casts(&bench, 16);
	bench_casts(&bench, 64);
	bench_casts(&bench, 128);
	if (nodes != 0) {
		bench_world(&bench, nodes);
	}
	return 0;
}
