/* SPDX-License-Identifier: MIT */
/* Names that the application is asked for, until it answers. */
#ifndef SHOAL_CLUSTER_QUESTION_H
#define SHOAL_CLUSTER_QUESTION_H

#include "base/slab.h"
#include "cluster/loop/callbacks.h"

#include <shoal/resolver.h>

struct shoal_cluster;
struct shoal_lookup;

/* Under the cluster's lock. */
struct shoal_questions {
	struct shoal_slab asked;   /* see question.c */
	struct shoal_list answers; /* that the loop has not taken */
	unsigned asked_ms;         /* how long a question lasts */
	uint32_t round;            /* in the upper half of tickets: none comes twice */
	/* Of the loop's thread: what is asked of name servers, see lookup.c. */
	struct shoal_list waiting[2];
	size_t out[2];
};

/* What it said. Borrowed for the call. */
struct shoal_question_answer {
	int code;
	const char *why;
	const struct shoal_addr *addr;
	struct shoal_service *service; /* to be put in order */
	size_t n;
};

void shoal_question_init(struct shoal_cluster *cluster);
void shoal_question_done(struct shoal_cluster *cluster);

/* The loop's thread. Asks; the answer goes to shoal_lookup_answered. SHOAL_ERR_LIMIT, _NOMEM. */
SHOAL_MUST_USE int shoal_question_ask(struct shoal_cluster *cluster, struct shoal_lookup *lookup,
        enum shoal_name_kind kind, const char *name, uint64_t *ticket);
/* Nobody waits for the answer any more. */
void shoal_question_forget(struct shoal_cluster *cluster, uint64_t ticket);
/* Tells the lookups what was answered. */
void shoal_question_take(struct shoal_cluster *cluster);

/* The callbacks' thread: asks the application; dropped: it is only released. */
void shoal_question_call(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped);

/* lookup.c */
void shoal_lookup_answered(struct shoal_lookup *lookup, const struct shoal_question_answer *answer);

#endif
