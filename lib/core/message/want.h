/* SPDX-License-Identifier: MIT */
/* Broadcasts that fit no datagram and were offered here: they are fetched. */
#ifndef SHOAL_CORE_WANT_H
#define SHOAL_CORE_WANT_H

#include <shoal/types.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/slab.h"
#include "wire/cast_key.h"

/* Those that are wanted at once, of which a teller takes half of the free places at most; requests
 * for them, and for how many each asks. */
#define SHOAL_WANTS_MAX        1024
#define SHOAL_WANT_FLIGHTS     8
#define SHOAL_WANT_FLIGHTS_ONE 2 /* with one teller */
#define SHOAL_WANT_KEYS        6

struct shoal_want {
	struct shoal_list node;
	struct shoal_cast_key key;
	uint64_t exchange; /* in which it is asked for, 0: it waits */
	uint64_t slow;     /* one that goes on, though another member is asked since; 0: none */
	uint64_t patience; /* before another member is asked */
	uint64_t at;       /* when the request began */
	uint32_t number;
	uint32_t slot;  /* of who offered it */
	uint32_t other; /* the same of a second one, SHOAL_NONE: nobody */
	bool by_origin; /* it was offered by its origin, too */
};

struct shoal_wants {
	struct shoal_timer timer;
	struct shoal_slab slab;
	struct shoal_list list; /* in the order in which they came */
	bool asking;            /* no want goes meanwhile */
	/* What one that offered it is to be told is known here: a packet's worth at once. */
	uint8_t known[SHOAL_WANT_KEYS * SHOAL_CAST_KEY_BYTES];
	size_t known_len;
	uint32_t known_to;
	struct {
		uint64_t exchange; /* 0: the place is free */
		uint32_t slot;
		bool over; /* it has its end, which is to be looked at */
	} flight[SHOAL_WANT_FLIGHTS];
};

struct shoal_core;

void shoal_want_init(struct shoal_core *core);
void shoal_want_done(struct shoal_core *core);

/* The member in slot offers these. */
void shoal_want_offered(struct shoal_core *core, uint32_t slot, struct shoal_span keys);

/* A request has ended, whatever came of it. */
void shoal_want_ended(struct shoal_core *core, uint64_t exchange);

void shoal_want_on_timer(struct shoal_core *core);

size_t shoal_want_memory(const struct shoal_core *core);

#endif
