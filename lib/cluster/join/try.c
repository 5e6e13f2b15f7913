/* SPDX-License-Identifier: MIT */
/* Trying a seed: text → hosts of a service, where it is one → addresses → one JOIN of the core each
 * → a result with reasons.
 *
 * The addresses of a name are tried in turn, in the order of RFC 6724 or of the family that is
 * preferred: the next one when the one before has answered or failed, or has said nothing for a
 * while (RFC 8305), so that a dead one costs little. All of them are tried, also behind one that
 * was reached: a name may stand for several members, and members that start together and each stop
 * at the first would form islands. Hosts of a service (RFC 2782) are tried the same way, those of
 * one priority together, and those of the next one only where none of these was reached: once all
 * have failed, or have said nothing for their share of the time.
 *
 * The core takes a bounded number of requests; what it refuses for that reason is asked again on a
 * later turn. Answers come as JOINED events by address, and the first request in flight to that
 * address gets it. Once one was reached, those in flight end unheard.
 *
 * Nothing ends from inside an event: answers are noted here, and shoal_try_reap, which the loop
 * calls when the snapshot with the answers' effects is published, tells the owner. So a join that
 * has returned shows its seed in the list of members. */
#include "cluster/join/try.h"

#include "base/alloc.h"
#include "cluster/join/target.h"
#include "cluster/loop/bound.h"
#include "cluster/loop/listen.h"
#include "cluster/loop/loop.h"

#include <stdio.h>
#include <string.h>

#define NOT_ALLOWED "permission denied: it is outside of what allow names here"
#define NOT_DIALLED "a wildcard, broadcast or multicast address, or port 0, cannot be dialled"

#define PAUSE_MS 250 /* RFC 8305, section 5 */

/* One JOIN that the core works on. Without a try nobody waits for it any more. */
struct shoal_attempt {
	struct shoal_list node;
	struct shoal_try *try;
	struct shoal_target *target;
	struct shoal_addr addr;
};

int
shoal_try_check(const char *text, char *why, size_t len)
{
	struct shoal_seed seed;

	return shoal_seed_parse(&seed, text, why, len);
}

int
shoal_try_fits(const struct shoal_settings *settings, const char *text, char *why, size_t len)
{
	struct shoal_seed seed;
	int rc = shoal_seed_parse(&seed, text, why, len);
	bool web = seed.form == SHOAL_SEED_URL || seed.form == SHOAL_SEED_SERVICE_URL;

	if (rc != 0 || (web ? settings->web.text[0] != '\0' : settings->binds > 0)) {
		return rc;
	}
	snprintf(why, len, "seed \"%.100s\" is reached by %s only, and this member by %s only: %s",
	        text, web ? "http" : "sockets", web ? "sockets" : "http",
	        web ? "bind a URL too, as http://127.0.0.1:8001"
	            : "bind ip:port too, as 127.0.0.1:7946, or join through a URL");
	return SHOAL_ERR_UNSUPPORTED;
}

void
shoal_try_wake(struct shoal_try *try)
{
	try->cluster->joins.waiting = true;
	shoal_loop_touch(try->cluster);
}

static void
on_pause(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shoal_try_wake(arg);
}

/* DNS may name what is no host, which would become another URL than is meant. */
static struct shoal_target *
add_host(struct shoal_try *try, const struct shoal_service *service)
{
	struct shoal_target *target;

	if (!shoal_seed_is_host(service->host)) {
		shoal_reasons_add(&try->why,
		        "%s: a host in the answer is neither a name nor an address", try->seed);
		return NULL;
	}
	target = shoal_target_add(try, service->host, service->port, SHOAL_TRY_TARGET_ADDRS_MAX);
	if (target == NULL) {
		shoal_reasons_add(&try->why, "%s: %s: %s", try->seed, service->host,
		        shoal_strerror(SHOAL_ERR_NOMEM));
	}
	return target;
}

/* One that makes no URL has no address either, and the reason says so. */
static void
name_url(struct shoal_target *target, const struct shoal_service *service)
{
	struct shoal_seed seed;
	struct shoal_url url;
	char why[300];

	if (shoal_seed_parse(&seed, target->try->seed, why, sizeof(why)) == 0 &&
	        shoal_seed_url(&seed, service, &url) == 0) {
		memcpy(target->url, url.text, sizeof(target->url));
		return;
	}
	target->entered = true;
	shoal_target_say(
	        target, NULL, SHOAL_ERR_INVALID, "with the path it makes no URL of a member");
}

