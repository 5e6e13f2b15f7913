/* SPDX-License-Identifier: MIT */
/* The simulator: many cores in one process, on a virtual clock and a virtual network, all from one
 * seed.
 *
 * A node is a core with an address, a clock of its own (monotonic and wall clock, both shifted
 * against the others') and a socket. The network delays, loses, doubles, reorders and damages
 * datagrams; streams lose nothing but time, are refused where nobody listens and time out where the
 * way is cut. Faults are commands: crash, restart, stall, cut. Checkers (check.h) follow every
 * node; the first that fires stops the run.
 *
 * Same seed and same calls: same run, byte for byte (shoal_sim_trace). Cost: O(log packets) a
 * packet, O(nodes) a virtual second and node for the checkers. Not thread-safe. */
#ifndef SHOAL_SIM_SIM_H
#define SHOAL_SIM_SIM_H

#include "sim/check.h"

#include <shoal/core.h>

#define SHOAL_SIM_NODES_MAX 4096
#define SHOAL_SIM_NOBODY    UINT32_MAX

struct shoal_sim;

/* What happens to packets. Every ordered pair of nodes has a latency of its own between the two
 * bounds, drawn from the seed; jitter comes on top, anew for each packet. Streams take latency and
 * jitter and the time of retransmissions. */
struct shoal_sim_link {
	uint64_t latency_min_ns, latency_max_ns;
	uint64_t jitter_ns;
	uint64_t reorder_ns; /* a reordered datagram is held back by up to this */
	uint32_t loss_ppm;   /* these four in a million, of datagrams */
	uint32_t duplicate_ppm;
	uint32_t reorder_ppm;
	uint32_t corrupt_ppm; /* one byte is changed */
};

/* Whether nothing is lost and every round trip is well below the time-out of a ping. */
bool shoal_sim_link_is_good(const struct shoal_sim_link *link, const struct shoal_profile *profile,
        uint64_t timer_lag_ns);

enum shoal_sim_note_kind {
	SHOAL_SIM_NOTE_EVENT = 1, /* a core told this */
	SHOAL_SIM_NOTE_FAULT,     /* this was done to the node; word says what */
	SHOAL_SIM_NOTE_PHASE      /* a part of the schedule begins; word is its name */
};

/* One line of the run's story. */
struct shoal_sim_note {
	enum shoal_sim_note_kind kind;
	uint64_t at_ns;
	uint32_t node;    /* observer, or whom it was done to; NOBODY: all */
	uint32_t other;   /* subject of an event, other end of a cut, NOBODY */
	const char *word; /* static */
	uint64_t value;   /* FAULT: its duration or number */
	enum shoal_event_kind event;
	enum shoal_state was, state;
	uint64_t incarnation;
	enum shoal_cause_kind cause;
	uint32_t told_by; /* NOBODY: by itself */
	int code;
};

typedef void (*shoal_sim_note_fn)(const struct shoal_sim_note *note, void *arg);

/* A node starts with this configuration (input is NULL), or takes this input (config is NULL): what
 * a recorder keeps. */
typedef void (*shoal_sim_record_fn)(uint32_t node, const struct shoal_core_config *config,
        const struct shoal_input *input, void *arg);

struct shoal_sim_config {
	uint64_t seed;
	uint32_t nodes; /* 1 to SHOAL_SIM_NODES_MAX, all down at first */
	struct shoal_profile profile;
	struct shoal_sim_link link;
	uint64_t wall_ns;      /* wall clock at the start */
	uint64_t skew_ns;      /* each start draws its wall clock within this */
	uint64_t timer_lag_ns; /* timers fire up to so much late */
	uint32_t socket_max;   /* packets that wait in the socket of a stalled node */
	uint32_t notes_max;    /* notes kept */
	enum shoal_log_level log_level;
	shoal_sim_note_fn on_note;               /* may be NULL */
	shoal_sim_record_fn on_record;           /* may be NULL */
	void *arg;                               /* of on_note */
	void *record_arg;                        /* of on_record */
	const struct shoal_allocator *allocator; /* NULL: malloc and free */
};

enum shoal_sim_crash {
	SHOAL_SIM_CRASH_PROCESS = 0, /* the host refuses what comes for it */
	SHOAL_SIM_CRASH_HOST = 1     /* silence */
};

void shoal_sim_config_init(struct shoal_sim_config *config);

/* From now on fn (may be NULL) sees what starts and what nodes take. What a node takes is not yet
 * in its core then, and all that the core gave out before was taken: as shoal_recorder_input wants
 * it. A core that is refused memory (shoal_sim_set_scarcity) is no function of its record. */
void shoal_sim_set_record(struct shoal_sim *sim, shoal_sim_record_fn fn, void *arg);

