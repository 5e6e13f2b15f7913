/* SPDX-License-Identifier: MIT */
/* Watch links over TCP: what they carry, how each end hears of the other's, what keeps them, and
 * what a stranger may do with them. */
#include "transports_links.h"
#include "transports_tcp.h"

#include <netinet/tcp.h>

#define OVER_A_PAIR(what)                                                                          \
	static void over_tcp_##what(void **state)                                                  \
	{                                                                                          \
		struct world world;                                                                \
		struct site a, b;                                                                  \
                                                                                                   \
		(void)state;                                                                       \
		open_pair(&world, &a, &b);                                                         \
		what(&world, &a, &b);                                                              \
		close_pair(&world, &a, &b);                                                        \
	}

OVER_A_PAIR(links_carry_what_is_told)
OVER_A_PAIR(links_end_for_the_watched_when_the_watcher_ends_them)
OVER_A_PAIR(links_end_for_the_watcher_when_the_watched_drops_them)
OVER_A_PAIR(links_end_for_the_watcher_when_the_watched_stops)
OVER_A_PAIR(links_end_for_the_watched_when_the_watcher_stops)
OVER_A_PAIR(links_that_nobody_answers_end_with_the_time)
OVER_A_PAIR(links_that_are_ended_before_their_answer_have_no_result)
OVER_A_PAIR(links_survive_a_stop_in_the_call)

static struct shoal_tcp_connection *
first_link(struct site *site)
{
	struct shoal_tcp *tcp = site->transport.self;
	struct shoal_list *node = shoal_list_first(&tcp->links);

	assert_non_null(node);
	return SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, in_links);
}

static int
option(const struct shoal_tcp_connection *connection, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(connection->channel.fd, level, name, &value, &len), 0);
	return value;
}

static void
a_link_is_not_closed_for_being_idle_and_other_connections_are(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	world_open(&world);
	make_site(&a, &world, "127.0.0.1:0");
	make_site(&b, &world, "127.0.0.1:0");
	a.env.idle_timeout_ms = b.env.idle_timeout_ms = 20;
	assert_int_equal(site_start(&a), 0);
	assert_int_equal(site_start(&b), 0);
	b.echo = true;
	links_open(&world, &a, &b);
	assert_int_equal(site_request(&a, &b.addr[0], 1, "x", 1, MINUTE), 0);
	UNTIL(&world, a.results.count == 2);
	struct shoal_tcp *tcp = b.transport.self;
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_IN], 2);
	UNTIL(&world, tcp->crowd.inbound.count == 1);
	world_rest(&world, 100);
	assert_int_equal(tcp->crowd.inbound.count, 1);
	assert_int_equal(a.closed.count + b.unwatched.count, 0);
	assert_int_equal(b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 0);
	close_pair(&world, &a, &b);
}

/* So much that some of it waits for a watcher that does not read; how many messages. */
static size_t
tell_until_it_waits(struct site *b, uint64_t link)
{
	static const uint8_t data[65536];
	const struct shoal_transport *by = &b->transport;
	size_t told = 0;

	while (by->ops->told(by->self, link) < 524288) {
		assert_true(told < 2000);
		assert_int_equal(by->ops->tell(by->self, link, data, sizeof(data)), 0);
		told++;
	}
	return told;
}

static void
what_the_watcher_does_not_read_is_said_to_wait(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	links_open(&world, &a, &b);
	const struct shoal_transport *by = &b.transport;
	struct shoal_tcp_connection *read = first_link(&a);
	uint64_t link = first_link(&b)->link;
	assert_int_equal(by->ops->told(by->self, link), 0);
	assert_int_equal(by->ops->told(by->self, link + 1), 0);
	(void)event_del(&read->readable);
	(void)tell_until_it_waits(&b, link);
	assert_int_equal(event_add(&read->readable, NULL), 0);
	UNTIL(&world, by->ops->told(by->self, link) == 0);
	close_pair(&world, &a, &b);
}

