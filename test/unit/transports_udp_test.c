/* SPDX-License-Identifier: MIT */
/* UDP on real loopback sockets: batches, ages, the address that replies leave from, refusals that
 * must not cost a healthy peer a datagram, limits, and the lack of memory. */
#include "transports_port.h"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include "base/addr.h"
#include "heap_fault.h"
#include "transports/udp.h"

static void
open_site(struct site *site, struct world *world, const char *bind)
{
	struct shoal_transport transport;

	assert_int_equal(shoal_transport_udp(&transport, NULL), 0);
	site_init(site, world, transport, bind);
	assert_int_equal(site_start(site), 0);
}

static void
a_datagram_arrives(const char *bind)
{
	struct world world;
	struct site a, b;

	world_open(&world);
	open_site(&a, &world, bind);
	open_site(&b, &world, bind);
	assert_int_equal(site_send(&a, &b.addr[0], "hello", 5), 0);
	site_flush(&a);
	UNTIL(&world, b.datagrams.count == 1);
	assert_string_equal(last(&b.datagrams)->text, "hello");
	assert_true(shoal_addr_equal(&last(&b.datagrams)->from, &a.addr[0]));
	assert_int_equal(b.batches, 1);
	assert_int_equal(site_send(&b, &a.addr[0], "", 0), 0);
	site_flush(&b);
	UNTIL(&world, a.datagrams.count == 1);
	assert_int_equal(last(&a.datagrams)->len, 0);
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

static void
a_datagram_arrives_over_ipv4(void **state)
{
	(void)state;
	a_datagram_arrives("127.0.0.1:0");
}

static void
a_datagram_arrives_over_ipv6(void **state)
{
	(void)state;
	port_needs_ipv6();
	a_datagram_arrives("[::1]:0");
}

static void
the_age_of_a_datagram_is_the_time_that_it_waited(void **state)
{
	struct world world;
	struct site a, b;
	uint64_t age = 0;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	open_site(&b, &world, "127.0.0.1:0");
	/* The kernel begins to stamp some time after the first socket asked for it. */
	for (unsigned tries = 0; age < SHOAL_MS(20); tries++) {
		assert_true(tries < 100);
		site_send(&a, &b.addr[0], "late", 4);
		site_flush(&a);
		usleep(20000);
		UNTIL(&world, b.datagrams.count == tries + 1);
		age = last(&b.datagrams)->age_ns;
		assert_true(age <= SHOAL_SEC(10));
	}
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

static void
a_thousand_datagrams_arrive_in_order_and_leave_the_timers_their_turn(void **state)
{
	struct world world;
	struct site a, b;
	char text[16];

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	open_site(&b, &world, "127.0.0.1:0");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(site_send(&a, &b.addr[0], text, strlen(text)), 0);
	}
	site_flush(&a);
	world_rest(&world, 0);
	assert_true(b.datagrams.count < 1000);
	UNTIL(&world, b.datagrams.count == 1000);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_string_equal(b.datagrams.note[i].text, text);
	}
	assert_true(b.batches >= 1000 / SHOAL_UDP_BATCH && b.batches <= 1000);
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

/* a is bound to a wildcard; b, on a loopback address, asks it by one of its addresses. */
static void
ask_by_address(struct world *world, struct site *a, const char *from, const char *ip)
{
	struct site b;
	struct shoal_addr to = with_port(ip, a->addr[0].port);
	size_t before = a->datagrams.count;

	open_site(&b, world, from);
	site_send(&b, &to, "ask", 3);
	site_flush(&b);
	UNTIL(world, a->datagrams.count == before + 1);
	site_send(a, &last(&a->datagrams)->from, "answer", 6);
	site_flush(a);
	UNTIL(world, b.datagrams.count == 1);
	assert_true(shoal_addr_equal(&last(&b.datagrams)->from, &to));
	site_close(&b);
}

static void
a_reply_leaves_from_the_address_that_was_addressed(void **state)
{
	struct world world;
	struct site v4;

	(void)state;
	world_open(&world);
	open_site(&v4, &world, "0.0.0.0:0");
	ask_by_address(&world, &v4, "127.0.0.1:0", "127.0.0.1");
	ask_by_address(&world, &v4, "127.0.0.1:0", "127.0.0.2");
	ask_by_address(&world, &v4, "127.0.0.1:0", "127.1.2.3");
	site_close(&v4);
	world_close(&world);
}

static void
a_reply_leaves_from_the_ipv6_address_that_was_addressed(void **state)
{
	struct world world;
	struct site v6;
	struct ifaddrs *list, *one;
	char ip[INET6_ADDRSTRLEN];

	(void)state;
	port_needs_ipv6();
	world_open(&world);
	open_site(&v6, &world, "[::]:0");
	assert_int_equal(getifaddrs(&list), 0);
	for (one = list; one != NULL; one = one->ifa_next) {
		const struct sockaddr_in6 *name = (const void *)one->ifa_addr;

		if (name == NULL || name->sin6_family != AF_INET6 ||
		        IN6_IS_ADDR_LINKLOCAL(&name->sin6_addr)) {
			continue;
		}
		inet_ntop(AF_INET6, &name->sin6_addr, ip, sizeof(ip));
		ask_by_address(&world, &v6, "[::1]:0", ip);
	}
	freeifaddrs(list);
	site_close(&v6);
	world_close(&world);
}

static void
a_source_address_that_is_gone_is_left_to_the_kernel(void **state)
{
	struct world world;
	struct site a, b;
	struct shoal_udp *udp;
	struct shoal_addr gone = at("203.0.113.9:1");
	const uint8_t *local;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "0.0.0.0:0");
	open_site(&b, &world, "127.0.0.1:0");
	udp = a.transport.self;
	shoal_udp_route_remember(udp, &b.addr[0], &udp->socket[0], gone.ip);
	site_send(&a, &b.addr[0], "one", 3);
	site_send(&a, &b.addr[0], "two", 3);
	site_flush(&a);
	UNTIL(&world, b.datagrams.count == 2);
	assert_string_equal(last(&b.datagrams)->text, "two");
	shoal_udp_route_find(udp, &b.addr[0], &local);
	assert_null(local);
	world_rest(&world, 1);
	assert_int_equal(a.counted[SHOAL_COUNTER_SEND_ERRORS], 0);
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

static void
of_several_addresses_the_fitting_one_sends(void **state)
{
	struct world world;
	struct site a, v4, v6;
	struct shoal_transport transport;

	(void)state;
	port_needs_ipv6();
	world_open(&world);
	open_site(&v4, &world, "127.0.0.1:0");
	open_site(&v6, &world, "[::1]:0");
	assert_int_equal(shoal_transport_udp(&transport, NULL), 0);
	site_init(&a, &world, transport, "127.0.0.1:0");
	a.bind[1] = at("[::1]:0");
	a.bind[2] = at("127.0.0.3:0");
	a.env.binds = 3;
	assert_int_equal(site_start(&a), 0);
	site_send(&a, &v4.addr[0], "four", 4);
	site_send(&a, &v6.addr[0], "six", 3);
	site_send(&a, &v4.addr[0], "again", 5);
	site_flush(&a);
	UNTIL(&world, v4.datagrams.count == 2 && v6.datagrams.count == 1);
	assert_true(shoal_addr_equal(&last(&v4.datagrams)->from, &a.addr[0]));
	assert_true(shoal_addr_equal(&last(&v6.datagrams)->from, &a.addr[1]));

	site_send(&v4, &a.addr[2], "by the third", 12);
	site_flush(&v4);
	UNTIL(&world, a.datagrams.count == 1);
	site_send(&a, &v4.addr[0], "back", 4);
	site_flush(&a);
	UNTIL(&world, v4.datagrams.count == 3);
	assert_true(shoal_addr_equal(&last(&v4.datagrams)->from, &a.addr[2]));
	site_close(&a);
	site_close(&v4);
	site_close(&v6);
	world_close(&world);
}

static void
a_refusal_is_reported(const char *ip)
{
	struct world world;
	struct site site;
	struct shoal_addr dead;
	char bind[SHOAL_ADDR_TEXT];
	int held;

	world_open(&world);
	dead = with_port(ip, 0);
	open_site(&site, &world, shoal_addr_print(&dead, bind, sizeof(bind)));
	held = port_that_refuses(SOCK_DGRAM, ip, &dead);
	site_send(&site, &dead, "anyone?", 7);
	site_flush(&site);
	UNTIL(&world, site.refusals.count == 1);
	assert_true(shoal_addr_equal(&last(&site.refusals)->from, &dead));
	assert_int_equal(site.batches, 1);
	assert_true(world_rest(&world, 50) <= 3);
	close(held);
	site_close(&site);
	world_close(&world);
}

static void
a_peer_whose_host_refuses_is_reported(void **state)
{
	(void)state;
	a_refusal_is_reported("127.0.0.1");
}

static void
a_peer_whose_host_refuses_over_ipv6_is_reported(void **state)
{
	(void)state;
	port_needs_ipv6();
	a_refusal_is_reported("::1");
}

#define LIVE   20
#define ROUNDS 100

static void
twenty_live_peers_lose_nothing_to_one_that_is_dead(void **state)
{
	struct world world;
	struct site a, live[LIVE];
	struct shoal_addr dead;
	int held;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	held = port_that_refuses(SOCK_DGRAM, "127.0.0.1", &dead);
	for (size_t i = 0; i < LIVE; i++) {
		open_site(&live[i], &world, "127.0.0.1:0");
	}
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < LIVE; i++) {
			if (i == round % LIVE || i == (round * 7) % LIVE) {
				assert_int_equal(site_send(&a, &dead, "dead", 4), 0);
			}
			if (round % 3 == 0) {
				site_flush(&a); /* the error of one batch meets the next */
			}
			assert_int_equal(site_send(&a, &live[i].addr[0], "live", 4), 0);
		}
		site_flush(&a);
		world_rest(&world, 0);
	}
	for (size_t i = 0; i < LIVE; i++) {
		UNTIL(&world, live[i].datagrams.count == ROUNDS);
	}
	UNTIL(&world, a.refusals.count > 0);
	world_rest(&world, 1);
	assert_int_equal(a.counted[SHOAL_COUNTER_SEND_ERRORS], 0);
	assert_true(world_rest(&world, 100) <= 5); /* what is drained wakes nobody */
	for (size_t i = 0; i < LIVE; i++) {
		site_close(&live[i]);
	}
	close(held);
	site_close(&a);
	world_close(&world);
}

