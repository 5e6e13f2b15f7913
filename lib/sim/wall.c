/* SPDX-License-Identifier: MIT */
/* A member of a swarm comes back behind a wall, or a router that translates its ports: it can dial
 * and cannot be dialled. Once all know that, whatever it and the others say to each other arrives,
 * nobody holds it dead while it lives, and all do soon after its end. Draws come from a stream of
 * their own. */
#include "sim/swarm.h"

#include "base/rng.h"

#define FOUND_OUT SHOAL_SEC(300)

static bool
shows(const struct shoal_sim *sim, uint32_t observer, uint32_t subject)
{
	const struct shoal_core *core = shoal_sim_core(sim, observer);
	struct shoal_core_member held;
	uint32_t slot;

	return shoal_core_find(core, shoal_sim_id(sim, subject), &slot) == 0 &&
	       shoal_core_member(core, slot, &held) &&
	       held.diagnosis == SHOAL_DIAGNOSIS_INBOUND_ONLY;
}

static bool
speaks(const struct shoal_swarm *swarm, uint32_t node)
{
	return shoal_sim_is_up(swarm->sim, node) && !shoal_sim_is_leaving(swarm->sim, node);
}

/* All show this one so, and no other, and hold each other alive. */
static bool
is_found_out(const struct shoal_swarm *swarm, uint32_t walled)
{
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		for (uint32_t k = 0; k < swarm->plan.nodes; k++) {
			if (speaks(swarm, i) && speaks(swarm, k) &&
			        shows(swarm->sim, i, k) != (k == walled)) {
				return false;
			}
		}
	}
	return shoal_sim_agreed(swarm->sim, NULL);
}

static enum shoal_state
state_of(const struct shoal_swarm *swarm, uint32_t observer, uint32_t subject)
{
	const struct shoal_core *core = shoal_sim_core(swarm->sim, observer);
	struct shoal_core_member held;
	uint32_t slot;

	return shoal_core_find(core, shoal_sim_id(swarm->sim, subject), &slot) == 0 &&
	                       shoal_core_member(core, slot, &held)
	               ? held.state
	               : SHOAL_STATE_DEAD;
}

/* An observer that holds it dead, or that does not; SHOAL_SIM_NOBODY. */
static uint32_t
who_holds(const struct shoal_swarm *swarm, uint32_t walled, bool dead)
{
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		if (i != walled && speaks(swarm, i) &&
		        (state_of(swarm, i, walled) == SHOAL_STATE_DEAD) == dead) {
			return i;
		}
	}
	return SHOAL_SIM_NOBODY;
}

static int
fail(struct shoal_swarm *swarm, enum shoal_checker check, uint32_t observer, uint32_t walled,
        const char *why)
{
	shoal_checker_fail(shoal_sim_checkers(swarm->sim), check, observer,
	        shoal_sim_id(swarm->sim, walled), why);
	return SHOAL_ERR_STATE;
}

static int
lives_and_ends(struct shoal_swarm *swarm, uint32_t walled)
{
	uint64_t bound = 2 * shoal_profile_detection_bound(&swarm->plan.profile, swarm->plan.nodes);
	uint64_t end = shoal_sim_now(swarm->sim) + bound;
	uint32_t observer = SHOAL_SIM_NOBODY;
	int rc = 0;

	while (rc == 0 && shoal_sim_now(swarm->sim) < end) {
		rc = shoal_swarm_run_for(swarm, SHOAL_SEC(1));
		observer = who_holds(swarm, walled, true);
		if (rc == 0 && observer != SHOAL_SIM_NOBODY) {
			return fail(swarm, SHOAL_CHECKER_ACCURACY, observer, walled,
			        "one that cannot be dialled is held dead, and lives");
		}
	}
	(void)shoal_sim_crash(swarm->sim, walled, SHOAL_SIM_CRASH_PROCESS);
	end = shoal_sim_now(swarm->sim) + bound + SHOAL_SEC(10);
	while (rc == 0 && shoal_sim_now(swarm->sim) < end &&
	        who_holds(swarm, walled, false) != SHOAL_SIM_NOBODY) {
		rc = shoal_swarm_run_for(swarm, SHOAL_SEC(1));
	}
	observer = who_holds(swarm, walled, false);
	return rc == 0 && observer != SHOAL_SIM_NOBODY
	               ? fail(swarm, SHOAL_CHECKER_DETECTION, observer, walled,
	                         "one that cannot be dialled is not held dead within the bound")
	               : rc;
}

int
shoal_swarm_wall(struct shoal_swarm *swarm)
{
	struct shoal_sim *sim = swarm->sim;
	uint32_t nodes = swarm->plan.nodes, walled;
	enum shoal_sim_filter filter = SHOAL_SIM_FILTER_DROP;
	uint64_t begin = shoal_sim_now(sim);
	struct shoal_rng rng;
	int rc = 0;

	shoal_sim_set_calm(sim, false);
	shoal_judge_trust(sim); /* who knew it before may accuse it while that is found out */
	shoal_rng_init(&rng, swarm->plan.seed, 12);
	walled = 1 + shoal_rng_below(&rng, nodes - 1);
	filter = shoal_rng_below(&rng, 2) == 0 ? filter : SHOAL_SIM_FILTER_REJECT;
	bool translated = shoal_rng_below(&rng, 3) == 0;
	if (shoal_sim_is_up(sim, walled)) {
		(void)shoal_sim_crash(sim, walled, SHOAL_SIM_CRASH_PROCESS);
	}
	if (translated) {
		(void)shoal_sim_translate(sim, walled);
	} else {
		(void)shoal_sim_filter(sim, walled, filter, filter);
	}
	rc = shoal_swarm_start(swarm, walled);
	while (rc == 0 && !is_found_out(swarm, walled)) {
		if (shoal_sim_now(sim) - begin > FOUND_OUT) {
			return 0; /* too few are there, or watch nobody */
		}
		rc = shoal_swarm_run_for(swarm, SHOAL_SEC(1));
	}
	shoal_judge_all_is_due(sim);
	for (uint32_t i = 0; rc == 0 && i < nodes; i++) {
		if (i != walled && speaks(swarm, i)) {
			(void)shoal_judge_say(sim, i, walled, true);
			(void)shoal_judge_say(sim, walled, i, true);
		}
	}
	rc = rc == 0 ? shoal_swarm_until_nobody(
	                       swarm, shoal_judge_untaken, "a message did not arrive behind a wall")
	             : rc;
	return rc == 0 ? lives_and_ends(swarm, walled) : rc;
}
