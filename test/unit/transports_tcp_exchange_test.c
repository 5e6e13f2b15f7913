/* SPDX-License-Identifier: MIT */
/* Requests, replies and one-way messages: each request ends once, by whatever comes first. */
#include "transports_tcp.h"

#define SENT                                                                                       \
	500 /* ms: a request is on its way long before it times out, also where much else runs */

static void
a_request_is_answered(const char *bind)
{
	struct world world;
	struct site a, b;

	world_open(&world);
	open_site(&a, &world, bind);
	open_site(&b, &world, bind);
	b.echo = true;
	assert_int_equal(site_request(&a, &b.addr[0], 77, "question", 8, MINUTE), 0);
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->code, 0);
	assert_int_equal(last(&a.results)->exchange, 77);
	assert_string_equal(last(&a.results)->text, "question");
	assert_string_equal(last(&b.requests)->text, "question");
	assert_memory_equal(last(&b.requests)->from.ip, a.addr[0].ip, 16);
	assert_int_equal(a.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 1);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_IN], 1);
	assert_int_equal(a.batches, 1);
	close_pair(&world, &a, &b);
}

static void
a_request_is_answered_over_ipv4(void **state)
{
	(void)state;
	a_request_is_answered("127.0.0.1:0");
}

static void
a_request_is_answered_over_ipv6(void **state)
{
	(void)state;
	port_needs_ipv6();
	a_request_is_answered("[::1]:0");
}

static void
one_way_messages_arrive_in_order(void **state)
{
	struct world world;
	struct site a, b;
	char text[16];

	(void)state;
	open_pair(&world, &a, &b);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(site_stream(&a, &b.addr[0], text, strlen(text)), 0);
	}
	assert_int_equal(site_stream(&a, &b.addr[0], NULL, 0), 0);
	UNTIL(&world, b.streams.count == 51);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_string_equal(b.streams.note[i].text, text);
	}
	assert_int_equal(last(&b.streams)->len, 0);
	close_pair(&world, &a, &b);
}

static void
replies_may_come_in_any_order_and_only_once(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	b.echo = false;
	site_request(&a, &b.addr[0], 1, "first", 5, MINUTE);
	site_request(&a, &b.addr[0], 2, "second", 6, MINUTE);
	UNTIL(&world, b.requests.count == 2);
	assert_int_equal(site_reply(&b, b.requests.note[1].exchange, "two", 3), 0);
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->exchange, 2);
	assert_string_equal(last(&a.results)->text, "two");
	assert_int_equal(
	        site_reply(&b, b.requests.note[1].exchange, "two", 3), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(site_reply(&b, 12345, "made up", 7), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(site_reply(&b, b.requests.note[0].exchange, "one", 3), 0);
	UNTIL(&world, a.results.count == 2);
	assert_int_equal(last(&a.results)->exchange, 1);

	/* The number of one that is over does not answer the next in its place. */
	site_request(&a, &b.addr[0], 3, "third", 5, MINUTE);
	UNTIL(&world, b.requests.count == 3);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		        site_reply(&b, b.requests.note[i].exchange, "", 0), SHOAL_ERR_NOT_FOUND);
	}
	assert_int_equal(site_reply(&b, b.requests.note[2].exchange, "three", 5), 0);
	UNTIL(&world, a.results.count == 3);
	close_pair(&world, &a, &b);
}

static void
a_reply_counts_only_from_who_was_asked(void **state)
{
	struct world world;
	struct site site;
	struct shoal_addr addr[2];
	int listener[2], fd[2] = {-1, -1};
	uint8_t question[2][64];

	(void)state;
	world_open(&world);
	open_site(&site, &world, "127.0.0.1:0");
	for (size_t i = 0; i < 2; i++) {
		size_t len = HELLO_LEN + SHOAL_TCP_HEADER + 1;

		listener[i] = raw_listen(&addr[i]);
		site_request(&site, &addr[i], i, "q", 1, MINUTE);
		UNTIL(&world, (fd[i] = accept(listener[i], NULL, NULL)) >= 0);
		UNTIL(&world, recv(fd[i], question[i], len, MSG_DONTWAIT) == (ssize_t)len);
	}
	/* The second answers the first one's question, then its own, both as a reply. */
	for (size_t i = 0; i < 2; i++) {
		question[i][HELLO_LEN + 4] = SHOAL_TCP_REPLY;
		raw_send(fd[1], question[i] + HELLO_LEN, SHOAL_TCP_HEADER + 1);
	}
	UNTIL(&world, site.results.count == 1);
	assert_int_equal(last(&site.results)->exchange, 1);
	raw_send(fd[0], question[0] + HELLO_LEN, SHOAL_TCP_HEADER + 1);
	UNTIL(&world, site.results.count == 2);
	assert_int_equal(last(&site.results)->exchange, 0);
	for (size_t i = 0; i < 2; i++) {
		close(fd[i]);
		close(listener[i]);
	}
	site_close(&site);
	world_close(&world);
}

