/* SPDX-License-Identifier: MIT */
/* What the HTTP transport does with peers that are slow, gone, no peers at all, or want to be left
 * alone: what waits for them, and what it keeps from whom. */
#include "transports_http_answers.h"

#include "base/addr.h"
#include "transports/http.h"
#include "transports/said.h"

/* However many requests wait for their answers, one connection is left to what is told. */
static void
requests_that_wait_keep_back_neither_datagrams_nor_messages(void **state)
{
	struct world world;
	struct end a, b;

	(void)state;
	world_open(&world);
	open_end(&a, &world, "http://127.0.0.1:0", NULL);
	open_end(&b, &world, "http://127.0.0.1:0", NULL);
	know(&a, &b);
	for (uint64_t i = 1; i <= 6; i++) {
		assert_int_equal(site_request(&a.site, &b.addr, i, "x", 1, MINUTE), 0);
	}
	UNTIL(&world, b.site.requests.count == 3);
	for (size_t i = 1; i <= 3; i++) {
		assert_int_equal(site_send(&a.site, &b.addr, "ack", 3), 0);
		site_flush(&a.site);
		assert_int_equal(site_stream(&a.site, &b.addr, "m", 1), 0);
		UNTIL(&world, b.site.datagrams.count == i && b.site.streams.count == i);
	}
	for (size_t i = 0; i < 6; i++) {
		UNTIL(&world, b.site.requests.count > i);
		assert_int_equal(site_reply(&b.site, b.site.requests.note[i].exchange, "y", 1), 0);
	}
	UNTIL(&world, a.site.results.count == 6);
	assert_int_equal(b.site.counted[SHOAL_COUNTER_CONNECTIONS_IN], 4);
	site_close(&a.site);
	site_close(&b.site);
	world_close(&world);
}

/* A socket that says that it is connected and is not; and one that is connected to itself. */
static int
dial_nowhere(void *arg, const struct shoal_addr *to)
{
	(void)arg;
	(void)to;
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
dial_itself(void *arg, const struct shoal_addr *to)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)arg;
	(void)to;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void
a_dial_that_is_none_is_told_as_such(void **state)
{
	static int (*const dial[])(void *, const struct shoal_addr *) = {dial_nowhere, dial_itself};
	static const int code[] = {SHOAL_ERR_SYSTEM, SHOAL_ERR_REFUSED};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(dial); i++) {
		struct shoal_transport transport;
		struct shoal_addr to;
		struct world world;
		struct site site;

		world_open(&world);
		assert_int_equal(shoal_transport_http(&transport, NULL), 0);
		site_init(&site, &world, transport, "127.0.0.1:0");
		site.env.web.bind = "http://127.0.0.1:0";
		site.env.dialer.dial = dial[i];
		assert_int_equal(site_start(&site), 0);
		assert_int_equal(shoal_addr_from_url(&to, "http://127.0.0.1:9"), 0);
		assert_int_equal(transport.ops->know(transport.self, &to, "http://127.0.0.1:9"), 0);
		assert_int_equal(site_request(&site, &to, 1, "x", 1, MINUTE), 0);
		UNTIL(&world, site.results.count == 1);
		assert_int_equal(last(&site.results)->code, code[i]);
		site_close(&site);
		world_close(&world);
	}
}

static unsigned knocks;

static int
dial_the_dead(void *arg, const struct shoal_addr *to)
{
	(void)arg;
	(void)to;
	knocks++;
	return SHOAL_ERR_REFUSED;
}

/* Times are set back, and not waited for. */
static void
who_is_dead_is_dialled_less_and_less_often(void **state)
{
	struct shoal_transport transport;
	struct shoal_addr to;
	struct world world;
	struct site site;

	(void)state;
	world_open(&world);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&site, &world, transport, "127.0.0.1:0");
	site.env.web.bind = "http://127.0.0.1:0";
	site.env.dialer.dial = dial_the_dead;
	assert_int_equal(site_start(&site), 0);
	assert_int_equal(shoal_addr_from_url(&to, "http://127.0.0.1:9"), 0);
	assert_int_equal(transport.ops->know(transport.self, &to, "http://127.0.0.1:9"), 0);
	struct shoal_http_peer *peer = shoal_http_peer_find(transport.self, &to);
	uint64_t rest = SHOAL_MS(100);
	knocks = 0;
	for (unsigned i = 1; i <= 12; i++) {
		uint64_t before = shoal_socket_now();
		assert_int_equal(site_stream(&site, &to, "m", 1), 0);
		UNTIL(&world, knocks == i);
		UNTIL(&world, !shoal_http_job_waits(peer));
		assert_true(peer->rests_until >= before + rest / 4 * 3);
		assert_true(peer->rests_until <= shoal_socket_now() + rest);
		/* Meanwhile nobody knocks; what is said then waits for the next time. */
		peer->rests_until = shoal_socket_now() + SHOAL_SEC(3600);
		assert_int_equal(site_stream(&site, &to, "m", 1), 0);
		world_rest(&world, 0);
		assert_int_equal(knocks, i);
		assert_true(shoal_http_job_waits(peer));
		peer->rests_until = 0;
		rest = 2 * rest < SHOAL_SEC(10) ? 2 * rest : SHOAL_SEC(10);
	}
	/* A request does not wait, and who was reached begins anew. */
	peer->rests_until = shoal_socket_now() + SHOAL_SEC(3600);
	assert_int_equal(site_request(&site, &to, 1, "x", 1, MINUTE), 0);
	UNTIL(&world, knocks == 13 && site.results.count == 1);
	shoal_http_peer_reached(peer);
	assert_int_equal(site_stream(&site, &to, "m", 1), 0);
	UNTIL(&world, knocks == 14);
	assert_true(peer->rests_until <= shoal_socket_now() + SHOAL_MS(100));
	site_close(&site);
	world_close(&world);
}

