/* SPDX-License-Identifier: MIT */
/* What strangers do to the TCP transport: garbage, silence, slowness, floods, lengths that are not
 * true. It keeps serving, closes them, counts them, and buys no memory for what did not arrive. */
#include "transports_site.h"

#include <sys/resource.h>

#include "heap_fault.h"
#include "transports_raw.h"

#define MINUTE 60000
#define SHORT  40 /* ms */

struct scene {
	struct world world;
	struct site site, good; /* attacked; a peer that wants to be served */
	struct shoal_tcp *tcp;  /* of site */
	struct heap_fault heap; /* what site allocates from */
};

static void
open_scene(struct scene *scene, uint32_t connections_max, uint32_t timeout_ms)
{
	struct shoal_transport transport;

	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world);
	heap_fault_init(&scene->heap);
	assert_int_equal(shoal_transport_tcp(&transport, &scene->heap.mem), 0);
	site_init(&scene->site, &scene->world, transport, "127.0.0.1:0");
	scene->site.env.allocator = &scene->heap.mem;
	scene->site.env.connections_max = connections_max;
	scene->site.env.exchange_timeout_ms = timeout_ms;
	scene->site.echo = true;
	scene->tcp = transport.self;
	assert_int_equal(site_start(&scene->site), 0);
	assert_int_equal(shoal_transport_tcp(&transport, NULL), 0);
	site_init(&scene->good, &scene->world, transport, "127.0.0.1:0");
	assert_int_equal(site_start(&scene->good), 0);
}

static void
close_scene(struct scene *scene)
{
	site_close(&scene->site);
	site_close(&scene->good);
	assert_int_equal(scene->heap.live, 0);
	world_close(&scene->world);
}

static uint64_t
count_of(const struct scene *scene, enum shoal_counter counter)
{
	return scene->site.counted[counter];
}

static void
expect_served(struct scene *scene)
{
	size_t n = scene->good.results.count + 1;

	assert_int_equal(
	        site_request(&scene->good, &scene->site.addr[0], n, "serve me", 8, MINUTE), 0);
	UNTIL(&scene->world, scene->good.results.count == n);
	assert_int_equal(last(&scene->good.results)->code, 0);
	assert_string_equal(last(&scene->good.results)->text, "serve me");
}

static int
dial(struct scene *scene)
{
	return raw_connect(&scene->site.addr[0]);
}

/* Connects, sends, and is closed and counted as abuse. */
static void
expect_abuse(struct scene *scene, const void *data, size_t len)
{
	uint64_t before = count_of(scene, SHOAL_COUNTER_CONNECTIONS_ABUSED);
	size_t requests = scene->site.requests.count, streams = scene->site.streams.count;
	int fd = dial(scene);

	raw_send(fd, data, len);
	UNTIL(&scene->world, count_of(scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == before + 1);
	UNTIL(&scene->world, raw_is_closed(fd));
	assert_int_equal(scene->site.requests.count, requests);
	assert_int_equal(scene->site.streams.count, streams);
	close(fd);
}

static void
a_wrong_first_byte_ends_a_connection(void **state)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	uint8_t data[64];
	struct scene scene;
	int fd;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	expect_abuse(&scene, http, sizeof(http) - 1);
	expect_abuse(&scene, "x", 1);
	expect_abuse(&scene, "SHOAL\0\0\1", 8);
	expect_abuse(&scene, "SHOAL\1", 6);

	memcpy(data, hello, HELLO_LEN);
	for (unsigned kind = 0; kind < 256; kind += kind == 4 ? 251 : 1) {
		size_t len = raw_frame(data + HELLO_LEN, kind, 1, "x", 1);

		if (kind != SHOAL_TCP_REQUEST && kind != SHOAL_TCP_ONE_WAY)
			expect_abuse(&scene, data, HELLO_LEN + len);
	}

	/* A scanner that looks whether the port is open. */
	fd = dial(&scene);
	UNTIL(&scene.world, scene.tcp->inbound.count == 1);
	close(fd);
	UNTIL(&scene.world, scene.tcp->inbound.count == 0);
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 9);
	expect_served(&scene);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN), 10);
	close_scene(&scene);
}

