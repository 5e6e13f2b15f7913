/* SPDX-License-Identifier: MIT */
/* TCP between transports: exchanges, connections that are kept and that turn out closed, the ends
 * of requests, stops and the lack of memory. What foreign programs do to it is in
 * transports_tcp_limits_test.c. */
#include "transports_site.h"

#include "heap_fault.h"
#include "transports_raw.h"

#define MINUTE 60000

static void
make_site(struct site *site, struct world *world, const char *bind)
{
	struct shoal_transport transport;

	assert_int_equal(shoal_transport_tcp(&transport, NULL), 0);
	site_init(site, world, transport, bind);
}

static void
open_site(struct site *site, struct world *world, const char *bind)
{
	make_site(site, world, bind);
	assert_int_equal(site_start(site), 0);
}

static void
open_pair(struct world *world, struct site *a, struct site *b)
{
	world_open(world);
	open_site(a, world, "127.0.0.1:0");
	open_site(b, world, "127.0.0.1:0");
	b->echo = true;
}

static void
close_pair(struct world *world, struct site *a, struct site *b)
{
	site_close(a);
	site_close(b);
	world_close(world);
}

static struct shoal_addr
nobody(struct world *world)
{
	struct site site;
	struct shoal_addr addr;

	open_site(&site, world, "127.0.0.1:0");
	addr = site.addr[0];
	site_close(&site);
	return addr;
}

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
a_request_is_answered_over_ipv4_and_over_ipv6(void **state)
{
	(void)state;
	a_request_is_answered("127.0.0.1:0");
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
many_exchanges_share_one_connection(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	for (uint64_t i = 0; i < 300; i++)
		assert_int_equal(site_request(&a, &b.addr[0], i, &i, sizeof(i), MINUTE), 0);
	UNTIL(&world, a.results.count == 300);
	for (uint64_t i = 0; i < 300; i++) {
		site_request(&a, &b.addr[0], 1000 + i, "again", 5, MINUTE);
		UNTIL(&world, a.results.count == 301 + i);
		assert_int_equal(last(&a.results)->exchange, 1000 + i);
		assert_int_equal(last(&a.results)->code, 0);
	}
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_IN], 1);
	assert_int_equal(a.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 1);
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
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		        site_reply(&b, b.requests.note[i].exchange, "", 0), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(site_reply(&b, b.requests.note[2].exchange, "three", 5), 0);
	UNTIL(&world, a.results.count == 3);
	close_pair(&world, &a, &b);
}

static int
raw_listen(struct shoal_addr *bound)
{
	struct shoal_addr addr = at("127.0.0.1:0");
	int fd = shoal_socket_open(&addr, SOCK_STREAM);

	assert_int_equal(shoal_socket_bind(fd, &addr, bound), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
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
large_messages_go_both_ways(void **state)
{
	size_t len = 8 * 1024 * 1024 + 7;
	uint8_t *data = malloc(len);
	uint64_t seed = 1;
	struct world world;
	struct site a, b;

	(void)state;
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)unit_random(&seed);
	world_open(&world);
	make_site(&a, &world, "127.0.0.1:0");
	make_site(&b, &world, "127.0.0.1:0");
	a.env.stream_max = b.env.stream_max = len;
	b.echo = true;
	assert_int_equal(site_start(&a), 0);
	assert_int_equal(site_start(&b), 0);
	assert_int_equal(site_request(&a, &b.addr[0], 1, data, len, MINUTE), 0);
	assert_int_equal(site_request(&a, &b.addr[0], 3, data, len, MINUTE), SHOAL_ERR_LIMIT);
	assert_int_equal(site_request(&a, &b.addr[0], 3, data, len + 1, MINUTE), SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_stream(&a, &b.addr[0], data, len + 1), SHOAL_ERR_TOO_BIG);
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->code, 0);
	assert_int_equal(last(&a.results)->len, len);
	assert_true(b.sum == sum_of(data, len));
	assert_true(a.sum == sum_of(data, len));
	assert_int_equal(site_reply(&b, 1, data, len + 1), SHOAL_ERR_TOO_BIG);
	free(data);
	close_pair(&world, &a, &b);
}

static void
a_message_of_any_length_arrives(void **state)
{
	static uint8_t data[200000];
	struct world world;
	struct site a, b;
	uint64_t seed = 7, number = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)unit_random(&seed);
	open_pair(&world, &a, &b);
	for (size_t around = 1; around < sizeof(data); around *= 2) {
		for (size_t len = around > 14 ? around - 14 : 0; len <= around + 1; len++) {
			site_request(&a, &b.addr[0], ++number, data, len, MINUTE);
			UNTIL(&world, a.results.count == number);
			assert_int_equal(last(&a.results)->code, 0);
			assert_true(a.sum == sum_of(data, len) && b.sum == a.sum);
		}
	}
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_IN], 1);
	close_pair(&world, &a, &b);
}

