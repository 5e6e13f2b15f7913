/* SPDX-License-Identifier: MIT */
/* The bounded cursor over received bytes: it can fail, it cannot overrun. After the first failure
 * every read gives zero and `failed` stays set, so that a decoder checks once at its end. Network
 * byte order.
 *
 * A failure also empties the cursor, so the reads of fixed width need one comparison only. The
 * short reads are inline: they are most of what decoding a packet costs. */
#ifndef SHOAL_BASE_READER_H
#define SHOAL_BASE_READER_H

#include <shoal/cursor.h>
#include <string.h>

/* NULL counts as no bytes. */
void shoal_reader_init(struct shoal_reader *reader, const uint8_t *data, size_t len);
void shoal_reader_fail(struct shoal_reader *reader);
/* shoal_reader_var for what is longer than one byte. */
uint64_t shoal_reader_var_long(struct shoal_reader *reader, uint64_t max);

/* The next len bytes, borrowed; NULL and failed when fewer are left. */
static inline const uint8_t *
shoal_reader_bytes(struct shoal_reader *reader, size_t len)
{
	const uint8_t *at = reader->at;

	if (reader->failed || reader->left < len) {
		shoal_reader_fail(reader);
		return NULL;
	}
	reader->at += len;
	reader->left -= len;
	return at;
}

/* Copies len bytes; on failure dst is zeroed. */
static inline bool
shoal_reader_copy(struct shoal_reader *reader, void *dst, size_t len)
{
	const uint8_t *at = shoal_reader_bytes(reader, len);

	if (len == 0) {
		return at != NULL;
	}
	if (at == NULL) {
		memset(dst, 0, len);
		return false;
	}
	memcpy(dst, at, len);
	return true;
}

/* A reader over the next len bytes; failed (both) when fewer are left. */
static inline struct shoal_reader
shoal_reader_sub(struct shoal_reader *reader, size_t len)
{
	const uint8_t *at = shoal_reader_bytes(reader, len);
	struct shoal_reader sub;

	shoal_reader_init(&sub, at, len);
	sub.failed = at == NULL;
	return sub;
}

static inline uint8_t
shoal_reader_u8(struct shoal_reader *reader)
{
	const uint8_t *at = shoal_reader_bytes(reader, 1);

	return at != NULL ? at[0] : 0;
}

static inline uint16_t
shoal_reader_u16(struct shoal_reader *reader)
{
	const uint8_t *at = shoal_reader_bytes(reader, 2);

	if (at == NULL) {
		return 0;
	}
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t
shoal_reader_u32(struct shoal_reader *reader)
{
	const uint8_t *at = shoal_reader_bytes(reader, 4);

	if (at == NULL) {
		return 0;
	}
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t
shoal_reader_u64(struct shoal_reader *reader)
{
	const uint8_t *at = shoal_reader_bytes(reader, 8);

	if (at == NULL) {
		return 0;
	}
	return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
	       (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
	       (uint64_t)at[6] << 8 | at[7];
}

/* LEB128, at most 10 bytes, shortest form only; above max is a failure. */
static inline uint64_t
shoal_reader_var(struct shoal_reader *reader, uint64_t max)
{
	uint8_t first;

	if (reader->left == 0 || reader->at[0] >= 0x80) {
		return shoal_reader_var_long(reader, max);
	}
	first = reader->at[0];
	if (first > max) {
		shoal_reader_fail(reader);
		return 0;
	}
	reader->at++;
	reader->left--;
	return first;
}

#endif