/* The application's functions, when the descriptors have run out. */
static unsigned dials, accepts;

static int
dial_at_the_limit(void *arg, const struct shoal_addr *to)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(to->port)};
	(void)arg;

	memcpy(&at.sin_addr, to->ip + 12, 4);
	if (++dials == 2) {
		return SHOAL_ERR_LIMIT;
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static int
accept_nobody(void *arg, int listener, struct shoal_addr *from)
{
	(void)arg;
	(void)listener;
	(void)from;
	accepts++;
	return SHOAL_ERR_LIMIT;
}

/* A connection at rest goes for a new one; who waits in vain is told of once. */
static void
out_of_descriptors_what_rests_goes_first(void **state)
{
	static const char *const answers[] = {OK_TYPED};
	struct shoal_transport transport;
	struct server server[2];
	struct world world;
	struct end end;

	(void)state;
	world_open(&world);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end.site, &world, transport, "127.0.0.1:0");
	end.site.env.web.bind = "http://127.0.0.1:0";
	end.site.env.dialer.dial = dial_at_the_limit;
	end.site.env.dialer.accept = accept_nobody;
	assert_int_equal(site_start(&end.site), 0);
	dials = accepts = 0;
	for (size_t i = 0; i < 2; i++) {
		serve(&server[i], &world, &end, "http", answers, 1);
		assert_int_equal(ask(&world, &end, &server[i]), 0);
	}
	assert_int_equal(dials, 3);
	assert_int_equal(end.site.logs, 0);
	site_stop(&end.site);
	end.site.stopped = false;
	assert_int_equal(site_start(&end.site), 0); /* nothing rests */
	int fd = dial_from(&end, "127.0.0.1");
	UNTIL(&world, accepts >= 2);
	assert_int_equal(end.site.logs, 1);
	close(fd);
	site_close(&end.site);
	serve_no_more(&server[0]);
	serve_no_more(&server[1]);
	world_close(&world);
}

/* As one rests that was dialled for a request which ended before it was there. Of what did not
 * leave at all the peer has taken nothing. */
static void
a_message_that_did_not_leave_by_a_fresh_connection_is_sent_again(void **state)
{
	static const char *const answers[] = {OK_TYPED, "HTTP/1.1 204 No Content\r\n\r\n"};
	const struct linger torn = {.l_onoff = 1};
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	serve(&server, &world, &end, "http", answers, COUNT_OF(answers));
	assert_int_equal(ask(&world, &end, &server), 0);
	const struct shoal_http_peer *peer =
	        shoal_http_peer_find(end.site.transport.self, &server.addr);
	SHOAL_LIST_ITEM(peer->links.next, struct shoal_http_link, node)->used = false;
	int fd = event_get_fd(server.event[0]);
	event_free(server.event[0]);
	server.event[0] = NULL;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &torn, sizeof torn), 0);
	close(fd);
	assert_int_equal(site_stream(&end.site, &server.addr, "told", 4), 0);
	UNTIL(&world, server.heard == 2 || end.site.counted[SHOAL_COUNTER_DROP_STREAMS] > 0);
	assert_non_null(strstr(server.text, "told"));
	assert_int_equal(end.site.counted[SHOAL_COUNTER_DROP_STREAMS], 0);
	site_close(&end.site);
	serve_no_more(&server);
	world_close(&world);
}

/* However many there are, or are made up by a stranger. */
static void
peers_that_cannot_be_reached_do_not_fill_the_log(void **state)
{
	enum {
		PEERS = 200
	};
	struct world world;
	struct end end;
	char url[64];

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	const struct shoal_transport *by = &end.site.transport;
	for (uint64_t i = 1; i <= PEERS; i++) {
		struct shoal_addr to;

		snprintf(url, sizeof url, "http://127.0.0.1:1/%u", (unsigned)i);
		assert_int_equal(shoal_addr_from_url(&to, url), 0);
		assert_int_equal(by->ops->know(by->self, &to, url), 0);
		assert_int_equal(site_request(&end.site, &to, i, "x", 1, MINUTE), 0);
		UNTIL(&world, end.site.results.count == i);
	}
	assert_true(end.site.logs > SHOAL_SAID_PEERS / 2 && end.site.logs <= SHOAL_SAID_PEERS);
	site_close(&end.site);
	world_close(&world);
}

