/* SPDX-License-Identifier: MIT */
/* shoal/sim.h - the simulator: many cores in one process, on a virtual clock and a virtual network,
 * all from one seed.
 *
 * A node is a core with an address, clocks of its own (monotonic and wall clock, shifted against
 * the others') and a socket; it goes by a number from 0 on. The network delays, loses, doubles,
 * reorders and damages datagrams; streams lose nothing but time, are refused where nobody listens
 * and time out where the way is cut. Faults are commands. Checkers follow the nodes, the library's
 * and your own; the first that fires stops the run. What happens is told as notes, and counted.
 *
 *     struct shoal_sim_config config;
 *     struct shoal_sim *sim;
 *     shoal_sim_config_init(&config);
 *     config.seed = 1;
 *     config.nodes = 5;
 *     shoal_sim_new(&sim, &config);
 *     shoal_sim_gather(sim);                            all start and join through node 0
 *     shoal_sim_run(sim, SHOAL_SEC(10));
 *     shoal_sim_crash(sim, 3, SHOAL_SIM_CRASH_HOST);
 *     shoal_sim_run(sim, SHOAL_SEC(60));
 *     shoal_sim_state(sim, 0, 3);                       SHOAL_STATE_DEAD
 *
 * Same seed and same calls: same run, byte for byte, on any machine (shoal_sim_trace). Times are
 * nanoseconds of the world's clock, which begins at 0. A node's number that is not below
 * shoal_sim_nodes is an error of the caller: SHOAL_ERR_INVALID where a function returns a code,
 * otherwise no effect and the answer for a node that is down. Cost: O(log packets) a packet;
 * O(nodes) bytes, but for what the cores hold of each other.
 *
 * Threads: a world is used by one thread at a time; distinct worlds are independent. */
#ifndef SHOAL_SIM_H
#define SHOAL_SIM_H

#include <shoal/core.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_SIM_NODES_MAX 65536
#define SHOAL_SIM_NOBODY    UINT32_MAX

struct shoal_sim;

/* How latencies lie between the two bounds of a link. */
enum shoal_sim_latency {
	SHOAL_SIM_LATENCY_UNIFORM = 0, /* equal bounds: fixed */
	SHOAL_SIM_LATENCY_NORMAL = 1,  /* a bell around the middle */
	SHOAL_SIM_LATENCY_TAIL = 2     /* log-normal: half in the lowest 40th, a few at the end */
};

/* What happens to packets on every way. A way is an ordered pair of nodes. Shares are in a million.
 * Streams take latency and jitter, and the time of retransmissions instead of losses. */
struct shoal_sim_link {
	uint64_t latency_min_ns, latency_max_ns;
	uint64_t jitter_ns;  /* on top of the latency, up to this, anew for each packet */
	uint64_t reorder_ns; /* a reordered datagram is held back by up to this */
	uint32_t loss_ppm;   /* these four of datagrams */
	uint32_t duplicate_ppm;
	uint32_t reorder_ppm;
	uint32_t corrupt_ppm; /* one byte is changed */
	enum shoal_sim_latency latency;
	bool latency_per_packet; /* false: each way draws its latency once, from the seed */
	uint32_t reset_ppm; /* of messages on streams: the connection is reset before they arrive */
	/* Loss in bursts (Gilbert, Elliott): each way is by turns good and bad for random times
	 * with these means, and loses so many more datagrams while it is bad. burst_loss_ppm 0: no
	 * bursts. */
	uint32_t burst_loss_ppm;
	uint64_t burst_good_ns, burst_bad_ns;
};

enum shoal_sim_note_kind {
	SHOAL_SIM_NOTE_EVENT = 1, /* a core told this */
	SHOAL_SIM_NOTE_FAULT = 2, /* this was done to the node; word says what */
	SHOAL_SIM_NOTE_PHASE = 3  /* a part of the schedule begins; word is its name */
};

/* One line of the run's story. */
struct shoal_sim_note {
	enum shoal_sim_note_kind kind;
	uint64_t at_ns;
	uint32_t node;    /* observer, or whom it was done to; NOBODY: all */
	uint32_t other;   /* subject of an event, other end of a cut; NOBODY */
	const char *word; /* static; EVENT: NULL */
	uint64_t value;   /* FAULT: its duration or number */
	enum shoal_event_kind event;
	enum shoal_state was, state;
	uint64_t incarnation;
	enum shoal_cause_kind cause;
	uint32_t told_by; /* NOBODY: by itself */
	int code;
	bool wrong; /* SUSPECT or FAILED, and the subject is up, by the instance that is meant */
};

