/* SPDX-License-Identifier: MIT */
/* Metadata that is too long for gossip: announced by those who hold it, pulled from them on a
 * stream. */
#ifndef SHOAL_CORE_PULL_H
#define SHOAL_CORE_PULL_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"
#include "wire/message.h"

/* Pulled at once, and of these from one member; the others wait. */
#define SHOAL_PULLS_OPEN 8
#define SHOAL_PULLS_FROM 2
/* Members that told, of those that are asked. */
#define SHOAL_PULL_TELLERS 3

struct shoal_core;
struct shoal_exchange;
struct shoal_teller;

/* At most one for each member. */
struct shoal_pull {
	struct shoal_list node; /* waits, or is asked for */
	uint32_t slot;
	uint64_t version, hash;
	uint64_t exchange; /* 0: none is open */
	uint32_t from;     /* who is asked, while one is */
	struct shoal_id
	        teller[SHOAL_PULL_TELLERS]; /* perhaps no member yet: its statement follows */
	uint8_t tellers, asked;             /* asked above tellers: the owner was, too */
};

struct shoal_pulls {
	struct shoal_slab slab;
	struct shoal_table by_slot;
	struct shoal_list waiting;
	struct shoal_list opened; /* those that are asked for */
	struct shoal_timer timer;
	uint32_t open;
};

void shoal_pull_init(struct shoal_core *core);
void shoal_pull_done(struct shoal_core *core);

/* A member that holds newer metadata of the one in slot has told so. */
void shoal_pull_want(struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *message,
        const struct shoal_teller *teller);
/* What is held of the one in slot is newer now. */
void shoal_pull_settled(struct shoal_core *core, uint32_t slot);
/* The member is forgotten. */
void shoal_pull_forget(struct shoal_core *core, uint32_t slot);

void shoal_pull_on_timer(struct shoal_core *core);
/* A request has ended, and what came with it was taken over. */
void shoal_pull_ended(struct shoal_core *core, const struct shoal_exchange *exchange);

/* A peer asks; from: the slot of the asker, SHOAL_NONE: no member. */
void shoal_pull_on_request(struct shoal_core *core, const struct shoal_msg_pull *pull,
        uint32_t from, const struct shoal_input *input);

#endif
