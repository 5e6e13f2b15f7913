/* SPDX-License-Identifier: MIT */
/* Operations: join, leave, wait and forget, blocking, with a callback or with neither.
 *
 * Those with a callback are in a list from their post to their end, so that they can be canceled
 * from any thread: that sets a mark, which counts until the loop closes the operation, and the loop
 * ends those that it marks. Whoever was told that an operation is canceled hears so at its end.
 *
 * An operation belongs to its caller until it is posted, to the loop until it is finished, and then
 * to whoever is told of the end: the thread that waits for it, or the callbacks' queue. Its end
 * needs no memory, so that it can always be told. A blocking caller waits a little longer than the
 * loop needs; should the loop not run at all (an application's base that nobody dispatches), it
 * goes away with a time-out and leaves the operation behind for the loop to free. */
#include "cluster/loop/operation.h"

#include "base/alloc.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/mailbox.h"

#include <stdarg.h>

#define SLACK_MS 10000

int
shoal_op_new(struct shoal_op **op, struct shoal_cluster *cluster, enum shoal_op_kind kind,
        unsigned timeout_ms, shoal_done_fn fn, void *arg)
{
	struct shoal_op *made;
	bool full;
	int rc = shoal_fork_check(cluster, "operation");

	if (rc != 0) {
		return rc;
	}

	pthread_mutex_lock(&cluster->lock);
	full = cluster->ops >= SHOAL_OPERATIONS_MAX;
	if (!full) {
		cluster->ops++;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (full) {
		return shoal_last_error_set(SHOAL_ERR_AGAIN,
		        "%d operations have not ended yet, try again later", SHOAL_OPERATIONS_MAX);
	}
	made = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*made));
	if (made == NULL) {
		pthread_mutex_lock(&cluster->lock);
		cluster->ops--;
		pthread_mutex_unlock(&cluster->lock);
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	made->call.kind = SHOAL_CALL_DONE;
	made->cluster = cluster;
	made->kind = kind;
	made->timeout_ms = timeout_ms;
	made->fn = fn;
	made->arg = arg;
	*op = made;
	return 0;
}

void
shoal_op_free(struct shoal_op *op)
{
	struct shoal_cluster *cluster = op->cluster;

	shoal_alloc_free(cluster->mem, op->seed);
	shoal_alloc_free(cluster->mem, op->try);
	shoal_alloc_free(cluster->mem, op->again);
	shoal_key_wipe(&op->key, sizeof(op->key));
	shoal_alloc_free(cluster->mem, op);
	pthread_mutex_lock(&cluster->lock);
	cluster->ops--;
	pthread_mutex_unlock(&cluster->lock);
}