static void
on_service(void *arg, const struct shoal_resolve_answer *answer)
{
	struct shoal_try *try = arg;

	try->lookup = NULL;
	if (answer->code != 0) {
		shoal_reasons_add(&try->why, "%s: %s: %s", try->seed, shoal_strerror(answer->code),
		        answer->why);
	}
	for (size_t i = 0; i < answer->n; i++) {
		const struct shoal_service *service = &answer->service[i];
		struct shoal_target *target = add_host(try, service);

		if (target == NULL) {
			continue;
		}
		target->priority = service->priority;
		if (try->form == SHOAL_SEED_SERVICE_URL) {
			name_url(target, service);
		}
	}
	if (answer->left_out > 0) {
		shoal_cluster_log(try->cluster, try->left_out, "join",
		        "seed %s: %zu hosts, of which %zu are tried, drawn by priority and weight",
		        try->seed, answer->n + answer->left_out, answer->n);
	}
	shoal_try_wake(try);
}

static void
release(struct shoal_try *try)
{
	const struct shoal_allocator *mem = try->cluster->mem;

	if (try->lookup != NULL) {
		shoal_lookup_cancel(try->lookup);
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &try->targets) {
		shoal_target_free(SHOAL_LIST_ITEM(node, struct shoal_target, node));
	}
	(void)event_del(&try->pause);
	shoal_alloc_free(mem, try);
}

static int
first_step(struct shoal_try *try, const struct shoal_seed *seed)
{
	uint16_t port = seed->has_port ? seed->port : try->cluster->bound[0].port;
	bool numeric = seed->form == SHOAL_SEED_ADDRESS;
	struct shoal_target *target;

	if (shoal_target_is_service(try)) {
		int rc = shoal_lookup_service(&try->lookup, try->cluster, seed->host,
		        SHOAL_TRY_TARGETS_MAX, on_service, try);

		/* The end of this seed, as where a host's lookup fails; others may be reached. */
		if (rc != 0) {
			shoal_reasons_add(&try->why, "%s: %s", try->seed, shoal_strerror(rc));
		}
		return 0;
	}
	target = shoal_target_add(try, seed->host, port, numeric ? 1 : SHOAL_TRY_ADDRS_MAX);
	if (target == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	if (seed->form == SHOAL_SEED_URL) {
		memcpy(target->url, seed->url.text, sizeof(target->url));
	}
	if (numeric) {
		target->addr[0] = seed->addr;
		target->addr[0].port = port;
		target->count = 1;
	}
	return 0;
}

int
shoal_try_begin(struct shoal_try **out, struct shoal_cluster *cluster, const char *text,
        uint64_t ms, bool again, shoal_try_fn fn, void *arg)
{
	size_t len = strlen(text);
	struct shoal_try *try = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*try) + len + 1);
	struct shoal_seed seed;
	uint64_t share;
	char why[300];
	int rc;

	if (try == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	try->cluster = cluster;
	try->left_out = again ? SHOAL_LOG_DEBUG : SHOAL_LOG_INFO;
	try->fn = fn;
	try->arg = arg;
	memcpy(try->seed, text, len + 1);
	try->ends_at = shoal_clock_mono(&cluster->clock) + SHOAL_MS(ms);
	shoal_list_init(&try->targets);
	evtimer_assign(&try->pause, cluster->base, on_pause, try);
	rc = shoal_seed_parse(&seed, text, why, sizeof(why));
	try->form = seed.form;
	share = ms / 2 /
	        (shoal_target_is_service(try) ? SHOAL_TRY_SERVICE_ADDRS_MAX : SHOAL_TRY_ADDRS_MAX);
	try->pause_ns = SHOAL_MS(share < PAUSE_MS ? share : PAUSE_MS);
	rc = rc == 0 ? first_step(try, &seed) : rc;
	if (rc != 0) {
		release(try);
		return rc;
	}
	shoal_list_push_back(&cluster->joins.tries, &try->node);
	shoal_try_wake(try);
	*out = try;
	return 0;
}

/* Its requests in flight go on without it. */
static void
leave_attempts(struct shoal_try *try, const char *reason)
{
	SHOAL_LIST_FOREACH (node, &try->cluster->joins.attempts) {
		struct shoal_attempt *attempt = SHOAL_LIST_ITEM(node, struct shoal_attempt, node);

		if (attempt->try != try) {
			continue;
		}
		attempt->try = NULL;
		if (reason != NULL) {
			shoal_target_say(
			        attempt->target, &attempt->addr, SHOAL_ERR_TIMEOUT, reason);
		}
	}
	try->open = 0;
}

