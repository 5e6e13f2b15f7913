/* SPDX-License-Identifier: MIT */
/* What the files of the simulator share: the world, its nodes, packets, ways and exchanges.
 *
 * Ownership: the world owns nodes and packets; a packet is in the heap while it flies, and in its
 * addressee's socket while that one is stalled. An exchange is a request and its answer, or a watch
 * link; its number is {generation, slot} so that a late answer never meets another request. A way
 * has an entry only where something was done to it. */
#ifndef SHOAL_SIM_WORLD_H
#define SHOAL_SIM_WORLD_H

#include <shoal/packet.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/ring.h"
#include "base/rng.h"
#include "base/slab.h"
#include "base/table.h"
#include "sim/judge.h"
#include "sim/trace.h"

/* The kind of a timer in the heap. */
enum shoal_sim_timer {
	SHOAL_SIM_TIMER_TICK = 1, /* every virtual second: the checkers over all nodes */
	SHOAL_SIM_TIMER_CALL,     /* shoal_sim_at */
	SHOAL_SIM_TIMER_NODE,     /* a core's deadline */
	SHOAL_SIM_TIMER_WAKE,     /* a stall ends, or the turn of a starved node */
	SHOAL_SIM_TIMER_RETRY,    /* a join that failed is tried again */
	SHOAL_SIM_TIMER_LEAVE,    /* a leave must have ended */
	SHOAL_SIM_TIMER_PACKET,   /* a packet arrives */
	SHOAL_SIM_TIMER_EXCHANGE, /* a request is given up; a watcher's keep-alive */
	SHOAL_SIM_TIMER_WATCHED   /* the keep-alive of who is watched */
};

struct shoal_sim_packet {
	struct shoal_timer timer;
	struct shoal_list link; /* in sim->flying or in node->socket */
	enum shoal_input_kind kind;
	uint32_t from, to;
	struct shoal_addr source; /* where `from` was when it sent it */
	uint32_t instance;        /* 0: for any; else for this run of `to` only */
	uint64_t exchange;        /* the world's number of a request or link */
	int code;
	size_t size; /* TOO_LARGE */
	bool damaged;
	bool twin;      /* another copy of it flies, or did */
	bool connected; /* it comes on a connection that is there */
	bool arrived;   /* and waits for a slow node */
	uint64_t arrived_ns;
	size_t len;
	uint8_t data[];
};

/* A request and its answer; or a watch link, of which each end is open or not. */
struct shoal_sim_exchange {
	struct shoal_timer timer, watched;
	struct shoal_list of_client, of_server; /* in their nodes */
	uint32_t generation;
	uint32_t client, client_instance;
	uint32_t server, server_instance; /* instance 0: not there yet */
	uint64_t theirs;                  /* the client's number */
	uint64_t counter;                 /* under which its request was sealed, 0: it was not */
	uint64_t last_ns;                 /* link: when the last message to the client arrives */
	bool answered;
	bool reset;                    /* nothing passes any more */
	bool link;                     /* the rest is of links */
	bool up;                       /* the watcher has its answer */
	bool client_open, server_open; /* the ends */
	bool forgotten;                /* by a firewall between the two */
	struct shoal_addr from;        /* where its client was */
	bool trying, watched_trying;   /* a keep-alive went unanswered */
};

/* What was done to one way. */
struct shoal_sim_way {
	uint32_t from, to;
	bool cut;
	bool bad; /* of bursts of loss: until turn_ns, where that is not 0 */
	uint64_t turn_ns;
	uint32_t mtu;
	bool mtu_told;
};

/* Counts what one core holds, and refuses some of it. */
struct shoal_sim_memory {
	struct shoal_sim *sim;
	size_t held;
};

