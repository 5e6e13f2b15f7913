/* SPDX-License-Identifier: MIT */
/* The life of one connection, from dial or accept to burial.
 *
 * Deadlines, all kept by the one timer of a connection, which is armed from birth to death: a
 * greeting and each frame, in and out, is given the patience of the transport from its first byte,
 * whatever trickles in meanwhile; so is a dial; a connection with nothing under way is given the
 * idle time. Who is late with a frame is counted as abuse. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "transports/tcp.h"

void
shoal_tcp_connection_retire(struct shoal_tcp_connection *connection)
{
	connection->shared = false;
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
	if (connection->channel.fd >= 0) {
		event_del(&connection->readable);
		event_del(&connection->writable);
		shoal_channel_close(&connection->channel);
	}
	connection->shared = false;
	shoal_list_remove(&connection->in_address);
	shoal_crowd_remove(&tcp->crowd, &connection->member);
	shoal_list_push_back(&tcp->doomed, &connection->in_doomed);
	shoal_tcp_output_drop(connection);
	shoal_tcp_frame_drop(connection);
	shoal_tcp_exchange_expire(connection, UINT64_MAX);
	shoal_socket_soon(&connection->timer);
}

/* As what is counted who sends or reads too slowly. Who did not answer a dial did nothing yet. */
static enum shoal_counter
too_slow(const struct shoal_tcp_connection *connection)
{
	bool dialling = connection->outbound && !shoal_tcp_connection_is_up(connection);
	return dialling ? SHOAL_TCP_QUIET : SHOAL_COUNTER_CONNECTIONS_ABUSED;
}

void
shoal_tcp_connection_doom_by(struct shoal_tcp_connection *connection, int error)
{
	int code = shoal_socket_code(error);
	connection->stale = code == SHOAL_ERR_CLOSED && connection->header_len == 0;
	/* The kernel's time-out for what is not acknowledged is the same as the timer's for output.
	 */
	shoal_tcp_connection_doom(
	        connection, code, error == ETIMEDOUT ? too_slow(connection) : SHOAL_TCP_QUIET);
}

static void
release(struct shoal_tcp_connection *connection)
{
	struct shoal_tcp *tcp = connection->tcp;
	shoal_list_remove(&connection->in_doomed);
	shoal_tcp_watch_forget(connection);
	shoal_alloc_free(&tcp->work, connection->why);
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
	if (!shoal_tcp_connection_is_up(connection) || connection->header_len > 0 ||
	        connection->in_flight > 0 || connection->unanswered > 0 ||
	        !shoal_tcp_output_is_empty(connection)) {
		return SHOAL_TCP_BUSY;
	}
	return shoal_tcp_watch_is_link(connection) ? SHOAL_TCP_LINK : SHOAL_TCP_IDLE;
}

static void
arm(struct shoal_tcp_connection *connection, uint64_t now)
{
	struct shoal_tcp *tcp = connection->tcp;
	uint64_t since = UINT64_MAX - tcp->patience_ns;
	uint64_t at = tcp->idle_ns +
	              (connection->member.phase == SHOAL_TCP_IDLE ? connection->used_at : now);
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
	bool ended = connection->ending != 0 && shoal_tcp_output_is_empty(connection);
	if (ended || (phase == SHOAL_TCP_IDLE && connection->outbound && !connection->shared)) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_CLOSED, SHOAL_TCP_QUIET);
		return;
	}
	/* Who trickles in its greeting must not move behind those that came later. */
	if (phase != (enum shoal_tcp_phase)connection->member.phase || phase == SHOAL_TCP_IDLE) {
		shoal_crowd_place(&connection->tcp->crowd, &connection->member, phase);
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
	if (shoal_socket_is_forked(tcp->owner)) {
		return;
	}
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
		enum shoal_counter counter = too_slow(connection);
		shoal_tcp_greet_late(connection);
		shoal_tcp_connection_doom(connection, SHOAL_ERR_TIMEOUT, counter);
	} else if (phase_of(connection) == SHOAL_TCP_IDLE &&
	           connection->used_at + tcp->idle_ns <= now) {
		shoal_tcp_connection_doom(connection, SHOAL_ERR_CLOSED, SHOAL_TCP_QUIET);
	} else {
		refresh(connection, now);
	}
}

