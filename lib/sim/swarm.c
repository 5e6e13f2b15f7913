/* SPDX-License-Identifier: MIT */
/* The schedule of a seed.
 *
 * In calm (join, calm, sizes, flood, forge, crash, leave, forget) nothing is lost, and the promises
 * are exact: nobody is suspected, the size of datagrams follows the way (rule.c), strangers are not
 * read above their budget, a crash is known within its bound, who leaves is left. In a merge two
 * sides that hold each other dead meet, and nobody is failed by it. In chaos (chaos.c) anything
 * happens and only what must hold always is looked at. Then all faults end, and within the bound of
 * convergence all must agree, and know where each member is; in the end the cores are not told the
 * time any more, and what flies must die out.
 *
 * Node 0 is the seed that all join through; it may crash and never leaves, so that everyone has
 * somebody in common and the cluster has one truth to converge to. Cost: virtual time is some
 * hundred probe intervals. */
#include "sim/swarm.h"

#include <string.h>

static int
verdict(struct shoal_swarm *swarm)
{
	return shoal_sim_checkers(swarm->sim)->fired != 0 ? SHOAL_ERR_STATE : 0;
}

uint64_t
shoal_swarm_interval(const struct shoal_swarm *swarm)
{
	return SHOAL_MS(swarm->plan.profile.probe_interval_ms);
}

int
shoal_swarm_run_for(struct shoal_swarm *swarm, uint64_t ns)
{
	return shoal_sim_run(swarm->sim, shoal_sim_now(swarm->sim) + ns);
}

static uint64_t
step_of(const struct shoal_swarm *swarm)
{
	return shoal_swarm_interval(swarm) / 8 + 1;
}

/* What was under way when the faults ended: two tries of a check, each as long as a distrustful
 * member waits, and packets, of which one on a stream that was lost again and again arrives last.
 * With clocks that went back, even a word of a dead instance may look newer than the truth, and has
 * to be refuted. */
static uint64_t
settling(const struct shoal_swarm *swarm)
{
	uint64_t flight = swarm->plan.chaos.loss_ppm != 0 ? SHOAL_SEC(8) : SHOAL_SEC(1);

	return 2 * (1 + swarm->plan.profile.health_max) * shoal_swarm_interval(swarm) + flight;
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
		rc = shoal_swarm_run_for(swarm, step_of(swarm));
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
		rc = shoal_swarm_run_for(swarm, step < bound_ns - spent ? step : bound_ns - spent);
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

static uint64_t
agreement_bound(const struct shoal_swarm *swarm)
{
	uint32_t nodes = swarm->plan.nodes;

	return shoal_sim_convergence_bound(&swarm->plan.profile, nodes, nodes - up(swarm));
}

uint32_t
shoal_swarm_contact(const struct shoal_swarm *swarm, uint32_t node)
{
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		if (i != node && shoal_sim_is_up(swarm->sim, i)) {
			return i;
		}
	}
	return node;
}

int
shoal_swarm_start(struct shoal_swarm *swarm, uint32_t node)
{
	uint32_t through = shoal_swarm_contact(swarm, node);
	int rc = shoal_sim_start(swarm->sim, node);

	if (rc == 0 && swarm->plan.metadata && shoal_rng_below(&swarm->described, 2) == 0) {
		shoal_swarm_describe(swarm, node);
	}
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
	int rc = shoal_swarm_narrow(swarm);

	rc = rc == 0 ? shoal_swarm_start(swarm, SHOAL_SWARM_SEED) : rc;
	shoal_sim_set_calm(swarm->sim, true);
	for (uint32_t i = 1; i < early && rc == 0; i++) {
		rc = shoal_swarm_run_for(swarm, shoal_rng_between(&swarm->rng, 0, 2 * pause));
		if (rc == 0) {
			rc = shoal_swarm_start(swarm, i);
		}
	}
	if (rc != 0) {
		return rc;
	}
	swarm->times.join_bound_ns = agreement_bound(swarm);
	shoal_swarm_describe_some(swarm);
	return run_until_agreed(swarm, swarm->times.join_bound_ns, 0, SHOAL_CHECKER_CONVERGENCE,
	        &swarm->times.join_ns);
}

