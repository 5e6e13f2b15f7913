/* SPDX-License-Identifier: MIT */
/* What benchmarks share: clocks, options and one form of output. A benchmark is a program that
 * prints figures; it never passes or fails on a time.
 *
 *     struct bench bench;
 *     bench_start(&bench, "core", argc, argv);
 *     uint64_t begin = bench_now_ns();
 *     ... bench_running(&bench, begin) ... n
 *     bench_figure(&bench, "ping to ack, 1,000 members", (double)(bench_now_ns() - begin) / n,
 * "ns"); bench_ratio(&bench, "of the bare echo's rate", ours, theirs);
 *
 * Options: --seconds S, how long each figure is measured (1); --json, one object a line. */
#ifndef SHOAL_BENCH_H
#define SHOAL_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
	const char *name;
	bool json;
	double seconds; /* for one figure */
};

static inline uint64_t
bench_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline uint64_t
bench_now_ns(void)
{
	return bench_clock_ns(CLOCK_MONOTONIC);
}

/* Processor time of all threads of the process. */
static inline uint64_t
bench_cpu_ns(void)
{
	return bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline bool
bench_running(const struct bench *bench, uint64_t begin_ns)
{
	return (double)(bench_now_ns() - begin_ns) < bench->seconds * 1e9;
}

static inline void
bench_start(struct bench *bench, const char *name, int argc, char **argv)
{
	bench->name = name;
	bench->json = false;
	bench->seconds = 1;
	for (int i = 1; i < argc; i++) {
		char *end = argv[i];

		if (strcmp(argv[i], "--json") == 0) {
			bench->json = true;
			continue;
		}
		if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			bench->seconds = strtod(argv[++i], &end);
		}
		if (*end != '\0' || !(bench->seconds > 0)) {
			fprintf(stderr, "usage: %s [--seconds S] [--json]\n", argv[0]);
			exit(2);
		}
	}
}

/* One figure with its unit. what must need no escape in JSON. */
static inline void
bench_figure(const struct bench *bench, const char *what, double value, const char *unit)
{
	if (bench->json) {
		printf("{\"bench\":\"%s\",\"what\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n",
		        bench->name, what, value, unit);
	} else {
		printf("%-10s %-58s %12.*f %s\n", bench->name, what,
		        value < 10 ? 3 : (value < 1000 ? 1 : 0), value, unit);
	}
	fflush(stdout);
}

/* Ours divided by what was measured beside it in the same run. */
static inline void
bench_ratio(const struct bench *bench, const char *what, double ours, double theirs)
{
	bench_figure(bench, what, theirs > 0 ? ours / theirs : 0, "x");
}

#endif
