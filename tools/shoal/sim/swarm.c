/* SPDX-License-Identifier: MIT */
/* Drawn clusters, one a seed: all of the protocol, all that goes wrong, all checkers. */
#include "drawn.h"

#include <shoal/swarm.h>

static const struct sim_param params[] = {
        {"nodes", "0", 0, SHOAL_SWARM_NODES_MAX, false, "members; 0: as drawn, 2 to 64"},
        {NULL, NULL, 0, 0, false, NULL},
};

static void
plan(const struct sim_settings *settings, struct sim_cases *cases)
{
	sim_plan(settings, cases, 0, 0);
}

static void
run(const struct sim_settings *settings, struct sim_case *one)
{
	sim_drawn_run(one, (uint32_t)sim_number(settings, "nodes"));
}

static void
tell(const struct sim_settings *settings, const struct sim_cases *cases, struct sim_report *report)
{
	sim_drawn_tell(cases, report);
	for (size_t i = 0; i < cases->count; i++) {
		if (cases->item[i].trouble[0] != '\0') {
			sim_drawn_again(settings, &cases->item[i],
			        (uint32_t)sim_number(settings, "nodes"), report);
			return;
		}
	}
}

const struct sim_scenario sim_swarm_scenario = {
        .name = "swarm",
        .summary = "Clusters drawn from seeds, held to all that is promised",
        .about = "Each seed draws a cluster, its profile, its network and what goes wrong: joins, "
                 "a crash, a leave, a cut, then chaos, and agreement after it. What must hold is "
                 "looked at after every step. A seed that fails is told with what led to it.",
        .params = params,
        .runs = 100,
        .records = true,
        .plan = plan,
        .run = run,
        .tell = tell,
};
