/* SPDX-License-Identifier: MIT */
/* Requests of this host and of peers.
 *
 * Both live in slabs, and their numbers on the wire and towards the host are a serial number above
 * the slot: found in O(1), and a number of one that has ended, or that a peer made up, is told from
 * one that lives.
 *
 * A request ends exactly once: by its reply, by its timer, or with its connection; the results of a
 * connection's end are given in the connection's own turn of the loop. One that went out on a
 * connection kept from earlier, which the peer turns out to have closed meanwhile, is sent once
 * more on a fresh connection, within its own time, unless that takes only shorter ones: closing a
 * connection that looks idle is the peer's right, and no failure of the request. A request that
 * times out takes its connection out of use for later ones: a dead host must not swallow them one
 * by one. */
#define _GNU_SOURCE
#include <string.h>

#include "transports/tcp.h"

uint64_t
shoal_tcp_exchange_number(struct shoal_tcp *tcp, uint32_t slot)
{
	if (++tcp->serial == 0) {
		++tcp->serial;
	}
	return (uint64_t)tcp->serial << 32 | slot;
}

static void
attach(struct shoal_tcp_connection *connection, struct shoal_tcp_request *request)
{
	request->connection = connection;
	shoal_list_push_back(&connection->requests, &request->node);
	++connection->in_flight;
	shoal_tcp_output_write(connection, request->message);
	shoal_tcp_connection_settle(connection);
}

/* Takes a request off its connection, which may be dead. */
static void
detach(struct shoal_tcp_request *request)
{
	shoal_list_remove(&request->node);
	--request->connection->in_flight;
}

static void
forget(struct shoal_tcp *tcp, struct shoal_tcp_request *request)
{
	evtimer_del(&request->timer);
	detach(request);
	if (request->message != NULL) {
		shoal_tcp_output_abandon(request->connection, request->message);
	}
	shoal_slab_give(&tcp->requests, (uint32_t)request->wire);
}

static enum shoal_transport_verdict
end(struct shoal_tcp *tcp, struct shoal_tcp_request *request, int code, const uint8_t *data,
        size_t len)
{
	uint64_t number = request->number;
	forget(tcp, request);
	tcp->called = true;
	return tcp->env.host.result(tcp->env.host.arg, number, code, data, len);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_tcp_request *request = arg;
	struct shoal_tcp_connection *connection = request->connection;
	struct shoal_tcp *tcp = connection->tcp;
	(void)fd;
	(void)what;
	if (shoal_socket_is_forked(tcp->owner)) {
		return;
	}
	shoal_tcp_connection_retire(connection);
	(void)end(tcp, request, SHOAL_ERR_TIMEOUT, NULL, 0);
	if (tcp->running && shoal_tcp_watch_is_link(connection)) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_TIMEOUT, SHOAL_TCP_QUIET);
	} else if (tcp->running) {
		shoal_tcp_connection_settle(connection);
	}
	shoal_tcp_batch_end(tcp);
}

int
shoal_tcp_exchange_ask(struct shoal_tcp_connection *connection, enum shoal_tcp_kind kind,
        uint64_t number, const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	struct shoal_tcp *tcp = connection->tcp;
	struct timeval in = shoal_socket_until(0, timeout_ns);
	int code;
	uint32_t slot;
	struct shoal_tcp_request *request = shoal_slab_take(&tcp->requests, &slot);
	if (request == NULL) {
		return tcp->requests.count >= SHOAL_TCP_REQUESTS_MAX ? SHOAL_ERR_LIMIT
		                                                     : SHOAL_ERR_NOMEM;
	}
	request->number = number;
	request->wire = shoal_tcp_exchange_number(tcp, slot);
	request->reused = shoal_tcp_connection_is_up(connection) && !connection->doomed;
	request->message = shoal_tcp_message_new(connection, kind, request->wire, data, len, &code);
	if (request->message == NULL) {
		shoal_slab_give(&tcp->requests, slot);
		return code;
	}
	evtimer_assign(&request->timer, tcp->env.base, on_timeout, request);
	if (evtimer_add(&request->timer, &in) != 0) {
		shoal_tcp_message_free(tcp, request->message);
		shoal_slab_give(&tcp->requests, slot);
		return SHOAL_ERR_NOMEM;
	}
	request->message->request = request;
	attach(connection, request);
	return 0;
}

/* Whether a message of this length may go out at all. */
static int
check(const struct shoal_tcp *tcp, size_t len)
{
	if (!tcp->running) {
		return SHOAL_ERR_STATE;
	}
	return len <= tcp->env.stream_max ? 0 : SHOAL_ERR_TOO_BIG;
}