static void
a_connection_that_the_peer_closed_is_replaced(void **state)
{
	struct world world;
	struct site a, b;
	char bind[SHOAL_ADDR_TEXT];

	(void)state;
	open_pair(&world, &a, &b);
	site_request(&a, &b.addr[0], 1, "before", 6, MINUTE);
	UNTIL(&world, a.results.count == 1);

	/* b restarts on its port; a has not noticed when it asks again, twice. */
	b.bind[0] = at(shoal_addr_print(&b.addr[0], bind, sizeof(bind)));
	site_stop(&b);
	assert_int_equal(site_start(&b), 0);
	site_request(&a, &b.addr[0], 2, "after", 5, MINUTE);
	site_request(&a, &b.addr[0], 3, "after", 5, MINUTE);
	UNTIL(&world, a.results.count == 3);
	assert_int_equal(a.results.note[1].code, 0);
	assert_int_equal(a.results.note[2].code, 0);
	assert_int_equal(b.requests.count, 3);
	assert_int_equal(a.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 2);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_IN], 2);

	/* When it is gone for good, the second try tells. */
	site_stop(&b);
	site_request(&a, &b.addr[0], 4, "gone", 4, MINUTE);
	UNTIL(&world, a.results.count == 4);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_REFUSED);
	close_pair(&world, &a, &b);
}

static void
an_idle_connection_is_closed_and_dialled_anew(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	world_open(&world);
	make_site(&a, &world, "127.0.0.1:0");
	make_site(&b, &world, "127.0.0.1:0");
	b.env.idle_timeout_ms = 30;
	b.echo = true;
	assert_int_equal(site_start(&a), 0);
	assert_int_equal(site_start(&b), 0);
	for (uint64_t i = 1; i <= 3; i++) {
		struct shoal_tcp *tcp = b.transport.self;

		site_request(&a, &b.addr[0], i, "x", 1, MINUTE);
		UNTIL(&world, a.results.count == i);
		assert_int_equal(last(&a.results)->code, 0);
		UNTIL(&world, tcp->inbound.count == 0);
	}
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_IN], 3);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 0);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_REFUSED], 0);
	close_pair(&world, &a, &b);
}

static void
an_unanswered_request_times_out_once_and_its_connection_is_not_used_again(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	b.echo = false;
	site_request(&a, &b.addr[0], 1, "silence", 7, 30);
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
	b.echo = false;
	site_request(&a, &b.addr[0], 1, "short", 5, 30);
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
	world_open(&world);
	make_site(&a, &world, "127.0.0.1:0");
	make_site(&b, &world, "127.0.0.1:0");
	b.env.exchange_timeout_ms = b.env.idle_timeout_ms = 30;
	tcp = b.transport.self;
	assert_int_equal(site_start(&a), 0);
	assert_int_equal(site_start(&b), 0);
	site_request(&a, &b.addr[0], 1, "silence", 7, MINUTE);
	UNTIL(&world, b.requests.count == 1);
	UNTIL(&world, tcp->exchanges.count == 0);
	assert_int_equal(site_reply(&b, last(&b.requests)->exchange, "x", 1), SHOAL_ERR_NOT_FOUND);
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_CLOSED);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 0);
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
	                      ((struct shoal_tcp *)b.transport.self)->inbound.count == 0);
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

	(void)state;
	world_open(&world);
	open_site(&site, &world, "127.0.0.1:0");
	dead = nobody(&world);
	assert_int_equal(site_request(&site, &dead, 1, "a", 1, MINUTE), 0);
	assert_int_equal(site_request(&site, &dead, 2, "b", 1, MINUTE), 0);
	assert_int_equal(site_stream(&site, &dead, "c", 1), 0);
	UNTIL(&world, site.results.count == 2);
	assert_int_equal(site.results.note[0].code, SHOAL_ERR_REFUSED);
	assert_int_equal(site.results.note[1].code, SHOAL_ERR_REFUSED);
	assert_true(site.counted[SHOAL_COUNTER_REFUSALS] >= 1);
	assert_int_equal(site.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 0);
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
	assert_int_equal(site_request(&site, &bound, 1, large, sizeof(large), 60), 0);
	assert_int_equal(site_request(&site, &bound, 2, "never", 5, 30), 0);
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
a_member_can_ask_itself(void **state)
{
	struct world world;
	struct site site;

	(void)state;
	world_open(&world);
	open_site(&site, &world, "127.0.0.1:0");
	site.echo = true;
	site_request(&site, &site.addr[0], 1, "me", 2, MINUTE);
	UNTIL(&world, site.results.count == 1);
	assert_string_equal(last(&site.results)->text, "me");
	site_close(&site);
	world_close(&world);
}

