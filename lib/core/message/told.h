/* SPDX-License-Identifier: MIT */
/* Who was told a broadcast: a bit for each member, which slots with the same rest share. */
#ifndef SHOAL_CORE_TOLD_H
#define SHOAL_CORE_TOLD_H

#include <stdbool.h>
#include <stdint.h>

struct shoal_cast;
struct shoal_core;

/* Whether the member is one of those that are told. */
bool shoal_told_is(const struct shoal_core *core, uint32_t slot);

/* The bit of a slot; of a member, where those who are not told have none. */
uint64_t shoal_told_rest(uint32_t slot);
uint64_t shoal_told_bit(const struct shoal_core *core, uint32_t slot);

/* The bits of all members; 0: two share one, and nobody knows who was told. Where there are more
 * than bits, nobody is sent it often enough to set all of them. */
uint64_t shoal_told_all(const struct shoal_core *core);

/* Whether some members hear broadcasts only with what they poll, or from others; then *open has the
 * bits of all others. Where these fill it, nobody looks further. */
bool shoal_told_open(const struct shoal_core *core, uint64_t *open);

/* The bits of those who were told it or told it here, its origin's among them. */
uint64_t shoal_told_by(const struct shoal_core *core, const struct shoal_cast *cast);

#endif
