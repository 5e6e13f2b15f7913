/* SPDX-License-Identifier: MIT */
/* One large cluster under one of the profiles as they are delivered. */
#ifndef SHOAL_TEST_SIM_SCENARIO_H
#define SHOAL_TEST_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

/* Nodes (0: 64) join through one seed and see each other; one is crashed, and all others know it
 * within the bound. Returns an exit status. */
int scenario_run(const char *profile, uint32_t nodes, uint64_t seed, bool verbose);

#endif