/* Callbacks may ask whatever returns something of the world, and not change it. */
typedef void (*shoal_sim_note_fn)(const struct shoal_sim_note *note, void *arg);

/* An event of a node's core in full, MEASURED included. */
typedef void (*shoal_sim_event_fn)(uint32_t node, const struct shoal_event *event, void *arg);

/* A node starts with this configuration (input is NULL), or takes this input (config is NULL): what
 * a recorder keeps. */
typedef void (*shoal_sim_record_fn)(uint32_t node, const struct shoal_core_config *config,
        const struct shoal_input *input, void *arg);

/* Start with shoal_sim_config_init. */
struct shoal_sim_config {
	size_t size; /* set by shoal_sim_config_init */
	uint64_t seed;
	uint32_t nodes;               /* 1 to SHOAL_SIM_NODES_MAX, all down at first; 2 */
	struct shoal_profile profile; /* of all; lan */
	struct shoal_sim_link link;   /* a quiet local network */
	uint64_t wall_ns;             /* wall clock at the start; some day in 2027 */
	uint64_t skew_ns;             /* each start draws its wall clock within this; 0 */
	uint64_t timer_lag_ns;        /* timers fire up to so much late; 0 */
	uint32_t socket_max;          /* datagrams that wait in the socket of a stalled node; 512 */
	uint32_t notes_max;           /* notes kept; 4096 */
	/* Of so many nodes all that they tell is held against all that they hold. It costs 80 bytes
	 * for each member that such a node holds. Of the others limits only are looked at. 256 */
	uint32_t followed_max;
	bool untraced; /* no trace hash, for speed; false */
	/* A node that was stalled runs its timers before it reads what waits in its socket, as a
	 * host that does not drain before it judges (shoal's own hosts do); false */
	bool judges_first;
	/* No checker minds that a node is found dead which is up, for protocols that promise less;
	 * false */
	bool unjudged;
	/* Nothing is checked of what the cores do, for speed: a run without a failure says less;
	 * false */
	bool unchecked;
	enum shoal_log_level log_level;
	shoal_sim_note_fn on_note;               /* may be NULL */
	shoal_sim_event_fn on_event;             /* may be NULL */
	void *arg;                               /* of these two */
	const struct shoal_allocator *allocator; /* NULL: malloc and free */
	/* All nodes seal with this key; NULL: they do not. Checkers read what is sealed as well.
	 * Not copied */
	const struct shoal_cipher_ops *cipher;
	const struct shoal_key *key;
	/* All nodes speak this codec; NULL: the compact one. No checker reads another one either.
	 * Not copied */
	const struct shoal_codec_ops *codec;
	/* Each node's host is asked whom it takes in (asks_accept of core.h), and accepts the nodes
	 * of the world and nobody else; false */
	bool asks_accept;
};

/* Defaults, as said above. The macro passes the size that the program was compiled with. */
SHOAL_API void shoal_sim_config_init_sized(struct shoal_sim_config *config, size_t size);
#define shoal_sim_config_init(config) shoal_sim_config_init_sized((config), sizeof(*(config)))

/* Makes a world, which copies the configuration. SHOAL_ERR_INVALID: a number is out of its bounds,
 * or the link's or the profile's make no sense. SHOAL_ERR_NOMEM. *sim is written on success only;
 * free it with shoal_sim_free. */
SHOAL_API SHOAL_MUST_USE int shoal_sim_new(
        struct shoal_sim **sim, const struct shoal_sim_config *config);

/* NULL is allowed. */
SHOAL_API void shoal_sim_free(struct shoal_sim *sim);

/* From now on fn (NULL: none) sees what starts and what nodes take. What a node takes is not yet in
 * its core then, and all that the core gave out before was taken: as shoal_recorder_input wants it.
 * A core that is refused memory (shoal_sim_set_scarcity) is no function of its record. */
SHOAL_API void shoal_sim_set_record(struct shoal_sim *sim, shoal_sim_record_fn fn, void *arg);

/* Runs to that virtual time; one that has passed: does nothing. SHOAL_ERR_STATE: a checker fired,
 * see shoal_sim_failure; the world stays as it is at that moment. SHOAL_ERR_NOMEM: the simulator
 * itself has no memory left. */
SHOAL_API int shoal_sim_run(struct shoal_sim *sim, uint64_t until_ns);