struct shoal_sim_node {
	struct shoal_sim *sim;
	struct shoal_core *core; /* NULL: down */
	uint32_t number;
	uint32_t group, other_group;
	uint32_t instance; /* starts so far */
	uint64_t started;  /* when the last one was */
	bool host_down, leaving, ended, joined, joins_in_calm;
	bool stalled;        /* does not run */
	bool paused;         /* stalled for want of processor time */
	uint32_t seed;       /* that it is to reach; NOBODY: it did */
	uint32_t asked;      /* the one that its join under way, or the last one, goes through */
	uint32_t joins_open; /* JOIN commands without their JOINED event */
	uint32_t joins_lost; /* of which the end may have been lost with other events */
	uint64_t join_until; /* the open join must have ended */
	uint64_t mono_shift, wall_shift;
	uint64_t blocked_until;                     /* shoal_sim_block */
	uint64_t slow_ns, run_ns, period_ns;        /* shoal_sim_slow, shoal_sim_starve */
	uint64_t flap_ns, flap_up_ns, flap_from_ns; /* shoal_sim_flap: period, up, since */
	uint32_t lost_in_ppm, lost_out_ppm;
	uint32_t mtu;
	bool mtu_told;
	enum shoal_sim_filter datagrams, streams;
	bool translated;  /* shoal_sim_translate */
	uint64_t *mapped; /* when it sent to each node last, and 1; NULL: it was never translated */
	struct shoal_id id;
	struct shoal_salt salt; /* of the run that is up */
	struct shoal_addr addr;
	struct shoal_timer timer, wake, retry, leave;
	struct shoal_list socket;
	struct shoal_list clients, servers; /* exchanges in which it has that part */
	uint32_t waiting;
	struct shoal_sim_memory memory;
	struct shoal_allocator allocator; /* over memory */
	struct shoal_watch watch;
	struct shoal_sim_detection detection; /* of this node by the others */
	struct shoal_sim_traffic traffic;
	uint8_t *disk; /* what it saved; NULL: nothing */
	size_t disk_len;
	uint64_t disk_ns;
	uint64_t disk_epoch;         /* of the run that saved it */
	struct shoal_counters *past; /* of its instances that ended; NULL: none did */
	bool left_in_calm;
	uint32_t told;                /* messages on the links of its watchers */
	struct shoal_cidr *list;      /* whom it admits; see ordered.c */
	size_t ranges;                /* 0: all */
	uint64_t listed;              /* when that was said last; 0: never */
	uint64_t forgotten;           /* the highest incarnation that an operator let be; 0: none */
	struct shoal_ring applicants; /* that its host is asked about; see accepted.c */
	bool deciding;
	uint64_t *accepted; /* salts of instances, see accepted.c; NULL: not kept */
};

/* Of a way while the same instances run at its ends. */
struct shoal_sim_size {
	uint32_t largest; /* datagram that was sent */
	uint32_t lost;    /* that were too large */
};

struct shoal_sim_own;
struct shoal_sim_said;
struct shoal_sim_cast;

struct shoal_sim_casts {
	struct shoal_sim_cast *item; /* all broadcasts */
	uint32_t *heard;             /* [cast * nodes + node]: the last instance that took it */
	uint32_t count, capacity;
};

struct shoal_sim_talk {
	struct shoal_sim_said *item; /* all that was said */
	uint32_t *last;              /* [from * nodes + to]: the last reliable one that was taken */
	uint32_t count;
	size_t capacity;
	bool due; /* what is said has to be taken */
};

