/* SPDX-License-Identifier: MIT */
/* Of whom packets have opened, one table for datagrams and one for messages on streams: a subkey,
 * where the last one came from, and a window of counters back from the highest. The latest are
 * kept; of those before them only the highest counter, and of those before these nothing. */
#ifndef SHOAL_WIRE_SENDERS_H
#define SHOAL_WIRE_SENDERS_H

#include <shoal/keyring.h>

#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"
#include "wire/window.h"

#define SHOAL_NO_KEY SHOAL_KEYS_MAX

/* In front of the bits of its window. What comes from a key belongs to keyring.c. */
struct shoal_sender {
	uint64_t salt;
	struct shoal_list age;  /* in senders->latest */
	struct shoal_list warm; /* in the keyring's, where there is a context */
	void *context;          /* NULL: none */
	struct shoal_window window;
	uint8_t from[16];
	uint8_t subkey[SHOAL_KEY_MOST];
	uint8_t key; /* that the subkey comes from; SHOAL_NO_KEY: it was removed */
};

struct shoal_senders {
	struct shoal_slab kept, former;
	struct shoal_table kept_of, former_of; /* by salt */
	struct shoal_list latest, gone;        /* the latest first */
	uint64_t window;                       /* counters, see window.h */
	/* Takes what comes from a key out of a sender that is about to go. */
	void (*forget)(void *owner, struct shoal_sender *sender);
	void *owner;
};

/* Sets all but window, forget and owner, which the caller has set. */
void shoal_senders_init(struct shoal_senders *senders, const struct shoal_allocator *mem,
        const uint64_t hash[2], uint32_t kept_max, uint32_t former_max);
/* Of all that are kept, what comes from a key has been forgotten. */
void shoal_senders_done(struct shoal_senders *senders);

/* So many are kept from now on, where that is more than it was. */
void shoal_senders_expect(struct shoal_senders *senders, uint32_t kept_max);

/* NULL: not kept. */
struct shoal_sender *shoal_senders_find(const struct shoal_senders *senders, uint64_t salt);
/* The same by its number, below senders->kept.end. */
struct shoal_sender *shoal_senders_at(const struct shoal_senders *senders, uint32_t number);

/* Whether a counter was seen, or is too old to tell. */
bool shoal_senders_saw(const struct shoal_senders *senders, uint64_t salt, uint64_t counter);

/* An entry for a sender that is not kept. NULL: no memory; nothing changed. */
struct shoal_sender *shoal_senders_admit(struct shoal_senders *senders, uint64_t salt);

/* A packet of its has opened. from, 16 bytes: where it spoke from; NULL: as before. */
void shoal_senders_mark(struct shoal_senders *senders, struct shoal_sender *sender,
        uint64_t counter, const uint8_t *from);

size_t shoal_senders_memory(const struct shoal_senders *senders);

#endif
