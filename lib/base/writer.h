/* SPDX-License-Identifier: MIT */
/* The inverse of reader.h: appends to a buffer that it cannot overrun. After the first failure
 * nothing more is written and `failed` stays set; what was written before stays valid. Inline for
 * the same reason as the reader. */
#ifndef SHOAL_BASE_WRITER_H
#define SHOAL_BASE_WRITER_H

#include <shoal/cursor.h>

/* data may be NULL where cap is 0. */
void shoal_writer_init(struct shoal_writer *writer, uint8_t *data, size_t cap);
void shoal_writer_var(struct shoal_writer *writer, uint64_t value);
void shoal_writer_bytes(struct shoal_writer *writer, const void *data, size_t len);
/* Bytes that shoal_writer_var takes for a value. */
size_t shoal_writer_var_len(uint64_t value);
/* Back to an earlier len, failure forgotten: for "append it if it fits". len is at most
 * writer->len. */
void shoal_writer_rewind(struct shoal_writer *writer, size_t len);

/* 0 after a failure. */
static inline size_t
shoal_writer_left(const struct shoal_writer *writer)
{
	return writer->failed ? 0 : writer->cap - writer->len;
}

/* Room for the next len bytes (above 0), to be filled in by the caller; NULL and failed when there
 * is none. */
static inline uint8_t *
shoal_writer_room(struct shoal_writer *writer, size_t len)
{
	uint8_t *at;

	if (shoal_writer_left(writer) < len) {
		writer->failed = true;
		return NULL;
	}
	at = writer->data + writer->len;
	writer->len += len;
	return at;
}

static inline void
shoal_writer_u8(struct shoal_writer *writer, uint8_t value)
{
	uint8_t *at = shoal_writer_room(writer, 1);

	if (at != NULL) {
		at[0] = value;
	}
}

static inline void
shoal_writer_u16(struct shoal_writer *writer, uint16_t value)
{
	uint8_t *at = shoal_writer_room(writer, 2);

	if (at != NULL) {
		at[0] = (uint8_t)(value >> 8);
		at[1] = (uint8_t)value;
	}
}

static inline void
shoal_writer_u32(struct shoal_writer *writer, uint32_t value)
{
	uint8_t *at = shoal_writer_room(writer, 4);

	if (at != NULL) {
		at[0] = (uint8_t)(value >> 24);
		at[1] = (uint8_t)(value >> 16);
		at[2] = (uint8_t)(value >> 8);
		at[3] = (uint8_t)value;
	}
}

static inline void
shoal_writer_u64(struct shoal_writer *writer, uint64_t value)
{
	uint8_t *at = shoal_writer_room(writer, 8);

	if (at != NULL) {
		at[0] = (uint8_t)(value >> 56);
		at[1] = (uint8_t)(value >> 48);
		at[2] = (uint8_t)(value >> 40);
		at[3] = (uint8_t)(value >> 32);
		at[4] = (uint8_t)(value >> 24);
		at[5] = (uint8_t)(value >> 16);
		at[6] = (uint8_t)(value >> 8);
		at[7] = (uint8_t)value;
	}
}

#endif
