/* SPDX-License-Identifier: MIT */
/* The cluster object: made, started, stopped, freed; and the values that it hands out.
 *
 * created → running → leaving → stopped, or from any of them to stopped at once. A start that fails
 * ends in stopped too, as does one that was stopped meanwhile: sockets and threads are either all
 * there or none. The core and the
 * transports live on one loop and are touched by nobody else; calls of other threads go through the
 * mailbox (mailbox.c), what they read lies under one lock that is held for a few instructions. It,
 * that of the callbacks' queue and that of this member's document are never held together. */
#include "cluster/cluster.h"

#include "base/alloc.h"
#include "cluster/config/keyring.h"
#include "cluster/join/join.h"
#include "cluster/loop/bound.h"
#include "cluster/loop/entropy.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/host.h"
#include "cluster/loop/listen.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/loop/thread.h"
#include "cluster/report/last_error.h"
#include "cluster/report/recording.h"
#include "transports/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What libevent opens for a base: its poll set, a timer, a pipe for signals, one to be woken by. */
#define BASE_DESCRIPTORS 6

/* Beside the connections: the base, the mailbox, sockets that listen, questions to name servers. */
#define OTHER_DESCRIPTORS 32

/* SHOAL_RUN_THREADS: the callbacks' thread is waiting on its own. SHOAL_RUN_BASE: only the base's
 * thread may touch the base; from others the mailbox tells it. */