void
shoal_try_expire(struct shoal_try *try)
{
	const char *reason = shoal_strerror(SHOAL_ERR_TIMEOUT);

	if (try->lookup != NULL) {
		shoal_lookup_cancel(try->lookup);
		try->lookup = NULL;
		shoal_reasons_add(&try->why, "%s: %s: %s", try->seed,
		        shoal_strerror(SHOAL_ERR_RESOLVE), reason);
	}
	leave_attempts(try, reason);
	SHOAL_LIST_FOREACH (node, &try->targets) {
		shoal_target_expire(SHOAL_LIST_ITEM(node, struct shoal_target, node));
	}
	try->expired = true;
	shoal_loop_touch(try->cluster);
}

void
shoal_try_drop(struct shoal_try *try)
{
	leave_attempts(try, NULL);
	shoal_list_remove(&try->node);
	release(try);
}

/* Somebody is there and does not want this member, or is not understood; the others are failures on
 * the way. */
static bool
is_refusal(int code)
{
	return code == SHOAL_ERR_REJECTED || code == SHOAL_ERR_LABEL || code == SHOAL_ERR_VERSION ||
	       code == SHOAL_ERR_ID_CONFLICT || code == SHOAL_ERR_UNSUPPORTED ||
	       code == SHOAL_ERR_AUTH || code == SHOAL_ERR_KEY || code == SHOAL_ERR_CLEAR;
}

void
shoal_try_joined(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_attempt *attempt = NULL;
	struct shoal_target *target;
	struct shoal_try *try;

	SHOAL_LIST_FOREACH (node, &cluster->joins.attempts) {
		attempt = SHOAL_LIST_ITEM(node, struct shoal_attempt, node);
		if (shoal_addr_equal(&attempt->addr, &event->addr)) {
			break;
		}
		attempt = NULL;
	}
	if (attempt == NULL) {
		return;
	}
	try = attempt->try;
	target = attempt->target;
	shoal_list_remove(&attempt->node);
	shoal_alloc_free(cluster->mem, attempt);
	shoal_loop_touch(cluster);
	if (try == NULL) {
		return;
	}
	try->open--;
	try->next_at = 0;
	shoal_try_wake(try);
	if (event->code == 0) {
		try->reached++;
		return;
	}
	try->rejected += is_refusal(event->code);
	shoal_target_say(target, &event->addr, event->code, event->cause.detail);
}

/* Asks the core to join an address. SHOAL_ERR_LIMIT: it takes no more now. */
static int
join(struct shoal_target *target, const struct shoal_addr *addr)
{
	struct shoal_try *try = target->try;
	struct shoal_cluster *cluster = try->cluster;
	struct shoal_input input = {.kind = SHOAL_INPUT_JOIN, .from = *addr};
	struct shoal_attempt *attempt = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*attempt));
	int rc;

	if (attempt == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	/* It must be findable when the core answers at once. */
	attempt->addr = *addr;
	attempt->try = try;
	attempt->target = target;
	shoal_list_push_back(&cluster->joins.attempts, &attempt->node);
	try->open++;
	rc = shoal_loop_input(cluster, &input);
	if (rc != 0) {
		shoal_list_remove(&attempt->node);
		shoal_alloc_free(cluster->mem, attempt);
		try->open--;
	}
	return rc;
}

/* The next address of a target. false: the core takes no more now. */
static bool
ask(struct shoal_target *target)
{
	struct shoal_try *try = target->try;
	const struct shoal_addr *addr = &target->addr[target->next];
	int rc;

	if (shoal_listen_is_self(try->cluster, addr)) {
		try->self++;
		target->next++;
		return true;
	}
	if (!shoal_seed_can_be_dialled(addr) || addr->port == 0) {
		shoal_target_say(target, addr, SHOAL_ERR_INVALID, NOT_DIALLED);
		target->next++;
		return true;
	}
	shoal_bound_dials(try->cluster, addr, target->url);
	try->next_at = shoal_clock_mono(&try->cluster->clock) + try->pause_ns;
	rc = join(target, addr);
	if (rc == SHOAL_ERR_LIMIT) {
		return false;
	}
	if (rc != 0) {
		shoal_target_say(target, addr, rc, rc == SHOAL_ERR_PERMISSION ? NOT_ALLOWED : NULL);
	}
	target->next++;
	return true;
}

/* The first one with an address that was not tried. NULL: there is none now. */
static struct shoal_target *
pick(const struct shoal_try *try)
{
	SHOAL_LIST_FOREACH (node, &try->targets) {
		struct shoal_target *target = SHOAL_LIST_ITEM(node, struct shoal_target, node);

		if (target->entered && target->next < target->count) {
			return target;
		}
	}
	return NULL;
}

