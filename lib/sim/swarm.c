/* SPDX-License-Identifier: MIT */
/* The schedule of a seed.
 *
 * In calm (join, calm, crash, leave) nothing is lost, and the promises are exact: nobody is
 * suspected, a crash is known within its bound, who leaves is left. In chaos anything happens and
 * only what must hold always is looked at. Then all faults end, and within the bound of convergence
 * all must agree.
 *
 * Node 0 is the seed that all join through; it may crash and never leaves, so that everyone has
 * somebody in common and the cluster has one truth to converge to. Cost: virtual time is some
 * hundred probe intervals. */
#include "sim/swarm.h"

#include <string.h>

#define SEED_NODE 0

static int
verdict(struct shoal_swarm *swarm)
{
	return shoal_sim_checkers(swarm->sim)->fired != 0 ? SHOAL_ERR_STATE : 0;
}

static uint64_t
interval(const struct shoal_swarm *swarm)
{
	return SHOAL_MS(swarm->plan.profile.probe_interval_ms);
}

static int
run_for(struct shoal_swarm *swarm, uint64_t ns)
{
	return shoal_sim_run(swarm->sim, shoal_sim_now(swarm->sim) + ns);
}

static uint64_t
step_of(const struct shoal_swarm *swarm)
{
	return interval(swarm) / 8 + 1;
}

/* What was under way when the faults ended: two tries of a check, each as long as a distrustful
 * member waits, and packets, of which one on a stream that was lost again and again arrives last.
 * With clocks that went back, even a word of a dead instance may look newer than the truth, and has
 * to be refuted. */
static uint64_t
settling(const struct shoal_swarm *swarm)
{
	uint64_t flight = swarm->plan.chaos.loss_ppm != 0 ? SHOAL_SEC(8) : SHOAL_SEC(1);

	return 2 * (1 + swarm->plan.profile.health_max) * interval(swarm) + flight;
}

/* Runs until all agree and have agreed for so long that it stays so. *took_ns is the time to the
 * last disagreement, at most the bound. */
static int
run_until_agreed(struct shoal_swarm *swarm, uint64_t bound_ns, uint64_t settle_ns,
        enum shoal_checker check, uint64_t *took_ns)
{
	uint64_t begin = shoal_sim_now(swarm->sim);
	struct shoal_sim_gap gap;
	int rc = 0;

	*took_ns = 0;
	while (rc == 0) {
		uint64_t spent = shoal_sim_now(swarm->sim) - begin;

		if (shoal_sim_agreed(swarm->sim, &gap)) {
			if (spent - *took_ns >= settle_ns) {
				break;
			}
		} else if (spent > bound_ns) {
			shoal_judge_fail(swarm->sim, check, &gap, "no agreement within the bound");
			return SHOAL_ERR_STATE;
		} else {
			*took_ns = spent;
		}
		rc = run_for(swarm, step_of(swarm));
	}
	shoal_sim_checkers(swarm->sim)->looked[check]++;
	return rc;
}

/* The same for one subject and the state in which all must hold it. */
static int
run_until_held(struct shoal_swarm *swarm, uint32_t subject, enum shoal_state state,
        uint64_t bound_ns, enum shoal_checker check, uint64_t *took_ns)
{
	uint64_t begin = shoal_sim_now(swarm->sim);
	struct shoal_sim_gap gap;

	while (!shoal_sim_all_hold(swarm->sim, subject, state, &gap)) {
		uint64_t spent = shoal_sim_now(swarm->sim) - begin;
		uint64_t step = step_of(swarm);
		int rc;

		if (spent >= bound_ns) {
			shoal_judge_fail(
			        swarm->sim, check, &gap, "not known to all within the bound");
			return SHOAL_ERR_STATE;
		}
		rc = run_for(swarm, step < bound_ns - spent ? step : bound_ns - spent);
		if (rc != 0) {
			return rc;
		}
	}
	shoal_sim_checkers(swarm->sim)->looked[check]++;
	*took_ns = shoal_sim_now(swarm->sim) - begin;
	return 0;
}

static uint32_t
up(const struct shoal_swarm *swarm)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		count += shoal_sim_is_up(swarm->sim, i);
	}
	return count;
}

/* Whom a node joins through: the seed, and where it is down or the node itself, the first other
 * that is up; itself: nobody. */
static uint32_t
contact(const struct shoal_swarm *swarm, uint32_t node)
{
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		if (i != node && shoal_sim_is_up(swarm->sim, i)) {
			return i;
		}
	}
	return node;
}

static int
start(struct shoal_swarm *swarm, uint32_t node)
{
	uint32_t through = contact(swarm, node);
	int rc = shoal_sim_start(swarm->sim, node);

	if (rc == 0 && through != node) {
		rc = shoal_sim_join(swarm->sim, node, through);
	}
	return rc;
}

