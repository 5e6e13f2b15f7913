/* SPDX-License-Identifier: MIT */
/* Before frames may pass where TLS is on: the handshake, and what is said where it fails.
 *
 * A handshake has the time of a greeting, and a connection that a peer made is silent until it has
 * greeted inside of it: so both are bounded as those without TLS are. One that a peer made waits
 * for its turn at each step, see handshakes.h, and is not read meanwhile. A side that speaks TLS to
 * one that does not is found out by its first bytes. What fails is said with what to do, as often
 * as said.h allows. */
#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"
#include "base/text.h"
#include "transports/tcp.h"

#define LINE_LEN 512

const char *
shoal_tcp_greet_host(const struct shoal_tcp_connection *connection, char host[INET6_ADDRSTRLEN])
{
	const struct shoal_addr *peer = &connection->peer;
	const char *name = connection->tcp->env.tls.name;
	bool v4 = shoal_addr_is_ipv4(peer);

	(void)inet_ntop(
	        v4 ? AF_INET : AF_INET6, v4 ? peer->ip + 12 : peer->ip, host, INET6_ADDRSTRLEN);
	return name != NULL ? name : host;
}

/* Whether it is time for a line about a peer. One that came from another port is the same. */
static bool
may_say(struct shoal_tcp *tcp, const struct shoal_tcp_connection *connection)
{
	struct shoal_addr peer = connection->peer;

	peer.port = connection->outbound ? peer.port : 0;
	return shoal_said_may(&tcp->said, tcp->key, &peer);
}

/* why also ends the requests that the connection carried. */
static void
complain(struct shoal_tcp_connection *connection, const char *why, const char *todo)
{
	struct shoal_tcp *tcp = connection->tcp;
	struct shoal_text text;
	char line[LINE_LEN];

	shoal_text_init(&text, line, sizeof(line));
	shoal_text_str(&text, why);
	shoal_text_str(&text, todo);
	if (connection->outbound && connection->why == NULL) {
		connection->why = shoal_alloc_text(&tcp->work, line);
	}
	if (!may_say(tcp, connection)) {
		return;
	}
	shoal_text_init(&text, line, sizeof(line));
	shoal_text_str(&text, connection->outbound ? "TLS to " : "TLS from ");
	shoal_text_addr(&text, &connection->peer);
	shoal_text_str(&text, ": ");
	shoal_text_str(&text, why);
	shoal_text_str(&text, todo);
	tcp->env.host.log(tcp->env.host.arg, SHOAL_LOG_WARN, "tcp", line);
}

static const char *
advice(const struct shoal_tcp_connection *connection, int code)
{
	const char *why = shoal_channel_why(&connection->channel);

	if (connection->outbound && strstr(why, " is not for ") != NULL) {
		return connection->tcp->env.tls.name == NULL
		               ? "; it needs this address in it, or set tls_name to a name that "
		                 "the certificates of all members have"
		               : ", which is tls_name";
	}
	if (connection->outbound && (code == SHOAL_ERR_CLOSED || code == SHOAL_ERR_MALFORMED)) {
		return "; is tls on there?";
	}
	return code == SHOAL_ERR_MALFORMED
	               ? "; tls is on here: members need it all, and nobody else should be here"
	               : "";
}

static void
fail(struct shoal_tcp_connection *connection, int code)
{
	bool outbound = connection->outbound;

	/* Who only knocked is counted, and not worth a line. */
	if (code != SHOAL_ERR_NOMEM && (outbound || code != SHOAL_ERR_CLOSED)) {
		complain(connection, shoal_channel_why(&connection->channel),
		        advice(connection, code));
	}
	shoal_tcp_connection_doom(connection,
	        code == SHOAL_ERR_NOMEM    ? SHOAL_ERR_LIMIT
	        : code == SHOAL_ERR_CLOSED ? code
	                                   : SHOAL_ERR_UNREACHABLE,
	        outbound ? SHOAL_TCP_QUIET : SHOAL_COUNTER_CONNECTIONS_ABUSED);
}

bool
shoal_tcp_greet(struct shoal_tcp_connection *connection)
{
	bool before = connection->channel.up;
	enum shoal_tls_want want;
	int code;

	if (connection->connecting) {
		return false;
	}
	if (!connection->outbound && shoal_handshakes_wait(&connection->tcp->handshakes,
	                                     connection->member.source, &connection->channel)) {
		event_del(&connection->readable);
		return false;
	}
	code = shoal_channel_greet(&connection->channel, &want);
	if (code == SHOAL_OK && want == SHOAL_TLS_WRITE &&
	        event_add(&connection->writable, NULL) != 0) {
		code = SHOAL_ERR_NOMEM;
	}
	if (code != SHOAL_OK) {
		fail(connection, code);
		return false;
	}
	if (want != SHOAL_TLS_DONE) {
		return false;
	}
	if (!before) {
		shoal_tcp_output_flush(connection);
	}
	return !connection->doomed;
}

void
shoal_tcp_greet_turn(struct shoal_channel *channel)
{
	struct shoal_tcp_connection *connection =
	        SHOAL_LIST_ITEM(channel, struct shoal_tcp_connection, channel);

	if (event_add(&connection->readable, NULL) != 0) {
		fail(connection, SHOAL_ERR_NOMEM);
		return;
	}
	shoal_tcp_frame_readable(channel->fd, EV_READ, connection);
}

void
shoal_tcp_greet_late(struct shoal_tcp_connection *connection)
{
	if (connection->outbound && !connection->connecting && !connection->channel.up) {
		complain(connection, "it did not come to the end of a handshake in time",
		        "; is tls on there?");
	}
}

bool
shoal_tcp_greet_foreign(struct shoal_tcp_connection *connection, const uint8_t *data, size_t len)
{
	if (!shoal_channel_is_tls(&connection->channel, data, len)) {
		return false;
	}
	complain(connection, "it speaks TLS, and this member does not",
	        "; turn tls on here, as it is there, with certificates of one authority");
	return true;
}
