/* SPDX-License-Identifier: MIT */
/* Name resolution on the loop with c-ares.
 *
 * One channel a question: it reads resolv.conf and the hosts file anew, which is what a member that
 * retries for days needs, and it makes ending a question as simple as destroying its channel.
 * Nothing is kept of an answer. c-ares tells by a callback which sockets it wants to be watched,
 * and by ares_timeout when it wants to be called without news. Its answer may come from inside any
 * call into it, also at once; it is kept and told on a later turn of the loop, because a channel
 * must not be destroyed from inside.
 *
 * c-ares does what is c-ares' matter: several servers in turn, TCP where an answer was cut, chains
 * of CNAME, the order of RFC 6724. A server that fails or refuses is left out like one that cannot
 * be reached, and where that was the last one nobody would know why; so that question is asked once
 * more with the server's word taken for an answer.
 *
 * Memory: c-ares holds an answer until it is told, 64 KiB as DNS has it and its addresses; what is
 * kept is bounded by `most`.
 * Time: for the order c-ares opens a socket for each address of an answer; so many are allowed, see
 * resolve_sockets.c, that the longest answer that DNS can carry holds the loop up for some
 * milliseconds.
 *
 * c-ares tries each of the servers three times, with each of the search domains: minutes, where
 * none of them says anything. A question has a time of its own besides.
 *
 * In a child of fork nothing is done: the sockets, and what comes there, are the parent's.
 *
 * Written against c-ares 1.18.1; only functions that 1.34 still offers are used. */
#include "transports/resolve.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/list.h"
#include "transports/process.h"
#include "transports/service.h"
#include "transports/socket.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define TRY_TIMEOUT_MS 2000
#define TRIES          3
#define SOCKETS        256

struct watched {
	struct shoal_list node;
	struct shoal_resolve *resolve;
	ares_socket_t fd;
	struct event *event;
};

struct shoal_resolve {
	const struct shoal_allocator *mem;
	struct event_base *base;
	struct shoal_rng *rng;
	struct shoal_addr server[SHOAL_ADDRS_MAX];
	size_t servers;
	enum shoal_family family;
	struct shoal_transport_names names; /* with find: all that is asked, is asked there */
	void *question;
	ares_channel channel;
	uint64_t owner; /* the process whose sockets these are */
	unsigned ms;
	unsigned sockets; /* that c-ares may open yet */
	bool has_channel, canceled, again, starved;
	struct event *timer, *end;
	struct shoal_list watched;
	shoal_resolve_fn fn;
	void *arg;
	int status; /* of c-ares */
	bool none;  /* a service that is said not to be offered */
	uint16_t port;
	size_t most, count, left_out;
	struct shoal_addr *addr;       /* of a host */
	struct shoal_service *service; /* of a service */
	char (*name)[SHOAL_HOST_MAX + 1];
	char asked[];
};

static pthread_once_t library = PTHREAD_ONCE_INIT;
static int library_status;

