/* SPDX-License-Identifier: MIT */
/* One seed from its plan to its verdict: join, calm, a crash, a leave, chaos, and the liveness that
 * must follow it. */
#ifndef SHOAL_SIM_SWARM_H
#define SHOAL_SIM_SWARM_H

#include "base/rng.h"
#include "sim/plan.h"

#define SHOAL_SWARM_SEED 0 /* the node that all join through */

/* What was measured on the way; 0: the seed's plan had no such phase. */
struct shoal_swarm_times {
	uint64_t join_ns, join_bound_ns;
	struct shoal_sim_detection detection; /* of the crash in calm */
	uint64_t failed_bound_ns;
	uint64_t left_ns, left_bound_ns;
	uint64_t merged_ns, merged_bound_ns;
	uint64_t converged_ns, converged_bound_ns;
	uint64_t settled_ns, settled_bound_ns; /* differences, after that */
};

struct shoal_swarm {
	struct shoal_plan plan;
	struct shoal_sim *sim;      /* stays after the run, for its notes */
	struct shoal_rng rng;       /* of the schedule */
	struct shoal_rng described; /* of metadata */
	struct shoal_rng talk;      /* who sends to whom */
	bool talked;                /* hosts have room for all messages from now on */
	struct shoal_rng casts;     /* who broadcasts */
	struct shoal_rng moving;    /* who moves */
	bool moved[SHOAL_SWARM_NODES_MAX];
	struct shoal_rng operating; /* what operators do */
	bool narrowed[SHOAL_SWARM_NODES_MAX];
	struct shoal_swarm_times times;
	uint32_t starts[SHOAL_SWARM_NODES_MAX]; /* of each node when chaos began */
};

/* A swarm of the caller's own, from a plan. on_note may be NULL. SHOAL_ERR_NOMEM. */
int shoal_swarm_init(struct shoal_swarm *swarm, const struct shoal_plan *plan,
        shoal_sim_note_fn on_note, void *arg);
void shoal_swarm_done(struct shoal_swarm *swarm);

/* What the files of the swarm share. */
uint64_t shoal_swarm_interval(const struct shoal_swarm *swarm);
int shoal_swarm_run_for(struct shoal_swarm *swarm, uint64_t ns);
/* Starts a node and lets it join through whoever is up. */
int shoal_swarm_start(struct shoal_swarm *swarm, uint32_t node);
/* Whom a node joins through: the seed, and where it is down or the node itself, the first other
 * that is up; itself: nobody is. */
uint32_t shoal_swarm_contact(const struct shoal_swarm *swarm, uint32_t node);
/* chaos.c: one thing goes wrong, or right again. */
int shoal_swarm_fault(struct shoal_swarm *swarm);
/* Some members send messages to some, where the plan has it. */
void shoal_swarm_talk(struct shoal_swarm *swarm, uint32_t messages);
/* Runs until what is looked for is found nowhere, for a time that everything takes at most; else
 * the checker of messages says why. */
int shoal_swarm_until_nobody(
        struct shoal_swarm *swarm, uint32_t (*look)(const struct shoal_sim *sim), const char *why);
/* wall.c, where the plan has it: one comes back behind a wall, and all talk to it: a phase. */
int shoal_swarm_wall(struct shoal_swarm *swarm);
/* casting.c: some members broadcast, where the plan has it. */
void shoal_swarm_cast(struct shoal_swarm *swarm, uint32_t casts);
/* In a world that never lost anything each broadcast was heard by all. */
int shoal_swarm_calm_casts(struct shoal_swarm *swarm);
/* Each reliable one comes to all that run. */
int shoal_swarm_casts(struct shoal_swarm *swarm);
/* rule.c: datagrams are as large as the way takes: a way that takes small ones only, before anybody
 * starts; the phase calm; and one in which that way is seen, and takes all again. */
int shoal_swarm_narrow(struct shoal_swarm *swarm);
int shoal_swarm_calm(struct shoal_swarm *swarm);
int shoal_swarm_sizes(struct shoal_swarm *swarm);
/* describe.c: metadata, where the plan has some: a node says something else; two thirds of them do;
 * one that is drawn does. And a phase: all hold what each said last. */
void shoal_swarm_describe(struct shoal_swarm *swarm, uint32_t node);
void shoal_swarm_describe_some(struct shoal_swarm *swarm);
void shoal_swarm_describe_one(struct shoal_swarm *swarm);
int shoal_swarm_metadata(struct shoal_swarm *swarm);
/* moving.c, where the plan has it: one moves to another address while another one is cut off, or
 * perhaps one does, or a third of all. And the time until all know where each is. */
int shoal_swarm_move_unseen(struct shoal_swarm *swarm);
int shoal_swarm_move_one(struct shoal_swarm *swarm);
void shoal_swarm_move_some(struct shoal_swarm *swarm);
int shoal_swarm_addresses(struct shoal_swarm *swarm);
/* Whether a node knows where another one is. */
bool shoal_swarm_knows(const struct shoal_swarm *swarm, uint32_t observer, uint32_t subject);
/* operating.c, where the plan has it: an operator does something; all of it is taken back; a phase
 * in which one that is gone is forgotten by all. */
void shoal_swarm_operate(struct shoal_swarm *swarm);
void shoal_swarm_restore(struct shoal_swarm *swarm);
int shoal_swarm_forget(struct shoal_swarm *swarm);
/* stranger.c: one that nobody knows asks a node for something. What the core said. */
int shoal_swarm_stranger(struct shoal_swarm *swarm, uint32_t node);
/* Where hosts are asked, it says of itself that it is a member, and another one says so: it is
 * refused. */
void shoal_swarm_ghost(struct shoal_swarm *swarm, uint32_t node);
/* The same so often at once that the budget of a node is used up: a phase. */
int shoal_swarm_flood(struct shoal_swarm *swarm);
/* Where the plan has it: a member makes up where another one is: a phase. */
int shoal_swarm_forge(struct shoal_swarm *swarm);

#endif
