/* SPDX-License-Identifier: MIT */
/* Links on request. A member that cannot be dialled keeps links to a few. Whoever else has
 * something to say to it on a stream asks one of those (CALL), which tells it so down its link; it
 * then opens a link to whoever asked. */
#ifndef SHOAL_CORE_CALL_H
#define SHOAL_CORE_CALL_H

#include "base/heap.h"
#include "base/slab.h"
#include "core/detect/poll.h"
#include "core/detect/watch.h"
#include "core/send.h"

/* Links that this member has asked for, and those that it opened because others asked: beside watch
 * links, so that what is said takes no place from what watches. */
#define SHOAL_CALLS_MAX 32
/* Budgets of requests by who asks; some share one. */
#define SHOAL_CALL_BUCKETS 64

/* A link that this member has asked for. */
struct shoal_wanted_link {
	struct shoal_watcher link; /* its number is 0 as long as it is not there */
	uint64_t due;              /* without it: the next one is asked */
	uint64_t used;             /* with it: a message went down it last */
	uint64_t polled;           /* where it has no links: it polled this member last; 0: never */
	unsigned asked;            /* how often somebody was, in vain */
};

/* One that this member was asked for. */
struct shoal_opened_link {
	struct shoal_link link;
	struct shoal_polled polls; /* where there are no links */
	uint64_t used;             /* a message came by it last */
	bool heard;                /* one did */
};

/* A request that waits for a poll of the one that is meant. */
struct shoal_kept_call {
	struct shoal_msg_call call;
	uint64_t at; /* it came; 0: the place is free */
};

/* Where no links are kept, who asked and who was asked let go after so long, and twice as long,
 * without a message. */
#define SHOAL_CALL_POLLED SHOAL_SEC(10)

struct shoal_calls {
	struct shoal_slab wanted;                     /* struct shoal_wanted_link */
	struct shoal_slab opened;                     /* struct shoal_opened_link */
	struct shoal_kept_call kept[SHOAL_CALLS_MAX]; /* of others */
	struct shoal_timer timer;
	uint64_t spent, spent_by[SHOAL_CALL_BUCKETS]; /* time until which they are */
};

void shoal_call_init(struct shoal_core *core);
void shoal_call_done(struct shoal_core *core);
void shoal_call_arm(struct shoal_core *core, uint64_t at);
void shoal_call_on_timer(struct shoal_core *core);
size_t shoal_call_memory(const struct shoal_core *core);
uint64_t shoal_call_hash(const struct shoal_core *core);

/* Asks for a link of the member in slot, unless that is under way. false: nobody can be asked, or
 * it could not dial this member; then nothing was queued. Where it does not come in some seconds,
 * shoal_user_unlinked and shoal_reliable_uncalled are called. */
bool shoal_call_want(struct shoal_core *core, uint32_t slot);
/* The link that was asked for and is up; 0: none. */
uint64_t shoal_call_link(const struct shoal_core *core, uint32_t slot);
/* A message goes down a link, if it is one that was asked for; the member in slot has sent one on a
 * stream. */
void shoal_call_told(struct shoal_core *core, uint64_t number);
void shoal_call_heard(struct shoal_core *core, uint32_t slot);

/* The member in slot, which has no links, polls this one; and whether it has lately. told: a
 * message goes with the answer. */
void shoal_call_polled(struct shoal_core *core, uint32_t slot, bool told);
bool shoal_call_is_polled(const struct shoal_core *core, uint32_t slot);
/* Puts requests that wait for a poll of the member in slot into the answer, at most so many; how
 * many. */
unsigned shoal_call_carry(
        struct shoal_core *core, uint32_t slot, unsigned most, struct shoal_pending *reply);
/* Polls those for whom this member was asked to; only: this one of them, SHOAL_NONE: all. */
void shoal_call_poll(struct shoal_core *core, uint32_t only);

/* The place of a link that a member opens because it was asked to. NULL: it was not. */
struct shoal_watcher *shoal_call_place(
        struct shoal_core *core, const struct shoal_msg_watch *message);
/* The member has a watch link to this one: the other one is not needed. */
void shoal_call_replaced(struct shoal_core *core, const struct shoal_id *id);
/* The link has ended. SHOAL_NONE: it is none of these; else the member's slot. */
uint32_t shoal_call_unwatched(struct shoal_core *core, uint64_t number);

/* The list of who is admitted is another one: links with those who fell out of it end. */
void shoal_call_listed(struct shoal_core *core);

/* From the member in slot, SHOAL_NONE: from none. */
void shoal_call_on_message(struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_call *call, const struct shoal_input *input);

/* Whether a link used at this time gives its place up before one that was used then. */
bool shoal_call_rests(const struct shoal_core *core, uint64_t used, uint64_t than);

/* Links that this member opens, in called.c: what is due, who is admitted, and what they are. */
void shoal_call_tend_opened(struct shoal_core *core);
void shoal_call_opened_listed(struct shoal_core *core);
uint64_t shoal_call_opened_hash(const struct shoal_core *core);
/* The same: the one of a number in this phase, NULL: none; it is up; it has
 * ended. */
struct shoal_link *shoal_call_opened(
        const struct shoal_core *core, uint64_t number, enum shoal_link_phase phase);
void shoal_call_came_up(struct shoal_core *core, struct shoal_link *link);
void shoal_call_closed(struct shoal_core *core, struct shoal_link *link);

#endif
