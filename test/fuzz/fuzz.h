/* SPDX-License-Identifier: MIT */
/* What core_fuzz keeps of a run, and how it picks ids, salts and incarnations that mean something
 * to the core. */
#ifndef SHOAL_TEST_FUZZ_FUZZ_H
#define SHOAL_TEST_FUZZ_FUZZ_H

#include "base/addr.h"
#include "base/writer.h"
#include "sim/check.h"
#include "wire/keyring.h"

#include <shoal/core.h>

#include <string.h>

#define KEPT       16
#define PACKET_MAX 2048
#define AFTER_MAX  SHOAL_SEC(86400 * 30)

struct ping {
	uint64_t seq;
	struct shoal_addr to;
	struct shoal_id target;
};

struct fuzz {
	struct shoal_core *core;
	struct shoal_profile profile;
	struct shoal_checkers checkers;
	struct shoal_watch watch;
	struct shoal_id id;
	struct shoal_salt salt;
	uint64_t now, wall;
	uint64_t joins, joined, requests, replied[KEPT];
	uint64_t sent, heard; /* messages; a sum of their bytes, each of which is looked at */
	bool ended;
	size_t packets, pings, asked; /* ever; the last KEPT are kept                             */
	uint8_t packet[KEPT][PACKET_MAX];
	size_t packet_len[KEPT];
	struct ping ping[KEPT];
	uint64_t exchange[KEPT];
	uint64_t counter[KEPT]; /* under which requests to the core were sealed */
	uint64_t request;       /* the same, of its own latest one */
	uint8_t made[PACKET_MAX];
	struct shoal_keyring
	        *ring; /* of all others, where packets are sealed; NULL: they are not */
	const struct shoal_codec_ops *codec; /* of the core and most others; NULL: compact */
	uint8_t coded[8 * PACKET_MAX];
	uint8_t sealed[8 * PACKET_MAX + 64];
	uint8_t body[PACKET_MAX / 2];
};

/* Ends the program: the core has broken a promise. */
void fuzz_fail(const char *what, const char *why);

/* Makes the core one that seals, and a keyring for all others. */
void fuzz_share_key(struct fuzz *fuzz, struct shoal_core_config *config);

/* Makes of a clear packet that comes in the one that somebody with the key seals, for the core or
 * (nobody) for nobody; what is none stays as it is. The new one lives until the next call. */
void fuzz_seal(struct fuzz *fuzz, struct shoal_input *input, bool nobody);

/* The codec of a run by a number; NULL: the compact one. */
const struct shoal_codec_ops *fuzz_codec(unsigned number);

/* Makes of a clear compact packet that comes in one in the codec; where its messages are none, they
 * stand in it as they are. What is no packet stays as it is. Lives until the next call. */
void fuzz_encode(struct fuzz *fuzz, struct shoal_input *input);

/* Makes of a clear packet that the core sent the compact one, in memory of malloc; or NULL where it
 * is compact. */
uint8_t *fuzz_decode(const struct fuzz *fuzz, const uint8_t *data, size_t *len);

/* who | salt and state | incarnation | age 2 | accusers and address. false: no room. */
bool fuzz_append_statement(
        const struct fuzz *fuzz, struct shoal_writer *writer, const uint8_t *data);

/* The first message says who sends (arg & 0x1f), and on a stream what this is: a join (arg & 0x20),
 * a sync, or the answer to either. */
void fuzz_append_opening(const struct fuzz *fuzz, struct shoal_writer *writer,
        enum shoal_input_kind way, uint8_t arg);

/* An order of the core's operator: forget, admit, tune or move, by arg. false: too short. Lives
 * until the next one. */
bool fuzz_order(
        struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len, struct shoal_input *input);

/* Remembers the pings in a packet that the core sent. */
void fuzz_keep_pings(struct fuzz *fuzz, const struct shoal_send *send);

static inline struct shoal_addr
address(uint8_t number)
{
	const uint8_t ip[4] = {10, 1, 0, number};
	struct shoal_addr addr;

	shoal_addr_from_ipv4(&addr, ip, 7946);
	return addr;
}

/* Few ids, so that statements meet: the core itself, and members at the first addresses. */
static inline void
pick_id(const struct fuzz *fuzz, uint8_t who, struct shoal_id *id)
{
	*id = fuzz->id;
	id->bytes[0] ^= (uint8_t)(who % 8);
}

static inline void
pick_salt(const struct fuzz *fuzz, uint8_t who, uint8_t which, struct shoal_salt *salt)
{
	struct shoal_core_member member;
	struct shoal_id id;
	uint32_t slot;

	pick_id(fuzz, who, &id);
	memset(salt, which + 1, sizeof(*salt));
	if (which == 0) {
		if (shoal_core_find(fuzz->core, &id, &slot) == 0 &&
		        shoal_core_member(fuzz->core, slot, &member)) {
			*salt = member.salt;
		}
	}
}

static inline uint64_t
short_salt(const struct shoal_salt *salt)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++) {
		value = value << 8 | salt->bytes[i];
	}
	return value;
}

static inline uint64_t
pick_incarnation(const struct fuzz *fuzz, uint8_t who, uint8_t how)
{
	struct shoal_core_member member;
	struct shoal_id id;
	uint32_t slot;
	uint64_t base = 1;

	pick_id(fuzz, who, &id);
	if (shoal_core_find(fuzz->core, &id, &slot) == 0 &&
	        shoal_core_member(fuzz->core, slot, &member)) {
		base = member.incarnation;
	}
	switch (how % 5) {
	case 0:
		return base;
	case 1:
		return base + 1;
	case 2:
		return base - 1;
	case 3:
		return base + (UINT64_C(1) << 32);
	default:
		return UINT64_MAX - how;
	}
}

#endif
