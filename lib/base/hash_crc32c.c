/* SPDX-License-Identifier: MIT */
/* CRC32C by the processor's own instruction, where an x86-64 has it; else by slicing-by-8 (Kounavis
 * and Berry 2005): eight bytes a turn through eight tables, about one cycle a byte. Bytes are
 * combined by shifts there, so the result does not depend on the machine's byte order, and any
 * alignment will do. */
#include "base/hash.h"

#include <stdbool.h>

#include "base/hash_crc32c_table.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <stdatomic.h>
#include <string.h>

/* Asking the processor takes as long as a packet's checksum, so the answer is kept. Threads that
 * ask at once get the same one. */
static bool
has_instruction(void)
{
	enum {
		UNKNOWN = 0,
		YES,
		NO
	};
	static atomic_uchar kept = UNKNOWN;
	unsigned char known = atomic_load_explicit(&kept, memory_order_relaxed);

	if (known == UNKNOWN) {
		unsigned a, b, c = 0, d;
		known = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0 ? YES : NO;
		atomic_store_explicit(&kept, known, memory_order_relaxed);
	}
	return known == YES;
}

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
	uint64_t value = ~crc;

	for (; len >= 8; len -= 8, at += 8) {
		uint64_t word;
		memcpy(&word, at, sizeof word);
		value = __builtin_ia32_crc32di(value, word);
	}
	crc = (uint32_t)value;
	if (len >= 4) {
		uint32_t word;
		memcpy(&word, at, sizeof word);
		crc = __builtin_ia32_crc32si(crc, word);
		len -= 4;
		at += 4;
	}
	for (; len > 0; len--, at++) {
		crc = __builtin_ia32_crc32qi(crc, *at);
	}
	return ~crc;
}
#else
static bool
has_instruction(void)
{
	return false;
}

static uint32_t
by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
	(void)at;
	(void)len;
	return crc;
}
#endif

static uint32_t
load_le32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t
shoal_hash_crc32c_by_table(uint32_t crc, const void *data, size_t len)
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

uint32_t
shoal_hash_crc32c(uint32_t crc, const void *data, size_t len)
{
	return has_instruction() ? by_instruction(crc, data, len)
	                         : shoal_hash_crc32c_by_table(crc, data, len);
}
