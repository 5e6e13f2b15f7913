/* SPDX-License-Identifier: MIT */
/* Leaving: the core tells the others and answers with ENDED; then everything stops.
 *
 * The core judges the time, the profile's leave_timeout_ms or less: it knows who has confirmed, and
 * says `left` before it gives up. Either way the cluster is stopped afterwards: a leave cannot be
 * taken back, since others may have heard of it. Joins and waits that are under way are canceled.
 */
#include "cluster/join/depart.h"

#include "cluster/config/rekey.h"
#include "cluster/join/join.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/wait.h"

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
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_LEAVE, .timeout_ns = SHOAL_MS(op->timeout_ms)};
	int rc;

	if (cluster->leave != NULL || cluster->ended) {
		refuse(op, SHOAL_ERR_STATE);
		return;
	}
	rc = shoal_loop_input(cluster, &input);
	if (rc != 0) {
		refuse(op, rc);
		return;
	}
	cluster->leave = op;
	pthread_mutex_lock(&cluster->lock);
	cluster->state = SHOAL_CLUSTER_LEAVING;
	pthread_cond_broadcast(&cluster->changed);
	pthread_mutex_unlock(&cluster->lock);
	shoal_join_cancel(cluster, SHOAL_ERR_CANCELED);
	shoal_wait_cancel(cluster, SHOAL_ERR_CANCELED);
	shoal_rekey_cancel(cluster, SHOAL_ERR_CANCELED);
}

void
shoal_depart_end(struct shoal_cluster *cluster, int code)
{
	struct shoal_op *op = cluster->leave;

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

int
shoal_cluster_leave(struct shoal_cluster *cluster, unsigned timeout_ms)
{
	struct shoal_op *op;
	int rc = shoal_cluster_may_block(cluster, "leave");

	if (rc == 0) {
		rc = shoal_op_new(&op, cluster, SHOAL_OP_LEAVE, timeout_ms, NULL, NULL);
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
	int rc = shoal_op_new(&op, cluster, SHOAL_OP_LEAVE, timeout_ms, fn, arg);

	return rc != 0 ? rc : shoal_op_post(op);
}
