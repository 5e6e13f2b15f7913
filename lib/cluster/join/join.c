/* SPDX-License-Identifier: MIT */
/* Join as an operation: all seeds at once, one end.
 *
 * It ends when every seed has ended, or at its timeout, whichever is first. One reached seed makes
 * it a success. A seed that is this member itself is neither reached nor an error: the same list
 * may be given to every member. Where nothing else is in the list, this member is the cluster's
 * first, and the join has succeeded with none reached. Seeds that were not reached go to the
 * background (background.c), those that refused too; where the application cancels the join, they
 * are taken back. */
#include "cluster/join/join.h"

#include "base/alloc.h"
#include "cluster/join/try.h"
#include "cluster/loop/loop.h"

#include <string.h>

static void
end(struct shoal_op *op, int code)
{
	shoal_list_remove(&op->node);
	if (op->timer != NULL) {
		event_free(op->timer);
	}
	op->timer = NULL;
	if (shoal_op_close(op)) {
		for (size_t i = 0; i < op->seeds; i++) {
			if (op->again[i]) {
				shoal_background_remove(op->cluster, op->seed[i]);
			}
		}
	}
	shoal_op_finish(op, code);
}

static int
code_of(const struct shoal_op *op)
{
	if (op->reached > 0 || op->self == op->seeds) {
		return 0;
	}
	return op->rejected > 0 ? SHOAL_ERR_REJECTED : SHOAL_ERR_NO_SEED;
}

static void
on_tried(void *arg, const struct shoal_try *try, const char *seed, enum shoal_try_result result,
        const char *why)
{
	struct shoal_op *op = arg;
	size_t i = 0;

	while (op->try[i] != try) {
		i++;
	}
	op->try[i] = NULL;
	op->open--;
	if (result == SHOAL_TRY_REACHED) {
		op->reached++;
	} else if (result == SHOAL_TRY_SELF) {
		op->self++;
	} else {
		shoal_op_say(op, "%s", why);
	}
	if (result == SHOAL_TRY_REJECTED) {
		op->rejected++;
		op->again[i] = shoal_background_add_refused(op->cluster, seed);
	} else if (result == SHOAL_TRY_FAILED) {
		op->again[i] = shoal_background_add(op->cluster, seed);
	}
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_op *op = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < op->seeds; i++) {
		if (op->try[i] != NULL) {
			shoal_try_expire(op->try[i]);
		}
	}
}

static int
begin(struct shoal_op *op)
{
	struct shoal_cluster *cluster = op->cluster;
	unsigned ms = shoal_op_timeout_ms(op);
	struct timeval in = {
	        .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	op->timer = event_new(cluster->base, -1, 0, on_timeout, op);
	if (op->timer == NULL || event_add(op->timer, &in) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t i = 0; i < op->seeds; i++) {
		int rc =
		        shoal_try_begin(&op->try[i], cluster, op->seed[i], ms, false, on_tried, op);

		if (rc != 0) {
			return rc;
		}
		op->open++;
	}
	return 0;
}

static void
drop_tries(struct shoal_op *op)
{
	for (size_t i = 0; i < op->seeds; i++) {
		if (op->try[i] != NULL) {
			shoal_try_drop(op->try[i]);
		}
		op->try[i] = NULL;
	}
}

void
shoal_join_begin(struct shoal_op *op)
{
	struct shoal_cluster *cluster = op->cluster;
	int rc = cluster->leave != NULL || cluster->ended ? SHOAL_ERR_CANCELED : 0;

	shoal_list_push_back(&cluster->joins.ops, &op->node);
	if (rc == 0) {
		rc = begin(op);
	}
	if (rc != 0) {
		drop_tries(op);
		shoal_op_say(op, "join: %s", shoal_strerror(rc));
		end(op, rc);
	}
}

void
shoal_join_cancel(struct shoal_cluster *cluster, int code)
{
	shoal_background_stop(cluster);
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->joins.ops) {
		struct shoal_op *op = SHOAL_LIST_ITEM(node, struct shoal_op, node);

		drop_tries(op);
		shoal_reasons_clear(&op->why);
		shoal_op_say(op, "join: the cluster is leaving or has stopped");
		end(op, code);
	}
}

