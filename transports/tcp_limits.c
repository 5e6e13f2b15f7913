/* SPDX-License-Identifier: MIT */
/* How many bytes: messages that wait to be sent and frames that are half here, four of the largest
 * messages and a scratch for each connection. Where the limit is reached the connection that holds
 * most is closed; who wants the bytes gets them unless it is that one. Memory is counted as it is
 * allocated, not as it is claimed by a length. Finding who holds most is O(connections), when the
 * budget is used up. */
#include "transports/tcp.h"

static void
evict(struct shoal_crowd_member *member)
{
	struct shoal_tcp_connection *connection =
	        SHOAL_LIST_ITEM(member, struct shoal_tcp_connection, member);

	switch ((enum shoal_tcp_phase)member->phase) {
	case SHOAL_TCP_SILENT:
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_CLOSED, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		break;
	case SHOAL_TCP_LINK:
		/* Not by the other end: nobody may take it for dead. */
		shoal_tcp_connection_doom(connection, SHOAL_ERR_LIMIT, SHOAL_TCP_QUIET);
		break;
	default:
		shoal_tcp_connection_doom(connection, SHOAL_ERR_CLOSED, SHOAL_TCP_QUIET);
	}
}

int
shoal_tcp_limits_init(struct shoal_tcp *tcp)
{
	size_t max = tcp->env.connections_max;
	uint64_t held_max = UINT64_C(4) * tcp->env.stream_max + (uint64_t)max * SHOAL_TCP_SCRATCH;

	tcp->held = 0;
	tcp->held_max = held_max < SIZE_MAX ? (size_t)held_max : SIZE_MAX;
	shoal_list_init(&tcp->doomed);
	int code = shoal_crowd_init(&tcp->crowd, &tcp->work, tcp->key, max, evict);
	if (code != 0) {
		return code;
	}
	tcp->address = shoal_alloc_zeroed(&tcp->work, tcp->crowd.buckets, sizeof(*tcp->address));
	if (tcp->address == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t i = 0; i < tcp->crowd.buckets; ++i) {
		shoal_list_init(&tcp->address[i]);
	}
	return shoal_socket_random_key(tcp->key) ? 0 : SHOAL_ERR_SYSTEM;
}

void
shoal_tcp_limits_done(struct shoal_tcp *tcp)
{
	shoal_crowd_done(&tcp->crowd);
	shoal_alloc_free(&tcp->work, tcp->address);
	tcp->address = NULL;
}

static size_t
holds(const struct shoal_tcp_connection *connection)
{
	return connection->body_capacity + connection->output_bytes;
}

static struct shoal_tcp_connection *
larger(struct shoal_tcp_connection *most, const struct shoal_crowd_side *side)
{
	SHOAL_LIST_FOREACH (node, &side->phase[SHOAL_TCP_BUSY]) {
		struct shoal_tcp_connection *connection =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, member.in_side);
		if (most == NULL || holds(connection) > holds(most)) {
			most = connection;
		}
	}
	return most;
}

bool
shoal_tcp_limits_hold(struct shoal_tcp *tcp, struct shoal_tcp_connection *connection, size_t size)
{
	size_t wanted = size + (connection != NULL ? holds(connection) : 0);
	while (size > tcp->held_max || tcp->held > tcp->held_max - size) {
		struct shoal_tcp_connection *most =
		        larger(larger(NULL, &tcp->crowd.inbound), &tcp->crowd.outbound);
		if (most == NULL || most == connection || holds(most) <= wanted) {
			return false;
		}
		shoal_tcp_connection_doom(most, SHOAL_ERR_LIMIT, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	}
	tcp->held += size;
	return true;
}

void
shoal_tcp_limits_unhold(struct shoal_tcp *tcp, size_t size)
{
	tcp->held -= size;
}
