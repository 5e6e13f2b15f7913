/* SPDX-License-Identifier: MIT */
/* The life of one connection, of either side: connected, greeted where TLS is on it, then messages
 * of HTTP in turn until it is doomed, and released on a turn of its own.
 *
 * One timer from birth to death: whatever is under way, a handshake, a message in or out, is given
 * the patience of the transport from its beginning, whatever trickles in meanwhile, and a dial ten
 * seconds of it; at rest a connection has the idle time. Reading stops while an answer is owed or
 * has not left: who asks without reading answers fills his own socket.
 *
 * A connection that ends with an answer is closed for writing first, and what still comes is thrown
 * away for a while: else the kernel would tear the answer from whoever is still sending (RFC 9112,
 * 9.6). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "transports/http.h"
#include "transports/process.h"

#define READS_A_TURN 16 /* so that one connection does not keep all others waiting */
#define LINGER       SHOAL_SEC(2)
#define DIAL_MOST    SHOAL_SEC(10)

void
shoal_http_link_arm(struct shoal_http_link *link, uint64_t in_ns)
{
	struct timeval in = shoal_socket_until(0, in_ns);

	if (event_add(&link->timer, &in) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
	}
}

/* Others that were at rest meanwhile are as old: it is not to go by one of those. */
static void
doom_rest(struct shoal_http_peer *peer)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &peer->links) {
		struct shoal_http_link *link = SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
		if (link->used && shoal_http_limits_rests(link)) {
			shoal_http_link_doom(link, SHOAL_ERR_LIMIT);
		}
	}
}

/* What becomes of the job of a connection that has ended. */
static void
give_back(struct shoal_http_link *link, int code)
{
	struct shoal_http_job *job = link->job;
	const struct shoal_http *http = link->http;

	link->job = NULL;
	job->link = NULL;
	/* Closed between two messages: the peer has not taken this one, or not answered it. */
	bool stale = !link->input.begun && code == SHOAL_ERR_CLOSED;
	bool lost = stale && (!link->wrote || (link->used && job->kind == SHOAL_HTTP_REQUEST));
	if (lost && !job->again && job->len <= http->env.first_max) {
		job->again = true;
		doom_rest(job->peer);
		shoal_http_job_again(job);
	} else {
		(void)shoal_http_job_end(job, code, NULL, 0);
	}
}

void
shoal_http_link_doom(struct shoal_http_link *link, int code)
{
	struct shoal_http *http = link->http;
	struct shoal_http_peer *peer = link->peer;

	if (link->doomed) {
		return;
	}
	link->doomed = true;
	event_del(&link->readable);
	event_del(&link->writable);
	shoal_channel_close(&link->channel);
	shoal_http_server_forget(http, &link->exchange);
	shoal_http_limits_remove(link);
	if (peer != NULL) {
		shoal_list_remove(&link->node);
		link->peer = NULL;
		peer->link_count--;
	}
	shoal_list_push_back(&http->doomed_links, &link->node);
	if (link->job != NULL) {
		give_back(link, code);
	}
	if (peer != NULL) {
		shoal_http_peer_wake(peer);
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
	shoal_http_input_reset(&link->input);
	(void)shoal_http_limits_hold(link, -(ptrdiff_t)link->out_held);
	shoal_http_limits_remove(link);
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
		return;
	}
	bool connecting = link->connecting || !link->channel.up;
	bool busy = link->input.begun || evbuffer_get_length(link->out) > 0;
	if (!link->client && busy && !link->lingers) {
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

/* The other end takes nothing more. It may have answered before it had all: that can be read. */
static void
stuck(struct shoal_http_link *link, int error)
{
	if (!link->client || link->job == NULL || (error != EPIPE && error != ECONNRESET)) {
		broke(link, error);
		return;
	}
	link->last = true;
	evbuffer_drain(link->out, evbuffer_get_length(link->out));
	watch(link, false);
}

/* Its last word has left. */
static void
linger(struct shoal_http_link *link)
{
	if (link->client) {
		shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
		return;
	}
	if (link->lingers) {
		return;
	}
	if (link->channel.tls != NULL) {
		shoal_tls_end(link->channel.tls);
	}
	(void)shutdown(link->channel.fd, SHUT_WR);
	link->lingers = true;
	shoal_http_link_arm(link, LINGER);
	if (!link->doomed) {
		shoal_http_limits_place(link, SHOAL_HTTP_SILENT);
		shoal_http_link_resume(link);
	}
}

void
shoal_http_link_resume(struct shoal_http_link *link)
{
	if (!link->doomed && event_add(&link->readable, NULL) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
	}
}

/* All of link->out has left. */
static void
emptied(struct shoal_http_link *link)
{
	watch(link, false);
	if (link->doomed || link->client) {
		return;
	}
	(void)shoal_http_limits_hold(link, -(ptrdiff_t)link->out_held);
	link->out_held = 0;
	if (link->last && link->exchange == 0) {
		linger(link);
	} else if (link->exchange == 0) {
		if (link->member.phase == SHOAL_HTTP_BUSY) {
			shoal_http_limits_place(link, SHOAL_HTTP_IDLE);
			shoal_http_link_arm(link, link->http->idle_ns);
		}
		shoal_http_link_resume(link);
	}
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
				stuck(link, errno);
			}
			return;
		}
		link->wrote = true;
		evbuffer_drain(link->out, (size_t)sent);
	}
	if (link->doomed) {
		return;
	}
	if (shoal_channel_flush(&link->channel) == 0) {
		emptied(link);
	} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
		watch(link, true);
	} else {
		stuck(link, errno);
	}
}

