/* SPDX-License-Identifier: MIT */
/* Suspicions and failures that cores tell, against what was really done to their subjects; and how
 * long a real end took to be told. O(1) each. */
#include "sim/follow.h"
#include "sim/world.h"

void
shoal_sim_set_calm(struct shoal_sim *sim, bool calm)
{
	sim->calm = calm;
}

/* How the others notice that it is down. */
static void
measure(struct shoal_sim_node *subject, bool failed)
{
	struct shoal_sim_detection *detection = &subject->detection;
	uint64_t now = subject->sim->now;

	if (!failed) {
		detection->suspect_ns = detection->suspect_ns == 0 ? now : detection->suspect_ns;
		return;
	}
	detection->first_ns = detection->by++ == 0 ? now : detection->first_ns;
	detection->last_ns = now;
}

static void
judge_failed(struct shoal_sim_node *node, const struct shoal_sim_node *subject)
{
	struct shoal_sim *sim = node->sim;

	if (sim->merging != NULL) {
		uint8_t held = sim->merging[(size_t)node->number * sim->nodes + subject->number];

		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_HEAL,
		        subject->core == NULL || held == 0, node->number, &subject->id,
		        "failed in a merge, though its side held it alive");
	}
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_ACCURACY,
	        sim->good == NULL ||
	                shoal_sim_good_for(sim, node->number, subject->number) < sim->accuracy_ns,
	        node->number, &subject->id,
	        "failed, though it is up and the way was good for long");
}

/* Whoever accuses has read what had arrived: in its socket is no answer to the probe that failed.
 */
static void
judge_accusation(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_follow *follow = node->watch.follow;
	uint64_t begun = event->mono_ns - event->cause.after_ns;
	bool answered = false;

	if (follow == NULL || event->cause.kind != SHOAL_CAUSE_UNANSWERED) {
		return;
	}
	SHOAL_LIST_FOREACH (one, &node->socket) {
		const struct shoal_sim_packet *packet =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_packet, link);
		struct shoal_read read;

		answered =
		        answered || (packet->kind == SHOAL_INPUT_DATAGRAM && !packet->damaged &&
		                            shoal_read_packet(&read, packet->data, packet->len) &&
		                            read.kind == SHOAL_MESSAGE_ACK &&
		                            shoal_asked_at(follow, read.message.ack.seq, begun));
	}
	(void)shoal_checker_that(&node->sim->checks, SHOAL_CHECKER_PROBES, !answered, node->number,
	        &event->id, "accused, though the answer had arrived and was not read");
}

void
shoal_sim_verdict(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim *sim = node->sim;
	uint32_t number = shoal_sim_find(sim, &event->id);
	struct shoal_sim_node *subject = number == SHOAL_SIM_NOBODY ? NULL : &sim->node[number];
	bool failed = event->kind == SHOAL_EVENT_FAILED;

	if (subject == NULL || (!failed && event->kind != SHOAL_EVENT_SUSPECT)) {
		return;
	}
	if (!failed) {
		judge_accusation(node, event);
	}
	if (subject->core == NULL && event->was != SHOAL_STATE_UNKNOWN) {
		measure(subject, failed);
	}
	if (sim->calm && subject->left_in_calm) {
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_LEAVE, !failed, node->number,
		        &subject->id, "failed, though it left");
		return;
	}
	if (sim->calm) {
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_CALM, subject->core == NULL,
		        node->number, &subject->id,
		        failed ? "failed, though all is well" : "suspected, though all is well");
	}
	if (failed) {
		judge_failed(node, subject);
	}
}
