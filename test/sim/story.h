/* SPDX-License-Identifier: MIT */
/* What the simulator's program prints. */
#ifndef SHOAL_TEST_SIM_STORY_H
#define SHOAL_TEST_SIM_STORY_H

#include "sim/plan.h"
#include "sim/swarm.h"

/* How the program was called, for the command that replays a seed. */
struct story_options {
	const char *program;
	uint32_t nodes; /* 0: drawn */
};

void story_plan(const struct shoal_plan *plan);
/* shoal_sim_note_fn: prints the line. */
void story_note(const struct shoal_sim_note *note, void *arg);
/* The first failure, the notes that led to it and the command that replays it. */
void story_failure(struct shoal_swarm *swarm, const struct story_options *options);
void story_replay(uint64_t seed, const struct story_options *options);
/* One line a checker: how often it looked. */
void story_checks(const struct shoal_checkers *checks);

#endif
