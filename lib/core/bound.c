/* SPDX-License-Identifier: MIT */
/* How long until everybody knows of a crash: the sum of its parts, each at its longest.
 * docs/protocol.md, "Bounds", derives it. */
#include <shoal/profile.h>

#include "core/detect/suspicion.h"

/* Rounds of probing after which somebody has tried the crashed member: for certain 2n - 1, since
 * each member tries each other once a round; all n together have done so after 16 but for one time
 * in e^16. */
#define ROUNDS_MOST 16
/* Steps of periodic gossip that bring a statement to everybody where nothing is lost. */
#define GOSSIP_STEPS 10

uint64_t
shoal_profile_detection_bound(const struct shoal_profile *profile, size_t n)
{
	struct shoal_suspicion_span span = shoal_suspicion_span(profile, n);
	uint64_t interval = SHOAL_MS(profile->probe_interval_ms);
	uint64_t rounds = n < ROUNDS_MOST / 2 ? 2 * (uint64_t)n : ROUNDS_MOST;
	uint64_t verify = 3 * interval;

	return rounds * interval + interval + span.most + verify +
	       GOSSIP_STEPS * SHOAL_MS(profile->gossip_interval_ms);
}