/* Whether it is time to stop. */
typedef bool (*shoal_sim_until_fn)(struct shoal_sim *sim, void *arg);

/* Runs until fn says so, which is asked now and every step_ns (above 0). SHOAL_ERR_TIMEOUT: it did
 * not until limit_ns. SHOAL_ERR_STATE, SHOAL_ERR_NOMEM: as shoal_sim_run. SHOAL_ERR_INVALID:
 * step_ns is 0. */
SHOAL_API int shoal_sim_run_until(struct shoal_sim *sim, uint64_t limit_ns, uint64_t step_ns,
        shoal_sim_until_fn fn, void *arg);

/* Something that the schedule does at a time; may change the world. */
typedef void (*shoal_sim_do_fn)(struct shoal_sim *sim, void *arg);

/* Calls fn at that time, or at once when the run goes on if it has passed. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_sim_at(struct shoal_sim *sim, uint64_t at_ns, shoal_sim_do_fn fn, void *arg);

/* ---- The life of nodes ---- */

/* Starts a node that is down: the same id as ever, a new salt, no memory. SHOAL_ERR_STATE: it is
 * up. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_sim_start(struct shoal_sim *sim, uint32_t node);

/* Keeps what a node knows now, as a disk does: over crashes, until the next save. SHOAL_ERR_STATE:
 * it is down. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_sim_save(struct shoal_sim *sim, uint32_t node);

/* Starts a node that is down with what it saved. What shoal_sim_start returns; SHOAL_ERR_NOT_FOUND:
 * it never saved. */
SHOAL_API int shoal_sim_restore(struct shoal_sim *sim, uint32_t node);

/* Starts all nodes that are down, born with the knowledge of all that are up then: a large cluster
 * in its steady state, without its joins. Who was up before is told of nobody and has to join. What
 * shoal_sim_start returns. O(nodes^2). */
SHOAL_API int shoal_sim_warm(struct shoal_sim *sim);

/* Joins through another node, again and again, through one node after the other, until it is done.
 * SHOAL_ERR_STATE: down, leaving, or the two are one. */
SHOAL_API int shoal_sim_join(struct shoal_sim *sim, uint32_t node, uint32_t through);

/* Starts all nodes that are down and lets them join through node 0, at this moment. What
 * shoal_sim_start and shoal_sim_join return. */
SHOAL_API int shoal_sim_gather(struct shoal_sim *sim);

/* The node leaves, and is down when the core says that it has left. SHOAL_ERR_STATE: down, leaving
 * or stalled. */
SHOAL_API int shoal_sim_leave(struct shoal_sim *sim, uint32_t node);

enum shoal_sim_crash {
	SHOAL_SIM_CRASH_PROCESS = 0, /* the host refuses what comes for it and closes its streams */
	SHOAL_SIM_CRASH_HOST = 1     /* silence */
};

/* Ends without a goodbye. SHOAL_ERR_STATE: it is down. */
SHOAL_API int shoal_sim_crash(struct shoal_sim *sim, uint32_t node, enum shoal_sim_crash how);

/* Feeds one input to a node's core now; the time fields are filled in. What shoal_core_step
 * returns; SHOAL_ERR_STATE where it is down or stalled. */
SHOAL_API int shoal_sim_step(struct shoal_sim *sim, uint32_t node, const struct shoal_input *input);

/* The node is at another address from now on, and where it is up it says so
 * (SHOAL_INPUT_ADDRESS): who has not heard of that sends to nobody. Watch links go silent.
 * SHOAL_ERR_STATE: it is leaving or stalled. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_sim_move(struct shoal_sim *sim, uint32_t node);

/* ---- Time on a node ---- */

/* The node does not run for so long; what comes waits in its socket. SHOAL_ERR_STATE: it is down or
 * stalled. */
SHOAL_API int shoal_sim_stall(struct shoal_sim *sim, uint32_t node, uint64_t duration_ns);

/* Short of processor time: from now on it runs for run_ns of each period_ns. period_ns 0, or not
 * above run_ns: all the time again. A restart does not change it. */
SHOAL_API int shoal_sim_starve(
        struct shoal_sim *sim, uint32_t node, uint64_t run_ns, uint64_t period_ns);

/* All that it does happens so much later: what comes in is handled, timers fire. 0: no more. A
 * restart does not change it. */
SHOAL_API int shoal_sim_slow(struct shoal_sim *sim, uint32_t node, uint64_t delay_ns);

