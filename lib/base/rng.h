/* SPDX-License-Identifier: MIT */
/* PCG32 (O'Neill 2014, XSH RR 64/32): the random choices of a core, from its seed. Not for secrets.
 */
#ifndef SHOAL_BASE_RNG_H
#define SHOAL_BASE_RNG_H

#include <stdint.h>

struct shoal_rng {
	uint64_t state, stream;
};

void shoal_rng_init(struct shoal_rng *rng, uint64_t seed, uint64_t stream);
uint32_t shoal_rng_u32(struct shoal_rng *rng);
uint64_t shoal_rng_u64(struct shoal_rng *rng);
/* 0 to n - 1 without bias; n is above 0. */
uint32_t shoal_rng_below(struct shoal_rng *rng, uint32_t n);
/* low to high, both included. */
uint64_t shoal_rng_between(struct shoal_rng *rng, uint64_t low, uint64_t high);

#endif
