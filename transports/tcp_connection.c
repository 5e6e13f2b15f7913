/* SPDX-License-Identifier: MIT */
/* The life of one connection.
 *
 * Deadlines, all kept by the one timer of a connection, which is armed from birth to death: a
 * greeting and each frame, in and out, is given the patience of the transport from its first byte,
 * whatever trickles in meanwhile; so is a dial; a connection with nothing under way is given the
 * idle time. Who is late with a frame is counted as abuse.
 *
 * Output is a list of messages, gathered into one sendmsg as far as the kernel takes them; it is
 * tried at once, so that a connection at rest needs no wake-up to send. A message of a request that
 * might have to be sent again stays with the request. One message fits always, further ones up to
 * stream_max bytes.
 *
 * A dial can end up connected to itself, where the kernel gives it the very port that nobody
 * listens on as its own: that is a refusal. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "transports/tcp.h"

#define GATHER 16

static struct shoal_list *
address_bucket(const struct shoal_tcp *tcp, const struct shoal_addr *peer)
{
	return &tcp->address[shoal_socket_hash(tcp->key, peer) & (tcp->buckets - 1)];
}

void
shoal_tcp_connection_retire(struct shoal_tcp_connection *connection)
{
	connection->shared = false;
}

static void
drop_output(struct shoal_tcp_connection *connection)
{
	struct shoal_list *node;
	while ((node = shoal_list_first(&connection->output)) != NULL) {
		struct shoal_tcp_message *message =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_message, node);
		shoal_list_remove(node);
		if (message->one_way) {
			shoal_tcp_count(connection->tcp, SHOAL_COUNTER_DROP_STREAMS);
		}
		if (message->request == NULL) {
			shoal_tcp_message_free(connection->tcp, message);
		}
	}
	connection->output_bytes = connection->output_sent = connection->one_way_bytes = 0;
	connection->output_since = 0;
}

void
shoal_tcp_connection_doom(
        struct shoal_tcp_connection *connection, int code, enum shoal_counter counter)
{
	struct shoal_tcp *tcp = connection->tcp;
	if (connection->doomed) {
		return;
	}
	connection->doomed = true;
	connection->code = code;
	connection->counter = counter;
	if (connection->fd >= 0) {
		event_del(&connection->readable);
		event_del(&connection->writable);
		close(connection->fd);
		connection->fd = -1;
	}
	connection->shared = false;
	shoal_list_remove(&connection->in_address);
	shoal_tcp_limits_remove(connection);
	shoal_list_push_back(&tcp->doomed, &connection->in_all);
	drop_output(connection);
	shoal_tcp_frame_drop(connection);
	shoal_tcp_exchange_expire(connection, UINT64_MAX);
	shoal_socket_soon(&connection->timer);
}

/* A failed call on an open connection. */
static void
doom_by_error(struct shoal_tcp_connection *connection, int error)
{
	int code = shoal_socket_code(error);
	connection->stale = code == SHOAL_ERR_CLOSED && connection->header_len == 0;
	shoal_tcp_connection_doom(connection, code, SHOAL_TCP_QUIET);
}

static void
release(struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	shoal_list_remove(&connection->in_all);
	shoal_tcp_watch_forget(connection);
	shoal_alloc_free(&tcp->work, connection);
}

static void
bury(struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	if (connection->counter != SHOAL_TCP_QUIET) {
		shoal_tcp_count(tcp, connection->counter);
	}
	shoal_tcp_exchange_bury(connection);
	shoal_tcp_watch_bury(connection);
	shoal_tcp_batch_end(tcp);
	release(connection);
}

static enum shoal_tcp_phase
phase_of(const struct shoal_tcp_connection *connection)
{
	if (connection->greeted < SHOAL_TCP_GREETING) {
		return SHOAL_TCP_SILENT;
	}
	if (connection->connecting || connection->header_len > 0 || connection->in_flight > 0 ||
	        connection->unanswered > 0 || !shoal_list_empty(&connection->output)) {
		return SHOAL_TCP_BUSY;
	}
	return shoal_tcp_watch_is_link(connection) ? SHOAL_TCP_LINK : SHOAL_TCP_IDLE;
}

static void
arm(struct shoal_tcp_connection *connection, uint64_t now)
{
	struct shoal_tcp *tcp = connection->tcp;
	uint64_t since = UINT64_MAX - tcp->patience_ns;
	uint64_t at =
	        tcp->idle_ns + (connection->phase == SHOAL_TCP_IDLE ? connection->used_at : now);
	if (connection->frame_since != 0 && connection->frame_since < since) {
		since = connection->frame_since;
	}
	if (connection->output_since != 0 && connection->output_since < since) {
		since = connection->output_since;
	}
	if (connection->ending != 0 && connection->ending < since) {
		since = connection->ending;
	}
	if (!shoal_list_empty(&connection->exchanges)) {
		const struct shoal_tcp_exchange *oldest = SHOAL_LIST_ITEM(
		        connection->exchanges.next, struct shoal_tcp_exchange, node);
		if (oldest->since < since) {
			since = oldest->since;
		}
	}
	if (since + tcp->patience_ns < at) {
		at = since + tcp->patience_ns;
	}
	struct timeval in = shoal_socket_until(now, at);
	if (evtimer_add(&connection->timer, &in) != 0) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_LIMIT, SHOAL_TCP_QUIET);
	}
}

