/* SPDX-License-Identifier: MIT */
/* Bytes become frames, in whatever pieces and sizes they come; what is no frame ends its
 * connection, and a length buys no memory. */
#include "transports_tcp.h"

static void
large_messages_go_both_ways(void **state)
{
	size_t len = 8 * 1024 * 1024 + 7;
	uint8_t *data = malloc(len);
	uint64_t seed = 1;
	struct world world;
	struct site a, b;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		data[i] = (uint8_t)unit_random(&seed);
	}
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
	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)unit_random(&seed);
	}
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
	UNTIL(&scene.world, scene.tcp->crowd.inbound.count == 0);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), 0);
	close_scene(&scene);
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
	for (unsigned kind = 0; kind < 256; kind += kind == 5 ? 250 : 1) {
		size_t len = raw_frame(data + HELLO_LEN, kind, 1, "x", 1);

		if (kind != SHOAL_TCP_REQUEST && kind != SHOAL_TCP_ONE_WAY &&
		        kind != SHOAL_TCP_WATCH) {
			expect_abuse(&scene, data, HELLO_LEN + len);
		}
	}

	/* A scanner that looks whether the port is open. */
	fd = dial(&scene);
	UNTIL(&scene.world, scene.tcp->crowd.inbound.count == 1);
	close(fd);
	UNTIL(&scene.world, scene.tcp->crowd.inbound.count == 0);
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 9);
	expect_served(&scene);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN), 10);
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
	UNTIL(&scene.world, scene.tcp->crowd.inbound.count == 1 + COUNT_OF(fd));
	world_rest(&scene.world, 1);
	UNTIL(&scene.world, scene.tcp->held > 0);
	world_rest(&scene.world, 1);
	assert_true(scene.tcp->held <= COUNT_OF(fd) * 4096);
	assert_true(scene.heap.bytes - before <= COUNT_OF(fd) * 8192);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		close(fd[i]);
	}
	UNTIL(&scene.world, scene.tcp->crowd.inbound.count == 1);
	assert_int_equal(scene.tcp->held, 0);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), 0);
	data[HELLO_LEN + 3] = 1; /* one byte more */
	expect_abuse(&scene, data, sizeof(data));
	memset(data + HELLO_LEN, 0xff, 4);
	expect_abuse(&scene, data, sizeof(data));
	expect_served(&scene);
	close_scene(&scene);
}

/* Who sends something long shall have been heard before. */
static void
what_a_peer_sends_is_short_until_its_host_took_something(void **state)
{
	enum {
		FIRST = 100
	};
	static uint8_t long_one[FIRST + 1];
	struct scene scene;
	struct note *note;

	(void)state;
	for (int taken = 0; taken < 2; taken++) {
		open_scene(&scene, 64, MINUTE);
		scene.tcp->env.first_max = FIRST;
		scene.site.verdict = taken ? SHOAL_TRANSPORT_TAKEN : SHOAL_TRANSPORT_PASSED;
		assert_int_equal(
		        site_request(&scene.good, &scene.site.addr[0], 1, long_one, FIRST, MINUTE),
		        0);
		UNTIL(&scene.world, scene.good.results.count == 1);
		assert_int_equal(site_request(&scene.good, &scene.site.addr[0], 2, long_one,
		                         sizeof(long_one), MINUTE),
		        0);
		UNTIL(&scene.world, scene.good.results.count == 2);
		note = last(&scene.good.results);
		assert_int_equal(note->code, taken ? 0 : SHOAL_ERR_CLOSED);
		/* It is tried again on a fresh connection. */
		assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), taken ? 0 : 2);
		/* What was asked for may be long. */
		scene.good.echo = true;
		assert_int_equal(site_request(&scene.site, &scene.good.addr[0], 1, long_one,
		                         sizeof(long_one), MINUTE),
		        0);
		UNTIL(&scene.world, scene.site.results.count == 1);
		assert_int_equal(last(&scene.site.results)->code, 0);
		close_scene(&scene);
	}
}

