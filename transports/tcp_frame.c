/* SPDX-License-Identifier: MIT */
/* Received bytes become frames.
 *
 * A read goes into one scratch buffer of the transport, and a frame that is whole there is handed
 * over from there: small exchanges buy no memory. A frame of which only a part is here gets a
 * buffer of its own, which grows by doubling as its bytes arrive, never ahead of them by more than
 * what came; in clear later reads go straight into it, and end where it ends. A read of TLS goes
 * into the scratch always, which takes a whole record: nothing is left behind of which no event
 * tells. The header is kept in the connection.
 *
 * A wrong first byte ends a connection at once: greeting, kind and length are checked before
 * anything else is done, and a stray HTTP client or a scanner gets no answer. An oversized length
 * is refused when the header is complete; what a peer may send of which the host has taken nothing
 * yet is small. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "base/reader.h"
#include "transports/tcp.h"

#define READS_PER_WAKE 4
#define BODY_MIN       4096

void
shoal_tcp_frame_drop(struct shoal_tcp_connection *connection)
{
	shoal_tcp_limits_unhold(connection->tcp, connection->body_capacity);
	shoal_alloc_free(&connection->tcp->work, connection->body);
	connection->body = NULL;
	connection->body_len = connection->body_capacity = 0;
}

static void
abused(struct shoal_tcp_connection *connection)
{
	shoal_tcp_connection_doom(connection, SHOAL_ERR_CLOSED, SHOAL_COUNTER_CONNECTIONS_ABUSED);
}

struct frame {
	size_t len;
	uint8_t kind;
	uint64_t number;
};

static struct frame
read_header(const struct shoal_tcp_connection *connection)
{
	struct shoal_reader reader;
	shoal_reader_init(&reader, connection->header, sizeof(connection->header));
	struct frame frame;
	frame.len = shoal_reader_u32(&reader);
	frame.kind = shoal_reader_u8(&reader);
	frame.number = shoal_reader_u64(&reader);
	return frame;
}

/* The frame is taken off the connection before the host is called: whatever the host does to the
 * connection, data stays, and the connection is ready for the next frame. */
static void
deliver(struct shoal_tcp_connection *connection, const struct frame *frame, const uint8_t *data)
{
	connection->header_len = 0;
	connection->frame_since = 0;
	if (!shoal_tcp_exchange_frame(connection, frame->kind, frame->number, data, frame->len)) {
		abused(connection);
	}
}

/* Delivers the body, which is complete. */
static void
deliver_body(struct shoal_tcp_connection *connection, const struct frame *frame)
{
	struct shoal_tcp *tcp = connection->tcp;
	uint8_t *body = connection->body;
	size_t capacity = connection->body_capacity;
	connection->body = NULL;
	connection->body_len = connection->body_capacity = 0;
	deliver(connection, frame, body);
	shoal_tcp_limits_unhold(tcp, capacity);
	shoal_alloc_free(&tcp->work, body);
}

/* Room for at least one byte more and for n where the frame is that long; false: the connection is
 * doomed. */
static bool
grow(struct shoal_tcp_connection *connection, const struct frame *frame, size_t n)
{
	struct shoal_tcp *tcp = connection->tcp;
	size_t capacity = connection->body_capacity;
	if (connection->body != NULL && capacity - connection->body_len >= n) {
		return true;
	}
	size_t wanted =
	        connection->body_len + n > 2 * capacity ? connection->body_len + n : 2 * capacity;
	if (wanted < BODY_MIN) {
		wanted = BODY_MIN;
	}
	if (wanted > frame->len) {
		wanted = frame->len;
	}
	uint8_t *body = NULL;
	if (shoal_tcp_limits_hold(tcp, connection, wanted - capacity)) {
		body = shoal_alloc_resize(&tcp->work, connection->body, wanted, 1);
		if (body == NULL) {
			shoal_tcp_limits_unhold(tcp, wanted - capacity);
		}
	}
	if (body == NULL) {
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_LIMIT, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return false;
	}
	connection->body = body;
	connection->body_capacity = wanted;
	return true;
}

static size_t
feed_greeting(struct shoal_tcp_connection *connection, const uint8_t *data, size_t len)
{
	size_t n = SHOAL_TCP_GREETING - connection->greeted;
	if (n > len) {
		n = len;
	}
	if (memcmp(data, shoal_tcp_message_hello + connection->greeted, n) != 0) {
		(void)shoal_tcp_greet_foreign(connection, data, connection->greeted == 0 ? len : 0);
		abused(connection);
		return len;
	}
	connection->greeted += n;
	if (connection->greeted == SHOAL_TCP_GREETING) {
		connection->frame_since = 0;
	}
	return n;
}

