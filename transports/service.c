/* SPDX-License-Identifier: MIT */
/* The choice among SRV records as RFC 2782 has it: the lowest priority first; inside of one a draw
 * by weight for each place, in which those of weight 0 stand first and have a very small chance
 * beside others. "In any order" there is a random one here, so that records that all have weight 0,
 * which says that their administrator does not care, share the load. Cost: O(n log n + most * n).
 */
#include "transports/service.h"

#include "base/rng.h"

#include <stdlib.h>

static void
swap(struct shoal_service *a, struct shoal_service *b)
{
	struct shoal_service kept = *a;

	*a = *b;
	*b = kept;
}

static int
by_priority(const void *a, const void *b)
{
	const struct shoal_service *one = a, *other = b;

	return (one->priority > other->priority) - (one->priority < other->priority);
}

/* One of those of the first one's priority. */
static struct shoal_service *
draw(struct shoal_service *first, const struct shoal_service *end, struct shoal_rng *rng)
{
	struct shoal_service *zero = NULL, *at;
	uint64_t sum = 0, chosen;

	for (at = first; at < end && at->priority == first->priority; at++) {
		sum += at->weight;
		if (zero == NULL && at->weight == 0) {
			zero = at;
		}
	}
	chosen = shoal_rng_between(rng, 0, sum);
	if (chosen == 0 && zero != NULL) {
		return zero;
	}
	sum = 0;
	for (at = first;; at++) {
		sum += at->weight;
		if (at->weight > 0 && sum >= chosen) {
			return at;
		}
	}
}

size_t
shoal_service_order(struct shoal_service *service, size_t n, size_t most, struct shoal_rng *rng)
{
	for (size_t i = n; i > 1; i--) {
		swap(&service[i - 1], &service[shoal_rng_below(rng, (uint32_t)i)]);
	}
	if (n > 1) {
		qsort(service, n, sizeof(*service), by_priority);
	}
	most = most < n ? most : n;
	for (size_t i = 0; i < most; i++) {
		swap(&service[i], draw(&service[i], service + n, rng));
	}
	return most;
}
