/* SPDX-License-Identifier: MIT */
/* Leaving: the core tells the others and answers with ENDED; then everything stops.
 *
 * The core gives up by the profile's leave_timeout_ms, which it tells with the statement; a shorter
 * timeout of the caller ends it here. Either way the cluster is stopped afterwards: a leave cannot
 * be taken back, since others may have heard of it. Joins that are under way are canceled. */
#include "cluster/depart.h"

#include "cluster/join.h"
#include "cluster/loop.h"

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;

	(void)fd;
	(void)what;
	cluster->ended = true;
	cluster->ended_code = SHOAL_ERR_TIMEOUT;
	shoal_loop_touch(cluster);
}

static int
arm(struct shoal_cluster *cluster, unsigned timeout_ms)
{
	struct timeval in = {.tv_sec = (time_t)(timeout_ms / 1000),
	        .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};

	if (timeout_ms == 0) {
		return 0;
	}
	cluster->leave_timer = event_new(cluster->base, -1, 0, on_timeout, cluster);
	if (cluster->leave_timer == NULL || event_add(cluster->leave_timer, &in) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	return 0;
}

static void
refuse(struct shoal_op *op, int code)
{
	shoal_op_say(op, "leave: %s", shoal_strerror(code));
	shoal_op_finish(op, code);
}

void
shoal_depart_begin(struct shoal_op *op)
{
	struct shoal_cluster *cluster = op->cluster;
	struct shoal_input input = {.kind = SHOAL_INPUT_LEAVE};
	int rc;

	if (cluster->leave != NULL || cluster->ended) {
		refuse(op, SHOAL_ERR_STATE);
		return;
	}
	rc = arm(cluster, op->timeout_ms);
	if (rc == 0) {
		rc = shoal_loop_input(cluster, &input);
	}
	if (rc != 0) {
		if (cluster->leave_timer != NULL) {
			event_free(cluster->leave_timer);
		}
		cluster->leave_timer = NULL;
		refuse(op, rc);
		return;
	}
	cluster->leave = op;
	pthread_mutex_lock(&cluster->lock);
	cluster->state = SHOAL_CLUSTER_LEAVING;
	pthread_cond_broadcast(&cluster->changed);
	pthread_mutex_unlock(&cluster->lock);
	shoal_join_cancel(cluster, SHOAL_ERR_CANCELED);
}

void
shoal_depart_end(struct shoal_cluster *cluster, int code)
{
	struct shoal_op *op = cluster->leave;

	if (cluster->leave_timer != NULL) {
		event_free(cluster->leave_timer);
	}
	cluster->leave_timer = NULL;
	cluster->leave = NULL;
	if (op == NULL) {
		return;
	}
	if (code == SHOAL_ERR_TIMEOUT) {
		shoal_op_say(op, "leave: nobody confirmed it in time");
	} else if (code != 0) {
		shoal_op_say(op, "leave: %s", shoal_strerror(code));
	}
	shoal_op_finish(op, code);
}

static int
new_leave(struct shoal_op **op, struct shoal_cluster *cluster, unsigned timeout_ms,
        shoal_done_fn fn, void *arg)
{
	if (cluster == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "leave: cluster is NULL");
	}
	return shoal_op_new(op, cluster, SHOAL_OP_LEAVE, timeout_ms, fn, arg);
}

int
shoal_cluster_leave(struct shoal_cluster *cluster, unsigned timeout_ms)
{
	struct shoal_op *op;
	int rc = cluster != NULL ? shoal_cluster_may_block(cluster, "leave") : 0;

	if (rc == 0) {
		rc = new_leave(&op, cluster, timeout_ms, NULL, NULL);
	}
	if (rc != 0) {
		return rc;
	}
	op->waited = true;
	rc = shoal_op_post(op);
	return rc != 0 ? rc : shoal_op_wait(op, NULL);
}

int
shoal_cluster_leave_async(
        struct shoal_cluster *cluster, unsigned timeout_ms, shoal_done_fn fn, void *arg)
{
	struct shoal_op *op;
	int rc = new_leave(&op, cluster, timeout_ms, fn, arg);

	return rc != 0 ? rc : shoal_op_post(op);
}
