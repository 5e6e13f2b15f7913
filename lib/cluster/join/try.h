/* SPDX-License-Identifier: MIT */
/* One try of one seed: its name is resolved and every address that this gives is joined. */
#ifndef SHOAL_CLUSTER_TRY_H
#define SHOAL_CLUSTER_TRY_H

#include "cluster/cluster.h"

#define SHOAL_TRY_ADDRS_MAX         32 /* of a name that are tried */
#define SHOAL_TRY_TARGETS_MAX       16 /* hosts of a service that are */
#define SHOAL_TRY_TARGET_ADDRS_MAX  4  /* and of each its addresses */
#define SHOAL_TRY_SERVICE_ADDRS_MAX (SHOAL_TRY_TARGETS_MAX * SHOAL_TRY_TARGET_ADDRS_MAX)

struct shoal_try;

enum shoal_try_result {
	SHOAL_TRY_REACHED,
	SHOAL_TRY_SELF, /* every address leads to this member                                    */
	SHOAL_TRY_REJECTED, /* none was reached, and one at least answered with a refusal */
	SHOAL_TRY_FAILED
};

/* The end; `why` lists each address with its reason. The try is freed after the call. */
typedef void (*shoal_try_fn)(void *arg, const struct shoal_try *try, const char *seed,
        enum shoal_try_result result, const char *why);

/* Whether text has the form of a seed. SHOAL_ERR_INVALID, SHOAL_ERR_UNSUPPORTED; why says what is
 * allowed. */
SHOAL_MUST_USE int shoal_try_check(const char *seed, char *why, size_t len);

/* Whether a member with these settings has what it takes to reach one of this form.
 * SHOAL_ERR_UNSUPPORTED; why says what to do. */
SHOAL_MUST_USE int shoal_try_fits(
        const struct shoal_settings *settings, const char *seed, char *why, size_t len);

/* The seed was checked, and fits. fn comes from shoal_try_reap, exactly once, unless the try is
 * dropped. ms: until it is expired. again: it was tried before, and the log has heard what it is.
 * SHOAL_ERR_NOMEM. */
SHOAL_MUST_USE int shoal_try_begin(struct shoal_try **try, struct shoal_cluster *cluster,
        const char *seed, uint64_t ms, bool again, shoal_try_fn fn, void *arg);
/* What is still open counts as timed out: it ends with the next reap. */
void shoal_try_expire(struct shoal_try *try);
/* Frees it without fn. Requests in flight are left to end unheard. */
void shoal_try_drop(struct shoal_try *try);

/* The core answered one of our joins. */
void shoal_try_joined(struct shoal_cluster *cluster, const struct shoal_event *event);
/* Once a turn: asks the core to join what it was not asked for yet. */
void shoal_try_pump(struct shoal_cluster *cluster);
/* Once a turn, after publication: ends what has ended. */
void shoal_try_reap(struct shoal_cluster *cluster);
/* Forgets the requests in flight: the core has ended. */
void shoal_try_forget(struct shoal_cluster *cluster);

#endif
