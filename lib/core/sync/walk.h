/* SPDX-License-Identifier: MIT */
/* A walk down the digest, to what differs between two members. Both sides do the same with what
 * they hear: sums of parts are compared and answered with the sums of what differs, one level down;
 * short ranges with a list of the statements in them; a list with the statements that are not in
 * it, and with the names of those that are wanted. So each step halves the way to the differences
 * from either side, and the side that answers keeps nothing between two steps.
 *
 * Sums are cut to 4 bytes and mixed with the walk's number, so that two that are alike by chance
 * differ in the next walk. */
#ifndef SHOAL_CORE_WALK_H
#define SHOAL_CORE_WALK_H

#include <shoal/types.h>

#include "base/writer.h"
#include "wire/message.h"

/* Requests that one walk makes at most: the levels of the digest, and the statements. */
#define SHOAL_WALK_STEPS_MAX 12
/* Bytes of one step; what does not fit is left to the next walk. */
#define SHOAL_WALK_BYTES_MAX (UINT32_C(1) << 20)
/* Parts compared and statements looked at for one packet. */
#define SHOAL_WALK_WORK_MAX (UINT32_C(1) << 18)
/* Statements of a range that is listed rather than divided. */
#define SHOAL_WALK_LIST 32

struct shoal_core;

/* The next step, while a packet is handled and until it is handed to the host. */
struct shoal_walk {
	struct shoal_writer out;
	uint64_t number; /* 0: an exchange of whole tables */
	uint32_t work;
	bool open;   /* a packet is handled that will be answered */
	bool queued; /* out is in a packet that the host has not taken */
};

/* SHOAL_ERR_NOMEM. */
int shoal_walk_init(struct shoal_core *core);
void shoal_walk_done(struct shoal_core *core);

/* A packet is handled whose answer takes what is said until shoal_walk_close. */
void shoal_walk_open(struct shoal_core *core, uint64_t number);
/* Whether there is something to say. Then it goes with the packet that is queued next with
 * SHOAL_FILL_WALK, and shoal_walk_sent must be called when that was filled or given up. */
bool shoal_walk_close(struct shoal_core *core);
void shoal_walk_sent(struct shoal_core *core);

/* The first word: the digest as a whole. */
void shoal_walk_start(struct shoal_core *core);
void shoal_walk_on_tree(struct shoal_core *core, const struct shoal_msg_tree *tree);
void shoal_walk_on_nodes(struct shoal_core *core, const struct shoal_msg_nodes *nodes);
void shoal_walk_on_want(struct shoal_core *core, const struct shoal_msg_want *want);

/* A tombstone that is not in the digest any more, for one who told of its subject as alive. */
void shoal_walk_tell_old(struct shoal_core *core, uint32_t slot);

#endif
