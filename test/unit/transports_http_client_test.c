/* SPDX-License-Identifier: MIT */
/* The HTTP transport towards servers that answer what a test writes: what each answer means for the
 * host, what is sent once more and what is not, and when somebody is left alone. */
#include "transports_http_end.h"

#include <event2/listener.h>

#define OK_TYPED                                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.shoal\r\nContent-Length: 1\r\n\r\ny"
#define EMPTY "Content-Length: 0\r\n\r\n"

/* Answers each request with the next text, the last one from then on. NULL: closes without a word.
 * A text that begins with '-' is answered without its first byte, and behind it the end. */
struct server {
	struct world *world;
	struct evconnlistener *listener;
	const char *const *answer;
	size_t answers, heard, connections, opened;
	size_t together; /* so many first requests are answered when the last of them is there */
	int waits[8];
	char first, text[8192]; /* of all connections */
	struct event *event[64];
	char url[64];
	struct shoal_addr addr;
};

static void
on_bytes(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	static char bytes[200000];
	ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	(void)what;

	if (got <= 0) {
		shutdown(fd, SHUT_RDWR); /* its event tells no more */
		for (size_t i = 0; i < server->opened; i++) {
			if (server->event[i] != NULL && event_get_fd(server->event[i]) == fd) {
				event_free(server->event[i]);
				server->event[i] = NULL;
				close(fd);
			}
		}
		return;
	}
	server->first = bytes[0];
	size_t len = strlen(server->text), part = (size_t)got < sizeof server->text - len - 1
	                                                  ? (size_t)got
	                                                  : sizeof server->text - len - 1;
	memcpy(server->text + len, bytes, part);
	server->text[len + part] = '\0';
	size_t at = server->heard < server->answers ? server->heard : server->answers - 1;
	const char *answer = server->answer[at];
	if (server->heard < server->together) {
		server->waits[server->heard++] = fd;
		for (size_t i = 0; server->heard == server->together && i < server->heard; i++) {
			say(server->waits[i], answer);
		}
		return;
	}
	server->heard++;
	if (answer == NULL) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	bool ends = answer[0] == '-';
	say(fd, answer + ends);
	if (ends) {
		shutdown(fd, SHUT_WR);
	}
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len,
        void *arg)
{
	struct server *server = arg;
	(void)listener;
	(void)from;
	(void)len;

	assert_true(server->opened < COUNT_OF(server->event));
	server->event[server->opened] =
	        event_new(server->world->base, fd, EV_READ | EV_PERSIST, on_bytes, server);
	event_add(server->event[server->opened++], NULL);
	server->connections++;
}

static void
serve(struct server *server, struct world *world, struct end *end, const char *scheme,
        const char *const *answer, size_t answers)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;

	memset(server, 0, sizeof *server);
	server->world = world;
	server->answer = answer;
	server->answers = answers;
	server->listener = evconnlistener_new_bind(world->base, on_accept, server,
	        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, (struct sockaddr *)&at,
	        sizeof at);
	assert_non_null(server->listener);
	assert_int_equal(
	        getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&at, &len),
	        0);
	snprintf(
	        server->url, sizeof server->url, "%s://127.0.0.1:%u/x", scheme, ntohs(at.sin_port));
	assert_int_equal(shoal_addr_from_url(&server->addr, server->url), 0);
	const struct shoal_transport *by = &end->site.transport;
	assert_int_equal(by->ops->know(by->self, &server->addr, server->url), 0);
}

static void
serve_no_more(struct server *server)
{
	evconnlistener_free(server->listener);
	for (size_t i = 0; i < server->opened; i++) {
		if (server->event[i] != NULL) {
			close(event_get_fd(server->event[i]));
			event_free(server->event[i]);
		}
	}
}

static int
ask(struct world *world, struct end *end, const struct server *server)
{
	size_t before = end->site.results.count;

	assert_int_equal(site_request(&end->site, &server->addr, before + 1, "x", 1, MINUTE), 0);
	UNTIL(world, end->site.results.count == before + 1);
	return last(&end->site.results)->code;
}