static void
init_library(void)
{
	library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static void
arm_timer(struct shoal_resolve *resolve)
{
	struct timeval at, *in = ares_timeout(resolve->channel, NULL, &at);

	if (in == NULL || event_add(resolve->timer, in) != 0) {
		(void)event_del(resolve->timer);
	}
}

static void
process(struct shoal_resolve *resolve, ares_socket_t readable, ares_socket_t writable)
{
	ares_process_fd(resolve->channel, readable, writable);
	arm_timer(resolve);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_resolve *resolve = arg;

	(void)fd;
	(void)what;
	if (!shoal_socket_is_forked(resolve->owner)) {
		process(resolve, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	const struct watched *watched = arg;

	if (!shoal_socket_is_forked(watched->resolve->owner)) {
		process(watched->resolve, what & EV_READ ? fd : ARES_SOCKET_BAD,
		        what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	}
}

static void
unwatch(struct watched *watched)
{
	if (watched->event != NULL) {
		event_free(watched->event);
	}
	shoal_list_remove(&watched->node);
	shoal_alloc_free(watched->resolve->mem, watched);
}

static struct watched *
find_watched(struct shoal_resolve *resolve, ares_socket_t fd)
{
	SHOAL_LIST_FOREACH (node, &resolve->watched) {
		struct watched *watched = SHOAL_LIST_ITEM(node, struct watched, node);

		if (watched->fd == fd) {
			return watched;
		}
	}
	return NULL;
}

static void
starve(struct shoal_resolve *resolve)
{
	resolve->starved = true;
	event_active(resolve->end, EV_TIMEOUT, 0);
}

/* c-ares wants a socket to be watched differently. Without memory for that the question ends. */
static void
on_watch(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct shoal_resolve *resolve = arg;
	struct watched *watched = find_watched(resolve, fd);
	short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);

	if (watched != NULL && !readable && !writable) {
		unwatch(watched);
		return;
	}
	if (!readable && !writable) {
		return;
	}
	if (watched == NULL) {
		watched = shoal_alloc_zeroed(resolve->mem, 1, sizeof(*watched));
		if (watched == NULL) {
			starve(resolve);
			return;
		}
		watched->resolve = resolve;
		watched->fd = fd;
		shoal_list_push_back(&resolve->watched, &watched->node);
	}
	if (watched->event != NULL) {
		event_free(watched->event);
	}
	watched->event = event_new(resolve->base, fd, what, on_socket, watched);
	if (watched->event == NULL || event_add(watched->event, NULL) != 0) {
		unwatch(watched);
		starve(resolve);
	}
}

static bool
is_known(const struct shoal_resolve *resolve, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < resolve->count; i++) {
		if (shoal_addr_equal(&resolve->addr[i], addr)) {
			return true;
		}
	}
	return false;
}

static void
take_address(struct shoal_resolve *resolve, const struct sockaddr *sa)
{
	struct shoal_addr addr;

	if (!shoal_socket_to_addr(&addr, sa)) {
		return;
	}
	addr.port = resolve->port;
	if (is_known(resolve, &addr)) {
		return; /* a hosts file may name one twice */
	}
	if (resolve->count == resolve->most) {
		resolve->left_out++;
		return;
	}
	resolve->addr[resolve->count++] = addr;
}

static int
family_of(enum shoal_family family)
{
	return family == SHOAL_FAMILY_IPV4   ? AF_INET
	       : family == SHOAL_FAMILY_IPV6 ? AF_INET6
	                                     : AF_UNSPEC;
}

/* Those of the family that comes first, then the others, each in the order of the answer. */
static void
take_addresses(struct shoal_resolve *resolve, const struct ares_addrinfo *answer)
{
	int first = resolve->family == SHOAL_FAMILY_IPV4_FIRST   ? AF_INET
	            : resolve->family == SHOAL_FAMILY_IPV6_FIRST ? AF_INET6
	                                                         : AF_UNSPEC;
	const struct ares_addrinfo_node *node;

	for (node = answer->nodes; node != NULL; node = node->ai_next) {
		if (first == AF_UNSPEC || node->ai_family == first) {
			take_address(resolve, node->ai_addr);
		}
	}
	for (node = answer->nodes; node != NULL && first != AF_UNSPEC; node = node->ai_next) {
		if (node->ai_family != first) {
			take_address(resolve, node->ai_addr);
		}
	}
}

static void
on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *answer)
{
	struct shoal_resolve *resolve = arg;

	(void)timeouts;
	if (!resolve->canceled) {
		resolve->status = status;
		if (answer != NULL) {
			take_addresses(resolve, answer);
		}
		event_active(resolve->end, EV_TIMEOUT, 0);
	}
	if (answer != NULL) {
		ares_freeaddrinfo(answer);
	}
}

/* All records take part in the choice, and those that are chosen are copied. */
static int
take_services(struct shoal_resolve *resolve, const struct ares_srv_reply *reply)
{
	const struct ares_srv_reply *at;
	struct shoal_service *all;
	size_t n = 0;

	for (at = reply; at != NULL; at = at->next) {
		n++;
	}
	all = shoal_alloc_zeroed(resolve->mem, n + 1, sizeof(*all));
	if (all == NULL) {
		return ARES_ENOMEM;
	}
	n = 0;
	for (at = reply; at != NULL; at = at->next) {
		size_t len = strlen(at->host);

		if (len == 0 || strcmp(at->host, ".") == 0 || len > SHOAL_HOST_MAX) {
			resolve->none = resolve->none || len <= 1;
			continue;
		}
		all[n++] = (struct shoal_service){.host = at->host,
		        .port = at->port,
		        .priority = at->priority,
		        .weight = at->weight};
	}
	resolve->count = shoal_service_order(all, n, resolve->most, resolve->rng);
	resolve->left_out = n - resolve->count;
	for (size_t i = 0; i < resolve->count; i++) {
		resolve->service[i] = all[i];
		memcpy(resolve->name[i], all[i].host, strlen(all[i].host) + 1);
		resolve->service[i].host = resolve->name[i];
	}
	shoal_alloc_free(resolve->mem, all);
	return ARES_SUCCESS;
}

static void
on_services(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct shoal_resolve *resolve = arg;
	struct ares_srv_reply *reply = NULL;

	(void)timeouts;
	if (resolve->canceled) {
		return;
	}
	if (status == ARES_SUCCESS) {
		status = ares_parse_srv_reply(data, len, &reply);
	}
	if (status == ARES_SUCCESS) {
		status = take_services(resolve, reply);
	}
	if (reply != NULL) {
		ares_free_data(reply);
	}
	resolve->status = status;
	event_active(resolve->end, EV_TIMEOUT, 0);
}

static void
close_channel(struct shoal_resolve *resolve)
{
	resolve->canceled = true;
	if (resolve->has_channel) {
		ares_destroy(resolve->channel);
	}
	resolve->has_channel = false;
	SHOAL_LIST_FOREACH_SAFE (node, after, &resolve->watched) {
		unwatch(SHOAL_LIST_ITEM(node, struct watched, node));
	}
	resolve->canceled = false;
}

static void
release(struct shoal_resolve *resolve)
{
	close_channel(resolve);
	if (resolve->timer != NULL) {
		event_free(resolve->timer);
	}
	if (resolve->end != NULL) {
		event_free(resolve->end);
	}
	shoal_alloc_free(resolve->mem, resolve->addr);
	shoal_alloc_free(resolve->mem, resolve->service);
	shoal_alloc_free(resolve->mem, resolve->name);
	shoal_alloc_free(resolve->mem, resolve);
}

/* "1.2.3.4:53,[2001:db8::1]:53" */
static int
set_servers(struct shoal_resolve *resolve)
{
	char text[SHOAL_ADDRS_MAX * (SHOAL_ADDR_TEXT + 1)];
	size_t at = 0;

	for (size_t i = 0; i < resolve->servers; i++) {
		char one[SHOAL_ADDR_TEXT];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i > 0 ? "," : "",
		        shoal_addr_print(&resolve->server[i], one, sizeof(one)));
	}
	return at > 0 ? ares_set_servers_ports_csv(resolve->channel, text) : ARES_SUCCESS;
}