struct shoal_sim {
	struct shoal_sim_config config;
	struct shoal_allocator mem;
	struct shoal_heap heap;
	struct shoal_rng rng;
	uint64_t now;
	struct shoal_sim_node *node;
	uint32_t nodes;
	uint64_t *good;       /* [a * nodes + b]: until when the way was bad; NULL: not kept */
	uint64_t accuracy_ns; /* who was good for so long is not found dead */
	struct shoal_sim_size *sizes; /* [a * nodes + b]; NULL: not kept */
	uint8_t *merging; /* [a * nodes + b]: a held b alive when the sides met; NULL: no */
	struct shoal_slab ways;
	struct shoal_table way_table; /* {from, to} to the number in ways */
	struct shoal_sim_link link;
	uint32_t fail_ppm;
	bool calm;
	bool follows;  /* some of those that start are followed */
	bool timeless; /* cores are not told the time: what flies must die out */
	struct shoal_pool *pool;
	struct shoal_list flying;
	size_t packets;
	struct shoal_list calls;
	size_t timers; /* armed at once at most, without packets and exchanges */
	struct shoal_slab exchange;
	uint32_t generation;
	struct shoal_ring notes;
	struct shoal_timer tick;
	uint32_t tick_next;                 /* the node at which the look at all goes on */
	struct shoal_packet_opener *opener; /* NULL: they do not seal */
	struct shoal_trace trace;
	struct shoal_checkers checks;
	struct shoal_sim_talk talk;
	struct shoal_sim_casts casts;
	struct shoal_sim_own *own;
	size_t owns;
	shoal_sim_record_fn on_record; /* NULL: none */
	void *record_arg;
	uint64_t steps;
	int error;
};

/* sim.c: what the simulator itself could not do; the run ends with it. */
void shoal_sim_error(struct shoal_sim *sim, int code);
/* Room in the heap for all that may be armed, and two more. */
int shoal_sim_room(struct shoal_sim *sim);

/* note.c */
void shoal_sim_add_note(struct shoal_sim *sim, const struct shoal_sim_note *note);
void shoal_sim_fault(
        struct shoal_sim *sim, const char *word, uint32_t node, uint32_t other, uint64_t value);

/* talk.c: a core told of a message, or of its end. */
void shoal_sim_talk_event(struct shoal_sim_node *node, const struct shoal_event *event);
void shoal_sim_talk_done(struct shoal_sim *sim);

/* casts.c: the same of broadcasts. */
bool shoal_sim_is_cast(const struct shoal_event *event);
void shoal_sim_cast_event(struct shoal_sim_node *node, const struct shoal_event *event);
/* A clock was set on by so much: what the node holds seems to be older. */
void shoal_sim_casts_jump(struct shoal_sim *sim, uint32_t node, uint64_t ns);
void shoal_sim_casts_done(struct shoal_sim *sim);

/* own.c: asks the added checkers. */
void shoal_sim_own_look(struct shoal_sim *sim, uint32_t node);
void shoal_sim_own_done(struct shoal_sim *sim);

/* node.c: one node's life. */
void shoal_sim_node_init(struct shoal_sim *sim, struct shoal_sim_node *node, uint32_t number);
void shoal_sim_node_done(struct shoal_sim_node *node);
void shoal_sim_node_stop(struct shoal_sim_node *node, bool silent);
void shoal_sim_node_timer(struct shoal_sim_node *node, enum shoal_sim_timer kind);

/* Starts a node that is down; its first epoch is at least this one. */
int shoal_sim_node_start(struct shoal_sim_node *node, uint64_t epoch_least);

/* host.c: its host's part of the contract of core.h. */
/* Feeds the core and carries out everything that comes out. The time fields are filled in here but
 * for received_ns, which is on the world's scale. Returns what shoal_core_step did. */
int shoal_sim_node_step(struct shoal_sim_node *node, struct shoal_input *input);
/* Arms the timer of the core's deadline. */
void shoal_sim_node_arm(struct shoal_sim_node *node);
/* A packet for a node that is up: into the core, or into the socket while it is stalled. Takes the
 * packet. */
void shoal_sim_node_receive(struct shoal_sim_node *node, struct shoal_sim_packet *packet);
/* Feeds what waits in the socket. */
void shoal_sim_node_drain(struct shoal_sim_node *node);

/* pace.c: stalls, starvation. */
void shoal_sim_pace_start(struct shoal_sim_node *node);
void shoal_sim_pace_timer(struct shoal_sim_node *node);

