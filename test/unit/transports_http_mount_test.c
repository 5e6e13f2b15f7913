/* SPDX-License-Identifier: MIT */
/* The HTTP transport behind an evhttp of the application: what passes, what is refused, and who may
 * end what while a request waits. */
#include "transports_http_end.h"

#include <event2/http.h>
#include <sys/wait.h>

struct shop {
	struct evhttp *evhttp;
	struct end end;
	uint16_t port;
	struct evhttp_connection *greeted; /* the one that the application was asked by last */
};

static void
greet(struct evhttp_request *request, void *arg)
{
	*(struct evhttp_connection **)arg = evhttp_request_get_connection(request);
	evhttp_send_reply(request, 200, "application", NULL);
}

static void
open_shop(struct shop *shop, struct world *world, const char *token)
{
	static char bind[64];
	struct shoal_transport transport;

	shop->evhttp = evhttp_new(world->base);
	evhttp_set_gencb(shop->evhttp, greet, &shop->greeted);
	struct evhttp_bound_socket *bound =
	        evhttp_bind_socket_with_handle(shop->evhttp, "127.0.0.1", 0);
	struct sockaddr_in at;
	socklen_t len = sizeof at;
	assert_int_equal(
	        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &len), 0);
	shop->port = ntohs(at.sin_port);
	snprintf(bind, sizeof bind, "http://127.0.0.1:%u/a%%20b", shop->port);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	assert_int_equal(shoal_transport_http_mount(&transport, shop->evhttp), 0);
	site_init(&shop->end.site, world, transport, "127.0.0.1:0");
	shop->end.site.env.web.bind = bind;
	shop->end.site.env.web.token = token;
	shop->end.site.env.stream_max = 1000;
	if (site_start(&shop->end.site) != 0) {
		fail_msg("%s", shop->end.site.why);
	}
	assert_int_equal(
	        transport.ops->url(transport.self, shop->end.url, sizeof shop->end.url), 0);
	assert_int_equal(shoal_addr_from_url(&shop->end.addr, shop->end.url), 0);
}

static void
close_shop(struct shop *shop)
{
	site_close(&shop->end.site);
	evhttp_free(shop->evhttp);
}

static void
a_member_is_reached_by_an_evhttp_of_the_application(void **state)
{
	struct world world;
	struct shop shop;
	struct end peer;

	(void)state;
	world_open(&world);
	open_shop(&shop, &world, NULL);
	open_end(&peer, &world, "http://127.0.0.1:0", NULL);
	know(&peer, &shop.end);
	shop.end.site.echo = true;
	assert_int_equal(site_request(&peer.site, &shop.end.addr, 1, "now", 3, MINUTE), 0);
	UNTIL(&world, peer.site.results.count == 1);
	assert_string_equal(last(&peer.site.results)->text, "now");
	shop.end.site.echo = false;
	assert_int_equal(site_request(&peer.site, &shop.end.addr, 2, "later", 5, MINUTE), 0);
	UNTIL(&world, shop.end.site.requests.count == 2);
	assert_int_equal(
	        site_reply(&shop.end.site, last(&shop.end.site.requests)->exchange, "late", 4), 0);
	UNTIL(&world, peer.site.results.count == 2);
	assert_string_equal(last(&peer.site.results)->text, "late");
	assert_int_equal(site_stream(&peer.site, &shop.end.addr, "word", 4), 0);
	assert_int_equal(site_send(&peer.site, &shop.end.addr, "gram", 4), 0);
	site_flush(&peer.site);
	UNTIL(&world, shop.end.site.streams.count == 1 && shop.end.site.datagrams.count == 1);
	assert_true(shoal_addr_equal(&last(&shop.end.site.streams)->from, &peer.addr));
	/* And it reaches others, who need not be told of. */
	peer.site.echo = true;
	assert_int_equal(site_request(&shop.end.site, &peer.addr, 3, "back", 4, MINUTE), 0);
	UNTIL(&world, shop.end.site.results.count == 1);
	assert_int_equal(last(&shop.end.site.results)->code, 0);
	site_close(&peer.site);
	close_shop(&shop);
	world_close(&world);
}