/* Also by a connection that is there, and also by what the host asks for at once. */
static void
who_wants_to_be_left_alone_is(void **state)
{
	static const char *const answers[] = {
	        OK_TYPED, "HTTP/1.1 503 Busy\r\nRetry-After: 30\r\n" EMPTY, OK_TYPED};
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	serve(&server, &world, &end, "http", answers, COUNT_OF(answers));
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(ask(&world, &end, &server), SHOAL_ERR_LIMIT);
	/* It would end before it could be sent; this one would not. */
	assert_int_equal(site_request(&end.site, &server.addr, 7, "x", 1, 10000), SHOAL_ERR_LIMIT);
	assert_int_equal(site_request(&end.site, &server.addr, 8, "x", 1, MINUTE), 0);
	assert_int_equal(site_stream(&end.site, &server.addr, "x", 1), 0);
	assert_int_equal(site_send(&end.site, &server.addr, "x", 1), 0);
	site_flush(&end.site);
	world_rest(&world, 50);
	assert_int_equal(server.heard, 2);
	assert_int_equal(server.connections, 1);
	site_close(&end.site);
	serve_no_more(&server);
	world_close(&world);
}

/* Messages are counted as lost; of datagrams nobody is told. */
static void
what_grows_old_while_a_peer_is_left_alone_is_dropped(void **state)
{
	static const char *const answers[] = {
	        OK_TYPED, "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n" EMPTY, OK_TYPED};
	struct shoal_transport transport;
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end.site, &world, transport, "127.0.0.1:0");
	end.site.env.web.bind = "http://127.0.0.1:0";
	end.site.env.exchange_timeout_ms = 700;
	assert_int_equal(site_start(&end.site), 0);
	serve(&server, &world, &end, "http", answers, COUNT_OF(answers));
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(ask(&world, &end, &server), SHOAL_ERR_LIMIT);
	assert_int_equal(site_stream(&end.site, &server.addr, "old message", 11), 0);
	assert_int_equal(site_send(&end.site, &server.addr, "old datagram", 12), 0);
	site_flush(&end.site);
	assert_int_equal(site_request(&end.site, &server.addr, 9, "new", 3, MINUTE), 0);
	UNTIL(&world, end.site.counted[SHOAL_COUNTER_DROP_STREAMS] == 1);
	assert_int_equal(server.heard, 2);
	assert_int_equal(transport.ops->waiting(transport.self, &server.addr), 0);
	UNTIL(&world, server.heard == 3);
	UNTIL(&world, end.site.results.count == 3);
	assert_non_null(strstr(server.text, "new"));
	assert_null(strstr(server.text, "old"));
	site_close(&end.site);
	serve_no_more(&server);
	world_close(&world);
}

static void
what_waits_is_bounded_in_bytes(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 100 Continue\r\n\r\n"};
	static char large[10000];
	struct world world;
	struct server server;
	struct shoal_transport transport;
	struct end end;
	uint64_t taken = 0;

	(void)state;
	world_open(&world);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end.site, &world, transport, "127.0.0.1:0");
	end.site.env.web.bind = "http://127.0.0.1:0";
	end.site.env.connections_max = 4;
	end.site.env.stream_max = sizeof large;
	assert_int_equal(site_start(&end.site), 0);
	serve(&server, &world, &end, "http", answers, 1);
	while (taken < 1000 && site_request(&end.site, &server.addr, taken + 1, large, sizeof large,
	                               MINUTE) == 0) {
		taken++;
	}
	const size_t most = 4 * sizeof large + 4 * 65536;
	assert_true(taken <= most / sizeof large && taken >= most / (sizeof large + 1000));
	assert_int_equal(
	        site_stream(&end.site, &server.addr, large, sizeof large), SHOAL_ERR_LIMIT);
	/* What has ended gives it back. */
	serve_no_more(&server);
	UNTIL(&world, end.site.results.count == taken);
	assert_int_equal(site_stream(&end.site, &server.addr, large, sizeof large), 0);
	/* Those with nothing in them are something too. */
	taken = 0;
	while (taken < SHOAL_HTTP_JOBS_MAX &&
	        site_request(&end.site, &server.addr, 1000 + taken, "", 1, MINUTE) == 0) {
		taken++;
	}
	assert_true(taken < SHOAL_HTTP_JOBS_MAX - 1);
	site_close(&end.site);
	world_close(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(requests_that_wait_keep_back_neither_datagrams_nor_messages),
	        cmocka_unit_test(a_dial_that_is_none_is_told_as_such),
	        cmocka_unit_test(who_is_dead_is_dialled_less_and_less_often),
	        cmocka_unit_test(out_of_descriptors_what_rests_goes_first),
	        cmocka_unit_test(a_message_that_did_not_leave_by_a_fresh_connection_is_sent_again),
	        cmocka_unit_test(peers_that_cannot_be_reached_do_not_fill_the_log),
	        cmocka_unit_test(who_wants_to_be_left_alone_is),
	        cmocka_unit_test(what_grows_old_while_a_peer_is_left_alone_is_dropped),
	        cmocka_unit_test(what_waits_is_bounded_in_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
