/* SPDX-License-Identifier: MIT */
/* CRC32C by slicing-by-8 (Kounavis and Berry 2005): eight bytes a turn through eight tables, about
 * one cycle a byte without special instructions. Bytes are combined by shifts, so the result does
 * not depend on the machine's byte order, and any alignment will do. */
#include "base/hash.h"

#include "base/hash_crc32c_table.h"

static uint32_t
load_le32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t
shoal_hash_crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *at = data;

	crc = ~crc;
	for (; len >= 8; len -= 8, at += 8) {
		uint32_t a = crc ^ load_le32(at), b = load_le32(at + 4);

		crc = crc32c_table[7][a & 0xff] ^ crc32c_table[6][a >> 8 & 0xff] ^
		      crc32c_table[5][a >> 16 & 0xff] ^ crc32c_table[4][a >> 24] ^
		      crc32c_table[3][b & 0xff] ^ crc32c_table[2][b >> 8 & 0xff] ^
		      crc32c_table[1][b >> 16 & 0xff] ^ crc32c_table[0][b >> 24];
	}
	for (; len > 0; len--, at++) {
		crc = crc >> 8 ^ crc32c_table[0][(crc ^ *at) & 0xff];
	}
	return ~crc;
}