static int
phase_join(struct shoal_swarm *swarm)
{
	struct shoal_plan *plan = &swarm->plan;
	uint32_t early = plan->nodes - plan->late;
	uint64_t pause = plan->join_window_ns / (early - 1);
	int rc = start(swarm, SEED_NODE);

	shoal_sim_set_calm(swarm->sim, true);
	for (uint32_t i = 1; i < early && rc == 0; i++) {
		rc = run_for(swarm, shoal_rng_between(&swarm->rng, 0, 2 * pause));
		if (rc == 0) {
			rc = start(swarm, i);
		}
	}
	if (rc != 0) {
		return rc;
	}
	swarm->times.join_bound_ns = shoal_sim_convergence_bound(&plan->profile, plan->nodes);
	return run_until_agreed(swarm, swarm->times.join_bound_ns, 0, SHOAL_CHECKER_CONVERGENCE,
	        &swarm->times.join_ns);
}

static int
phase_calm(struct shoal_swarm *swarm)
{
	return run_for(swarm, swarm->plan.calm_ns);
}

/* A node that was away comes back. */
static int
comes_back(struct shoal_swarm *swarm, uint32_t node)
{
	uint64_t took;
	int rc = run_for(swarm, shoal_rng_between(&swarm->rng, 0, 4 * interval(swarm)));

	if (rc == 0) {
		rc = start(swarm, node);
	}
	return rc != 0 ? rc
	               : run_until_agreed(swarm, swarm->times.join_bound_ns, 0,
	                         SHOAL_CHECKER_CONVERGENCE, &took);
}

static int
phase_crash(struct shoal_swarm *swarm)
{
	const struct shoal_plan *plan = &swarm->plan;
	uint32_t victim = shoal_rng_below(&swarm->rng, plan->nodes - plan->late);
	struct shoal_swarm_times *times = &swarm->times;
	uint64_t took;
	int rc;

	rc = shoal_sim_crash(swarm->sim, victim,
	        plan->crash_host ? SHOAL_SIM_CRASH_HOST : SHOAL_SIM_CRASH_PROCESS);
	if (rc != 0) {
		return rc;
	}
	times->failed_bound_ns = shoal_profile_detection_bound(&plan->profile, plan->nodes);
	rc = run_until_held(swarm, victim, SHOAL_STATE_DEAD, times->failed_bound_ns,
	        SHOAL_CHECKER_DETECTION, &took);
	shoal_sim_detection(swarm->sim, victim, &times->detection);
	return rc == 0 && plan->crash_returns ? comes_back(swarm, victim) : rc;
}

/* Any node that is up but the seed; NOBODY. */
static uint32_t
draw_up(struct shoal_swarm *swarm)
{
	uint32_t first = shoal_rng_below(&swarm->rng, swarm->plan.nodes);

	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		uint32_t node = (first + i) % swarm->plan.nodes;

		if (node != SEED_NODE && shoal_sim_is_up(swarm->sim, node)) {
			return node;
		}
	}
	return SHOAL_SIM_NOBODY;
}

static int
phase_leave(struct shoal_swarm *swarm)
{
	struct shoal_swarm_times *times = &swarm->times;
	uint32_t node = draw_up(swarm);
	int rc;

	if (node == SHOAL_SIM_NOBODY || up(swarm) < 2) {
		return 0;
	}
	rc = shoal_sim_leave(swarm->sim, node);
	if (rc != 0) {
		return rc;
	}
	times->left_bound_ns = shoal_judge_leave_bound(&swarm->plan.profile);
	rc = run_until_held(swarm, node, SHOAL_STATE_LEFT, times->left_bound_ns,
	        SHOAL_CHECKER_LEAVE, &times->left_ns);
	if (rc == 0 && shoal_sim_is_up(swarm->sim, node)) {
		rc = run_for(swarm, SHOAL_MS(swarm->plan.profile.leave_timeout_ms) + SHOAL_SEC(2));
	}
	return rc == 0 && swarm->plan.leave_returns ? comes_back(swarm, node) : rc;
}

static void
partition(struct shoal_swarm *swarm)
{
	uint32_t sides = 2 + shoal_rng_below(&swarm->rng, 2);

	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		shoal_sim_group(swarm->sim, i, shoal_rng_below(&swarm->rng, sides));
	}
}

static void
cut(struct shoal_swarm *swarm, bool both)
{
	uint32_t from = shoal_rng_below(&swarm->rng, swarm->plan.nodes);
	uint32_t to = shoal_rng_below(&swarm->rng, swarm->plan.nodes);

	if (from != to) {
		shoal_sim_cut(swarm->sim, from, to);
		if (both) {
			shoal_sim_cut(swarm->sim, to, from);
		}
	}
}

