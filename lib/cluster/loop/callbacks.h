/* SPDX-License-Identifier: MIT */
/* The queue between the loop and the application's callbacks, and who gets what. */
#ifndef SHOAL_CLUSTER_CALLBACKS_H
#define SHOAL_CLUSTER_CALLBACKS_H

#include "base/list.h"
#include "cluster/members/member.h"

#include <shoal/metrics.h>

#include <pthread.h>

#define SHOAL_SUBSCRIBERS_MAX 64

/* What waits in the queue: a part of its owner. */
struct shoal_call {
	struct shoal_list node;
	enum shoal_call_kind {
		SHOAL_CALL_EVENT,
		SHOAL_CALL_OVERFLOW,
		SHOAL_CALL_CURRENT, /* who was there, for one subscriber */
		SHOAL_CALL_DONE, /* the end of an operation: never dropped, run also while closing
		                  */
		SHOAL_CALL_SENT, /* that of a message, the same */
		SHOAL_CALL_WRITABLE,
		SHOAL_CALL_MESSAGE,
		SHOAL_CALL_ROOM,  /* for broadcasts */
		SHOAL_CALL_REPLY, /* the end of a request: never dropped, as DONE */
		SHOAL_CALL_APPLICANT,
		SHOAL_CALL_NAME
	} kind;
};

struct shoal_subscriber {
	shoal_member_fn fn;
	void *arg;
	unsigned mask;
	uint64_t from; /* number of the first event that it gets                                 */
	struct shoal_call *current; /* it is told of this first; NULL: it was, or wants none */
};

struct shoal_pending_event;

/* One of each slot, or NULL. */
struct shoal_pending_place {
	struct shoal_pending_event *event;
	bool unheard; /* held_at: nothing was told of the member that is gone there */
};

struct shoal_pending_places {
	struct shoal_pending_place *item;
	size_t capacity;
};

struct shoal_callbacks {
	struct shoal_cluster *cluster; /* passed through                                         */
	const struct shoal_allocator *mem;
	/* Runs and releases the owner of a DONE. */
	void (*done)(struct shoal_cluster *cluster, struct shoal_call *call);
	/* The same for what is about messages; dropped: it is only released. */
	void (*message)(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped);
	/* Makes somebody call shoal_callbacks_run soon; called without the lock on the thread that
	 * queued. */
	void (*wake)(struct shoal_cluster *cluster);

	pthread_mutex_t lock; /* for all that follows                                            */
	pthread_cond_t changed;
	struct shoal_list queue;  /* ready to run                                                */
	struct shoal_list staged; /* events and messages of this turn of the loop                */
	size_t events;            /* in both                                                     */
	size_t calls;             /* in queue                                                    */
	size_t soft, hard;        /* above soft events are coalesced, above hard they are lost   */
	uint64_t next;            /* number of the next event                                    */
	uint64_t coalesced;       /* or lost                                                     */
	struct shoal_pending_places last; /* of each slot, where the newest one waits            */
	uint64_t window;                  /* nanoseconds; 0: nothing is held                      */
	struct shoal_list held;           /* until then, events in order                          */
	struct shoal_pending_places held_at; /* of each slot */
	uint64_t due;    /* when the window ends, SHOAL_NEVER: nothing is held */
	uint64_t merged; /* events that became part of another one or nothing */
	struct shoal_call overflow;
	bool overflowing; /* OVERFLOW was queued since the queue was last empty                  */
	bool lost;        /* events were lost after that                                         */
	bool skipped;     /* so were events of this turn that nobody had subscribed to           */
	bool closing;
	struct shoal_member_list *shown; /* with the effects of all that was committed; NULL:
	                                  * nothing was, or `unseen` */
	bool unseen;                     /* there was no memory for the list */
	struct shoal_subscriber subscriber[SHOAL_SUBSCRIBERS_MAX];
	size_t subscribers;
	bool busy;        /* a callback runs ...                                                 */
	pthread_t runner; /* ... on this thread                                                  */
	shoal_member_fn running_fn;
	void *running_arg;

	struct shoal_member_list *next_shown; /* the loop's thread: until commit */
};

/* SHOAL_ERR_SYSTEM: no lock could be made. events_max, members_max: limits of the queue. */
SHOAL_MUST_USE int shoal_callbacks_init(struct shoal_callbacks *callbacks,
        const struct shoal_allocator *mem, size_t events_max, size_t members_max);
/* Frees what is left; nothing runs any more. */
void shoal_callbacks_fini(struct shoal_callbacks *callbacks);

/* Loop's thread. Keeps an event of the member in a slot until commit. before: UPDATE, and with a
 * window all: the member as it was; else NULL. */
void shoal_callbacks_stage(struct shoal_callbacks *callbacks, uint32_t slot,
        const struct shoal_event *event, struct shoal_member *member, struct shoal_member *before);
/* An event could not even be made: the application hears of it by OVERFLOW. */
void shoal_callbacks_lose(struct shoal_callbacks *callbacks);
/* The same for a message: no handler hears of it before the events of its turn. */
void shoal_callbacks_stage_message(struct shoal_callbacks *callbacks, struct shoal_call *call);
/* The list with the effects of what is staged, which each commit needs; takes a reference of its
 * own. NULL: no memory. */
void shoal_callbacks_show(struct shoal_callbacks *callbacks, struct shoal_member_list *list);
/* Makes what was staged ready to run, member events at the end of their window. now: nanoseconds of
 * any clock, SHOAL_NEVER: the window has ended. */
void shoal_callbacks_commit(struct shoal_callbacks *callbacks, uint64_t now);
/* When commit is to be called for what is held; SHOAL_NEVER: nothing is. */
uint64_t shoal_callbacks_due(struct shoal_callbacks *callbacks);
/* Queues the end of an operation. */
void shoal_callbacks_push(struct shoal_callbacks *callbacks, struct shoal_call *call);

/* Runs at most `most` of what waits and returns how many functions were called.
 * SHOAL_ERR_WOULD_BLOCK: a callback of this queue is running, on this thread or on another one. */
int shoal_callbacks_run(struct shoal_callbacks *callbacks, size_t most);
/* Blocks until there is something to run; false: closing, and there is nothing. */
bool shoal_callbacks_wait(struct shoal_callbacks *callbacks);
/* From now on events are dropped. Operations that end are still run. */
void shoal_callbacks_close(struct shoal_callbacks *callbacks);
size_t shoal_callbacks_waiting(struct shoal_callbacks *callbacks);
/* How many were coalesced or lost, and how many merged. */
void shoal_callbacks_count(struct shoal_callbacks *callbacks, struct shoal_counters *counters);

/* Under the lock, but not while fn runs: calls one subscriber. */
void shoal_callbacks_tell(struct shoal_callbacks *callbacks, struct shoal_subscriber one,
        const struct shoal_member_event *event);

/* Whether the calling thread is inside a callback of this queue. */
bool shoal_callbacks_inside(const struct shoal_callbacks *callbacks);

/* SHOAL_ERR_LIMIT; SHOAL_ERR_NOMEM, with SHOAL_EVENT_CURRENT in the mask. */
int shoal_callbacks_subscribe(
        struct shoal_callbacks *callbacks, unsigned mask, shoal_member_fn fn, void *arg);
int shoal_callbacks_unsubscribe(struct shoal_callbacks *callbacks, shoal_member_fn fn, void *arg);

#endif
