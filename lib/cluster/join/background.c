/* SPDX-License-Identifier: MIT */
/* Seeds that were not reached are tried again for as long as this member lives, their names
 * resolved anew: one at a time, in turn, or all at once while no other member is alive here. The
 * pause is short at first, because seeds are often started in the same moment, and doubles up to
 * heal_interval_ms; it is drawn from 75 to 125 % of that, so that a thousand members that wait for
 * one seed do not come at once. A seed that is reached, or turns out to be this member, is
 * forgotten. The list is bounded; of more seeds the oldest stay.
 *
 * One that refuses, at one address of its name at least, has mostly been set up for something else,
 * and asking it as often as one that is down tells both logs the same thing for ever: it waits an
 * interval, then two, up to 16. It is not given up, because a key, a version or a name that is in
 * the way can go; where something here that it may hang on changes, its wait begins anew. */
#include "base/alloc.h"
#include "cluster/join/join.h"
#include "cluster/join/try.h"

#include <inttypes.h>
#include <string.h>

/* The first pause. */
#define PAUSE_FIRST_MS 250

/* Intervals after which a try that still has not ended counts as failed. */
#define INTERVALS_MAX 3

/* A seed that refuses waits 1 << 4 intervals at most. */
#define REFUSALS_MAX 4

struct shoal_again {
	struct shoal_list node;
	struct shoal_cluster *cluster;
	struct shoal_try *try; /* NULL: it waits */
	uint64_t since;        /* the try began */
	bool remembered;       /* of a former run: needed until one is reached */
	size_t joins;          /* that named it and were not canceled */
	bool said;             /* that it refuses */
	bool overtaken;        /* something changed here since the try began */
	unsigned refusals;     /* one after the other, REFUSALS_MAX at most */
	uint64_t not_before;
	char seed[];
};

static void
arm(struct shoal_cluster *cluster)
{
	uint64_t most = cluster->settings.config.profile.heal_interval_ms;
	uint64_t ms = cluster->joins.background_pause_ms;
	uint64_t us = shoal_rng_between(&cluster->rng, ms * 750, ms * 1250);
	struct timeval in = {
	        .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};

	cluster->joins.background_pause_ms = 2 * ms < most ? 2 * ms : most;
	/* Without memory for it, the next seed that is added arms it. */
	if (cluster->joins.background_timer != NULL && cluster->joins.again_count > 0) {
		(void)event_add(cluster->joins.background_timer, &in);
	}
}

/* NULL: it is not in the list. */
static struct shoal_again *
find(struct shoal_cluster *cluster, const char *seed)
{
	SHOAL_LIST_FOREACH (node, &cluster->joins.again) {
		struct shoal_again *again = SHOAL_LIST_ITEM(node, struct shoal_again, node);

		if (strcmp(again->seed, seed) == 0) {
			return again;
		}
	}
	return NULL;
}

static void
forget(struct shoal_again *again)
{
	struct shoal_cluster *cluster = again->cluster;

	if (again->try != NULL) {
		shoal_try_drop(again->try);
	}
	shoal_list_remove(&again->node);
	shoal_alloc_free(cluster->mem, again);
	cluster->joins.again_count--;
}

static void
forget_remembered(struct shoal_cluster *cluster)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->joins.again) {
		struct shoal_again *again = SHOAL_LIST_ITEM(node, struct shoal_again, node);

		if (again->remembered) {
			cluster->joins.again_trying -= again->try != NULL;
			forget(again);
		}
	}
}

/* Returns how long, in nanoseconds. */
static uint64_t
wait_longer(struct shoal_again *again)
{
	struct shoal_cluster *cluster = again->cluster;
	uint64_t interval = SHOAL_MS(cluster->settings.config.profile.heal_interval_ms);
	uint64_t wait = interval << again->refusals;

	again->not_before = shoal_clock_mono(&cluster->clock) + wait;
	again->refusals += again->refusals < REFUSALS_MAX;
	return wait;
}

/* It was not reached. */
static void
put_off(struct shoal_again *again, enum shoal_try_result result, const char *why)
{
	bool overtaken = again->overtaken;
	uint64_t wait;

	again->overtaken = false;
	if (result != SHOAL_TRY_REJECTED || overtaken) {
		again->refusals = 0;
		shoal_cluster_log(
		        again->cluster, SHOAL_LOG_DEBUG, "join", "seed not reached: %s", why);
		return;
	}
	wait = wait_longer(again);
	shoal_cluster_log(again->cluster, again->said ? SHOAL_LOG_DEBUG : SHOAL_LOG_WARN, "join",
	        "seed refuses, and is asked ever more seldom, next in %" PRIu64 " s: %s",
	        (wait + SHOAL_SEC(1) - 1) / SHOAL_SEC(1), why);
	again->said = true;
}

static void
on_tried(void *arg, const struct shoal_try *try, const char *seed, enum shoal_try_result result,
        const char *why)
{
	struct shoal_again *again = arg;
	struct shoal_cluster *cluster = again->cluster;

	(void)try;
	again->try = NULL;
	cluster->joins.again_trying--;
	if (result != SHOAL_TRY_REACHED && result != SHOAL_TRY_SELF) {
		put_off(again, result, why);
		return;
	}
	if (result == SHOAL_TRY_REACHED) {
		shoal_cluster_log(cluster, SHOAL_LOG_INFO, "join", "seed %s is reached now", seed);
	}
	forget(again);
	cluster->joins.found = cluster->joins.found || result == SHOAL_TRY_REACHED;
}