/* Ends without a goodbye and is there again at once, as a supervisor does. */
static int
restart(struct shoal_swarm *swarm, uint32_t node)
{
	(void)shoal_sim_crash(swarm->sim, node, SHOAL_SIM_CRASH_PROCESS);
	return start(swarm, node);
}

/* All at once: whatever was remembered is gone with it. */
static int
restart_all(struct shoal_swarm *swarm)
{
	int rc = 0;

	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		(void)shoal_sim_crash(swarm->sim, i, SHOAL_SIM_CRASH_PROCESS);
	}
	for (uint32_t i = 0; i < swarm->plan.nodes && rc == 0; i++) {
		rc = start(swarm, i);
	}
	return rc;
}

/* While one is cut off, too short to be missed, another one starts: gossip passes it by. */
static int
newcomer_unseen(struct shoal_swarm *swarm, uint32_t node)
{
	uint32_t newcomer = swarm->plan.nodes - 1;
	int rc;

	while (newcomer > 0 && shoal_sim_is_up(swarm->sim, newcomer)) {
		newcomer--;
	}
	if (newcomer == 0 || newcomer == node) {
		return 0;
	}
	shoal_sim_group(swarm->sim, node, swarm->plan.nodes + node);
	rc = start(swarm, newcomer);
	if (rc == 0) {
		rc = run_for(swarm,
		        shoal_rng_between(&swarm->rng, interval(swarm), 2 * interval(swarm)));
	}
	shoal_sim_group(swarm->sim, node, 0);
	return rc;
}

/* Life of nodes. What does not fit the node's state is no fault this time. */
static int
fault_of_node(struct shoal_swarm *swarm, uint32_t node)
{
	struct shoal_sim *sim = swarm->sim;

	switch (shoal_rng_below(&swarm->rng, 16)) {
	case 0:
		return restart_all(swarm);
	case 1:
		return restart(swarm, node);
	case 2:
	case 3:
		return newcomer_unseen(swarm, node);
	case 4:
	case 5:
	case 6:
		if (node != SEED_NODE) {
			(void)shoal_sim_leave(sim, node);
		}
		return 0;
	case 7:
	case 8:
	case 9:
	case 10:
		return shoal_sim_is_up(sim, node) ? 0 : start(swarm, node);
	default:
		(void)shoal_sim_crash(
		        sim, node, (enum shoal_sim_crash)shoal_rng_below(&swarm->rng, 2));
		return 0;
	}
}

/* The ways between them, and their time. */
static void
fault_of_way(struct shoal_swarm *swarm, uint32_t node)
{
	struct shoal_sim *sim = swarm->sim;
	uint64_t stall = shoal_rng_between(&swarm->rng, SHOAL_MS(50), 10 * interval(swarm));

	switch (shoal_rng_below(&swarm->rng, 6)) {
	case 0:
		(void)shoal_sim_stall(sim, node, stall);
		break;
	case 1:
		cut(swarm, false);
		break;
	case 2:
		cut(swarm, true);
		break;
	case 3:
		partition(swarm);
		break;
	case 4:
		shoal_sim_group(sim, node, swarm->plan.nodes + node);
		break;
	default:
		shoal_sim_heal(sim);
		break;
	}
}

/* One thing goes wrong, or right again. */
static int
fault(struct shoal_swarm *swarm)
{
	uint32_t node = shoal_rng_below(&swarm->rng, swarm->plan.nodes);

	if (shoal_rng_below(&swarm->rng, 2) == 0) {
		return fault_of_node(swarm, node);
	}
	fault_of_way(swarm, node);
	return 0;
}

static int
phase_chaos(struct shoal_swarm *swarm)
{
	const struct shoal_plan *plan = &swarm->plan;
	uint64_t pause = 2 * plan->chaos_ns / plan->faults;
	int rc = 0;

	for (uint32_t i = 0; i < plan->nodes; i++) {
		swarm->starts[i] = shoal_sim_starts(swarm->sim, i);
	}
	shoal_sim_set_calm(swarm->sim, false);
	(void)shoal_sim_set_link(swarm->sim, &plan->chaos);
	shoal_sim_set_scarcity(swarm->sim, plan->fail_ppm);
	for (uint32_t i = 0; i < plan->faults && rc == 0; i++) {
		rc = run_for(swarm, shoal_rng_between(&swarm->rng, 0, pause));
		if (rc == 0) {
			rc = fault(swarm);
		}
	}
	return rc == 0 ? run_for(swarm, shoal_rng_between(&swarm->rng, 0, pause)) : rc;
}

/* Who still waits for a leave to end when the faults end is given the time for it. */
static int
end_leaves(struct shoal_swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		if (shoal_sim_is_leaving(swarm->sim, i)) {
			return run_for(swarm,
			        SHOAL_MS(swarm->plan.profile.leave_timeout_ms) + SHOAL_SEC(2));
		}
	}
	return 0;
}

