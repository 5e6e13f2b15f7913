/* SPDX-License-Identifier: MIT */
/* A request whose end is waited for. The waiter lives until its end is told, also where nobody
 * waits any more because the callbacks do not run. */
#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/report/last_error.h"

#include <string.h>

/* The end of a request whose time is over comes by the callbacks: they may have much to do. */
#define PATIENCE_MS 1000

struct waiter {
	bool done, abandoned;
	int code;
	void *reply;
	size_t cap, len;
};

static void
on_end(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	struct waiter *waiter = arg;

	pthread_mutex_lock(&cluster->lock);
	bool abandoned = waiter->abandoned;
	if (!abandoned) {
		size_t copied = len < waiter->cap ? len : waiter->cap;

		waiter->done = true;
		waiter->code = code;
		waiter->len = len;
		if (copied > 0) {
			memcpy(waiter->reply, data, copied);
		}
		pthread_cond_broadcast(&cluster->changed);
	}
	pthread_mutex_unlock(&cluster->lock);
	if (abandoned) {
		shoal_alloc_free(cluster->mem, waiter);
	}
}

static int
conclude(const struct waiter *waiter, size_t *reply_len)
{
	if (reply_len != NULL) {
		*reply_len = waiter->code == 0 ? waiter->len : 0;
	}
	if (waiter->code != 0) {
		return shoal_last_error_set(waiter->code, "request: %s",
		        waiter->code == SHOAL_ERR_UNSUPPORTED
		                ? "the member has no handler for requests of this type"
		                : shoal_strerror(waiter->code));
	}
	return waiter->len <= waiter->cap
	               ? 0
	               : shoal_last_error_set(SHOAL_ERR_TOO_BIG,
	                         "request: the reply has %zu bytes, and there is room for %zu",
	                         waiter->len, waiter->cap);
}

int
shoal_request_wait(struct shoal_cluster *cluster, const struct shoal_id *to, uint16_t type,
        const void *data, size_t len, unsigned timeout_ms, void *reply, size_t cap,
        size_t *reply_len)
{
	uint64_t until = shoal_cluster_deadline(timeout_ms) + SHOAL_MS(PATIENCE_MS);
	int rc = shoal_cluster_may_block(cluster, "request_wait");
	struct waiter *waiter;

	if (rc != 0) {
		return rc;
	}
	waiter = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*waiter));
	if (waiter == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "request: out of memory");
	}
	waiter->reply = reply;
	waiter->cap = cap;
	rc = shoal_request(cluster, to, type, data, len, timeout_ms, on_end, waiter, NULL);
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, waiter);
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	while (!waiter->done && shoal_cluster_wait(cluster, until)) {
		continue;
	}
	bool done = waiter->done;
	waiter->abandoned = !done;
	pthread_mutex_unlock(&cluster->lock);
	if (!done) {
		return shoal_last_error_set(
		        SHOAL_ERR_TIMEOUT, "request: no callbacks run, so no end was told");
	}
	rc = conclude(waiter, reply_len);
	shoal_alloc_free(cluster->mem, waiter);
	return rc;
}
