/* SPDX-License-Identifier: MIT */
/* Connections to peers: the one that is there, or a new one. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "base/addr.h"
#include "transports/dialer.h"
#include "transports/tcp.h"

struct shoal_list *
shoal_tcp_dial_bucket(const struct shoal_tcp *tcp, const struct shoal_addr *peer)
{
	return &tcp->address[shoal_socket_hash(tcp->key, peer) & (tcp->crowd.buckets - 1)];
}

static void
on_connected(struct shoal_tcp_connection *connection)
{
	int error = 0;
	socklen_t len = sizeof(error);
	getsockopt(connection->channel.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error == 0 && shoal_socket_is_self(connection->channel.fd)) {
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

void
shoal_tcp_dial_writable(evutil_socket_t fd, short what, void *arg)
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
	if (!connection->doomed && shoal_tcp_greet(connection)) {
		shoal_tcp_output_flush(connection);
	}
	shoal_tcp_connection_settle(connection);
}

/* Where a connection comes from: the address that this member listens on, as its datagrams do, for
 * peers compare it with those that the member advertises. Of several the kernel knows which one
 * leads there. NULL: its choice. */
static const struct shoal_addr *
source_for(const struct shoal_tcp *tcp, const struct shoal_addr *peer)
{
	const struct shoal_addr *found = NULL;

	for (size_t i = 0; i < tcp->acceptor.ports; ++i) {
		const struct shoal_addr *own = &tcp->acceptor.port[i].addr;
		if (shoal_addr_is_ipv4(own) != shoal_addr_is_ipv4(peer) ||
		        shoal_addr_is_loopback(own) != shoal_addr_is_loopback(peer) ||
		        own->scope != peer->scope) {
			continue;
		}
		if (found != NULL) {
			return NULL;
		}
		found = own;
	}
	return found;
}

static int
start_dial(struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	const struct shoal_addr *from = source_for(tcp, &connection->peer);
	int fd = shoal_dialer_dial(&tcp->env.dialer, &connection->peer, from);
	if (fd == SHOAL_ERR_LIMIT && shoal_crowd_evict(&tcp->crowd)) {
		fd = shoal_dialer_dial(&tcp->env.dialer, &connection->peer, from);
	}
	if (fd < 0) {
		return fd;
	}
	if (shoal_tcp_connection_adopt(connection, fd) != 0 ||
	        event_add(&connection->writable, NULL) != 0) {
		return SHOAL_ERR_LIMIT;
	}
	return 0;
}

static struct shoal_tcp_connection *
dial(struct shoal_tcp *tcp, const struct shoal_addr *peer, bool shared, int *code)
{
	*code = SHOAL_ERR_LIMIT;
	if (!shoal_crowd_dial(&tcp->crowd)) {
		return NULL;
	}
	*code = SHOAL_ERR_NOMEM;
	struct shoal_tcp_message *greeting = shoal_tcp_message_greeting(tcp);
	if (greeting == NULL) {
		return NULL;
	}
	struct shoal_tcp_connection *connection = shoal_tcp_connection_new(tcp, peer);
	if (connection == NULL) {
		shoal_tcp_message_free(tcp, greeting);
		return NULL;
	}
	connection->outbound = true;
	connection->connecting = true;
	connection->shared = shared;
	connection->greeted = SHOAL_TCP_GREETING; /* only diallers greet */
	shoal_crowd_place(&tcp->crowd, &connection->member, SHOAL_TCP_BUSY);
	if (shared) {
		shoal_list_push_front(shoal_tcp_dial_bucket(tcp, peer), &connection->in_address);
	}
	shoal_tcp_output_write(connection, greeting);
	*code = start_dial(connection);
	if (*code != 0) {
		shoal_tcp_connection_doom(connection, *code,
		        *code == SHOAL_ERR_REFUSED ? SHOAL_COUNTER_REFUSALS : SHOAL_TCP_QUIET);
	}
	return connection;
}

struct shoal_tcp_connection *
shoal_tcp_dial_shared(struct shoal_tcp *tcp, const struct shoal_addr *peer, int *code)
{
	SHOAL_LIST_FOREACH (node, shoal_tcp_dial_bucket(tcp, peer)) {
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
shoal_tcp_dial_fresh(struct shoal_tcp *tcp, const struct shoal_addr *peer, int *code)
{
	return dial(tcp, peer, false, code);
}
