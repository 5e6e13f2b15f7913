/* SPDX-License-Identifier: MIT */
/* The parts of the bounded cursor that are not worth inlining. Invariant: after a failure nothing
 * is left, so every read that wants at least one byte fails again by its own length check. */
#include "base/reader.h"

void
shoal_reader_init(struct shoal_reader *reader, const uint8_t *data, size_t len)
{
	static const uint8_t nothing[1];

	reader->at = data != NULL ? data : nothing;
	reader->left = data != NULL ? len : 0;
	reader->failed = false;
}

void
shoal_reader_fail(struct shoal_reader *reader)
{
	reader->failed = true;
	reader->left = 0;
}

const uint8_t *
shoal_reader_take(struct shoal_reader *reader, size_t len)
{
	return shoal_reader_bytes(reader, len);
}

uint64_t
shoal_reader_var_long(struct shoal_reader *reader, uint64_t max)
{
	uint64_t value = 0;
	unsigned shift;

	for (shift = 0; shift < 64; shift += 7) {
		uint8_t byte = shoal_reader_u8(reader);

		if (reader->failed) {
			return 0;
		}
		/* The tenth byte has room for one bit; a zero at the end means that a shorter form
		 * exists. */
		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
			break;
		}
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			if (value > max) {
				break;
			}
			return value;
		}
	}
	shoal_reader_fail(reader);
	return 0;
}