/* The node runs, and for so long nothing passes between it and its network: what it sends leaves,
 * and what comes to it is handled, when that has ended (the anomaly of the Lifeguard paper). Again:
 * until the later of the two. */
SHOAL_API int shoal_sim_block(struct shoal_sim *sim, uint32_t node, uint64_t duration_ns);

/* Ends all stalls, starvation and slowness now. What is blocked stays so until its time. */
SHOAL_API void shoal_sim_wake(struct shoal_sim *sim);

/* Sets a node's clocks: the wall clock on or back by wall_ns, the monotonic clock on by mono_ns, as
 * a machine that was suspended. SHOAL_ERR_STATE: it is down. */
SHOAL_API int shoal_sim_jump(
        struct shoal_sim *sim, uint32_t node, int64_t wall_ns, uint64_t mono_ns);

/* So many allocations of a million that cores ask for fail. */
SHOAL_API void shoal_sim_set_scarcity(struct shoal_sim *sim, uint32_t fail_ppm);

/* ---- The network ---- */

/* For all ways. SHOAL_ERR_INVALID: bounds the wrong way round, a share above a million; unchanged.
 */
SHOAL_API int shoal_sim_set_link(struct shoal_sim *sim, const struct shoal_sim_link *link);

/* Nothing goes from one node to the other any more (this direction only). SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_sim_cut(struct shoal_sim *sim, uint32_t from, uint32_t to);

/* The other way round: it goes again. */
SHOAL_API int shoal_sim_uncut(struct shoal_sim *sim, uint32_t from, uint32_t to);

/* Only nodes that have a group in common reach each other; all begin in group 0. */
SHOAL_API int shoal_sim_group(struct shoal_sim *sim, uint32_t node, uint32_t group);

/* The node stands in two groups: A reaches B, B reaches C, A does not reach C. */
SHOAL_API int shoal_sim_bridge(
        struct shoal_sim *sim, uint32_t node, uint32_t group, uint32_t other);

enum shoal_sim_partition {
	SHOAL_SIM_PARTITION_SIDES = 0,   /* each node falls on one of two or three sides */
	SHOAL_SIM_PARTITION_ISOLATE = 1, /* one node alone */
	SHOAL_SIM_PARTITION_BRIDGES = 2  /* two sides, and between them some that reach both */
};

/* Draws groups from the world's seed, for all nodes anew. */
SHOAL_API void shoal_sim_partition(struct shoal_sim *sim, enum shoal_sim_partition how);

/* So many in a million of the datagrams that come to a node, and that leave it, are lost beside
 * what the link loses; its streams take the time of retransmissions. */
SHOAL_API int shoal_sim_lossy(
        struct shoal_sim *sim, uint32_t node, uint32_t in_ppm, uint32_t out_ppm);

/* A flapping interface: from now on nothing passes to and from the node but for up_ns of each
 * period_ns. period_ns 0: it stays up. */
SHOAL_API int shoal_sim_flap(
        struct shoal_sim *sim, uint32_t node, uint64_t up_ns, uint64_t period_ns);

/* Datagrams above so many bytes do not arrive on this way; 0: all do. to NOBODY: on every way from
 * this node. told: the sender hears of it (SHOAL_INPUT_TOO_LARGE); else the way is a black hole.
 * SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_sim_set_mtu(
        struct shoal_sim *sim, uint32_t from, uint32_t to, uint32_t bytes, bool told);

enum shoal_sim_filter {
	SHOAL_SIM_FILTER_PASS = 0,
	SHOAL_SIM_FILTER_DROP = 1,  /* silence */
	SHOAL_SIM_FILTER_REJECT = 2 /* refused, as by a closed port */
};

/* A packet filter on the node's host, for what comes in from others: datagrams, and new connections
 * of streams. What passes on connections that the node opened passes, and watch links that are
 * there stay: with both at DROP it is behind a wall, it can dial and cannot be dialled. */
SHOAL_API int shoal_sim_filter(struct shoal_sim *sim, uint32_t node,
        enum shoal_sim_filter datagrams, enum shoal_sim_filter streams);

/* A router before the node translates its address: what it sends comes from another host (where
 * packets are not sealed from that which it advertises), and for each addressee from another port;
 * only the answers to datagrams get in there, for 30 s, and what passes on connections that the
 * node opened. Until shoal_sim_heal. */
SHOAL_API int shoal_sim_translate(struct shoal_sim *sim, uint32_t node);