/* Of a connection that a peer made. */
static void
complain(struct shoal_http_link *link, const char *why)
{
	struct shoal_addr from = link->addr;
	char line[SHOAL_TLS_WHY + 96];
	struct shoal_text text;

	from.port = 0; /* who comes again is the same */
	if (!shoal_said_may(&link->http->said.came, link->http->key, &from)) {
		return;
	}
	shoal_text_init(&text, line, sizeof(line));
	shoal_text_str(&text, "TLS from ");
	shoal_text_addr(&text, &link->addr);
	shoal_text_str(&text, ": ");
	shoal_text_str(&text, why);
	shoal_http_say(link->http, SHOAL_LOG_WARN, line);
}

/* Goes on with the greeting. false: it is not over. */
static bool
greet(struct shoal_http_link *link)
{
	enum shoal_tls_want want;
	char why[SHOAL_TLS_WHY];
	struct shoal_http *http = link->http;

	if (!link->client &&
	        shoal_handshakes_wait(&http->handshakes, link->member.source, &link->channel)) {
		event_del(&link->readable);
		watch(link, false);
		return false;
	}
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
	snprintf(why, sizeof(why), "%s", shoal_channel_why(&link->channel));
	struct shoal_http_peer *peer = link->peer;
	/* Who only knocked is counted, and not worth a line. */
	if (peer == NULL && rc != SHOAL_ERR_CLOSED && rc != SHOAL_ERR_NOMEM) {
		complain(link, why);
	}
	shoal_http_link_doom(link, rc == SHOAL_ERR_CLOSED ? rc : SHOAL_ERR_UNREACHABLE);
	if (peer != NULL) {
		shoal_http_peer_failed(peer, SHOAL_ERR_UNREACHABLE, why);
	} else {
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	}
	return false;
}

/* What a message that has begun may take, from its first byte on. */
static void
begun(struct shoal_http_link *link, bool before)
{
	if (before || !link->input.begun || link->client) {
		return;
	}
	shoal_http_limits_place(link, SHOAL_HTTP_READING);
	shoal_http_link_arm(link, link->http->patience_ns);
}

/* Says that the body may come, where it is waited for. */
static void
encourage(struct shoal_http_link *link)
{
	char text[64];

	if (link->input.continues) {
		link->input.continues = false;
		size_t len = shoal_http_write_answer(text, sizeof(text), 100, 0, 0, false);
		if (evbuffer_add(link->out, text, len) == 0) {
			shoal_http_link_write(link);
		}
	}
}

/* Gives bytes to the reader of messages, and messages to their side. */
static void
hear(struct shoal_http_link *link, const uint8_t *data, size_t len)
{
	bool end = len == 0;

	if (!link->client && !link->input.begun &&
	        shoal_channel_is_tls(&link->channel, data, len)) {
		complain(link, "it speaks TLS, and this member is bound to http://");
	}
	do {
		bool before = link->input.begun;
		unsigned status;
		size_t read = shoal_http_input_feed(&link->input, data, len, &status);
		begun(link, before);
		data += read;
		len -= read;
		if (link->doomed) {
			return;
		}
		if (!link->input.complete && status == 0) {
			encourage(link);
			break;
		}
		if (link->client) {
			shoal_http_client_heard(link, status, len > 0);
			return;
		}
		/* More before the answer is allowed: it is not read, as the answer will say. */
		shoal_http_server_heard(link, status);
		if (!link->doomed && link->exchange != 0 && len > 0) {
			link->last = true;
		}
	} while (!link->doomed && len > 0 && !link->last);
	if (end && !link->doomed && !link->lingers) {
		shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
	}
}

/* What comes behind the last answer. */
static void
discard(struct shoal_http_link *link)
{
	for (unsigned i = 0; i < READS_A_TURN; i++) {
		ssize_t got = recv(
		        link->channel.fd, link->http->scratch, SHOAL_HTTP_SCRATCH, MSG_DONTWAIT);
		if (got > 0 || (got < 0 && errno == EINTR)) {
			continue;
		}
		if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
			shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
		}
		return;
	}
}

