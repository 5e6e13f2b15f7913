/* SPDX-License-Identifier: MIT */
/* How many connections, from whom, and how many bytes.
 *
 * Three limits on number: all connections (connections_max); those that came in, three quarters of
 * that, so that strangers cannot keep this member from dialling; those of one source, a quarter but
 * at least 16. A source is an IPv4 address or an IPv6 /64, which one host has for itself. At a
 * limit the newcomer is let in and the cheapest goes: first who has not greeted, then who is idle,
 * then a watch link, in each the one that has been so longest. A flood of silent connections so
 * displaces itself, and a dialler who greets at once is served. Only where all are busy is the
 * newcomer refused; busy ends with patience.
 *
 * One limit on bytes: messages that wait to be sent and frames that are half here, four of the
 * largest messages and a scratch for each connection. Where it is reached the connection that holds
 * most is closed; who wants the bytes gets them unless it is that one. Memory is counted as it is
 * allocated, not as it is claimed by a length.
 *
 * Admission and placing are O(1); finding who holds most is O(connections), when the budget is used
 * up. */
#define _GNU_SOURCE
#include <string.h>

#include "base/addr.h"
#include "transports/tcp.h"

#define BUCKETS_MAX 4096
#define SOURCE_MIN  16

static void
crowd_init(struct shoal_tcp_crowd *crowd)
{
	for (unsigned i = 0; i < SHOAL_TCP_PHASES; ++i) {
		shoal_list_init(&crowd->phase[i]);
	}
	crowd->count = 0;
}

int
shoal_tcp_limits_init(struct shoal_tcp *tcp)
{
	size_t max = tcp->env.connections_max;
	tcp->inbound_max = max - max / 4;
	tcp->source_max = max / 4 > SOURCE_MIN ? max / 4 : SOURCE_MIN;
	tcp->held = 0;
	uint64_t held_max = UINT64_C(4) * tcp->env.stream_max + (uint64_t)max * SHOAL_TCP_SCRATCH;
	tcp->held_max = held_max < SIZE_MAX ? (size_t)held_max : SIZE_MAX;
	for (tcp->buckets = 16; tcp->buckets < max && tcp->buckets < BUCKETS_MAX;) {
		tcp->buckets *= 2;
	}
	crowd_init(&tcp->inbound);
	crowd_init(&tcp->outbound);
	shoal_list_init(&tcp->doomed);
	tcp->address = shoal_alloc_zeroed(&tcp->work, tcp->buckets, sizeof(*tcp->address));
	tcp->source = shoal_alloc_zeroed(&tcp->work, tcp->buckets, sizeof(*tcp->source));
	if (tcp->address == NULL || tcp->source == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t i = 0; i < tcp->buckets; ++i) {
		shoal_list_init(&tcp->address[i]);
		shoal_list_init(&tcp->source[i]);
	}
	return shoal_socket_random_key(tcp->key) ? 0 : SHOAL_ERR_SYSTEM;
}

void
shoal_tcp_limits_done(struct shoal_tcp *tcp)
{
	shoal_alloc_free(&tcp->work, tcp->address);
	shoal_alloc_free(&tcp->work, tcp->source);
	tcp->address = NULL;
	tcp->source = NULL;
}

static struct shoal_list *
source_bucket(struct shoal_tcp *tcp, const struct shoal_addr *key)
{
	return &tcp->source[shoal_socket_hash(tcp->key, key) & (tcp->buckets - 1)];
}

static struct shoal_tcp_source *
find_source(struct shoal_tcp *tcp, const struct shoal_addr *key)
{
	SHOAL_LIST_FOREACH (node, source_bucket(tcp, key)) {
		struct shoal_tcp_source *source =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_source, node);
		if (shoal_addr_equal(&source->key, key)) {
			return source;
		}
	}
	return NULL;
}

static struct shoal_tcp_source *
make_source(struct shoal_tcp *tcp, const struct shoal_addr *key)
{
	struct shoal_tcp_source *source = shoal_alloc_zeroed(&tcp->work, 1, sizeof(*source));
	if (source == NULL) {
		return NULL;
	}
	source->key = *key;
	crowd_init(&source->crowd);
	shoal_list_push_back(source_bucket(tcp, key), &source->node);
	return source;
}

void
shoal_tcp_limits_drop(struct shoal_tcp *tcp, struct shoal_tcp_source *source)
{
	if (source->crowd.count > 0) {
		return;
	}
	shoal_list_remove(&source->node);
	shoal_alloc_free(&tcp->work, source);
}

