/* SPDX-License-Identifier: MIT */
/* Hash functions: SipHash-2-4 (keyed, for tables that a peer can fill), SHA-256 (ids from names),
 * CRC32C (packets). Own, because base knows no library: libshoal-core links libc only. Each is
 * checked against its published vectors. */
#ifndef SHOAL_BASE_HASH_H
#define SHOAL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Aumasson and Bernstein 2012. */
uint64_t shoal_hash_sip(const uint64_t key[2], const void *data, size_t len);

/* FIPS 180-4. */
struct shoal_sha256 {
	uint32_t state[8];
	uint64_t total;
	uint8_t block[64];
};
void shoal_sha256_init(struct shoal_sha256 *sha);
void shoal_sha256_update(struct shoal_sha256 *sha, const void *data, size_t len);
void shoal_sha256_final(struct shoal_sha256 *sha, uint8_t digest[32]);

/* Castagnoli, as in RFC 3720; crc is the result over what came before, 0 at the start. */
uint32_t shoal_hash_crc32c(uint32_t crc, const void *data, size_t len);
/* The same on a machine without an instruction for it. */
uint32_t shoal_hash_crc32c_by_table(uint32_t crc, const void *data, size_t len);

#endif