/* A connection with its timer armed and nothing else. */
struct shoal_tcp_connection *
shoal_tcp_connection_new(struct shoal_tcp *tcp, const struct shoal_addr *peer)
{
	struct timeval in = shoal_socket_until(0, tcp->patience_ns);
	struct shoal_tcp_connection *connection =
	        shoal_alloc_zeroed(&tcp->work, 1, sizeof(*connection));
	if (connection == NULL) {
		return NULL;
	}
	connection->tcp = tcp;
	connection->peer = *peer;
	connection->channel.fd = -1;
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

int
shoal_tcp_connection_adopt(struct shoal_tcp_connection *connection, int fd)
{
	struct shoal_tcp *tcp = connection->tcp;
	char host[INET6_ADDRSTRLEN];
	int code = shoal_channel_open(&connection->channel, fd, tcp->tls,
	        connection->outbound ? shoal_tcp_greet_host(connection, host) : NULL);
	if (code != 0) {
		return code;
	}
	shoal_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	/* A host that has gone without a word: what it does not acknowledge ends the connection. */
	shoal_socket_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(tcp->patience_ns / 1000000));
	event_assign(&connection->readable, tcp->env.base, fd, EV_READ | EV_PERSIST,
	        shoal_tcp_frame_readable, connection);
	event_assign(&connection->writable, tcp->env.base, fd, EV_WRITE, shoal_tcp_dial_writable,
	        connection);
	return 0;
}

void
shoal_tcp_connection_accept(
        void *arg, int fd, const struct shoal_addr *peer, struct shoal_crowd_source *source)
{
	struct shoal_tcp *tcp = arg;
	struct shoal_tcp_connection *connection = shoal_tcp_connection_new(tcp, peer);
	if (connection == NULL) {
		close(fd);
		shoal_crowd_drop(&tcp->crowd, source);
		shoal_tcp_count(tcp, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return;
	}
	connection->member.source = source;
	connection->frame_since = shoal_socket_now();
	shoal_crowd_place(&tcp->crowd, &connection->member, SHOAL_TCP_SILENT);
	if (shoal_tcp_connection_adopt(connection, fd) != 0) {
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_LIMIT, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return;
	}
	shoal_tcp_connection_settle(connection);
	if (event_add(&connection->readable, NULL) != 0) {
		shoal_tcp_connection_doom(
		        connection, SHOAL_ERR_LIMIT, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	} else {
		shoal_tcp_count(tcp, SHOAL_COUNTER_CONNECTIONS_IN);
	}
}

static void
doom_side(struct shoal_crowd_side *side)
{
	for (unsigned i = 0; i < SHOAL_CROWD_PHASES; ++i) {
		struct shoal_list *node;
		while ((node = shoal_list_first(&side->phase[i])) != NULL) {
			shoal_tcp_connection_doom(
			        SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, member.in_side),
			        SHOAL_ERR_CANCELED, SHOAL_TCP_QUIET);
		}
	}
}

void
shoal_tcp_connection_close_all(struct shoal_tcp *tcp)
{
	doom_side(&tcp->crowd.inbound);
	doom_side(&tcp->crowd.outbound);
	SHOAL_LIST_FOREACH (node, &tcp->doomed) {
		struct shoal_tcp_connection *connection =
		        SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_doomed);
		evtimer_del(&connection->timer);
		shoal_tcp_exchange_cancel_all(connection);
	}
}

void
shoal_tcp_connection_release_all(struct shoal_tcp *tcp)
{
	struct shoal_list *node;
	while ((node = shoal_list_first(&tcp->doomed)) != NULL) {
		release(SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_doomed));
	}
}
