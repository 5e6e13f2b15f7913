/* SPDX-License-Identifier: MIT */
/* What is printed of a drawn cluster, by the command and by the simulator's test program. */
#ifndef SHOAL_CLI_SIM_STORY_H
#define SHOAL_CLI_SIM_STORY_H

#include <shoal/swarm.h>

#include <stdio.h>

void sim_story_plan(const struct shoal_swarm *swarm, FILE *out);
/* shoal_sim_note_fn; out is a FILE. */
void sim_story_note(const struct shoal_sim_note *note, void *out);
/* The plan, the failure and the notes that led to it. Nobody is node -1. */
void sim_story_failure(const struct shoal_swarm *swarm, FILE *out);

#endif