/* verdict.c: a suspicion or a failure that a core told, right or wrong. */
void shoal_sim_verdict(struct shoal_sim_node *node, const struct shoal_event *event);

/* ordered.c: whether a node admits an address; what it tells, and to whom it sends. */
bool shoal_sim_admits(const struct shoal_sim_node *node, const struct shoal_addr *addr);
/* Whether it does not admit another one, where that is now. */
bool shoal_sim_is_outside(const struct shoal_sim *sim, uint32_t node, uint32_t other);
void shoal_sim_ordered_event(struct shoal_sim_node *node, const struct shoal_event *event);
void shoal_sim_ordered_send(struct shoal_sim_node *node, const struct shoal_send *send);
void shoal_sim_ordered_done(struct shoal_sim_node *node);

/* accepted.c: whom a node's host takes in, where it is asked. */
void shoal_sim_accepted_init(struct shoal_sim_node *node);
void shoal_sim_accepted_done(struct shoal_sim_node *node);
/* A run of it begins. SHOAL_ERR_NOMEM. */
int shoal_sim_accepted_start(struct shoal_sim_node *node);
void shoal_sim_accepted_event(struct shoal_sim_node *node, const struct shoal_event *event);
/* After each step: what was asked in it is decided. */
void shoal_sim_accepted_decide(struct shoal_sim_node *node);

/* size.c: a datagram was handed to the network; a node starts. */
void shoal_sim_size_sent(
        struct shoal_sim *sim, uint32_t from, uint32_t to, size_t len, bool too_large);
void shoal_sim_size_reset(struct shoal_sim *sim, uint32_t node);

/* memory.c */
void shoal_sim_memory_init(
        struct shoal_sim_memory *memory, struct shoal_sim *sim, struct shoal_allocator *hooks);

/* good.c: called before anything changes that a way depends on. */
void shoal_sim_good_mark(struct shoal_sim *sim);
/* What passed until now is to begin anew: the ways to and from a node were bad. */
void shoal_sim_good_break(struct shoal_sim *sim, uint32_t node);
/* 0: it is bad now. */
uint64_t shoal_sim_good_for(const struct shoal_sim *sim, uint32_t a, uint32_t b);

/* way.c: what was done to single ways and nodes. */
void shoal_sim_way_init(struct shoal_sim *sim);
void shoal_sim_way_done(struct shoal_sim *sim);
/* Largest datagram, 0: any. */
uint32_t shoal_sim_way_mtu(const struct shoal_sim *sim, uint32_t from, uint32_t to, bool *told);
/* Whether it is in a burst of loss; draws the next ones. */
bool shoal_sim_way_is_bad(struct shoal_sim *sim, uint32_t from, uint32_t to);

/* latency.c */
uint64_t shoal_sim_latency(struct shoal_sim *sim, uint32_t from, uint32_t to);

/* net.c: the network. */
/* Whether its bounds and shares make sense. */
bool shoal_sim_net_is_link(const struct shoal_sim_link *link);
bool shoal_sim_net_draw(struct shoal_sim *sim, uint32_t ppm);
/* Whether a packet is lost on its way. */
bool shoal_sim_net_loses(struct shoal_sim *sim, uint32_t from, uint32_t to);
void shoal_sim_net_send(struct shoal_sim_node *node, const struct shoal_send *send);
void shoal_sim_net_arrive(struct shoal_sim *sim, struct shoal_sim_packet *packet);
struct shoal_sim_packet *shoal_sim_net_packet(struct shoal_sim *sim, enum shoal_input_kind kind,
        uint32_t from, uint32_t to, const uint8_t *data, size_t len);
/* From where a packet comes to the one it is for; and whom one gets to: SHOAL_SIM_NOBODY. */
struct shoal_addr shoal_sim_source(struct shoal_sim *sim, uint32_t from, uint32_t to);
uint32_t shoal_sim_node_at(
        const struct shoal_sim *sim, uint32_t from, const struct shoal_addr *addr);
