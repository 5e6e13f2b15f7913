/* SPDX-License-Identifier: MIT */
/* TCP as a whole: ports, stops in the middle of things, an env that makes no sense, and the lack of
 * memory, here and in libevent. */
#include "transports_tcp.h"

#include <sys/resource.h>

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

/* As those of UDP do: peers compare that with what a member advertises. */
static void
connections_come_from_the_address_that_a_site_listens_on(void **state)
{
	static const struct {
		const char *bind, *from;
	} cases[] = {{"127.0.0.2:0", "127.0.0.2"}, {"0.0.0.0:0", "127.0.0.1"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct shoal_addr from = with_port(cases[i].from, 0);
		struct world world;
		struct site a, b;

		world_open(&world);
		open_site(&a, &world, cases[i].bind);
		open_site(&b, &world, "127.0.0.1:0");
		b.echo = true;
		/* Two at once. */
		assert_int_equal(site_request(&a, &b.addr[0], 1, "x", 1, MINUTE), 0);
		assert_int_equal(site_watch(&a, &b.addr[0], 2, "watch", MINUTE), 0);
		UNTIL(&world, a.results.count == 2);
		from.port = last(&b.requests)->from.port;
		assert_true(shoal_addr_equal(&last(&b.requests)->from, &from));
		assert_int_not_equal(from.port, a.addr[0].port);
		site_close(&a);
		site_close(&b);
		world_close(&world);
	}
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
		if (stream) {
			site_stream(&a, &b.addr[0], "activity", 8);
		} else {
			site_request(&a, &b.addr[0], i, "activity", 8, MINUTE);
		}
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
	int held;

	(void)state;
	stop_in_a_call(true);
	stop_in_a_call(false);

	/* In a reply, and in the failure of one of several requests. */
	open_pair(&world, &a, &b);
	for (uint64_t i = 0; i < 10; i++) {
		site_request(&a, &b.addr[0], i, "activity", 8, MINUTE);
	}
	a.stop_at = 4;
	UNTIL(&world, a.stopped);
	world_rest(&world, 1);
	assert_int_equal(a.results.count, 4);
	held = port_that_refuses(SOCK_STREAM, "127.0.0.1", &dead);
	a.stop_at = 0;
	assert_int_equal(site_start(&a), 0);
	for (uint64_t i = 0; i < 10; i++) {
		site_request(&a, &dead, i, "activity", 8, MINUTE);
	}
	a.stop_at = a.calls + 3;
	UNTIL(&world, a.stopped);
	world_rest(&world, 1);
	assert_int_equal(a.results.count, 7);
	close(held);
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

static void
without_descriptors_accepting_rests_and_goes_on(void **state)
{
	struct rlimit limit, low;
	struct scene scene;
	int fd[4], lowest;

	(void)state;
	open_scene(&scene, 64, MINUTE);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		fd[i] = dial(&scene);
	}
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
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		raw_send(fd[i], hello, HELLO_LEN);
	}
	UNTIL(&scene.world, count_of(&scene, SHOAL_COUNTER_CONNECTIONS_IN) == COUNT_OF(fd));
	UNTIL(&scene.world, scene.tcp->acceptor.tired == false);
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
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		close(fd[i]);
	}
	close_scene(&scene);
}

/* One exchange, and one in a frame of several reads, between two transports that share what memory
 * there is. Short of it a request may be refused or end with an error, but every one that was taken
 * ends once, if it has got an answer at all. */
static int
start_and_ask(const struct shoal_allocator *mem, void *arg)
{
	static uint8_t large[150000];
	struct world *world = arg;
	struct shoal_transport one, two;
	struct site a, b;
	size_t taken = 0;
	int code = shoal_transport_tcp(&one, mem);

	if (code != 0) {
		return code;
	}
	code = shoal_transport_tcp(&two, mem);
	if (code != 0) {
		one.ops->free(one.self);
		return code;
	}
	site_init(&a, world, one, "127.0.0.1:0");
	site_init(&b, world, two, "127.0.0.1:0");
	a.env.allocator = b.env.allocator = mem;
	tcp_dress(&a);
	tcp_dress(&b);
	b.echo = true;
	code = site_start(&a);
	if (code == 0) {
		code = site_start(&b);
	}
	for (uint64_t i = 0; i < 3 && code == 0; i++) {
		code = site_request(&a, &b.addr[0], i, large, i == 1 ? sizeof(large) : 10, MINUTE);
		if (code != 0) {
			break;
		}
		++taken;
		UNTIL(world, a.results.count == taken || b.unanswered > 0);
		if (b.unanswered > 0) {
			code = SHOAL_ERR_NOMEM;
			break;
		}
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
	        cmocka_unit_test(a_port_that_is_taken_is_named_and_udp_may_have_it_too),
	        cmocka_unit_test(connections_come_from_the_address_that_a_site_listens_on),
	        TWICE(a_host_may_stop_in_any_of_its_calls),
	        TWICE(a_large_message_is_still_there_after_a_stop),
	        cmocka_unit_test(an_env_that_makes_no_sense_is_refused),
	        cmocka_unit_test(without_descriptors_accepting_rests_and_goes_on),
	        TWICE(every_allocation_may_fail),
	        cmocka_unit_test(libevent_may_run_out_of_memory_too),
	};

	return RUN(tests);
}
