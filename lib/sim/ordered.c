/* SPDX-License-Identifier: MIT */
/* What operators tell single nodes: whom to admit, whom to forget, other numbers. And what must
 * come of it: an address that is not admitted is neither that of one who is held as living nor
 * spoken to, by whomever it is told; forgotten is who an operator lets be forgotten, by all, and
 * nobody else.
 *
 * Nodes are admitted by address, as they are by the core: who moves may fall out of a list, and no
 * list follows him. A packet from an address that is not admitted passes and is for the core to
 * drop; the way between the two counts as bad. Cost: O(ranges) an event and a packet of a node that
 * has a list. */
#include "sim/world.h"

#include "base/addr.h"
#include "base/alloc.h"

#include <string.h>

bool
shoal_sim_admits(const struct shoal_sim_node *node, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < node->ranges; i++) {
		if (shoal_cidr_contains(&node->list[i], addr)) {
			return true;
		}
	}
	return node->ranges == 0;
}

bool
shoal_sim_is_outside(const struct shoal_sim *sim, uint32_t node, uint32_t other)
{
	return node != other && !shoal_sim_admits(&sim->node[node], &sim->node[other].addr);
}

void
shoal_sim_ordered_done(struct shoal_sim_node *node)
{
	shoal_alloc_free(&node->sim->mem, node->list);
	node->list = NULL;
	node->ranges = 0;
}

/* A list of those whose bits are not set, where they are now and, where there is room, where each
 * of them moves to next. */
static int
make_list(struct shoal_sim_node *node, uint64_t outside)
{
	struct shoal_sim *sim = node->sim;
	uint32_t moves = 2 * sim->nodes <= SHOAL_ALLOW_MAX ? 1 : 0;

	node->ranges = 0;
	if (node->list == NULL) {
		node->list = shoal_alloc_zeroed(&sim->mem, SHOAL_ALLOW_MAX, sizeof(*node->list));
	}
	if (node->list == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (uint32_t i = 0; i < sim->nodes && outside != 0; i++) {
		for (uint32_t k = 0; k <= moves && (outside >> i & 1) == 0; k++) {
			struct shoal_cidr *range = &node->list[node->ranges++];

			memcpy(range->ip, sim->node[i].addr.ip, sizeof(range->ip));
			range->ip[13] = (uint8_t)(range->ip[13] + k); /* see move.c */
			range->bits = 128;
		}
	}
	return 0;
}

/* What somebody outside of the list has opened is no way to tell him anything. */
static void
check_links(const struct shoal_sim_node *node)
{
	SHOAL_LIST_FOREACH (one, &node->servers) {
		const struct shoal_sim_exchange *link =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_server);

		(void)shoal_checker_that(&node->sim->checks, SHOAL_CHECKER_ADMITTED,
		        !link->link || !link->server_open || shoal_sim_admits(node, &link->from),
		        node->number, &node->sim->node[link->client].id,
		        "its link stays, though it is not admitted");
	}
}

int
shoal_judge_admit(struct shoal_sim *sim, uint32_t number, uint64_t outside)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_ALLOW};
	struct shoal_sim_node *node;
	int rc;

	if (!shoal_sim_is_node(sim, number) || sim->nodes > SHOAL_ALLOW_MAX ||
	        sim->node[number].core == NULL || sim->node[number].stalled) {
		return SHOAL_ERR_STATE;
	}
	node = &sim->node[number];
	shoal_sim_good_mark(sim);
	shoal_sim_good_break(sim, number);
	if (make_list(node, outside) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	node->listed = sim->now;
	input.data = (const uint8_t *)node->list;
	input.len = node->ranges * sizeof(*node->list);
	shoal_sim_fault(sim, "does not admit", number, SHOAL_SIM_NOBODY, outside);
	rc = shoal_sim_node_step(node, &input);
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_ADMITTED,
	        rc == 0 || rc == SHOAL_ERR_STATE, number, &node->id,
	        "a list of ranges was refused");
	check_links(node);
	return rc;
}

/* The incarnation under which a node holds another one. 0: it does not. */
static uint64_t
held_incarnation(const struct shoal_sim_node *node, const struct shoal_id *id)
{
	struct shoal_core_member held;
	uint32_t slot;

	return node->core != NULL && shoal_core_find(node->core, id, &slot) == 0 &&
	                       shoal_core_member(node->core, slot, &held)
	               ? held.incarnation
	               : 0;
}

int
shoal_judge_forget(struct shoal_sim *sim, uint32_t number, uint32_t subject)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_FORGET};
	struct shoal_sim_node *one;
	uint64_t before, held;
	int rc;

	if (!shoal_sim_is_node(sim, number) || !shoal_sim_is_node(sim, subject)) {
		return SHOAL_ERR_INVALID;
	}
	one = &sim->node[subject];
	input.data = one->id.bytes;
	input.len = sizeof(one->id);
	before = one->forgotten;
	held = held_incarnation(&sim->node[number], &one->id);
	one->forgotten = held > before ? held : before; /* what it tells in this step is in order */
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
	if (node->ranges != 0 && subject != node->number) {
		bool lives = event->state != SHOAL_STATE_DEAD && event->state != SHOAL_STATE_LEFT;

		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_ADMITTED,
		        !lives || shoal_sim_admits(node, &event->addr), node->number, &event->id,
		        "held as living, though it is not admitted");
	}
	if (event->kind == SHOAL_EVENT_REAP && event->cause.kind == SHOAL_CAUSE_FORGOTTEN) {
		/* A death of that run that is newer than the operator knew goes with it. */
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_FORGOTTEN,
		        event->incarnation >> 32 <= sim->node[subject].forgotten >> 32,
		        node->number, &event->id,
		        "forgotten, though no operator said so of that run of it");
	}
}

/* What ends a link or answers a request goes by its number, and so does what is told down a link,
 * to where that came from. */
void
shoal_sim_ordered_send(struct shoal_sim_node *node, const struct shoal_send *send)
{
	const struct shoal_sim_exchange *link =
	        send->kind == SHOAL_SEND_TELL ? shoal_sim_stream_find(node->sim, send->exchange)
	                                      : NULL;
	bool addressed = send->kind != SHOAL_SEND_REPLY && send->kind < SHOAL_SEND_UNWATCH;
	const struct shoal_addr *to = link != NULL ? &link->from : &send->to;

	if (node->ranges != 0 && (addressed || link != NULL)) {
		(void)shoal_checker_that(&node->sim->checks, SHOAL_CHECKER_ADMITTED,
		        shoal_sim_admits(node, to), node->number, NULL,
		        "speaks to an address that is not admitted");
	}
}