static int
phase_liveness(struct shoal_swarm *swarm)
{
	struct shoal_plan *plan = &swarm->plan;
	struct shoal_swarm_times *times = &swarm->times;
	int rc;

	(void)shoal_sim_set_link(swarm->sim, &plan->calm);
	shoal_sim_set_scarcity(swarm->sim, 0);
	shoal_sim_heal(swarm->sim);
	shoal_sim_wake(swarm->sim);
	for (uint32_t i = 0; i < plan->nodes; i++) {
		bool wanted = i == SEED_NODE || shoal_rng_below(&swarm->rng, 2) == 0;

		rc = wanted && !shoal_sim_is_up(swarm->sim, i) ? start(swarm, i) : 0;
		if (rc != 0) {
			return rc;
		}
		if (shoal_sim_is_up(swarm->sim, i) &&
		        shoal_sim_starts(swarm->sim, i) != swarm->starts[i]) {
			/* It has no memory, and its contact may have lost its own. */
			(void)shoal_sim_join(swarm->sim, i, contact(swarm, i));
		}
	}
	rc = end_leaves(swarm);
	if (rc != 0) {
		return rc;
	}
	times->converged_bound_ns = shoal_sim_convergence_bound(&plan->profile, plan->nodes);
	return run_until_agreed(swarm, times->converged_bound_ns, settling(swarm),
	        SHOAL_CHECKER_CONVERGENCE, &times->converged_ns);
}

/* They find that they hold the same, the dead included. */
static int
phase_digest(struct shoal_swarm *swarm)
{
	const struct shoal_plan *plan = &swarm->plan;
	uint64_t bound = shoal_judge_digest_bound(&plan->profile, plan->nodes);
	uint64_t begin = shoal_sim_now(swarm->sim);
	uint32_t node;
	int rc = 0;

	while (rc == 0 && (node = shoal_judge_differing(swarm->sim)) != SHOAL_SIM_NOBODY) {
		if (shoal_sim_now(swarm->sim) - begin > bound) {
			shoal_checker_fail(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_DIGEST,
			        node, NULL, "a difference was not settled within the bound");
			return SHOAL_ERR_STATE;
		}
		rc = run_for(swarm, step_of(swarm));
	}
	swarm->times.settled_ns = shoal_sim_now(swarm->sim) - begin;
	swarm->times.settled_bound_ns = bound;
	shoal_sim_checkers(swarm->sim)->looked[SHOAL_CHECKER_DIGEST]++;
	return rc;
}

/* Once all have agreed, it stays so. */
static int
phase_quiet(struct shoal_swarm *swarm)
{
	struct shoal_sim_gap gap;
	int rc;

	shoal_sim_set_calm(swarm->sim, true);
	rc = run_for(swarm, 10 * interval(swarm));
	if (rc == 0 && !shoal_sim_agreed(swarm->sim, &gap)) {
		shoal_judge_fail(swarm->sim, SHOAL_CHECKER_CONVERGENCE, &gap,
		        "agreement was lost without a fault");
	}
	return rc != 0 ? rc : verdict(swarm);
}

int
shoal_swarm_init(struct shoal_swarm *swarm, const struct shoal_plan *plan,
        shoal_sim_note_fn on_note, void *arg)
{
	struct shoal_sim_config config;

	memset(swarm, 0, sizeof(*swarm));
	swarm->plan = *plan;
	shoal_rng_init(&swarm->rng, plan->seed, 2);
	shoal_sim_config_init(&config);
	config.seed = plan->seed;
	config.nodes = plan->nodes;
	config.profile = plan->profile;
	config.link = plan->calm;
	config.skew_ns = plan->skew_ns;
	config.timer_lag_ns = plan->timer_lag_ns;
	config.log_level = plan->log_level;
	config.on_note = on_note;
	config.arg = arg;
	return shoal_sim_new(&swarm->sim, &config);
}

void
shoal_swarm_done(struct shoal_swarm *swarm)
{
	shoal_sim_free(swarm->sim);
	swarm->sim = NULL;
}

int
shoal_swarm_run(struct shoal_swarm *swarm)
{
	static const struct {
		const char *name;
		int (*run)(struct shoal_swarm *swarm);
	} phases[] = {{"join", phase_join}, {"calm", phase_calm}, {"crash", phase_crash},
	        {"leave", phase_leave}, {"chaos", phase_chaos}, {"liveness", phase_liveness},
	        {"quiet", phase_quiet}, {"digest", phase_digest}};
	int rc = 0;

	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]) && rc == 0; i++) {
		if (phases[i].run != phase_leave || swarm->plan.leave) {
			shoal_sim_phase(swarm->sim, phases[i].name);
			rc = phases[i].run(swarm);
		}
		rc = rc == 0 ? verdict(swarm) : rc;
	}
	return rc;
}
