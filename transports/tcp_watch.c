/* SPDX-License-Identifier: MIT */
/* Watch links: idle connections whose end is the message.
 *
 * A link is a connection whose first frame is a watch. It has no idle time; what finds out that the
 * other end is gone without a word is the kernel's keep-alive, after link_idle_ms on the watcher's
 * side and twice that on the other, so that the watcher's packets keep the state of a firewall
 * between the two alive. Three tries, a third of the transport's patience apart.
 *
 * The opening is a request like any other: its reply, its time-out and the failure of the dial are
 * a result. From then on the link lives in the host's number until the connection is buried, or
 * until the host ends it, after which it hears no more of it, but what it told by it still goes.
 * There are at most SHOAL_TCP_LINKS_MAX in each direction, so a walk over them is cheap. */
#define _GNU_SOURCE
#include <netinet/tcp.h>

#include "transports/tcp.h"

#define KEEP_IDLE_MAX_S 32767 /* of the kernel */
#define KEEP_TRIES      3

static struct shoal_tcp_connection *
from_links(struct shoal_list *node)
{
	return SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_links);
}

struct shoal_tcp_connection *
shoal_tcp_watch_find(const struct shoal_tcp *tcp, bool outbound, uint64_t link)
{
	if (!tcp->running || link == 0) {
		return NULL;
	}
	SHOAL_LIST_FOREACH (node, &tcp->links) {
		struct shoal_tcp_connection *connection = from_links(node);
		if (connection->outbound == outbound && connection->link == link) {
			return connection;
		}
	}
	return NULL;
}

static size_t *
links_of(const struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	return connection->outbound ? &tcp->links_out : &tcp->links_in;
}

static void
make_link(struct shoal_tcp_connection *connection, uint64_t link)
{
	connection->link = link;
	shoal_list_push_back(&connection->tcp->links, &connection->in_links);
	++*links_of(connection);
}

void
shoal_tcp_watch_forget(struct shoal_tcp_connection *connection)
{
	if (shoal_tcp_watch_is_link(connection)) {
		shoal_list_remove(&connection->in_links);
		--*links_of(connection);
	}
}

/* The user time-out ends a connection whose data is not acknowledged, and would end one at its
 * first unanswered try: it must leave time for all of them. */
