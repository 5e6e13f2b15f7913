/* SPDX-License-Identifier: MIT */
/* Trying a seed: text → name or number → addresses → one JOIN of the core each → a result with
 * reasons.
 *
 * Every address of a name is tried, at the same time, since a name may stand for several members or
 * for one that can be reached in one way only. The core takes a bounded number of requests; what it
 * refuses for that reason is asked again on a later turn. Answers come as JOINED events by address,
 * and the first request in flight to that address gets it.
 *
 * Nothing ends from inside an event: answers are noted here, and shoal_try_reap, which the loop
 * calls when the snapshot with the answers' effects is published, tells the owner. So a join that
 * has returned shows its seed in the list of members. */
#include "cluster/join/try.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "cluster/join/address.h"
#include "cluster/loop/listen.h"
#include "cluster/loop/loop.h"
#include "cluster/report/reasons.h"
#include "transports/resolve.h"

#include <stdio.h>
#include <string.h>

#define FORMS       "allowed are ip:port, [v6]:port, host:port, host and http://host:port/path"
#define NOT_ALLOWED "permission denied: it is outside of what allow names here"
#define NOT_DIALLED "a wildcard, broadcast or multicast address cannot be dialled"

struct shoal_try {
	struct shoal_list node;
	struct shoal_cluster *cluster;
	shoal_try_fn fn;
	void *arg;
	struct shoal_resolve *resolve; /* while the name is looked up */
	bool named; /* the host is a name                                         */
	struct shoal_addr addr[SHOAL_TRY_ADDRS_MAX];
	size_t count, next; /* addresses, and those that the core was asked for */
	size_t open; /* of those, without an answer                                           */
	size_t self, reached, rejected;
	struct shoal_reasons why;
	uint16_t port;
	char seed[]; /* as the user wrote it */
};

/* One JOIN that the core works on. Without a try nobody waits for it any more. */
struct shoal_attempt {
	struct shoal_list node;
	struct shoal_try *try;
	struct shoal_addr addr;
};

static bool
can_be_dialled(const struct shoal_addr *addr)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (shoal_addr_is_wildcard(addr)) {
		return false;
	}
	if (shoal_addr_is_ipv4(addr)) {
		return (addr->ip[12] & 0xf0) != 0xe0 &&
		       memcmp(addr->ip + 12, broadcast, sizeof(broadcast)) != 0;
	}
	return addr->ip[0] != 0xff;
}

/* What is wrong with a seed; NULL: nothing. A host that looks like a number must be one: a name
 * server would be asked for ever and know nothing. */
static const char *
fault_of(const char *seed)
{
	struct shoal_address_parts parts;
	struct shoal_addr addr;

	if (shoal_address_split(&parts, seed) != 0 || strpbrk(parts.host, " \t\r\n/[]") != NULL) {
		return FORMS;
	}
	if (parts.has_port && parts.port == 0) {
		return "port 0 cannot be dialled; allowed are 1 to 65535";
	}
	if (shoal_address_numeric(&addr, parts.host, parts.port) == 0) {
		return can_be_dialled(&addr) ? NULL : NOT_DIALLED;
	}
	if (strpbrk(parts.host, ":%") != NULL ||
	        strspn(parts.host, "0123456789.") == strlen(parts.host)) {
		return "the address is not valid; " FORMS;
	}
	return NULL;
}

/* The same of a URL. */
static const char *
fault_of_url(const char *seed)
{
	struct shoal_url url;
	const char *why;

	if (shoal_url_parse(&url, seed, strlen(seed), &why) != 0) {
		return why;
	}
	if (url.port == 0) {
		return "port 0 cannot be dialled; allowed are 1 to 65535";
	}
	return shoal_url_is_wildcard(&url) ? NOT_DIALLED : NULL;
}

