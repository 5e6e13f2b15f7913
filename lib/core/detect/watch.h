/* SPDX-License-Identifier: MIT */
/* Watch links: the idle streams by which a member learns at once that a process has died. Each
 * member is watched by those that precede it in the ring of the tree, and watches those that
 * follow; who those are all compute alike. What the end of a link leads to is an inquest. */
#ifndef SHOAL_CORE_WATCH_H
#define SHOAL_CORE_WATCH_H

#include <shoal/core.h>

#include "base/heap.h"
#include "wire/message.h"

/* Links kept at once: twice the most watchers, because a new one is made before an old one ends. */
#define SHOAL_LINKS_OUT 16
/* Links of others to this member. */
#define SHOAL_LINKS_IN 16
/* Places in the ring that are looked at for members that can be dialled. */
#define SHOAL_RING_STEPS 32

enum shoal_link_phase {
	SHOAL_LINK_FREE = 0,
	SHOAL_LINK_WAITS,   /* dialled when it is due */
	SHOAL_LINK_DIALLED, /* a result comes */
	SHOAL_LINK_UP,      /* this instance has answered on it */
	SHOAL_LINK_POLLED   /* it is none: see called.c */
};

/* To a member that this one watches. */
struct shoal_link {
	enum shoal_link_phase phase;
	bool wanted;
	bool called;      /* that one asked for it, see call.h */
	uint8_t failures; /* in a row; it is dialled ever later */
	uint32_t slot;
	struct shoal_id id;
	uint64_t salt;
	uint64_t number;      /* towards the host */
	uint64_t due;         /* WAITS: is dialled; UP: ends, 0: does not */
	uint64_t since;       /* UP */
	struct shoal_addr to; /* DIALLED, UP: where it leads */
};

/* From a member that watches this one. */
struct shoal_watcher {
	uint64_t number; /* towards the host; 0: free */
	uint32_t slot;
	uint64_t salt;
	bool local; /* it came from a host of that member */
	struct shoal_id id;
	struct shoal_addr from;
};

struct shoal_watch {
	struct shoal_link link[SHOAL_LINKS_OUT];
	struct shoal_watcher watcher[SHOAL_LINKS_IN];
	struct shoal_timer timer;
};

struct shoal_core;

/* Somebody came, went or restarted: the ring is looked at again, a while later. */
void shoal_watch_changed(struct shoal_core *core);
void shoal_watch_on_timer(struct shoal_core *core);

/* This member has joined: it looks at once, when the others have heard of it. */
void shoal_watch_joined(struct shoal_core *core);

/* This member, which is reached by its links, was accused: they may be dead without a word, and are
 * made anew. */
void shoal_watch_renew(struct shoal_core *core);

/* Whether `watcher` is one of those that should watch `slot`. O(log n). */
bool shoal_watch_is_watcher(struct shoal_core *core, uint32_t slot, uint32_t watcher);

/* Who a link leads to, while it takes part as that instance; NULL. */
struct shoal_record *shoal_watch_subject(
        const struct shoal_core *core, const struct shoal_link *link);
/* Opens a link; where that cannot be, it waits. And ends one: it is free. */
void shoal_watch_dial(struct shoal_core *core, struct shoal_link *link);
void shoal_watch_hang_up(struct shoal_core *core, struct shoal_link *link);
/* The member in slot has no link of this one, whatever this one holds: the one that the ring asks
 * for is opened anew, unless that is under way. */
void shoal_watch_redial(struct shoal_core *core, uint32_t slot);
/* Whether the member in slot has answered on a link to it that is up. */
bool shoal_watch_is_up(const struct shoal_core *core, uint32_t slot);
/* Ends the watcher's link of this number. */
void shoal_watch_drop(struct shoal_core *core, uint64_t number);

/* The answer to the opening of a link; and that there was none, or none that counts. open: the host
 * holds the connection. */
void shoal_watch_on_answer(
        struct shoal_core *core, uint64_t number, const struct shoal_msg_answer *answer);
void shoal_watch_failed(struct shoal_core *core, uint64_t number, bool open);

/* SHOAL_INPUT_CLOSED. */
void shoal_watch_on_closed(struct shoal_core *core, uint64_t number, int code);

/* A peer's link was opened, with this message or (NULL) without one that says so; and has ended. */
void shoal_watch_on_watched(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_msg_watch *message);
void shoal_watch_on_unwatched(struct shoal_core *core, uint64_t number);

/* Who is admitted has changed: links of those who are not any more end. */
void shoal_watch_listed(struct shoal_core *core);

/* Tells the watchers this member's own statement: that it leaves. */
void shoal_watch_tell_leave(struct shoal_core *core);

#endif
