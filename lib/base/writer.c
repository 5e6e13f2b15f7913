/* SPDX-License-Identifier: MIT */
/* The parts of the appending cursor that are not worth inlining. Each call writes all of its bytes
 * or none, so what stands before a failure is a sequence of whole values. */
#include "base/writer.h"

#include "base/panic.h"
#include <string.h>

void
shoal_writer_init(struct shoal_writer *writer, uint8_t *data, size_t cap)
{
	SHOAL_ASSERT(data != NULL || cap == 0);
	writer->data = data;
	writer->len = 0;
	writer->cap = cap;
	writer->failed = false;
}

void
shoal_writer_bytes(struct shoal_writer *writer, const void *data, size_t len)
{
	uint8_t *at;

	if (len == 0) {
		return;
	}
	at = shoal_writer_room(writer, len);
	if (at != NULL) {
		memcpy(at, data, len);
	}
}

void
shoal_writer_put(struct shoal_writer *writer, const void *data, size_t len)
{
	shoal_writer_bytes(writer, data, len);
}

size_t
shoal_writer_var_len(uint64_t value)
{
	size_t len = 1;

	while (value >= 0x80) {
		value >>= 7;
		len++;
	}
	return len;
}

void
shoal_writer_var(struct shoal_writer *writer, uint64_t value)
{
	uint8_t *at = shoal_writer_room(writer, shoal_writer_var_len(value));

	if (at == NULL) {
		return;
	}
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at = (uint8_t)value;
}

void
shoal_writer_rewind(struct shoal_writer *writer, size_t len)
{
	SHOAL_ASSERT(len <= writer->len);
	writer->len = len;
	writer->failed = false;
}