static void
frames_arrive_in_any_pieces(void **state)
{
	uint8_t data[256];
	struct scene scene;
	size_t len = HELLO_LEN;
	int fd;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	memcpy(data, hello, HELLO_LEN);
	len += raw_frame(data + len, SHOAL_TCP_REQUEST, 5, "one", 3);
	len += raw_frame(data + len, SHOAL_TCP_ONE_WAY, 0, "", 0);
	len += raw_frame(data + len, SHOAL_TCP_ONE_WAY, 0, "three", 5);
	len += raw_frame(data + len, SHOAL_TCP_REQUEST, 6, "four", 4);
	for (size_t piece = 1; piece <= len; piece++) {
		size_t streams = scene.site.streams.count;

		fd = dial(&scene);
		for (size_t i = 0; i < len; i += piece) {
			raw_send(fd, data + i, len - i < piece ? len - i : piece);
			world_rest(&scene.world, 0);
		}
		UNTIL(&scene.world, scene.site.streams.count == streams + 2 &&
		                            scene.site.requests.count == 2 * piece);
		assert_string_equal(last(&scene.site.streams)->text, "three");
		assert_string_equal(last(&scene.site.requests)->text, "four");
		close(fd);
	}
	UNTIL(&scene.world, scene.tcp->inbound.count == 0);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), 0);
	close_scene(&scene);
}

static void
a_length_above_the_limit_is_refused_and_one_below_buys_nothing(void **state)
{
	static const uint8_t claim[] = {
	        0x00, 0x10, 0x00, 0x00, SHOAL_TCP_REQUEST, 0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t data[HELLO_LEN + sizeof(claim)];
	struct scene scene;
	size_t before;
	int fd[8];

	(void)state;
	open_scene(&scene, 64, MINUTE);
	expect_served(&scene);
	memcpy(data, hello, HELLO_LEN);
	memcpy(data + HELLO_LEN, claim, sizeof(claim)); /* 1 MiB, which is stream_max */
	before = scene.heap.bytes;
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		fd[i] = dial(&scene);
		raw_send(fd[i], data, sizeof(data));
		raw_send(fd[i], "some of it", 10);
	}
	UNTIL(&scene.world, scene.tcp->inbound.count == 1 + COUNT_OF(fd));
	world_rest(&scene.world, 1);
	UNTIL(&scene.world, scene.tcp->held > 0);
	world_rest(&scene.world, 1);
	assert_true(scene.tcp->held <= COUNT_OF(fd) * 4096);
	assert_true(scene.heap.bytes - before <= COUNT_OF(fd) * 8192);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		close(fd[i]);
	UNTIL(&scene.world, scene.tcp->inbound.count == 1);
	assert_int_equal(scene.tcp->held, 0);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), 0);
	data[HELLO_LEN + 3] = 1; /* one byte more */
	expect_abuse(&scene, data, sizeof(data));
	memset(data + HELLO_LEN, 0xff, 4);
	expect_abuse(&scene, data, sizeof(data));
	expect_served(&scene);
	close_scene(&scene);
}

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
	struct scene scene;
	int fd;

	(void)state;
	open_scene(&scene, 64, SHORT);
	scene.site.echo = false;
	fd = dial(&scene);
	raw_send(fd, hello, HELLO_LEN);
	for (uint64_t i = 0; i < 40; i++)
		raw_send_frame(fd, SHOAL_TCP_REQUEST, i, "more", 4);
	UNTIL(&scene.world, scene.site.requests.count == 40);
	for (size_t i = 0; i < 40; i++) {
		int code = site_reply(
		        &scene.site, scene.site.requests.note[i].exchange, large, sizeof(large));

		assert_true(code == 0 || code == SHOAL_ERR_LIMIT || code == SHOAL_ERR_NOT_FOUND);
		assert_true(scene.tcp->held <= scene.site.env.stream_max + sizeof(large));
	}
	assert_true(scene.tcp->held > 0);
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 1);
	assert_int_equal(scene.tcp->held, 0);
	scene.site.echo = true;
	expect_served(&scene);
	close(fd);
	close_scene(&scene);
}

