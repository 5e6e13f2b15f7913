/* SPDX-License-Identifier: MIT */
/* SipHash-2-4 with 64 bits of output (Aumasson and Bernstein 2012, section 2). Words are
 * little-endian by definition, combined by shifts: the same number on every machine. The tables
 * hash ids and addresses with it, so the whole state lives in registers and nothing is buffered. */
#include "base/hash.h"

struct sip {
	uint64_t a, b, c, d;
};

static inline uint64_t
rotl(uint64_t value, unsigned n)
{
	return value << n | value >> (64 - n);
}

static inline void
sip_round(struct sip *v)
{
	v->a += v->b;
	v->c += v->d;
	v->b = rotl(v->b, 13) ^ v->a;
	v->d = rotl(v->d, 16) ^ v->c;
	v->a = rotl(v->a, 32);
	v->c += v->b;
	v->a += v->d;
	v->b = rotl(v->b, 17) ^ v->c;
	v->d = rotl(v->d, 21) ^ v->a;
	v->c = rotl(v->c, 32);
}

static inline void
sip_word(struct sip *v, uint64_t word)
{
	v->d ^= word;
	sip_round(v);
	sip_round(v);
	v->a ^= word;
}

/* Written out, so that the compiler sees one load. */
static inline uint64_t
load_word(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
	       (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
	       (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

/* Fewer than 8 bytes, and the length above them. */
static inline uint64_t
load_last(const uint8_t *at, size_t left, size_t len)
{
	uint64_t word = (uint64_t)len << 56;

	while (left > 0) {
		left--;
		word |= (uint64_t)at[left] << 8 * left;
	}
	return word;
}

uint64_t
shoal_hash_sip(const uint64_t key[2], const void *data, size_t len)
{
	const uint8_t *at = data;
	struct sip v = {
	        key[0] ^ UINT64_C(0x736f6d6570736575),
	        key[1] ^ UINT64_C(0x646f72616e646f6d),
	        key[0] ^ UINT64_C(0x6c7967656e657261),
	        key[1] ^ UINT64_C(0x7465646279746573),
	};
	size_t left;

	for (left = len; left >= 8; left -= 8, at += 8) {
		sip_word(&v, load_word(at));
	}
	sip_word(&v, load_last(at, left, len));
	v.c ^= 0xff;
	for (unsigned i = 0; i < 4; i++) {
		sip_round(&v);
	}
	return v.a ^ v.b ^ v.c ^ v.d;
}
