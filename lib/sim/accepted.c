/* SPDX-License-Identifier: MIT */
/* Hosts that are asked whom to take in: each accepts the nodes of the world, and refuses whoever is
 * none. And what must come of it: nobody is held as living of whom this host has not accepted this
 * very instance. A host decides right behind the step in which it was asked, by a step of its own.
 *
 * Cost: ACCEPTED_KEPT words for each pair of nodes. */
#include "sim/read.h"
#include "sim/world.h"

#include "base/alloc.h"

#include <string.h>

#define ASKED_MAX 1024
/* Instances of one node: the known one may stay while another one that was accepted is tried. */
#define ACCEPTED_KEPT 4

struct asked {
	uint64_t number, salt;
	uint32_t who; /* NOBODY: none of the world's */
};

void
shoal_sim_accepted_init(struct shoal_sim_node *node)
{
	shoal_ring_init(&node->applicants, &node->sim->mem, sizeof(struct asked), ASKED_MAX);
}

void
shoal_sim_accepted_done(struct shoal_sim_node *node)
{
	shoal_ring_done(&node->applicants);
	shoal_alloc_free(&node->sim->mem, node->accepted);
	node->accepted = NULL;
}

int
shoal_sim_accepted_start(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;

	while (shoal_ring_front(&node->applicants) != NULL) {
		shoal_ring_pop(&node->applicants);
	}
	if (!sim->config.asks_accept) {
		return 0;
	}
	shoal_alloc_free(&sim->mem, node->accepted);
	node->accepted = shoal_alloc_zeroed(
	        &sim->mem, (size_t)sim->nodes * ACCEPTED_KEPT, sizeof(*node->accepted));
	return node->accepted != NULL ? 0 : SHOAL_ERR_NOMEM;
}

static void
accept(struct shoal_sim_node *node, uint32_t who, uint64_t salt)
{
	uint64_t *kept = &node->accepted[who * ACCEPTED_KEPT];

	memmove(kept + 1, kept, (ACCEPTED_KEPT - 1) * sizeof(*kept));
	kept[0] = salt;
}

static bool
is_accepted(const struct shoal_sim_node *node, uint32_t who, uint64_t salt)
{
	bool is = false;

	for (size_t i = 0; i < ACCEPTED_KEPT && who != SHOAL_SIM_NOBODY; i++) {
		is = is || node->accepted[who * ACCEPTED_KEPT + i] == salt;
	}
	return is;
}

static bool
lives(enum shoal_state state)
{
	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT ||
	       state == SHOAL_STATE_LEAVING;
}

/* Of whom is told, of the instance that is held. That another one was there is told before it is
 * told that it is gone. */
static void
check(struct shoal_sim_node *node, const struct shoal_event *event)
{
	uint32_t who = shoal_sim_find(node->sim, &event->id);
	struct shoal_core_member held;

	if (!lives(event->state) || who == node->number ||
	        !shoal_core_member(node->core, event->slot, &held) || !lives(held.state) ||
	        shoal_id_compare(&held.id, &event->id) != 0) {
		return;
	}
	(void)shoal_checker_that(&node->sim->checks, SHOAL_CHECKER_ACCEPTED,
	        is_accepted(node, who, shoal_read_salt(&held.salt)), node->number, &event->id,
	        "held as living, and its host did not accept it");
}

void
shoal_sim_accepted_event(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_core_member member;
	struct asked *asked;

	if (!node->sim->config.asks_accept) {
		return;
	}
	if (event->kind != SHOAL_EVENT_APPLICANT) {
		if (event->kind <= SHOAL_EVENT_ALL && event->kind != SHOAL_EVENT_OVERFLOW) {
			check(node, event);
		}
		return;
	}
	if (!shoal_core_applicant(node->core, event->exchange, &member)) {
		return;
	}
	asked = shoal_ring_push(&node->applicants);
	if (asked == NULL) {
		shoal_sim_error(node->sim, SHOAL_ERR_NOMEM);
		return;
	}
	asked->number = event->exchange;
	asked->salt = shoal_read_salt(&member.salt);
	asked->who = shoal_sim_find(node->sim, &event->id);
}

void
shoal_sim_accepted_decide(struct shoal_sim_node *node)
{
	const struct asked *front;

	if (node->deciding) {
		return;
	}
	node->deciding = true;
	while (node->core != NULL && (front = shoal_ring_front(&node->applicants)) != NULL) {
		struct shoal_input input = {.kind = SHOAL_INPUT_ACCEPT, .exchange = front->number};

		if (front->who != SHOAL_SIM_NOBODY) {
			accept(node, front->who, front->salt);
		} else {
			input.code = SHOAL_ERR_REJECTED;
		}
		shoal_ring_pop(&node->applicants);
		(void)shoal_sim_node_step(node, &input);
	}
	node->deciding = false;
}
