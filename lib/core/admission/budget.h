/* SPDX-License-Identifier: MIT */
/* How many datagrams are looked at, and how much is tried to be opened. */
#ifndef SHOAL_CORE_BUDGET_H
#define SHOAL_CORE_BUDGET_H

#include <shoal/core.h>

/* Buckets of current members; where there are more members, some share one. */
#define SHOAL_BUDGET_BUCKETS 1024
#define SHOAL_FAILED_BUCKETS 64

struct shoal_core;
struct shoal_sealed_by;

/* A token bucket as the time until which it is spent: what was taken ahead of it is paid by then.
 */
struct shoal_budgets {
	uint64_t common;
	uint64_t member[SHOAL_BUDGET_BUCKETS]; /* by slot */
	uint64_t newcomers; /* sealed datagrams of senders of whom none has opened lately */
	uint64_t failed;    /* bytes on streams that did not open, of such senders */
	uint64_t failed_of[SHOAL_FAILED_BUCKETS]; /* the same of others, by salt */
};

/* Whether a datagram is within its sender's budget. Reads no further than the sender's id. */
bool shoal_budget_takes(struct shoal_core *core, const struct shoal_input *input, uint64_t now);

/* Whether a sealed packet may cost a try to open it; and what one on a stream did cost that did not
 * open. The answer to an own request always may. */
bool shoal_budget_opens(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_sealed_by *by, uint64_t now);
void shoal_budget_failed(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_sealed_by *by, uint64_t now);

#endif
