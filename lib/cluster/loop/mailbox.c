/* SPDX-License-Identifier: MIT */
/* The mailbox: what other threads want of the loop.
 *
 * A thread puts its operation into the list under the cluster's lock, and writes to the eventfd
 * when the list was empty; the loop takes the whole list at once. The number of operations is
 * bounded where they are made. Callbacks use it too, also those that run on the loop's own thread:
 * nothing is ever done from inside something else. */
#include "cluster/loop/mailbox.h"

#include "cluster/config/keyring.h"
#include "cluster/config/rekey.h"
#include "cluster/join/depart.h"
#include "cluster/join/join.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/wait.h"
#include "cluster/members/forget.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
shoal_mailbox_eventfd(int *fd)
{
	*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (*fd < 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_SYSTEM, "no eventfd can be made: %s", strerror(errno));
	}
	return 0;
}

void
shoal_mailbox_ring(int fd)
{
	const uint64_t one = 1;
	ssize_t n;

	/* The only other failure is a full counter, and then it is readable. */
	do {
		n = write(fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

void
shoal_mailbox_clear(int fd)
{
	uint64_t count;
	ssize_t n;

	do {
		n = read(fd, &count, sizeof(count));
	} while (n < 0 && errno == EINTR);
}

void
shoal_mailbox_put(struct shoal_cluster *cluster, struct shoal_op *op)
{
	bool was_empty = shoal_list_empty(&cluster->mailbox);

	shoal_list_push_back(&cluster->mailbox, &op->node);
	if (was_empty) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
}

void
shoal_mailbox_stop(struct shoal_cluster *cluster)
{
	cluster->stop_wanted = true;
	shoal_mailbox_ring(cluster->mailbox_fd);
}

/* The first operation; NULL: there is none. */
static struct shoal_op *
next_op(struct shoal_cluster *cluster)
{
	struct shoal_op *op = NULL;
	struct shoal_list *first;

	pthread_mutex_lock(&cluster->lock);
	first = shoal_list_first(&cluster->mailbox);
	if (first != NULL) {
		shoal_list_remove(first);
		op = SHOAL_LIST_ITEM(first, struct shoal_op, node);
	}
	pthread_mutex_unlock(&cluster->lock);
	return op;
}

void
shoal_mailbox_take(struct shoal_cluster *cluster)
{
	struct shoal_op *op;
	bool stop, asked, cancels;

	shoal_mailbox_clear(cluster->mailbox_fd);
	pthread_mutex_lock(&cluster->lock);
	stop = cluster->stop_wanted;
	asked = cluster->handlers.asked;
	cancels = cluster->cancels;
	cluster->cancels = false;
	pthread_mutex_unlock(&cluster->lock);
	if (stop) {
		shoal_loop_finish(cluster, SHOAL_ERR_CANCELED);
		return;
	}
	if (cluster->calls != NULL && shoal_callbacks_waiting(&cluster->callbacks) > 0) {
		cluster->callbacks.wake(cluster); /* from another thread than the base's */
	}
	shoal_tuning_push(cluster);
	shoal_certs_push(cluster);
	shoal_metadata_push(cluster);
	if (asked) {
		shoal_handler_room(cluster);
	}
	shoal_outbox_take(cluster);
	shoal_broadcast_take(cluster);
	shoal_request_arm(cluster);
	shoal_applicant_take(cluster);
	shoal_question_take(cluster);
	if (cancels) {
		shoal_join_cancel_marked(cluster);
		shoal_wait_cancel_marked(cluster);
	}
	while ((op = next_op(cluster)) != NULL) {
		if (shoal_op_canceled(op)) {
			shoal_op_finish(op, SHOAL_ERR_CANCELED);
			continue;
		}
		switch (op->kind) {
		case SHOAL_OP_JOIN:
			shoal_join_begin(op);
			break;
		case SHOAL_OP_LEAVE:
			shoal_depart_begin(op);
			break;
		case SHOAL_OP_WAIT:
			shoal_wait_begin(op);
			break;
		case SHOAL_OP_FORGET:
			shoal_forget_begin(op);
			break;
		case SHOAL_OP_KEY:
			shoal_keyring_begin(op);
			break;
		case SHOAL_OP_KEYS:
			shoal_rekey_begin(op);
			break;
		case SHOAL_OP_ANSWER:
			break; /* is never posted */
		}
	}
}

void
shoal_mailbox_cancel(struct shoal_cluster *cluster, int code)
{
	struct shoal_op *op;

	shoal_rekey_cancel(cluster, code);
	while ((op = next_op(cluster)) != NULL) {
		shoal_op_say(op, "the cluster has stopped");
		shoal_op_finish(op, code);
	}
}