static struct shoal_tcp_connection *
from_all(struct shoal_list *node)
{
	return SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_all);
}

static struct shoal_tcp_connection *
from_source(struct shoal_list *node)
{
	return SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_source);
}

/* Closes the cheapest of a crowd, whose lists run through one of the nodes of a connection. */
static bool
evict(struct shoal_tcp_crowd *crowd, struct shoal_tcp_connection *(*from)(struct shoal_list *))
{
	struct shoal_list *silent = shoal_list_first(&crowd->phase[SHOAL_TCP_SILENT]);
	struct shoal_list *idle = shoal_list_first(&crowd->phase[SHOAL_TCP_IDLE]);
	struct shoal_list *link = shoal_list_first(&crowd->phase[SHOAL_TCP_LINK]);
	if (silent != NULL) {
		shoal_tcp_connection_doom(
		        from(silent), SHOAL_ERR_CLOSED, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	} else if (idle != NULL) {
		shoal_tcp_connection_doom(from(idle), SHOAL_ERR_CLOSED, SHOAL_TCP_QUIET);
	} else if (link != NULL) {
		/* Not by the other end: nobody may take it for dead. */
		shoal_tcp_connection_doom(from(link), SHOAL_ERR_LIMIT, SHOAL_TCP_QUIET);
	}
	return silent != NULL || idle != NULL || link != NULL;
}

bool
shoal_tcp_limits_evict(struct shoal_tcp *tcp)
{
	return evict(&tcp->inbound, from_all) || evict(&tcp->outbound, from_all);
}

static bool
is_full(const struct shoal_tcp *tcp)
{
	return tcp->inbound.count + tcp->outbound.count >= tcp->env.connections_max;
}

struct shoal_tcp_source *
shoal_tcp_limits_admit(struct shoal_tcp *tcp, const struct shoal_addr *peer)
{
	struct shoal_addr key = shoal_socket_source(peer);
	struct shoal_tcp_source *source = find_source(tcp, &key);
	if (source != NULL && source->crowd.count >= tcp->source_max &&
	        !evict(&source->crowd, from_source)) {
		return NULL;
	}
	if (tcp->inbound.count >= tcp->inbound_max && !evict(&tcp->inbound, from_all)) {
		return NULL;
	}
	if (is_full(tcp) && !shoal_tcp_limits_evict(tcp)) {
		return NULL;
	}
	source = find_source(tcp, &key); /* it may have gone with its last connection */
	return source != NULL ? source : make_source(tcp, &key);
}

bool
shoal_tcp_limits_dial(struct shoal_tcp *tcp)
{
	return !is_full(tcp) || evict(&tcp->outbound, from_all) || evict(&tcp->inbound, from_all);
}

void
shoal_tcp_limits_place(struct shoal_tcp_connection *connection, enum shoal_tcp_phase phase)
{
	struct shoal_tcp *tcp = connection->tcp;
	struct shoal_tcp_crowd *all = connection->outbound ? &tcp->outbound : &tcp->inbound;
	bool is_new = !shoal_list_linked(&connection->in_all);
	connection->phase = phase;
	shoal_list_remove(&connection->in_all);
	shoal_list_push_back(&all->phase[phase], &connection->in_all);
	all->count += is_new;
	if (connection->source != NULL) {
		struct shoal_tcp_crowd *crowd = &connection->source->crowd;
		shoal_list_remove(&connection->in_source);
		shoal_list_push_back(&crowd->phase[phase], &connection->in_source);
		crowd->count += is_new;
	}
}

void
shoal_tcp_limits_remove(struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	if (!shoal_list_linked(&connection->in_all)) {
		return;
	}
	shoal_list_remove(&connection->in_all);
	--(connection->outbound ? &tcp->outbound : &tcp->inbound)->count;
	if (connection->source != NULL) {
		shoal_list_remove(&connection->in_source);
		--connection->source->crowd.count;
		shoal_tcp_limits_drop(tcp, connection->source);
		connection->source = NULL;
	}
}

static size_t
holds(const struct shoal_tcp_connection *connection)
{
	return connection->body_capacity + connection->output_bytes;
}

static struct shoal_tcp_connection *
larger(struct shoal_tcp_connection *most, const struct shoal_tcp_crowd *crowd)
{
	SHOAL_LIST_FOREACH (node, &crowd->phase[SHOAL_TCP_BUSY]) {
		struct shoal_tcp_connection *connection = from_all(node);
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
		        larger(larger(NULL, &tcp->inbound), &tcp->outbound);
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
