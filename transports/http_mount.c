/* SPDX-License-Identifier: MIT */
/* What peers ask by an evhttp of the application: judged and answered as by the transport's own
 * listener, on the application's connections. How many of those there are and how long they may
 * take is the evhttp's; it reads a body before it asks, so its limits are those of the largest
 * message, and what is longer than this cluster's is refused when it is here.
 *
 * A request waits in a struct of its own. That its peer has gone libevent 2.1 sees when it is
 * answered. Its connection may be ended by the application meanwhile: then libevent releases the
 * request, or where it has none any more leaves that to who waits. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "transports/http.h"

#define BODY_MAX (16 * 1024 * 1024) /* stream_max, unless the host says otherwise */

struct shoal_http_mounted {
	struct shoal_list node;
	struct shoal_http *http;
	struct evhttp_request *request; /* NULL: answered, or its connection has ended */
	struct event timer;
	struct shoal_addr addr;
	uint64_t exchange;
	bool inside; /* the host is being told of it: who does releases it */
};

static void
release(struct shoal_http_mounted *mounted)
{
	shoal_http_server_forget(mounted->http, &mounted->exchange);
	shoal_list_remove(&mounted->node);
	event_del(&mounted->timer);
	if (!mounted->inside) {
		shoal_alloc_free(&mounted->http->work, mounted);
	}
}

static void
on_close(struct evhttp_connection *connection, void *arg)
{
	struct shoal_http_mounted *mounted = arg;
	struct evhttp_request *request = mounted->request;
	(void)connection;

	mounted->request = NULL;
	if (request != NULL && evhttp_request_get_connection(request) == NULL) {
		evhttp_request_free(request);
	}
	release(mounted);
}

static void
add(struct evhttp_request *request, const char *name, const char *value)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

static void
send_answer(struct shoal_http *http, struct evhttp_request *request, const struct shoal_addr *addr,
        unsigned status, const uint8_t *data, size_t len)
{
	struct evbuffer *body = len > 0 ? evbuffer_new() : NULL;
	uint32_t after = shoal_http_server_note(http, addr, status);
	char seconds[16];

	if (len > 0 && (body == NULL || evbuffer_add(body, data, len) != 0)) {
		status = 503;
	}
	if (status == 405) {
		add(request, "Allow", "POST");
	} else if (status == 401) {
		add(request, "WWW-Authenticate", "Bearer");
	} else if (status == 415) {
		add(request, "Accept", SHOAL_HTTP_TYPE);
	} else if (status == 200) {
		add(request, "Content-Type", SHOAL_HTTP_TYPE);
	}
	if (after > 0) {
		snprintf(seconds, sizeof(seconds), "%u", after);
		add(request, "Retry-After", seconds);
	}
	evhttp_send_reply(request, (int)status, NULL, status == 200 ? body : NULL);
	if (body != NULL) {
		evbuffer_free(body);
	}
}

void
shoal_http_mount_answer(
        struct shoal_http_mounted *mounted, unsigned status, const uint8_t *data, size_t len)
{
	struct evhttp_request *request = mounted->request;

	if (request != NULL) {
		mounted->request = NULL;
		evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
		send_answer(mounted->http, request, &mounted->addr, status, data, len);
	}
	release(mounted);
}

/* In a child of fork: its connection is the parent's, who answers. */
static void
abandon(struct shoal_http_mounted *mounted)
{
	if (mounted->request != NULL) {
		evhttp_connection_set_closecb(
		        evhttp_request_get_connection(mounted->request), NULL, NULL);
		mounted->request = NULL;
	}
	release(mounted);
}

/* The host has no answer. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http_mounted *mounted = arg;
	(void)fd;
	(void)what;

	if (!shoal_socket_is_forked(mounted->http->owner)) {
		shoal_http_mount_answer(mounted, 504, NULL, 0);
	}
}

/* What a request says, and who sent it. */
static void
read_head(struct shoal_http_input *input, struct evhttp_request *request, struct shoal_addr *addr)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const struct sockaddr *name =
	        evhttp_connection_get_addr(evhttp_request_get_connection(request));

	memset(addr, 0, sizeof(*addr));
	if (name != NULL) {
		(void)shoal_socket_to_addr(addr, name);
	}
	for (const struct evkeyval *header = headers->tqh_first; header != NULL;
	        header = header->next.tqe_next) {
		shoal_http_input_header(input, header->key, header->value);
	}
	shoal_http_input_target(input, evhttp_request_get_uri(request));
	input->head.is_post = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
}

static struct shoal_http_mounted *
wait_for_host(
        struct shoal_http *http, struct evhttp_request *request, const struct shoal_addr *addr)
{
	struct shoal_http_mounted *mounted = shoal_alloc_zeroed(&http->work, 1, sizeof(*mounted));
	const struct timeval in = shoal_socket_until(0, http->patience_ns);

	if (mounted == NULL) {
		return NULL;
	}
	mounted->http = http;
	mounted->request = request;
	mounted->addr = *addr;
	evtimer_assign(&mounted->timer, http->env.base, on_timer, mounted);
	if (evtimer_add(&mounted->timer, &in) != 0) {
		shoal_alloc_free(&http->work, mounted);
		return NULL;
	}
	shoal_list_push_back(&http->mounted, &mounted->node);
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, mounted);
	return mounted;
}