static void
wake_callbacks(struct shoal_cluster *cluster)
{
	bool here;

	if (cluster->dispatch_fd >= 0) {
		shoal_mailbox_ring(cluster->dispatch_fd);
	}
	if (cluster->calls == NULL) {
		return;
	}
	pthread_mutex_lock(&cluster->lock);
	here = pthread_equal(cluster->base_thread, pthread_self()) != 0;
	pthread_mutex_unlock(&cluster->lock);
	if (here) {
		event_active(cluster->calls, EV_TIMEOUT, 0);
	} else {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
}

static int
init_locks(struct shoal_cluster *cluster)
{
	pthread_condattr_t attr;
	int rc;

	if (pthread_condattr_init(&attr) != 0) {
		return SHOAL_ERR_SYSTEM;
	}
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = pthread_cond_init(&cluster->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (rc != 0) {
		return SHOAL_ERR_SYSTEM;
	}
	if (pthread_mutex_init(&cluster->lock, NULL) != 0) {
		pthread_cond_destroy(&cluster->changed);
		return SHOAL_ERR_SYSTEM;
	}
	return 0;
}

static int
init_fields(struct shoal_cluster *cluster)
{
	const struct shoal_config *config = &cluster->settings.config;
	const struct shoal_profile *profile = &config->profile;
	uint64_t key[2];
	int rc;

	cluster->mailbox_fd = cluster->dispatch_fd = -1;
	cluster->certs.held.until = INT64_MAX;
	shoal_list_init(&cluster->mailbox);
	shoal_list_init(&cluster->waits);
	shoal_list_init(&cluster->begun);
	shoal_background_init(cluster);
	shoal_ring_init(&cluster->failed, cluster->mem, sizeof(struct shoal_failed),
	        profile->exchanges_max);
	rc = shoal_entropy_fill(key, sizeof(key));
	if (rc != 0) {
		return shoal_last_error_set(rc, "the kernel gave no random bytes");
	}
	shoal_view_init(&cluster->view, cluster->mem, key);
	rc = shoal_chronicle_init(&cluster->chronicle, cluster->mem, config->history_max, key);
	if (rc == 0 && (rc = init_locks(cluster)) != 0) {
		shoal_chronicle_done(&cluster->chronicle);
	}
	if (rc != 0) {
		return shoal_last_error_set(rc, "no lock can be made");
	}
	rc = shoal_callbacks_init(
	        &cluster->callbacks, cluster->mem, config->events_max, profile->members_max);
	if (rc != 0) {
		shoal_chronicle_done(&cluster->chronicle);
		pthread_mutex_destroy(&cluster->lock);
		pthread_cond_destroy(&cluster->changed);
		return shoal_last_error_set(rc, "no lock can be made");
	}
	cluster->callbacks.cluster = cluster;
	cluster->callbacks.window = SHOAL_MS(config->coalesce_ms);
	cluster->callbacks.done = shoal_op_done;
	cluster->callbacks.message = shoal_handler_run;
	shoal_outbox_init(cluster, key);
	shoal_applicant_init(cluster);
	shoal_question_init(cluster);
	cluster->callbacks.wake = wake_callbacks;
	return 0;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

/* Everything but the transports; the threads have ended. */
static void
release(struct shoal_cluster *cluster)
{
	shoal_state_close(cluster);
	shoal_outbox_done(cluster);
	shoal_applicant_done(cluster);
	shoal_question_done(cluster);
	shoal_view_done(&cluster->view);
	shoal_ring_done(&cluster->failed);
	shoal_chronicle_done(&cluster->chronicle);
	shoal_recording_free(cluster->recording);
	shoal_member_list_free(cluster->published);
	shoal_callbacks_fini(&cluster->callbacks);
	shoal_metadata_done(cluster);
	shoal_tuning_done(cluster);
	close_fd(&cluster->mailbox_fd);
	close_fd(&cluster->dispatch_fd);
	pthread_mutex_destroy(&cluster->lock);
	pthread_cond_destroy(&cluster->changed);
	shoal_settings_done(&cluster->settings);
	shoal_alloc_free(cluster->mem, cluster);
}

/* What can fail after the locks were made. */
static int
prepare(struct shoal_cluster *cluster)
{
	int tuning = shoal_tuning_init(cluster);
	int rc = shoal_metadata_init(cluster, cluster->settings.config.tags);

	rc = rc == 0 ? tuning : rc;
	rc = rc == 0 ? shoal_mailbox_eventfd(&cluster->mailbox_fd) : rc;
	if (rc == 0 && cluster->settings.config.run == SHOAL_RUN_DISPATCH) {
		rc = shoal_mailbox_eventfd(&cluster->dispatch_fd);
	}
	if (rc != 0) {
		return rc;
	}
	cluster->published = shoal_view_publish(&cluster->view);
	if (cluster->published == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	return shoal_listen_default(cluster);
}

int
shoal_cluster_new(struct shoal_cluster **out, const struct shoal_config *config)
{
	struct shoal_settings settings;
	struct shoal_cluster *cluster;
	int rc;

	if (out == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "cluster: NULL");
	}
	rc = shoal_settings_init(&settings, config);
	if (rc != 0) {
		return rc;
	}
	cluster = shoal_alloc_zeroed(settings.mem, 1, sizeof(*cluster));
	if (cluster == NULL) {
		shoal_settings_done(&settings);
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	cluster->mem = settings.mem;
	cluster->meta_most = settings.config.profile.meta_bytes;
	cluster->settings = settings;
	rc = init_fields(cluster);
	if (rc != 0) {
		shoal_settings_done(&cluster->settings);
		shoal_alloc_free(cluster->mem, cluster);
		return rc;
	}
	rc = prepare(cluster);
	if (rc != 0) {
		release(cluster);
		return rc;
	}
	*out = cluster;
	return 0;
}

/* libevent ends the process where a new base finds no descriptor for its signals: better to find
 * out first. */
static int
check_descriptors(const struct shoal_cluster *cluster)
{
	int fd[BASE_DESCRIPTORS], n = 0, error = 0;

	while (n < BASE_DESCRIPTORS && error == 0) {
		fd[n] = fcntl(cluster->mailbox_fd, F_DUPFD_CLOEXEC, 0);
		if (fd[n] >= 0) {
			n++;
		} else {
			error = errno;
		}
	}
	while (n > 0) {
		close(fd[--n]);
	}
	if (error == 0) {
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_SYSTEM,
	        "no event_base can be made: %s; raise the limit of open files (ulimit -n)",
	        strerrordesc_np(error));
}

/* Every stream is a descriptor: better told now than by the peers that find no connection. */
static void
warn_of_descriptors(struct shoal_cluster *cluster)
{
	uint64_t wanted = (uint64_t)cluster->settings.config.connections_max + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
		shoal_cluster_log(cluster, SHOAL_LOG_WARN, "cluster",
		        "%llu files may be open, connections_max %u needs %llu; raise the limit "
		        "(ulimit -n) or lower connections_max",
		        (unsigned long long)limit.rlim_cur,
		        cluster->settings.config.connections_max, (unsigned long long)wanted);
	}
}

static int
make_base(struct shoal_cluster *cluster)
{
	struct event_config *config;
	int rc;

	if (cluster->settings.config.run == SHOAL_RUN_BASE) {
		cluster->base = cluster->settings.config.base;
		return 0;
	}
	rc = check_descriptors(cluster);
	if (rc != 0) {
		return rc;
	}
	config = event_config_new();
	if (config != NULL) {
		/* Probe intervals down to 10 ms, timeouts of 1 ms. */
		(void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
		cluster->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (cluster->base == NULL) {
		return shoal_last_error_set(SHOAL_ERR_SYSTEM, "no event_base can be made");
	}
	cluster->own_base = true;
	return 0;
}

static int
make_core(struct shoal_cluster *cluster)
{
	const struct shoal_config *config = &cluster->settings.config;
	struct shoal_core_config core;
	uint64_t jitter;
	int rc;

	shoal_core_config_init(&core);
	core.seed = config->seed;
	if (shoal_entropy_fill(&core.salt, sizeof(core.salt)) != 0 ||
	        shoal_entropy_fill(&jitter, sizeof(jitter)) != 0 ||
	        (core.seed == 0 && shoal_entropy_fill(&core.seed, sizeof(core.seed)) != 0)) {
		return shoal_last_error_set(SHOAL_ERR_SYSTEM, "the kernel gave no random bytes");
	}
	shoal_rng_init(&cluster->rng, jitter, 1);
	core.mono_ns = shoal_clock_mono(&cluster->clock);
	core.wall_ns = shoal_clock_wall();
	core.id = cluster->settings.id;
	shoal_state_configure(cluster, &core);
	core.name = config->name;
	core.label = config->label;
	memcpy(core.addr, cluster->advertised, sizeof(core.addr));
	core.addrs = cluster->advertiseds;
	core.url = cluster->url[0] != '\0' ? cluster->url : NULL;
	core.app_version = config->app_version;
	core.asks_accept = config->accept != NULL;
	core.profile = config->profile;
	cluster->watched = shoal_listen_may_be_watched(cluster);
	core.unwatched = !cluster->watched;
	if (!shoal_listen_has_links(cluster)) {
		core.profile.watchers = 0;
	}
	core.log_level = config->log_level;
	core.allocator = cluster->mem;
	rc = shoal_keyring_make_core(cluster, &core);
	if (rc != 0) {
		return rc;
	}
	return shoal_recording_start(cluster, &core);
}

/* This member's own entry, before anybody can look. SHOAL_ERR_CANCELED: it was stopped meanwhile.
 */
static int
show_self(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list;
	bool stopped;

	shoal_loop_refresh(cluster);
	list = shoal_view_at(&cluster->view, 0) != NULL ? shoal_view_publish(&cluster->view) : NULL;
	if (list == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	pthread_mutex_lock(&cluster->lock);
	shoal_member_list_free(cluster->published);
	cluster->published = list;
	cluster->alive = 1;
	shoal_listen_print(cluster, cluster->address);
	stopped = cluster->state != SHOAL_CLUSTER_CREATED;
	if (!stopped) {
		cluster->state = SHOAL_CLUSTER_RUNNING;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (stopped) {
		return shoal_last_error_set(
		        SHOAL_ERR_CANCELED, "start: the cluster was stopped meanwhile");
	}
	return 0;
}

static int
start(struct shoal_cluster *cluster)
{
	int rc = make_base(cluster);

	rc = rc == 0 ? shoal_certs_begin(cluster) : rc;
	if (rc == 0) {
		warn_of_descriptors(cluster);
		rc = shoal_listen_start(cluster);
	}
	if (rc != 0) {
		return rc;
	}
	shoal_bound_say(cluster);
	rc = make_core(cluster);
	if (rc == 0) {
		rc = show_self(cluster);
	}
	if (rc == 0 && shoal_loop_begin(cluster) != 0) {
		rc = shoal_last_error_set(SHOAL_ERR_NOMEM, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	if (rc == 0) {
		shoal_tuning_push(cluster);
		rc = shoal_state_begin(cluster);
	}
	if (rc == 0) {
		shoal_metadata_push(cluster);
		rc = shoal_thread_start(cluster);
	}
	if (rc != 0) {
		shoal_loop_finish(cluster, rc);
		shoal_listen_stop(cluster);
	}
	return rc;
}

int
shoal_cluster_start(struct shoal_cluster *cluster)
{
	enum shoal_cluster_state state;
	bool before;
	int rc = shoal_fork_check(cluster, "start");

	if (rc != 0) {
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	state = cluster->state;
	before = cluster->started || state != SHOAL_CLUSTER_CREATED;
	if (!before) {
		cluster->started = true;
		cluster->owner = getpid();
		cluster->process = shoal_process_number();
		cluster->base_thread = pthread_self();
	}
	pthread_mutex_unlock(&cluster->lock);
	if (before) {
		return shoal_last_error_set(SHOAL_ERR_STATE,
		        "start: the cluster was started or stopped before (it is %s)",
		        shoal_cluster_state_name(state));
	}
	rc = shoal_state_open(cluster);
	if (rc == 0) {
		rc = start(cluster);
	}
	if (rc != 0) {
		shoal_state_close(cluster);
		pthread_mutex_lock(&cluster->lock);
		cluster->state = SHOAL_CLUSTER_STOPPED;
		pthread_mutex_unlock(&cluster->lock);
	}
	return rc;
}

bool
shoal_cluster_on_loop(struct shoal_cluster *cluster)
{
	bool base_thread = false;

	if (cluster->settings.config.run != SHOAL_RUN_BASE) {
		return shoal_thread_is_loop(cluster);
	}
	pthread_mutex_lock(&cluster->lock);
	if (cluster->state == SHOAL_CLUSTER_RUNNING || cluster->state == SHOAL_CLUSTER_LEAVING) {
		base_thread = pthread_equal(cluster->base_thread, pthread_self()) != 0;
	}
	pthread_mutex_unlock(&cluster->lock);
	return base_thread;
}

int
shoal_cluster_may_block(struct shoal_cluster *cluster, const char *what)
{
	int rc = shoal_fork_check(cluster, what);

	if (rc != 0) {
		return rc;
	}
	if (!shoal_callbacks_inside(&cluster->callbacks) && !shoal_cluster_on_loop(cluster)) {
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_WOULD_BLOCK,
	        "%s: called on the loop's thread or from a callback; use the _async form", what);
}

/* Whether stop and free may go on here. What runs on an application's base has events there until
 * it is freed, also when it has stopped: they are touched on its thread only. */
static int
may_stop(struct shoal_cluster *cluster, const char *what)
{
	bool base = cluster->settings.config.run == SHOAL_RUN_BASE;
	bool on_loop = shoal_cluster_on_loop(cluster), elsewhere;

	if (shoal_callbacks_inside(&cluster->callbacks) ||
	        (on_loop && (!base || cluster->inside))) {
		return shoal_last_error_set(SHOAL_ERR_WOULD_BLOCK,
		        "%s: called on the loop's thread or from a callback", what);
	}
	pthread_mutex_lock(&cluster->lock);
	elsewhere =
	        base && cluster->started && !pthread_equal(cluster->base_thread, pthread_self());
	pthread_mutex_unlock(&cluster->lock);
	if (elsewhere) {
		return shoal_last_error_set(SHOAL_ERR_STATE,
		        "%s: with SHOAL_RUN_BASE, call it on the thread of the base", what);
	}
	return 0;
}

static void
stop(struct shoal_cluster *cluster)
{
	bool running;

	pthread_mutex_lock(&cluster->lock);
	if (cluster->state == SHOAL_CLUSTER_CREATED) {
		cluster->state = SHOAL_CLUSTER_STOPPED;
	}
	running = cluster->state != SHOAL_CLUSTER_STOPPED;
	if (running && cluster->settings.config.run != SHOAL_RUN_BASE) {
		shoal_mailbox_stop(cluster);
		while (cluster->state != SHOAL_CLUSTER_STOPPED) {
			pthread_cond_wait(&cluster->changed, &cluster->lock);
		}
		running = false;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (running) {
		shoal_loop_finish(cluster, SHOAL_ERR_CANCELED);
	}
}

int
shoal_cluster_stop(struct shoal_cluster *cluster)
{
	int rc = shoal_fork_check(cluster, "stop");

	if (rc != 0) {
		return rc;
	}
	rc = may_stop(cluster, "stop");
	if (rc == 0) {
		stop(cluster);
	}
	return rc;
}

/* Ends the callbacks: what has ended is told, by their thread or by this one, events are dropped.
 */
static void
end_callbacks(struct shoal_cluster *cluster)
{
	shoal_thread_join_loop(cluster); /* it may still be queueing the last ends */
	if (cluster->calls != NULL) {
		event_free(cluster->calls);
	}
	cluster->calls = NULL;
	shoal_callbacks_close(&cluster->callbacks);
	shoal_thread_join_callbacks(cluster);
	while (shoal_callbacks_waiting(&cluster->callbacks) > 0) {
		if (shoal_callbacks_run(&cluster->callbacks, SIZE_MAX) < 0) {
			break;
		}
	}
}

int
shoal_cluster_free(struct shoal_cluster *cluster)
{
	const struct shoal_config *config;
	int rc;

	if (cluster == NULL) {
		return 0;
	}
	if (shoal_fork_is_child(cluster)) {
		shoal_fork_adopt(cluster);
		shoal_loop_finish(cluster, SHOAL_ERR_CANCELED);
	} else {
		rc = may_stop(cluster, "free");
		if (rc != 0) {
			return rc;
		}
		stop(cluster);
	}
	end_callbacks(cluster);
	config = &cluster->settings.config;
	for (size_t i = 0; i < config->transport_count; i++) {
		config->transports[i].ops->free(config->transports[i].self);
	}
	if (cluster->own_base) {
		event_base_free(cluster->base);
	}
	release(cluster);
	return 0;
}
