/* SPDX-License-Identifier: MIT */
/* One simulated node's life in files that `shoal replay` reads: one file a start. */
#ifndef SHOAL_CLI_SIM_RECORD_H
#define SHOAL_CLI_SIM_RECORD_H

#include <shoal/sim.h>

#include <shoal/record.h>

#include <stdio.h>

struct sim_record {
	struct shoal_sim *sim;
	uint32_t node, starts;
	const char *path; /* of the first start; the second goes to PATH.2 and so on */
	struct shoal_recorder *recorder;
	FILE *file;
};

/* From now on; path lives as long as the record. What cannot be written ends the program. */
void sim_record_begin(
        struct sim_record *record, struct shoal_sim *sim, uint32_t node, const char *path);
void sim_record_end(struct sim_record *record);

#endif
