/* SPDX-License-Identifier: MIT */
/* Connections are kept, found closed, replaced, retired, and closed when they are idle, late or
 * stuck. */
#include "transports_tcp.h"

static void
many_exchanges_share_one_connection(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	for (uint64_t i = 0; i < 300; i++) {
		assert_int_equal(site_request(&a, &b.addr[0], i, &i, sizeof(i), MINUTE), 0);
	}
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
	b.env.idle_timeout_ms = 200;
	b.echo = true;
	assert_int_equal(site_start(&a), 0);
	assert_int_equal(site_start(&b), 0);
	for (uint64_t i = 1; i <= 3; i++) {
		struct shoal_tcp *tcp = b.transport.self;

		site_request(&a, &b.addr[0], i, "x", 1, MINUTE);
		UNTIL(&world, a.results.count == i);
		assert_int_equal(last(&a.results)->code, 0);
		UNTIL(&world, tcp->crowd.inbound.count == 0);
	}
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_IN], 3);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 0);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_REFUSED], 0);
	close_pair(&world, &a, &b);
}

#define SHORT 40 /* ms */

static void
who_is_silent_or_slow_is_closed(void **state)
{
	uint8_t frame[64];
	struct scene scene;
	int silent, greeting, trickle, body;
	size_t len, trickled = 0;

	(void)state;
	open_scene(&scene, 64, SHORT);
	silent = dial(&scene);
	greeting = dial(&scene);
	raw_send(greeting, hello, 5);
	trickle = dial(&scene);
	raw_send(trickle, hello, HELLO_LEN);
	body = dial(&scene);
	raw_send(body, hello, HELLO_LEN);
	len = raw_frame(frame, SHOAL_TCP_ONE_WAY, 0, "abcdefghijklmnopqrstuvwxyz", 26);
	raw_send(body, frame, len - 1);
	while (trickled < len && !raw_is_closed(trickle)) {
		(void)!send(trickle, frame + trickled++, 1, MSG_NOSIGNAL);
		world_rest(&scene.world, SHORT / 4);
	}
	assert_true(trickled < SHOAL_TCP_HEADER); /* what comes in does not buy time */
	UNTIL(&scene.world, raw_is_closed(silent) && raw_is_closed(greeting) &&
	                            raw_is_closed(trickle) && raw_is_closed(body));
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 4);
	assert_int_equal(scene.site.streams.count, 0);
	expect_served(&scene);
	close(silent);
	close(greeting);
	close(trickle);
	close(body);
	close_scene(&scene);
}

static void
who_does_not_read_its_replies_is_closed(void **state)
{
	static uint8_t large[400000];
	const int window = 16384;
	struct scene scene;
	int fd;

	(void)state;
	/* The replies below must come before the requests are too old for them, under load, too. */
	open_scene(&scene, 64, 25 * SHORT);
	scene.site.echo = false;
	fd = dial(&scene);
	/* Else the kernel's window may grow until all that waits is in it. */
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)), 0);
	raw_send(fd, hello, HELLO_LEN);
	for (uint64_t i = 0; i < 40; i++) {
		raw_send_frame(fd, SHOAL_TCP_REQUEST, i, "more", 4);
	}
	UNTIL(&scene.world, scene.site.requests.count == 40);
	for (size_t i = 0; i < 40; i++) {
		int code = site_reply(
		        &scene.site, scene.site.requests.note[i].exchange, large, sizeof(large));

		assert_true(code == 0 || code == SHOAL_ERR_LIMIT || code == SHOAL_ERR_NOT_FOUND);
		assert_true(scene.tcp->held <= scene.site.env.stream_max + sizeof(large));
	}
	/* It is closed by the timer, or within a reply by the kernel, whose time-out is the same.
	 */
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 1);
	assert_int_equal(scene.tcp->held, 0);
	scene.site.echo = true;
	expect_served(&scene);
	close(fd);
	close_scene(&scene);
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
	for (uint64_t i = 0; i < SHOAL_TCP_IN_FLIGHT; i++) {
		assert_int_equal(site_request(&a, &b.addr[0], i, "x", 1, MINUTE), 0);
	}
	assert_int_equal(site_request(&a, &b.addr[0], 9999, "x", 1, MINUTE), SHOAL_ERR_LIMIT);
	UNTIL(&world, a.results.count == SHOAL_TCP_IN_FLIGHT);
	assert_int_equal(site_request(&a, &b.addr[0], 9999, "x", 1, MINUTE), 0);
	UNTIL(&world, a.results.count == SHOAL_TCP_IN_FLIGHT + 1);
	close_pair(&world, &a, &b);
}