static void
what_is_refused_is_refused_with_the_same_words(void **state)
{
	static const struct {
		const char *status, *also, *text;
	} cases[] = {
	        {" 401 ", "WWW-Authenticate: Bearer",
	                "POST /a%20b/message HTTP/1.1\r\nHost: h\r\nShoal-From: http://c\r\n" TYPE
	                "Content-Length: 1\r\n\r\nx"},
	        {" 405 ", "Allow: POST", "GET /a%20b/message HTTP/1.1\r\n" HEAD "\r\n"},
	        {" 415 ", "Accept: ",
	                "POST /a%20b/message HTTP/1.1\r\n" HEAD "Content-Length: 1\r\n\r\nx"},
	        {" 400 ", "",
	                "POST /a%20b/datagrams HTTP/1.1\r\n" HEAD TYPE
	                "Content-Length: 1\r\n\r\nx"},
	        {" 400 ", "",
	                "POST /a%20b/message HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\n" TYPE
	                "Shoal-From: http://c\r\nShoal-From: http://d\r\nContent-Length: 1\r\n\r\nx"},
	        {" 200 ", "application",
	                "POST /other HTTP/1.1\r\n" HEAD TYPE "Content-Length: 0\r\n\r\n"},
	        {" 204 ", "",
	                "POST /%61%20b/message HTTP/1.1\r\n" HEAD TYPE
	                "Content-Length: 1\r\n\r\nx"}};
	static char large[1001];
	struct world world;
	struct shop shop;
	bool torn;

	(void)state;
	world_open(&world);
	open_shop(&shop, &world, "t");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *text = told(&world, &shop.end, cases[i].text, "\r\n\r\n");
		if (strstr(text, cases[i].status) == NULL || strstr(text, cases[i].also) == NULL) {
			fail_msg("%s: %s", cases[i].text, text);
		}
	}
	assert_int_equal(shop.end.site.streams.count, 1);
	int fd = dial_from(&shop.end, "127.0.0.1");
	memset(large, 'x', 1001);
	say(fd, "POST /a%20b/message HTTP/1.1\r\n" HEAD TYPE "Content-Length: 1001\r\n\r\n");
	assert_int_equal(send(fd, large, 1001, MSG_NOSIGNAL), 1001);
	assert_non_null(strstr(listen_to(&world, fd, "\r\n\r\n", &torn), " 413 "));
	close(fd);
	const char *answer = "";
	for (unsigned i = 0; i < 40 && strstr(answer, " 429 ") == NULL; i++) {
		answer = told(&world, &shop.end, cases[0].text, "\r\n\r\n");
	}
	assert_non_null(strstr(answer, " 429 "));
	assert_non_null(strstr(answer, "Retry-After: "));
	close_shop(&shop);
	world_close(&world);
}

/* Of requests to the application too; what that wants otherwise it says afterwards. */
static void
heads_and_bodies_are_bounded_before_they_are_read(void **state)
{
	static char head[9000];
	struct world world;
	struct shop shop;
	bool torn;

	(void)state;
	world_open(&world);
	open_shop(&shop, &world, NULL);
	for (size_t i = 0; i < 2; i++) {
		int fd = dial_from(&shop.end, "127.0.0.1");
		say(fd, "POST /other HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
		        "Content-Length: 16777217\r\n\r\n");
		const char *text = listen_to(&world, fd, "\r\n\r\n", &torn);
		if (strstr(text, i == 0 ? " 413 " : " 100 ") == NULL) {
			fail_msg("%zu: %s", i, text);
		}
		close(fd);
		memset(head, 'x', sizeof(head) - 1);
		memcpy(head, "GET /other HTTP/1.1\r\nHost: h\r\nX: ", 33);
		memcpy(head + sizeof(head) - 5, "\r\n\r\n", 5);
		text = told(&world, &shop.end, head, "\r\n\r\n");
		if ((strstr(text, " 200 ") != NULL) != (i == 1)) {
			fail_msg("%zu: %s", i, text);
		}
		evhttp_set_max_body_size(shop.evhttp, 1 << 25);
		evhttp_set_max_headers_size(shop.evhttp, 1 << 14);
	}
	close_shop(&shop);
	world_close(&world);
}

