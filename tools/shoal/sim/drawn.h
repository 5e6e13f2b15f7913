/* SPDX-License-Identifier: MIT */
/* Drawn clusters as cases of a scenario. */
#ifndef SHOAL_CLI_SIM_DRAWN_H
#define SHOAL_CLI_SIM_DRAWN_H

#include "run.h"

/* From run(): draws the cluster of the case's seed and runs it to its verdict; a seed in 16 twice,
 * which must be the same run. nodes: 0: drawn. */
void sim_drawn_run(struct sim_case *one, uint32_t nodes);

/* From tell(): how often each checker looked and how near all came to their bounds. */
void sim_drawn_tell(const struct sim_cases *cases, struct sim_report *report);

/* From tell(): of a case that failed, the command that runs it again; prints its story on standard
 * error, and records the node that showed the failure where the settings say so. */
void sim_drawn_again(const struct sim_settings *settings, const struct sim_case *one,
        uint32_t nodes, struct sim_report *report);

#endif