static void
refresh(struct shoal_tcp_connection *connection, uint64_t now)
{
	enum shoal_tcp_phase phase = phase_of(connection);
	bool ended = connection->ending != 0 && shoal_list_empty(&connection->output);
	if (ended || (phase == SHOAL_TCP_IDLE && connection->outbound && !connection->shared)) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_CLOSED, SHOAL_TCP_QUIET);
		return;
	}
	/* Who trickles in its greeting must not move behind those that came later. */
	if (phase != connection->phase || phase == SHOAL_TCP_IDLE) {
		shoal_tcp_limits_place(connection, phase);
	}
	arm(connection, now);
}

void
shoal_tcp_connection_settle(struct shoal_tcp_connection *connection)
{
	if (connection->doomed) {
		return;
	}
	connection->used_at = shoal_socket_now();
	refresh(connection, connection->used_at);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_tcp_connection *connection = arg;
	struct shoal_tcp *tcp = connection->tcp;
	(void)fd;
	(void)what;
	if (connection->doomed) {
		bury(connection);
		return;
	}
	uint64_t now = shoal_socket_now();
	uint64_t late = now > tcp->patience_ns ? now - tcp->patience_ns : 0;
	shoal_tcp_exchange_expire(connection, late);
	if ((connection->frame_since != 0 && connection->frame_since <= late) ||
	        (connection->output_since != 0 && connection->output_since <= late) ||
	        (connection->ending != 0 && connection->ending <= late)) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_TIMEOUT,
		        connection->connecting ? SHOAL_TCP_QUIET
		                               : SHOAL_COUNTER_CONNECTIONS_ABUSED);
	} else if (phase_of(connection) == SHOAL_TCP_IDLE &&
	           connection->used_at + tcp->idle_ns <= now) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_CLOSED, SHOAL_TCP_QUIET);
	} else {
		refresh(connection, now);
	}
}

static unsigned
gather(const struct shoal_tcp_connection *connection, struct iovec piece[GATHER])
{
	unsigned n = 0;
	size_t skip = connection->output_sent;
	SHOAL_LIST_FOREACH (node, &connection->output) {
		struct shoal_tcp_message *message =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_message, node);
		piece[n].iov_base = message->bytes + skip;
		piece[n].iov_len = message->len - skip;
		skip = 0;
		if (++n == GATHER) {
			break;
		}
	}
	return n;
}

/* A message has left, or will not: released, unless its request may need it again. */
static void
unqueue(struct shoal_tcp_connection *connection, struct shoal_tcp_message *message)
{
	shoal_list_remove(&message->node);
	connection->output_bytes -= message->len;
	connection->one_way_bytes -= message->one_way ? message->len : 0;
	if (message->request != NULL) {
		if (message->request->reused) {
			return;
		}
		message->request->message = NULL;
	}
	shoal_tcp_message_free(connection->tcp, message);
}

static void
advance(struct shoal_tcp_connection *connection, size_t sent)
{
	while (sent > 0) {
		struct shoal_tcp_message *message =
		        SHOAL_LIST_ITEM(connection->output.next, struct shoal_tcp_message, node);
		size_t left = message->len - connection->output_sent;
		if (sent < left) {
			connection->output_sent += sent;
			return;
		}
		sent -= left;
		connection->output_sent = 0;
		connection->output_since = shoal_socket_now();
		unqueue(connection, message);
	}
}

static void
write_output(struct shoal_tcp_connection *connection)
{
	while (!shoal_list_empty(&connection->output)) {
		struct iovec piece[GATHER];
		struct msghdr header = {.msg_iov = piece};
		header.msg_iovlen = gather(connection, piece);
		ssize_t sent = sendmsg(connection->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent >= 0) {
			advance(connection, (size_t)sent);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (event_add(&connection->writable, NULL) != 0) {
				shoal_tcp_connection_doom(
				        connection, SHOAL_ERR_LIMIT, SHOAL_TCP_QUIET);
			}
			return;
		}
		if (errno != EINTR) {
			doom_by_error(connection, errno);
			return;
		}
	}
	connection->output_since = 0;
}

