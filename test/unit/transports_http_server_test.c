/* SPDX-License-Identifier: MIT */
/* The HTTP transport towards clients that want too much, too slowly, or something else; and towards
 * those that only use what HTTP has. */
#include "transports_http_end.h"

#include "transports/http.h"

#define POST_MESSAGE "POST /message HTTP/1.1\r\n" HEAD TYPE
#define POST_REQUEST "POST /request HTTP/1.1\r\n" HEAD TYPE
#define ONE          "Content-Length: 1\r\n\r\nx"

static void
open_one(struct world *world, struct end *end, size_t connections, size_t stream_max)
{
	struct shoal_transport transport;

	world_open(world);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end->site, world, transport, "127.0.0.1:0");
	end->site.env.web.bind = "http://127.0.0.1:0";
	end->site.env.connections_max = (uint32_t)connections;
	end->site.env.stream_max = stream_max;
	assert_int_equal(site_start(&end->site), 0);
	assert_int_equal(transport.ops->url(transport.self, end->url, sizeof end->url), 0);
	assert_int_equal(shoal_addr_from_url(&end->addr, end->url), 0);
}

static void
close_one(struct world *world, struct end *end)
{
	site_close(&end->site);
	world_close(world);
}

static size_t
count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)) != NULL; text += strlen(word)) {
		count++;
	}
	return count;
}

