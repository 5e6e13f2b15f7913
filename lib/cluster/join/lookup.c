/* SPDX-License-Identifier: MIT */
/* Names as the config says they are resolved: by the application's resolver, or by which servers,
 * of which family. */
#include "cluster/join/lookup.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "transports/service.h"

#include <event2/event_struct.h>

struct shoal_lookup {
	struct shoal_cluster *cluster;
	struct shoal_resolve *resolve; /* NULL: the application is asked */
	uint64_t ticket;
	struct event timer; /* its time to answer */
	uint16_t port;
	size_t most;
	shoal_resolve_fn fn;
	void *arg;
	shoal_transport_found_fn found; /* a transport asks */
	void *found_arg;
};

/* Releases it, and tells. */
static void
end(struct shoal_lookup *lookup, const struct shoal_resolve_answer *answer)
{
	struct shoal_lookup last = *lookup;

	shoal_alloc_free(lookup->cluster->mem, lookup);
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
ask(struct shoal_lookup *lookup, enum shoal_name_kind kind, const char *name)
{
	struct shoal_cluster *cluster = lookup->cluster;
	unsigned ms = cluster->questions.asked_ms;
	const struct timeval in = {
	        .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	int rc;

	evtimer_assign(&lookup->timer, cluster->base, on_time_over, lookup);
	if (evtimer_add(&lookup->timer, &in) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	rc = shoal_question_ask(cluster, lookup, kind, name, &lookup->ticket);
	if (rc != 0) {
		(void)event_del(&lookup->timer);
	}
	return rc;
}

static int
look(struct shoal_lookup *lookup, enum shoal_name_kind kind, const char *name)
{
	struct shoal_cluster *cluster = lookup->cluster;
	const struct shoal_settings *settings = &cluster->settings;
	const struct shoal_resolve_how how = {.mem = cluster->mem,
	        .base = cluster->base,
	        .server = settings->dns,
	        .servers = settings->dns_count,
	        .family = settings->family,
	        .rng = &cluster->rng};

	if (settings->config.resolver != NULL) {
		return ask(lookup, kind, name);
	}
	return kind == SHOAL_NAME_HOST ? shoal_resolve_host(&lookup->resolve, &how, name,
	                                         lookup->port, lookup->most, on_resolved, lookup)
	                               : shoal_resolve_service(&lookup->resolve, &how, name,
	                                         lookup->most, on_resolved, lookup);
}

static int
begin(struct shoal_lookup **out, const struct shoal_lookup *as, enum shoal_name_kind kind,
        const char *name)
{
	struct shoal_lookup *lookup = shoal_alloc_zeroed(as->cluster->mem, 1, sizeof(*lookup));
	int rc;

	if (lookup == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	*lookup = *as;
	rc = look(lookup, kind, name);
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
	if (lookup->resolve != NULL) {
		shoal_resolve_cancel(lookup->resolve);
	} else {
		(void)event_del(&lookup->timer);
		shoal_question_forget(lookup->cluster, lookup->ticket);
	}
	shoal_alloc_free(lookup->cluster->mem, lookup);
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