static int
request(struct shoal_tcp *tcp,
        struct shoal_tcp_connection *(*connect)(
                struct shoal_tcp *, const struct shoal_addr *, int *),
        const struct shoal_addr *to, uint64_t exchange, const uint8_t *data, size_t len,
        uint64_t timeout_ns)
{
	int code = check(tcp, len);
	struct shoal_tcp_connection *connection = code == 0 ? connect(tcp, to, &code) : NULL;
	return connection == NULL ? code
	                          : shoal_tcp_exchange_ask(connection, SHOAL_TCP_REQUEST, exchange,
	                                    data, len, timeout_ns);
}

int
shoal_tcp_exchange_request(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	return request(self, shoal_tcp_dial_shared, to, exchange, data, len, timeout_ns);
}

int
shoal_tcp_exchange_fresh(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	return request(self, shoal_tcp_dial_fresh, to, exchange, data, len, timeout_ns);
}

int
shoal_tcp_exchange_stream(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_tcp *tcp = self;
	int code = check(tcp, len);
	if (code != 0) {
		return code;
	}
	struct shoal_tcp_connection *connection = shoal_tcp_dial_shared(tcp, to, &code);
	if (connection == NULL) {
		return code;
	}
	struct shoal_tcp_message *message =
	        shoal_tcp_message_new(connection, SHOAL_TCP_ONE_WAY, 0, data, len, &code);
	if (message == NULL) {
		return code;
	}
	shoal_tcp_output_write(connection, message);
	shoal_tcp_connection_settle(connection);
	return 0;
}

static void
give_up(struct shoal_tcp *tcp, struct shoal_tcp_exchange *exchange)
{
	shoal_list_remove(&exchange->node);
	--exchange->connection->unanswered;
	shoal_slab_give(&tcp->exchanges, (uint32_t)exchange->number);
}

int
shoal_tcp_exchange_reply(void *self, uint64_t number, const uint8_t *data, size_t len)
{
	struct shoal_tcp *tcp = self;
	int code = check(tcp, len);
	if (code != 0) {
		return code;
	}
	if ((uint32_t)number == SHOAL_TCP_LINK_SLOT) {
		return shoal_tcp_watch_reply(tcp, number, data, len);
	}
	struct shoal_tcp_exchange *exchange = shoal_slab_at(&tcp->exchanges, (uint32_t)number);
	if (exchange == NULL || exchange->number != number) {
		return SHOAL_ERR_NOT_FOUND;
	}
	struct shoal_tcp_connection *connection = exchange->connection;
	struct shoal_tcp_message *message = shoal_tcp_message_new(
	        connection, SHOAL_TCP_REPLY, exchange->wire, data, len, &code);
	if (message == NULL) {
		return code;
	}
	give_up(tcp, exchange);
	shoal_tcp_output_write(connection, message);
	shoal_tcp_connection_settle(connection);
	return 0;
}

int
shoal_tcp_exchange_peer(const void *self, char *name, size_t len)
{
	const struct shoal_tcp *tcp = self;
	return tcp->delivers != NULL ? shoal_channel_peer(&tcp->delivers->channel, name, len)
	                             : SHOAL_ERR_NOT_FOUND;
}

void
shoal_tcp_exchange_judge(
        struct shoal_tcp_connection *connection, enum shoal_transport_verdict verdict)
{
	if (verdict == SHOAL_TRANSPORT_TAKEN) {
		connection->proved = true;
		connection->passed = 0;
		return;
	}
	++connection->passed;
	bool abused = verdict == SHOAL_TRANSPORT_REFUSED || connection->passed >= SHOAL_TCP_PASSED;
	if (abused && connection->tcp->running) {
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_CLOSED, SHOAL_COUNTER_CONNECTIONS_ABUSED);
	}
}

static bool
on_request(struct shoal_tcp_connection *connection, uint64_t wire, const uint8_t *data, size_t len)
{
	struct shoal_tcp *tcp = connection->tcp;
	uint32_t slot;
	if (connection->unanswered >= SHOAL_TCP_UNANSWERED) {
		return false;
	}
	struct shoal_tcp_exchange *exchange = shoal_slab_take(&tcp->exchanges, &slot);
	if (exchange == NULL) {
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_LIMIT, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return true;
	}
	exchange->connection = connection;
	exchange->number = shoal_tcp_exchange_number(tcp, slot);
	exchange->wire = wire;
	exchange->since = shoal_socket_now();
	shoal_list_push_back(&connection->exchanges, &exchange->node);
	++connection->unanswered;
	shoal_tcp_exchange_judge(
	        connection, tcp->env.host.request(tcp->env.host.arg, &connection->peer,
	                            exchange->number, data, len));
	return true;
}

