/* SPDX-License-Identifier: MIT */
/* Waiting for members as an operation, for those who may not block.
 *
 * The members are counted once a turn, when the snapshot with them is published, so that the list
 * shows them when the end is told. A wait whose time is over is judged in the same place: enough
 * members that came in its last turn are enough. Leaving and stopping cancel it. */
#include "cluster/loop/wait.h"

#include "cluster/loop/loop.h"

#include <time.h>

uint64_t
shoal_cluster_deadline(unsigned timeout_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return SHOAL_SEC(now.tv_sec) + (uint64_t)now.tv_nsec + SHOAL_MS(timeout_ms);
}

bool
shoal_cluster_wait(struct shoal_cluster *cluster, uint64_t deadline_ns)
{
	struct timespec until = {.tv_sec = (time_t)(deadline_ns / SHOAL_SEC(1)),
	        .tv_nsec = (long)(deadline_ns % SHOAL_SEC(1))};

	return pthread_cond_timedwait(&cluster->changed, &cluster->lock, &until) == 0;
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_op *op = arg;

	(void)fd;
	(void)what;
	op->late = true;
	shoal_loop_touch(op->cluster);
}

static void
end(struct shoal_op *op, int code)
{
	shoal_list_remove(&op->node);
	if (op->timer != NULL) {
		event_free(op->timer);
	}
	op->timer = NULL;
	shoal_op_finish(op, code);
}

void
shoal_wait_begin(struct shoal_op *op)
{
	struct shoal_cluster *cluster = op->cluster;
	struct timeval in = {.tv_sec = (time_t)(op->timeout_ms / 1000),
	        .tv_usec = (suseconds_t)(op->timeout_ms % 1000) * 1000};
	int rc = cluster->leave != NULL || cluster->ended ? SHOAL_ERR_CANCELED : 0;

	shoal_list_push_back(&cluster->waits, &op->node);
	op->timer = event_new(cluster->base, -1, 0, on_timeout, op);
	if (rc == 0 && (op->timer == NULL || event_add(op->timer, &in) != 0)) {
		rc = SHOAL_ERR_NOMEM;
	}
	if (rc != 0) {
		shoal_op_say(op, "wait: %s", shoal_strerror(rc));
		end(op, rc);
		return;
	}
	shoal_loop_touch(cluster);
}

void
shoal_wait_cancel(struct shoal_cluster *cluster, int code)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->waits) {
		struct shoal_op *op = SHOAL_LIST_ITEM(node, struct shoal_op, node);

		shoal_op_say(op, "wait: the cluster is leaving or has stopped");
		end(op, code);
	}
}

void
shoal_wait_cancel_marked(struct shoal_cluster *cluster)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->waits) {
		struct shoal_op *op = SHOAL_LIST_ITEM(node, struct shoal_op, node);

		if (shoal_op_canceled(op)) {
			op->reached = cluster->alive;
			end(op, SHOAL_ERR_CANCELED);
		}
	}
}

void
shoal_wait_reap(struct shoal_cluster *cluster)
{
	size_t alive = cluster->alive; /* this thread's to write */

	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->waits) {
		struct shoal_op *op = SHOAL_LIST_ITEM(node, struct shoal_op, node);

		op->reached = alive;
		if (alive >= op->wanted) {
			end(op, 0);
		} else if (op->late) {
			shoal_op_say(op, "wait: %zu of %zu members are alive after %u ms", alive,
			        op->wanted, op->timeout_ms);
			end(op, SHOAL_ERR_TIMEOUT);
		}
	}
}

int
shoal_cluster_wait_async(
        struct shoal_cluster *cluster, size_t n, unsigned timeout_ms, shoal_done_fn fn, void *arg)
{
	struct shoal_op *op;
	int rc = shoal_op_new(&op, cluster, SHOAL_OP_WAIT, timeout_ms, fn, arg);

	if (rc != 0) {
		return rc;
	}
	op->wanted = n;
	return shoal_op_post(op);
}
