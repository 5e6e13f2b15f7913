/* SPDX-License-Identifier: MIT */
/* Figures over runs. Runs that broke are left out here; the report counts them. */
#include "run.h"

#include "../cli.h"

#include <math.h>
#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

struct sim_sample
sim_sample_of(const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out)
{
	struct sim_sample sample = {.value = cli_alloc(cases->count + 1, sizeof(double))};

	for (size_t i = 0; i < cases->count; i++) {
		const struct sim_case *one = &cases->item[i];

		if (one->row == row && one->variant == variant && one->trouble[0] == '\0' &&
		        !isnan(one->out[out])) {
			sample.value[sample.count++] = one->out[out];
			sample.sum += one->out[out];
		}
	}
	qsort(sample.value, sample.count, sizeof(double), compare);
	return sample;
}

void
sim_sample_free(struct sim_sample *sample)
{
	free(sample->value);
}

double
sim_sample_at(const struct sim_sample *sample, double share)
{
	if (sample->count == 0) {
		return NAN;
	}
	/* The smallest value that so large a share does not exceed. */
	double place = ceil(share * (double)sample->count) - 1;
	size_t i = place < 0 ? 0 : (size_t)place;

	return sample->value[i < sample->count ? i : sample->count - 1];
}

double
sim_sample_mean(const struct sim_sample *sample)
{
	return sample->count == 0 ? NAN : sample->sum / (double)sample->count;
}

double
sim_mean(const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out)
{
	struct sim_sample sample = sim_sample_of(cases, row, variant, out);
	double mean = sim_sample_mean(&sample);

	sim_sample_free(&sample);
	return mean;
}

double
sim_sum(const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out)
{
	struct sim_sample sample = sim_sample_of(cases, row, variant, out);
	double sum = sample.sum;

	sim_sample_free(&sample);
	return sum;
}

double
sim_share(const struct sim_cases *cases, unsigned row, unsigned variant, unsigned out, double share)
{
	struct sim_sample sample = sim_sample_of(cases, row, variant, out);
	double at = sim_sample_at(&sample, share);

	sim_sample_free(&sample);
	return at;
}
