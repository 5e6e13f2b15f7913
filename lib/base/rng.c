/* SPDX-License-Identifier: MIT */
/* PCG32, XSH RR 64/32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically
 * Good Algorithms for Random Number Generation", section 6.3). Seeding and output are those of the
 * author's pcg32_srandom_r and pcg32_random_r. Numbers below a bound by Lemire's multiplication
 * ("Fast Random Integer Generation in an Interval", 2019): one draw and no division in nearly every
 * case. */
#include "base/rng.h"

#include "base/panic.h"

uint32_t
shoal_rng_u32(struct shoal_rng *rng)
{
	uint64_t old = rng->state;
	uint32_t mixed = (uint32_t)(((old >> 18) ^ old) >> 27);
	unsigned turn = (unsigned)(old >> 59);

	rng->state = old * UINT64_C(6364136223846793005) + rng->stream;
	return mixed >> turn | mixed << (-turn & 31);
}

void
shoal_rng_init(struct shoal_rng *rng, uint64_t seed, uint64_t stream)
{
	rng->state = 0;
	rng->stream = stream << 1 | 1;
	shoal_rng_u32(rng);
	rng->state += seed;
	shoal_rng_u32(rng);
}

uint64_t
shoal_rng_u64(struct shoal_rng *rng)
{
	uint64_t high = shoal_rng_u32(rng);

	return high << 32 | shoal_rng_u32(rng);
}

uint32_t
shoal_rng_below(struct shoal_rng *rng, uint32_t n)
{
	uint64_t product;

	SHOAL_ASSERT(n > 0);
	product = (uint64_t)shoal_rng_u32(rng) * n;
	if ((uint32_t)product < n) {
		uint32_t biased = (uint32_t)-n % n;

		while ((uint32_t)product < biased) {
			product = (uint64_t)shoal_rng_u32(rng) * n;
		}
	}
	return (uint32_t)(product >> 32);
}

uint64_t
shoal_rng_between(struct shoal_rng *rng, uint64_t low, uint64_t high)
{
	uint64_t span, value, biased;

	SHOAL_ASSERT(low <= high);
	span = high - low;
	if (span < UINT32_MAX) {
		return low + shoal_rng_below(rng, (uint32_t)span + 1);
	}
	if (span == UINT64_MAX) {
		return shoal_rng_u64(rng);
	}
	span++;
	biased = -span % span;
	do {
		value = shoal_rng_u64(rng);
	} while (value < biased);
	return low + value % span;
}