/* Gives what was judged to the host. */
static void
take(struct shoal_http *http, struct evhttp_request *request, const struct shoal_http_head *head,
        const struct shoal_addr *addr)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(body);
	const uint8_t *data = len > 0 ? evbuffer_pullup(body, -1) : NULL;
	enum shoal_transport_verdict verdict;

	if (len > http->env.stream_max) {
		send_answer(http, request, addr, 413, NULL, 0);
		return;
	}
	struct shoal_http_mounted *mounted =
	        len > 0 && data == NULL ? NULL : wait_for_host(http, request, addr);
	if (mounted == NULL) {
		send_answer(http, request, addr, 503, NULL, 0);
		return;
	}
	const struct shoal_http_exchange who = {.mounted = mounted, .source = &mounted->addr};
	mounted->inside = true;
	unsigned status =
	        shoal_http_server_take(http, head, data, len, &who, &mounted->exchange, &verdict);
	mounted->inside = false;
	if (mounted->request == NULL) {
		release(mounted); /* it was answered inside the call, or has ended there */
	} else if (status != 0) {
		shoal_http_mount_answer(mounted, status, NULL, 0);
	}
	shoal_http_batch_end(http);
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct shoal_http *http = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct shoal_http_input input;
	struct shoal_addr addr;

	if (shoal_socket_is_forked(http->owner)) {
		/* The member is the parent's. */
		evhttp_send_reply(request, HTTP_SERVUNAVAIL, NULL, NULL);
		return;
	}
	if (evhttp_connection_get_base(connection) != http->env.base) {
		/* Perhaps another thread's: nothing of the transport is touched. */
		evhttp_send_reply(request, HTTP_INTERNAL,
		        "This evhttp runs on another event_base than the cluster", NULL);
		return;
	}
	shoal_http_input_init(&input, &http->work, 0, NULL, NULL);
	read_head(&input, request, &addr);
	unsigned status = shoal_http_server_judge_from(http, &input.head, &addr);
	if (status != 0) {
		send_answer(http, request, &addr, status, NULL, 0);
	} else {
		take(http, request, &input.head, &addr);
	}
}

struct bases {
	const struct event_base *ours;
	bool differ;
};

static void
compare_base(struct evhttp_bound_socket *bound, void *arg)
{
	struct evconnlistener *listener = evhttp_bound_socket_get_listener(bound);
	struct bases *bases = arg;

	if (listener != NULL && evconnlistener_get_base(listener) != bases->ours) {
		bases->differ = true;
	}
}

/* The path of one of the three words, as evhttp compares it: decoded. */
static void
path_of(const struct shoal_http *http, size_t kind, char *path, size_t len)
{
	snprintf(path, len, "%s%s", http->path, shoal_http_word[kind]);
}

void
shoal_http_mount_bound(struct evhttp *evhttp)
{
	evhttp_set_max_headers_size(evhttp, SHOAL_HTTP_HEAD_MAX);
	evhttp_set_max_body_size(evhttp, BODY_MAX);
}

int
shoal_http_mount_start(struct shoal_http *http, char *why, size_t len)
{
	char path[SHOAL_URL_HOST_MAX + SHOAL_URL_MAX + 32];
	struct bases bases = {.ours = http->env.base};

	/* Where it is said to listen, as far as that is an address. */
	memset(&http->bound, 0, sizeof(http->bound));
	shoal_http_peer_host(&http->bind, path, sizeof(path));
	(void)shoal_addr_parse(&http->bound, path);
	http->bound.port = http->bind.port;
	evhttp_foreach_bound_socket(http->evhttp, compare_base, &bases);
	if (bases.differ) {
		snprintf(why, len,
		        "http: the evhttp runs on another event_base than the cluster: run the "
		        "cluster on it too (SHOAL_RUN_BASE)");
		return SHOAL_ERR_INVALID;
	}
	if (strchr(http->path, '%') != NULL) {
		snprintf(why, len,
		        "http: by an evhttp no path can be reached with %%2F, %%25 or %%00");
		return SHOAL_ERR_INVALID;
	}
	for (size_t i = 0; i < SHOAL_HTTP_KINDS; i++) {
		path_of(http, i, path, sizeof(path));
		if (evhttp_set_cb(http->evhttp, path, on_request, http) == 0) {
			continue;
		}
		snprintf(why, len, "http: the evhttp has something else at %s", path);
		while (i > 0) {
			path_of(http, --i, path, sizeof(path));
			(void)evhttp_del_cb(http->evhttp, path);
		}
		return SHOAL_ERR_IN_USE;
	}
	if (http->env.stream_max > BODY_MAX) {
		evhttp_set_max_body_size(http->evhttp, (ev_ssize_t)http->env.stream_max);
	}
	http->is_mounted = true;
	return 0;
}

void
shoal_http_mount_stop(struct shoal_http *http)
{
	char path[SHOAL_URL_MAX + 32];

	if (!http->is_mounted) {
		return;
	}
	http->is_mounted = false;
	bool forked = shoal_socket_is_forked(http->owner);
	SHOAL_LIST_FOREACH_SAFE (node, after, &http->mounted) {
		struct shoal_http_mounted *mounted =
		        SHOAL_LIST_ITEM(node, struct shoal_http_mounted, node);
		if (forked) {
			abandon(mounted);
		} else {
			shoal_http_mount_answer(mounted, 503, NULL, 0);
		}
	}
	for (size_t i = 0; i < SHOAL_HTTP_KINDS; i++) {
		path_of(http, i, path, sizeof(path));
		(void)evhttp_del_cb(http->evhttp, path);
	}
}
