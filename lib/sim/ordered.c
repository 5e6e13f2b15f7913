/* SPDX-License-Identifier: MIT */
/* What operators tell single nodes: whom to admit, whom to forget, other numbers. And what must
 * come of it: who is not admitted is neither held as living nor spoken to, by whomever it is told;
 * forgotten is who an operator lets be forgotten, by all, and nobody else.
 *
 * A packet from one who is not admitted passes and is for the core to drop; the way between the two
 * counts as bad. Cost: O(1) an event and a packet. */
#include "sim/world.h"

#include <string.h>

bool
shoal_sim_is_outside(const struct shoal_sim *sim, uint32_t node, uint32_t other)
{
	return node != other && other < SHOAL_ALLOW_MAX &&
	       (sim->node[node].outside >> other & 1) != 0;
}

int
shoal_judge_admit(struct shoal_sim *sim, uint32_t number, uint64_t outside)
{
	struct shoal_cidr range[SHOAL_ALLOW_MAX];
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_ALLOW, .data = (const uint8_t *)range, .len = 0};
	size_t count = 0;
	int rc;

	if (!shoal_sim_is_node(sim, number) || sim->nodes > SHOAL_ALLOW_MAX ||
	        sim->node[number].core == NULL || sim->node[number].stalled) {
		return SHOAL_ERR_STATE;
	}
	memset(range, 0, sizeof(range));
	for (uint32_t i = 0; i < sim->nodes && outside != 0; i++) {
		if ((outside >> i & 1) == 0) {
			memcpy(range[count].ip, sim->node[i].addr.ip, sizeof(range[count].ip));
			range[count++].bits = 128;
		}
	}
	input.len = count * sizeof(range[0]);
	shoal_sim_good_mark(sim);
	shoal_sim_good_break(sim, number);
	sim->node[number].outside = outside;
	sim->node[number].listed = sim->now;
	shoal_sim_fault(sim, "does not admit", number, SHOAL_SIM_NOBODY, outside);
	rc = shoal_sim_node_step(&sim->node[number], &input);
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_ADMITTED,
	        rc == 0 || rc == SHOAL_ERR_STATE, number, &sim->node[number].id,
	        "a list of ranges was refused");
	return rc;
}

int
shoal_judge_forget(struct shoal_sim *sim, uint32_t number, uint32_t subject)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_FORGET};
	struct shoal_sim_node *one;
	uint32_t before;
	int rc;

	if (!shoal_sim_is_node(sim, number) || !shoal_sim_is_node(sim, subject)) {
		return SHOAL_ERR_INVALID;
	}
	one = &sim->node[subject];
	input.data = one->id.bytes;
	input.len = sizeof(one->id);
	before = one->forgotten;
	one->forgotten++; /* what it tells in this step is in order */
	rc = shoal_sim_step(sim, number, &input);
	if (rc != 0) {
		one->forgotten = before;
	} else {
		shoal_sim_fault(sim, "forgets", number, subject, 0);
	}
	return rc;
}

uint32_t
shoal_judge_remembering(const struct shoal_sim *sim, uint32_t subject)
{
	const struct shoal_id *id = shoal_sim_id(sim, subject);

	for (uint32_t i = 0; id != NULL && i < sim->nodes; i++) {
		const struct shoal_sim_node *node = &sim->node[i];
		uint32_t slot;

		if (i != subject && node->core != NULL && !node->leaving &&
		        shoal_core_find(node->core, id, &slot) == 0 && slot < node->watch.views &&
		        shoal_id_compare(&node->watch.view[slot].id, id) == 0 &&
		        node->watch.view[slot].state != SHOAL_STATE_UNKNOWN) {
			return i;
		}
	}
	return SHOAL_SIM_NOBODY;
}

int
shoal_judge_tune(struct shoal_sim *sim, uint32_t number, const struct shoal_profile *profile)
{
	uint8_t data[SHOAL_TUNING_BYTES];
	struct shoal_input input = {.kind = SHOAL_INPUT_TUNE, .data = data};
	struct shoal_profile fixed = *profile;
	int rc;

	fixed.members_max++;
	input.len = shoal_core_tuning(&fixed, sim->config.log_level, data, sizeof(data));
	rc = shoal_sim_step(sim, number, &input);
	if (rc == SHOAL_ERR_STATE) {
		return rc;
	}
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_TUNED, rc == SHOAL_ERR_INVALID, number,
	        shoal_sim_id(sim, number), "what is fixed was changed while it runs");
	input.len = shoal_core_tuning(profile, sim->config.log_level, data, sizeof(data));
	rc = shoal_sim_step(sim, number, &input);
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_TUNED, rc == 0, number,
	        shoal_sim_id(sim, number), "what may change was refused");
	shoal_sim_fault(sim, "is tuned, digests each ms", number, SHOAL_SIM_NOBODY,
	        profile->digest_interval_ms);
	return rc;
}

void
shoal_sim_ordered_event(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim *sim = node->sim;
	uint32_t subject = shoal_sim_find(sim, &event->id);

	if (subject == SHOAL_SIM_NOBODY || event->kind > SHOAL_EVENT_ALL) {
		return;
	}
	if (node->outside != 0) {
		bool lives = event->state != SHOAL_STATE_DEAD && event->state != SHOAL_STATE_LEFT;
		bool returns = event->kind == SHOAL_EVENT_JOIN || event->kind == SHOAL_EVENT_ALIVE;

		/* For want of memory it could not be buried at once. */
		lives = lives && (returns || sim->fail_ppm == 0);
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_ADMITTED,
		        !lives || !shoal_sim_is_outside(sim, node->number, subject), node->number,
		        &event->id, "held as living, though it is not admitted");
	}
	if (event->kind == SHOAL_EVENT_REAP && event->cause.kind == SHOAL_CAUSE_FORGOTTEN) {
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_FORGOTTEN,
		        sim->node[subject].forgotten > 0, node->number, &event->id,
		        "forgotten, though no operator said so");
	}
}

/* to: the node at that address; NOBODY. What ends a link goes by its number. */
void
shoal_sim_ordered_send(struct shoal_sim_node *node, uint32_t to)
{
	if (node->outside != 0 && to != SHOAL_SIM_NOBODY) {
		(void)shoal_checker_that(&node->sim->checks, SHOAL_CHECKER_ADMITTED,
		        !shoal_sim_is_outside(node->sim, node->number, to), node->number,
		        &node->sim->node[to].id, "spoken to, though it is not admitted");
	}
}
