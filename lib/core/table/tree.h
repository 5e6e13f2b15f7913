/* SPDX-License-Identifier: MIT */
/* The digest tree: all members in the order of a hash of their ids, with a sum of hashes over every
 * range of that order. The hash is the same everywhere, so all members of a cluster compute the
 * same order and, where they hold the same statements, the same sums: two members whose roots agree
 * hold the same, and where they differ, the ranges tell where.
 *
 * What is summed is what is told to others: {id, salt, incarnation, state, metadata version} of
 * every member that is not unknown, of a tombstone only in the first half of its time. What only
 * this observer knows (timers, ages, measurements) is not in it.
 *
 * Sums are made when they are asked for: shoal_tree_touch marks the way to a member in O(log n),
 * and the next question hashes the members of the marked leaves, at most SHOAL_TREE_LEAF each. */
#ifndef SHOAL_CORE_TREE_H
#define SHOAL_CORE_TREE_H

#include <shoal/types.h>

#include "base/slab.h"

/* Members of a leaf; a full one is split. */
#define SHOAL_TREE_LEAF 16
/* Parts of a range that the digest compares at once, and the bits of the hash that tell them apart.
 */
#define SHOAL_TREE_PARTS     64
#define SHOAL_TREE_PART_BITS 6

struct shoal_core;
struct shoal_record;

/* What a range holds. */
struct shoal_tree_total {
	uint64_t sum;    /* of the hashes of its statements, modulo 2^64 */
	uint32_t told;   /* statements in the sum */
	uint32_t living; /* members that are alive or suspect, this one included */
};

/* All members whose hash begins with the first `bits` bits of prefix; its other bits are 0. */
struct shoal_tree_range {
	uint64_t prefix;
	unsigned bits; /* 0 to 63 */
};

struct shoal_tree {
	struct shoal_slab nodes, leaves; /* see tree.c */
	uint32_t root;
	bool stale;        /* a member was touched since the sum was made */
	uint64_t root_sum; /* of all */
	uint64_t key[2];
};

/* Before the first member. */
void shoal_tree_init(struct shoal_core *core);
void shoal_tree_done(struct shoal_core *core);
size_t shoal_tree_memory(const struct shoal_core *core);

/* A record comes and goes with its members. SHOAL_ERR_NOMEM, SHOAL_ERR_LIMIT: it is not in. */
int shoal_tree_insert(struct shoal_core *core, uint32_t slot);
void shoal_tree_remove(struct shoal_core *core, uint32_t slot);

/* After any change of what is told of a member, or of whether it is told. */
void shoal_tree_touch(struct shoal_core *core, uint32_t slot);

/* The living (alive or suspect) member that follows or precedes this one, whatever its own state;
 * the last is followed by the first. The only living one is its own neighbour. SHOAL_NONE: nobody
 * lives. O(log n). */
uint32_t shoal_tree_next(struct shoal_core *core, uint32_t slot);
uint32_t shoal_tree_prev(struct shoal_core *core, uint32_t slot);

/* The sum over everything, never 0. */
uint64_t shoal_tree_root(struct shoal_core *core);
/* What pings and acks tell of a root: its last 32 bits, 1 for 0. Two that differ have the same mark
 * once in 2^32, and then the exchange of every sync_interval_ms, which compares roots, finds it. */
uint32_t shoal_tree_mark(uint64_t root);
struct shoal_tree_total shoal_tree_total(struct shoal_core *core, struct shoal_tree_range range);
/* One of the SHOAL_TREE_PARTS parts of a range of at most 63 - SHOAL_TREE_PART_BITS bits. */
struct shoal_tree_range shoal_tree_part(struct shoal_tree_range range, unsigned part);
/* Calls visit for every told member of the range, in no particular order, until it returns false;
 * it must not change any member. Returns false where it did. */
bool shoal_tree_each(struct shoal_core *core, struct shoal_tree_range range,
        bool (*visit)(void *arg, uint32_t slot), void *arg);

/* Whether a member's statement is told to others. */
bool shoal_tree_tells(const struct shoal_core *core, const struct shoal_record *record);
/* The hash of a member's statement, as it is summed. */
uint64_t shoal_tree_statement(const struct shoal_core *core, uint32_t slot);

#endif
