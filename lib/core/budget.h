/* SPDX-License-Identifier: MIT */
/* How many datagrams are looked at. */
#ifndef SHOAL_CORE_BUDGET_H
#define SHOAL_CORE_BUDGET_H

#include <shoal/core.h>

/* Buckets of current members; where there are more members, some share one. */
#define SHOAL_BUDGET_BUCKETS 1024

struct shoal_core;

/* A token bucket as the time until which it is spent: what was taken ahead of it is paid by then.
 */
struct shoal_budgets {
	uint64_t common;
	uint64_t member[SHOAL_BUDGET_BUCKETS]; /* by slot */
};

/* Whether a datagram is within its sender's budget. Reads no further than the sender's id. */
bool shoal_budget_takes(struct shoal_core *core, const struct shoal_input *input, uint64_t now);

#endif
