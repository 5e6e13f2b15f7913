/* SPDX-License-Identifier: MIT */
/* Names as the config says they are resolved: by the application's resolver, or by which servers,
 * of which family.
 *
 * A question to name servers has sockets of its own, and after an outage each of thousands of peers
 * has one. So a few are out at once, of seeds and of transports each, since neither shall wait for
 * the other; the rest wait for their turn, in order, and no longer than a question lasts. */
#include "cluster/join/lookup.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "transports/service.h"
#include "transports/socket.h"

#include <event2/event_struct.h>
#include <string.h>

#define OUT_MAX 32

struct shoal_lookup {
	struct shoal_list node; /* among those that wait for their turn */
	struct shoal_cluster *cluster;
	struct shoal_resolve *resolve; /* NULL: the application is asked */
	uint64_t ticket;
	struct event timer; /* its time to answer, or to wait */
	bool placed;        /* one of those that are out */
	enum shoal_name_kind kind;
	uint16_t port;
	size_t most;
	shoal_resolve_fn fn;
	void *arg;
	shoal_transport_found_fn found; /* a transport asks */
	void *found_arg;
	char name[];
};

/* Whose place it is: of seeds or of transports. */
static unsigned
who_of(const struct shoal_lookup *lookup)
{
	return lookup->found != NULL;
}

/* To who has waited longest; it asks on a later turn. */
static void
give_place(struct shoal_cluster *cluster, unsigned who)
{
	struct shoal_list *first = shoal_list_first(&cluster->questions.waiting[who]);

	if (first == NULL) {
		cluster->questions.out[who]--;
		return;
	}
	struct shoal_lookup *lookup = SHOAL_LIST_ITEM(first, struct shoal_lookup, node);

	shoal_list_remove(&lookup->node);
	lookup->placed = true;
	shoal_socket_soon(&lookup->timer);
}

/* Releases it, and tells. */
static void
end(struct shoal_lookup *lookup, const struct shoal_resolve_answer *answer)
{
	struct shoal_lookup last = *lookup;

	shoal_alloc_free(lookup->cluster->mem, lookup);
	if (last.placed) {
		give_place(last.cluster, who_of(&last));
	}
	if (last.found != NULL) {
		last.found(last.found_arg, answer->code, answer->why, answer->addr, answer->n);
	} else {
		last.fn(last.arg, answer);
	}
}

static void
on_resolved(void *arg, const struct shoal_resolve_answer *answer)
{
	end(arg, answer);
}

static void
on_time_over(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_lookup *lookup = arg;

	(void)fd;
	(void)what;
	if (shoal_fork_is_child(lookup->cluster)) {
		return;
	}
	shoal_question_forget(lookup->cluster, lookup->ticket);
	end(lookup, &(struct shoal_resolve_answer){.code = SHOAL_ERR_RESOLVE,
	                    .why = "the application has not answered in time"});
}

void
shoal_lookup_answered(struct shoal_lookup *lookup, const struct shoal_question_answer *said)
{
	struct shoal_addr addr[SHOAL_RESOLVED_MAX];
	struct shoal_resolve_answer answer = {.code = said->code, .why = said->why};

	(void)event_del(&lookup->timer);
	answer.n = said->n < lookup->most ? said->n : lookup->most;
	answer.left_out = said->n - answer.n;
	if (said->service != NULL) {
		(void)shoal_service_order(said->service, said->n, answer.n, &lookup->cluster->rng);
		answer.service = said->service;
	}
	for (size_t i = 0; said->addr != NULL && i < answer.n; i++) {
		addr[i] = said->addr[i];
		addr[i].port = addr[i].port != 0 ? addr[i].port : lookup->port;
		answer.addr = addr;
	}
	end(lookup, &answer);
}

