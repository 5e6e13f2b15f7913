/* SPDX-License-Identifier: MIT */
/* Member events that wait for callbacks, and what becomes of several of one member. All under the
 * lock of the callbacks. */
#ifndef SHOAL_CLUSTER_LOOP_PENDING_H
#define SHOAL_CLUSTER_LOOP_PENDING_H

#include "cluster/loop/callbacks.h"

struct shoal_pending_event {
	struct shoal_call call;
	uint64_t number;
	uint32_t slot;
	bool held;                          /* until the window ends */
	bool merged;                        /* it stands for several changes of state */
	unsigned changed;                   /* of all that it stands for, enum shoal_change */
	struct shoal_pending_event *update; /* held: the update of the same member behind it */
	struct shoal_member_event event;
};

struct shoal_pending_event *shoal_pending_of(struct shoal_call *call);

/* Out of its list and its places. */
void shoal_pending_remove(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending);
void shoal_pending_free(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending);
/* Both. */
void shoal_pending_drop(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending);

/* The place of a slot; NULL: no memory. */
struct shoal_pending_place *shoal_pending_place(
        struct shoal_callbacks *callbacks, struct shoal_pending_places *places, uint32_t slot);

/* Stages an event. false: no memory. */
bool shoal_pending_append(struct shoal_callbacks *callbacks, uint32_t slot,
        const struct shoal_event *event, struct shoal_member *member, struct shoal_member *before);
/* Puts it into the place of the member's last one. false: none waits. */
bool shoal_pending_replace(struct shoal_callbacks *callbacks, uint32_t slot,
        const struct shoal_event *event, struct shoal_member *member, struct shoal_member *before);

/* It may run, if anybody wants it. */
void shoal_pending_ready(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending);

/* coalesce.c */

/* Holds a staged event until the window ends, which the first one begins. */
void shoal_coalesce_hold(
        struct shoal_callbacks *callbacks, struct shoal_pending_event *pending, uint64_t now);
/* Makes all that is held ready. */
void shoal_coalesce_end(struct shoal_callbacks *callbacks);
/* The same, but drops it. */
void shoal_coalesce_drop(struct shoal_callbacks *callbacks);

#endif