static void
each_answer_has_its_meaning(void **state)
{
	static const struct {
		int code;
		size_t logs;
		const char *answer;
	} cases[] = {{0, 0, OK_TYPED}, {0, 0, "HTTP/1.1 100 Continue\r\n\r\n" OK_TYPED},
	        {0, 0, "-HTTP/1.0 200 OK\r\nContent-Type: application/vnd.shoal\r\n\r\ny"},
	        {SHOAL_ERR_UNREACHABLE, 1, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" EMPTY},
	        {SHOAL_ERR_UNREACHABLE, 1,
	                "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.shoal\r\n"
	                "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\ny"},
	        {SHOAL_ERR_UNREACHABLE, 1, "HTTP/1.1 204 No Content\r\n\r\n"},
	        {SHOAL_ERR_UNREACHABLE, 1,
	                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/\r\n" EMPTY},
	        {SHOAL_ERR_UNREACHABLE, 1, "HTTP/1.1 401 Unauthorized\r\n" EMPTY},
	        {SHOAL_ERR_UNREACHABLE, 1, "HTTP/1.1 404 Not Found\r\n" EMPTY},
	        {SHOAL_ERR_UNREACHABLE, 1, "HTTP/1.1 502 Bad Gateway\r\n" EMPTY},
	        {SHOAL_ERR_TOO_BIG, 1, "HTTP/1.1 413 Too Large\r\nConnection: close\r\n" EMPTY},
	        {SHOAL_ERR_LIMIT, 1, "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n" EMPTY},
	        {SHOAL_ERR_LIMIT, 1, "HTTP/1.1 503 Unavailable\r\n" EMPTY},
	        {SHOAL_ERR_TIMEOUT, 1, "HTTP/1.1 504 Timeout\r\n" EMPTY},
	        {SHOAL_ERR_TIMEOUT, 1, "HTTP/1.1 408 Timeout\r\n" EMPTY},
	        {SHOAL_ERR_CLOSED, 0,
	                "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
	        {SHOAL_ERR_CLOSED, 0, "nonsense\r\n\r\n"},
	        {SHOAL_ERR_CLOSED, 0, "-HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ny"},
	        {SHOAL_ERR_CLOSED, 0, "-HTTP/1.1 200 O"}, {SHOAL_ERR_CLOSED, 0, NULL},
	        {SHOAL_ERR_TOO_BIG, 0, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"}};
	struct world world;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct server server;
		struct end end;

		world_open(&world);
		open_end(&end, &world, "http://127.0.0.1:0", NULL);
		serve(&server, &world, &end, "http", &cases[i].answer, 1);
		int code = ask(&world, &end, &server);
		if (code != cases[i].code || end.site.logs != cases[i].logs) {
			fail_msg("%s: code %d, %zu lines", cases[i].answer, code, end.site.logs);
		}
		assert_int_equal(server.heard, 1); /* nothing was sent twice, or elsewhere */
		if (code == 0) {
			assert_string_equal(last(&end.site.results)->text, "y");
		}
		site_close(&end.site);
		serve_no_more(&server);
		world_close(&world);
	}
}

/* A request only, once, and by a new connection. */
static void
what_a_kept_connection_did_not_answer_is_asked_once_more(void **state)
{
	static const char *const once[] = {OK_TYPED, NULL, OK_TYPED, NULL, NULL};
	static const char *const crossed[] = {
	        OK_TYPED, "-HTTP/1.1 408 Timeout\r\nConnection: close\r\n" EMPTY, OK_TYPED};
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	serve(&server, &world, &end, "http", once, COUNT_OF(once));
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(server.heard, 3);
	assert_int_equal(server.connections, 2);
	assert_int_equal(ask(&world, &end, &server), SHOAL_ERR_CLOSED);
	assert_int_equal(server.heard, 5);
	serve_no_more(&server);
	/* A message may have been taken: it is not sent again. */
	serve(&server, &world, &end, "http", once, 2);
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(site_stream(&end.site, &server.addr, "m", 1), 0);
	UNTIL(&world, end.site.counted[SHOAL_COUNTER_DROP_STREAMS] == 1);
	assert_int_equal(server.heard, 2);
	serve_no_more(&server);
	/* The server's good-bye to a connection at rest is no answer. */
	serve(&server, &world, &end, "http", crossed, COUNT_OF(crossed));
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(server.heard, 3);
	serve_no_more(&server);
	site_close(&end.site);
	world_close(&world);
}

/* Not a second time either where it went by another old connection meanwhile. */
static void
what_is_asked_once_more_is_not_asked_a_third_time(void **state)
{
	static const char *const answers[] = {OK_TYPED, OK_TYPED, NULL, OK_TYPED, NULL, OK_TYPED};
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	serve(&server, &world, &end, "http", answers, COUNT_OF(answers));
	for (uint64_t i = 1; i <= 4; i++) {
		assert_int_equal(site_request(&end.site, &server.addr, i, "x", 1, MINUTE), 0);
		if (i % 2 == 0) {
			UNTIL(&world, end.site.results.count == i);
		}
	}
	size_t closed = 0;
	for (size_t i = 0; i < 4; i++) {
		closed += end.site.results.note[i].code == SHOAL_ERR_CLOSED;
	}
	assert_int_equal(closed, 1);
	assert_int_equal(server.heard, 5);
	serve_no_more(&server);
	site_close(&end.site);
	world_close(&world);
}

/* Four connections were kept, and none of them is of use any more. */
static void
what_is_asked_once_more_goes_by_a_new_connection(void **state)
{
	struct world world;
	struct end a, b;

	(void)state;
	world_open(&world);
	open_end(&a, &world, "http://127.0.0.1:0", NULL);
	open_end(&b, &world, "http://127.0.0.1:0", NULL);
	know(&a, &b);
	for (uint64_t i = 1; i <= 4; i++) {
		assert_int_equal(site_request(&a.site, &b.addr, i, "x", 1, MINUTE), 0);
	}
	UNTIL(&world, b.site.requests.count == 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(site_reply(&b.site, b.site.requests.note[i].exchange, "y", 1), 0);
	}
	UNTIL(&world, a.site.results.count == 4);
	b.site.env.web.bind = b.url;
	b.site.transport.ops->stop(b.site.transport.self);
	assert_int_equal(site_start(&b.site), 0);
	b.site.echo = true;
	assert_int_equal(site_request(&a.site, &b.addr, 5, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 5);
	assert_int_equal(last(&a.site.results)->code, 0);
	site_close(&a.site);
	site_close(&b.site);
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

/* Not by one that is as old. */
static void
what_is_asked_once_more_does_not_go_by_one_that_was_kept_too(void **state)
{
	static const char *const answers[] = {OK_TYPED, OK_TYPED, NULL, OK_TYPED};
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	serve(&server, &world, &end, "http", answers, COUNT_OF(answers));
	server.together = 2;
	assert_int_equal(site_request(&end.site, &server.addr, 1, "x", 1, MINUTE), 0);
	assert_int_equal(site_request(&end.site, &server.addr, 2, "x", 1, MINUTE), 0);
	UNTIL(&world, end.site.results.count == 2);
	assert_int_equal(server.connections, 2);
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(server.connections, 3);
	serve_no_more(&server);
	site_close(&end.site);
	world_close(&world);
}

/* What the host asks for while it is told an answer does not go by a connection that is over. */
static void
a_connection_is_not_used_again_that_is_over(void **state)
{
	static const char *const closing[] = {
	        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.shoal\r\nConnection: close\r\n"
	        "Content-Length: 1\r\n\r\ny",
	        OK_TYPED};
	static const char *const more[] = {OK_TYPED "HTTP/1.1 200", OK_TYPED};
	struct world world;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	for (size_t i = 0; i < 2; i++) {
		struct server server;
		size_t before = end.site.results.count;

		serve(&server, &world, &end, "http", i == 0 ? closing : more, 2);
		end.site.agains = 1;
		end.site.again = server.addr;
		end.site.again_ms = MINUTE;
		assert_int_equal(ask(&world, &end, &server), 0);
		UNTIL(&world, end.site.results.count == before + 2);
		assert_int_equal(last(&end.site.results)->code, 0);
		assert_int_equal(server.heard, 2);
		assert_int_equal(server.connections, 2);
		serve_no_more(&server);
		serve(&server, &world, &end, "http", i == 0 ? closing : more, 2);
		assert_int_equal(ask(&world, &end, &server), 0);
		assert_int_equal(ask(&world, &end, &server), 0);
		assert_int_equal(server.connections, 2);
		serve_no_more(&server);
	}
	site_close(&end.site);
	world_close(&world);
}

/* An answer that nobody of this cluster gave ends its connection. */
static void
an_answer_that_the_host_refuses_ends_its_connection(void **state)
{
	static const char *const answers[] = {OK_TYPED};
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", NULL);
	serve(&server, &world, &end, "http", answers, 1);
	assert_int_equal(ask(&world, &end, &server), 0);
	end.site.verdict = SHOAL_TRANSPORT_REFUSED;
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(server.connections, 1);
	assert_int_equal(ask(&world, &end, &server), 0);
	assert_int_equal(server.connections, 2);
	serve_no_more(&server);
	site_close(&end.site);
	world_close(&world);
}

/* Who has nothing but TLS for it says nothing in clear. */
static void
to_https_nothing_goes_in_clear(void **state)
{
	static const char *const answers[] = {NULL};
	struct world world;
	struct server server;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0", "secret");
	serve(&server, &world, &end, "https", answers, 1);
	assert_int_equal(ask(&world, &end, &server), SHOAL_ERR_UNREACHABLE);
	assert_null(strstr(server.text, "secret"));
	assert_true(server.heard == 0 || server.first == 0x16); /* a handshake */
	assert_true(end.site.logs > 0);
	site_close(&end.site);
	serve_no_more(&server);
	world_close(&world);
}

/* What is long is let in by the messages before it; what is short goes beside them. */
static void
what_is_long_goes_behind_the_messages_before_it(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 100 Continue\r\n\r\n"};
	static char large[2000];
	struct world world;
	struct server server;
	struct shoal_transport transport;
	struct end end;

	(void)state;
	world_open(&world);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end.site, &world, transport, "127.0.0.1:0");
	end.site.env.web.bind = "http://127.0.0.1:0";
	end.site.env.first_max = 1000;
	assert_int_equal(site_start(&end.site), 0);
	serve(&server, &world, &end, "http", answers, 1);
	assert_int_equal(site_stream(&end.site, &server.addr, "who", 3), 0);
	assert_int_equal(site_stream(&end.site, &server.addr, "next", 4), 0);
	assert_int_equal(site_request(&end.site, &server.addr, 1, large, sizeof large, MINUTE), 0);
	assert_int_equal(site_request(&end.site, &server.addr, 2, "short", 5, MINUTE), 0);
	UNTIL(&world, server.heard == 2);
	assert_non_null(strstr(server.text, "/x/message "));
	assert_non_null(strstr(server.text, "Content-Length: 5\r\n\r\nshort"));
	assert_null(strstr(server.text, "\r\n\r\nnext"));
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
	assert_int_equal(taken, (4 * sizeof large + 4 * 65536) / sizeof large);
	assert_int_equal(
	        site_stream(&end.site, &server.addr, large, sizeof large), SHOAL_ERR_LIMIT);
	/* What has ended gives it back. */
	serve_no_more(&server);
	UNTIL(&world, end.site.results.count == taken);
	assert_int_equal(site_stream(&end.site, &server.addr, large, sizeof large), 0);
	site_close(&end.site);
	world_close(&world);
}

/* Datagrams that were sent before a stop are on their way. */
static void
a_stop_sends_what_was_collected(void **state)
{
	struct world world;
	struct end a, b;

	(void)state;
	world_open(&world);
	open_end(&a, &world, "http://127.0.0.1:0", NULL);
	open_end(&b, &world, "http://127.0.0.1:0", NULL);
	b.site.echo = true;
	know(&a, &b);
	assert_int_equal(site_request(&a.site, &b.addr, 1, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 1);
	assert_int_equal(site_send(&a.site, &b.addr, "leave", 5), 0);
	a.site.inside = true;
	site_stop(&a.site);
	a.site.inside = false;
	UNTIL(&world, b.site.datagrams.count == 1);
	assert_string_equal(last(&b.site.datagrams)->text, "leave");
	site_close(&a.site);
	site_close(&b.site);
	world_close(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_answer_has_its_meaning),
	        cmocka_unit_test(what_a_kept_connection_did_not_answer_is_asked_once_more),
	        cmocka_unit_test(what_is_asked_once_more_is_not_asked_a_third_time),
	        cmocka_unit_test(what_is_asked_once_more_goes_by_a_new_connection),
	        cmocka_unit_test(what_is_asked_once_more_does_not_go_by_one_that_was_kept_too),
	        cmocka_unit_test(who_wants_to_be_left_alone_is),
	        cmocka_unit_test(a_connection_is_not_used_again_that_is_over),
	        cmocka_unit_test(an_answer_that_the_host_refuses_ends_its_connection),
	        cmocka_unit_test(to_https_nothing_goes_in_clear),
	        cmocka_unit_test(what_is_long_goes_behind_the_messages_before_it),
	        cmocka_unit_test(what_waits_is_bounded_in_bytes),
	        cmocka_unit_test(a_stop_sends_what_was_collected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