static void
what_was_told_before_a_link_was_ended_comes_and_then_its_end(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	uint64_t link = links_open(&world, &a, &b);
	const struct shoal_tcp *tcp = b.transport.self;
	struct shoal_tcp_connection *read = first_link(&a);
	(void)event_del(&read->readable);
	size_t told = tell_until_it_waits(&b, link);
	site_drop(&b, link);
	assert_int_equal(site_tell(&b, link, "late"), SHOAL_ERR_NOT_FOUND);
	site_drop(&b, link);
	assert_int_equal(event_add(&read->readable, NULL), 0);
	UNTIL(&world, a.closed.count == 1);
	assert_int_equal(a.streams.count, told);
	UNTIL(&world, tcp->links_in == 0);
	assert_int_equal(tcp->held, 0);
	assert_int_equal(b.unwatched.count, 0);
	assert_int_equal(b.counted[SHOAL_COUNTER_DROP_STREAMS], 0);
	close_pair(&world, &a, &b);
}

static void
who_reads_slowly_what_was_told_keeps_no_link_that_was_ended(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	uint64_t link = links_open(&world, &a, &b);
	struct shoal_tcp *tcp = b.transport.self;
	tcp->patience_ns = SHOAL_MS(300); /* once they have greeted each other */
	(void)event_del(&first_link(&a)->readable);
	(void)tell_until_it_waits(&b, link);
	site_drop(&b, link);
	/* No single frame is late. */
	first_link(&b)->output_since = shoal_socket_now() + SHOAL_SEC(3600);
	shoal_tcp_connection_settle(first_link(&b));
	UNTIL(&world, tcp->links_in == 0);
	assert_int_equal(tcp->held, 0);
	assert_true(b.counted[SHOAL_COUNTER_DROP_STREAMS] > 0);
	assert_int_equal(b.unwatched.count, 0);
	close_pair(&world, &a, &b);
}

