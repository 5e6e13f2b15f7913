/* SPDX-License-Identifier: MIT */
/* Cases side by side: worlds are independent, so each thread takes the next case that nobody has
 * taken. Results stand in the cases, whose order is that of the plan. */
#include "run.h"

#include "../cli.h"
#include "../text.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRESS_MS 200

static size_t
param_index(const struct sim_settings *settings, const char *name)
{
	const struct sim_param *params = settings->scenario->params;
	size_t i = 0;

	while (params[i].name != NULL && strcmp(params[i].name, name) != 0) {
		i++;
	}
	return i;
}

void
sim_settings_init(struct sim_settings *settings, const struct sim_scenario *scenario)
{
	size_t n = 0;

	memset(settings, 0, sizeof(*settings));
	settings->scenario = scenario;
	settings->runs = scenario->runs;
	settings->seed = 1;
	while (scenario->params[n].name != NULL) {
		n++;
	}
	settings->value = cli_alloc(n + 1, sizeof(*settings->value));
	for (size_t i = 0; i < n; i++) {
		settings->value[i] = scenario->params[i].fallback;
	}
}

void
sim_settings_free(struct sim_settings *settings)
{
	free(settings->value);
}

bool
sim_settings_has(const struct sim_settings *settings, const char *name)
{
	return settings->scenario->params[param_index(settings, name)].name != NULL;
}

/* The numbers of a value, at most max; 0: it is not numbers with commas between. */
static size_t
read_numbers(const char *text, double *values, size_t max)
{
	size_t n = 0;
	char *end;

	for (;; text = end + 1) {
		errno = 0;
		double value = strtod(text, &end);

		if (end == text || errno != 0 || !isfinite(value) || n == max ||
		        (*end != ',' && *end != '\0')) {
			return 0;
		}
		values[n++] = value;
		if (*end == '\0') {
			return n;
		}
	}
}

int
sim_settings_set(
        struct sim_settings *settings, const char *name, const char *value, char *why, size_t len)
{
	const struct sim_scenario *scenario = settings->scenario;
	const struct sim_param *param = &scenario->params[param_index(settings, name)];
	double values[SIM_LIST_MAX];
	size_t n;

	if (param->name == NULL) {
		snprintf(why, len, "%s has no parameter \"%s\"; 'shoal sim --list %s' shows them",
		        scenario->name, name, scenario->name);
		return CLI_USAGE;
	}
	n = read_numbers(value, values, param->list ? SIM_LIST_MAX : 1);
	for (size_t i = 0; i < n; i++) {
		if (values[i] < param->least || values[i] > param->most) {
			n = 0;
		}
	}
	if (n == 0) {
		snprintf(why, len, "%s=%s: must be %s from %g to %g", name, value,
		        param->list ? "numbers with commas between, each" : "a number",
		        param->least, param->most);
		return CLI_USAGE;
	}
	settings->value[param - scenario->params] = value;
	return CLI_DONE;
}

size_t
sim_list(const struct sim_settings *settings, const char *name, double values[SIM_LIST_MAX])
{
	size_t i = param_index(settings, name);

	if (settings->scenario->params[i].name == NULL) {
		abort();
	}
	return read_numbers(settings->value[i], values, SIM_LIST_MAX);
}

double
sim_number(const struct sim_settings *settings, const char *name)
{
	double values[SIM_LIST_MAX];

	return sim_list(settings, name, values) > 0 ? values[0] : NAN;
}

void
sim_plan_runs(const struct sim_settings *settings, struct sim_cases *cases, unsigned row,
        unsigned variant, unsigned runs)
{
	for (unsigned i = 0; i < runs; i++) {
		if (cases->count == cases->capacity) {
			cases->capacity = cases->capacity == 0 ? 64 : cases->capacity * 2;
			cases->item = cli_grow(cases->item, cases->capacity, sizeof(*cases->item));
		}
		cases->item[cases->count++] = (struct sim_case){.row = row,
		        .variant = variant,
		        .run = i,
		        .seed = settings->seed + i,
		        .codec = settings->codec};
	}
}

