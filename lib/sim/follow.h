/* SPDX-License-Identifier: MIT */
/* Following one core by what goes in and comes out: whether what it does is what docs/protocol.md
 * allows. A follower knows nothing of the inside of the core; it needs peers that are honest, and
 * so is the simulator's and not the fuzzer's.
 *
 * Each file of this header judges one part of it:
 *
 *     asked.c     probes: what must have gone unanswered before somebody is accused
 *     doubt.c     suspicions: how long they last
 *     refused.c   verdicts of the death watch
 *     served.c    what is done for others: relays, answers
 *     said.c      statements: how often, in which order, how old
 *     told.c      what is taken over from others
 *
 * All of them see a step in this order: begin, taken, each send, each event, end. Times are those
 * of the core. Cost: O(1) a packet but for its statements; O(members) a stall. */
#ifndef SHOAL_SIM_FOLLOW_H
#define SHOAL_SIM_FOLLOW_H

#include "sim/check.h"
#include "sim/read.h"

/* What a follower keeps of the member in one slot. */
struct shoal_follow_view {
	struct shoal_id id;

	/* said.c: the statement about it that is told, and how often it was. */
	uint64_t salt, incarnation;
	uint64_t ended_ns; /* the time of its end that was told; 0: none was */
	uint32_t sends;
	uint32_t n; /* most members since it is told */
	enum shoal_state state;
	bool forgotten;
	uint64_t quiet; /* its incarnation in what a join was answered with, which is no news */

	/* said.c: where it is, and where it was before the last step that told of it. */
	struct shoal_addr at, was_at;
	uint64_t step;

	/* doubt.c: since when it is suspect, 0: it is not; among how many members the suspicion
	 * began; by how much stalls have moved its end; and whether the way to it was known to be
	 * bad. */
	uint64_t suspect_ns, moved_ns;
	uint32_t suspect_n;
	bool partial;

	/* asked.c: when this member's own probe accused it last, and how many relays said since
	 * that it did not answer them. */
	uint64_t accused_ns;
	uint32_t silent;
	uint32_t size_most; /* the network said that nothing larger passes; 0: it did not */

	uint64_t told_ns; /* served.c: when it was answered at length, though it is gone */
};

/* asked.c: a number under which this core pinged. */
struct shoal_follow_ping {
	uint64_t seq;
	struct shoal_id target;
	struct shoal_addr to;
	uint64_t begun_ns, whole_ns, moved_ns;
	uint64_t shortest_ns;          /* of its time-out */
	uint64_t tried_ns;             /* when relays or a stream were asked first */
	uint64_t shortage;             /* as in struct shoal_follow, when it began */
	uint32_t pings, asked, silent; /* datagrams, relays, and those that got no answer */
	size_t len;                    /* of the first datagram */
	uint32_t candidates;           /* the fewest members that could be relays since */
	bool streamed, answered;
	bool walled; /* it could not be dialled, and needs no stream */
};

/* refused.c: a number under which this core tries whether a host refuses. */
struct shoal_follow_try {
	uint64_t exchange, begun_ns;
};

#define SHOAL_FOLLOW_TRIES  8
#define SHOAL_FOLLOW_SAYERS 8

struct shoal_follow_inquest {
	uint64_t seq;
	struct shoal_id target;
	uint64_t begun_ns;
	struct shoal_follow_try attempt[SHOAL_FOLLOW_TRIES];
	uint32_t attempts;
	uint64_t refused_ns; /* when the first of the refused connects in a row began; 0: none */
	bool proved;         /* another one was begun long enough after it */
	uint32_t sayers;
	struct shoal_id sayer[SHOAL_FOLLOW_SAYERS];
};

/* served.c: a ping for another member. */
struct shoal_follow_relayed {
	uint64_t asked, seq; /* the origin's number, and that of the ping */
	uint64_t until_ns;
	struct shoal_id origin;
};

struct shoal_follow {
	struct shoal_watch *watch;
	const struct shoal_core *core;

	/* Of the step. */
	const struct shoal_input *input;
	struct shoal_read heard; /* kind 0: no packet, or it was refused */
	bool asker_counts;  /* who sent it takes part, and is at the address that it came from */
	bool asker_current; /* the same, or it is leaving */
	bool asker_stays;   /* it is known, and dead or left */
	uint64_t now, lag, before;
	uint32_t n;       /* members that took part when it began */
	uint32_t running; /* and after the events so far */
	unsigned health;
	uint64_t shortage;  /* what could not be done for want of room, when it began */
	uint64_t rtt_ns;    /* of who sent the packet, when it began */
	bool moved;         /* a member changed its state, or events were lost */
	bool target_pinged; /* of the relay request: it is one that a relay pings */
	bool served;        /* the relay request was, or was refused as it should be */
	bool gone_said;     /* a ping for another one was answered so */
	struct shoal_follow_ping answered; /* by the packet of this step; seq 0: none */

