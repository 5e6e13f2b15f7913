/* SPDX-License-Identifier: MIT */
/* The HTTP transport towards servers that answer what a test writes: what each answer means for the
 * host, what is sent once more and what is not. */
#include "transports_http_answers.h"

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
	        {SHOAL_ERR_LIMIT, 1, "HTTP/1.1 503 Unavailable\r\nRetry-After: 1\r\n" EMPTY},
	        {SHOAL_ERR_UNREACHABLE, 1, "HTTP/1.1 503 Unavailable\r\n" EMPTY},
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
		const char *text = last(&end.site.results)->text;
		if (code == 0) {
			assert_string_equal(text, "y");
		} else if (cases[i].logs == 1) {
			/* The host is told why, as the log is. */
			assert_memory_equal(text, "status ", 7);
			assert_memory_equal(text + 7, strchr(cases[i].answer, ' ') + 1, 3);
			assert_true(strlen(text) > 12);
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

/* Four connections were kept, three that requests may have and one for the rest, and none of them
 * is of use any more. */
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
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(site_request(&a.site, &b.addr, i, "x", 1, MINUTE), 0);
	}
	UNTIL(&world, b.site.requests.count == 3);
	assert_int_equal(site_stream(&a.site, &b.addr, "m", 1), 0);
	UNTIL(&world, b.site.streams.count == 1);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(site_reply(&b.site, b.site.requests.note[i].exchange, "y", 1), 0);
	}
	UNTIL(&world, a.site.results.count == 3);
	assert_int_equal(b.site.counted[SHOAL_COUNTER_CONNECTIONS_IN], 4);
	b.site.env.web.bind = b.url;
	b.site.transport.ops->stop(b.site.transport.self);
	assert_int_equal(site_start(&b.site), 0);
	b.site.echo = true;
	assert_int_equal(site_request(&a.site, &b.addr, 5, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 4);
	assert_int_equal(last(&a.site.results)->code, 0);
	site_close(&a.site);
	site_close(&b.site);
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
	        cmocka_unit_test(a_connection_is_not_used_again_that_is_over),
	        cmocka_unit_test(an_answer_that_the_host_refuses_ends_its_connection),
	        cmocka_unit_test(to_https_nothing_goes_in_clear),
	        cmocka_unit_test(what_is_long_goes_behind_the_messages_before_it),
	        cmocka_unit_test(a_stop_sends_what_was_collected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
