/* SPDX-License-Identifier: MIT */
/* Metadata that was told and found no room: what of it the digest covers, so that who is full
 * agrees with all the same. */
#ifndef SHOAL_CORE_UNHELD_H
#define SHOAL_CORE_UNHELD_H

#include "wire/message.h"

/* Of more than these the digest differs from that of others. */
#define SHOAL_UNHELD_MAX 1024

struct shoal_unheld_item {
	struct shoal_id id;
	uint32_t slot;
	uint64_t sum, len;
};

struct shoal_unheld {
	struct shoal_unheld_item *item; /* NULL: none was needed yet */
	uint32_t count;
};

struct shoal_core;

void shoal_unheld_done(struct shoal_core *core);

/* The last that was told of a member and found no room; takes the place of what was told before. */
void shoal_unheld_note(
        struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *told, uint64_t len);
/* It is held, or to be told again. */
void shoal_unheld_forget(struct shoal_core *core, uint32_t slot);
/* false: there is nothing. */
bool shoal_unheld_sum(const struct shoal_core *core, uint32_t slot, uint64_t *sum);

#endif