int
shoal_op_post(struct shoal_op *op)
{
	struct shoal_cluster *cluster = op->cluster;
	enum shoal_cluster_state state;

	pthread_mutex_lock(&cluster->lock);
	state = cluster->state;
	if (state == SHOAL_CLUSTER_RUNNING) {
		shoal_mailbox_put(cluster, op);
		if (op->fn != NULL) {
			shoal_list_push_back(&cluster->begun, &op->begun);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
	if (state == SHOAL_CLUSTER_RUNNING) {
		return 0;
	}
	shoal_op_free(op);
	return shoal_last_error_set(SHOAL_ERR_STATE, "the cluster is %s, it must be running",
	        shoal_cluster_state_name(state));
}

unsigned
shoal_op_timeout_ms(const struct shoal_op *op)
{
	if (op->timeout_ms > 0) {
		return op->timeout_ms;
	}
	return op->kind == SHOAL_OP_JOIN ? op->cluster->settings.config.profile.exchange_timeout_ms
	                                 : shoal_tuning_leave_ms(op->cluster);
}

int
shoal_op_wait(struct shoal_op *op, size_t *reached)
{
	struct shoal_cluster *cluster = op->cluster;
	uint64_t deadline = shoal_cluster_deadline(shoal_op_timeout_ms(op)) + SHOAL_MS(SLACK_MS);
	bool done;
	int code;

	pthread_mutex_lock(&cluster->lock);
	while (!op->done && shoal_cluster_wait(cluster, deadline)) {
		continue;
	}
	done = op->done;
	op->abandoned = !done;
	pthread_mutex_unlock(&cluster->lock);
	if (!done) {
		return shoal_last_error_set(SHOAL_ERR_TIMEOUT, "the event loop does not run");
	}
	code = op->code;
	if (reached != NULL) {
		*reached = op->reached;
	}
	if (code != 0) {
		shoal_last_error_say("%s", op->why.text);
	}
	shoal_op_free(op);
	return code;
}

void
shoal_op_say(struct shoal_op *op, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	shoal_reasons_vadd(&op->why, format, args);
	va_end(args);
}

bool
shoal_op_canceled(struct shoal_op *op)
{
	bool canceled;

	pthread_mutex_lock(&op->cluster->lock);
	canceled = op->canceled;
	pthread_mutex_unlock(&op->cluster->lock);
	return canceled;
}

bool
shoal_op_close(struct shoal_op *op)
{
	bool canceled;

	pthread_mutex_lock(&op->cluster->lock);
	shoal_list_remove(&op->begun);
	canceled = op->canceled;
	pthread_mutex_unlock(&op->cluster->lock);
	return canceled;
}

void
shoal_op_finish(struct shoal_op *op, int code)
{
	struct shoal_cluster *cluster = op->cluster;
	bool abandoned;

	if (shoal_op_close(op)) {
		code = SHOAL_ERR_CANCELED;
		shoal_reasons_clear(&op->why);
		shoal_op_say(op, "canceled by the application");
	}
	op->code = code;
	if (!op->waited) {
		if (op->fn != NULL) {
			shoal_callbacks_push(&cluster->callbacks, &op->call);
		} else {
			shoal_op_free(op);
		}
		return;
	}
	pthread_mutex_lock(&cluster->lock);
	abandoned = op->abandoned;
	op->done = true;
	pthread_cond_broadcast(&cluster->changed);
	pthread_mutex_unlock(&cluster->lock);
	if (abandoned) {
		shoal_op_free(op);
	}
}

int
shoal_cluster_cancel(struct shoal_cluster *cluster, shoal_done_fn fn, void *arg)
{
	int rc = shoal_fork_check(cluster, "cancel");
	int found = SHOAL_ERR_NOT_FOUND;

	if (rc != 0) {
		return rc;
	}
	if (fn == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "cancel: a function is needed");
	}
	pthread_mutex_lock(&cluster->lock);
	SHOAL_LIST_FOREACH (node, &cluster->begun) {
		struct shoal_op *op = SHOAL_LIST_ITEM(node, struct shoal_op, begun);

		if (op->fn != fn || op->arg != arg || op->canceled) {
			continue;
		}
		op->canceled = op->kind == SHOAL_OP_JOIN || op->kind == SHOAL_OP_WAIT;
		if (op->canceled) {
			found = 0;
		} else if (found != 0) {
			found = SHOAL_ERR_STATE;
		}
	}
	if (found == 0) {
		cluster->cancels = true;
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
	pthread_mutex_unlock(&cluster->lock);
	if (found == SHOAL_ERR_STATE) {
		return shoal_last_error_set(
		        found, "cancel: a leave or an order about keys cannot be taken back");
	}
	return found == 0 ? 0
	                  : shoal_last_error_set(found, "cancel: no operation with this function "
	                                                "and argument is under way");
}

void
shoal_op_done(struct shoal_cluster *cluster, struct shoal_call *call)
{
	struct shoal_op *op = SHOAL_LIST_ITEM(call, struct shoal_op, call);

	if (op->kind == SHOAL_OP_ANSWER) {
		struct shoal_key_answer answer = {.id = op->id,
		        .name = op->name,
		        .code = op->code,
		        .keys = op->held,
		        .key_count = op->keys,
		        .answered = op->reached,
		        .asked = op->wanted};
		op->each(cluster, &answer, op->arg);
		shoal_op_free(op);
		return;
	}
	op->fn(cluster, op->code, op->code != 0 ? op->why.text : "", op->reached, op->arg);
	shoal_op_free(op);
}