static void
requests_in_flight_on_one_connection_are_bounded(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	for (uint64_t i = 0; i < SHOAL_TCP_IN_FLIGHT; i++)
		assert_int_equal(site_request(&a, &b.addr[0], i, "x", 1, MINUTE), 0);
	assert_int_equal(site_request(&a, &b.addr[0], 9999, "x", 1, MINUTE), SHOAL_ERR_LIMIT);
	UNTIL(&world, a.results.count == SHOAL_TCP_IN_FLIGHT);
	assert_int_equal(site_request(&a, &b.addr[0], 9999, "x", 1, MINUTE), 0);
	UNTIL(&world, a.results.count == SHOAL_TCP_IN_FLIGHT + 1);
	close_pair(&world, &a, &b);
}

static void
a_port_that_is_taken_is_named_and_udp_may_have_it_too(void **state)
{
	struct world world;
	struct site a, b, c;
	struct shoal_transport udp;
	char bind[SHOAL_ADDR_TEXT], wanted[256];

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	shoal_addr_print(&a.addr[0], bind, sizeof(bind));
	make_site(&b, &world, bind);
	assert_int_equal(site_start(&b), SHOAL_ERR_IN_USE);
	snprintf(wanted, sizeof(wanted),
	        "tcp %s: address already in use; choose another port or stop the program that has it",
	        bind);
	assert_string_equal(b.why, wanted);
	site_close(&b);

	assert_int_equal(shoal_transport_udp(&udp, NULL), 0);
	site_init(&c, &world, udp, bind);
	assert_int_equal(site_start(&c), 0);
	site_close(&c);
	site_close(&a);
	world_close(&world);
}

/* The site that is asked stops in one of its calls; what the host was lent is still read after
 * that. */
static void
stop_in_a_call(bool stream)
{
	struct world world;
	struct site a, b;

	open_pair(&world, &a, &b);
	for (uint64_t i = 0; i < 10; i++) {
		if (stream)
			site_stream(&a, &b.addr[0], "activity", 8);
		else
			site_request(&a, &b.addr[0], i, "activity", 8, MINUTE);
	}
	b.stop_at = 4;
	UNTIL(&world, b.stopped);
	world_rest(&world, 1);
	assert_int_equal(b.calls, 4);
	assert_int_equal(site_stream(&b, &a.addr[0], "x", 1), SHOAL_ERR_STATE);
	assert_int_equal(site_request(&b, &a.addr[0], 1, "x", 1, 1), SHOAL_ERR_STATE);
	assert_int_equal(site_reply(&b, 1, "x", 1), SHOAL_ERR_STATE);
	UNTIL(&world, stream || a.results.count == 10);
	close_pair(&world, &a, &b);
}

static void
a_host_may_stop_in_any_of_its_calls(void **state)
{
	struct world world;
	struct site a, b;
	struct shoal_addr dead;

	(void)state;
	stop_in_a_call(true);
	stop_in_a_call(false);

	/* In a reply, and in the failure of one of several requests. */
	open_pair(&world, &a, &b);
	for (uint64_t i = 0; i < 10; i++)
		site_request(&a, &b.addr[0], i, "activity", 8, MINUTE);
	a.stop_at = 4;
	UNTIL(&world, a.stopped);
	world_rest(&world, 1);
	assert_int_equal(a.results.count, 4);
	dead = nobody(&world);
	a.stop_at = 0;
	assert_int_equal(site_start(&a), 0);
	for (uint64_t i = 0; i < 10; i++)
		site_request(&a, &dead, i, "activity", 8, MINUTE);
	a.stop_at = a.calls + 3;
	UNTIL(&world, a.stopped);
	world_rest(&world, 1);
	assert_int_equal(a.results.count, 7);
	close_pair(&world, &a, &b);
}

static void
a_large_message_is_still_there_after_a_stop(void **state)
{
	static uint8_t data[500000];
	struct world world;
	struct site a, b;

	(void)state;
	memset(data, 7, sizeof(data));
	open_pair(&world, &a, &b);
	b.stop_at = 1;
	site_request(&a, &b.addr[0], 1, data, sizeof(data), MINUTE);
	UNTIL(&world, b.stopped);
	assert_true(b.sum == sum_of(data, sizeof(data)));
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_CLOSED);
	close_pair(&world, &a, &b);
}