int
shoal_try_check(const char *seed, char *why, size_t len)
{
	bool is_url = shoal_address_is_url(seed);
	const char *fault;

	if (!is_url && (strncmp(seed, "srv+", 4) == 0 || strstr(seed, "://") != NULL)) {
		snprintf(why, len, "seed \"%.100s\": this form is not supported by this build",
		        seed);
		return SHOAL_ERR_UNSUPPORTED;
	}
	fault = is_url ? fault_of_url(seed) : fault_of(seed);
	if (fault == NULL) {
		return 0;
	}
	snprintf(why, len, "seed \"%.100s\": %s", seed, fault);
	return SHOAL_ERR_INVALID;
}

int
shoal_try_fits(const struct shoal_settings *settings, const char *seed, char *why, size_t len)
{
	bool is_url = shoal_address_is_url(seed);

	if (is_url ? settings->web.text[0] != '\0' : settings->binds > 0) {
		return 0;
	}
	snprintf(why, len, "seed \"%.100s\" is reached by %s only, and this member by %s only: %s",
	        seed, is_url ? "http" : "sockets", is_url ? "sockets" : "http",
	        is_url ? "bind a URL too, as http://127.0.0.1:8001"
	               : "bind ip:port too, as 127.0.0.1:7946, or join through a URL");
	return SHOAL_ERR_UNSUPPORTED;
}

static void
say_address(struct shoal_try *try, const struct shoal_addr *addr, int code, const char *detail)
{
	const char *reason = detail != NULL && *detail != '\0' ? detail : shoal_strerror(code);
	char text[SHOAL_ADDR_TEXT];

	shoal_addr_print(addr, text, sizeof(text));
	if (shoal_addr_is_web(addr)) {
		shoal_reasons_add(&try->why, "%s: %s", try->seed, reason);
	} else if (try->named) {
		shoal_reasons_add(&try->why, "%s at %s: %s", try->seed, text, reason);
	} else {
		shoal_reasons_add(&try->why, "%s: %s", text, reason);
	}
}

static void
on_resolved(void *arg, int code, const char *why, const struct shoal_addr *addr, size_t n)
{
	struct shoal_try *try = arg;

	try->resolve = NULL;
	if (code != 0) {
		shoal_reasons_add(&try->why, "%s: %s: %s", try->seed, shoal_strerror(code), why);
	} else {
		memcpy(try->addr, addr, n * sizeof(*addr));
	}
	try->count = n;
	try->cluster->joins.waiting = true;
	shoal_loop_touch(try->cluster);
}

/* A member by its URL: the transport knows from now on what that address stands for. */
static int
add_url(struct shoal_try *try, const char *url)
{
	const struct shoal_transport *web = try->cluster->web;
	struct shoal_addr *addr = &try->addr[try->count];
	int rc = shoal_addr_from_url(addr, url);

	if (rc == 0) {
		rc = web->ops->know(web->self, addr, url);
	}
	try->count += rc == 0;
	return rc;
}

static int
add_host(struct shoal_try *try, const char *seed)
{
	struct shoal_cluster *cluster = try->cluster;
	struct shoal_address_parts parts;
	int rc = shoal_address_split(&parts, seed);

	if (rc != 0) {
		return rc;
	}
	try->port = parts.has_port ? parts.port : cluster->bound[0].port;
	if (shoal_address_numeric(&try->addr[0], parts.host, try->port) == 0) {
		try->count = 1;
		return 0;
	}
	try->named = true;
	return shoal_resolve_begin(&try->resolve, cluster->mem, cluster->base, parts.host,
	        try->port, SHOAL_TRY_ADDRS_MAX, on_resolved, try);
}

int
shoal_try_begin(struct shoal_try **out, struct shoal_cluster *cluster, const char *seed,
        shoal_try_fn fn, void *arg)
{
	size_t len = strlen(seed);
	struct shoal_try *try = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*try) + len + 1);
	int rc;

	if (try == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	try->cluster = cluster;
	try->fn = fn;
	try->arg = arg;
	memcpy(try->seed, seed, len + 1);
	rc = shoal_address_is_url(seed) ? add_url(try, seed) : add_host(try, seed);
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, try);
		return rc;
	}
	shoal_list_push_back(&cluster->joins.tries, &try->node);
	cluster->joins.waiting = true;
	shoal_loop_touch(cluster);
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
			say_address(try, &attempt->addr, SHOAL_ERR_TIMEOUT, reason);
		}
	}
	try->open = 0;
}