static void
the_kernel_tries_a_silent_link_after_its_time_the_watched_later(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	links_open(&world, &a, &b);
	assert_int_equal(option(first_link(&a), SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(first_link(&b), SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(first_link(&a), IPPROTO_TCP, TCP_KEEPIDLE), 60);
	assert_int_equal(option(first_link(&b), IPPROTO_TCP, TCP_KEEPIDLE), 120);
	assert_int_equal(option(first_link(&a), IPPROTO_TCP, TCP_KEEPINTVL), 10);
	assert_int_equal(option(first_link(&a), IPPROTO_TCP, TCP_KEEPCNT), 3);
	assert_int_equal(option(first_link(&a), IPPROTO_TCP, TCP_USER_TIMEOUT), 90000);
	assert_int_equal(option(first_link(&b), IPPROTO_TCP, TCP_USER_TIMEOUT), 150000);
	close_pair(&world, &a, &b);
}

static void
a_time_above_what_the_kernel_takes_is_cut_to_it(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	world_open(&world);
	make_site(&a, &world, "127.0.0.1:0");
	make_site(&b, &world, "127.0.0.1:0");
	a.env.link_idle_ms = 86400000;
	b.env.link_idle_ms = 1000;
	b.env.exchange_timeout_ms = 2000;
	assert_int_equal(site_start(&a), 0);
	assert_int_equal(site_start(&b), 0);
	b.echo = true;
	links_open(&world, &a, &b);
	assert_int_equal(option(first_link(&a), IPPROTO_TCP, TCP_KEEPIDLE), 32767);
	assert_int_equal(option(first_link(&b), IPPROTO_TCP, TCP_KEEPIDLE), 2);
	assert_int_equal(option(first_link(&b), IPPROTO_TCP, TCP_KEEPINTVL), 1);
	close_pair(&world, &a, &b);
	world_open(&world);
	make_site(&a, &world, "127.0.0.1:0");
	a.env.link_idle_ms = 999;
	assert_int_equal(site_start(&a), SHOAL_ERR_INVALID);
	assert_non_null(strstr(a.why, "link_idle_ms"));
	site_close(&a);
	world_close(&world);
}

static void
a_fresh_request_has_a_connection_of_its_own_that_ends_with_it(void **state)
{
	struct world world;
	struct site a, b;

	(void)state;
	open_pair(&world, &a, &b);
	struct shoal_tcp *tcp = a.transport.self;
	const struct shoal_transport_ops *ops = a.transport.ops;
	const uint8_t data[] = "fresh";
	assert_int_equal(site_request(&a, &b.addr[0], 1, "x", 1, MINUTE), 0);
	UNTIL(&world, a.results.count == 1);
	for (uint64_t i = 2; i < 4; i++) {
		assert_int_equal(ops->fresh(tcp, &b.addr[0], i, data, 5, SHOAL_MS(MINUTE)), 0);
		UNTIL(&world, a.results.count == i);
		assert_string_equal(last(&a.results)->text, "fresh");
		assert_int_equal(a.counted[SHOAL_COUNTER_CONNECTIONS_OUT], i);
	}
	UNTIL(&world, tcp->crowd.outbound.count == 1);
	site_stop(&b);
	assert_int_equal(ops->fresh(tcp, &b.addr[0], 9, data, 5, SHOAL_MS(MINUTE)), 0);
	UNTIL(&world, a.results.count == 4);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_REFUSED);
	assert_int_equal(ops->fresh(tcp, &b.addr[0], 9, data, SIZE_MAX, 1), SHOAL_ERR_TOO_BIG);
	site_stop(&a);
	assert_int_equal(ops->fresh(tcp, &b.addr[0], 9, data, 5, 1), SHOAL_ERR_STATE);
	close_pair(&world, &a, &b);
}

static void
a_reset_ends_a_link_as_closed(void **state)
{
	struct world world;
	struct site a;
	struct shoal_addr addr;
	uint8_t data[256];
	ssize_t n = 0;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	int listener = raw_listen(&addr), fd = -1;
	assert_int_equal(site_watch(&a, &addr, LINK, "watch", MINUTE), 0);
	UNTIL(&world, (fd = fd >= 0 ? fd : accept(listener, NULL, NULL)) >= 0);
	UNTIL(&world, (n = recv(fd, data, sizeof(data), MSG_DONTWAIT | MSG_PEEK)) ==
	                      HELLO_LEN + SHOAL_TCP_HEADER + 5);
	n = recv(fd, data, sizeof(data), 0);
	assert_memory_equal(data, hello, HELLO_LEN);
	assert_int_equal(data[HELLO_LEN + 4], SHOAL_TCP_WATCH);
	uint64_t wire = 0;
	for (int i = 0; i < 8; i++) {
		wire = wire << 8 | data[HELLO_LEN + 5 + i];
	}
	raw_send_frame(fd, SHOAL_TCP_REPLY, wire, "yes", 3);
	UNTIL(&world, a.results.count == 1);
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(fd);
	UNTIL(&world, a.closed.count == 1);
	assert_int_equal(last(&a.closed)->code, SHOAL_ERR_CLOSED);
	close(listener);
	site_close(&a);
	world_close(&world);
}

static void
strangers_misuse_links_in_vain(void **state)
{
	struct scene scene;
	uint8_t data[HELLO_LEN + 2 * (SHOAL_TCP_HEADER + 1)];
	static const unsigned second[] = {
	        SHOAL_TCP_WATCH, SHOAL_TCP_REQUEST, SHOAL_TCP_ONE_WAY, SHOAL_TCP_REPLY};

	(void)state;
	open_scene(&scene, 64, MINUTE);
	memcpy(data, hello, HELLO_LEN);
	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		size_t len = HELLO_LEN;
		len += raw_frame(data + len, SHOAL_TCP_WATCH, 5, "w", 1);
		len += raw_frame(data + len, second[i], 6, "x", 1);
		expect_abuse(&scene, data, len);
		UNTIL(&scene.world, scene.site.unwatched.count == i + 1);
	}
	assert_int_equal(scene.tcp->links_in, 0);
	expect_served(&scene);
	close_scene(&scene);
}

