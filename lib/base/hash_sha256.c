/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4, sections 5 and 6.2). Used where a name becomes an id and where a subkey is
 * derived, once a member each: plain and small rather than fast. Invariant: block holds total % 64
 * bytes that wait for the rest of their block. */
#include "base/hash.h"

#include <string.h>

#include "base/wipe.h"

/* FIPS 180-4, 4.2.2: fractional parts of the cube roots of the first 64 primes. */
static const uint32_t round_constant[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
        0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
        0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
        0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
        0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
        0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
        0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3,
        0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
        0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* FIPS 180-4, 5.3.3: fractional parts of the square roots of the first 8 primes. */
static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
        0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static inline uint32_t
rotr(uint32_t value, unsigned n)
{
	return value >> n | value << (32 - n);
}

static void
schedule(uint32_t w[64], const uint8_t block[64])
{
	size_t i;

	for (i = 0; i < 16; i++, block += 4) {
		w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
		       (uint32_t)block[2] << 8 | block[3];
	}
	for (; i < 64; i++) {
		uint32_t x = w[i - 15], y = w[i - 2];

		w[i] = w[i - 16] + (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) + w[i - 7] +
		       (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10);
	}
}

static void
compress(uint32_t state[8], const uint8_t block[64])
{
	uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	size_t i;

	schedule(w, block);
	for (i = 0; i < 64; i++) {
		uint32_t t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) +
		              round_constant[i] + w[i];
		uint32_t t2 =
		        (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
	shoal_wipe(w, sizeof w); /* the block may have been a key */
}

void
shoal_sha256_init(struct shoal_sha256 *sha)
{
	*sha = (struct shoal_sha256){.total = 0};
	memcpy(sha->state, initial, sizeof(initial));
}

void
shoal_sha256_update(struct shoal_sha256 *sha, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		size_t held = (size_t)(sha->total % 64), n = 64 - held;

		if (n > len) {
			n = len;
		}
		memcpy(sha->block + held, at, n);
		sha->total += n;
		at += n;
		len -= n;
		if (held + n == 64) {
			compress(sha->state, sha->block);
		}
	}
}

void
shoal_sha256_final(struct shoal_sha256 *sha, uint8_t digest[32])
{
	static const uint8_t padding[64] = {0x80};
	uint64_t bits = sha->total * 8;
	uint8_t length[8];
	size_t held = (size_t)(sha->total % 64), i;

	shoal_sha256_update(sha, padding, held < 56 ? 56 - held : 120 - held);
	for (i = 0; i < 8; i++) {
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	}
	shoal_sha256_update(sha, length, sizeof(length));
	for (i = 0; i < 32; i++) {
		digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
	}
}