void
shoal_try_expire(struct shoal_try *try)
{
	const char *reason = shoal_strerror(SHOAL_ERR_TIMEOUT);

	if (try->resolve != NULL) {
		shoal_resolve_cancel(try->resolve);
		try->resolve = NULL;
		shoal_reasons_add(&try->why, "%s: %s: %s", try->seed,
		        shoal_strerror(SHOAL_ERR_RESOLVE), reason);
	}
	leave_attempts(try, reason);
	while (try->next < try->count) {
		say_address(try, &try->addr[try->next++], SHOAL_ERR_TIMEOUT, reason);
	}
	shoal_loop_touch(try->cluster);
}

void
shoal_try_drop(struct shoal_try *try)
{
	if (try->resolve != NULL) {
		shoal_resolve_cancel(try->resolve);
	}
	leave_attempts(try, NULL);
	shoal_list_remove(&try->node);
	shoal_alloc_free(try->cluster->mem, try);
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
	shoal_list_remove(&attempt->node);
	shoal_alloc_free(cluster->mem, attempt);
	shoal_loop_touch(cluster);
	if (try == NULL) {
		return;
	}
	try->open--;
	if (event->code == 0) {
		try->reached++;
		return;
	}
	try->rejected += is_refusal(event->code);
	say_address(try, &event->addr, event->code, event->cause.detail);
}

/* Asks the core to join the next address. false: it takes no more now. */
static bool
ask(struct shoal_try *try)
{
	struct shoal_cluster *cluster = try->cluster;
	struct shoal_input input = {.kind = SHOAL_INPUT_JOIN, .from = try->addr[try->next]};
	struct shoal_attempt *attempt;
	int rc = SHOAL_ERR_NOMEM;

	if (shoal_listen_is_self(cluster, &input.from)) {
		try->self++;
		try->next++;
		return true;
	}
	if (!can_be_dialled(&input.from)) {
		say_address(try, &input.from, SHOAL_ERR_INVALID, NOT_DIALLED);
		try->next++;
		return true;
	}
	attempt = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*attempt));
	if (attempt != NULL) {
		/* It must be findable when the core answers at once. */
		attempt->addr = input.from;
		attempt->try = try;
		shoal_list_push_back(&cluster->joins.attempts, &attempt->node);
		try->open++;
		rc = shoal_loop_input(cluster, &input);
		if (rc != 0) {
			shoal_list_remove(&attempt->node);
			shoal_alloc_free(cluster->mem, attempt);
			try->open--;
		}
	}
	if (rc == SHOAL_ERR_LIMIT) {
		return false;
	}
	if (rc != 0) {
		say_address(try, &input.from, rc, rc == SHOAL_ERR_PERMISSION ? NOT_ALLOWED : NULL);
	}
	try->next++;
	return true;
}

void
shoal_try_pump(struct shoal_cluster *cluster)
{
	if (!cluster->joins.waiting) {
		return;
	}
	SHOAL_LIST_FOREACH (node, &cluster->joins.tries) {
		struct shoal_try *try = SHOAL_LIST_ITEM(node, struct shoal_try, node);

		while (try->next < try->count) {
			if (!ask(try)) {
				return;
			}
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
	if (try->self > 0 && try->self == try->count) {
		return SHOAL_TRY_SELF;
	}
	return try->rejected > 0 ? SHOAL_TRY_REJECTED : SHOAL_TRY_FAILED;
}

void
shoal_try_reap(struct shoal_cluster *cluster)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &cluster->joins.tries) {
		struct shoal_try *try = SHOAL_LIST_ITEM(node, struct shoal_try, node);

		if (try->resolve != NULL || try->next < try->count || try->open > 0) {
			continue;
		}
		shoal_list_remove(&try->node);
		try->fn(try->arg, try, try->seed, result_of(try), try->why.text);
		shoal_alloc_free(cluster->mem, try);
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
