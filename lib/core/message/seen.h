/* SPDX-License-Identifier: MIT */
/* Which broadcasts were heard: by the instance that sent them and their number. */
#ifndef SHOAL_CORE_SEEN_H
#define SHOAL_CORE_SEEN_H

#include <shoal/core.h>

#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"
#include "wire/cast_key.h"

/* Instances that are remembered at once; the one that was silent for longest makes room. */
#define SHOAL_SEEN_MAX 16384
/* For so long after the last broadcast of an instance; no copy of one goes about for as long. */
#define SHOAL_SEEN_NS (UINT64_C(900) * 1000000000)

/* Instances of a member, of those whose ids hash to the same of so many places, that no statement
 * has told: earlier ones whose last words still go about, or that somebody made up. */
#define SHOAL_SEEN_STRAYS 4
#define SHOAL_SEEN_PLACES 1024

/* No number is above this: windows never overflow. */
#define SHOAL_SEEN_NUMBER_MOST (UINT64_C(1) << 62)

/* Words of the windows: 1,024 numbers, and 2,048 of reliable ones, of which at most
 * SHOAL_CASTS_MOST are kept anywhere; with one word that is being filled. */
#define SHOAL_SEEN_WORDS    17
#define SHOAL_SEEN_RELIABLE 33

struct shoal_seen {
	struct shoal_slab slab;
	struct shoal_table by_instance;
	struct shoal_list order; /* the one that was silent for longest first */
	uint8_t strays[SHOAL_SEEN_PLACES];
};

struct shoal_core;

void shoal_seen_init(struct shoal_core *core);
void shoal_seen_done(struct shoal_core *core);

/* Whether its number is so far below that nobody knows. */
bool shoal_seen_is_past(const struct shoal_core *core, const struct shoal_cast_key *key);

/* Whether the broadcast was heard, or is past. */
bool shoal_seen_has(const struct shoal_core *core, const struct shoal_cast_key *key);

/* Whether one of the last SHOAL_CASTS_MOST reliable ones of the instance was not heard, though one
 * before and one after it were. */
bool shoal_seen_lacks(const struct shoal_core *core, const struct shoal_cast_key *key);

/* Whether its origin can have come to this number, as somebody else tells it. */
bool shoal_seen_is_credible(const struct shoal_core *core, const struct shoal_cast_key *key);

/* Its origin itself tells a number that is past, and higher than all that it told itself: what is
 * above it was made up. Nobody knows any more which of those below it were heard: all count so that
 * are not reliable, and of reliable ones those that are gone; what is kept is to be added again.
 * Returns whether that was so. */
bool shoal_seen_correct(struct shoal_core *core, const struct shoal_cast_key *key);

/* A reliable one that was heard is kept no more. Above what its origin told itself that says
 * nothing: it may have been made up. */
void shoal_seen_gone(struct shoal_core *core, const struct shoal_cast_key *key);

/* It was heard; told: its instance was told by a statement, direct: it came from its origin.
 * SHOAL_ERR_NOMEM; SHOAL_ERR_LIMIT: too many instances that no statement told. */
int shoal_seen_add(
        struct shoal_core *core, const struct shoal_cast_key *key, bool told, bool direct);

/* One that was heard comes from its origin itself. */
void shoal_seen_direct(struct shoal_core *core, const struct shoal_cast_key *key);

size_t shoal_seen_memory(const struct shoal_core *core);

#endif