static size_t
most(const struct shoal_tcp_connection *connection)
{
	const struct shoal_transport_env *env = &connection->tcp->env;
	bool known = connection->outbound || connection->proved;

	return known || env->first_max > env->stream_max ? env->stream_max : env->first_max;
}

static size_t
feed_header(struct shoal_tcp_connection *connection, const uint8_t *data, size_t len)
{
	size_t n = SHOAL_TCP_HEADER - connection->header_len;
	if (n > len) {
		n = len;
	}
	if (connection->header_len == 0) {
		connection->frame_since = shoal_socket_now();
	}
	memcpy(connection->header + connection->header_len, data, n);
	connection->header_len += n;
	/* As a length these first bytes of TLS are above any limit. */
	if (connection->outbound && !connection->proved &&
	        shoal_tcp_greet_foreign(connection, connection->header, connection->header_len)) {
		abused(connection);
		return n;
	}
	if (connection->header_len < SHOAL_TCP_HEADER) {
		return n;
	}
	struct frame frame = read_header(connection);
	if (frame.len > most(connection)) {
		abused(connection);
	} else if (frame.len == 0) {
		deliver(connection, &frame, data);
	}
	return n;
}

/* The payload as far as it is in the scratch; in clear the rest is received into the body. */
static size_t
feed_body(struct shoal_tcp_connection *connection, const uint8_t *data, size_t len)
{
	struct frame frame = read_header(connection);
	size_t left = frame.len - connection->body_len;
	size_t n = len < left ? len : left;
	if (connection->body == NULL && n == frame.len) {
		deliver(connection, &frame, data);
	} else if (grow(connection, &frame, n)) {
		memcpy(connection->body + connection->body_len, data, n);
		connection->body_len += n;
		if (connection->body_len == frame.len) {
			deliver_body(connection, &frame);
		}
	}
	return n;
}

static void
feed(struct shoal_tcp_connection *connection, const uint8_t *data, size_t len)
{
	while (len > 0 && !connection->doomed && connection->tcp->running) {
		size_t taken;
		if (connection->greeted < SHOAL_TCP_GREETING) {
			taken = feed_greeting(connection, data, len);
		} else if (connection->header_len < SHOAL_TCP_HEADER) {
			taken = feed_header(connection, data, len);
		} else {
			taken = feed_body(connection, data, len);
		}
		data += taken;
		len -= taken;
	}
}

static void
on_end(struct shoal_tcp_connection *connection, int code)
{
	bool silent = connection->greeted < SHOAL_TCP_GREETING;
	connection->stale = code == SHOAL_ERR_CLOSED && connection->header_len == 0;
	shoal_tcp_connection_doom(
	        connection, code, silent ? SHOAL_COUNTER_CONNECTIONS_ABUSED : SHOAL_TCP_QUIET);
}

/* n: what was read, room: what there was to read into. Whether more may wait. */
static bool
is_more(struct shoal_tcp_connection *connection, ssize_t n, size_t room)
{
	if (n == 0) {
		on_end(connection, SHOAL_ERR_CLOSED);
	} else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		on_end(connection, shoal_socket_code(errno));
	}
	return n > 0 && ((size_t)n == room || connection->channel.tls != NULL);
}

static bool
receive_body(struct shoal_tcp_connection *connection)
{
	struct frame frame = read_header(connection);
	if (!grow(connection, &frame, 1)) {
		return false;
	}
	size_t room = connection->body_capacity - connection->body_len;
	ssize_t n = shoal_channel_read(
	        &connection->channel, connection->body + connection->body_len, room);
	if (n > 0) {
		connection->body_len += (size_t)n;
		if (connection->body_len == frame.len) {
			deliver_body(connection, &frame);
		}
	}
	return is_more(connection, n, room);
}

static bool
receive(struct shoal_tcp_connection *connection)
{
	if (connection->body != NULL && connection->channel.tls == NULL) {
		return receive_body(connection);
	}
	uint8_t *scratch = connection->tcp->scratch;
	ssize_t n = shoal_channel_read(&connection->channel, scratch, SHOAL_TCP_SCRATCH);
	if (n > 0) {
		feed(connection, scratch, (size_t)n);
	}
	return is_more(connection, n, SHOAL_TCP_SCRATCH);
}

void
shoal_tcp_frame_readable(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_tcp_connection *connection = arg;
	struct shoal_tcp *tcp = connection->tcp;
	(void)fd;
	(void)what;
	if (shoal_socket_is_forked(tcp->owner)) {
		(void)event_del(&connection->readable);
		return;
	}
	bool up = shoal_tcp_greet(connection);
	for (unsigned i = 0; i < READS_PER_WAKE && up; ++i) {
		if (!receive(connection) || connection->doomed || !tcp->running) {
			break;
		}
	}
	if (tcp->running) {
		shoal_tcp_connection_settle(connection);
	}
	shoal_tcp_batch_end(tcp);
}