static void
an_unanswered_request_times_out_once_and_its_connection_is_not_used_again(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	acquaint(&world, &a, &b);
	b.echo = false;
	site_request(&a, &b.addr[0], 1, "silence", 7, SENT);
	UNTIL(&world, b.requests.count == 1);
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_TIMEOUT);
	assert_int_equal(last(&a.results)->exchange, 1);
	(void)site_reply(&b, last(&b.requests)->exchange, "late", 4);
	b.echo = true;
	site_request(&a, &b.addr[0], 2, "again", 5, MINUTE);
	UNTIL(&world, a.results.count == 2);
	assert_int_equal(last(&a.results)->code, 0);
	assert_int_equal(a.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 2);
	close_pair(&world, &a, &b);
}

static void
a_late_reply_harms_nobody(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	acquaint(&world, &a, &b);
	b.echo = false;
	site_request(&a, &b.addr[0], 1, "short", 5, SENT);
	site_request(&a, &b.addr[0], 2, "long", 4, MINUTE);
	UNTIL(&world, a.results.count == 1 && b.requests.count == 2);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_TIMEOUT);
	assert_int_equal(site_reply(&b, b.requests.note[0].exchange, "late", 4), 0);
	assert_int_equal(site_reply(&b, b.requests.note[1].exchange, "right", 5), 0);
	UNTIL(&world, a.results.count == 2);
	assert_string_equal(last(&a.results)->text, "right");
	assert_int_equal(a.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 0);
	close_pair(&world, &a, &b);
}

static void
a_host_that_never_answers_does_not_keep_a_connection(void **state)
{
	struct world world;
	struct site a, b;
	struct shoal_tcp *tcp;

	(void)state;
	open_pair(&world, &a, &b);
	acquaint(&world, &a, &b);
	b.echo = false;
	tcp = b.transport.self;
	tcp->patience_ns = tcp->idle_ns = SHOAL_MS(SENT);
	site_request(&a, &b.addr[0], 1, "silence", 7, MINUTE);
	UNTIL(&world, b.requests.count == 1);
	UNTIL(&world, tcp->exchanges.count == 0);
	assert_int_equal(site_reply(&b, last(&b.requests)->exchange, "x", 1), SHOAL_ERR_NOT_FOUND);
	tcp->patience_ns = tcp->idle_ns = SHOAL_MS(MINUTE); /* the next handshake may take longer */
	UNTIL(&world, b.requests.count == 2);               /* once more, on a new connection */
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 0);
	site_stop(&b);
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_CLOSED);
	close_pair(&world, &a, &b);
}

