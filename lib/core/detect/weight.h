/* SPDX-License-Identifier: MIT */
/* How much an accusation counts: less from a member whose accusations were mostly refuted. */
#ifndef SHOAL_CORE_WEIGHT_H
#define SHOAL_CORE_WEIGHT_H

#include <shoal/types.h>

/* The weight of an accuser without a record, in Q8. */
#define SHOAL_WEIGHT_FULL 256u
/* Accusers whose record is kept. */
#define SHOAL_WEIGHTS_MAX 32

struct shoal_core;
struct shoal_hold;

struct shoal_weight {
	struct shoal_id id;
	uint64_t at;
	uint32_t lost; /* Q8, at that time */
};

struct shoal_weights {
	struct shoal_weight item[SHOAL_WEIGHTS_MAX];
	uint32_t count;
};

/* Q8: 0 for one that is no member here, else from half to full. */
uint32_t shoal_weight_of(const struct shoal_core *core, const struct shoal_id *accuser);

/* How a suspicion ended, for those who accused. */
void shoal_weight_judge(struct shoal_core *core, const struct shoal_hold *hold, bool refuted);

#endif
