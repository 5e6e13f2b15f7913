/* SPDX-License-Identifier: MIT */
/* What a broadcast may be, and how far and for how long it is told. */
#ifndef SHOAL_CORE_LIMIT_H
#define SHOAL_CORE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct shoal_cast;
struct shoal_core;
struct shoal_input;
struct shoal_msg_cast;

/* Whether the command can be done, room aside. */
int shoal_limit_check(const struct shoal_core *core, const struct shoal_input *input);

/* Those that the command asks for. */
void shoal_limit_set(struct shoal_cast *cast, const struct shoal_input *input);

/* Whether one that came so far, so many steps from its origin, is told nobody there; hops_max 0:
 * the most that there is. */
bool shoal_limit_ends_at(unsigned hops, unsigned hops_max);

/* Whether its time is over: nobody is told any more. */
bool shoal_limit_is_over(const struct shoal_core *core, const struct shoal_cast *cast);

/* Nanoseconds from its birth for which a reliable one is kept. */
uint64_t shoal_limit_keep(const struct shoal_core *core, const struct shoal_cast *cast);

/* Whether who asks for it may have it from here. */
bool shoal_limit_gives(const struct shoal_core *core, const struct shoal_cast *cast);

/* false: it came too late, which is counted. */
bool shoal_limit_admits(struct shoal_core *core, const struct shoal_msg_cast *message);

#endif
