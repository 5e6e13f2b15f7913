/* SPDX-License-Identifier: MIT */
/* Name resolution on the loop with c-ares.
 *
 * One channel a question: it reads resolv.conf and the hosts file anew, which is what a member that
 * retries for days needs, and it makes ending a question as simple as destroying its channel.
 * c-ares tells by a callback which sockets it wants to be watched, and by ares_timeout when it
 * wants to be called without news. Its answer may come from inside any call into it, also at once;
 * it is kept and told on a later turn of the loop, because a channel must not be destroyed from
 * inside.
 *
 * Written against c-ares 1.18.1; only functions that 1.34 still offers are used. */
#include "transports/resolve.h"

#include "base/alloc.h"
#include "base/list.h"
#include "transports/socket.h"

#include <ares.h>
#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>

#define TRY_TIMEOUT_MS 2000
#define TRIES          3

struct watched {
	struct shoal_list node;
	struct shoal_resolve *resolve;
	ares_socket_t fd;
	struct event *event;
};

struct shoal_resolve {
	const struct shoal_allocator *mem;
	struct event_base *base;
	ares_channel channel;
	bool has_channel, canceled;
	struct event *timer, *end;
	struct shoal_list watched;
	shoal_resolve_fn fn;
	void *arg;
	uint16_t port;
	int status; /* of c-ares */
	size_t most, count;
	struct shoal_addr addr[];
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
	(void)fd;
	(void)what;
	process(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	const struct watched *watched = arg;

	process(watched->resolve, what & EV_READ ? fd : ARES_SOCKET_BAD,
	        what & EV_WRITE ? fd : ARES_SOCKET_BAD);
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

/* c-ares wants a socket to be watched differently. Without memory it is not, and the question times
 * out. */
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
	}
}

static void
take_address(struct shoal_resolve *resolve, const struct sockaddr *sa)
{
	struct shoal_addr *addr = &resolve->addr[resolve->count];

	if (shoal_socket_to_addr(addr, sa)) {
		addr->port = resolve->port;
		resolve->count++;
	}
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *answer)
{
	struct shoal_resolve *resolve = arg;
	struct ares_addrinfo_node *node = answer != NULL ? answer->nodes : NULL;

	(void)timeouts;
	if (!resolve->canceled) {
		resolve->status = status;
		for (; node != NULL && resolve->count < resolve->most; node = node->ai_next) {
			take_address(resolve, node->ai_addr);
		}
		event_active(resolve->end, EV_TIMEOUT, 0);
	}
	if (answer != NULL) {
		ares_freeaddrinfo(answer);
	}
}

static void
release(struct shoal_resolve *resolve)
{
	resolve->canceled = true;
	if (resolve->has_channel) {
		ares_destroy(resolve->channel);
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &resolve->watched) {
		unwatch(SHOAL_LIST_ITEM(node, struct watched, node));
	}
	if (resolve->timer != NULL) {
		event_free(resolve->timer);
	}
	if (resolve->end != NULL) {
		event_free(resolve->end);
	}
	shoal_alloc_free(resolve->mem, resolve);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_resolve *resolve = arg;
	int code = 0;

	(void)fd;
	(void)what;
	if (resolve->count == 0) {
		code = resolve->status == ARES_ENOMEM ? SHOAL_ERR_NOMEM : SHOAL_ERR_RESOLVE;
	}
	resolve->fn(resolve->arg, code,
	        resolve->status == ARES_SUCCESS ? "it has no address"
	                                        : ares_strerror(resolve->status),
	        resolve->addr, resolve->count);
	release(resolve);
}

static int
open_channel(struct shoal_resolve *resolve)
{
	struct ares_options options = {.timeout = TRY_TIMEOUT_MS,
	        .tries = TRIES,
	        .sock_state_cb = on_watch,
	        .sock_state_cb_data = resolve};
	int status;

	pthread_once(&library, init_library);
	status = library_status;
	if (status == ARES_SUCCESS) {
		status = ares_init_options(&resolve->channel, &options,
		        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	}
	resolve->has_channel = status == ARES_SUCCESS;
	if (status == ARES_SUCCESS) {
		return 0;
	}
	return status == ARES_ENOMEM ? SHOAL_ERR_NOMEM : SHOAL_ERR_SYSTEM;
}

int
shoal_resolve_begin(struct shoal_resolve **out, const struct shoal_allocator *mem,
        struct event_base *base, const char *host, uint16_t port, size_t most, shoal_resolve_fn fn,
        void *arg)
{
	const struct ares_addrinfo_hints hints = {
	        .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct shoal_resolve *resolve;
	int rc = SHOAL_ERR_NOMEM;

	resolve = shoal_alloc_zeroed(mem, 1, sizeof(*resolve) + most * sizeof(resolve->addr[0]));
	if (resolve == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	resolve->mem = mem;
	resolve->base = base;
	resolve->fn = fn;
	resolve->arg = arg;
	resolve->port = port;
	resolve->most = most;
	shoal_list_init(&resolve->watched);
	resolve->timer = event_new(base, -1, 0, on_timer, resolve);
	resolve->end = event_new(base, -1, 0, on_end, resolve);
	if (resolve->timer != NULL && resolve->end != NULL) {
		rc = open_channel(resolve);
	}
	if (rc != 0) {
		release(resolve);
		return rc;
	}
	ares_getaddrinfo(resolve->channel, host, NULL, &hints, on_answer, resolve);
	arm_timer(resolve);
	*out = resolve;
	return 0;
}

void
shoal_resolve_cancel(struct shoal_resolve *resolve)
{
	release(resolve);
}