static void
the_links_of_strangers_are_bounded_and_go_when_room_is_needed(void **state)
{
	struct scene scene;
	int fd[SHOAL_TCP_LINKS_MAX + 1];
	uint8_t data[HELLO_LEN + SHOAL_TCP_HEADER];

	(void)state;
	open_scene(&scene, 1024, MINUTE);
	memcpy(data, hello, HELLO_LEN);
	size_t len = HELLO_LEN + raw_frame(data + HELLO_LEN, SHOAL_TCP_WATCH, 5, "", 0);
	for (size_t i = 0; i <= SHOAL_TCP_LINKS_MAX; i++) {
		fd[i] = dial(&scene);
		raw_send(fd[i], data, len);
		UNTIL(&scene.world,
		        scene.site.watched.count +
		                        count_of(&scene, SHOAL_COUNTER_CONNECTIONS_REFUSED) ==
		                i + 1);
	}
	assert_int_equal(scene.site.watched.count, SHOAL_TCP_LINKS_MAX);
	assert_int_equal(scene.tcp->links_in, SHOAL_TCP_LINKS_MAX);
	UNTIL(&scene.world, raw_is_closed(fd[SHOAL_TCP_LINKS_MAX]));
	expect_served(&scene);
	while (shoal_crowd_evict(&scene.tcp->crowd)) {
	}
	UNTIL(&scene.world, scene.site.unwatched.count == SHOAL_TCP_LINKS_MAX);
	assert_int_equal(scene.tcp->links_in, 0);
	for (size_t i = 0; i <= SHOAL_TCP_LINKS_MAX; i++) {
		close(fd[i]);
	}
	close_scene(&scene);
}

static void
a_link_goes_after_idle_connections_and_ends_for_its_watcher_as_a_limit(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	assert_int_equal(site_watch(&scene.site, &scene.good.addr[0], LINK, "w", MINUTE), 0);
	UNTIL(&scene.world, scene.good.watched.count == 1);
	assert_int_equal(site_reply(&scene.good, last(&scene.good.watched)->exchange, "yes", 3), 0);
	UNTIL(&scene.world, scene.site.results.count == 1);
	expect_served(&scene);
	assert_true(shoal_crowd_evict(&scene.tcp->crowd)); /* the connection of the request */
	world_rest(&scene.world, 20);
	assert_int_equal(scene.site.closed.count, 0);
	assert_true(shoal_crowd_evict(&scene.tcp->crowd));
	UNTIL(&scene.world, scene.site.closed.count == 1);
	assert_int_equal(last(&scene.site.closed)->code, SHOAL_ERR_LIMIT);
	close_scene(&scene);
}

static void
no_memory_never_loses_a_result(void **state)
{
	(void)state;
	bool whole = false;
	for (size_t fail_at = 1; !whole; fail_at++) {
		struct scene scene;

		open_scene(&scene, 64, MINUTE);
		scene.good.echo = true;
		scene.heap.fail_at = scene.heap.calls + fail_at;
		int code = site_watch(&scene.site, &scene.good.addr[0], LINK, "watch", MINUTE);
		if (code == 0) {
			UNTIL(&scene.world, scene.site.results.count == 1);
			whole = last(&scene.site.results)->code == 0;
		}
		close_scene(&scene);
		assert_true(fail_at < 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        TWICE(what_the_watcher_does_not_read_is_said_to_wait),
	        TWICE(what_was_told_before_a_link_was_ended_comes_and_then_its_end),
	        TWICE(who_reads_slowly_what_was_told_keeps_no_link_that_was_ended),
	        TWICE(over_tcp_links_carry_what_is_told),
	        TWICE(over_tcp_links_end_for_the_watched_when_the_watcher_ends_them),
	        TWICE(over_tcp_links_end_for_the_watcher_when_the_watched_drops_them),
	        TWICE(over_tcp_links_end_for_the_watcher_when_the_watched_stops),
	        TWICE(over_tcp_links_end_for_the_watched_when_the_watcher_stops),
	        TWICE(over_tcp_links_that_nobody_answers_end_with_the_time),
	        TWICE(over_tcp_links_that_are_ended_before_their_answer_have_no_result),
	        TWICE(over_tcp_links_survive_a_stop_in_the_call),
	        TWICE(a_link_is_not_closed_for_being_idle_and_other_connections_are),
	        TWICE(the_kernel_tries_a_silent_link_after_its_time_the_watched_later),
	        cmocka_unit_test(a_time_above_what_the_kernel_takes_is_cut_to_it),
	        TWICE(a_fresh_request_has_a_connection_of_its_own_that_ends_with_it),
	        cmocka_unit_test(a_reset_ends_a_link_as_closed),
	        cmocka_unit_test(strangers_misuse_links_in_vain),
	        cmocka_unit_test(the_links_of_strangers_are_bounded_and_go_when_room_is_needed),
	        cmocka_unit_test(
	                a_link_goes_after_idle_connections_and_ends_for_its_watcher_as_a_limit),
	        cmocka_unit_test(no_memory_never_loses_a_result),
	};

	return RUN(tests);
}