/* As much as the kernel takes, and half a mebibyte more. */
static void
fill(struct world *world, struct site *site, const struct shoal_addr *peer)
{
	static const uint8_t data[65536];
	const struct shoal_transport *by = &site->transport;

	for (unsigned i = 0; by->ops->waiting(by->self, peer) < 524288; i++) {
		assert_true(i < 2000);
		assert_int_equal(site_stream(site, peer, data, sizeof(data)), 0);
		world_rest(world, 1);
	}
}

static void
messages_that_a_peer_does_not_read_are_said_to_wait_and_counted_where_they_are_lost(void **state)
{
	static uint8_t data[65536];
	struct world world;
	struct site a;
	struct shoal_addr peer;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	const struct shoal_transport *by = &a.transport;
	int listener = raw_listen(&peer);
	assert_int_equal(by->ops->waiting(by->self, &peer), 0);
	fill(&world, &a, &peer);
	assert_int_equal(by->ops->waiting(by->self, &a.addr[0]), 0);
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	for (unsigned i = 0; by->ops->waiting(by->self, &peer) > 0; i++) {
		assert_true(i < 60000);
		(void)recv(fd, data, sizeof(data), MSG_DONTWAIT);
		world_rest(&world, 1);
	}
	assert_int_equal(a.counted[SHOAL_COUNTER_DROP_STREAMS], 0);
	fill(&world, &a, &peer);
	size_t left = by->ops->waiting(by->self, &peer) / (sizeof(data) + SHOAL_TCP_HEADER);
	close(fd);
	UNTIL(&world, by->ops->waiting(by->self, &peer) == 0);
	assert_true(a.counted[SHOAL_COUNTER_DROP_STREAMS] >= left);
	close(listener);
	site_close(&a);
	world_close(&world);
}

static void
what_waits_is_said_also_where_a_request_behind_it_timed_out(void **state)
{
	static const uint8_t data[65536];
	struct world world;
	struct site a;
	struct shoal_addr peer;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	const struct shoal_transport *by = &a.transport;
	int listener = raw_listen(&peer);
	fill(&world, &a, &peer);
	size_t before = by->ops->waiting(by->self, &peer);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(site_request(&a, &peer, i, "x", 1, 20), 0);
		UNTIL(&world, a.results.count == i);
		assert_int_equal(last(&a.results)->code, SHOAL_ERR_TIMEOUT);
		assert_true(by->ops->waiting(by->self, &peer) >= before);
		/* By another connection, whose kernel takes it. */
		assert_int_equal(site_stream(&a, &peer, data, sizeof(data)), 0);
		UNTIL(&world, a.counted[SHOAL_COUNTER_CONNECTIONS_OUT] == i + 1);
	}
	close(listener);
	UNTIL(&world, by->ops->waiting(by->self, &peer) == 0);
	assert_true(a.counted[SHOAL_COUNTER_DROP_STREAMS] >= before / (sizeof(data) + 100));
	site_close(&a);
	world_close(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        TWICE(many_exchanges_share_one_connection),
	        TWICE(a_connection_that_the_peer_closed_is_replaced),
	        TWICE(an_idle_connection_is_closed_and_dialled_anew),
	        cmocka_unit_test(who_is_silent_or_slow_is_closed),
	        cmocka_unit_test(who_does_not_read_its_replies_is_closed),
	        TWICE(a_member_can_ask_itself),
	        TWICE(requests_in_flight_on_one_connection_are_bounded),
	        cmocka_unit_test(
	                messages_that_a_peer_does_not_read_are_said_to_wait_and_counted_where_they_are_lost),
	        cmocka_unit_test(what_waits_is_said_also_where_a_request_behind_it_timed_out),
	};

	return RUN(tests);
}
