/* SPDX-License-Identifier: MIT */
/* The life of one connection, of either side: connected, greeted where TLS is on it, then messages
 * of HTTP in turn until it is doomed, and released on a turn of its own.
 *
 * One timer from birth to death: whatever is under way, a dial, a handshake, a message in or out,
 * is given the patience of the transport from its beginning, whatever trickles in meanwhile; at
 * rest a connection has the idle time. Reading stops while an answer is owed: who asks without
 * reading answers fills his own socket. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "transports/http.h"
#include "transports/process.h"

#define SCRATCH      65536
#define READS_A_TURN 16 /* so that one connection does not keep all others waiting */

void
shoal_http_link_arm(struct shoal_http_link *link, uint64_t in_ns)
{
	struct timeval in = shoal_socket_until(0, in_ns);

	link->deadline_at = shoal_socket_now() + in_ns;
	if (event_add(&link->timer, &in) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
	}
}

void
shoal_http_link_doom(struct shoal_http_link *link, int code)
{
	struct shoal_http *http = link->http;
	struct shoal_http_job *job = link->job;

	if (link->doomed) {
		return;
	}
	link->doomed = true;
	event_del(&link->readable);
	event_del(&link->writable);
	shoal_channel_close(&link->channel);
	shoal_http_server_forget(link);
	shoal_list_remove(&link->node);
	if (link->peer != NULL) {
		link->peer->link_count--;
		http->outbound_count--;
	} else {
		http->inbound_count--;
	}
	shoal_list_push_back(&http->doomed_links, &link->node);
	shoal_http_input_reset(&link->input);
	link->job = NULL;
	if (job != NULL) {
		/* Closed between two messages: the peer may never have seen this one. */
		bool stale = link->used && !link->input.begun && code == SHOAL_ERR_CLOSED;
		job->link = NULL;
		if (stale && !job->again) {
			job->again = true;
			shoal_http_job_again(job);
		} else {
			shoal_http_job_end(job, code, NULL, 0);
		}
	}
	shoal_socket_soon(&link->timer);
}

void
shoal_http_link_close(struct shoal_http_link *link)
{
	link->doomed = true;
	event_del(&link->readable);
	event_del(&link->writable);
	event_del(&link->timer);
	shoal_channel_close(&link->channel);
}

void
shoal_http_link_release(struct shoal_http_link *link)
{
	struct shoal_http *http = link->http;

	shoal_list_remove(&link->node);
	event_del(&link->timer);
	if (link->out != NULL) {
		evbuffer_free(link->out);
	}
	shoal_alloc_free(&http->work, link);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http_link *link = arg;
	struct shoal_http *http = link->http;
	struct shoal_http_peer *peer = link->peer;
	(void)fd;
	(void)what;

	if (shoal_socket_is_forked(http->owner)) {
		return;
	}
	if (link->doomed) {
		shoal_http_link_release(link);
		if (peer != NULL) {
			shoal_http_peer_tend(peer);
		}
		return;
	}
	bool connecting = link->connecting || !link->channel.up;
	bool busy = link->job != NULL || link->input.begun || evbuffer_get_length(link->out) > 0;
	if (!link->client && busy) {
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_ABUSED);
	}
	shoal_http_link_doom(link, SHOAL_ERR_TIMEOUT);
	if (link->client && connecting) {
		shoal_http_peer_failed(peer, SHOAL_ERR_TIMEOUT, "no answer in time");
	}
}

/* Whether the writable event is wanted, and the readable one. */
static void
watch(struct shoal_http_link *link, bool writable)
{
	if (link->doomed || writable == link->watches) {
		return;
	}
	int rc = writable ? event_add(&link->writable, NULL) : event_del(&link->writable);
	link->watches = writable;
	if (rc != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
	}
}

static void
broke(struct shoal_http_link *link, int error)
{
	int code = error == EPROTO ? SHOAL_ERR_CLOSED : shoal_socket_code(error);

	shoal_http_link_doom(link, code);
}

void
shoal_http_link_write(struct shoal_http_link *link)
{
	while (!link->doomed && evbuffer_get_length(link->out) > 0) {
		struct evbuffer_iovec part;

		evbuffer_peek(link->out, -1, NULL, &part, 1);
		ssize_t sent = shoal_channel_write(&link->channel, part.iov_base, part.iov_len);
		if (sent < 0) {
			if (errno == EAGAIN || errno == EWOULDBLOCK) {
				watch(link, true);
			} else {
				broke(link, errno);
			}
			return;
		}
		evbuffer_drain(link->out, (size_t)sent);
	}
	if (link->doomed) {
		return;
	}
	bool left = shoal_channel_flush(&link->channel) == 0;
	if (!left && errno != EAGAIN && errno != EWOULDBLOCK) {
		broke(link, errno);
	} else if (!left) {
		watch(link, true);
	} else if (link->last && link->exchange == 0) {
		shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
	} else {
		watch(link, false);
	}
}

