/* SPDX-License-Identifier: MIT */
/* What a cluster says of itself: address, state, health, counters, and where its callbacks wait.
 *
 * Every answer is a copy that was made under the lock, or a value that does not change after start,
 * so any thread may ask at any time and no answer waits for the loop. */
#include "cluster/cluster.h"

#include "cluster/loop/fork.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"

#include <string.h>

const char *
shoal_cluster_state_name(enum shoal_cluster_state state)
{
	switch (state) {
	case SHOAL_CLUSTER_CREATED:
		return "created";
	case SHOAL_CLUSTER_RUNNING:
		return "running";
	case SHOAL_CLUSTER_LEAVING:
		return "leaving";
	case SHOAL_CLUSTER_STOPPED:
		return "stopped";
	}
	return "invalid";
}

int
shoal_cluster_address(struct shoal_cluster *cluster, char *text, size_t len)
{
	char address[SHOAL_URL_TEXT];
	int rc = shoal_fork_check(cluster, "address");

	if (rc != 0) {
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	memcpy(address, cluster->address, sizeof(address));
	pthread_mutex_unlock(&cluster->lock);
	if (strlen(address) >= len) {
		return shoal_last_error_set(
		        SHOAL_ERR_TOO_BIG, "address: %zu bytes; SHOAL_URL_TEXT is enough", len);
	}
	memcpy(text, address, strlen(address) + 1);
	return 0;
}

enum shoal_cluster_state
shoal_cluster_state(struct shoal_cluster *cluster)
{
	enum shoal_cluster_state state;

	if (shoal_fork_check(cluster, "state") != 0) {
		return SHOAL_CLUSTER_STOPPED;
	}
	pthread_mutex_lock(&cluster->lock);
	state = cluster->state;
	pthread_mutex_unlock(&cluster->lock);
	return state;
}

int
shoal_cluster_failure(struct shoal_cluster *cluster)
{
	char text[sizeof(cluster->failure_text)];
	int code = shoal_fork_check(cluster, "failure");

	if (code != 0) {
		return code;
	}
	pthread_mutex_lock(&cluster->lock);
	code = cluster->failure;
	memcpy(text, cluster->failure_text, sizeof(text));
	pthread_mutex_unlock(&cluster->lock);
	if (code == SHOAL_ERR_ID_CONFLICT) {
		shoal_last_error_say("stopped: another live member has this name or id: %s", text);
	} else if (code != 0) {
		shoal_last_error_say("stopped: %s", shoal_strerror(code));
	}
	return code;
}

unsigned
shoal_cluster_health(struct shoal_cluster *cluster)
{
	return atomic_load(&cluster->health);
}

uint64_t
shoal_cluster_convergence_lag(struct shoal_cluster *cluster)
{
	uint64_t lag;

	if (shoal_fork_check(cluster, "convergence_lag") != 0) {
		return 0;
	}
	pthread_mutex_lock(&cluster->lock);
	lag = cluster->convergence_lag;
	pthread_mutex_unlock(&cluster->lock);
	return lag;
}

enum shoal_access
shoal_cluster_access(struct shoal_cluster *cluster, unsigned *peers)
{
	enum shoal_access reach = SHOAL_ACCESS_GOOD;
	unsigned unreached = 0;

	if (shoal_fork_check(cluster, "reach") == 0) {
		pthread_mutex_lock(&cluster->lock);
		reach = cluster->reach;
		unreached = cluster->unreached;
		pthread_mutex_unlock(&cluster->lock);
	}
	if (peers != NULL) {
		*peers = unreached;
	}
	return reach;
}

uint64_t
shoal_cluster_meta_held(struct shoal_cluster *cluster, uint64_t *most)
{
	uint64_t held = 0, bound = 0;

	if (shoal_fork_check(cluster, "meta_held") == 0) {
		pthread_mutex_lock(&cluster->lock);
		held = cluster->meta_held;
		bound = cluster->meta_most;
		pthread_mutex_unlock(&cluster->lock);
	}
	if (most != NULL) {
		*most = bound;
	}
	return held;
}

void
shoal_cluster_migration(struct shoal_cluster *cluster, struct shoal_migration *migration)
{
	memset(migration, 0, sizeof(*migration));
	if (shoal_fork_check(cluster, "migration") == 0) {
		pthread_mutex_lock(&cluster->lock);
		*migration = cluster->migration;
		pthread_mutex_unlock(&cluster->lock);
	}
}

/* A table of this library for a caller who may know a shorter or a longer one. Under the lock. */
static void
copy_table(void *to, size_t to_size, const void *from, size_t from_size)
{
	memcpy(to, from, to_size < from_size ? to_size : from_size);
}

void
shoal_cluster_counters_sized(
        struct shoal_cluster *cluster, struct shoal_counters *counters, size_t size)
{
	memset(counters, 0, size);
	if (shoal_fork_check(cluster, "counters") != 0) {
		return;
	}
	pthread_mutex_lock(&cluster->lock);
	copy_table(counters, size, &cluster->counters, sizeof(cluster->counters));
	pthread_mutex_unlock(&cluster->lock);
}

void
shoal_cluster_histograms_sized(
        struct shoal_cluster *cluster, struct shoal_histograms *histograms, size_t size)
{
	memset(histograms, 0, size);
	if (shoal_fork_check(cluster, "histograms") != 0) {
		return;
	}
	pthread_mutex_lock(&cluster->lock);
	copy_table(histograms, size, &cluster->histograms, sizeof(cluster->histograms));
	pthread_mutex_unlock(&cluster->lock);
}

const char *
shoal_cluster_label(struct shoal_cluster *cluster)
{
	const char *label = cluster->settings.config.label;

	return label != NULL ? label : "";
}

struct event_base *
shoal_cluster_base(struct shoal_cluster *cluster)
{
	if (shoal_fork_check(cluster, "base") != 0) {
		return NULL;
	}
	return shoal_cluster_state(cluster) != SHOAL_CLUSTER_CREATED ? cluster->base : NULL;
}

int
shoal_cluster_fd(struct shoal_cluster *cluster)
{
	if (shoal_fork_check(cluster, "fd") != 0) {
		return -1;
	}
	if (cluster->dispatch_fd < 0) {
		shoal_last_error_say("fd: run is not SHOAL_RUN_DISPATCH");
	}
	return cluster->dispatch_fd;
}

int
shoal_cluster_dispatch(struct shoal_cluster *cluster)
{
	int rc = shoal_fork_check(cluster, "dispatch");

	if (rc != 0) {
		return rc;
	}
	if (cluster->dispatch_fd < 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_STATE, "dispatch: run is not SHOAL_RUN_DISPATCH");
	}
	shoal_mailbox_clear(cluster->dispatch_fd);
	rc = shoal_callbacks_run(&cluster->callbacks, shoal_callbacks_waiting(&cluster->callbacks));
	if (shoal_callbacks_waiting(&cluster->callbacks) > 0) {
		shoal_mailbox_ring(cluster->dispatch_fd);
	}
	if (rc < 0) {
		return shoal_last_error_set(rc, "dispatch: a callback is running already");
	}
	return rc;
}