/* A reply that nothing waits for is late, not wrong. */
static void
on_reply(struct shoal_tcp_connection *connection, uint64_t wire, const uint8_t *data, size_t len)
{
	struct shoal_tcp *tcp = connection->tcp;
	struct shoal_tcp_request *request = shoal_slab_at(&tcp->requests, (uint32_t)wire);
	if (request != NULL && request->wire == wire && request->connection == connection) {
		shoal_tcp_watch_begin(connection);
		shoal_tcp_exchange_judge(connection, end(tcp, request, 0, data, len));
	}
}

/* Who may send what: see the top of tcp.h. */
static bool
may_come(const struct shoal_tcp_connection *connection, uint8_t kind, bool link)
{
	switch (kind) {
	case SHOAL_TCP_REQUEST:
	case SHOAL_TCP_WATCH:
		return !connection->outbound && !link;
	case SHOAL_TCP_REPLY:
		return connection->outbound;
	case SHOAL_TCP_ONE_WAY:
		return connection->outbound == link;
	default:
		return false;
	}
}

static bool
deliver(struct shoal_tcp_connection *connection, uint8_t kind, uint64_t number, const uint8_t *data,
        size_t len)
{
	struct shoal_tcp *tcp = connection->tcp;
	switch ((enum shoal_tcp_kind)kind) {
	case SHOAL_TCP_REQUEST:
		return on_request(connection, number, data, len);
	case SHOAL_TCP_WATCH:
		return shoal_tcp_watch_accept(connection, number, data, len);
	case SHOAL_TCP_REPLY:
		on_reply(connection, number, data, len);
		break;
	case SHOAL_TCP_ONE_WAY:
		shoal_tcp_exchange_judge(connection,
		        tcp->env.host.stream(tcp->env.host.arg, &connection->peer, data, len));
		break;
	}
	return true;
}

bool
shoal_tcp_exchange_frame(struct shoal_tcp_connection *connection, uint8_t kind, uint64_t number,
        const uint8_t *data, size_t len)
{
	struct shoal_tcp *tcp = connection->tcp;
	if (!may_come(connection, kind, shoal_tcp_watch_is_link(connection))) {
		return false;
	}
	tcp->called = true;
	tcp->delivers = connection;
	bool good = deliver(connection, kind, number, data, len);
	tcp->delivers = NULL;
	return good;
}

void
shoal_tcp_exchange_expire(struct shoal_tcp_connection *connection, uint64_t since)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &connection->exchanges) {
		struct shoal_tcp_exchange *exchange =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_exchange, node);
		if (exchange->since > since) {
			break;
		}
		give_up(connection->tcp, exchange);
	}
}

/* Requests that have not been begun again or ended: their timers run on until the connection is
 * buried, and may end them before. */
static bool
try_again(struct shoal_tcp_connection *connection, struct shoal_tcp_request *request)
{
	int code;
	if (!connection->stale || !request->reused || request->message == NULL) {
		return false;
	}
	/* The short message that made the peer take a long one is not sent again: see first_max. */
	if (request->message->len - SHOAL_TCP_HEADER > connection->tcp->env.first_max) {
		return false;
	}
	struct shoal_tcp_connection *fresh =
	        shoal_tcp_dial_shared(connection->tcp, &connection->peer, &code);
	if (fresh == NULL || !shoal_tcp_output_has_room(fresh, request->message->len)) {
		return false;
	}
	detach(request);
	request->reused = false;
	attach(fresh, request);
	return true;
}

void
shoal_tcp_exchange_bury(struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	struct shoal_list *node;
	while (tcp->running && (node = shoal_list_first(&connection->requests)) != NULL) {
		struct shoal_tcp_request *request =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_request, node);
		if (!try_again(connection, request)) {
			const char *why = connection->why;
			(void)end(tcp, request, connection->code, (const uint8_t *)why,
			        why != NULL ? strlen(why) : 0);
		}
	}
}

void
shoal_tcp_exchange_cancel_all(struct shoal_tcp_connection *connection)
{
	struct shoal_list *node;
	while ((node = shoal_list_first(&connection->requests)) != NULL) {
		forget(connection->tcp, SHOAL_LIST_ITEM(node, struct shoal_tcp_request, node));
	}
}