/* SHOAL_ERR_INVALID, SHOAL_ERR_NOMEM. */
int shoal_sim_new(struct shoal_sim **sim, const struct shoal_sim_config *config);
void shoal_sim_free(struct shoal_sim *sim);

/* Starts a node that is down: the same id as ever, a new salt. SHOAL_ERR_STATE: it is up. */
int shoal_sim_start(struct shoal_sim *sim, uint32_t node);
/* Joins through another node, again and again until it is done. SHOAL_ERR_STATE: down or leaving.
 */
int shoal_sim_join(struct shoal_sim *sim, uint32_t node, uint32_t through);
/* The node leaves, and is down when the core says that it has left. SHOAL_ERR_STATE. */
int shoal_sim_leave(struct shoal_sim *sim, uint32_t node);
/* Ends without a goodbye. SHOAL_ERR_STATE: it is down. */
int shoal_sim_crash(struct shoal_sim *sim, uint32_t node, enum shoal_sim_crash how);
/* The node does not run for so long; what comes waits in its socket. SHOAL_ERR_STATE: it is down or
 * stalled. */
int shoal_sim_stall(struct shoal_sim *sim, uint32_t node, uint64_t duration_ns);
/* Ends all stalls now. */
void shoal_sim_wake(struct shoal_sim *sim);

/* Nothing goes from one node to the other any more (this direction only). */
void shoal_sim_cut(struct shoal_sim *sim, uint32_t from, uint32_t to);
/* Only nodes of the same group reach each other; all begin in group 0. */
void shoal_sim_group(struct shoal_sim *sim, uint32_t node, uint32_t group);
/* Ends all cuts and groups. */
void shoal_sim_heal(struct shoal_sim *sim);
void shoal_sim_set_link(struct shoal_sim *sim, const struct shoal_sim_link *link);
/* So many allocations of a million that cores ask for fail. */
void shoal_sim_set_scarcity(struct shoal_sim *sim, uint32_t fail_ppm);
/* While set, the calm checker holds every suspicion and failure of a node that is up against its
 * observer. */
void shoal_sim_set_calm(struct shoal_sim *sim, bool calm);
/* Writes a line of the schedule into the notes; word is static. */
void shoal_sim_phase(struct shoal_sim *sim, const char *word);

/* Runs to that virtual time. SHOAL_ERR_STATE: a checker fired, see shoal_sim_checkers.
 * SHOAL_ERR_NOMEM: the simulator itself has no memory left. */
int shoal_sim_run(struct shoal_sim *sim, uint64_t until_ns);

uint64_t shoal_sim_now(const struct shoal_sim *sim);
uint32_t shoal_sim_nodes(const struct shoal_sim *sim);
bool shoal_sim_is_up(const struct shoal_sim *sim, uint32_t node);
/* How often it was started so far. */
uint32_t shoal_sim_starts(const struct shoal_sim *sim, uint32_t node);
/* A join of this instance succeeded. */
bool shoal_sim_has_joined(const struct shoal_sim *sim, uint32_t node);
/* A LEAVE was given to this instance. */
bool shoal_sim_is_leaving(const struct shoal_sim *sim, uint32_t node);
/* NULL: it is down. */
const struct shoal_core *shoal_sim_core(const struct shoal_sim *sim, uint32_t node);
const struct shoal_id *shoal_sim_id(const struct shoal_sim *sim, uint32_t node);
/* SHOAL_SIM_NOBODY: no node has this id. */
uint32_t shoal_sim_find(const struct shoal_sim *sim, const struct shoal_id *id);
/* What observer holds of subject; UNKNOWN where it does not know it, or is down. */
enum shoal_state shoal_sim_state(const struct shoal_sim *sim, uint32_t observer, uint32_t subject);

/* Whether observer holds subject under the salt with which subject runs now. */
bool shoal_sim_same_instance(const struct shoal_sim *sim, uint32_t observer, uint32_t subject);

/* How the others noticed that a node went down, in virtual time. */
struct shoal_sim_detection {
	uint64_t down_ns;           /* when it went down last */
	uint64_t first_ns, last_ns; /* first and last FAILED about it since */
	uint32_t by;                /* FAILED events about it since */
};
void shoal_sim_detection(
        const struct shoal_sim *sim, uint32_t node, struct shoal_sim_detection *detection);

struct shoal_checkers *shoal_sim_checkers(struct shoal_sim *sim);
/* Over everything so far. */
uint64_t shoal_sim_trace(const struct shoal_sim *sim);
/* Inputs that cores took so far. */
uint64_t shoal_sim_steps(const struct shoal_sim *sim);

/* i-th of the notes kept, oldest first; NULL: none. */
const struct shoal_sim_note *shoal_sim_note(const struct shoal_sim *sim, size_t i);
/* One line without its end, cut to fit. Returns text. */
const char *shoal_sim_note_print(const struct shoal_sim_note *note, char *text, size_t len);

#endif
