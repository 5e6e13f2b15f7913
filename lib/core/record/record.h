/* SPDX-License-Identifier: MIT */
/* The layout of a record, for the two files that write and read it. All entries are {kind 1, length
 * 4, body, CRC32C 4}; the bodies:
 *
 *     BEGIN       magic 8, format U8, flags U8, release TEXT, names U32 (CRC32C over the names of
 *                 the profile's fields), part VAR, inputs VAR, mono U64, wall U64 (of the last
 *                 input), the config
 *     INPUT       kind U8, fields U8 (bit set: the field follows), mono, wall; SEND, before its
 *                 data: id 16, type U16, flags U16; BROADCAST: type U16, flags U16, tag VAR
 *                 length and bytes
 *     CHECKPOINT  inputs VAR, hash U64
 *     END         the same
 *
 * Times of an input are differences, wrapping and zigzag: the mono clock to the input before, the
 * wall clock beyond what the mono clock moved, the moment of receipt to the mono clock. */
#ifndef SHOAL_CORE_RECORD_H
#define SHOAL_CORE_RECORD_H

#include <shoal/record.h>

#define SHOAL_RECORD_MAGIC  "SHOALREC"
#define SHOAL_RECORD_FORMAT 5
#define SHOAL_RECORD_HEAD   5 /* kind and length */
#define SHOAL_RECORD_CRC    4
#define SHOAL_RECORD_SMALL  1280 /* bytes of any entry without its data; BEGIN is the largest */

#define SHOAL_RECORD_REDACTED 1 /* flag of BEGIN */

/* Flags of the config. */
#define SHOAL_RECORD_ASKS      1
#define SHOAL_RECORD_UNWATCHED 2

enum shoal_record_field {
	SHOAL_RECORD_FROM = 1,
	SHOAL_RECORD_RECEIVED = 2,
	SHOAL_RECORD_EXCHANGE = 4,
	SHOAL_RECORD_CODE = 8,
	SHOAL_RECORD_TIMEOUT = 16,
	SHOAL_RECORD_AGE = 32,
	SHOAL_RECORD_SIZE = 64,
	SHOAL_RECORD_DATA = 128,
	SHOAL_RECORD_OPENED = 256
};

static inline uint64_t
shoal_record_zigzag(uint64_t difference)
{
	return difference << 1 ^ (difference >> 63 != 0 ? UINT64_MAX : 0);
}

static inline uint64_t
shoal_record_unzigzag(uint64_t value)
{
	return value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0);
}

/* CRC32C over the names of the profile's fields, in order: whether two releases have the same. */
uint32_t shoal_record_names(void);

#endif
