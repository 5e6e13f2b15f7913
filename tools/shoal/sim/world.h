/* SPDX-License-Identifier: MIT */
/* What scenarios share: protocols to compare, a world in which all know each other, and a tally of
 * who was suspected and found dead, rightly and wrongly. */
#ifndef SHOAL_CLI_SIM_WORLD_H
#define SHOAL_CLI_SIM_WORLD_H

#include "scenario.h"

/* What is compared. The first five are the configurations of the Lifeguard paper. */
enum sim_protocol {
	SIM_SWIM = 0,
	SIM_LHA_PROBE,
	SIM_LHA_SUSPICION,
	SIM_BUDDY,
	SIM_LIFEGUARD,
	SIM_SHOAL,
	SIM_PROTOCOLS
};

const char *sim_protocol_name(enum sim_protocol protocol);
/* Sets what makes a world run this protocol, on hosts as it is delivered with; intervals stay.
 * shoal: all stays. */
void sim_protocol_apply(enum sim_protocol protocol, struct shoal_sim_config *config);

/* Who was suspected and found dead. */
struct sim_tally {
	uint32_t nodes;
	bool *sick;            /* [nodes]: nodes that are made to misbehave */
	uint64_t suspected;    /* SUSPECT about nodes that are up */
	uint64_t failed;       /* FAILED about nodes that are up and not sick, anywhere */
	uint64_t failed_sound; /* of these, at nodes that are not sick */
	uint64_t failed_sick;  /* FAILED about sick nodes that are up */
	/* About one node, at nodes that are not sick: when the first was told and the last, and how
	 * many. */
	uint32_t subject;
	uint64_t suspect_first, suspect_last, suspect_by;
	uint64_t failed_first, failed_last, failed_by;
};

/* Fills in config->on_note and its argument; free with sim_tally_free. */
struct sim_tally *sim_tally_new(struct shoal_sim_config *config);
void sim_tally_free(struct sim_tally *tally);
/* Counts anew; sick and subject stay. */
void sim_tally_clear(struct sim_tally *tally);

/* All nodes up and agreed, by joining through node 0. NULL: it did not come to that, said in
 * one->trouble. */
struct shoal_sim *sim_world_new(struct sim_case *one, const struct shoal_sim_config *config);

/* Runs on for so long. */
int sim_world_run(struct sim_case *one, struct shoal_sim *sim, uint64_t ns, const char *what);

/* Until all agree; the seconds it took, or NAN (and trouble) where it took longer than the bound.
 */
double sim_world_agree(struct sim_case *one, struct shoal_sim *sim, uint64_t bound_ns);
/* Until all that are up hold a node in this state. */
double sim_world_hold(struct sim_case *one, struct shoal_sim *sim, uint32_t node,
        enum shoal_state state, uint64_t bound_ns);

/* Messages and bytes that all nodes sent between two looks. */
struct sim_load {
	double messages, bytes; /* datagrams and stream messages; 28 and 40 bytes of headers each */
};
struct sim_load sim_load_of(const struct shoal_sim *sim);

/* A number below n from a seed and a word, the same each time. */
uint64_t sim_draw(uint64_t seed, uint64_t word, uint64_t n);

#endif