#define FLOOD 500

static void
flood(const void *data, size_t len)
{
	struct scene scene;
	int fd[FLOOD];
	uint64_t refused, abused;

	open_scene(&scene, 256, MINUTE);
	for (size_t i = 0; i < FLOOD; i++) {
		fd[i] = dial(&scene);
		if (len > 0)
			raw_send(fd[i], data, len);
		if (i % 100 == 50)
			expect_served(&scene);
	}
	expect_served(&scene);
	/* The good one is closed with the idle ones where these came last, and comes back. */
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN) >= FLOOD);
	expect_served(&scene);
	world_rest(&scene.world, 1);
	assert_true(scene.tcp->inbound.count <= 64);
	refused = count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	abused = count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED);
	assert_true(refused + abused + 64 >= FLOOD);
	for (size_t i = 0; i < FLOOD; i++)
		close(fd[i]);
	UNTIL(&scene.world, scene.tcp->inbound.count <= 1);
	expect_served(&scene);
	close_scene(&scene);
}

static void
a_flood_of_silent_or_garbage_connections_stops_no_good_request(void **state)
{
	(void)state;
	flood(NULL, 0);
	flood("GET / HTTP/1.0\r\n\r\n", 18);
}

static void
a_flood_of_idle_connections_stops_no_good_request(void **state)
{
	struct scene scene;
	int fd[FLOOD];

	(void)state;
	open_scene(&scene, 256, MINUTE);
	for (size_t i = 0; i < FLOOD; i++) {
		fd[i] = dial(&scene);
		raw_send(fd[i], hello, HELLO_LEN);
		if (i % 100 == 50)
			expect_served(&scene);
	}
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN) >= FLOOD);
	expect_served(&scene);
	assert_true(scene.tcp->inbound.count <= 64);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), 0);
	for (size_t i = 0; i < FLOOD; i++)
		close(fd[i]);
	close_scene(&scene);
}

static void
the_silent_go_in_the_order_in_which_they_came(void **state)
{
	struct scene scene;
	int fd[18];

	(void)state;
	open_scene(&scene, 64, MINUTE); /* 16 of one source */
	for (size_t i = 0; i < 16; i++) {
		fd[i] = dial(&scene);
		UNTIL(&scene.world, scene.tcp->inbound.count == i + 1);
	}
	raw_send(fd[0], hello, 1);
	raw_send(fd[1], hello, HELLO_LEN);
	world_rest(&scene.world, 1);
	UNTIL(&scene.world, shoal_list_first(&scene.tcp->inbound.phase[SHOAL_TCP_IDLE]) != NULL);
	fd[16] = dial(&scene);
	UNTIL(&scene.world, raw_is_closed(fd[0]));
	fd[17] = dial(&scene);
	UNTIL(&scene.world, raw_is_closed(fd[2]));
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		assert_int_equal(raw_is_closed(fd[i]), i == 0 || i == 2);
		close(fd[i]);
	}
	close_scene(&scene);
}

static void
who_waits_for_an_answer_is_not_displaced(void **state)
{
	struct scene scene;
	int fd[12], more;

	(void)state;
	open_scene(&scene, 16, MINUTE); /* 12 of them for those who come in */
	scene.site.echo = false;
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		fd[i] = dial(&scene);
		raw_send(fd[i], hello, HELLO_LEN);
		raw_send_frame(fd[i], SHOAL_TCP_REQUEST, i, "wait", 4);
	}
	UNTIL(&scene.world, scene.site.requests.count == COUNT_OF(fd));
	more = dial(&scene);
	UNTIL(&scene.world, raw_is_closed(more));
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED), 1);
	close(more);

	/* Dialling out still works, within the whole limit; and what has been answered may go. */
	assert_int_equal(site_request(&scene.site, &scene.good.addr[0], 1, "out", 3, MINUTE), 0);
	UNTIL(&scene.world, scene.good.requests.count == 1);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		assert_int_equal(
		        site_reply(&scene.site, scene.site.requests.note[i].exchange, "", 0), 0);
	scene.site.echo = true;
	expect_served(&scene);
	assert_int_equal(scene.tcp->inbound.count, 12);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED), 1);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		close(fd[i]);
	close_scene(&scene);
}