/* Goes on with the greeting. false: it is not over. */
static bool
greet(struct shoal_http_link *link)
{
	enum shoal_tls_want want;
	char why[SHOAL_TLS_WHY];
	int rc = shoal_channel_greet(&link->channel, &want);

	if (rc == SHOAL_OK && want == SHOAL_TLS_DONE) {
		if (link->client) {
			shoal_http_client_ready(link);
		}
		return !link->doomed;
	}
	if (rc == SHOAL_OK) {
		watch(link, want == SHOAL_TLS_WRITE);
		return false;
	}
	memcpy(why, shoal_channel_why(&link->channel), sizeof(why));
	struct shoal_http_peer *peer = link->peer;
	shoal_http_link_doom(link, rc == SHOAL_ERR_CLOSED ? rc : SHOAL_ERR_UNREACHABLE);
	if (peer != NULL) {
		shoal_http_peer_failed(peer, SHOAL_ERR_UNREACHABLE, why);
	}
	return false;
}

/* What a message that has begun may take, from its first byte on. */
static void
begun(struct shoal_http_link *link, bool before)
{
	if (!before && link->input.begun && !link->client) {
		shoal_http_link_arm(link, link->http->patience_ns);
	}
}

/* Gives bytes to the reader of messages, and messages to their side. */
static void
hear(struct shoal_http_link *link, const uint8_t *data, size_t len)
{
	bool end = len == 0;

	do {
		bool before = link->input.begun;
		unsigned status;
		size_t read = shoal_http_input_feed(&link->input, data, len, &status);
		begun(link, before);
		data += read;
		len -= read;
		if (link->doomed || (!link->input.complete && status == 0)) {
			break;
		}
		if (link->client) {
			shoal_http_client_heard(link, status);
		} else {
			shoal_http_server_heard(link, status);
		}
		if (!link->doomed && link->exchange != 0 && len > 0) {
			/* More before the answer: allowed, and of no use to anybody here. */
			shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
		}
	} while (!link->doomed && len > 0 && !link->last);
	if (end && !link->doomed) {
		shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http_link *link = arg;
	struct shoal_http *http = link->http;
	(void)fd;
	(void)what;

	if (shoal_socket_is_forked(http->owner)) {
		(void)event_del(&link->readable);
		return;
	}
	if (link->connecting || (!link->channel.up && !greet(link))) {
		return;
	}
	for (unsigned i = 0; i < READS_A_TURN && !link->doomed && http->running; i++) {
		if (link->exchange != 0) {
			event_del(&link->readable); /* until it is answered */
			break;
		}
		ssize_t got = shoal_channel_read(&link->channel, http->scratch, SCRATCH);
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			break;
		}
		if (got < 0) {
			broke(link, errno);
		} else {
			hear(link, http->scratch, (size_t)got);
		}
	}
	shoal_http_batch_end(http);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http_link *link = arg;
	int error = 0;
	socklen_t len = sizeof(error);
	(void)what;

	if (shoal_socket_is_forked(link->http->owner)) {
		(void)event_del(&link->writable);
		return;
	}
	if (link->connecting) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
			struct shoal_http_peer *peer = link->peer;
			int code = shoal_socket_code(error != 0 ? error : errno);
			shoal_http_link_doom(link, code);
			shoal_http_peer_failed(peer, code, shoal_strerror(code));
			return;
		}
		link->connecting = false;
		watch(link, false);
		if (link->channel.up) {
			shoal_http_client_ready(link);
		}
	}
	if (link->channel.up || greet(link)) {
		shoal_http_link_write(link);
	}
	shoal_http_batch_end(link->http);
}

struct shoal_http_link *
shoal_http_link_new(
        struct shoal_http *http, int fd, struct shoal_http_peer *peer, struct shoal_tls *tls)
{
	struct shoal_http_link *link = shoal_alloc_zeroed(&http->work, 1, sizeof(*link));
	const char *host = peer != NULL ? peer->url.host : NULL;

	if (link == NULL) {
		close(fd);
		return NULL;
	}
	link->http = http;
	link->peer = peer;
	link->client = peer != NULL;
	link->out = evbuffer_new();
	if (shoal_channel_open(&link->channel, fd, tls, host) != SHOAL_OK || link->out == NULL) {
		shoal_channel_close(&link->channel);
		if (link->out != NULL) {
			evbuffer_free(link->out);
		}
		shoal_alloc_free(&http->work, link);
		return NULL;
	}
	shoal_http_input_init(&link->input, &http->work, http->env.stream_max,
	        link->client ? NULL : shoal_http_server_judge, link);
	event_assign(&link->readable, http->env.base, fd, EV_READ | EV_PERSIST, on_readable, link);
	event_assign(&link->writable, http->env.base, fd, EV_WRITE | EV_PERSIST, on_writable, link);
	evtimer_assign(&link->timer, http->env.base, on_timer, link);
	if (peer != NULL) {
		shoal_list_push_back(&peer->links, &link->node);
		peer->link_count++;
		http->outbound_count++;
	} else {
		shoal_list_push_back(&http->inbound, &link->node);
		http->inbound_count++;
	}
	shoal_http_link_arm(link, http->patience_ns);
	if (!link->doomed && event_add(&link->readable, NULL) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
	}
	return link;
}