static void
what_is_too_big_is_refused_here_and_dropped_there(void **state)
{
	static uint8_t data[65535];
	struct world world;
	struct site a, b;
	struct shoal_transport transport;

	(void)state;
	world_open(&world);
	assert_int_equal(shoal_transport_udp(&transport, NULL), 0);
	site_init(&a, &world, transport, "127.0.0.1:0");
	a.env.datagram_max = 65535;
	assert_int_equal(site_start(&a), 0);
	open_site(&b, &world, "127.0.0.1:0");
	assert_int_equal(site_send(&a, &b.addr[0], data, 65508), SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_send(&b, &a.addr[0], data, 1401), SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_send(&a, &b.addr[0], data, SHOAL_UDP_SLOT + 1), 0);
	assert_int_equal(site_send(&a, &b.addr[0], data, SHOAL_UDP_SLOT), 0);
	assert_int_equal(site_send(&a, &b.addr[0], data, 65507), 0);
	assert_int_equal(site_send(&a, &a.addr[0], data, 65507), 0);
	site_flush(&a);
	UNTIL(&world, b.counted[SHOAL_COUNTER_DROP_TOO_BIG] == 2 && b.datagrams.count == 1);
	UNTIL(&world, a.datagrams.count == 1);
	assert_int_equal(last(&b.datagrams)->len, SHOAL_UDP_SLOT);
	assert_int_equal(last(&a.datagrams)->len, 65507);
	assert_int_equal(b.logs, 1);
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

static void
what_the_kernel_drops_is_counted(void **state)
{
	uint8_t data[1000] = {0};
	struct world world;
	struct site a, b;
	struct shoal_udp *udp;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	open_site(&b, &world, "127.0.0.1:0");
	udp = b.transport.self;
	assert_true(shoal_socket_set(udp->socket[0].fd, SOL_SOCKET, SO_RCVBUF, 8192));
	for (unsigned i = 0; i < 200; i++) {
		site_send(&a, &b.addr[0], data, sizeof(data));
	}
	site_flush(&a);
	UNTIL(&world, b.datagrams.count > 0);
	world_rest(&world, 1);
	assert_true(b.datagrams.count < 200);
	site_send(&a, &b.addr[0], data, 1); /* brings the number of those before it */
	site_flush(&a);
	UNTIL(&world, b.datagrams.count + b.counted[SHOAL_COUNTER_KERNEL_DROPS] == 201);
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

static void
what_cannot_be_sent_is_counted_on_a_later_turn(void **state)
{
	struct world world;
	struct site site;
	struct shoal_addr six = at("[::1]:9"), none = at("0.0.0.0:0");

	(void)state;
	world_open(&world);
	open_site(&site, &world, "127.0.0.1:0");
	assert_int_equal(site_send(&site, &six, "x", 1), 0);
	assert_int_equal(site.counted[SHOAL_COUNTER_SEND_ERRORS], 0);
	UNTIL(&world, site.counted[SHOAL_COUNTER_SEND_ERRORS] == 1);
	assert_int_equal(site_send(&site, &none, "x", 1), 0); /* EINVAL: port 0 */
	site_flush(&site);
	assert_int_equal(site_send(&site, &site.addr[0], "to itself", 9), 0);
	site_flush(&site);
	UNTIL(&world, site.counted[SHOAL_COUNTER_SEND_ERRORS] == 2 && site.datagrams.count == 1);
	site_close(&site);
	world_close(&world);
}

static void
a_port_that_is_taken_is_named(void **state)
{
	struct world world;
	struct site a, b;
	struct shoal_transport transport;
	char bind[SHOAL_ADDR_TEXT], wanted[256];

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	shoal_addr_print(&a.addr[0], bind, sizeof(bind));
	assert_int_equal(shoal_transport_udp(&transport, NULL), 0);
	site_init(&b, &world, transport, bind);
	assert_int_equal(site_start(&b), SHOAL_ERR_IN_USE);
	snprintf(wanted, sizeof(wanted),
	        "udp %s: address already in use; choose another port or stop the program that has it",
	        bind);
	assert_string_equal(b.why, wanted);

	/* What failed can be started again. */
	b.bind[0] = at("127.0.0.1:0");
	assert_int_equal(site_start(&b), 0);
	site_close(&b);
	site_close(&a);
	world_close(&world);
}

static void
a_port_that_is_taken_in_one_family_is_free_in_the_other(void **state)
{
	struct world world;
	int code = SHOAL_ERR_IN_USE;

	(void)state;
	port_needs_ipv6();
	world_open(&world);
	/* Some other program may have it there. */
	for (unsigned tries = 0; code == SHOAL_ERR_IN_USE && tries < 20; tries++) {
		struct shoal_transport transport;
		struct site a, b;

		open_site(&a, &world, "0.0.0.0:0");
		assert_int_equal(shoal_transport_udp(&transport, NULL), 0);
		site_init(&b, &world, transport, "127.0.0.1:0");
		b.bind[0] = with_port("::", a.addr[0].port);
		code = site_start(&b);
		site_close(&b);
		site_close(&a);
	}
	assert_int_equal(code, 0);
	world_close(&world);
}

static void
an_address_that_is_not_here_is_named_and_nothing_stays_open(void **state)
{
	struct world world;
	struct site site;
	struct shoal_transport transport;
	int before, after;

	(void)state;
	world_open(&world);
	before = dup(0); /* the lowest number that is free */
	close(before);
	assert_int_equal(shoal_transport_udp(&transport, NULL), 0);
	site_init(&site, &world, transport, "127.0.0.1:0");
	site.bind[1] = at("203.0.113.7:7946");
	site.env.binds = 2;
	assert_int_equal(site_start(&site), SHOAL_ERR_INVALID);
	assert_non_null(strstr(site.why, "udp 203.0.113.7:7946: no interface"));
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	site.env.binds = 0;
	assert_int_equal(site_start(&site), SHOAL_ERR_INVALID);
	assert_string_equal(site.why, "udp: bind names no address");
	site_close(&site);
	world_close(&world);
}

static void
a_host_may_stop_in_the_middle_of_a_batch_and_start_again(void **state)
{
	struct world world;
	struct site a, b;
	struct shoal_addr addr;

	(void)state;
	world_open(&world);
	open_site(&a, &world, "127.0.0.1:0");
	open_site(&b, &world, "127.0.0.1:0");
	for (unsigned i = 0; i < 20; i++) {
		site_send(&a, &b.addr[0], "x", 1);
	}
	site_flush(&a);
	b.stop_at = 5;
	UNTIL(&world, b.stopped);
	world_rest(&world, 1);
	assert_int_equal(b.datagrams.count, 5);
	assert_int_equal(site_send(&b, &a.addr[0], "x", 1), SHOAL_ERR_STATE);
	assert_int_equal(b.transport.ops->address(b.transport.self, 0, &addr), SHOAL_ERR_STATE);

	assert_int_equal(site_start(&b), 0);
	assert_int_equal(b.transport.ops->address(b.transport.self, 1, &addr), SHOAL_ERR_INVALID);
	assert_int_equal(b.transport.ops->start(b.transport.self, &b.env, b.why, sizeof(b.why)),
	        SHOAL_ERR_STATE);
	site_send(&a, &b.addr[0], "y", 1);
	site_send(&b, &a.addr[0], "z", 1);
	site_stop(&b); /* sends what was collected */
	site_flush(&a);
	UNTIL(&world, a.datagrams.count == 1);
	assert_int_equal(b.datagrams.count, 5);
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

static int
start_and_send(const struct shoal_allocator *mem, void *arg)
{
	struct world *world = arg;
	struct site site;
	struct shoal_transport transport;
	int code = shoal_transport_udp(&transport, mem);

	if (code != 0) {
		return code;
	}
	site_init(&site, world, transport, "0.0.0.0:0");
	site.env.allocator = mem;
	code = site_start(&site);
	if (code == 0) {
		struct shoal_addr self = with_port("127.0.0.1", site.addr[0].port);

		assert_int_equal(site_send(&site, &self, "self", 4), 0);
		site_flush(&site);
		UNTIL(world, site.datagrams.count == 1);
	} else {
		assert_non_null(strstr(site.why, "udp 0.0.0.0:0: "));
	}
	site_close(&site);
	return code;
}

static void
every_allocation_may_fail(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	assert_true(heap_fault_sweep(start_and_send, &world) >= 6);
	world_close(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_datagram_arrives_over_ipv4),
	        cmocka_unit_test(a_datagram_arrives_over_ipv6),
	        cmocka_unit_test(the_age_of_a_datagram_is_the_time_that_it_waited),
	        cmocka_unit_test(
	                a_thousand_datagrams_arrive_in_order_and_leave_the_timers_their_turn),
	        cmocka_unit_test(a_reply_leaves_from_the_address_that_was_addressed),
	        cmocka_unit_test(a_reply_leaves_from_the_ipv6_address_that_was_addressed),
	        cmocka_unit_test(a_source_address_that_is_gone_is_left_to_the_kernel),
	        cmocka_unit_test(of_several_addresses_the_fitting_one_sends),
	        cmocka_unit_test(a_peer_whose_host_refuses_is_reported),
	        cmocka_unit_test(a_peer_whose_host_refuses_over_ipv6_is_reported),
	        cmocka_unit_test(twenty_live_peers_lose_nothing_to_one_that_is_dead),
	        cmocka_unit_test(what_is_too_big_is_refused_here_and_dropped_there),
	        cmocka_unit_test(what_the_kernel_drops_is_counted),
	        cmocka_unit_test(what_cannot_be_sent_is_counted_on_a_later_turn),
	        cmocka_unit_test(a_port_that_is_taken_is_named),
	        cmocka_unit_test(a_port_that_is_taken_in_one_family_is_free_in_the_other),
	        cmocka_unit_test(an_address_that_is_not_here_is_named_and_nothing_stays_open),
	        cmocka_unit_test(a_host_may_stop_in_the_middle_of_a_batch_and_start_again),
	        cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
