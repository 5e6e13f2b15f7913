/* SPDX-License-Identifier: MIT */
/* HKDF (RFC 5869) over HMAC (RFC 2104) with SHA-256: subkeys from a key. Everything that could tell
 * of the key is wiped before a function returns. Cost: 8 blocks of SHA-256 for a short key, salt
 * and info and up to 32 bytes of output. */
#include "base/hash.h"

#include <string.h>

#include "base/panic.h"
#include "base/wipe.h"

#define BLOCK 64

struct hmac {
	struct shoal_sha256 sha;
	uint8_t outer[BLOCK]; /* the key, padded, as the outer hash begins */
};

static void
hmac_init(struct hmac *hmac, const void *key, size_t len)
{
	uint8_t inner[BLOCK] = {0};

	if (len > BLOCK) {
		shoal_sha256_init(&hmac->sha);
		shoal_sha256_update(&hmac->sha, key, len);
		shoal_sha256_final(&hmac->sha, inner);
	} else if (len > 0) {
		memcpy(inner, key, len);
	}
	for (size_t i = 0; i < BLOCK; i++) {
		hmac->outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	shoal_sha256_init(&hmac->sha);
	shoal_sha256_update(&hmac->sha, inner, BLOCK);
	shoal_wipe(inner, sizeof inner);
}

static void
hmac_final(struct hmac *hmac, uint8_t mac[SHOAL_SHA256_LEN])
{
	uint8_t digest[SHOAL_SHA256_LEN];

	shoal_sha256_final(&hmac->sha, digest);
	shoal_sha256_init(&hmac->sha);
	shoal_sha256_update(&hmac->sha, hmac->outer, BLOCK);
	shoal_sha256_update(&hmac->sha, digest, sizeof digest);
	shoal_sha256_final(&hmac->sha, mac);
	shoal_wipe(digest, sizeof digest);
	shoal_wipe(hmac, sizeof *hmac);
}

void
shoal_hash_hmac(const void *key, size_t key_len, const void *data, size_t len,
        uint8_t mac[SHOAL_SHA256_LEN])
{
	struct hmac hmac;

	hmac_init(&hmac, key, key_len);
	shoal_sha256_update(&hmac.sha, data, len);
	hmac_final(&hmac, mac);
}

/* RFC 5869, 2.3. */
static void
expand(const uint8_t pseudorandom[SHOAL_SHA256_LEN], const void *info, size_t info_len,
        uint8_t *out, size_t len)
{
	uint8_t last[SHOAL_SHA256_LEN];
	size_t held = 0;

	for (uint8_t i = 1; len > 0; i++) {
		struct hmac hmac;
		size_t n = len < sizeof last ? len : sizeof last;

		hmac_init(&hmac, pseudorandom, SHOAL_SHA256_LEN);
		shoal_sha256_update(&hmac.sha, last, held);
		shoal_sha256_update(&hmac.sha, info, info_len);
		shoal_sha256_update(&hmac.sha, &i, 1);
		hmac_final(&hmac, last);
		memcpy(out, last, n);
		held = sizeof last;
		out += n;
		len -= n;
	}
	shoal_wipe(last, sizeof last);
}

/* An empty salt is the same to HMAC as one of 32 zeros (RFC 5869, 2.2): both are padded with zeros
 * to a block. */
void
shoal_hash_hkdf(const struct shoal_hkdf_input *input, uint8_t *out, size_t len)
{
	uint8_t pseudorandom[SHOAL_SHA256_LEN];

	SHOAL_ASSERT(len <= SHOAL_HKDF_MAX);
	shoal_hash_hmac(input->salt, input->salt_len, input->key, input->key_len, pseudorandom);
	expand(pseudorandom, input->info, input->info_len, out, len);
	shoal_wipe(pseudorandom, sizeof pseudorandom);
}