/* Resets all connections of a node: requests under way end CLOSED, watch links at both ends. */
SHOAL_API int shoal_sim_reset(struct shoal_sim *sim, uint32_t node);

/* A firewall between two nodes forgets their watch links, both ways round: nothing passes on them
 * any more, and nobody is told; who tries a silent link finds it dead. */
SHOAL_API int shoal_sim_forget_links(struct shoal_sim *sim, uint32_t a, uint32_t b);

/* Watch links on which the node is the watcher (first), and on which it is watched. */
SHOAL_API void shoal_sim_links(
        const struct shoal_sim *sim, uint32_t node, uint32_t *watches, uint32_t *watched);

/* Ends cuts, groups, flapping, MTU limits, filters and the losses of single nodes. The link stays
 * as it was set. */
SHOAL_API void shoal_sim_heal(struct shoal_sim *sim);

/* ---- What is ---- */

/* The time, the number of nodes, and whether one of them runs or could. */
SHOAL_API uint64_t shoal_sim_now(const struct shoal_sim *sim);
SHOAL_API uint32_t shoal_sim_nodes(const struct shoal_sim *sim);
SHOAL_API bool shoal_sim_is_up(const struct shoal_sim *sim, uint32_t node);
/* Stalled, or starved and waiting for its turn. */
SHOAL_API bool shoal_sim_is_stalled(const struct shoal_sim *sim, uint32_t node);
/* How often it was started so far. */
SHOAL_API uint32_t shoal_sim_starts(const struct shoal_sim *sim, uint32_t node);
/* A join of this instance succeeded. */
SHOAL_API bool shoal_sim_has_joined(const struct shoal_sim *sim, uint32_t node);
/* A LEAVE was given to this instance. */
SHOAL_API bool shoal_sim_is_leaving(const struct shoal_sim *sim, uint32_t node);
/* Whether a packet from one node can reach the other at this moment, loss aside. */
SHOAL_API bool shoal_sim_reaches(const struct shoal_sim *sim, uint32_t from, uint32_t to);
/* NULL: it is down. Borrowed until the world is changed or runs on. */
SHOAL_API const struct shoal_core *shoal_sim_core(const struct shoal_sim *sim, uint32_t node);
/* Its id, which stays the same for the life of the world, and its address, but for
 * shoal_sim_move. NULL: no such node. */
SHOAL_API const struct shoal_id *shoal_sim_id(const struct shoal_sim *sim, uint32_t node);
SHOAL_API const struct shoal_addr *shoal_sim_addr(const struct shoal_sim *sim, uint32_t node);
/* The node of an id. SHOAL_SIM_NOBODY: no node has it. */
SHOAL_API uint32_t shoal_sim_find(const struct shoal_sim *sim, const struct shoal_id *id);
/* What observer holds of subject; UNKNOWN where it does not know it, or is down. */
SHOAL_API enum shoal_state shoal_sim_state(
        const struct shoal_sim *sim, uint32_t observer, uint32_t subject);
/* Whether observer holds subject under the salt with which subject runs now. */
SHOAL_API bool shoal_sim_same_instance(
        const struct shoal_sim *sim, uint32_t observer, uint32_t subject);

/* Two nodes of which the first holds the second wrongly, or not as was asked. */
struct shoal_sim_gap {
	uint32_t observer, subject;
	enum shoal_state state; /* in which it does */
};

/* Whether every node that is up and not leaving holds exactly those alive, by the instance that
 * runs. gap (may be NULL) names two that do not agree. O(nodes) where the numbers of members alone
 * show that they do not, else O(nodes^2). */
SHOAL_API bool shoal_sim_agreed(const struct shoal_sim *sim, struct shoal_sim_gap *gap);

/* Whether all nodes that are up and not leaving hold subject in this state. gap may be NULL.
 * O(nodes). */
SHOAL_API bool shoal_sim_all_hold(const struct shoal_sim *sim, uint32_t subject,
        enum shoal_state state, struct shoal_sim_gap *gap);

/* Longest time, in nanoseconds, from the end of all faults until all of n members, of which so many
 * stay down, agree: docs/protocol.md, "Bounds". */
SHOAL_API uint64_t shoal_sim_convergence_bound(
        const struct shoal_profile *profile, uint32_t n, uint32_t down);

/* ---- What was measured ---- */

/* How the others noticed that a node went down, in virtual time. What is told of an instance that
 * ran before counts too. */
