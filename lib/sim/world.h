/* SPDX-License-Identifier: MIT */
/* What the files of the simulator share: the world, its nodes, packets and exchanges.
 *
 * Ownership: the world owns nodes and packets; a packet is in the heap while it flies, and in its
 * addressee's socket while that one is stalled. An exchange is a request and its answer; its number
 * is {generation, slot} so that a late answer never meets another request. */
#ifndef SHOAL_SIM_WORLD_H
#define SHOAL_SIM_WORLD_H

#include "base/heap.h"
#include "base/list.h"
#include "base/ring.h"
#include "base/rng.h"
#include "base/slab.h"
#include "sim/sim.h"
#include "sim/trace.h"

/* The kind of a timer in the heap. */
enum shoal_sim_timer {
	SHOAL_SIM_TIMER_TICK = 1, /* every virtual second: the checkers over all nodes */
	SHOAL_SIM_TIMER_NODE,     /* a core's deadline */
	SHOAL_SIM_TIMER_WAKE,     /* a stall ends */
	SHOAL_SIM_TIMER_RETRY,    /* a join that failed is tried again */
	SHOAL_SIM_TIMER_LEAVE,    /* a leave must have ended */
	SHOAL_SIM_TIMER_PACKET,   /* a packet arrives */
	SHOAL_SIM_TIMER_EXCHANGE  /* a request is given up */
};

struct shoal_sim_packet {
	struct shoal_timer timer;
	struct shoal_list link; /* in sim->flying or in node->socket */
	enum shoal_input_kind kind;
	uint32_t from, to;
	uint32_t instance; /* RESULT and REFUSED are for this run of `to` only */
	uint64_t exchange; /* REQUEST, RESULT: the world's number */
	int code;
	bool damaged;
	uint64_t arrived_ns;
	size_t len;
	uint8_t data[];
};

struct shoal_sim_exchange {
	struct shoal_timer timer;
	uint32_t generation;
	uint32_t client, client_instance;
	uint32_t server, server_instance; /* instance 0: not there yet */
	uint64_t theirs;                  /* the client's number */
	bool answered;
};

/* Counts what one core holds, and refuses some of it. */
struct shoal_sim_memory {
	struct shoal_sim *sim;
	size_t held;
};

struct shoal_sim_node {
	struct shoal_sim *sim;
	struct shoal_core *core; /* NULL: down */
	uint32_t number, group;
	uint32_t instance; /* starts so far */
	bool host_down, stalled, leaving, ended, joined, joins_in_calm;
	uint32_t seed;       /* joins through this one; NOBODY */
	uint32_t joins_open; /* JOIN commands without their JOINED event */
	uint32_t joins_lost; /* of which the end may have been lost with other events */
	uint64_t join_until; /* the open join must have ended */
	uint64_t mono_shift, wall_shift;
	struct shoal_id id;
	struct shoal_addr addr;
	struct shoal_timer timer, wake, retry, leave;
	struct shoal_list socket;
	uint32_t waiting;
	struct shoal_sim_memory memory;
	struct shoal_allocator allocator; /* over memory */
	struct shoal_watch watch;
	struct shoal_sim_detection detection; /* of this node by the others */
	bool left_in_calm;
};

struct shoal_sim {
	struct shoal_sim_config config;
	struct shoal_allocator mem;
	struct shoal_heap heap;
	struct shoal_rng rng;
	uint64_t now;
	struct shoal_sim_node *node;
	uint32_t nodes;
	uint64_t *way;        /* [a * nodes + b]: until when the way was bad; NULL: not kept */
	uint64_t accuracy_ns; /* who was good for so long is not found dead */
	uint8_t *cut;         /* [from * nodes + to] */
	struct shoal_sim_link link;
	uint32_t fail_ppm;
	bool calm;
	struct shoal_list flying;
	size_t packets;
	size_t timers; /* armed at once at most, without packets and exchanges */
	struct shoal_slab exchange;
	uint32_t generation;
	struct shoal_ring notes;
	struct shoal_timer tick;
	struct shoal_trace trace;
	struct shoal_checkers checks;
	uint64_t steps;
	int error;
};

/* sim.c */
void shoal_sim_add_note(struct shoal_sim *sim, const struct shoal_sim_note *note);
void shoal_sim_fault(
        struct shoal_sim *sim, const char *word, uint32_t node, uint32_t other, uint64_t value);
/* What the simulator itself could not do; the run ends with it. */
void shoal_sim_error(struct shoal_sim *sim, int code);

/* node.c and host.c: one node's life, and its host's part of the contract of core.h. */
void shoal_sim_node_init(struct shoal_sim *sim, struct shoal_sim_node *node, uint32_t number);
void shoal_sim_node_done(struct shoal_sim_node *node);
/* Feeds the core and carries out everything that comes out. The time fields are filled in here but
 * for received_ns, which is on the world's scale. Returns what shoal_core_step did. */
int shoal_sim_node_step(struct shoal_sim_node *node, struct shoal_input *input);
void shoal_sim_node_timer(struct shoal_sim_node *node, enum shoal_sim_timer kind);
void shoal_sim_node_wake(struct shoal_sim_node *node);
/* A packet for a node that is up: into the core, or into the socket while it is stalled. Takes the
 * packet. */
void shoal_sim_node_receive(struct shoal_sim_node *node, struct shoal_sim_packet *packet);

void shoal_sim_node_stop(struct shoal_sim_node *node, bool silent);

/* memory.c */
void shoal_sim_memory_init(
        struct shoal_sim_memory *memory, struct shoal_sim *sim, struct shoal_allocator *hooks);

/* way.c: called before anything changes that a way depends on. */
void shoal_sim_way_mark(struct shoal_sim *sim);
/* 0: it is bad now. */
uint64_t shoal_sim_way_good_for(const struct shoal_sim *sim, uint32_t a, uint32_t b);

/* net.c: the network. */
bool shoal_sim_net_reaches(const struct shoal_sim *sim, uint32_t from, uint32_t to);
void shoal_sim_net_send(struct shoal_sim_node *node, const struct shoal_send *send);
void shoal_sim_net_arrive(struct shoal_sim *sim, struct shoal_sim_packet *packet);
void shoal_sim_net_expire(struct shoal_sim *sim, struct shoal_sim_exchange *exchange);
/* The node is about to go down: its requests are forgotten, those that it was to answer end closed
 * or never. */
void shoal_sim_net_down(struct shoal_sim_node *node, bool silent);
void shoal_sim_net_free(struct shoal_sim *sim, struct shoal_sim_packet *packet);
/* The client's number and the end of the exchange; false: it ended before, drop the result. */
bool shoal_sim_net_close(struct shoal_sim *sim, uint64_t number, uint64_t *theirs);

#endif
