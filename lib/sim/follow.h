/* SPDX-License-Identifier: MIT */
/* Following one core by what goes in and comes out: whether what it does is what docs/protocol.md
 * allows. A follower knows nothing of the inside of the core; it needs peers that are honest, and
 * so is the simulator's and not the fuzzer's.
 *
 * Each file of this header judges one part of it:
 *
 *     doubt.c     suspicions: how long they last
 *
 * All of them see a step in this order: begin, taken, each send, each event, end. Times are those
 * of the core. Cost: O(1) a packet; O(members) a stall. */
#ifndef SHOAL_SIM_FOLLOW_H
#define SHOAL_SIM_FOLLOW_H

#include "sim/check.h"

/* What a follower keeps of the member in one slot. */
struct shoal_follow_view {
	struct shoal_id id;

	/* doubt.c: since when it is suspect, 0: it is not; among how many members the suspicion
	 * began; by how much stalls have moved its end; and whether the way to it was known to be
	 * bad. */
	uint64_t suspect_ns, moved_ns;
	uint32_t suspect_n;
	bool partial;
};

struct shoal_follow {
	struct shoal_watch *watch;
	const struct shoal_core *core;

	/* Of the step. */
	const struct shoal_input *input;
	uint64_t now, lag, before;
	uint32_t running; /* members that take part, after the events so far */

	/* Between steps. */
	struct shoal_follow_view *view;
	size_t views;
	bool failed; /* no memory */
};

/* follow.c. SHOAL_ERR_NOMEM. */
int shoal_follow_new(
        struct shoal_follow **follow, struct shoal_watch *watch, const struct shoal_core *core);
void shoal_follow_free(struct shoal_follow *follow);
void shoal_follow_begin(struct shoal_follow *follow, const struct shoal_input *input);
void shoal_follow_event(struct shoal_follow *follow, const struct shoal_event *event);
/* SHOAL_ERR_NOMEM. */
int shoal_follow_end(struct shoal_follow *follow);

/* What its files share. A look, and a failure where ok is false. */
bool shoal_follow_that(const struct shoal_follow *follow, enum shoal_checker check, bool ok,
        const struct shoal_id *subject, const char *why);
/* Members that take part now. */
uint32_t shoal_follow_n(const struct shoal_core *core);
/* What is kept of a member, made where there is nothing yet. *member is filled in. NULL: it is not
 * held, or no memory. */
struct shoal_follow_view *shoal_follow_find(
        struct shoal_follow *follow, const struct shoal_id *id, struct shoal_core_member *member);

static inline bool
shoal_follow_counts(enum shoal_state state)
{
	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;
}

/* doubt.c */
void shoal_doubt_begin(struct shoal_follow *follow);
void shoal_doubt_event(struct shoal_follow *follow, const struct shoal_event *event);
/* Shortest and longest suspicion among n members, and the further accusers that bring it to the
 * shortest. */
void shoal_doubt_span(const struct shoal_profile *profile, uint32_t n, uint64_t *least,
        uint64_t *most, uint32_t *wanted);

#endif