static int
open_channel(struct shoal_resolve *resolve)
{
	struct ares_options options = {.flags = resolve->again ? ARES_FLAG_NOCHECKRESP : 0,
	        .timeout = TRY_TIMEOUT_MS,
	        .tries = TRIES,
	        .sock_state_cb = on_watch,
	        .sock_state_cb_data = resolve};
	int status;

	pthread_once(&library, init_library);
	status = library_status;
	if (status == ARES_SUCCESS) {
		status = ares_init_options(&resolve->channel, &options,
		        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		                ARES_OPT_SOCK_STATE_CB);
	}
	resolve->has_channel = status == ARES_SUCCESS;
	if (status == ARES_SUCCESS) {
		resolve->sockets = SOCKETS;
		shoal_resolve_sockets(resolve->channel, &resolve->sockets);
		status = set_servers(resolve);
	}
	if (status == ARES_SUCCESS) {
		return 0;
	}
	return status == ARES_ENOMEM ? SHOAL_ERR_NOMEM : SHOAL_ERR_SYSTEM;
}

static int
ask(struct shoal_resolve *resolve)
{
	const struct ares_addrinfo_hints hints = {
	        .ai_family = family_of(resolve->family), .ai_socktype = SOCK_STREAM};
	const struct timeval in = {.tv_sec = (time_t)(resolve->ms / 1000),
	        .tv_usec = (suseconds_t)(resolve->ms % 1000) * 1000};
	int rc = open_channel(resolve);

	if (rc != 0) {
		return rc;
	}
	resolve->status = ARES_ETIMEOUT; /* unless it is told another one in time */
	if (event_add(resolve->end, &in) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	if (resolve->service != NULL) {
		ares_search(
		        resolve->channel, resolve->asked, ns_c_in, ns_t_srv, on_services, resolve);
	} else {
		ares_getaddrinfo(
		        resolve->channel, resolve->asked, NULL, &hints, on_addresses, resolve);
	}
	arm_timer(resolve);
	return 0;
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_resolve *resolve = arg;
	struct shoal_resolve_answer answer = {.addr = resolve->addr,
	        .service = resolve->service,
	        .n = resolve->count,
	        .left_out = resolve->left_out};

	(void)fd;
	(void)what;
	if (shoal_socket_is_forked(resolve->owner)) {
		return;
	}
	if (resolve->starved) {
		resolve->status = ARES_ENOMEM;
	}
	if (resolve->status == ARES_ECONNREFUSED && !resolve->again) {
		resolve->again = true;
		close_channel(resolve);
		if (ask(resolve) == 0) {
			return;
		}
	}
	if (answer.n == 0) {
		answer.code = resolve->status == ARES_ENOMEM ? SHOAL_ERR_NOMEM : SHOAL_ERR_RESOLVE;
		answer.why = shoal_resolve_why(
		        resolve->status, resolve->family, resolve->service != NULL, resolve->none);
	}
	resolve->fn(resolve->arg, &answer);
	release(resolve);
}

static void
on_found(void *arg, int code, const char *reason, const struct shoal_addr *addr, size_t n)
{
	struct shoal_resolve *resolve = arg;
	const struct shoal_resolve_answer answer = {
	        .code = code, .why = reason, .addr = addr, .n = n};

	resolve->fn(resolve->arg, &answer);
	shoal_alloc_free(resolve->mem, resolve);
}

/* It is the host's to answer. */
static int
ask_host(struct shoal_resolve **out, const struct shoal_resolve_how *how, const char *host,
        uint16_t port, size_t most, shoal_resolve_fn fn, void *arg)
{
	struct shoal_resolve *resolve = shoal_alloc_zeroed(how->mem, 1, sizeof(*resolve));
	int rc = SHOAL_ERR_NOMEM;

	if (resolve != NULL) {
		resolve->mem = how->mem;
		resolve->names = *how->names;
		resolve->fn = fn;
		resolve->arg = arg;
		rc = how->names->find(
		        how->names->arg, host, port, most, on_found, resolve, &resolve->question);
	}
	if (rc != 0) {
		shoal_alloc_free(how->mem, resolve);
		return rc;
	}
	*out = resolve;
	return 0;
}

/* A question that is not asked yet. */
static struct shoal_resolve *
make(const struct shoal_resolve_how *how, const char *asked, size_t most, shoal_resolve_fn fn,
        void *arg)
{
	size_t len = strlen(asked) + 1;
	struct shoal_resolve *resolve = shoal_alloc_zeroed(how->mem, 1, sizeof(*resolve) + len);

	if (resolve == NULL) {
		return NULL;
	}
	memcpy(resolve->asked, asked, len);
	resolve->mem = how->mem;
	resolve->base = how->base;
	resolve->rng = how->rng;
	resolve->family = how->family;
	resolve->owner = shoal_process_number();
	resolve->ms = how->ms != 0 ? how->ms : SHOAL_RESOLVED_MS;
	resolve->servers = how->servers;
	if (how->servers > 0) {
		memcpy(resolve->server, how->server, how->servers * sizeof(*how->server));
	}
	resolve->fn = fn;
	resolve->arg = arg;
	resolve->most = most;
	shoal_list_init(&resolve->watched);
	resolve->timer = event_new(how->base, -1, 0, on_timer, resolve);
	resolve->end = event_new(how->base, -1, 0, on_end, resolve);
	return resolve;
}

static int
begin(struct shoal_resolve **out, struct shoal_resolve *resolve, bool has_room)
{
	int rc = SHOAL_ERR_NOMEM;

	if (has_room && resolve->timer != NULL && resolve->end != NULL) {
		rc = ask(resolve);
	}
	if (rc != 0) {
		release(resolve);
		return rc;
	}
	*out = resolve;
	return 0;
}

int
shoal_resolve_host(struct shoal_resolve **out, const struct shoal_resolve_how *how,
        const char *host, uint16_t port, size_t most, shoal_resolve_fn fn, void *arg)
{
	struct shoal_resolve *resolve;

	if (how->names != NULL && how->names->find != NULL) {
		return ask_host(out, how, host, port, most, fn, arg);
	}
	resolve = make(how, host, most, fn, arg);
	if (resolve == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	resolve->port = port;
	resolve->addr = shoal_alloc_zeroed(how->mem, most, sizeof(*resolve->addr));
	return begin(out, resolve, resolve->addr != NULL);
}

int
shoal_resolve_service(struct shoal_resolve **out, const struct shoal_resolve_how *how,
        const char *name, size_t most, shoal_resolve_fn fn, void *arg)
{
	struct shoal_resolve *resolve = make(how, name, most, fn, arg);

	if (resolve == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	resolve->service = shoal_alloc_zeroed(how->mem, most, sizeof(*resolve->service));
	resolve->name = shoal_alloc_zeroed(how->mem, most, sizeof(*resolve->name));
	return begin(out, resolve, resolve->service != NULL && resolve->name != NULL);
}

void
shoal_resolve_cancel(struct shoal_resolve *resolve)
{
	if (resolve->names.find != NULL) {
		resolve->names.cancel(resolve->names.arg, resolve->question);
		shoal_alloc_free(resolve->mem, resolve);
		return;
	}
	release(resolve);
}
