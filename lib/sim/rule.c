/* SPDX-License-Identifier: MIT */
/* Phases of the schedule that show the sizes of datagrams, while all else is well: among few
 * members each was probed with one of full size; on a way that takes small ones only their size
 * falls, and rises when it takes all again. */
#include "sim/swarm.h"

/* Probes of one member in which its size has fallen; in which the smaller size is looked at, and so
 * many may be too large (one in 256 tries); and in which it has risen twice, each time with one
 * chance in 256 a probe, but for one case in millions. */
#define PROBES_FALL 10
#define PROBES_LOOK 40
#define LOST_MOST   6
#define PROBES_RISE 5000

/* Among so many others all are probed with full size at once. */
#define FEW 8

/* The first probe of each member by each. */
static int
check_first_probes(struct shoal_swarm *swarm)
{
	uint32_t early = swarm->plan.nodes - swarm->plan.late, lost;

	for (uint32_t pair = 0; pair < early * early; pair++) {
		uint32_t from = pair / early, to = pair % early, largest;

		shoal_judge_sizes(swarm->sim, from, to, &largest, &lost);
		if (!shoal_checker_that(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_SIZES,
		            from == to || largest >= swarm->plan.profile.datagram_max, from,
		            shoal_sim_id(swarm->sim, to),
		            "its first probes were not of the largest size")) {
			return SHOAL_ERR_STATE;
		}
	}
	return 0;
}

int
shoal_swarm_calm(struct shoal_swarm *swarm)
{
	const struct shoal_plan *plan = &swarm->plan;
	/* In two rounds each has probed each. */
	uint64_t rounds = 2 * (uint64_t)plan->nodes * shoal_swarm_interval(swarm);
	shoal_swarm_ghost(swarm, SHOAL_SWARM_SEED);
	shoal_swarm_talk(swarm, 4 * plan->nodes);
	shoal_swarm_cast(swarm, plan->nodes);
	int rc = shoal_swarm_run_for(swarm, plan->calm_ns);

	rc = rc == 0 ? shoal_swarm_calm_casts(swarm) : rc;
	return rc == 0 && plan->nodes <= FEW && plan->calm_ns >= rounds ? check_first_probes(swarm)
	                                                                : rc;
}

int
shoal_swarm_narrow(struct shoal_swarm *swarm)
{
	const struct shoal_plan *plan = &swarm->plan;
	int rc = 0;

	if (plan->narrow) {
		rc = shoal_sim_set_mtu(swarm->sim, 0, 1, plan->narrow_mtu, plan->told);
		rc = rc == 0 ? shoal_sim_set_mtu(swarm->sim, 1, 0, plan->narrow_mtu, plan->told)
		             : rc;
	}
	return rc;
}

static int
widen(struct shoal_swarm *swarm)
{
	int rc = shoal_sim_set_mtu(swarm->sim, 0, 1, 0, false);

	return rc == 0 ? shoal_sim_set_mtu(swarm->sim, 1, 0, 0, false) : rc;
}

/* So many probes of each member by each. */
static int
run_for_probes(struct shoal_swarm *swarm, uint64_t probes)
{
	uint64_t others = swarm->plan.nodes - 1;

	return shoal_swarm_run_for(swarm, probes * others * shoal_swarm_interval(swarm));
}

static bool
is_sent(const struct shoal_swarm *swarm, uint32_t from, uint32_t to)
{
	uint32_t largest, lost;

	shoal_judge_sizes(swarm->sim, from, to, &largest, &lost);
	return largest >= swarm->plan.profile.datagram_max;
}

static int
check_smaller(struct shoal_swarm *swarm)
{
	for (uint32_t from = 0; from < 2; from++) {
		uint32_t largest, lost;

		shoal_judge_sizes(swarm->sim, from, 1 - from, &largest, &lost);
		if (!shoal_checker_that(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_SIZES,
		            lost <= LOST_MOST, from, shoal_sim_id(swarm->sim, 1 - from),
		            "datagrams are still too large, long after the first were lost")) {
			return SHOAL_ERR_STATE;
		}
	}
	return 0;
}

int
shoal_swarm_sizes(struct shoal_swarm *swarm)
{
	int rc = run_for_probes(swarm, PROBES_FALL);

	shoal_judge_forget_sizes(swarm->sim);
	rc = rc == 0 ? run_for_probes(swarm, PROBES_LOOK) : rc;
	rc = rc == 0 ? check_smaller(swarm) : rc;
	rc = rc == 0 ? widen(swarm) : rc;
	shoal_judge_forget_sizes(swarm->sim);
	for (uint64_t probes = 0; rc == 0 && !(is_sent(swarm, 0, 1) && is_sent(swarm, 1, 0));
	        probes += PROBES_LOOK) {
		if (probes > PROBES_RISE) {
			shoal_checker_fail(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_SIZES, 0,
			        shoal_sim_id(swarm->sim, 1),
			        "datagrams stay small, long after the way takes large ones");
			return SHOAL_ERR_STATE;
		}
		rc = run_for_probes(swarm, PROBES_LOOK);
	}
	return rc;
}