static bool
is_looking(const struct shoal_try *try)
{
	SHOAL_LIST_FOREACH (node, &try->targets) {
		if (SHOAL_LIST_ITEM(node, struct shoal_target, node)->lookup != NULL) {
			return true;
		}
	}
	return try->lookup != NULL;
}

/* The first target whose turn has not come, and does where none before it was reached. */
static struct shoal_target *
pick_group(const struct shoal_try *try)
{
	SHOAL_LIST_FOREACH (node, &try->targets) {
		struct shoal_target *target = SHOAL_LIST_ITEM(node, struct shoal_target, node);

		if (!target->entered && try->reached == 0 && !try->expired) {
			return target;
		}
	}
	return NULL;
}

/* When the next priority is tried although hosts of this one have said nothing: what is left of the
 * time is shared by all that are still to be tried, and one share more, for the last answers. */
static uint64_t
patience(const struct shoal_try *try, uint64_t now)
{
	const struct shoal_target *before = NULL;
	uint64_t groups = 1;

	SHOAL_LIST_FOREACH (node, &try->targets) {
		const struct shoal_target *target =
		        SHOAL_LIST_ITEM(node, struct shoal_target, node);

		if (target->entered) {
			continue;
		}
		groups += before == NULL || before->priority != target->priority;
		before = target;
	}
	return now + (try->ends_at > now ? try->ends_at - now : 0) / groups;
}

/* All hosts of the next priority. */
static void
enter_group(struct shoal_try *try, const struct shoal_target *first)
{
	try->patient_until = patience(try, shoal_clock_mono(&try->cluster->clock));
	SHOAL_LIST_FOREACH (node, &try->targets) {
		struct shoal_target *target = SHOAL_LIST_ITEM(node, struct shoal_target, node);

		if (!target->entered && target->priority == first->priority) {
			shoal_target_enter(target);
		}
	}
}

/* Whether it waits for an answer of somebody. */
static bool
is_waiting(const struct shoal_try *try)
{
	return is_looking(try) || (try->open > 0 && try->reached == 0);
}

static void
rest(struct shoal_try *try, uint64_t ns)
{
	const struct timeval in = {.tv_sec = (time_t)(ns / SHOAL_SEC(1)),
	        .tv_usec = (suseconds_t)(ns % SHOAL_SEC(1) / 1000 + 1)};

	(void)evtimer_add(&try->pause, &in);
}

/* false: the core takes no more now. */
static bool
advance(struct shoal_try *try)
{
	for (;;) {
		struct shoal_target *target = pick(try), *group;
		uint64_t now = shoal_clock_mono(&try->cluster->clock);

		if (target != NULL && try->open > 0 && now < try->next_at) {
			rest(try, try->next_at - now);
			return true;
		}
		if (target != NULL && !ask(target)) {
			return false;
		}
		if (target != NULL) {
			continue;
		}
		group = try->lookup == NULL ? pick_group(try) : NULL;
		if (group == NULL) {
			return true;
		}
		if (is_waiting(try) && now < try->patient_until) {
			rest(try, try->patient_until - now);
			return true;
		}
		enter_group(try, group);
	}
}

void
shoal_try_pump(struct shoal_cluster *cluster)
{
	if (!cluster->joins.waiting) {
		return;
	}
	SHOAL_LIST_FOREACH (node, &cluster->joins.tries) {
		if (!advance(SHOAL_LIST_ITEM(node, struct shoal_try, node))) {
			return;
		}
	}
	cluster->joins.waiting = false;
}

static enum shoal_try_result
result_of(const struct shoal_try *try)
{
	if (try->reached > 0) {
		return SHOAL_TRY_REACHED;
	}
	if (try->self > 0 && try->why.len == 0) {
		return SHOAL_TRY_SELF;
	}
	return try->rejected > 0 ? SHOAL_TRY_REJECTED : SHOAL_TRY_FAILED;
}

void
shoal_try_reap(struct shoal_cluster *cluster)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->joins.tries) {
		struct shoal_try *try = SHOAL_LIST_ITEM(node, struct shoal_try, node);

		if (pick(try) != NULL || is_waiting(try) || pick_group(try) != NULL) {
			continue;
		}
		leave_attempts(try, NULL);
		shoal_list_remove(&try->node);
		try->fn(try->arg, try, try->seed, result_of(try), try->why.text);
		release(try);
	}
}

void
shoal_try_forget(struct shoal_cluster *cluster)
{
	struct shoal_list *node;

	while ((node = shoal_list_first(&cluster->joins.attempts)) != NULL) {
		shoal_list_remove(node);
		shoal_alloc_free(cluster->mem, SHOAL_LIST_ITEM(node, struct shoal_attempt, node));
	}
}