void
shoal_join_cancel_marked(struct shoal_cluster *cluster)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->joins.ops) {
		struct shoal_op *op = SHOAL_LIST_ITEM(node, struct shoal_op, node);

		if (shoal_op_canceled(op)) {
			drop_tries(op);
			end(op, SHOAL_ERR_CANCELED);
		}
	}
}

void
shoal_join_reap(struct shoal_cluster *cluster)
{
	shoal_try_reap(cluster);
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->joins.ops) {
		struct shoal_op *op = SHOAL_LIST_ITEM(node, struct shoal_op, node);

		if (op->open == 0) {
			end(op, code_of(op));
		}
	}
}

/* One allocation: the pointers, then the strings. */
static int
copy_seeds(struct shoal_op *op, const char *const *addrs, size_t n)
{
	const struct shoal_allocator *mem = op->cluster->mem;
	size_t bytes = 0;
	char *at;

	for (size_t i = 0; i < n; i++) {
		bytes += strlen(addrs[i]) + 1;
	}
	op->seed = shoal_alloc(mem, n * sizeof(*op->seed) + bytes);
	op->try = shoal_alloc_zeroed(mem, n, sizeof(struct shoal_try *));
	op->again = shoal_alloc_zeroed(mem, n, sizeof(*op->again));
	if (op->seed == NULL || op->try == NULL || op->again == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	at = (char *)(op->seed + n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(addrs[i]) + 1;

		memcpy(at, addrs[i], len);
		op->seed[i] = at;
		at += len;
	}
	op->seeds = n;
	return 0;
}

int
shoal_seeds_check(const char *const *addrs, size_t n)
{
	char why[256];

	if (addrs == NULL || n == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "join: at least one seed is needed");
	}
	if (n > SHOAL_SEEDS_MAX) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "join: %zu seeds; allowed are at most %d", n, SHOAL_SEEDS_MAX);
	}
	for (size_t i = 0; i < n; i++) {
		int rc;

		if (addrs[i] == NULL) {
			return shoal_last_error_set(SHOAL_ERR_INVALID, "join: seed %zu is NULL", i);
		}
		rc = shoal_try_check(addrs[i], why, sizeof(why));
		if (rc != 0) {
			return shoal_last_error_set(rc, "join: %s", why);
		}
	}
	return 0;
}

static int
new_join(struct shoal_op **op, struct shoal_cluster *cluster, const char *const *addrs, size_t n,
        unsigned timeout_ms, shoal_done_fn fn, void *arg)
{
	int rc = shoal_seeds_check(addrs, n);
	char why[300];

	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = shoal_try_fits(&cluster->settings, addrs[i], why, sizeof(why));
		if (rc != 0) {
			return shoal_last_error_set(rc, "join: %s", why);
		}
	}
	if (rc == 0) {
		rc = shoal_op_new(op, cluster, SHOAL_OP_JOIN, timeout_ms, fn, arg);
	}
	if (rc != 0) {
		return rc;
	}
	rc = copy_seeds(*op, addrs, n);
	if (rc != 0) {
		shoal_op_free(*op);
		return shoal_last_error_set(rc, "join: %s", shoal_strerror(rc));
	}
	return 0;
}

int
shoal_cluster_join(struct shoal_cluster *cluster, const char *const *addrs, size_t n,
        unsigned timeout_ms, size_t *reached)
{
	struct shoal_op *op;
	int rc = shoal_cluster_may_block(cluster, "join");

	if (reached != NULL) {
		*reached = 0;
	}
	if (rc == 0) {
		rc = new_join(&op, cluster, addrs, n, timeout_ms, NULL, NULL);
	}
	if (rc != 0) {
		return rc;
	}
	op->waited = true;
	rc = shoal_op_post(op);
	return rc != 0 ? rc : shoal_op_wait(op, reached);
}

int
shoal_cluster_join_async(struct shoal_cluster *cluster, const char *const *addrs, size_t n,
        unsigned timeout_ms, shoal_done_fn fn, void *arg)
{
	struct shoal_op *op;
	int rc = new_join(&op, cluster, addrs, n, timeout_ms, fn, arg);

	return rc != 0 ? rc : shoal_op_post(op);
}
