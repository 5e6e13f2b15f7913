/* SPDX-License-Identifier: MIT */
/* News and those who hear it only with what they poll: in a small cluster it would be spent before
 * any of them has polled. Where some polled here lately, its last sends, those of ticks, are theirs
 * for half a probe interval, in which each polls twice. Where only those are left who hear it so,
 * or from others, bursts rest. */
#ifndef SHOAL_CORE_AWAIT_H
#define SHOAL_CORE_AWAIT_H

#include <stdbool.h>
#include <stdint.h>

struct shoal_core;
struct shoal_news;

/* How often bursts send news. */
uint32_t shoal_await_share(const struct shoal_core *core);

/* Whether it is not told to the addressee now, so that others hear it. */
bool shoal_await_keeps(
        const struct shoal_core *core, const struct shoal_news *news, uint32_t addressee);

/* That many were found in a turn of the row of members. And: all that are in it were gone past
 * since somebody was told something, so that bursts rest until there is more news. */
void shoal_await_passed(struct shoal_core *core, uint32_t found);
bool shoal_await_is_idle(const struct shoal_core *core);

/* Whether this member has a way to one other alone, or to none: what is about that one is told to
 * nobody. */
bool shoal_await_is_alone(const struct shoal_core *core);

#endif
