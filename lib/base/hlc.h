/* SPDX-License-Identifier: MIT */
/* Hybrid logical clock (Kulkarni et al. 2014): 48 bits of milliseconds since 1970, 16 bits of
 * counter. Stamps grow strictly here and stay above every stamp that was merged, whatever the wall
 * clock does. A remote stamp more than SHOAL_HLC_DRIFT_MS ahead of the wall clock moves this clock
 * by that much only. */
#ifndef SHOAL_BASE_HLC_H
#define SHOAL_BASE_HLC_H

#include <stdbool.h>
#include <stdint.h>

#define SHOAL_HLC_DRIFT_MS 60000

struct shoal_hlc {
	uint64_t last;
};

/* The next stamp. */
uint64_t shoal_hlc_now(struct shoal_hlc *clock, uint64_t wall_ns);
/* Takes a stamp of another clock into account. false: it was too far ahead and was capped. */
bool shoal_hlc_merge(struct shoal_hlc *clock, uint64_t stamp, uint64_t wall_ns);
uint64_t shoal_hlc_ms(uint64_t stamp);

#endif