static void
expire(struct shoal_cluster *cluster, uint64_t now)
{
	uint64_t most = SHOAL_MS(cluster->settings.config.profile.heal_interval_ms);

	SHOAL_LIST_FOREACH (node, &cluster->joins.again) {
		struct shoal_again *again = SHOAL_LIST_ITEM(node, struct shoal_again, node);

		if (again->try != NULL && now - again->since >= INTERVALS_MAX * most) {
			shoal_try_expire(again->try);
		}
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_joins *joins = &cluster->joins;
	uint64_t now = shoal_clock_mono(&cluster->clock);
	uint64_t ms = cluster->settings.config.profile.heal_interval_ms * (uint64_t)INTERVALS_MAX;
	bool alone = shoal_core_count(cluster->core, SHOAL_STATE_ALIVE) <= 1;

	(void)fd;
	(void)what;
	if (joins->found) {
		forget_remembered(cluster);
	}
	joins->found = false;
	expire(cluster, now);
	for (size_t n = joins->again_count; n > 0 && (alone || joins->again_trying == 0); n--) {
		struct shoal_list *first = shoal_list_first(&joins->again);
		struct shoal_again *again = SHOAL_LIST_ITEM(first, struct shoal_again, node);

		shoal_list_remove(first);
		shoal_list_push_back(&joins->again, first);
		if (again->try == NULL && now >= again->not_before &&
		        shoal_try_begin(&again->try, cluster, again->seed, ms, true, on_tried,
		                again) == 0) {
			again->since = now;
			joins->again_trying++;
		}
	}
	arm(cluster);
}

void
shoal_background_init(struct shoal_cluster *cluster)
{
	shoal_list_init(&cluster->joins.tries);
	shoal_list_init(&cluster->joins.attempts);
	shoal_list_init(&cluster->joins.again);
	shoal_list_init(&cluster->joins.ops);
}

void
shoal_background_tuned(struct shoal_cluster *cluster)
{
	uint64_t most = cluster->settings.config.profile.heal_interval_ms;

	if (cluster->joins.background_pause_ms > most) {
		cluster->joins.background_pause_ms = most;
		arm(cluster);
	}
}

static void
begin_anew(struct shoal_cluster *cluster)
{
	cluster->joins.background_pause_ms = PAUSE_FIRST_MS;
	event_del(cluster->joins.background_timer);
	arm(cluster);
}

void
shoal_background_hurry(struct shoal_cluster *cluster)
{
	bool some = false;

	SHOAL_LIST_FOREACH (node, &cluster->joins.again) {
		struct shoal_again *again = SHOAL_LIST_ITEM(node, struct shoal_again, node);

		some = some || again->not_before > 0 || again->try != NULL;
		again->overtaken = again->try != NULL;
		again->refusals = 0;
		again->not_before = 0;
	}
	if (some) {
		begin_anew(cluster);
	}
}

static bool
add(struct shoal_cluster *cluster, const char *seed, bool remembered, bool refused)
{
	struct shoal_joins *joins = &cluster->joins;
	size_t len = strlen(seed);
	struct shoal_again *again = find(cluster, seed);

	if (again != NULL) {
		again->joins += !remembered;
		return true;
	}
	if (joins->again_count == SHOAL_BACKGROUND_MAX) {
		return false;
	}
	if (joins->background_timer == NULL) {
		joins->background_timer = event_new(cluster->base, -1, 0, on_timer, cluster);
	}
	again = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*again) + len + 1);
	if (again == NULL || joins->background_timer == NULL) {
		shoal_alloc_free(cluster->mem, again);
		shoal_cluster_log(cluster, SHOAL_LOG_ERROR, "join",
		        "seed %s is not tried again: out of memory", seed);
		return false;
	}
	again->cluster = cluster;
	again->remembered = remembered;
	again->joins = !remembered;
	if (refused) {
		wait_longer(again);
	}
	memcpy(again->seed, seed, len + 1);
	shoal_list_push_back(&joins->again, &again->node);
	joins->again_count++;
	begin_anew(cluster);
	return true;
}

bool
shoal_background_add(struct shoal_cluster *cluster, const char *seed)
{
	return add(cluster, seed, false, false);
}

bool
shoal_background_add_refused(struct shoal_cluster *cluster, const char *seed)
{
	return add(cluster, seed, false, true);
}

void
shoal_background_remove(struct shoal_cluster *cluster, const char *seed)
{
	struct shoal_again *again = find(cluster, seed);

	if (again == NULL) {
		return; /* it was reached meanwhile */
	}
	again->joins -= again->joins > 0;
	if (again->joins == 0 && !again->remembered) {
		cluster->joins.again_trying -= again->try != NULL;
		forget(again);
	}
}

void
shoal_background_remember(struct shoal_cluster *cluster, const char *seed)
{
	(void)add(cluster, seed, true, false);
}

void
shoal_background_stop(struct shoal_cluster *cluster)
{
	struct shoal_joins *joins = &cluster->joins;
	struct shoal_list *node;

	while ((node = shoal_list_first(&joins->again)) != NULL) {
		forget(SHOAL_LIST_ITEM(node, struct shoal_again, node));
	}
	joins->again_trying = 0;
	if (joins->background_timer != NULL) {
		event_free(joins->background_timer);
	}
	joins->background_timer = NULL;
}