static void
a_source_whose_connections_are_all_busy_gets_no_more(void **state)
{
	struct scene scene;
	int fd[16], more;

	(void)state;
	open_scene(&scene, 64, MINUTE); /* 16 of them for one source */
	scene.site.echo = false;
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		fd[i] = dial(&scene);
		raw_send(fd[i], hello, HELLO_LEN);
		raw_send_frame(fd[i], SHOAL_TCP_REQUEST, i, "wait", 4);
	}
	UNTIL(&scene.world, scene.site.requests.count == COUNT_OF(fd));
	more = dial(&scene);
	UNTIL(&scene.world, raw_is_closed(more));
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED), 1);
	close(more);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		close(fd[i]);
	close_scene(&scene);
}

static void
a_source_is_an_ipv4_address_or_an_ipv6_network(void **state)
{
	static const char *const same[][2] = {
	        {"1.2.3.4:1", "1.2.3.4:2"}, {"[2001:db8::1]:1", "[2001:db8::ffff:1:2:3]:2"}};
	static const char *const others[][2] = {{"1.2.3.4:1", "1.2.3.5:1"},
	        {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"}, {"[fe80::1%1]:1", "[fe80::2%1]:1"},
	        {"[fe80::1%1]:1", "[fe80::1%2]:1"}, {"[::1]:1", "127.0.0.1:1"}};
	struct scene scene;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	for (size_t i = 0; i < COUNT_OF(same) + COUNT_OF(others); i++) {
		bool is_same = i < COUNT_OF(same);
		const char *const *pair = is_same ? same[i] : others[i - COUNT_OF(same)];
		struct shoal_addr a = at(pair[0]), b = at(pair[1]);
		struct shoal_tcp_source *first = shoal_tcp_limits_admit(scene.tcp, &a);
		struct shoal_tcp_source *second = shoal_tcp_limits_admit(scene.tcp, &b);

		assert_non_null(first);
		assert_non_null(second);
		assert_int_equal(first == second, is_same);
		shoal_tcp_limits_drop(scene.tcp, first);
		if (!is_same)
			shoal_tcp_limits_drop(scene.tcp, second);
	}
	close_scene(&scene);
}

static void
dialling_out_is_bounded_by_what_is_under_way(void **state)
{
	struct scene scene;
	struct site peer[4];
	struct shoal_transport transport;

	(void)state;
	open_scene(&scene, 3, MINUTE);
	for (size_t i = 0; i < COUNT_OF(peer); i++) {
		assert_int_equal(shoal_transport_tcp(&transport, NULL), 0);
		site_init(&peer[i], &scene.world, transport, "127.0.0.1:0");
		assert_int_equal(site_start(&peer[i]), 0);
	}
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(site_request(&scene.site, &peer[i].addr[0], i, "x", 1, MINUTE), 0);
	assert_int_equal(
	        site_request(&scene.site, &peer[3].addr[0], 3, "x", 1, MINUTE), SHOAL_ERR_LIMIT);
	assert_int_equal(site_stream(&scene.site, &peer[3].addr[0], "x", 1), SHOAL_ERR_LIMIT);
	UNTIL(&scene.world, peer[0].requests.count == 1);
	assert_int_equal(site_reply(&peer[0], last(&peer[0].requests)->exchange, "y", 1), 0);
	UNTIL(&scene.world, scene.site.results.count == 1);
	assert_int_equal(site_request(&scene.site, &peer[3].addr[0], 3, "x", 1, MINUTE), 0);
	UNTIL(&scene.world, peer[3].requests.count == 1);
	for (size_t i = 0; i < COUNT_OF(peer); i++)
		site_close(&peer[i]);
	UNTIL(&scene.world, scene.site.results.count == 4);
	close_scene(&scene);
}

static void
who_holds_most_memory_goes_first(void **state)
{
	static uint8_t frame[HELLO_LEN + 300000];
	struct scene scene;
	int small, large;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	memcpy(frame, hello, HELLO_LEN);
	raw_frame(frame + HELLO_LEN, SHOAL_TCP_ONE_WAY, 0, NULL, 0);
	frame[HELLO_LEN + 1] = 8; /* 512 KiB, and they do not come */
	large = dial(&scene);
	raw_send(large, frame, 200000);
	UNTIL(&scene.world, scene.tcp->held >= 190000);
	small = dial(&scene);
	raw_send(small, frame, 50000);
	UNTIL(&scene.world, scene.tcp->inbound.count == 2 && scene.tcp->held >= 240000);
	scene.tcp->held_max = scene.tcp->held;

	/* One that would hold more than anyone gets nothing; one that wants little displaces the
	 * largest. */
	assert_false(shoal_tcp_limits_hold(scene.tcp, NULL, 512 * 1024));
	assert_int_equal(scene.tcp->inbound.count, 2);
	expect_served(&scene);
	UNTIL(&scene.world, raw_is_closed(large));
	assert_false(raw_is_closed(small));
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED) == 1);
	close(small);
	close(large);
	close_scene(&scene);
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
	for (uint64_t i = 0; i <= SHOAL_TCP_UNANSWERED; i++)
		len += raw_frame(data + len, SHOAL_TCP_REQUEST, i, "", 0);
	fd = dial(&scene);
	raw_send(fd, hello, HELLO_LEN);
	raw_send(fd, data, len);
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 1);
	assert_int_equal(scene.site.requests.count, SHOAL_TCP_UNANSWERED);
	assert_int_equal(scene.tcp->exchanges.count, 0);
	close(fd);
	close_scene(&scene);
}