/* Whether nothing may be read before something has left. */
static bool
owes(const struct shoal_http_link *link)
{
	return !link->client && (link->exchange != 0 || evbuffer_get_length(link->out) > 0);
}

void
shoal_http_link_read(struct shoal_http_link *link)
{
	struct shoal_http *http = link->http;

	if (shoal_socket_is_forked(http->owner)) {
		(void)event_del(&link->readable);
		return;
	}
	if (link->doomed || link->connecting || (!link->channel.up && !greet(link))) {
		return;
	}
	for (unsigned i = 0; i < READS_A_TURN && !link->doomed && http->running; i++) {
		if (link->lingers) {
			discard(link);
			break;
		}
		if (owes(link)) {
			event_del(&link->readable);
			break;
		}
		ssize_t got = shoal_channel_read(&link->channel, http->scratch, SHOAL_HTTP_SCRATCH);
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

void
shoal_http_link_turn(struct shoal_channel *channel)
{
	struct shoal_http_link *link = SHOAL_LIST_ITEM(channel, struct shoal_http_link, channel);

	shoal_http_link_resume(link);
	shoal_http_link_read(link);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shoal_http_link_read(arg);
}

/* A dial is over. false: in vain. */
static bool
is_connected(struct shoal_http_link *link)
{
	int fd = link->channel.fd, error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
		error = errno;
	} else if (error == 0 && shoal_socket_is_self(fd)) {
		error = ECONNREFUSED;
	}
	if (error != 0) {
		struct shoal_http_peer *peer = link->peer;
		int code = shoal_socket_code(error);
		shoal_http_link_doom(link, code);
		shoal_http_peer_failed(peer, code, shoal_strerror(code));
		return false;
	}
	link->connecting = false;
	watch(link, false);
	if (!link->doomed && link->channel.up) {
		shoal_http_client_ready(link);
	}
	return !link->doomed;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http_link *link = arg;
	(void)fd;
	(void)what;

	if (shoal_socket_is_forked(link->http->owner)) {
		(void)event_del(&link->writable);
		return;
	}
	if (link->connecting && !is_connected(link)) {
		return;
	}
	if (!link->doomed && (link->channel.up || greet(link))) {
		shoal_http_link_write(link);
	}
	shoal_http_batch_end(link->http);
}

/* The name that the other end's certificate must have. */
static const char *
name_of(const struct shoal_http *http, const struct shoal_http_peer *peer)
{
	char text[SHOAL_URL_HOST_MAX + 16];
	struct shoal_addr addr;

	if (peer == NULL) {
		return NULL;
	}
	shoal_http_peer_host(&peer->url, text, sizeof(text));
	bool is_number = shoal_addr_parse(&addr, text) == SHOAL_OK;
	return is_number && http->env.tls.name != NULL ? http->env.tls.name : peer->url.host;
}

struct shoal_http_link *
shoal_http_link_new(struct shoal_http *http, int fd, struct shoal_http_peer *peer,
        struct shoal_crowd_source *source, struct shoal_tls *tls)
{
	struct shoal_http_link *link = shoal_alloc_zeroed(&http->work, 1, sizeof(*link));
	uint64_t first = http->patience_ns < DIAL_MOST ? http->patience_ns : DIAL_MOST;

	if (link == NULL) {
		close(fd);
		return NULL;
	}
	link->http = http;
	link->peer = peer;
	link->client = peer != NULL;
	link->member.source = source;
	link->out = evbuffer_new();
	if (shoal_channel_open(&link->channel, fd, tls, name_of(http, peer)) != SHOAL_OK ||
	        link->out == NULL) {
		shoal_channel_close(&link->channel);
		if (link->out != NULL) {
			evbuffer_free(link->out);
		}
		shoal_alloc_free(&http->work, link);
		return NULL;
	}
	shoal_http_input_init(&link->input, &http->work, http->env.stream_max,
	        link->client ? NULL : shoal_http_server_judge, link);
	link->input.hold = shoal_http_limits_hold;
	event_assign(&link->readable, http->env.base, fd, EV_READ | EV_PERSIST, on_readable, link);
	event_assign(&link->writable, http->env.base, fd, EV_WRITE | EV_PERSIST, on_writable, link);
	evtimer_assign(&link->timer, http->env.base, on_timer, link);
	if (peer != NULL) {
		shoal_list_push_back(&peer->links, &link->node);
		peer->link_count++;
	}
	shoal_http_limits_place(link, link->client ? SHOAL_HTTP_BUSY : SHOAL_HTTP_SILENT);
	shoal_http_link_arm(link, link->client ? first : http->patience_ns);
	shoal_http_link_resume(link);
	return link;
}
