/* SPDX-License-Identifier: MIT */
/* Floods and crowds: who is served, who is displaced, who is refused, and who holds the memory. */
#include "transports_tcp.h"

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
		if (len > 0) {
			raw_send(fd[i], data, len);
		}
		if (i % 100 == 50) {
			expect_served(&scene);
		}
	}
	expect_served(&scene);
	/* The good one is closed with the idle ones where these came last, and comes back. */
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN) >= FLOOD);
	expect_served(&scene);
	world_rest(&scene.world, 1);
	assert_true(scene.tcp->crowd.inbound.count <= 64);
	refused = count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	abused = count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED);
	assert_true(refused + abused + 64 >= FLOOD);
	for (size_t i = 0; i < FLOOD; i++) {
		close(fd[i]);
	}
	UNTIL(&scene.world, scene.tcp->crowd.inbound.count <= 1);
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
		if (i % 100 == 50) {
			expect_served(&scene);
		}
	}
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN) >= FLOOD);
	expect_served(&scene);
	assert_true(scene.tcp->crowd.inbound.count <= 64);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_ABUSED), 0);
	for (size_t i = 0; i < FLOOD; i++) {
		close(fd[i]);
	}
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
		UNTIL(&scene.world, scene.tcp->crowd.inbound.count == i + 1);
	}
	raw_send(fd[0], hello, 1);
	raw_send(fd[1], hello, HELLO_LEN);
	world_rest(&scene.world, 1);
	UNTIL(&scene.world,
	        shoal_list_first(&scene.tcp->crowd.inbound.phase[SHOAL_TCP_IDLE]) != NULL);
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
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		assert_int_equal(
		        site_reply(&scene.site, scene.site.requests.note[i].exchange, "", 0), 0);
	}
	scene.site.echo = true;
	expect_served(&scene);
	assert_int_equal(scene.tcp->crowd.inbound.count, 12);
	assert_int_equal(count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED), 1);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		close(fd[i]);
	}
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
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		close(fd[i]);
	}
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
		struct shoal_crowd_source *first = shoal_crowd_admit(&scene.tcp->crowd, &a);
		struct shoal_crowd_source *second = shoal_crowd_admit(&scene.tcp->crowd, &b);

		assert_non_null(first);
		assert_non_null(second);
		assert_int_equal(first == second, is_same);
		shoal_crowd_drop(&scene.tcp->crowd, first);
		if (!is_same) {
			shoal_crowd_drop(&scene.tcp->crowd, second);
		}
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
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(site_request(&scene.site, &peer[i].addr[0], i, "x", 1, MINUTE), 0);
	}
	assert_int_equal(
	        site_request(&scene.site, &peer[3].addr[0], 3, "x", 1, MINUTE), SHOAL_ERR_LIMIT);
	assert_int_equal(site_stream(&scene.site, &peer[3].addr[0], "x", 1), SHOAL_ERR_LIMIT);
	UNTIL(&scene.world, peer[0].requests.count == 1);
	assert_int_equal(site_reply(&peer[0], last(&peer[0].requests)->exchange, "y", 1), 0);
	UNTIL(&scene.world, scene.site.results.count == 1);
	assert_int_equal(site_request(&scene.site, &peer[3].addr[0], 3, "x", 1, MINUTE), 0);
	UNTIL(&scene.world, peer[3].requests.count == 1);
	for (size_t i = 0; i < COUNT_OF(peer); i++) {
		site_close(&peer[i]);
	}
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
	UNTIL(&scene.world, scene.tcp->crowd.inbound.count == 2 && scene.tcp->held >= 240000);
	scene.tcp->held_max = scene.tcp->held;

	/* One that would hold more than anyone gets nothing; one that wants little displaces the
	 * largest. */
	assert_false(shoal_tcp_limits_hold(scene.tcp, NULL, 512 * 1024));
	assert_int_equal(scene.tcp->crowd.inbound.count, 2);
	expect_served(&scene);
	UNTIL(&scene.world, raw_is_closed(large));
	assert_false(raw_is_closed(small));
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED) == 1);
	close(small);
	close(large);
	close_scene(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_flood_of_silent_or_garbage_connections_stops_no_good_request),
	        cmocka_unit_test(a_flood_of_idle_connections_stops_no_good_request),
	        cmocka_unit_test(the_silent_go_in_the_order_in_which_they_came),
	        cmocka_unit_test(who_waits_for_an_answer_is_not_displaced),
	        cmocka_unit_test(a_source_whose_connections_are_all_busy_gets_no_more),
	        cmocka_unit_test(a_source_is_an_ipv4_address_or_an_ipv6_network),
	        cmocka_unit_test(dialling_out_is_bounded_by_what_is_under_way),
	        cmocka_unit_test(who_holds_most_memory_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