void
sim_plan(const struct sim_settings *settings, struct sim_cases *cases, unsigned row,
        unsigned variant)
{
	sim_plan_runs(settings, cases, row, variant, settings->runs);
}

struct crew {
	const struct sim_settings *settings;
	struct sim_cases *cases;
	atomic_size_t next, done;
};

static void *
work(void *arg)
{
	struct crew *crew = arg;
	size_t i;

	while ((i = atomic_fetch_add(&crew->next, 1)) < crew->cases->count) {
		struct sim_case *one = &crew->cases->item[i];

		for (size_t out = 0; out < SIM_OUT_MAX; out++) {
			one->out[out] = NAN;
		}
		crew->settings->scenario->run(crew->settings, one);
		atomic_fetch_add(&crew->done, 1);
	}
	return NULL;
}

/* What is done and about how long the rest takes, drawn over itself. */
static void
show_progress(const struct crew *crew, uint64_t begun_ms)
{
	const struct timespec pause = {.tv_nsec = PROGRESS_MS * 1000000L};
	size_t all = crew->cases->count, done = 0;
	char left[CLI_DURATION_TEXT];

	while (done < all) {
		uint64_t took = cli_text_boot_ms() - begun_ms;

		done = atomic_load(&crew->done);
		cli_text_duration(done == 0 ? 0 : took * (all - done) / done, left);
		fprintf(stderr,
		        "\r%s: %zu of %zu runs%s%s"
		        "\033[K",
		        crew->settings->scenario->name, done, all, done == 0 ? "" : ", about ",
		        done == 0 ? "" : left);
		fputs(done == 0 ? "" : " left", stderr);
		if (done < all) {
			nanosleep(&pause, NULL);
		}
	}
	fputs("\r\033[K", stderr);
}

void
sim_cases_run(const struct sim_settings *settings, struct sim_cases *cases, bool progress)
{
	struct crew crew = {.settings = settings, .cases = cases};
	size_t jobs = settings->jobs < cases->count ? settings->jobs : cases->count;
	pthread_t *thread = cli_alloc(jobs + 1, sizeof(*thread));
	uint64_t begun_ms = cli_text_boot_ms();
	size_t started = 0;

	while (started < jobs && pthread_create(&thread[started], NULL, work, &crew) == 0) {
		started++;
	}
	if (started == 0) {
		work(&crew);
	} else if (progress) {
		show_progress(&crew, begun_ms);
	}
	while (started > 0) {
		pthread_join(thread[--started], NULL);
	}
	free(thread);
}

void
sim_cases_free(struct sim_cases *cases)
{
	free(cases->item);
}

static void trouble(struct sim_case *one, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void
trouble(struct sim_case *one, const char *format, ...)
{
	va_list args;

	if (one->trouble[0] == '\0') {
		va_start(args, format);
		vsnprintf(one->trouble, sizeof(one->trouble), format, args);
		va_end(args);
	}
}

int
sim_must(struct sim_case *one, struct shoal_sim *sim, int rc, const char *what)
{
	struct shoal_sim_failure failure;

	if (rc == 0) {
		return 0;
	}
	if (sim != NULL && shoal_sim_failure(sim, &failure)) {
		trouble(one, "%s: checker %s at %.3f s: %s", what, failure.check,
		        (double)failure.at_ns / 1e9, failure.why);
	} else {
		trouble(one, "%s: %s", what, shoal_strerror(rc));
	}
	return rc;
}

void
sim_end(struct sim_case *one, struct shoal_sim *sim)
{
	if (sim != NULL) {
		one->steps += shoal_sim_steps(sim);
		one->virtual_ns += shoal_sim_now(sim);
		shoal_sim_free(sim);
	}
}