static void
an_env_that_makes_no_sense_is_refused(void **state)
{
	struct world world;
	struct site site;

	(void)state;
	world_open(&world);
	make_site(&site, &world, "127.0.0.1:0");
	site.env.connections_max = 0;
	assert_int_equal(site_start(&site), SHOAL_ERR_INVALID);
	assert_string_equal(site.why, "tcp: connections_max is 0");
	site.env.connections_max = 1;
	site.env.stream_max = 0;
	assert_int_equal(site_start(&site), SHOAL_ERR_INVALID);
	assert_non_null(strstr(site.why, "stream_max"));
	site.env.size = 8;
	assert_int_equal(site_start(&site), SHOAL_ERR_INVALID);
	assert_non_null(strstr(site.why, "size"));
	site_close(&site);
	world_close(&world);
}

/* One exchange, and one in a frame of several reads, between two transports that share what memory
 * there is. Short of it a request may be refused or end with an error, but every one that was taken
 * ends once. */
static int
start_and_ask(const struct shoal_allocator *mem, void *arg)
{
	static uint8_t large[150000];
	struct world *world = arg;
	struct shoal_transport one, two;
	struct site a, b;
	size_t taken = 0;
	int code = shoal_transport_tcp(&one, mem);

	if (code != 0)
		return code;
	code = shoal_transport_tcp(&two, mem);
	if (code != 0) {
		one.ops->free(one.self);
		return code;
	}
	site_init(&a, world, one, "127.0.0.1:0");
	site_init(&b, world, two, "127.0.0.1:0");
	a.env.allocator = b.env.allocator = mem;
	b.echo = true;
	code = site_start(&a);
	if (code == 0)
		code = site_start(&b);
	for (uint64_t i = 0; i < 3 && code == 0; i++) {
		code = site_request(&a, &b.addr[0], i, large, i == 1 ? sizeof(large) : 10, 500);
		if (code != 0)
			break;
		++taken;
		UNTIL(world, a.results.count == taken);
		assert_int_equal(last(&a.results)->exchange, i);
		code = last(&a.results)->code != 0 ? SHOAL_ERR_NOMEM : 0;
	}
	site_close(&a);
	site_close(&b);
	return code;
}

static void
every_allocation_may_fail(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	assert_true(heap_fault_sweep_tolerant(start_and_ask, &world) >= 20);
	world_close(&world);
}

static void
start_and_ask_in(struct world *world)
{
	(void)start_and_ask(NULL, world);
}

static void
libevent_may_run_out_of_memory_too(void **state)
{
	(void)state;
	assert_true(world_sweep_libevent(start_and_ask_in) >= 40);
}

int
main(void)
{
	site_break_libevent();

	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_request_is_answered_over_ipv4_and_over_ipv6),
	        cmocka_unit_test(one_way_messages_arrive_in_order),
	        cmocka_unit_test(many_exchanges_share_one_connection),
	        cmocka_unit_test(replies_may_come_in_any_order_and_only_once),
	        cmocka_unit_test(a_reply_counts_only_from_who_was_asked),
	        cmocka_unit_test(large_messages_go_both_ways),
	        cmocka_unit_test(a_message_of_any_length_arrives),
	        cmocka_unit_test(a_connection_that_the_peer_closed_is_replaced),
	        cmocka_unit_test(an_idle_connection_is_closed_and_dialled_anew),
	        cmocka_unit_test(
	                an_unanswered_request_times_out_once_and_its_connection_is_not_used_again),
	        cmocka_unit_test(a_late_reply_harms_nobody),
	        cmocka_unit_test(a_host_that_never_answers_does_not_keep_a_connection),
	        cmocka_unit_test(a_reply_to_a_requester_that_has_gone_finds_nobody),
	        cmocka_unit_test(a_refused_request_ends_as_such),
	        cmocka_unit_test(an_unreachable_address_ends_as_such),
	        cmocka_unit_test(a_peer_that_closes_without_an_answer_ends_the_request),
	        cmocka_unit_test(a_request_that_times_out_before_it_was_sent_is_not_sent),
	        cmocka_unit_test(a_member_can_ask_itself),
	        cmocka_unit_test(requests_in_flight_on_one_connection_are_bounded),
	        cmocka_unit_test(a_port_that_is_taken_is_named_and_udp_may_have_it_too),
	        cmocka_unit_test(a_host_may_stop_in_any_of_its_calls),
	        cmocka_unit_test(a_large_message_is_still_there_after_a_stop),
	        cmocka_unit_test(an_env_that_makes_no_sense_is_refused),
	        cmocka_unit_test(every_allocation_may_fail),
	        cmocka_unit_test(libevent_may_run_out_of_memory_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