/* A node that was away comes back. */
static int
comes_back(struct shoal_swarm *swarm, uint32_t node)
{
	uint64_t took;
	int rc = shoal_swarm_run_for(
	        swarm, shoal_rng_between(&swarm->rng, 0, 4 * shoal_swarm_interval(swarm)));

	if (rc == 0) {
		rc = shoal_swarm_start(swarm, node);
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

		if (node != SHOAL_SWARM_SEED && shoal_sim_is_up(swarm->sim, node)) {
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
		rc = shoal_swarm_run_for(
		        swarm, SHOAL_MS(swarm->plan.profile.leave_timeout_ms) + SHOAL_SEC(2));
	}
	return rc == 0 && swarm->plan.leave_returns ? comes_back(swarm, node) : rc;
}

/* Two sides, or some that reach both, long enough that each holds the other dead; then they meet.
 */
static int
phase_merge(struct shoal_swarm *swarm)
{
	struct shoal_sim *sim = swarm->sim;
	struct shoal_swarm_times *times = &swarm->times;
	const struct shoal_plan *plan = &swarm->plan;
	int rc;

	shoal_sim_set_calm(sim, false);
	shoal_sim_partition(sim, (enum shoal_sim_partition)shoal_rng_below(&swarm->rng, 3));
	rc = shoal_swarm_run_for(swarm, shoal_profile_detection_bound(&plan->profile, plan->nodes));
	rc = rc == 0 ? shoal_judge_merge_begin(sim) : rc;
	if (rc != 0) {
		return rc;
	}
	shoal_sim_heal(sim);
	times->merged_bound_ns = agreement_bound(swarm);
	rc = run_until_agreed(swarm, times->merged_bound_ns, settling(swarm),
	        SHOAL_CHECKER_CONVERGENCE, &times->merged_ns);
	shoal_judge_merge_end(sim);
	return rc;
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
		rc = shoal_swarm_run_for(swarm, shoal_rng_between(&swarm->rng, 0, pause));
		if (rc == 0) {
			shoal_swarm_describe_one(swarm);
			shoal_swarm_talk(swarm, 4);
			shoal_swarm_cast(swarm, 2);
			shoal_swarm_operate(swarm);
			rc = shoal_swarm_move_one(swarm);
		}
		if (rc == 0) {
			rc = shoal_swarm_fault(swarm);
		}
	}
	return rc == 0 ? shoal_swarm_run_for(swarm, shoal_rng_between(&swarm->rng, 0, pause)) : rc;
}

