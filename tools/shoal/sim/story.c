/* SPDX-License-Identifier: MIT */
/* Prints plans, notes and failures of drawn clusters. */
#include "story.h"

#define NOTES_SHOWN 40

void
sim_story_plan(const struct shoal_swarm *swarm, FILE *out)
{
	char text[SHOAL_SWARM_TEXT_MAX];

	fprintf(out, "plan: %s\n", shoal_swarm_print(swarm, text, sizeof(text)));
}

void
sim_story_note(const struct shoal_sim_note *note, void *out)
{
	char line[200];

	fprintf(out, "%s\n", shoal_sim_note_print(note, line, sizeof(line)));
}

void
sim_story_failure(const struct shoal_swarm *swarm, FILE *out)
{
	const struct shoal_sim *sim = shoal_swarm_sim(swarm);
	struct shoal_sim_failure failure;

	sim_story_plan(swarm, out);
	if (!shoal_sim_failure(sim, &failure)) {
		fputs("the run broke off, no checker fired\n", out);
		return;
	}
	fprintf(out, "checker %s at %.6f s, observer node %d, subject node %d: %s\n", failure.check,
	        (double)failure.at_ns / 1e9, (int)failure.observer, (int)failure.subject,
	        failure.why);
	shoal_sim_story(sim, NOTES_SHOWN, sim_story_note, out);
}
