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

/* Words of the windows: 1,024 numbers, and 2,048 of reliable ones, of which at most
 * SHOAL_CASTS_MOST are kept anywhere; with one word that is being filled. */
#define SHOAL_SEEN_WORDS    17
#define SHOAL_SEEN_RELIABLE 33

struct shoal_seen {
	struct shoal_slab slab;
	struct shoal_table by_instance;
	struct shoal_list order; /* the one that was silent for longest first */
};

struct shoal_core;

void shoal_seen_init(struct shoal_core *core);
void shoal_seen_done(struct shoal_core *core);

/* Whether the broadcast was heard, or is too old to tell. */
bool shoal_seen_has(const struct shoal_core *core, const struct shoal_cast_key *key);

/* It was heard. SHOAL_ERR_NOMEM. */
int shoal_seen_add(struct shoal_core *core, const struct shoal_cast_key *key);

size_t shoal_seen_memory(const struct shoal_core *core);

#endif