static void
a_body_that_waits_to_be_asked_for_is_asked_for(void **state)
{
	struct world world;
	struct end end;
	bool torn;

	(void)state;
	open_one(&world, &end, 64, 1000);
	int fd = dial_from(&end, "127.0.0.1");
	say(fd, POST_MESSAGE "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	assert_string_equal(
	        listen_to(&world, fd, "\r\n\r\n", &torn), "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "hello");
	assert_non_null(strstr(listen_to(&world, fd, "\r\n\r\n", &torn), " 204 "));
	assert_string_equal(last(&end.site.streams)->text, "hello");
	/* Not one that is too long, and not by whoever cannot know of it. */
	say(fd, POST_MESSAGE "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
	const char *text = listen_to(&world, fd, NULL, &torn);
	assert_non_null(strstr(text, " 413 "));
	assert_null(strstr(text, " 100 "));
	close(fd);
	text = told(&world, &end,
	        "POST /message HTTP/1.0\r\n" HEAD TYPE "Expect: 100-continue\r\n" ONE, NULL);
	assert_null(strstr(text, " 100 "));
	assert_non_null(strstr(text, " 204 "));
	close_one(&world, &end);
}

static void
a_connection_is_kept_for_who_wants_that(void **state)
{
	struct world world;
	struct end end;
	bool torn;

	(void)state;
	open_one(&world, &end, 64, 1000);
	end.site.echo = true;
	int fd = dial_from(&end, "127.0.0.1");
	for (unsigned i = 0; i < 10; i++) {
		say(fd, POST_REQUEST "Content-Length: 3\r\n\r\nabc");
		assert_non_null(strstr(listen_to(&world, fd, "abc", &torn), " 200 "));
	}
	assert_int_equal(end.site.requests.count, 10);
	assert_int_equal(end.site.counted[SHOAL_COUNTER_CONNECTIONS_IN], 1);
	/* Two at once are answered in turn, and the last one by its wish. */
	say(fd, POST_REQUEST ONE POST_REQUEST "Connection: close\r\n" ONE);
	const char *text = listen_to(&world, fd, NULL, &torn);
	assert_int_equal(count_of(text, " 200 "), 2);
	assert_int_equal(count_of(text, "Connection: close"), 1);
	assert_false(torn);
	close(fd);
	text = told(
	        &world, &end, "POST /request HTTP/1.0\r\nShoal-From: http://c\r\n" TYPE ONE, NULL);
	assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
	close_one(&world, &end);
}

/* What came behind a request that waits is not answered, and the answer says so. */
static void
what_comes_before_the_answer_is_not_read(void **state)
{
	struct world world;
	struct end end;
	bool torn;

	(void)state;
	open_one(&world, &end, 64, 1000);
	int fd = dial_from(&end, "127.0.0.1");
	say(fd, POST_REQUEST ONE POST_REQUEST ONE);
	UNTIL(&world, end.site.requests.count == 1);
	assert_int_equal(site_reply(&end.site, end.site.requests.note[0].exchange, "y", 1), 0);
	const char *text = listen_to(&world, fd, NULL, &torn);
	assert_int_equal(count_of(text, " 200 "), 1);
	assert_int_equal(count_of(text, "Connection: close"), 1);
	assert_false(torn);
	assert_int_equal(end.site.requests.count, 1);
	close(fd);
	close_one(&world, &end);
}

/* More of one source at once than it may have: each is read before the next is let in. */
static void
who_has_asked_already_is_not_displaced_unread(void **state)
{
	enum {
		BURST = 40
	};
	struct world world;
	struct end end;
	int fd[BURST];

	(void)state;
	open_one(&world, &end, 32, 1000);
	for (size_t i = 0; i < BURST; i++) {
		fd[i] = dial_from(&end, "127.0.0.1");
		say(fd[i], POST_MESSAGE ONE);
	}
	const uint64_t *refused = &end.site.counted[SHOAL_COUNTER_CONNECTIONS_REFUSED];
	UNTIL(&world, end.site.streams.count + *refused >= BURST);
	assert_int_equal(*refused, 0);
	assert_int_equal(end.site.streams.count, BURST);
	for (size_t i = 0; i < BURST; i++) {
		close(fd[i]);
	}
	close_one(&world, &end);
}

/* However much was refused to a source, it is let in again in a time that is bounded. */
static void
nobody_is_banned_for_long(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	open_one(&world, &end, 64, 1000);
	struct shoal_http *http = end.site.transport.self;
	for (unsigned i = 0; i < 10000; i++) {
		shoal_http_limits_ban(http, &end.site.addr[0]);
	}
	assert_true(shoal_http_limits_is_banned(http, &end.site.addr[0]));
	uint64_t until = 0;
	for (size_t i = 0; i < SHOAL_HTTP_BANS; i++) {
		until = http->ban[i].spent > until ? http->ban[i].spent : until;
	}
	assert_true(until <= shoal_socket_now() + SHOAL_SEC(60));
	close_one(&world, &end);
}

static void
who_is_not_taken_is_closed_behind_the_answer(void **state)
{
	struct world world;
	struct end end;
	bool torn;

	(void)state;
	open_one(&world, &end, 64, 1000);
	end.site.verdict = SHOAL_TRANSPORT_REFUSED;
	end.site.echo = true;
	const char *text = told(&world, &end, POST_MESSAGE ONE, NULL);
	assert_non_null(strstr(text, " 403 "));
	assert_non_null(strstr(end.site.log, "what came from 127.0.0.1:"));
	assert_non_null(strstr(end.site.log, " in the name of http://c.example was refused"));
	/* Once a minute of a source, whomever it names; what is known of those is said all the
	 * same. */
	end.site.log[0] = '\0';
	told(&world, &end, "POST /message HTTP/1.1\r\nHost: h\r\nShoal-From: http://d\r\n" TYPE ONE,
	        NULL);
	assert_string_equal(end.site.log, "");
	struct shoal_http *http = end.site.transport.self;
	struct shoal_addr named;
	assert_int_equal(shoal_addr_from_url(&named, "http://c.example"), 0);
	shoal_http_peer_say(shoal_http_peer_find(http, &named), "why");
	assert_string_equal(end.site.log, "http://c.example: why");
	text = told(&world, &end, POST_REQUEST ONE, NULL); /* which was answered all the same */
	assert_non_null(strstr(text, " 200 "));
	end.site.echo = false;
	text = told(&world, &end, POST_REQUEST ONE, NULL);
	assert_non_null(strstr(text, " 403 "));
	assert_int_equal(site_reply(&end.site, last(&end.site.requests)->exchange, "y", 1),
	        SHOAL_ERR_NOT_FOUND);
	end.site.verdict = SHOAL_TRANSPORT_PASSED;
	int fd = dial_from(&end, "127.0.0.1");
	for (unsigned i = 1; i < 16; i++) {
		say(fd, POST_MESSAGE ONE);
		assert_null(strstr(listen_to(&world, fd, "\r\n\r\n", &torn), "close"));
	}
	say(fd, POST_MESSAGE ONE);
	text = listen_to(&world, fd, "\r\n\r\n", &torn);
	assert_int_equal(count_of(text, " 204 "), 1);
	assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
	close(fd);
	close_one(&world, &end);
}

/* The answer is there for who is still sending. */
static void
a_refusal_can_be_read_by_who_sends_on(void **state)
{
	static char body[200000];
	struct world world;
	struct end end;
	bool torn;

	(void)state;
	memset(body, 'x', sizeof body - 1);
	open_one(&world, &end, 64, 1000);
	int fd = dial_from(&end, "127.0.0.1");
	say(fd, POST_MESSAGE "Content-Length: 99999999\r\n\r\n");
	for (unsigned i = 0; i < 20; i++) {
		say(fd, body);
		event_base_loop(world.base, EVLOOP_NONBLOCK);
	}
	assert_non_null(strstr(listen_to(&world, fd, NULL, &torn), " 413 "));
	assert_false(torn);
	close(fd);
	assert_int_equal(end.site.streams.count, 0);
	close_one(&world, &end);
}

/* One source has a quarter: it closes its own oldest, and nobody else's. */
static void
who_holds_many_connections_open_shuts_nobody_out(void **state)
{
	struct world world;
	struct end end;
	int fd[40];
	bool torn;

	(void)state;
	open_one(&world, &end, 64, 1000);
	int other = dial_from(&end, "127.0.0.2");
	say(other, POST_MESSAGE "Content-Length: 2\r\n\r\nh");
	UNTIL(&world, end.site.counted[SHOAL_COUNTER_CONNECTIONS_IN] == 1);
	event_base_loop(world.base, EVLOOP_NONBLOCK);
	for (unsigned i = 0; i < 40; i++) {
		fd[i] = dial_from(&end, "127.0.0.1");
		say(fd[i], i % 2 == 0 ? "POST /mess" : POST_MESSAGE "Content-Length: 2\r\n\r\nx");
		UNTIL(&world, end.site.counted[SHOAL_COUNTER_CONNECTIONS_IN] == i + 2);
		event_base_loop(world.base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(end.site.counted[SHOAL_COUNTER_CONNECTIONS_REFUSED], 40 - 16);
	assert_non_null(strstr(told(&world, &end, POST_MESSAGE ONE, "\r\n\r\n"), " 204 "));
	say(other, "i");
	assert_non_null(strstr(listen_to(&world, other, "\r\n\r\n", &torn), " 204 "));
	assert_string_equal(listen_to(&world, fd[0], NULL, &torn), "");
	assert_string_equal(last(&end.site.streams)->text, "hi");
	close(other);
	for (unsigned i = 0; i < 40; i++) {
		close(fd[i]);
	}
	close_one(&world, &end);
}

/* Who is owed an answer is not closed for others: they are. */
static void
who_waits_for_an_answer_keeps_the_place(void **state)
{
	struct world world;
	struct end end;
	int fd[16];
	bool torn;

	(void)state;
	open_one(&world, &end, 64, 1000);
	for (unsigned i = 0; i < 16; i++) {
		fd[i] = dial_from(&end, "127.0.0.1");
		say(fd[i], POST_REQUEST ONE);
	}
	UNTIL(&world, end.site.requests.count == 16);
	assert_string_equal(told(&world, &end, POST_REQUEST ONE, NULL), "");
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(
		        site_reply(&end.site, end.site.requests.note[i].exchange, "y", 1), 0);
		assert_non_null(strstr(listen_to(&world, fd[i], "y", &torn), " 200 "));
		close(fd[i]);
	}
	close_one(&world, &end);
}

/* A quarter of 4 * 100000 + 4 * 65536 bytes for a source: the half message that holds most goes. */
static void
half_messages_are_bounded_in_bytes(void **state)
{
	static char half[90001];
	struct world world;
	struct end end;
	int fd[3];
	bool torn;

	(void)state;
	memset(half, 'x', sizeof half - 1);
	open_one(&world, &end, 4, 100000);
	for (unsigned i = 0; i < 3; i++) {
		fd[i] = dial_from(&end, "127.0.0.1");
		say(fd[i], POST_MESSAGE "Content-Length: 100000\r\n\r\n");
		say(fd[i], half + (i == 2 ? 30000 : 0));
		UNTIL(&world, end.site.counted[SHOAL_COUNTER_CONNECTIONS_IN] == i + 1);
		for (unsigned turn = 0; turn < 20; turn++) {
			event_base_loop(world.base, EVLOOP_NONBLOCK);
		}
	}
	say(fd[2], half + 50000);
	assert_non_null(strstr(listen_to(&world, fd[2], "\r\n\r\n", &torn), " 204 "));
	assert_true(end.site.counted[SHOAL_COUNTER_CONNECTIONS_REFUSED] == 0);
	bool cut = recv(fd[0], half, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
	cut = cut || recv(fd[1], half, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
	assert_true(cut);
	for (unsigned i = 0; i < 3; i++) {
		close(fd[i]);
	}
	close_one(&world, &end);
}

/* Who does not read answers is not read. */
static void
answers_that_nobody_takes_are_not_heaped_up(void **state)
{
	static char request[300200];
	struct world world;
	struct end end;
	int small = 4096, tried = 0;

	(void)state;
	open_one(&world, &end, 64, 1024 * 1024);
	end.site.echo = true;
	int len = snprintf(request, sizeof request, POST_REQUEST "Content-Length: 300000\r\n\r\n");
	memset(request + len, 'x', 300000);
	size_t whole = (size_t)len + 300000, at = 0;
	int fd = dial_from(&end, "127.0.0.1");
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	/* Until nothing more is taken for a while: more than the kernel holds for both. */
	for (size_t sent = 0; sent < 100 * whole && tried < 100; tried++) {
		ssize_t n = send(fd, request + at, whole - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			at = (at + (size_t)n) % whole;
			sent += (size_t)n;
			tried = 0;
		}
		event_base_loop(world.base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(tried, 100);
	assert_true(end.site.requests.count < 60);
	close(fd);
	close_one(&world, &end);
}

/* Its request is read, and the host answers inside the call. */
static void
who_has_gone_when_it_is_answered_does_no_harm(void **state)
{
	struct linger reset = {.l_onoff = 1};
	struct world world;
	struct end end;

	(void)state;
	open_one(&world, &end, 64, 1000);
	end.site.echo = true;
	for (unsigned i = 1; i <= 20; i++) {
		int fd = dial_from(&end, "127.0.0.1");
		say(fd, POST_REQUEST ONE);
		UNTIL(&world, end.site.counted[SHOAL_COUNTER_CONNECTIONS_IN] == i ||
		                      end.site.requests.count == i);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(fd);
		event_base_loop(world.base, EVLOOP_NONBLOCK);
	}
	end.site.echo = false;
	for (unsigned i = 0; i < 2; i++) {
		int fd = dial_from(&end, "127.0.0.1");
		size_t before = end.site.requests.count;
		say(fd, POST_REQUEST ONE);
		UNTIL(&world, end.site.requests.count == before + 1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(fd);
		if (i == 1) {
			world_rest(&world, 20);
		}
		(void)site_reply(&end.site, last(&end.site.requests)->exchange, "y", 1);
		world_rest(&world, 20);
	}
	close_one(&world, &end);
}

/* A URL that was only heard pushes out others of its kind, and none that the host named. */
static void
lies_about_who_sends_push_out_each_other(void **state)
{
	struct world world;
	struct end end, member;
	char text[400];
	bool torn;

	(void)state;
	open_one(&world, &end, 64, 1000);
	open_end(&member, &world, "http://127.0.0.1:0", NULL);
	member.site.echo = true;
	know(&end, &member);
	int fd = dial_from(&end, "127.0.0.1");
	for (unsigned i = 0; i < 1100; i++) {
		snprintf(text, sizeof text,
		        "POST /message HTTP/1.1\r\nHost: h\r\nShoal-From: http://10.9.9.9:9/%u\r\n" TYPE
		                ONE,
		        i);
		say(fd, text);
		listen_to(&world, fd, "\r\n\r\n", &torn);
	}
	close(fd);
	assert_int_equal(end.site.streams.count, 1100);
	struct shoal_addr first = end.site.streams.note[0].from;
	assert_int_equal(site_request(&end.site, &first, 1, "x", 1, MINUTE), SHOAL_ERR_UNREACHABLE);
	assert_int_equal(site_request(&end.site, &member.addr, 2, "x", 1, MINUTE), 0);
	UNTIL(&world, end.site.results.count == 1);
	assert_int_equal(last(&end.site.results)->code, 0);
	site_close(&member.site);
	close_one(&world, &end);
}

/* All connections together are counted, and those at rest go for others to come. */
static void
both_directions_share_the_connections(void **state)
{
	struct world world;
	struct end end, peer[6];

	(void)state;
	open_one(&world, &end, 4, 1000);
	for (unsigned i = 0; i < 6; i++) {
		open_end(&peer[i], &world, "http://127.0.0.1:0", NULL);
		peer[i].site.echo = true;
		know(&end, &peer[i]);
		assert_int_equal(site_request(&end.site, &peer[i].addr, i + 1, "x", 1, MINUTE), 0);
		UNTIL(&world, end.site.results.count == i + 1);
		assert_int_equal(last(&end.site.results)->code, 0);
	}
	assert_int_equal(end.site.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 6);
	/* The first one has lost its connection. */
	assert_int_equal(site_request(&end.site, &peer[0].addr, 9, "x", 1, MINUTE), 0);
	UNTIL(&world, end.site.results.count == 7);
	assert_int_equal(end.site.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 7);
	assert_non_null(strstr(told(&world, &end, POST_MESSAGE ONE, "\r\n\r\n"), " 204 "));
	for (unsigned i = 0; i < 6; i++) {
		site_close(&peer[i].site);
	}
	close_one(&world, &end);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_body_that_waits_to_be_asked_for_is_asked_for),
	        cmocka_unit_test(a_connection_is_kept_for_who_wants_that),
	        cmocka_unit_test(what_comes_before_the_answer_is_not_read),
	        cmocka_unit_test(who_has_asked_already_is_not_displaced_unread),
	        cmocka_unit_test(nobody_is_banned_for_long),
	        cmocka_unit_test(who_is_not_taken_is_closed_behind_the_answer),
	        cmocka_unit_test(a_refusal_can_be_read_by_who_sends_on),
	        cmocka_unit_test(who_holds_many_connections_open_shuts_nobody_out),
	        cmocka_unit_test(who_waits_for_an_answer_keeps_the_place),
	        cmocka_unit_test(half_messages_are_bounded_in_bytes),
	        cmocka_unit_test(answers_that_nobody_takes_are_not_heaped_up),
	        cmocka_unit_test(who_has_gone_when_it_is_answered_does_no_harm),
	        cmocka_unit_test(lies_about_who_sends_push_out_each_other),
	        cmocka_unit_test(both_directions_share_the_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
