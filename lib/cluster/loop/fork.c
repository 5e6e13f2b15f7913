/* SPDX-License-Identifier: MIT */
/* A child has copies of everything but the threads: locks that somebody may have held, an epoll
 * descriptor and an eventfd that are the parent's own, sockets from which each packet comes once.
 * So it does nothing with them but close them. event_reinit gives the base a poll set of its own;
 * after that events can be taken out of it without taking them from the parent. */
#include "cluster/loop/fork.h"

#include "cluster/cluster.h"
#include "cluster/loop/operation.h"
#include "cluster/report/last_error.h"
#include "transports/process.h"

#include <unistd.h>

bool
shoal_fork_is_child(const struct shoal_cluster *cluster)
{
	uint64_t process = atomic_load_explicit(&cluster->process, memory_order_relaxed);

	return process != 0 && process != shoal_process_number();
}

int
shoal_fork_check(const struct shoal_cluster *cluster, const char *call)
{
	if (!shoal_fork_is_child(cluster)) {
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_STATE,
	        "%s: this process is a fork of the member's (process %ld): free the object here, "
	        "and make one of its own",
	        call, (long)cluster->owner);
}

/* The parent's application hears of the end, not the child's copy of it. */
static void
forget(struct shoal_cluster *cluster, struct shoal_call *call)
{
	(void)cluster;
	shoal_op_free(SHOAL_LIST_ITEM(call, struct shoal_op, call));
}

static void
forget_message(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped)
{
	(void)dropped;
	shoal_handler_run(cluster, call, true);
}

/* The eventfds are the parent's. */
static void
wake_nobody(struct shoal_cluster *cluster)
{
	(void)cluster;
}

void
shoal_fork_adopt(struct shoal_cluster *cluster)
{
	struct shoal_callbacks *callbacks = &cluster->callbacks;
	struct shoal_state_keeper *keeper = &cluster->keeper;

	(void)pthread_mutex_init(&cluster->lock, NULL);
	(void)pthread_cond_init(&cluster->changed, NULL);
	(void)pthread_mutex_init(&callbacks->lock, NULL);
	(void)pthread_cond_init(&callbacks->changed, NULL);
	(void)pthread_mutex_init(&cluster->tuning.lock, NULL);
	(void)pthread_mutex_init(&cluster->document.lock, NULL);
	(void)pthread_mutex_init(&cluster->chronicle.lock, NULL);
	if (keeper->has_lock) {
		(void)pthread_mutex_init(&keeper->lock, NULL);
		(void)pthread_cond_init(&keeper->wake, NULL);
	}
	keeper->has_thread = false;
	cluster->has_loop_thread = cluster->has_callbacks_thread = false;
	callbacks->busy = false;
	callbacks->done = forget;
	callbacks->message = forget_message;
	callbacks->wake = wake_nobody;
	if (cluster->base != NULL) {
		(void)event_reinit(cluster->base);
	}
}
