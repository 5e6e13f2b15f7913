/* SPDX-License-Identifier: MIT */
/* The list of scenarios. */
#include "scenario.h"

const struct sim_scenario *const sim_scenarios[] = {
        &sim_detection_scenario,
        &sim_lifeguard_scenario,
        &sim_loss_scenario,
        &sim_one_way_scenario,
        &sim_flapping_scenario,
        &sim_growth_scenario,
        &sim_heal_scenario,
        &sim_swarm_scenario,
        &sim_found_scenario,
        NULL,
};