static void
where_messages_may_be_longer_bodies_may_be(void **state)
{
	static const char *const length[] = {"33554432", "33554433"};
	char text[256];
	struct world world;
	struct shop shop;
	bool torn;

	(void)state;
	world_open(&world);
	open_shop(&shop, &world, NULL);
	site_stop(&shop.end.site);
	shop.end.site.env.stream_max = 33554432;
	assert_int_equal(site_start(&shop.end.site), 0);
	for (size_t i = 0; i < 2; i++) {
		int fd = dial_from(&shop.end, "127.0.0.1");
		snprintf(text, sizeof(text),
		        "POST /a%%20b/message HTTP/1.1\r\n" HEAD TYPE
		        "Expect: 100-continue\r\nContent-Length: %s\r\n\r\n",
		        length[i]);
		say(fd, text);
		assert_non_null(strstr(
		        listen_to(&world, fd, "\r\n\r\n", &torn), i == 0 ? " 100 " : " 413 "));
		close(fd);
	}
	close_shop(&shop);
	world_close(&world);
}

/* The connection, the evhttp, or the transport: the others go on. */
static void
each_may_end_while_a_request_waits(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 5; who++) {
		struct world world;
		struct shop shop;
		bool torn;

		world_open(&world);
		open_shop(&shop, &world, NULL);
		struct site *site = &shop.end.site;
		int fd = dial_from(&shop.end, "127.0.0.1");
		if (who == 3) {
			site->stop_at = 1; /* inside the call */
		}
		say(fd, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_non_null(strstr(listen_to(&world, fd, "\r\n\r\n", &torn), " 200 "));
		say(fd, "POST /a%20b/request HTTP/1.1\r\n" HEAD TYPE "Content-Length: 1\r\n\r\nx");
		UNTIL(&world, site->requests.count == 1);
		uint64_t exchange = last(&site->requests)->exchange;
		if (who == 0) {
			close(fd); /* which libevent sees when it is answered */
			for (unsigned turn = 0; turn < 10; turn++) {
				event_base_loop(world.base, EVLOOP_NONBLOCK);
			}
			assert_int_equal(site_reply(site, exchange, "y", 1), 0);
			world_rest(&world, 20);
		} else if (who == 4) {
			evhttp_connection_free(shop.greeted);
			assert_int_equal(site_reply(site, exchange, "y", 1), SHOAL_ERR_NOT_FOUND);
			assert_string_equal(listen_to(&world, fd, NULL, &torn), "");
		} else if (who == 1) {
			assert_int_equal(shoal_transport_http_mount(&site->transport, NULL), 0);
			evhttp_free(shop.evhttp);
			assert_int_equal(site_reply(site, exchange, "y", 1), SHOAL_ERR_NOT_FOUND);
			assert_string_equal(listen_to(&world, fd, NULL, &torn), "");
		} else {
			if (who == 2) {
				site_stop(site);
			}
			assert_non_null(strstr(listen_to(&world, fd, "\r\n\r\n", &torn), " 503 "));
			/* Its paths are the application's again. */
			say(fd, "POST /a%20b/request HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
			assert_non_null(strstr(
			        listen_to(&world, fd, "\r\n\r\n", &torn), " 200 application"));
		}
		if (who != 0) {
			close(fd);
		}
		site_close(site);
		if (who != 1) {
			evhttp_free(shop.evhttp);
		}
		world_close(&world);
	}
}

/* In the child: one asks, on a connection of its own, and the member is freed. (evhttp_free would
 * end the parent's connections: libevent shuts them down.) */
static void
be_child(struct world *world, struct shop *shop, int asks)
{
	bool torn;

	alarm(60);
	event_reinit(world->base);
	say(asks, "POST /a%20b/request HTTP/1.1\r\n" HEAD TYPE "Content-Length: 1\r\n\r\nx");
	const char *text = listen_to(world, asks, "\r\n\r\n", &torn);
	bool told = strstr(text, " 503 ") != NULL && shop->end.site.requests.count == 1;
	site_close(&shop->end.site);
	for (unsigned turn = 0; turn < 10; turn++) {
		event_base_loop(world->base, EVLOOP_NONBLOCK);
	}
	_exit(told ? 0 : 1);
}

/* The evhttp of a server that forks goes on there; the member does not. */
static void
a_child_of_fork_answers_nothing_for_its_parent(void **state)
{
	struct world world;
	struct shop shop;
	bool torn;
	char byte;
	int fd[2], status;

	(void)state;
	world_open(&world);
	open_shop(&shop, &world, NULL);
	for (size_t i = 0; i < 2; i++) {
		fd[i] = dial_from(&shop.end, "127.0.0.1");
		say(fd[i], "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_non_null(strstr(listen_to(&world, fd[i], "application", &torn), " 200 "));
	}
	say(fd[0], "POST /a%20b/request HTTP/1.1\r\n" HEAD TYPE "Content-Length: 1\r\n\r\nx");
	UNTIL(&world, shop.end.site.requests.count == 1);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		be_child(&world, &shop, fd[1]);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(recv(fd[0], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(
	        site_reply(&shop.end.site, last(&shop.end.site.requests)->exchange, "y", 1), 0);
	assert_non_null(strstr(listen_to(&world, fd[0], "\r\n\r\ny", &torn), " 200 "));
	close(fd[0]);
	close(fd[1]);
	close_shop(&shop);
	world_close(&world);
}

/* As by any other transport. */
static void
empty_messages_and_replies_pass(void **state)
{
	(void)state;
	for (unsigned mounted = 0; mounted < 2; mounted++) {
		struct world world;
		struct shop shop;
		struct end peer, own;

		world_open(&world);
		open_shop(&shop, &world, NULL);
		open_end(&peer, &world, "http://127.0.0.1:0", NULL);
		open_end(&own, &world, "http://127.0.0.1:0", NULL);
		struct end *end = mounted == 1 ? &shop.end : &own;
		know(&peer, end);
		end->site.echo = true;
		assert_int_equal(site_stream(&peer.site, &end->addr, "", 0), 0);
		assert_int_equal(site_request(&peer.site, &end->addr, 1, "", 0, MINUTE), 0);
		UNTIL(&world, end->site.streams.count == 1 && peer.site.results.count == 1);
		assert_int_equal(last(&peer.site.results)->code, 0);
		assert_int_equal(last(&peer.site.results)->len, 0);
		site_close(&peer.site);
		site_close(&own.site);
		close_shop(&shop);
		world_close(&world);
	}
}

static void
what_cannot_be_mounted_is_said(void **state)
{
	struct shoal_transport tcp, transport;
	struct world world, other;
	struct shop shop;
	struct site site;

	(void)state;
	world_open(&world);
	world_open(&other);
	open_shop(&shop, &world, NULL);
	assert_int_equal(shoal_transport_tcp(&tcp, NULL), 0);
	assert_int_equal(shoal_transport_http_mount(&tcp, shop.evhttp), SHOAL_ERR_INVALID);
	tcp.ops->free(tcp.self);
	assert_int_equal(
	        shoal_transport_http_mount(&shop.end.site.transport, shop.evhttp), SHOAL_ERR_STATE);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(shoal_transport_http(&transport, NULL), 0);
		assert_int_equal(shoal_transport_http_mount(&transport, shop.evhttp), 0);
		site_init(&site, i == 0 ? &world : &other, transport, "127.0.0.1:0");
		site.env.web.bind = "http://127.0.0.1:1/a%20b";
		assert_int_equal(site_start(&site), i == 0 ? SHOAL_ERR_IN_USE : SHOAL_ERR_INVALID);
		assert_non_null(strstr(
		        site.why, i == 0 ? "something else at /a b/datagrams" : "SHOAL_RUN_BASE"));
		site.env.web.bind = "http://127.0.0.1:1/a%25b";
		site.env.base = world.base;
		assert_int_equal(site_start(&site), SHOAL_ERR_INVALID);
		assert_non_null(strstr(site.why, "no path can be reached with %2F"));
		/* A listener of its own does. */
		assert_int_equal(shoal_transport_http_mount(&transport, NULL), 0);
		site.env.web.bind = "http://127.0.0.1:0";
		assert_int_equal(site_start(&site), 0);
		site_close(&site);
	}
	close_shop(&shop);
	world_close(&other);
	world_close(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_member_is_reached_by_an_evhttp_of_the_application),
	        cmocka_unit_test(what_is_refused_is_refused_with_the_same_words),
	        cmocka_unit_test(heads_and_bodies_are_bounded_before_they_are_read),
	        cmocka_unit_test(where_messages_may_be_longer_bodies_may_be),
	        cmocka_unit_test(each_may_end_while_a_request_waits),
	        cmocka_unit_test(a_child_of_fork_answers_nothing_for_its_parent),
	        cmocka_unit_test(empty_messages_and_replies_pass),
	        cmocka_unit_test(what_cannot_be_mounted_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