	/* Between steps. */
	struct shoal_follow_view *view;
	size_t views;
	struct shoal_follow_ping *ping;
	size_t pings, ping_room;
	struct shoal_follow_inquest *inquest;
	size_t inquests, inquest_room;
	struct shoal_follow_relayed *relayed;
	size_t relays, relayed_room;
	uint64_t heard_ns, arrived_ns; /* when it heard somebody last, for certain and perhaps */
	uint64_t changed_ns;           /* when the members that take part changed last */
	bool blind;                    /* events were lost */
	bool walls;                    /* there was a member that could not be dialled */
	bool failed;                   /* no memory */
};

/* follow.c. SHOAL_ERR_NOMEM. */
int shoal_follow_new(
        struct shoal_follow **follow, struct shoal_watch *watch, const struct shoal_core *core);
void shoal_follow_free(struct shoal_follow *follow);
void shoal_follow_begin(struct shoal_follow *follow, const struct shoal_input *input);
/* What shoal_core_step returned. */
void shoal_follow_taken(struct shoal_follow *follow, int rc);
void shoal_follow_send(struct shoal_follow *follow, const struct shoal_send *send);
void shoal_follow_event(struct shoal_follow *follow, const struct shoal_event *event);
/* SHOAL_ERR_NOMEM. */
int shoal_follow_end(struct shoal_follow *follow);
/* A second passed. */
void shoal_follow_look(struct shoal_follow *follow);

/* What its files share. A look, and a failure where ok is false. */
bool shoal_follow_that(const struct shoal_follow *follow, enum shoal_checker check, bool ok,
        const struct shoal_id *subject, const char *why);
/* Whether nothing was left undone in this step for want of memory or room. */
bool shoal_follow_could(const struct shoal_follow *follow);
/* Whether it takes part or is leaving, and advertises this address. */
bool shoal_follow_is_current(const struct shoal_core_member *member, const struct shoal_addr *from);
/* Members that take part now, and the fewer of those at the begin of the step and now. */
uint32_t shoal_follow_n(const struct shoal_core *core);
uint32_t shoal_follow_least_n(const struct shoal_follow *follow);
/* What is kept of a member, made where there is nothing yet. *member is filled in. NULL: it is not
 * held, or no memory. */
struct shoal_follow_view *shoal_follow_find(
        struct shoal_follow *follow, const struct shoal_id *id, struct shoal_core_member *member);

/* One more item in an array. NULL: no memory. */
void *shoal_follow_push(
        struct shoal_follow *follow, void **array, size_t *count, size_t *room, size_t size);

static inline bool
shoal_follow_counts(enum shoal_state state)
{
	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;
}

static inline bool
shoal_follow_is_gone(enum shoal_state state)
{
	return state == SHOAL_STATE_DEAD || state == SHOAL_STATE_LEFT;
}

/* asked.c */
void shoal_asked_begin(struct shoal_follow *follow);
void shoal_asked_taken(struct shoal_follow *follow);
void shoal_asked_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read);
void shoal_asked_event(struct shoal_follow *follow, const struct shoal_event *event);
void shoal_asked_end(struct shoal_follow *follow);
/* Whether a probe under this number began then. */
bool shoal_asked_at(struct shoal_follow *follow, uint64_t seq, uint64_t begun_ns);

/* doubt.c */
void shoal_doubt_begin(struct shoal_follow *follow);
void shoal_doubt_event(struct shoal_follow *follow, const struct shoal_event *event);
/* Shortest and longest suspicion among n members, and the further accusers that bring it to the
 * shortest. */
void shoal_doubt_span(const struct shoal_profile *profile, uint32_t n, uint64_t *least,
        uint64_t *most, uint32_t *wanted);
/* Whether an own suspicion has lasted for half of the shortest. */
bool shoal_doubt_is_old(const struct shoal_follow *follow, const struct shoal_follow_view *view);

/* refused.c */
void shoal_refused_taken(struct shoal_follow *follow);
void shoal_refused_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read);
void shoal_refused_event(struct shoal_follow *follow, const struct shoal_event *event);
/* How many have to say so. */
uint32_t shoal_refused_needs(uint32_t n);

/* said.c */
void shoal_said_taken(struct shoal_follow *follow);
void shoal_said_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read);

/* served.c */
void shoal_served_begin(struct shoal_follow *follow);
void shoal_served_taken(struct shoal_follow *follow);
void shoal_served_send(
        struct shoal_follow *follow, const struct shoal_send *send, const struct shoal_read *read);
void shoal_served_end(struct shoal_follow *follow);

/* told.c */
void shoal_told_event(struct shoal_follow *follow, const struct shoal_event *event);
/* What is held for a time only ends in time. */
void shoal_told_look(struct shoal_follow *follow);

#endif
