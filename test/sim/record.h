/* SPDX-License-Identifier: MIT */
/* One simulated node's life in files that `shoal replay` reads: one file a start. */
#ifndef SHOAL_TEST_SIM_RECORD_H
#define SHOAL_TEST_SIM_RECORD_H

#include <shoal/sim.h>

#include <shoal/record.h>

#include <stdio.h>

struct record {
	struct shoal_sim *sim;
	uint32_t node, starts;
	const char *path; /* of the first start; the second goes to PATH.2 and so on */
	struct shoal_recorder *recorder;
	FILE *file;
};

/* From now on; path lives as long as the record. What cannot be written ends the program. */
void record_begin(struct record *record, struct shoal_sim *sim, uint32_t node, const char *path);
void record_end(struct record *record);

#endif
