/* SPDX-License-Identifier: MIT */
/* How long a packet is under way.
 *
 * All distributions lie between the two bounds of the link, so that what a bound promises holds for
 * each of them. Normal: the mean of four uniform numbers. Log-normal: by a table of its quantiles,
 * sigma 1, cut at 0.9999, in units of 1/65535 of the span: 32 steps, the last of them in 32 steps
 * again, and once more, because the tail is what matters. The latency that a way keeps is a mix of
 * seed and way, so that it needs no memory and stays when the link changes. O(1). */
#include "sim/world.h"

#define STEPS 32
#define FINER 3

static const uint16_t tail[FINER][STEPS + 1] = {
        {0, 247, 343, 426, 503, 579, 655, 731, 810, 891, 975, 1063, 1156, 1254, 1358, 1470, 1590,
                1719, 1861, 2015, 2186, 2377, 2592, 2837, 3121, 3456, 3860, 4365, 5022, 5939, 7372,
                10240, 65535},
        {10240, 10385, 10536, 10694, 10858, 11030, 11211, 11401, 11600, 11810, 12032, 12267, 12517,
                12783, 13067, 13372, 13701, 14056, 14442, 14864, 15330, 15846, 16425, 17081, 17834,
                18715, 19768, 21064, 22729, 25006, 28480, 35193, 65535},
        {35193, 35525, 35871, 36230, 36606, 36998, 37407, 37837, 38288, 38762, 39262, 39790, 40349,
                40943, 41577, 42254, 42981, 43765, 44615, 45542, 46559, 47683, 48937, 50352, 51970,
                53851, 56085, 58817, 62296, 65535, 65535, 65535, 65535}};

/* A share of the span, 0 to 65535. */
static uint32_t
draw_tail(struct shoal_rng *rng)
{
	uint32_t level = 0, step = shoal_rng_below(rng, STEPS), from, to;

	while (step == STEPS - 1 && level < FINER - 1) {
		step = shoal_rng_below(rng, STEPS);
		level++;
	}
	from = tail[level][step];
	to = tail[level][step + 1];
	return from + shoal_rng_below(rng, to - from + 1);
}

static uint32_t
draw_normal(struct shoal_rng *rng)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 4; i++) {
		sum += shoal_rng_below(rng, 65536);
	}
	return sum / 4;
}

static uint64_t
draw(struct shoal_rng *rng, const struct shoal_sim_link *link)
{
	uint64_t span = link->latency_max_ns - link->latency_min_ns;
	uint32_t share;

	if (link->latency == SHOAL_SIM_LATENCY_UNIFORM) {
		return shoal_rng_between(rng, link->latency_min_ns, link->latency_max_ns);
	}
	share = link->latency == SHOAL_SIM_LATENCY_NORMAL ? draw_normal(rng) : draw_tail(rng);
	return link->latency_min_ns + span / 65535 * share + span % 65535 * share / 65535;
}

uint64_t
shoal_sim_latency(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	const struct shoal_sim_link *link = &sim->link;
	struct shoal_rng way;
	uint64_t ns;

	if (from == to) {
		return SHOAL_US(10);
	}
	if (link->latency_per_packet) {
		ns = draw(&sim->rng, link);
	} else {
		shoal_rng_init(&way, sim->config.seed, (uint64_t)from << 32 | to);
		ns = draw(&way, link);
	}
	return ns + (link->jitter_ns != 0 ? shoal_rng_between(&sim->rng, 0, link->jitter_ns) : 0);
}