static void
a_reply_to_a_requester_that_has_gone_finds_nobody(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	b.echo = false;
	site_request(&a, &b.addr[0], 1, "bye", 3, MINUTE);
	UNTIL(&world, b.requests.count == 1);
	site_stop(&a);
	UNTIL(&world, site_reply(&b, last(&b.requests)->exchange, "", 0) == SHOAL_ERR_NOT_FOUND ||
	                      ((struct shoal_tcp *)b.transport.self)->crowd.inbound.count == 0);
	assert_int_equal(site_reply(&b, last(&b.requests)->exchange, "", 0), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(a.results.count, 0);
	close_pair(&world, &a, &b);
}

static void
a_refused_request_ends_as_such(void **state)
{
	struct world world;
	struct site site;
	struct shoal_addr dead;
	int held;

	(void)state;
	world_open(&world);
	open_site(&site, &world, "127.0.0.1:0");
	held = port_that_refuses(SOCK_STREAM, "127.0.0.1", &dead);
	assert_int_equal(site_request(&site, &dead, 1, "a", 1, MINUTE), 0);
	assert_int_equal(site_request(&site, &dead, 2, "b", 1, MINUTE), 0);
	assert_int_equal(site_stream(&site, &dead, "c", 1), 0);
	UNTIL(&world, site.results.count == 2);
	assert_int_equal(site.results.note[0].code, SHOAL_ERR_REFUSED);
	assert_int_equal(site.results.note[1].code, SHOAL_ERR_REFUSED);
	assert_true(site.counted[SHOAL_COUNTER_REFUSALS] >= 1);
	assert_int_equal(site.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 0);
	close(held);
	site_close(&site);
	world_close(&world);
}

static void
an_unreachable_address_ends_as_such(void **state)
{
	struct world world;
	struct site site;
	struct shoal_addr nowhere = at("[fe80::1]:7946"); /* link-local without an interface */

	(void)state;
	world_open(&world);
	open_site(&site, &world, "127.0.0.1:0");
	assert_int_equal(site_request(&site, &nowhere, 1, "a", 1, MINUTE), 0);
	UNTIL(&world, site.results.count == 1);
	assert_int_equal(last(&site.results)->code, SHOAL_ERR_UNREACHABLE);
	assert_int_equal(site_stream(&site, &nowhere, "nobody is told", 14), 0);
	world_rest(&world, 1);
	site_close(&site);
	world_close(&world);
}

static void
a_peer_that_closes_without_an_answer_ends_the_request(void **state)
{
	struct world world;
	struct site site;
	struct shoal_addr bound;
	int listener, fd = -1;

	(void)state;
	world_open(&world);
	open_site(&site, &world, "127.0.0.1:0");
	listener = raw_listen(&bound);
	site_request(&site, &bound, 1, "a", 1, MINUTE);
	UNTIL(&world, (fd = accept(listener, NULL, NULL)) >= 0);
	close(fd);
	UNTIL(&world, site.results.count == 1);
	assert_int_equal(last(&site.results)->code, SHOAL_ERR_CLOSED);
	assert_int_equal(site.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 1); /* not tried again */

	/* One that speaks another protocol is not waited for. */
	site_request(&site, &bound, 2, "b", 1, MINUTE);
	UNTIL(&world, (fd = accept(listener, NULL, NULL)) >= 0);
	raw_send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	UNTIL(&world, site.results.count == 2);
	assert_int_equal(last(&site.results)->code, SHOAL_ERR_CLOSED);
	assert_int_equal(site.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 1);
	close(fd);
	close(listener);
	site_close(&site);
	world_close(&world);
}

static void
a_request_that_times_out_before_it_was_sent_is_not_sent(void **state)
{
	static uint8_t large[8 * 1024 * 1024], data[65536];
	struct world world;
	struct site site;
	struct shoal_tcp *tcp;
	struct shoal_addr bound;
	int listener, fd = -1;
	size_t expected = HELLO_LEN + 2 * SHOAL_TCP_HEADER + sizeof(large) + 5, got = 0;
	uint8_t tail[5];

	(void)state;
	world_open(&world);
	make_site(&site, &world, "127.0.0.1:0");
	site.env.stream_max = 2 * sizeof(large);
	tcp = site.transport.self;
	assert_int_equal(site_start(&site), 0);
	listener = raw_listen(&bound);
	assert_int_equal(site_request(&site, &bound, 1, large, sizeof(large), 2 * SENT), 0);
	assert_int_equal(site_request(&site, &bound, 2, "never", 5, SENT), 0);
	assert_int_equal(site_stream(&site, &bound, "after", 5), 0);
	UNTIL(&world, (fd = accept(listener, NULL, NULL)) >= 0);
	UNTIL(&world, site.results.count == 2);
	assert_int_equal(site.results.note[0].code, SHOAL_ERR_TIMEOUT);
	assert_int_equal(site.results.note[1].code, SHOAL_ERR_TIMEOUT);

	/* What had begun to leave leaves whole; then the connection ends, as nobody will use it
	 * again. */
	while (got < expected) {
		ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

		if (n > 0) {
			got += (size_t)n;
			memcpy(tail, data + n - 5, 5);
		} else {
			assert_true(n < 0 && errno == EAGAIN);
			world_rest(&world, 1);
		}
	}
	assert_int_equal(got, expected);
	assert_memory_equal(tail, "after", 5);
	UNTIL(&world, raw_is_closed(fd));
	assert_int_equal(tcp->held, 0);
	close(fd);
	close(listener);
	site_close(&site);
	world_close(&world);
}

static void
requests_of_a_peer_that_wait_are_bounded(void **state)
{
	static uint8_t data[(SHOAL_TCP_UNANSWERED + 1) * SHOAL_TCP_HEADER];
	struct scene scene;
	size_t len = 0;
	int fd;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	scene.site.echo = false;
	for (uint64_t i = 0; i <= SHOAL_TCP_UNANSWERED; i++) {
		len += raw_frame(data + len, SHOAL_TCP_REQUEST, i, "", 0);
	}
	fd = dial(&scene);
	raw_send(fd, hello, HELLO_LEN);
	raw_send(fd, data, len);
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 1);
	assert_int_equal(scene.site.requests.count, SHOAL_TCP_UNANSWERED);
	assert_int_equal(scene.tcp->exchanges.count, 0);
	close(fd);
	close_scene(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        TWICE(a_request_is_answered_over_ipv4),
	        TWICE(a_request_is_answered_over_ipv6),
	        TWICE(one_way_messages_arrive_in_order),
	        TWICE(replies_may_come_in_any_order_and_only_once),
	        cmocka_unit_test(a_reply_counts_only_from_who_was_asked),
	        TWICE(an_unanswered_request_times_out_once_and_its_connection_is_not_used_again),
	        TWICE(a_late_reply_harms_nobody),
	        TWICE(a_host_that_never_answers_does_not_keep_a_connection),
	        TWICE(a_reply_to_a_requester_that_has_gone_finds_nobody),
	        TWICE(a_refused_request_ends_as_such),
	        TWICE(an_unreachable_address_ends_as_such),
	        cmocka_unit_test(a_peer_that_closes_without_an_answer_ends_the_request),
	        cmocka_unit_test(a_request_that_times_out_before_it_was_sent_is_not_sent),
	        cmocka_unit_test(requests_of_a_peer_that_wait_are_bounded),
	};

	return RUN(tests);
}
