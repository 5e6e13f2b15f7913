/* SPDX-License-Identifier: MIT */
/* What the tests of the TCP transport share: sites that ask each other, and a foreign program at
 * the other end: bare sockets that send what they like. These do not block: the kernel takes
 * connections and small writes before the transport has seen them, and the tests wait on the loop.
 * A scene is a site under attack beside a peer that wants to be served.
 *
 * TWICE(test) is a test that runs once more where all sites that make_site makes speak TLS. */
#ifndef SHOAL_TEST_TRANSPORTS_TCP_H
#define SHOAL_TEST_TRANSPORTS_TCP_H

#include "transports_port.h"

#include <errno.h>

#include "heap_fault.h"
#include "transports/tcp.h"
#include "transports_certs.h"

#define MINUTE    60000 /* ms: longer than any test waits */
#define HELLO_LEN 8

static const uint8_t hello[HELLO_LEN] = {'S', 'H', 'O', 'A', 'L', 0, 0, 0};

static inline int
raw_connect(const struct shoal_addr *to)
{
	union shoal_sockaddr name;
	socklen_t len = shoal_socket_from_addr(&name, to);
	int fd = shoal_socket_open(to, SOCK_STREAM);

	assert_true(fd >= 0);
	assert_true(connect(fd, &name.any, len) == 0 || errno == EINPROGRESS);
	return fd;
}

static inline void
raw_send(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* One frame; returns its length. */
static inline size_t
raw_frame(uint8_t *to, unsigned kind, uint64_t number, const void *data, size_t len)
{
	for (unsigned i = 0; i < 4; i++) {
		to[i] = (uint8_t)(len >> (24 - 8 * i));
	}
	to[4] = (uint8_t)kind;
	for (unsigned i = 0; i < 8; i++) {
		to[5 + i] = (uint8_t)(number >> (56 - 8 * i));
	}
	if (len > 0) {
		memcpy(to + SHOAL_TCP_HEADER, data, len);
	}
	return SHOAL_TCP_HEADER + len;
}

static inline void
raw_send_frame(int fd, unsigned kind, uint64_t number, const void *data, size_t len)
{
	uint8_t frame[512];

	assert_true(len <= sizeof(frame) - SHOAL_TCP_HEADER);
	raw_send(fd, frame, raw_frame(frame, kind, number, data, len));
}

/* A connection between them that was greeted, at rest: what follows takes no time for that. */
static inline void
acquaint(struct world *world, struct site *a, struct site *b)
{
	bool echo = b->echo;

	b->echo = true;
	assert_int_equal(site_request(a, &b->addr[0], 1000, "hello", 5, MINUTE), 0);
	UNTIL(world, a->results.count == 1);
	assert_int_equal(last(&a->results)->code, 0);
	a->results.count = b->requests.count = 0;
	b->echo = echo;
}

/* Whether the other end has closed; reads away what it sent before. */
static inline bool
raw_is_closed(int fd)
{
	uint8_t data[4096];
	ssize_t n;

	do {
		n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	} while (n > 0);
	return n == 0 || (errno != EAGAIN && errno != EINPROGRESS && errno != ENOTCONN);
}

#ifdef SHOAL_TEST_TLS
#define TCP_CERT_NAME "member.example"

static bool tcp_over_tls;
static struct certs tcp_certs;

static inline int
tcp_certs_begin(void **state)
{
	const struct certs_wish wish = {.name = "member", .dns = TCP_CERT_NAME};

	(void)state;
	certs_begin(&tcp_certs);
	certs_make(&tcp_certs, "member", &wish);
	return 0;
}

static inline int
tcp_certs_end(void **state)
{
	(void)state;
	certs_end(&tcp_certs);
	return 0;
}

static inline int
tcp_with_tls(void **state)
{
	(void)state;
	tcp_over_tls = true;
	return 0;
}

static inline int
tcp_in_clear(void **state)
{
	(void)state;
	tcp_over_tls = false;
	return 0;
}

/* The paths live in the buffers of certs_path: to be called right before start. */
static inline void
tcp_dress(struct site *site)
{
	static char ca[160], cert[160], key[160];

	if (tcp_over_tls) {
		snprintf(ca, sizeof(ca), "%s", certs_path(&tcp_certs, "ca.crt"));
		snprintf(cert, sizeof(cert), "%s", certs_path(&tcp_certs, "member.crt"));
		snprintf(key, sizeof(key), "%s", certs_path(&tcp_certs, "member.key"));
		site->env.tls = (struct shoal_transport_tls){.on = true,
		        .client_certs = true,
		        .ca = ca,
		        .cert = cert,
		        .key = key,
		        .name = TCP_CERT_NAME};
	}
}

#define TWICE(test)                                                                                \
	cmocka_unit_test(test),                                                                    \
	{                                                                                          \
#test "_over_tls", test, tcp_with_tls, tcp_in_clear, 0                             \
	}
#define RUN(tests) cmocka_run_group_tests(tests, tcp_certs_begin, tcp_certs_end)
#else
#define tcp_dress(site) ((void)(site))
#define TWICE(test)     cmocka_unit_test(test)
#define RUN(tests)      cmocka_run_group_tests(tests, NULL, NULL)
#endif

static inline void
make_site(struct site *site, struct world *world, const char *bind)
{
	struct shoal_transport transport;

	assert_int_equal(shoal_transport_tcp(&transport, NULL), 0);
	site_init(site, world, transport, bind);
	tcp_dress(site);
}

static inline void
open_site(struct site *site, struct world *world, const char *bind)
{
	make_site(site, world, bind);
	assert_int_equal(site_start(site), 0);
}

static inline void
open_pair(struct world *world, struct site *a, struct site *b)
{
	world_open(world);
	open_site(a, world, "127.0.0.1:0");
	open_site(b, world, "127.0.0.1:0");
	b->echo = true;
}

static inline void
close_pair(struct world *world, struct site *a, struct site *b)
{
	site_close(a);
	site_close(b);
	world_close(world);
}

static inline int
raw_listen(struct shoal_addr *bound)
{
	struct shoal_addr addr = at("127.0.0.1:0");
	int fd = shoal_socket_open(&addr, SOCK_STREAM);

	assert_int_equal(shoal_socket_bind(fd, &addr, bound), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

struct scene {
	struct world world;
	struct site site, good; /* attacked; a peer that wants to be served */
	struct shoal_tcp *tcp;  /* of site */
	struct heap_fault heap; /* what site allocates from */
};

static inline void
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

static inline void
close_scene(struct scene *scene)
{
	site_close(&scene->site);
	site_close(&scene->good);
	assert_int_equal(scene->heap.live, 0);
	world_close(&scene->world);
}

static inline uint64_t
count_of(const struct scene *scene, enum shoal_counter counter)
{
	return scene->site.counted[counter];
}

static inline void
expect_served(struct scene *scene)
{
	size_t n = scene->good.results.count + 1;

	assert_int_equal(
	        site_request(&scene->good, &scene->site.addr[0], n, "serve me", 8, MINUTE), 0);
	UNTIL(&scene->world, scene->good.results.count == n);
	assert_int_equal(last(&scene->good.results)->code, 0);
	assert_string_equal(last(&scene->good.results)->text, "serve me");
}

static inline int
dial(struct scene *scene)
{
	return raw_connect(&scene->site.addr[0]);
}

/* Connects, sends, and is closed and counted as abuse. */
static inline void
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

#endif