static void
without_descriptors_accepting_rests_and_goes_on(void **state)
{
	struct rlimit limit, low;
	struct scene scene;
	int fd[4], lowest;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		fd[i] = dial(&scene);
	lowest = dup(fd[0]);
	assert_true(lowest > fd[3]);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	world_rest(&scene.world, 0);
	size_t turns = world_rest(&scene.world, 350);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(turns <= 12); /* one a rest, and some */
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN), 0);
	assert_int_equal(scene.site.logs, 1);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		raw_send(fd[i], hello, HELLO_LEN);
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN) == COUNT_OF(fd));
	UNTIL(&scene.world, scene.tcp->tired == false);
	expect_served(&scene);

	/* With one that is idle to close, another is served. */
	lowest = dup(fd[0]);
	close(lowest);
	low.rlim_cur = (rlim_t)lowest;
	raw_send(fd[0], "x", 1); /* half a header: busy, stays */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(site_request(&scene.site, &scene.good.addr[0], 9, "out", 3, MINUTE), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	UNTIL(&scene.world, scene.good.requests.count == 1);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		close(fd[i]);
	close_scene(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_wrong_first_byte_ends_a_connection),
	        cmocka_unit_test(frames_arrive_in_any_pieces),
	        cmocka_unit_test(a_length_above_the_limit_is_refused_and_one_below_buys_nothing),
	        cmocka_unit_test(who_is_silent_or_slow_is_closed),
	        cmocka_unit_test(who_does_not_read_its_replies_is_closed),
	        cmocka_unit_test(a_flood_of_silent_or_garbage_connections_stops_no_good_request),
	        cmocka_unit_test(a_flood_of_idle_connections_stops_no_good_request),
	        cmocka_unit_test(the_silent_go_in_the_order_in_which_they_came),
	        cmocka_unit_test(who_waits_for_an_answer_is_not_displaced),
	        cmocka_unit_test(a_source_whose_connections_are_all_busy_gets_no_more),
	        cmocka_unit_test(a_source_is_an_ipv4_address_or_an_ipv6_network),
	        cmocka_unit_test(dialling_out_is_bounded_by_what_is_under_way),
	        cmocka_unit_test(who_holds_most_memory_goes_first),
	        cmocka_unit_test(requests_of_a_peer_that_wait_are_bounded),
	        cmocka_unit_test(without_descriptors_accepting_rests_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