static int
start_timer(struct shoal_lookup *lookup, event_callback_fn fn)
{
	unsigned ms = lookup->cluster->questions.asked_ms;
	const struct timeval in = {
	        .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	evtimer_assign(&lookup->timer, lookup->cluster->base, fn, lookup);
	return evtimer_add(&lookup->timer, &in) != 0 ? SHOAL_ERR_NOMEM : 0;
}

static int
ask(struct shoal_lookup *lookup)
{
	int rc = start_timer(lookup, on_time_over);

	if (rc != 0) {
		return rc;
	}
	rc = shoal_question_ask(
	        lookup->cluster, lookup, lookup->kind, lookup->name, &lookup->ticket);
	if (rc != 0) {
		(void)event_del(&lookup->timer);
	}
	return rc;
}

static int
look(struct shoal_lookup *lookup)
{
	struct shoal_cluster *cluster = lookup->cluster;
	const struct shoal_settings *settings = &cluster->settings;
	const struct shoal_resolve_how how = {.mem = cluster->mem,
	        .base = cluster->base,
	        .server = settings->dns,
	        .servers = settings->dns_count,
	        .family = settings->family,
	        .ms = cluster->questions.asked_ms,
	        .rng = &cluster->rng};

	if (lookup->kind == SHOAL_NAME_HOST) {
		return shoal_resolve_host(&lookup->resolve, &how, lookup->name, lookup->port,
		        lookup->most, on_resolved, lookup);
	}
	return shoal_resolve_service(
	        &lookup->resolve, &how, lookup->name, lookup->most, on_resolved, lookup);
}

/* Its turn has come, or its time to wait is over. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_lookup *lookup = arg;
	int rc;

	(void)fd;
	(void)what;
	if (shoal_fork_is_child(lookup->cluster)) {
		return;
	}
	if (!lookup->placed) {
		shoal_list_remove(&lookup->node);
		end(lookup, &(struct shoal_resolve_answer){.code = SHOAL_ERR_RESOLVE,
		                    .why = "no name server has answered in time"});
		return;
	}
	rc = look(lookup);
	if (rc != 0) {
		end(lookup, &(struct shoal_resolve_answer){.code = rc, .why = shoal_strerror(rc)});
	}
}

/* Of name servers; now, or when its turn has come. */
static int
look_in_turn(struct shoal_lookup *lookup)
{
	struct shoal_questions *questions = &lookup->cluster->questions;
	unsigned who = who_of(lookup);
	int rc;

	if (questions->out[who] == OUT_MAX) {
		rc = start_timer(lookup, on_turn);
		if (rc == 0) {
			shoal_list_push_back(&questions->waiting[who], &lookup->node);
		}
		return rc;
	}
	rc = look(lookup);
	lookup->placed = rc == 0;
	questions->out[who] += rc == 0;
	return rc;
}

static int
begin(struct shoal_lookup **out, const struct shoal_lookup *as, enum shoal_name_kind kind,
        const char *name)
{
	size_t len = strlen(name) + 1;
	struct shoal_lookup *lookup =
	        shoal_alloc_zeroed(as->cluster->mem, 1, sizeof(*lookup) + len);
	int rc;

	if (lookup == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	*lookup = *as;
	lookup->kind = kind;
	memcpy(lookup->name, name, len);
	rc = as->cluster->settings.config.resolver != NULL ? ask(lookup) : look_in_turn(lookup);
	if (rc != 0) {
		shoal_alloc_free(as->cluster->mem, lookup);
		return rc;
	}
	*out = lookup;
	return 0;
}

int
shoal_lookup_host(struct shoal_lookup **lookup, struct shoal_cluster *cluster, const char *host,
        uint16_t port, size_t most, shoal_resolve_fn fn, void *arg)
{
	const struct shoal_lookup as = {
	        .cluster = cluster, .port = port, .most = most, .fn = fn, .arg = arg};

	return begin(lookup, &as, SHOAL_NAME_HOST, host);
}

int
shoal_lookup_service(struct shoal_lookup **lookup, struct shoal_cluster *cluster, const char *name,
        size_t most, shoal_resolve_fn fn, void *arg)
{
	const struct shoal_lookup as = {.cluster = cluster, .most = most, .fn = fn, .arg = arg};

	return begin(lookup, &as, SHOAL_NAME_SERVICE, name);
}

void
shoal_lookup_cancel(struct shoal_lookup *lookup)
{
	struct shoal_cluster *cluster = lookup->cluster;

	if (lookup->resolve != NULL) {
		shoal_resolve_cancel(lookup->resolve);
	} else {
		(void)event_del(&lookup->timer);
		shoal_question_forget(cluster, lookup->ticket);
	}
	if (shoal_list_linked(&lookup->node)) {
		shoal_list_remove(&lookup->node);
	}
	if (lookup->placed) {
		give_place(cluster, who_of(lookup));
	}
	shoal_alloc_free(cluster->mem, lookup);
}

static int
find(void *arg, const char *host, uint16_t port, size_t most, shoal_transport_found_fn found,
        void *found_arg, void **question)
{
	const struct shoal_lookup as = {
	        .cluster = arg, .port = port, .most = most, .found = found, .found_arg = found_arg};
	struct shoal_lookup *lookup = NULL;
	int rc = begin(&lookup, &as, SHOAL_NAME_HOST, host);

	*question = lookup;
	return rc;
}

static void
cancel(void *arg, void *question)
{
	(void)arg;
	shoal_lookup_cancel(question);
}

struct shoal_transport_names
shoal_lookup_names(struct shoal_cluster *cluster)
{
	return (struct shoal_transport_names){.find = find, .cancel = cancel, .arg = cluster};
}
