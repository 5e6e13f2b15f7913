/* SPDX-License-Identifier: MIT */
/* Prints plans, notes and failures. A failure is told by the last notes in which its observer or
 * its subject had a part, and by what was done to the whole cluster. */
#include "story.h"

#include <inttypes.h>
#include <stdio.h>

#define NOTES_SHOWN 40

static double
seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

void
story_plan(const struct shoal_plan *plan)
{
	static const char *const kind[] = {"lan", "wan", "local"};
	const struct shoal_profile *profile = &plan->profile;

	printf("plan: seed %" PRIu64 ", %" PRIu32 " nodes, around %s:", plan->seed, plan->nodes,
	        kind[plan->kind]);
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	printf(" " #field "=%" PRIu32, profile->field);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
	printf("\n      latency %.6f to %.6f s, jitter %.6f s; in chaos loss %.3f, damage %.3f, "
	       "held back %.3f by up to %.3f s, bursts %.3f, resets %.3f, %" PRIu32
	       " faults, failing allocations %.3f%s\n",
	        seconds(plan->calm.latency_min_ns), seconds(plan->calm.latency_max_ns),
	        seconds(plan->calm.jitter_ns), plan->chaos.loss_ppm / 1e6,
	        plan->chaos.corrupt_ppm / 1e6, plan->chaos.reorder_ppm / 1e6,
	        seconds(plan->chaos.reorder_ns), plan->chaos.burst_loss_ppm / 1e6,
	        plan->chaos.reset_ppm / 1e6, plan->faults, plan->fail_ppm / 1e6,
	        plan->merge ? "; a merge before" : "");
}

void
story_note(const struct shoal_sim_note *note, void *arg)
{
	char line[200];

	(void)arg;
	puts(shoal_sim_note_print(note, line, sizeof(line)));
}

static bool
concerns(const struct shoal_sim_note *note, uint32_t observer, uint32_t subject)
{
	return note->node == observer || note->node == SHOAL_SIM_NOBODY ||
	       (subject != SHOAL_SIM_NOBODY && (note->node == subject || note->other == subject));
}

static void
print_notes(const struct shoal_sim *sim, uint32_t observer, uint32_t subject)
{
	const struct shoal_sim_note *note;
	size_t count = 0, skip;

	for (size_t i = 0; (note = shoal_sim_note(sim, i)) != NULL; i++) {
		count += concerns(note, observer, subject);
	}
	skip = count > NOTES_SHOWN ? count - NOTES_SHOWN : 0;
	for (size_t i = 0; (note = shoal_sim_note(sim, i)) != NULL; i++) {
		if (!concerns(note, observer, subject)) {
			continue;
		}
		if (skip == 0) {
			printf("    ");
			story_note(note, NULL);
		} else {
			skip--;
		}
	}
}

void
story_replay(uint64_t seed, const struct story_options *options)
{
	printf("replay: %s --seed %" PRIu64, options->program, seed);
	if (options->nodes != 0) {
		printf(" --nodes %" PRIu32, options->nodes);
	}
	printf(" --verbose\n");
	(void)fflush(stdout);
}

void
story_failure(struct shoal_swarm *swarm, const struct story_options *options)
{
	const struct shoal_checkers *checks = shoal_sim_checkers(swarm->sim);
	const struct shoal_checker_report *report = &checks->first;
	uint32_t subject;

	printf("FAILED: seed %" PRIu64 "\n", swarm->plan.seed);
	story_plan(&swarm->plan);
	if (checks->fired == 0) {
		printf("the run broke off, no checker fired\n");
	} else {
		subject = shoal_sim_find(swarm->sim, &report->subject);
		printf("checker %s (%s)\nat %.6f s, observer node %" PRIu32
		       ", subject node %d: %s\n",
		        shoal_checker_name(report->check), shoal_checker_help(report->check),
		        seconds(report->at_ns), report->observer,
		        subject == SHOAL_SIM_NOBODY ? -1 : (int)subject, report->text);
		print_notes(swarm->sim, report->observer, subject);
	}
	story_replay(swarm->plan.seed, options);
}

void
story_checks(const struct shoal_checkers *checks)
{
	for (size_t i = 0; i < SHOAL_CHECKERS; i++) {
		printf("  %-14s %12" PRIu64 "  %s\n", shoal_checker_name((enum shoal_checker)i),
		        checks->looked[i], shoal_checker_help((enum shoal_checker)i));
	}
}
