/* SPDX-License-Identifier: MIT */
/* The parts of a try: try.c has its course, target.c its hosts. */
#ifndef SHOAL_CLUSTER_TARGET_H
#define SHOAL_CLUSTER_TARGET_H

#include "cluster/join/lookup.h"
#include "cluster/join/seed.h"
#include "cluster/join/try.h"
#include "cluster/report/reasons.h"

#include <event2/event_struct.h>

/* A host, or the address itself. */
struct shoal_target {
	struct shoal_list node;
	struct shoal_try *try;
	struct shoal_lookup *lookup; /* while its name is looked up */
	char host[SHOAL_HOST_MAX + 1];
	char url[SHOAL_URL_TEXT]; /* of a member there; "": it is reached by sockets */
	uint16_t port, priority;
	bool entered;             /* its name was looked up */
	size_t most, count, next; /* addresses, and those that the core was asked for */
	struct shoal_addr addr[];
};

struct shoal_try {
	struct shoal_list node;
	struct shoal_cluster *cluster;
	shoal_try_fn fn;
	void *arg;
	enum shoal_seed_form form;
	struct shoal_lookup *lookup; /* while the hosts of its service are looked up */
	struct shoal_list targets;   /* in the order to be tried */
	struct event pause;
	uint64_t pause_ns, next_at; /* not before, while an answer is awaited */
	uint64_t patient_until;     /* those of the next priority not before, likewise */
	uint64_t ends_at;
	size_t open; /* of what the core was asked for: without an answer */
	size_t self, reached, rejected;
	bool expired;
	enum shoal_log_level left_out; /* of the line that says what is not tried */
	struct shoal_reasons why;
	char seed[]; /* as the user wrote it */
};

/* Whether its seed is one, whose hosts DNS or the application names. */
bool shoal_target_is_service(const struct shoal_try *try);
/* One more, behind the others. most: of its addresses. NULL: no memory. */
struct shoal_target *shoal_target_add(
        struct shoal_try *try, const char *host, uint16_t port, size_t most);
/* Its turn has come: its name is looked up, unless it is a number. */
void shoal_target_enter(struct shoal_target *target);
/* What is left of it has no time any more. */
void shoal_target_expire(struct shoal_target *target);
void shoal_target_free(struct shoal_target *target);

/* One more reason; addr NULL: of the host itself. */
void shoal_target_say(const struct shoal_target *target, const struct shoal_addr *addr, int code,
        const char *detail);

/* try.c: it has something to do in the next turn. */
void shoal_try_wake(struct shoal_try *try);

#endif
