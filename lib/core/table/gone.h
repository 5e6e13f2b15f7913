/* SPDX-License-Identifier: MIT */
/* Members whose address belongs to another one now: pings for them are answered "gone" by whoever
 * lives there. */
#ifndef SHOAL_CORE_GONE_H
#define SHOAL_CORE_GONE_H

#include <shoal/core.h>

#include "wire/message.h"

#define SHOAL_SHARED_MAX 8  /* members that refuted to be gone, remembered at once */
#define SHOAL_PLOTS      16 /* addresses whose tombstones are counted */
#define SHOAL_PLOT_MAX   4  /* tombstones that one address has */

/* A member that was said to be gone, and said that it is not. */
struct shoal_shared {
	struct shoal_id id;
	uint64_t until;
	uint8_t refuted;
};

/* Tombstones at one address; entries may have become others meanwhile. */
struct shoal_plot {
	struct shoal_addr addr;
	uint32_t slot[SHOAL_PLOT_MAX];
	uint8_t count;
};

struct shoal_gone {
	uint64_t latest; /* end of the last of `shared`: what every ping asks is mostly past it */
	struct shoal_shared shared[SHOAL_SHARED_MAX];
	struct shoal_plot plot[SHOAL_PLOTS];
};

struct shoal_core;
struct shoal_hold;

/* A ping for another member came to this one's address. */
void shoal_gone_answer(struct shoal_core *core, const struct shoal_msg_ping *ping,
        const struct shoal_addr *from, enum shoal_input_kind path, uint64_t exchange);

void shoal_gone_on_gone(
        struct shoal_core *core, const struct shoal_msg_gone *gone, const struct shoal_addr *from);

/* The member, suspect until now, said that it lives. */
void shoal_gone_refuted(struct shoal_core *core, uint32_t slot);

/* Whether a member is known to live though another one answers at its address. */
bool shoal_gone_is_shared(const struct shoal_core *core, const struct shoal_id *id);

/* Whether enough members accuse one that was found replaced here. */
bool shoal_gone_is_agreed(const struct shoal_core *core, const struct shoal_hold *hold);

/* It is dead or left: of more than SHOAL_PLOT_MAX tombstones at its address the oldest is
 * forgotten. */
void shoal_gone_count(struct shoal_core *core, uint32_t slot);

#endif
