/* SPDX-License-Identifier: MIT */
/* Sealing and compression at the border of the core: what comes in is opened before anything else
 * looks at it, what goes out is sealed after everything was written. Inside are clear packets. */
#ifndef SHOAL_CORE_SEAL_H
#define SHOAL_CORE_SEAL_H

#include <shoal/core.h>

#include "base/writer.h"
#include "wire/field.h"
#include "wire/keyring.h"

struct shoal_core;
struct shoal_pending;
struct shoal_complaint;

/* Grows to what it is needed for, at most to a packet of profile.stream_max, and shrinks with the
 * next packet. */
struct shoal_room {
	uint8_t *data;
	size_t cap;
};

/* Senders that are told apart, by salt, where they are answered. */
#define SHOAL_ANSWERED 64

struct shoal_seal {
	struct shoal_keyring *ring; /* NULL: nothing is sealed or opened */
	const struct shoal_compressor_ops *compressor;
	uint32_t compress_min;
	uint32_t accept_clear;
	bool keyed;     /* this member has keys, or replays one that had */
	bool asks;      /* it seals with them: seeds say their salt first */
	size_t missing; /* bytes by which packets would be longer if they were sealed: a replay's */
	struct shoal_room in, plain, less;
	bool arrived;                      /* a packet is at hand ... */
	bool sealed;                       /* ... that came sealed: */
	struct shoal_addr from;            /* from here */
	uint64_t salt;                     /* by the instance with this salt, 0: not known yet */
	uint64_t counter;                  /* under this counter */
	uint64_t answered[SHOAL_ANSWERED]; /* by salt, see shoal_seal_may_answer */
	struct shoal_complaint *told;      /* whom records were written about, NULL: nobody yet */
};

/* SHOAL_ERR_INVALID: *why is set; SHOAL_ERR_NOMEM. */
int shoal_seal_init(
        struct shoal_core *core, const struct shoal_core_config *config, const char **why);
void shoal_seal_done(struct shoal_core *core);
size_t shoal_seal_memory(const struct shoal_core *core);

/* Room for so many bytes. false: no memory. */
bool shoal_seal_has_room(struct shoal_core *core, struct shoal_room *room, size_t need);
/* What one large packet needed is not kept for small ones. */
void shoal_seal_trim(struct shoal_core *core, struct shoal_room *room);

/* Whether packets that come in must go through shoal_core_open. */
bool shoal_seal_opens(const struct shoal_core *core, const struct shoal_input *input);

/* The packet at hand, for which answers are addressed; until shoal_seal_depart. */
void shoal_seal_arrive(struct shoal_core *core, const struct shoal_input *input);
void shoal_seal_depart(struct shoal_core *core);

/* It was clear, and says itself which instance it is of: what is not sealed may be answered sealed.
 */
void shoal_seal_named(struct shoal_core *core, uint64_t salt);

/* The salt of the instance that a packet is for: of the one whose packet is at hand where it came
 * from there; else of the member in `slot`; 0: not known. */
uint64_t shoal_seal_addressee(
        const struct shoal_core *core, const struct shoal_addr *to, uint32_t slot);

/* From now on: what core_config.accept_clear says. Only where there are keys, but for 0. */
void shoal_seal_accept(struct shoal_core *core, uint32_t accept_clear);

/* Whether this member seals what it sends. */
bool shoal_seal_seals(const struct shoal_core *core);

/* Starts a packet in an empty writer. */
void shoal_seal_begin(
        struct shoal_core *core, struct shoal_writer *writer, struct shoal_span label);

/* Bytes kept free behind the messages. */
size_t shoal_seal_behind(const struct shoal_core *core);

/* Ends it: compressed, sealed, or with a checksum. false: the cipher failed. */
bool shoal_seal_end(
        struct shoal_core *core, const struct shoal_pending *pending, struct shoal_writer *writer);

/* Seals what was sealed as a datagram, and is of no use then, as a one-way message on a stream for
 * the same instance. SHOAL_ERR_INVALID: it is none of this core's; SHOAL_ERR_NOMEM. */
int shoal_seal_again(
        struct shoal_core *core, uint8_t *datagram, size_t len, struct shoal_writer *writer);

/* Whether the sender with this salt, which sealed for another instance, may be told so: at most
 * twenty times a second. */
bool shoal_seal_may_answer(struct shoal_core *core, uint64_t salt);

/* The member in a slot has said this salt. */
void shoal_seal_on_sender(struct shoal_core *core, uint32_t slot, uint64_t salt);

/* Says in the log why a packet was dropped, or a join refused, once a minute of each address; of 64
 * at once. */
void shoal_seal_complain(struct shoal_core *core, const struct shoal_input *input, int rc);
void shoal_seal_refused(
        struct shoal_core *core, const struct shoal_addr *from, const struct shoal_span *reason);

#endif
