/* SPDX-License-Identifier: MIT */
/* A member that hears nobody at all accuses nobody. */
#ifndef SHOAL_CORE_SILENCE_H
#define SHOAL_CORE_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

struct shoal_core;
struct shoal_probe;

struct shoal_silence {
	uint64_t heard; /* something from anybody, last */
	uint64_t since; /* when the silence began, 0: there is none */
};

void shoal_silence_init(struct shoal_core *core);

/* Something came from a host of somebody: of a member, a packet of which something counted; or that
 * the host refuses one. */
void shoal_silence_heard(struct shoal_core *core);

/* A probe has ended unanswered. Whether that proves nothing: its relays kept silent too, as did
 * everybody else, and not yet for longer than the longest suspicion. */
bool shoal_silence_excuses(struct shoal_core *core, const struct shoal_probe *probe);

#endif
