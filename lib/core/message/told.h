/* SPDX-License-Identifier: MIT */
/* Who was told a broadcast: a bit for each member, which slots with the same rest share. */
#ifndef SHOAL_CORE_TOLD_H
#define SHOAL_CORE_TOLD_H

#include <stdbool.h>
#include <stdint.h>

/* Those that can be told from here: to whom there is a way, and who do not hear broadcasts with
 * what they poll. */
struct shoal_told_open {
	/* Their bits. 0: two share one, and nobody knows who was told; all where there are more
	 * than bits, since nobody is sent a broadcast often enough to set all of them. */
	uint64_t open;
	uint64_t again;   /* it counts as changed then at the latest */
	uint32_t able;    /* how many they are; 65: more than 64 */
	uint32_t ordered; /* how many members there were when that was looked up */
	bool changed;     /* until spread.c has looked through what it holds */
};

struct shoal_cast;
struct shoal_core;

/* Whether the member is one of those that are told. */
bool shoal_told_is(const struct shoal_core *core, uint32_t slot);

/* The bit of a slot; of a member, where those who are not told have none. */
uint64_t shoal_told_rest(uint32_t slot);
uint64_t shoal_told_bit(const struct shoal_core *core, uint32_t slot);

/* Looks up who can be told. O(members) where few of many can. */
void shoal_told_look_up(struct shoal_core *core);

/* How many of them may lack it, not counting its origin and who told it here; some 63 where there
 * are more. */
uint32_t shoal_told_lacking(const struct shoal_core *core, const struct shoal_cast *cast);

/* Whether each of them was told it or told it here, and no two share a bit. */
bool shoal_told_to_all(const struct shoal_core *core, const struct shoal_cast *cast);

#endif