bool
shoal_tcp_connection_has_room(const struct shoal_tcp_connection *connection, size_t len)
{
	size_t max = connection->tcp->env.stream_max;
	return connection->output_bytes <= SHOAL_TCP_GREETING ||
	       (connection->output_bytes < max && len <= max - connection->output_bytes);
}

void
shoal_tcp_connection_write(
        struct shoal_tcp_connection *connection, struct shoal_tcp_message *message)
{
	if (connection->doomed) {
		if (message->request == NULL) {
			shoal_tcp_message_free(connection->tcp, message);
		}
		return;
	}
	if (shoal_list_empty(&connection->output)) {
		connection->output_since = shoal_socket_now();
	}
	shoal_list_push_back(&connection->output, &message->node);
	connection->output_bytes += message->len;
	connection->one_way_bytes += message->one_way ? message->len : 0;
	if (!connection->connecting && connection->output.next == &message->node) {
		write_output(connection);
	}
}

size_t
shoal_tcp_connection_waiting(const void *self, const struct shoal_addr *peer)
{
	const struct shoal_tcp *tcp = self;
	size_t bytes = 0;
	if (tcp->running) {
		SHOAL_LIST_FOREACH (node, address_bucket(tcp, peer)) {
			const struct shoal_tcp_connection *connection =
			        SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_address);
			bytes += shoal_addr_equal(&connection->peer, peer)
			                 ? connection->one_way_bytes
			                 : 0;
		}
	}
	return bytes;
}

void
shoal_tcp_connection_abandon(
        struct shoal_tcp_connection *connection, struct shoal_tcp_message *message)
{
	message->request = NULL;
	if (!shoal_list_linked(&message->node)) {
		shoal_tcp_message_free(connection->tcp, message);
	} else if (connection->output.next != &message->node || connection->output_sent == 0) {
		unqueue(connection, message);
		if (shoal_list_empty(&connection->output)) {
			connection->output_since = 0;
		}
	}
}

static bool
is_self(const struct shoal_tcp_connection *connection)
{
	union shoal_sockaddr name;
	socklen_t len = sizeof(name);
	struct shoal_addr self;
	return getsockname(connection->fd, &name.any, &len) == 0 &&
	       shoal_socket_to_addr(&self, &name.any) && shoal_addr_equal(&self, &connection->peer);
}

static void
on_connected(struct shoal_tcp_connection *connection)
{
	int error = 0;
	socklen_t len = sizeof(error);
	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error == 0 && is_self(connection)) {
		error = ECONNREFUSED;
	}
	if (error != 0) {
		shoal_tcp_connection_doom(connection, shoal_socket_code(error),
		        error == ECONNREFUSED ? SHOAL_COUNTER_REFUSALS : SHOAL_TCP_QUIET);
		return;
	}
	connection->connecting = false;
	if (event_add(&connection->readable, NULL) != 0) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_LIMIT, SHOAL_TCP_QUIET);
	} else {
		shoal_tcp_count(connection->tcp, SHOAL_COUNTER_CONNECTIONS_OUT);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_tcp_connection *connection = arg;
	(void)fd;
	(void)what;
	if (shoal_socket_is_forked(connection->tcp->owner)) {
		return;
	}
	if (connection->connecting) {
		on_connected(connection);
	}
	if (!connection->doomed) {
		write_output(connection);
	}
	shoal_tcp_connection_settle(connection);
}

/* A connection with its timer armed and nothing else. */
static struct shoal_tcp_connection *
create(struct shoal_tcp *tcp, const struct shoal_addr *peer)
{
	struct timeval in = shoal_socket_until(0, tcp->patience_ns);
	struct shoal_tcp_connection *connection =
	        shoal_alloc_zeroed(&tcp->work, 1, sizeof(*connection));
	if (connection == NULL) {
		return NULL;
	}
	connection->tcp = tcp;
	connection->peer = *peer;
	connection->fd = -1;
	shoal_list_init(&connection->output);
	shoal_list_init(&connection->requests);
	shoal_list_init(&connection->exchanges);
	evtimer_assign(&connection->timer, tcp->env.base, on_timer, connection);
	if (evtimer_add(&connection->timer, &in) != 0) {
		shoal_alloc_free(&tcp->work, connection);
		return NULL;
	}
	return connection;
}

static void
adopt(struct shoal_tcp_connection *connection, int fd)
{
	struct shoal_tcp *tcp = connection->tcp;
	connection->fd = fd;
	shoal_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	/* A host that has gone without a word: what it does not acknowledge ends the connection. */
	shoal_socket_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(tcp->patience_ns / 1000000));
	event_assign(&connection->readable, tcp->env.base, fd, EV_READ | EV_PERSIST,
	        shoal_tcp_frame_readable, connection);
	event_assign(&connection->writable, tcp->env.base, fd, EV_WRITE, on_writable, connection);
}