struct shoal_sim_detection {
	uint64_t down_ns;           /* when it went down last */
	uint64_t suspect_ns;        /* first SUSPECT about it since; 0: none */
	uint64_t first_ns, last_ns; /* first and last FAILED about it since */
	uint32_t by;                /* FAILED events about it since; 0: first and last are 0 */
};

/* All zero for a node that was never down since its first start. */
SHOAL_API void shoal_sim_detection(
        const struct shoal_sim *sim, uint32_t node, struct shoal_sim_detection *detection);

/* What a node sent since the world began, over all its instances, as it handed it to the network.
 */
struct shoal_sim_traffic {
	uint64_t datagrams, datagram_bytes;
	uint64_t streams, stream_bytes; /* requests, replies, one-way messages and those of links */
	uint64_t lost;                  /* datagrams of it that the network did not deliver */
	uint64_t received;              /* datagrams that its cores took */
};

/* node NOBODY: of all together. */
SHOAL_API void shoal_sim_traffic(
        const struct shoal_sim *sim, uint32_t node, struct shoal_sim_traffic *traffic);

/* The counters of its cores (metrics.h), added up over all its instances; NOBODY: over all nodes.
 * The macro passes the size that the program was compiled with, as that of
 * shoal_cluster_counters does. */
SHOAL_API void shoal_sim_counters_sized(
        const struct shoal_sim *sim, uint32_t node, struct shoal_counters *counters, size_t size);
#define shoal_sim_counters(sim, node, counters)                                                    \
	shoal_sim_counters_sized((sim), (node), (counters), sizeof(*(counters)))

/* Bytes that the cores of all nodes hold, by the count of their allocators, and what they share
 * (shoal_pool). */
SHOAL_API size_t shoal_sim_memory(const struct shoal_sim *sim);
/* A hash over all that went into and came out of every core so far; 0 where it is untraced. */
SHOAL_API uint64_t shoal_sim_trace(const struct shoal_sim *sim);
/* Inputs that cores took so far. */
SHOAL_API uint64_t shoal_sim_steps(const struct shoal_sim *sim);

/* Writes a line of the schedule into the notes; word is static. */
SHOAL_API void shoal_sim_phase(struct shoal_sim *sim, const char *word);
/* i-th of the notes kept, oldest first; NULL: none. Borrowed until the world runs on. */
SHOAL_API const struct shoal_sim_note *shoal_sim_note(const struct shoal_sim *sim, size_t i);
/* One line without its end, cut to fit. Returns text. */
SHOAL_API const char *shoal_sim_note_print(
        const struct shoal_sim_note *note, char *text, size_t len);

/* ---- Checkers ---- */

/* While set, every suspicion and failure of a node that is up is held against its observer: a
 * schedule says so while it does nothing to the world. Off at first. */
SHOAL_API void shoal_sim_set_calm(struct shoal_sim *sim, bool calm);

/* Whether all is well: asked after each step of a core with its node, and each virtual second with
 * node NOBODY. false: the run stops; why (len bytes) may say what is wrong. The node may have gone
 * down in its step. */
typedef bool (*shoal_sim_check_fn)(
        struct shoal_sim *sim, uint32_t node, char *why, size_t len, void *arg);

/* Adds a checker of your own; name and help are static. SHOAL_ERR_INVALID: a NULL.
 * SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_sim_add_check(struct shoal_sim *sim, const char *name, const char *help,
        shoal_sim_check_fn fn, void *arg);

/* One checker. */
struct shoal_sim_check {
	const char *name, *help;
	uint64_t looked; /* how often: one that never looked has proved nothing */
};

/* The i-th: the library's, then your own in their order. false: there is none. */
SHOAL_API bool shoal_sim_check(
        const struct shoal_sim *sim, size_t i, struct shoal_sim_check *check);

#define SHOAL_SIM_WHY_MAX 200

/* The first thing that was wrong. */
struct shoal_sim_failure {
	const char *check; /* the checker's name */
	uint64_t at_ns;
	uint32_t observer, subject; /* NOBODY: no one in particular */
	char why[SHOAL_SIM_WHY_MAX];
};

/* false: no checker fired. */
SHOAL_API bool shoal_sim_failure(const struct shoal_sim *sim, struct shoal_sim_failure *failure);

/* How it came to the failure: fn sees those notes kept in which its observer or its subject had a
 * part, or the whole cluster; the last `most` of them, oldest first. Nothing where no checker
 * fired. */
SHOAL_API void shoal_sim_story(
        const struct shoal_sim *sim, size_t most, shoal_sim_note_fn fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