/* What was sent before it, so that it would be taken, is lost with the connection. */
static void
what_is_long_for_a_first_message_is_not_sent_again(void **state)
{
	enum {
		FIRST = 100
	};
	static uint8_t long_one[FIRST + 1];
	char bind[SHOAL_ADDR_TEXT];

	(void)state;
	for (int is_long = 0; is_long < 2; is_long++) {
		struct scene scene;

		open_scene(&scene, 64, MINUTE);
		((struct shoal_tcp *)scene.good.transport.self)->env.first_max = FIRST;
		expect_served(&scene);
		scene.site.bind[0] = at(shoal_addr_print(&scene.site.addr[0], bind, sizeof(bind)));
		site_stop(&scene.site);
		assert_int_equal(site_start(&scene.site), 0);
		assert_int_equal(site_request(&scene.good, &scene.site.addr[0], 2, long_one,
		                         FIRST + (size_t)is_long, MINUTE),
		        0);
		UNTIL(&scene.world, scene.good.results.count == 2);
		assert_int_equal(last(&scene.good.results)->code, is_long ? SHOAL_ERR_CLOSED : 0);
		close_scene(&scene);
	}
}

static void
a_connection_on_which_nothing_is_taken_is_closed_in_time(void **state)
{
	struct scene scene;
	unsigned sent = 0;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	for (unsigned i = 0; i < 3 * SHOAL_TCP_PASSED; i++) {
		scene.site.verdict = i % 2 == 0 ? SHOAL_TRANSPORT_PASSED : SHOAL_TRANSPORT_TAKEN;
		expect_served(&scene);
	}
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), 0);
	scene.site.verdict = SHOAL_TRANSPORT_PASSED;
	while (count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == 0) {
		expect_served(&scene);
		world_rest(&scene.world, 1);
		assert_true(++sent <= SHOAL_TCP_PASSED);
	}
	assert_int_equal(sent, SHOAL_TCP_PASSED);
	close_scene(&scene);
}

static void
a_connection_that_brought_what_is_refused_is_closed_behind_the_answer(void **state)
{
	static const unsigned kinds[] = {SHOAL_TCP_REQUEST, SHOAL_TCP_ONE_WAY, SHOAL_TCP_WATCH};
	uint8_t frame[SHOAL_TCP_HEADER + 8];
	struct scene scene;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	scene.site.verdict = SHOAL_TRANSPORT_REFUSED;
	for (uint64_t i = 0; i < COUNT_OF(kinds); i++) {
		uint8_t got[64];
		size_t n = 0;
		int fd = dial(&scene);

		raw_send(fd, hello, HELLO_LEN);
		raw_send_frame(fd, kinds[i], 1, "refuse", 6);
		UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == i + 1);
		for (ssize_t more = 1; more > 0; n += (size_t)more) {
			more = recv(fd, got + n, sizeof(got) - n, 0);
			assert_true(more >= 0);
			if (more == 0) {
				break;
			}
		}
		size_t len = raw_frame(frame, SHOAL_TCP_REPLY, 1, "refuse", 6);
		assert_int_equal(n, kinds[i] == SHOAL_TCP_ONE_WAY ? 0 : len);
		assert_memory_equal(got, frame, n);
		close(fd);
	}
	/* An answer, too. */
	scene.good.echo = true;
	assert_int_equal(site_request(&scene.site, &scene.good.addr[0], 1, "refuse", 6, MINUTE), 0);
	UNTIL(&scene.world,
	        count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED) == COUNT_OF(kinds) + 1);
	assert_int_equal(scene.site.results.count, 1);
	assert_int_equal(scene.tcp->crowd.outbound.count, 0);
	scene.site.verdict = SHOAL_TRANSPORT_PASSED;
	expect_served(&scene);
	expect_served(&scene);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), COUNT_OF(kinds) + 1);
	close_scene(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        TWICE(large_messages_go_both_ways),
	        TWICE(a_message_of_any_length_arrives),
	        cmocka_unit_test(frames_arrive_in_any_pieces),
	        cmocka_unit_test(a_wrong_first_byte_ends_a_connection),
	        cmocka_unit_test(a_length_above_the_limit_is_refused_and_one_below_buys_nothing),
	        cmocka_unit_test(what_a_peer_sends_is_short_until_its_host_took_something),
	        cmocka_unit_test(what_is_long_for_a_first_message_is_not_sent_again),
	        cmocka_unit_test(a_connection_on_which_nothing_is_taken_is_closed_in_time),
	        cmocka_unit_test(
	                a_connection_that_brought_what_is_refused_is_closed_behind_the_answer),
	};

	return RUN(tests);
}
