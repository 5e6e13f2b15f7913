/* SPDX-License-Identifier: MIT */
/* The threads: "shoal-loop" runs the event loop, "shoal-calls" the application's callbacks, so that
 * a slow callback delays other callbacks and never a probe. They block all signals, which belong to
 * the application's threads: a handler that ran here would be surprised. The mask is inherited, so
 * it is set around their making.
 *
 * The callbacks' thread is made first: it waits, and nobody calls back before the loop runs. */
#include "cluster/loop/thread.h"

#include "cluster/loop/loop.h"
#include "cluster/report/last_error.h"

#include <signal.h>
#include <string.h>

static _Thread_local const struct shoal_cluster *loop_of;

static void *
run_loop(void *arg)
{
	struct shoal_cluster *cluster = arg;

	loop_of = cluster;
	/* Whoever breaks the loop from outside does not end the cluster. */
	while (cluster->core != NULL) {
		if (event_base_dispatch(cluster->base) != 0) {
			shoal_loop_finish(cluster, SHOAL_ERR_SYSTEM);
		}
	}
	return NULL;
}

static void *
run_callbacks(void *arg)
{
	struct shoal_cluster *cluster = arg;

	while (shoal_callbacks_wait(&cluster->callbacks)) {
		(void)shoal_callbacks_run(&cluster->callbacks, SIZE_MAX);
	}
	return NULL;
}

static int
make(pthread_t *thread, const char *name, void *(*run)(void *), struct shoal_cluster *cluster)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, run, cluster);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_SYSTEM, "no thread can be made: %s", strerror(rc));
	}
	(void)pthread_setname_np(*thread, name);
	return 0;
}

int
shoal_thread_start(struct shoal_cluster *cluster)
{
	enum shoal_run run = cluster->settings.config.run;
	int rc = 0;

	if (run == SHOAL_RUN_THREADS) {
		rc = make(&cluster->callbacks_thread, "shoal-calls", run_callbacks, cluster);
		cluster->has_callbacks_thread = rc == 0;
	}
	if (rc == 0 && run != SHOAL_RUN_BASE) {
		rc = make(&cluster->loop_thread, "shoal-loop", run_loop, cluster);
		cluster->has_loop_thread = rc == 0;
	}
	return rc;
}

void
shoal_thread_join_loop(struct shoal_cluster *cluster)
{
	if (cluster->has_loop_thread) {
		pthread_join(cluster->loop_thread, NULL);
	}
	cluster->has_loop_thread = false;
}

void
shoal_thread_join_callbacks(struct shoal_cluster *cluster)
{
	if (cluster->has_callbacks_thread) {
		pthread_join(cluster->callbacks_thread, NULL);
	}
	cluster->has_callbacks_thread = false;
}

bool
shoal_thread_is_loop(const struct shoal_cluster *cluster)
{
	return loop_of == cluster;
}
