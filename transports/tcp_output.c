/* SPDX-License-Identifier: MIT */
/* What goes out on a connection: a list of messages.
 *
 * In clear they are gathered into one sendmsg as far as the kernel takes them; TLS makes a record
 * of each, or several, and keeps the last one until the kernel has taken it. Both are tried at
 * once, so that a connection at rest needs no wake-up to send. A message of a request that might
 * have to be sent again stays with the request. One message fits always, further ones up to
 * stream_max bytes.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "transports/tcp.h"

#define GATHER 16

void
shoal_tcp_output_drop(struct shoal_tcp_connection *connection)
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

/* As send. */
static ssize_t
push(struct shoal_tcp_connection *connection)
{
	struct shoal_channel *channel = &connection->channel;
	struct iovec piece[GATHER] = {{NULL, 0}};
	struct msghdr header = {.msg_iov = piece};

	header.msg_iovlen = gather(connection, piece);
	return channel->tls != NULL
	               ? shoal_channel_write(channel, piece[0].iov_base, piece[0].iov_len)
	               : sendmsg(channel->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The kernel took no more, or failed. */
static void
wait_to_write(struct shoal_tcp_connection *connection)
{
	if (errno != EAGAIN && errno != EWOULDBLOCK) {
		shoal_tcp_connection_doom_by(connection, errno);
	} else if (event_add(&connection->writable, NULL) != 0) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_LIMIT, SHOAL_TCP_QUIET);
	}
}

void
shoal_tcp_output_flush(struct shoal_tcp_connection *connection)
{
	while (!shoal_list_empty(&connection->output)) {
		ssize_t sent = push(connection);
		if (sent >= 0) {
			advance(connection, (size_t)sent);
		} else if (errno != EINTR) {
			wait_to_write(connection);
			return;
		}
	}
	if (shoal_channel_flush(&connection->channel) != 0) {
		wait_to_write(connection);
		return;
	}
	connection->output_since = 0;
}

bool
shoal_tcp_output_is_empty(const struct shoal_tcp_connection *connection)
{
	return shoal_list_empty(&connection->output) &&
	       shoal_channel_waiting(&connection->channel) == 0;
}

bool
shoal_tcp_output_has_room(const struct shoal_tcp_connection *connection, size_t len)
{
	size_t max = connection->tcp->env.stream_max;
	return connection->output_bytes <= SHOAL_TCP_GREETING ||
	       (connection->output_bytes < max && len <= max - connection->output_bytes);
}

void
shoal_tcp_output_write(struct shoal_tcp_connection *connection, struct shoal_tcp_message *message)
{
	if (connection->doomed) {
		if (message->request == NULL) {
			shoal_tcp_message_free(connection->tcp, message);
		}
		return;
	}
	if (shoal_tcp_output_is_empty(connection)) {
		connection->output_since = shoal_socket_now();
	}
	shoal_list_push_back(&connection->output, &message->node);
	connection->output_bytes += message->len;
	connection->one_way_bytes += message->one_way ? message->len : 0;
	if (shoal_tcp_connection_is_up(connection) && connection->output.next == &message->node) {
		shoal_tcp_output_flush(connection);
	}
}

size_t
shoal_tcp_output_waiting(const void *self, const struct shoal_addr *peer)
{
	const struct shoal_tcp *tcp = self;
	size_t bytes = 0;
	if (tcp->running) {
		SHOAL_LIST_FOREACH (node, shoal_tcp_dial_bucket(tcp, peer)) {
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
shoal_tcp_output_abandon(struct shoal_tcp_connection *connection, struct shoal_tcp_message *message)
{
	message->request = NULL;
	if (!shoal_list_linked(&message->node)) {
		shoal_tcp_message_free(connection->tcp, message);
	} else if (connection->output.next != &message->node || connection->output_sent == 0) {
		unqueue(connection, message);
		if (shoal_tcp_output_is_empty(connection)) {
			connection->output_since = 0;
		}
	}
}