void shoal_sim_net_fly(struct shoal_sim *sim, struct shoal_sim_packet *packet, uint64_t delay_ns);
void shoal_sim_net_free(struct shoal_sim *sim, struct shoal_sim_packet *packet);

/* stream.c: messages on streams, requests and their answers. */
struct shoal_sim_packet *shoal_sim_stream_send(struct shoal_sim *sim, enum shoal_input_kind kind,
        uint32_t from, uint32_t to, const uint8_t *data, size_t len);
struct shoal_sim_exchange *shoal_sim_stream_open(
        struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send);
struct shoal_sim_exchange *shoal_sim_stream_find(struct shoal_sim *sim, uint64_t number);
uint64_t shoal_sim_stream_number(const struct shoal_sim_exchange *exchange);
/* Forgets the exchange. */
void shoal_sim_stream_close(struct shoal_sim *sim, struct shoal_sim_exchange *exchange);
void shoal_sim_stream_request(
        struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send);
void shoal_sim_stream_reply(struct shoal_sim_node *node, const struct shoal_send *send);
/* Lets the end of an exchange travel from its server to its client. */
void shoal_sim_stream_result(struct shoal_sim *sim, struct shoal_sim_exchange *exchange, int code,
        const uint8_t *data, size_t len);
void shoal_sim_stream_expire(struct shoal_sim *sim, struct shoal_sim_exchange *exchange);
/* The node is about to go down: its requests are forgotten, those that it was to answer end closed
 * or never. */
void shoal_sim_stream_down(struct shoal_sim_node *node, bool silent);
/* A result or a link's end reached its node. The client's number; false: it ended before, drop it.
 */
bool shoal_sim_stream_take(struct shoal_sim_node *node, const struct shoal_sim_packet *packet,
        struct shoal_input *input);

/* watch.c: watch links. */
void shoal_sim_watch_open(struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send);
void shoal_sim_watch_send(struct shoal_sim_node *node, const struct shoal_send *send);
/* The first message of a link is there. false: the watcher gave it up. */
bool shoal_sim_watch_arrive(struct shoal_sim_node *node, const struct shoal_sim_packet *packet);
bool shoal_sim_watch_take(struct shoal_sim *sim, struct shoal_sim_exchange *link,
        const struct shoal_sim_packet *packet, struct shoal_input *input);
void shoal_sim_watch_reply(
        struct shoal_sim *sim, struct shoal_sim_exchange *link, const struct shoal_send *send);
/* Closes one end; the other end hears of it where told. */
void shoal_sim_watch_end(
        struct shoal_sim *sim, struct shoal_sim_exchange *link, bool client, bool told);
/* Resets the connection for both. */
void shoal_sim_watch_reset(struct shoal_sim *sim, struct shoal_sim_exchange *link);
/* A keep-alive is due at the watcher (client) or at the watched. */
void shoal_sim_watch_timer(struct shoal_sim *sim, struct shoal_sim_exchange *link, bool client);

static inline bool
shoal_sim_is_node(const struct shoal_sim *sim, uint32_t node)
{
	return node < sim->nodes;
}

/* sealed.c */
int shoal_sim_sealed_init(struct shoal_sim *sim);
/* Under which a packet was sealed; 0: it was not. */
uint64_t shoal_sim_sealed_counter(const uint8_t *data, size_t len);
/* Whether it was sealed, and for another instance than that of a node. */
bool shoal_sim_sealed_for_other(const struct shoal_sim_node *node, const uint8_t *data, size_t len);
/* The same packet as it would be if nothing was sealed, until the next call. What is sent is held
 * to it that it is sealed. */
void shoal_sim_sealed_send(
        struct shoal_sim_node *node, const struct shoal_send *send, struct shoal_send *clear);

#endif
