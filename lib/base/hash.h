/* SPDX-License-Identifier: MIT */
/* Hash functions: SipHash-2-4 (keyed, for tables that a peer can fill), SHA-256 (ids from names),
 * HMAC and HKDF over it (subkeys), CRC32C (packets). Own, because base knows no library:
 * libshoal-core links libc only. Each is checked against its published vectors. */
#ifndef SHOAL_BASE_HASH_H
#define SHOAL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Aumasson and Bernstein 2012. */
uint64_t shoal_hash_sip(const uint64_t key[2], const void *data, size_t len);

#define SHOAL_SHA256_LEN 32
#define SHOAL_HKDF_MAX   ((size_t)255 * SHOAL_SHA256_LEN)

/* FIPS 180-4. */
struct shoal_sha256 {
	uint32_t state[8];
	uint64_t total;
	uint8_t block[64];
};
void shoal_sha256_init(struct shoal_sha256 *sha);
void shoal_sha256_update(struct shoal_sha256 *sha, const void *data, size_t len);
void shoal_sha256_final(struct shoal_sha256 *sha, uint8_t digest[32]);

/* HMAC-SHA-256 (RFC 2104). Leaves nothing of the key behind. */
void shoal_hash_hmac(const void *key, size_t key_len, const void *data, size_t len,
        uint8_t mac[SHOAL_SHA256_LEN]);

/* A part may be NULL where its length is 0. */
struct shoal_hkdf_input {
	const void *key, *salt, *info;
	size_t key_len, salt_len, info_len;
};

/* HKDF-SHA-256 (RFC 5869): len bytes, at most SHOAL_HKDF_MAX. Leaves nothing of the key behind. */
void shoal_hash_hkdf(const struct shoal_hkdf_input *input, uint8_t *out, size_t len);

/* Castagnoli, as in RFC 3720; crc is the result over what came before, 0 at the start. */
uint32_t shoal_hash_crc32c(uint32_t crc, const void *data, size_t len);
/* The same on a machine without an instruction for it. */
uint32_t shoal_hash_crc32c_by_table(uint32_t crc, const void *data, size_t len);

#endif