static void
keep_alive(struct shoal_tcp_connection *connection)
{
	const struct shoal_tcp *tcp = connection->tcp;
	uint64_t idle = (uint64_t)tcp->env.link_idle_ms / 1000 * (connection->outbound ? 1 : 2);
	uint64_t pause = tcp->patience_ns / SHOAL_SEC(1) / KEEP_TRIES;
	idle = idle < KEEP_IDLE_MAX_S ? idle : KEEP_IDLE_MAX_S;
	pause = pause > 0 ? pause : 1;
	uint64_t most = (idle + KEEP_TRIES * pause) * 1000;
	shoal_socket_set(connection->channel.fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)idle);
	shoal_socket_set(connection->channel.fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)pause);
	shoal_socket_set(connection->channel.fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_TRIES);
	shoal_socket_set(connection->channel.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)most);
	shoal_socket_set(connection->channel.fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

int
shoal_tcp_watch_open(void *self, const struct shoal_addr *to, uint64_t link, const uint8_t *data,
        size_t len, uint64_t timeout_ns)
{
	struct shoal_tcp *tcp = self;
	int code;
	if (!tcp->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > tcp->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (tcp->links_out >= SHOAL_TCP_LINKS_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	struct shoal_tcp_connection *connection = shoal_tcp_dial_fresh(tcp, to, &code);
	if (connection == NULL) {
		return code;
	}
	make_link(connection, link);
	code = shoal_tcp_exchange_ask(connection, SHOAL_TCP_WATCH, link, data, len, timeout_ns);
	if (code != 0) {
		shoal_tcp_connection_doom(connection, code, SHOAL_TCP_QUIET);
	}
	return code;
}

void
shoal_tcp_watch_begin(struct shoal_tcp_connection *connection)
{
	if (shoal_tcp_watch_is_link(connection)) {
		connection->watched = true;
		keep_alive(connection);
	}
}

/* What the host had told by a peer's link before it ended it goes out first, in the time that a
 * frame has. */
static void
end(struct shoal_tcp_connection *connection)
{
	if (connection == NULL) {
		return;
	}
	connection->link = 0;
	shoal_tcp_exchange_cancel_all(connection);
	if (connection->outbound || shoal_tcp_output_is_empty(connection)) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_CLOSED, SHOAL_TCP_QUIET);
		return;
	}
	connection->ending = shoal_socket_now();
	shoal_tcp_connection_settle(connection);
}

void
shoal_tcp_watch_close(void *self, uint64_t link)
{
	end(shoal_tcp_watch_find(self, true, link));
}

void
shoal_tcp_watch_drop(void *self, uint64_t link)
{
	end(shoal_tcp_watch_find(self, false, link));
}

bool
shoal_tcp_watch_accept(
        struct shoal_tcp_connection *connection, uint64_t wire, const uint8_t *data, size_t len)
{
	struct shoal_tcp *tcp = connection->tcp;
	if (connection->unanswered > 0) {
		return false;
	}
	if (tcp->links_in >= SHOAL_TCP_LINKS_MAX) {
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_LIMIT, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return true;
	}
	make_link(connection, shoal_tcp_exchange_number(tcp, SHOAL_TCP_LINK_SLOT));
	connection->link_wire = wire;
	connection->watched = true;
	keep_alive(connection);
	shoal_tcp_exchange_judge(
	        connection, tcp->env.host.watched(tcp->env.host.arg, &connection->peer,
	                            connection->link, data, len));
	return true;
}

static int
write_to(struct shoal_tcp *tcp, uint64_t link, enum shoal_tcp_kind kind, const uint8_t *data,
        size_t len)
{
	struct shoal_tcp_connection *connection = shoal_tcp_watch_find(tcp, false, link);
	int code;
	if (connection == NULL || connection->doomed) {
		return SHOAL_ERR_NOT_FOUND;
	}
	struct shoal_tcp_message *message = shoal_tcp_message_new(connection, kind,
	        kind == SHOAL_TCP_REPLY ? connection->link_wire : 0, data, len, &code);
	if (message == NULL) {
		return code;
	}
	shoal_tcp_output_write(connection, message);
	shoal_tcp_connection_settle(connection);
	return 0;
}

int
shoal_tcp_watch_reply(struct shoal_tcp *tcp, uint64_t link, const uint8_t *data, size_t len)
{
	return write_to(tcp, link, SHOAL_TCP_REPLY, data, len);
}

int
shoal_tcp_watch_tell(void *self, uint64_t link, const uint8_t *data, size_t len)
{
	struct shoal_tcp *tcp = self;
	if (!tcp->running) {
		return SHOAL_ERR_STATE;
	}
	return len <= tcp->env.stream_max ? write_to(tcp, link, SHOAL_TCP_ONE_WAY, data, len)
	                                  : SHOAL_ERR_TOO_BIG;
}

size_t
shoal_tcp_watch_told(const void *self, uint64_t link)
{
	const struct shoal_tcp_connection *connection = shoal_tcp_watch_find(self, false, link);
	return connection != NULL ? connection->one_way_bytes : 0;
}

void
shoal_tcp_watch_bury(struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	uint64_t link = connection->link;
	if (!tcp->running || !connection->watched || link == 0) {
		return;
	}
	connection->link = 0;
	tcp->called = true;
	if (connection->outbound) {
		tcp->env.host.closed(tcp->env.host.arg, link, connection->code);
	} else {
		tcp->env.host.unwatched(tcp->env.host.arg, link);
	}
}