/* Who still waits for a leave to end when the faults end is given the time for it. */
static int
end_leaves(struct shoal_swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		if (shoal_sim_is_leaving(swarm->sim, i)) {
			return shoal_swarm_run_for(swarm,
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
	shoal_swarm_move_some(swarm);
	shoal_sim_heal(swarm->sim);
	shoal_sim_wake(swarm->sim);
	shoal_swarm_restore(swarm);
	for (uint32_t i = 0; i < plan->nodes; i++) {
		bool wanted = i == SHOAL_SWARM_SEED || shoal_rng_below(&swarm->rng, 2) == 0;

		rc = wanted && !shoal_sim_is_up(swarm->sim, i) ? shoal_swarm_start(swarm, i) : 0;
		if (rc != 0) {
			return rc;
		}
		if (shoal_sim_is_up(swarm->sim, i) &&
		        (swarm->moved[i] || swarm->narrowed[i] ||
		                shoal_sim_starts(swarm->sim, i) != swarm->starts[i])) {
			/* It has no memory, and its contact may have lost its own; or those that
			 * hold it dead would look for it in vain. */
			(void)shoal_sim_join(swarm->sim, i, shoal_swarm_contact(swarm, i));
		}
	}
	shoal_swarm_describe_some(swarm);
	rc = end_leaves(swarm);
	rc = rc == 0 ? shoal_swarm_move_unseen(swarm) : rc;
	if (rc != 0) {
		return rc;
	}
	times->converged_bound_ns = agreement_bound(swarm);
	return run_until_agreed(swarm, times->converged_bound_ns, settling(swarm),
	        SHOAL_CHECKER_CONVERGENCE, &times->converged_ns);
}

/* All know where each is; who did not may have doubted one meanwhile. */
static int
phase_addresses(struct shoal_swarm *swarm)
{
	int rc = shoal_swarm_addresses(swarm);
	uint64_t took;

	return rc != 0 ? rc
	               : run_until_agreed(swarm, agreement_bound(swarm), settling(swarm),
	                         SHOAL_CHECKER_CONVERGENCE, &took);
}

void
shoal_swarm_talk(struct shoal_swarm *swarm, uint32_t messages)
{
	struct shoal_rng *rng = &swarm->talk;
	uint32_t nodes = swarm->plan.nodes;

	for (uint32_t i = 0; i < messages && swarm->plan.talk; i++) {
		uint32_t from = shoal_rng_below(rng, nodes);
		uint32_t to = shoal_rng_below(rng, nodes);
		bool reliable = shoal_rng_below(rng, 2) == 0;

		/* One that is down, stands still or knows nobody says nothing. */
		if (from != to && shoal_sim_is_up(swarm->sim, from) &&
		        shoal_sim_is_up(swarm->sim, to)) {
			(void)shoal_judge_say(swarm->sim, from, to, reliable);
		}
		if (shoal_rng_below(rng, 8) == 0 && shoal_sim_is_up(swarm->sim, to) &&
		        !swarm->talked) {
			shoal_judge_room(swarm->sim, to, shoal_rng_below(rng, 2000));
		}
	}
}

int
shoal_swarm_until_nobody(
        struct shoal_swarm *swarm, uint32_t (*look)(const struct shoal_sim *sim), const char *why)
{
	uint64_t bound = 2 * SHOAL_MS(swarm->plan.profile.exchange_timeout_ms) + SHOAL_SEC(10);
	uint64_t begin = shoal_sim_now(swarm->sim);
	uint32_t node;
	int rc = 0;

	while (rc == 0 && (node = look(swarm->sim)) != SHOAL_SIM_NOBODY) {
		if (shoal_sim_now(swarm->sim) - begin > bound) {
			shoal_checker_fail(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_MESSAGES,
			        node, NULL, why);
			return SHOAL_ERR_STATE;
		}
		rc = shoal_swarm_run_for(swarm, step_of(swarm));
	}
	return rc;
}

/* Each reliable message of those that run has its end; and of what they say now, when all of them
 * agree and nothing is lost, each is taken. */
static int
phase_messages(struct shoal_swarm *swarm)
{
	int rc;

	swarm->talked = true;
	for (uint32_t i = 0; i < swarm->plan.nodes; i++) {
		if (shoal_sim_is_up(swarm->sim, i)) {
			shoal_judge_room(swarm->sim, i, SIZE_MAX);
		}
	}
	rc = shoal_swarm_until_nobody(
	        swarm, shoal_judge_unended, "a reliable message has no end within the bound");
	if (rc == 0 && !swarm->plan.narrow) {
		shoal_judge_all_is_due(swarm->sim);
	}
	shoal_swarm_talk(swarm, 2 * swarm->plan.nodes);
	rc = rc == 0 ? shoal_swarm_until_nobody(swarm, shoal_judge_unended,
	                       "a reliable message has no end within the bound")
	             : rc;
	return rc == 0 ? shoal_swarm_until_nobody(
	                         swarm, shoal_judge_untaken, "a message did not arrive in calm")
	               : rc;
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
		rc = shoal_swarm_run_for(swarm, step_of(swarm));
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
	rc = shoal_swarm_run_for(swarm, 10 * shoal_swarm_interval(swarm));
	if (rc == 0 && !shoal_sim_agreed(swarm->sim, &gap)) {
		shoal_judge_fail(swarm->sim, SHOAL_CHECKER_CONVERGENCE, &gap,
		        "agreement was lost without a fault");
	}
	return rc != 0 ? rc : verdict(swarm);
}

/* No core is told the time any more: what still flies is answers to answers, and must end. */
static int
phase_idle(struct shoal_swarm *swarm)
{
	uint64_t timeout = SHOAL_MS(swarm->plan.profile.exchange_timeout_ms);

	return shoal_judge_dies_out(swarm->sim, timeout + SHOAL_SEC(2));
}

int
shoal_swarm_init(struct shoal_swarm *swarm, const struct shoal_plan *plan,
        shoal_sim_note_fn on_note, void *arg)
{
	struct shoal_sim_config config;
	int rc;

	memset(swarm, 0, sizeof(*swarm));
	swarm->plan = *plan;
	shoal_rng_init(&swarm->rng, plan->seed, 2);
	shoal_rng_init(&swarm->described, plan->seed, 3);
	shoal_rng_init(&swarm->talk, plan->seed, 4);
	shoal_rng_init(&swarm->casts, plan->seed, 7);
	shoal_rng_init(&swarm->moving, plan->seed, 9);
	shoal_rng_init(&swarm->operating, plan->seed, 11);
	shoal_sim_config_init(&config);
	config.seed = plan->seed;
	config.nodes = plan->nodes;
	config.profile = plan->profile;
	config.link = plan->calm;
	config.skew_ns = plan->skew_ns;
	config.timer_lag_ns = plan->timer_lag_ns;
	config.log_level = plan->log_level;
	config.codec = plan->codec;
	config.asks_accept = plan->asks;
	config.on_note = on_note;
	config.arg = arg;
	rc = shoal_sim_new(&swarm->sim, &config);
	if (rc != 0) {
		return rc;
	}
	shoal_judge_follow(swarm->sim);
	if (plan->credulous) {
		shoal_judge_trust(swarm->sim);
	}
	return 0;
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
	const struct {
		const char *name;
		int (*run)(struct shoal_swarm *swarm);
		bool wanted;
	} phases[] = {{"join", phase_join, true}, {"calm", shoal_swarm_calm, true},
	        {"sizes", shoal_swarm_sizes, swarm->plan.narrow},
	        {"flood", shoal_swarm_flood, swarm->plan.flood},
	        {"forge", shoal_swarm_forge, swarm->plan.forged}, {"crash", phase_crash, true},
	        {"leave", phase_leave, swarm->plan.leave},
	        {"forget", shoal_swarm_forget, swarm->plan.operated},
	        {"merge", phase_merge, swarm->plan.merge}, {"chaos", phase_chaos, true},
	        {"liveness", phase_liveness, true},
	        {"addresses", phase_addresses, swarm->plan.moves},
	        {"messages", phase_messages, swarm->plan.talk},
	        {"broadcasts", shoal_swarm_casts, swarm->plan.casts}, {"quiet", phase_quiet, true},
	        {"digest", phase_digest, true},
	        {"metadata", shoal_swarm_metadata, swarm->plan.metadata},
	        {"wall", shoal_swarm_wall, swarm->plan.wall}, {"idle", phase_idle, true}};
	int rc = 0;

	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]) && rc == 0; i++) {
		if (phases[i].wanted) {
			shoal_sim_phase(swarm->sim, phases[i].name);
			rc = phases[i].run(swarm);
		}
		rc = rc == 0 ? verdict(swarm) : rc;
	}
	return rc;
}