/* 0, or the errno. */
static int
start_dial(struct shoal_tcp_connection *connection)
{
	union shoal_sockaddr name;
	socklen_t len = shoal_socket_from_addr(&name, &connection->peer);
	int fd = shoal_socket_open(&connection->peer, SOCK_STREAM);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) &&
	        shoal_tcp_limits_evict(connection->tcp)) {
		fd = shoal_socket_open(&connection->peer, SOCK_STREAM);
	}
	if (fd < 0) {
		return errno;
	}
	adopt(connection, fd);
	if (connect(fd, &name.any, len) != 0 && errno != EINPROGRESS) {
		return errno;
	}
	return event_add(&connection->writable, NULL) == 0 ? 0 : ENOMEM;
}

static struct shoal_tcp_connection *
dial(struct shoal_tcp *tcp, const struct shoal_addr *peer, bool shared, int *code)
{
	*code = SHOAL_ERR_LIMIT;
	if (!shoal_tcp_limits_dial(tcp)) {
		return NULL;
	}
	*code = SHOAL_ERR_NOMEM;
	struct shoal_tcp_message *greeting = shoal_tcp_message_greeting(tcp);
	if (greeting == NULL) {
		return NULL;
	}
	struct shoal_tcp_connection *connection = create(tcp, peer);
	if (connection == NULL) {
		shoal_tcp_message_free(tcp, greeting);
		return NULL;
	}
	connection->outbound = true;
	connection->connecting = true;
	connection->shared = shared;
	connection->greeted = SHOAL_TCP_GREETING; /* only diallers greet */
	shoal_tcp_limits_place(connection, SHOAL_TCP_BUSY);
	if (shared) {
		shoal_list_push_front(address_bucket(tcp, peer), &connection->in_address);
	}
	shoal_tcp_connection_write(connection, greeting);
	int error = start_dial(connection);
	if (error != 0) {
		shoal_tcp_connection_doom(connection, shoal_socket_code(error),
		        error == ECONNREFUSED ? SHOAL_COUNTER_REFUSALS : SHOAL_TCP_QUIET);
	}
	return connection;
}

struct shoal_tcp_connection *
shoal_tcp_connection_to(struct shoal_tcp *tcp, const struct shoal_addr *peer, int *code)
{
	SHOAL_LIST_FOREACH (node, address_bucket(tcp, peer)) {
		struct shoal_tcp_connection *connection =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_address);
		if (!connection->shared || !shoal_addr_equal(&connection->peer, peer)) {
			continue;
		}
		*code = SHOAL_ERR_LIMIT;
		return connection->in_flight < SHOAL_TCP_IN_FLIGHT ? connection : NULL;
	}
	return dial(tcp, peer, true, code);
}

struct shoal_tcp_connection *
shoal_tcp_connection_fresh(struct shoal_tcp *tcp, const struct shoal_addr *peer, int *code)
{
	return dial(tcp, peer, false, code);
}

void
shoal_tcp_connection_accept(struct shoal_tcp *tcp, int fd, const struct shoal_addr *peer,
        struct shoal_tcp_source *source)
{
	struct shoal_tcp_connection *connection = create(tcp, peer);
	if (connection == NULL) {
		close(fd);
		shoal_tcp_limits_drop(tcp, source);
		shoal_tcp_count(tcp, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return;
	}
	connection->source = source;
	connection->frame_since = shoal_socket_now();
	shoal_tcp_limits_place(connection, SHOAL_TCP_SILENT);
	adopt(connection, fd);
	shoal_tcp_connection_settle(connection);
	if (event_add(&connection->readable, NULL) != 0) {
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_LIMIT, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	} else {
		shoal_tcp_count(tcp, SHOAL_COUNTER_CONNECTIONS_IN);
	}
}

static void
doom_crowd(struct shoal_tcp_crowd *crowd)
{
	for (unsigned i = 0; i < SHOAL_TCP_PHASES; ++i) {
		struct shoal_list *node;
		while ((node = shoal_list_first(&crowd->phase[i])) != NULL) {
			shoal_tcp_connection_doom(
			        SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_all),
			        SHOAL_ERR_CANCELED, SHOAL_TCP_QUIET);
		}
	}
}

void
shoal_tcp_connection_close_all(struct shoal_tcp *tcp)
{
	doom_crowd(&tcp->inbound);
	doom_crowd(&tcp->outbound);
	SHOAL_LIST_FOREACH (node, &tcp->doomed) {
		struct shoal_tcp_connection *connection =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_all);
		evtimer_del(&connection->timer);
		shoal_tcp_exchange_cancel_all(connection);
	}
}

void
shoal_tcp_connection_release_all(struct shoal_tcp *tcp)
{
	struct shoal_list *node;
	while ((node = shoal_list_first(&tcp->doomed)) != NULL) {
		release(SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_all));
	}
}
