/* SPDX-License-Identifier: MIT */
/* Bytes of a TCP stream at the transport, in two ways to cut them: both deliver the same. A stream
 * from a peer that dialled is one end of a pair of sockets; one that was dialled is a connection to
 * this process itself. */
#include "agent.h"

#include "transports/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURNS 3

/* What was delivered, as a sum over kinds and bytes, and how often. */
struct heard {
	uint64_t sum;
	unsigned calls;
};

static struct event_base *base;
static struct shoal_transport transport;
static struct heard heard;
static int listening = -1;
static struct shoal_addr there;

/* The host's verdict is that of the first byte; a request of an odd length is answered. */
static enum shoal_transport_verdict
hear(uint8_t kind, const uint8_t *data, size_t len)
{
	heard.calls++;
	heard.sum = heard.sum * 31 + kind;
	for (size_t i = 0; i < len; i++) {
		heard.sum = heard.sum * 31 + data[i];
	}
	return len == 0 || data[0] % 4 != 3 ? SHOAL_TRANSPORT_TAKEN
	       : len % 2 == 0               ? SHOAL_TRANSPORT_PASSED
	                                    : SHOAL_TRANSPORT_REFUSED;
}

static enum shoal_transport_verdict
on_stream(void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)from;
	return hear(1, data, len);
}

static enum shoal_transport_verdict
on_asked(void *arg, const struct shoal_addr *from, uint64_t exchange, const uint8_t *data,
        size_t len)
{
	(void)arg;
	(void)from;
	if (len % 2 == 1) {
		(void)transport.ops->reply(transport.self, exchange, data, len);
	}
	return hear(2, data, len);
}

static enum shoal_transport_verdict
on_result(void *arg, uint64_t exchange, int code, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)exchange;
	return code == 0 ? hear(3, data, len) : SHOAL_TRANSPORT_PASSED;
}

static void
on_end(void *arg, uint64_t link)
{
	(void)arg;
	(void)link;
}

static void
on_closed(void *arg, uint64_t link, int code)
{
	(void)arg;
	(void)link;
	(void)code;
}

static void
on_batch(void *arg)
{
	(void)arg;
}

static void
on_count(void *arg, enum shoal_counter counter, uint64_t n)
{
	(void)arg;
	(void)counter;
	(void)n;
}

static void
on_log(void *arg, enum shoal_log_level level, const char *room, const char *text)
{
	(void)arg;
	(void)level;
	(void)room;
	(void)text;
}

static void
begin(void)
{
	struct shoal_addr bind;
	union shoal_sockaddr name;
	struct shoal_transport_env env = {
	        .size = sizeof(env),
	        .bind = &bind,
	        .binds = 1,
	        .host = {.stream = on_stream,
	                .request = on_asked,
	                .result = on_result,
	                .batch_end = on_batch,
	                .count = on_count,
	                .log = on_log,
	                .watched = on_asked,
	                .unwatched = on_end,
	                .closed = on_closed},
	        .datagram_max = 1400,
	        .stream_max = 8192,
	        .first_max = 1024,
	        .connections_max = 16,
	        .idle_timeout_ms = 60000,
	        .exchange_timeout_ms = 60000,
	        .link_idle_ms = 60000,
	};
	char why[256];

	if (base != NULL) {
		return;
	}
	base = event_base_new();
	env.base = base;
	fuzz_expect(base != NULL && shoal_addr_parse(&bind, "127.0.0.1:0") == 0 &&
	            shoal_transport_tcp(&transport, NULL) == 0 &&
	            transport.ops->start(transport.self, &env, why, sizeof(why)) == 0);
	listening = shoal_socket_open(&bind, SOCK_STREAM);
	fuzz_expect(listening >= 0 && shoal_socket_bind(listening, &bind, &there) == 0 &&
	            listen(listening, 16) == 0 && shoal_socket_from_addr(&name, &there) > 0);
}

static void
turn(void)
{
	for (unsigned i = 0; i < TURNS; i++) {
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

static int
accepted_stream(struct shoal_tcp *tcp)
{
	struct shoal_crowd_source *source = shoal_crowd_admit(&tcp->crowd, &there);
	int pair[2];

	fuzz_expect(source != NULL);
	fuzz_expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	shoal_tcp_connection_accept(tcp, pair[1], &there, source);
	return pair[0];
}

/* A request and, with an odd cut, a watch link are under way, under the same numbers each time. */
static int
dialled_stream(struct shoal_tcp *tcp, bool link)
{
	static const struct linger reset = {1, 0};
	static const uint8_t question[3] = {1, 2, 3};
	const uint64_t patience = SHOAL_SEC(60);
	int fd;

	tcp->serial = 0;
	fuzz_expect((link ? transport.ops->watch : transport.ops->fresh)(
	                    tcp, &there, 7, question, sizeof(question), patience) == 0);
	turn();
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	fuzz_expect(fd >= 0);
	/* Closed without a trace in the kernel, which has few ports. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

static struct heard
run(bool accepted, bool link, uint8_t cut, const uint8_t *data, size_t size)
{
	struct shoal_tcp *tcp = transport.self;
	int fd = accepted ? accepted_stream(tcp) : dialled_stream(tcp, link);
	char head[1];

	heard = (struct heard){0, 0};
	(void)fuzz_talk(fd, data, size, cut, turn, head, 0);
	close(fd);
	turn();
	turn();
	fuzz_expect(tcp->crowd.inbound.count + tcp->crowd.outbound.count == 0 &&
	            shoal_list_empty(&tcp->doomed) && tcp->held == 0);
	return heard;
}

void
fuzz_stream(bool accepted, uint8_t cut, const uint8_t *data, size_t size)
{
	struct heard whole, cuts;

	begin();
	whole = run(accepted, cut % 2 == 1, UINT8_MAX, data, size);
	cuts = run(accepted, cut % 2 == 1, size / 64 > cut ? UINT8_MAX - 1 : cut, data, size);
	fuzz_expect(whole.calls == cuts.calls && whole.sum == cuts.sum);
}
