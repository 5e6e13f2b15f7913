/* SPDX-License-Identifier: MIT */
/* How many datagrams are looked at, and how much is tried to be opened. */
#ifndef SHOAL_CORE_BUDGET_H
#define SHOAL_CORE_BUDGET_H

#include <shoal/core.h>

/* Buckets of current members; where there are more members, some share one. */
#define SHOAL_BUDGET_BUCKETS 1024
#define SHOAL_FAILED_BUCKETS 64
#define SHOAL_REPLY_SHARES   256 /* told apart by address */

struct shoal_core;
struct shoal_sealed_by;

/* A token bucket as the time until which it is spent: what was taken ahead of it is paid by then.
 */
struct shoal_budgets {
	uint64_t common;
	uint64_t member[SHOAL_BUDGET_BUCKETS]; /* by slot */
	uint64_t newcomers;                    /* sealed datagrams of senders that are not known */
	uint64_t failed; /* bytes on streams that did not open, of such senders */
	uint64_t failed_of[2][SHOAL_FAILED_BUCKETS]; /* datagrams, and bytes on streams, that did
	                                              * not open, of those that are; by salt */
	/* Sealed answers to what may be anybody's copy: what came before, and what is for another
	 * instance or none. Each address has a share in both. */
	uint64_t replies[2];
	uint64_t replies_to[SHOAL_REPLY_SHARES];
};

/* Whether a datagram is within its sender's budget. Reads no further than the sender's id. */
bool shoal_budget_takes(struct shoal_core *core, const struct shoal_input *input, uint64_t now);

/* Whether a sealed packet may cost a try to open it; and that it did, and brought nothing. The
 * answer to an own request always may. A sender is known where a packet under its salt has opened
 * lately, and the last one came from the same IP address. SHOAL_ERR_LIMIT; SHOAL_ERR_TOO_BIG: a
 * message above SHOAL_FIRST_MAX of one that is not known. */
int shoal_budget_opens(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_sealed_by *by, uint64_t now);
void shoal_budget_failed(struct shoal_core *core, enum shoal_input_kind kind, size_t size,
        const struct shoal_sealed_by *by, uint64_t now);

/* Whether a request that opened, and has come before (again) or is for another instance or none,
 * may be answered sealed: who repeats what passes must not move the counter of this member out of
 * windows. What one address repeats leaves others their answers. */
bool shoal_budget_replies(struct shoal_core *core, const struct shoal_addr *to, bool again);

/* A token bucket, as above: whether it holds one more; takes it. */
bool shoal_budget_affords(uint64_t spent, uint64_t now, uint32_t rate, uint32_t burst);
void shoal_budget_spend(uint64_t *spent, uint64_t now, uint32_t rate);

#endif
