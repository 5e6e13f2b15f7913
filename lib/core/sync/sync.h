/* SPDX-License-Identifier: MIT */
/* Anti-entropy: which members hold other statements than this one, and when they are compared. */
#ifndef SHOAL_CORE_SYNC_H
#define SHOAL_CORE_SYNC_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/writer.h"

/* Members that are known to differ; further ones wait until one of these is settled. */
#define SHOAL_DIFFERS_MAX 16
/* Walks that settle nothing double the pause, up to so often. */
#define SHOAL_FUTILE_MAX 3

struct shoal_differs {
	struct shoal_id id;
	uint32_t slot;
	uint64_t since; /* first heard */
};

struct shoal_sync {
	struct shoal_timer interval; /* the next walk with anybody */
	struct shoal_timer digest; /* the next walk with one that differs; not armed: nobody does */
	uint32_t count, turn;
	uint64_t walked; /* this member's root at the last walk with one that differs */
	unsigned futile; /* such walks since one settled something or told this member anything */
	struct shoal_differs differs[SHOAL_DIFFERS_MAX];
};

struct shoal_core;
struct shoal_exchange;

void shoal_sync_init(struct shoal_core *core);

/* The next table exchange begins an interval from now. */
void shoal_sync_arm(struct shoal_core *core);

/* Tables that are seen to differ are compared an interval from now, if they wait for it. */
void shoal_sync_retry(struct shoal_core *core);

/* Begins a walk with a member. */
void shoal_sync_begin(struct shoal_core *core, uint32_t slot);
/* Its answer was handled: goes on with what there is to say, or ends. mark: of the member's
 * root then. */
void shoal_sync_answered(struct shoal_core *core, const struct shoal_exchange *exchange,
        uint32_t slot, uint32_t mark);

/* The mark of a member's root came, after everything that came with it. */
void shoal_sync_heard(struct shoal_core *core, uint32_t slot, uint32_t mark);

void shoal_sync_on_interval(struct shoal_core *core);
void shoal_sync_on_digest(struct shoal_core *core);

/* Appends the whole table from the slot `start` on, so that one that does not fit as a whole is
 * told in parts over several exchanges. The statement about `except` stands in the packet already.
 * false: not all fits.
 */
bool shoal_sync_write_table(
        struct shoal_core *core, struct shoal_writer *writer, uint32_t start, uint32_t except);

#endif
