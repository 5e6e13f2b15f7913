/* SPDX-License-Identifier: MIT */
/* The application's view of the others: the list, waiting for it to fill, and subscriptions to its
 * changes. Reads take a reference to the published snapshot under the lock and nothing more. */
#include "cluster/cluster.h"

#include "cluster/loop/fork.h"
#include "cluster/members/criteria.h"
#include "cluster/report/last_error.h"

#include <stddef.h>
#include <string.h>

static struct shoal_member_list *
published(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list;

	pthread_mutex_lock(&cluster->lock);
	list = shoal_member_list_ref(cluster->published);
	pthread_mutex_unlock(&cluster->lock);
	return list;
}

/* What the caller's struct says: nothing where it ends early, and nothing that is not known here.
 */
static int
widen(struct shoal_filter *wide, const struct shoal_filter *filter)
{
	const uint8_t *bytes = (const uint8_t *)filter;

	if (filter->size <= offsetof(struct shoal_filter, states) || filter->size > 65536) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "filter: size %zu; shoal_filter_init was not called", filter->size);
	}
	for (size_t i = sizeof(*wide); i < filter->size; i++) {
		if (bytes[i] != 0) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "filter: size %zu; a field is set that this version does not know",
			        filter->size);
		}
	}
	memcpy(wide, filter, filter->size < sizeof(*wide) ? filter->size : sizeof(*wide));
	return 0;
}

struct shoal_member_list *
shoal_members(struct shoal_cluster *cluster, const struct shoal_filter *filter)
{
	struct shoal_member_list *all, *list;
	struct shoal_filter wide;

	shoal_filter_init(&wide);
	if (shoal_fork_check(cluster, "members") != 0) {
		return NULL;
	}
	if (filter != NULL &&
	        (widen(&wide, filter) != 0 || shoal_criteria_check(wide.criteria) != 0)) {
		return NULL;
	}
	all = published(cluster);
	list = shoal_member_list_filter(all, &wide);
	shoal_member_list_free(all);
	if (list == NULL) {
		shoal_last_error_say("members: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	return list;
}

struct shoal_member *
shoal_cluster_self(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list;
	struct shoal_member *self;

	if (shoal_fork_check(cluster, "self") != 0) {
		return NULL;
	}
	list = published(cluster);
	self = shoal_member_ref(shoal_member_list_at(list, 0));
	shoal_member_list_free(list);
	return self;
}

int
shoal_wait_members(struct shoal_cluster *cluster, size_t n, unsigned timeout_ms)
{
	uint64_t deadline = shoal_cluster_deadline(timeout_ms);
	enum shoal_cluster_state state;
	bool in_time = true;
	size_t alive;
	int rc = shoal_cluster_may_block(cluster, "wait");

	if (rc != 0) {
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	while (cluster->state == SHOAL_CLUSTER_RUNNING && cluster->alive < n && in_time) {
		in_time = shoal_cluster_wait(cluster, deadline);
	}
	state = cluster->state;
	alive = cluster->alive;
	pthread_mutex_unlock(&cluster->lock);
	if (state != SHOAL_CLUSTER_RUNNING) {
		return shoal_last_error_set(SHOAL_ERR_STATE, "wait: the cluster is %s",
		        shoal_cluster_state_name(state));
	}
	if (alive < n) {
		return shoal_last_error_set(SHOAL_ERR_TIMEOUT,
		        "wait: %zu of %zu members are alive after %u ms", alive, n, timeout_ms);
	}
	return 0;
}

int
shoal_on_member(struct shoal_cluster *cluster, unsigned mask, shoal_member_fn fn, void *arg)
{
	int rc = shoal_fork_check(cluster, "on_member");

	if (rc != 0) {
		return rc;
	}
	if (fn == NULL || (mask & SHOAL_EVENT_ALL) == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "on_member: a function and a mask of SHOAL_EVENT_ bits are needed");
	}
	rc = shoal_callbacks_subscribe(&cluster->callbacks, mask, fn, arg);
	if (rc != 0) {
		return rc == SHOAL_ERR_LIMIT
		               ? shoal_last_error_set(rc,
		                         "on_member: %d are subscribed, no more are allowed",
		                         SHOAL_SUBSCRIBERS_MAX)
		               : shoal_last_error_set(rc, "on_member: %s", shoal_strerror(rc));
	}
	return 0;
}

int
shoal_off_member(struct shoal_cluster *cluster, shoal_member_fn fn, void *arg)
{
	int rc = shoal_fork_check(cluster, "off_member");

	if (rc != 0) {
		return rc;
	}
	rc = shoal_callbacks_unsubscribe(&cluster->callbacks, fn, arg);
	if (rc != 0) {
		return shoal_last_error_set(
		        rc, "off_member: this function and argument are not subscribed");
	}
	return 0;
}
