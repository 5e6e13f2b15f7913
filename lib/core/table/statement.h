/* SPDX-License-Identifier: MIT */
/* Statements about members, their order (merge), and what an observer does with one (admission).
 * Both are pure functions and the only places where these rules stand; docs/protocol.md has them as
 * tables. */
#ifndef SHOAL_CORE_STATEMENT_H
#define SHOAL_CORE_STATEMENT_H

#include <shoal/types.h>

/* Remembered, and no member any more. */
static inline bool
shoal_state_is_gone(enum shoal_state state)
{
	return state == SHOAL_STATE_DEAD || state == SHOAL_STATE_LEFT;
}

/* What the order looks at. */
struct shoal_claim {
	uint64_t incarnation;
	uint64_t salt; /* short form */
	enum shoal_state state;
};

/* <0, 0, >0: incarnation, then salt, then alive < suspect < dead < leaving < left. */
int shoal_claim_compare(const struct shoal_claim *a, const struct shoal_claim *b);

/* Merge: the greater of two. Commutative, associative, idempotent. */
struct shoal_claim shoal_claim_merge(const struct shoal_claim *a, const struct shoal_claim *b);

/* What this observer knows when the statement comes. */
struct shoal_view {
	bool known; /* there is a record, its state may be unknown                      */
	bool self;  /* the statement is about this observer                             */
	struct shoal_claim held; /* known */
	bool doubted;            /* held suspect, at what is held, for at least half the minimum */
	bool settled;   /* held left, and no event told of that, or it was tried here in vain */
	bool credulous; /* a told death counts at once here (profile.verify_deaths 0) */
};

/* What matters of the statement besides the claim. */
struct shoal_told {
	struct shoal_claim claim;
	bool full;    /* it carries name and addresses  */
	bool fresh;   /* its subject was heard recently enough (hearsay rule) */
	bool refused; /* dead by a verdict that is younger than anything heard of this instance */
};

enum shoal_verdict {
	SHOAL_VERDICT_STALE = 0, /* older than what is held */
	SHOAL_VERDICT_SAME,   /* what is held; a suspicion may gain an accuser                    */
	SHOAL_VERDICT_APPLY,  /* take it over                                                     */
	SHOAL_VERDICT_IGNORE, /* unknown subject or instance, and not enough told to know it */
	SHOAL_VERDICT_VERIFY, /* a death that is checked here before it counts                    */
	SHOAL_VERDICT_CHECK,  /* hearsay: probe the subject before it counts                      */
	SHOAL_VERDICT_BURY,   /* unknown and dead or left: remember it without an event           */
	SHOAL_VERDICT_ANSWER, /* older than the tombstone held: tell it back                      */
	SHOAL_VERDICT_REFUTE, /* about this member, and it must be contradicted                   */
	SHOAL_VERDICT_REMIND  /* about this member, old: the teller needs the newest              */
};

/* Admission. */
enum shoal_verdict shoal_statement_admit(
        const struct shoal_view *view, const struct shoal_told *told);

#endif
