/* SPDX-License-Identifier: MIT */
/* The HTTP transport between two sites, and towards clients that a test writes: what passes, what
 * is refused with which status, and that each request ends once. */
#include "transports/http.h"
#include "transports_http_end.h"

static void
open_pair(struct world *world, struct end *a, struct end *b)
{
	world_open(world);
	open_end(a, world, "http://127.0.0.1:0/a", NULL);
	open_end(b, world, "http://127.0.0.1:0", NULL);
	know(a, b);
	b->site.echo = true;
}

static void
close_pair(struct world *world, struct end *a, struct end *b)
{
	site_close(&a->site);
	site_close(&b->site);
	world_close(world);
}

static void
requests_are_answered_and_the_asker_is_known_by_its_url(void **state)
{
	struct world world;
	struct end a, b;

	(void)state;
	open_pair(&world, &a, &b);
	for (uint64_t i = 1; i <= 20; i++) {
		assert_int_equal(site_request(&a.site, &b.addr, i, "question", 8, MINUTE), 0);
	}
	UNTIL(&world, a.site.results.count == 20);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(a.site.results.note[i].code, 0);
		assert_string_equal(a.site.results.note[i].text, "question");
	}
	assert_true(shoal_addr_equal(&last(&b.site.requests)->from, &a.addr));
	/* Who was heard can be asked: nobody had to tell of it. */
	a.site.echo = true;
	assert_int_equal(site_request(&b.site, &a.addr, 5, "back", 4, MINUTE), 0);
	UNTIL(&world, b.site.results.count == 1);
	assert_int_equal(last(&b.site.results)->code, 0);
	close_pair(&world, &a, &b);
}

static void
datagrams_that_wait_go_together(void **state)
{
	struct world world;
	struct end a, b;
	char text[16];

	(void)state;
	open_pair(&world, &a, &b);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(site_send(&a.site, &b.addr, text, strlen(text)), 0);
	}
	site_flush(&a.site);
	UNTIL(&world, b.site.datagrams.count == 100);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_string_equal(b.site.datagrams.note[i].text, text);
	}
	assert_int_equal(b.site.batches, 1);
	assert_true(shoal_addr_equal(&last(&b.site.datagrams)->from, &a.addr));
	close_pair(&world, &a, &b);
}

static void
one_way_messages_arrive_in_order_and_are_counted_while_they_wait(void **state)
{
	struct world world;
	struct end a, b;
	char text[16];

	(void)state;
	open_pair(&world, &a, &b);
	const struct shoal_transport *by = &a.site.transport;
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "%03u", i);
		assert_int_equal(site_stream(&a.site, &b.addr, text, 3), 0);
	}
	assert_int_equal(by->ops->waiting(by->self, &b.addr), 600);
	UNTIL(&world, b.site.streams.count == 200);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "%03u", i);
		assert_string_equal(b.site.streams.note[i].text, text);
	}
	UNTIL(&world, by->ops->waiting(by->self, &b.addr) == 0);
	close_pair(&world, &a, &b);
}

static void
a_large_request_passes_and_a_larger_one_is_refused(void **state)
{
	static uint8_t large[1024 * 1024 + 1];
	struct world world;
	struct end a, b;
	uint64_t seed = 3;

	(void)state;
	for (size_t i = 0; i < sizeof large; i++) {
		large[i] = (uint8_t)unit_random(&seed);
	}
	open_pair(&world, &a, &b);
	assert_int_equal(
	        site_request(&a.site, &b.addr, 1, large, sizeof large, MINUTE), SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_request(&a.site, &b.addr, 1, large, sizeof large - 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 1);
	assert_int_equal(last(&a.site.results)->code, 0);
	assert_true(a.site.sum == sum_of(large, sizeof large - 1));
	b.site.transport.ops->stop(b.site.transport.self);
	b.site.env.stream_max = 1000;
	b.site.env.web.bind = b.url;
	assert_int_equal(site_start(&b.site), 0);
	assert_int_equal(site_request(&a.site, &b.addr, 2, large, 2000, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 2);
	assert_int_equal(last(&a.site.results)->code, SHOAL_ERR_TOO_BIG);
	close_pair(&world, &a, &b);
}

static void
a_request_ends_with_what_became_of_it(void **state)
{
	struct world world;
	struct end a, b, gone;

	(void)state;
	open_pair(&world, &a, &b);
	open_end(&gone, &world, "http://127.0.0.1:0", NULL);
	know(&a, &gone);
	struct shoal_addr nobody;
	assert_int_equal(shoal_addr_from_url(&nobody, "http://127.0.0.1:9/x"), 0);
	assert_int_equal(site_request(&a.site, &nobody, 1, "x", 1, MINUTE), SHOAL_ERR_UNREACHABLE);
	site_close(&gone.site);
	assert_int_equal(site_request(&a.site, &gone.addr, 2, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 1);
	assert_int_equal(last(&a.site.results)->code, SHOAL_ERR_REFUSED);
	b.site.echo = false;
	assert_int_equal(site_request(&a.site, &b.addr, 3, "x", 1, 50), 0);
	UNTIL(&world, a.site.results.count == 2);
	assert_int_equal(last(&a.site.results)->code, SHOAL_ERR_TIMEOUT);
	assert_int_equal(last(&a.site.results)->exchange, 3);
	/* The late reply finds nobody; the next request is answered. */
	uint64_t late = last(&b.site.requests)->exchange;
	UNTIL(&world, site_reply(&b.site, late, "late", 4) == SHOAL_ERR_NOT_FOUND);
	b.site.echo = true;
	assert_int_equal(site_request(&a.site, &b.addr, 4, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 3);
	assert_int_equal(last(&a.site.results)->code, 0);
	struct shoal_http *http = a.site.transport.self;
	memset(&http->said, 0, sizeof http->said); /* two peers may share a place */
	b.site.verdict = SHOAL_TRANSPORT_REFUSED;
	b.site.echo = false;
	assert_int_equal(site_request(&a.site, &b.addr, 5, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 4);
	assert_int_equal(last(&a.site.results)->code, SHOAL_ERR_UNREACHABLE);
	assert_int_equal(a.site.logs, 2);
	close_pair(&world, &a, &b);
}

/* A connection at rest that the peer closed is no failure. */
static void
a_peer_that_was_started_again_is_asked_by_a_new_connection(void **state)
{
	struct world world;
	struct end a, b;

	(void)state;
	open_pair(&world, &a, &b);
	b.site.env.web.bind = b.url;
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(site_request(&a.site, &b.addr, i, "x", 1, MINUTE), 0);
		UNTIL(&world, a.site.results.count == i);
		assert_int_equal(last(&a.site.results)->code, 0);
		b.site.transport.ops->stop(b.site.transport.self);
		assert_int_equal(site_start(&b.site), 0);
	}
	close_pair(&world, &a, &b);
}

static void
only_who_has_the_token_is_heard(void **state)
{
	struct world world;
	struct end with, without;

	(void)state;
	world_open(&world);
	open_end(&with, &world, "http://127.0.0.1:0", "secret");
	open_end(&without, &world, "http://127.0.0.1:0", NULL);
	know(&without, &with);
	know(&with, &without);
	assert_int_equal(site_request(&without.site, &with.addr, 1, "x", 1, MINUTE), 0);
	UNTIL(&world, without.site.results.count == 1);
	assert_int_equal(last(&without.site.results)->code, SHOAL_ERR_UNREACHABLE);
	assert_int_equal(with.site.requests.count, 0);
	without.site.echo = true;
	assert_int_equal(site_request(&with.site, &without.addr, 1, "x", 1, MINUTE), 0);
	UNTIL(&world, with.site.results.count == 1);
	assert_int_equal(last(&with.site.results)->code, 0);
	close_pair(&world, &with, &without);
}

static void
expect(struct world *world, const struct end *end, const char *bytes, const char *status)
{
	const char *text = told(world, end, bytes, "\r\n\r\n");

	if (strstr(text, status) != text + strlen("HTTP/1.1 ")) {
		fail_msg("\"%s\" was answered \"%s\", and not %s", bytes, text, status);
	}
}

static void
what_is_no_request_of_a_member_is_refused_with_its_status(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	world_open(&world);
	open_end(&end, &world, "http://127.0.0.1:0/g", "t");
	end.site.echo = true;
	expect(&world, &end, "POST /g/request HTTP/1.1\r\n" HEAD TYPE "Content-Length: 2\r\n\r\nhi",
	        "200");
	expect(&world, &end, "POST /g/message HTTP/1.1\r\n" HEAD TYPE "Content-Length: 2\r\n\r\nhi",
	        "204");
	expect(&world, &end,
	        "POST /g/datagrams HTTP/1.1\r\n" HEAD TYPE "Content-Length: 3\r\n\r\nxyz", "400");
	expect(&world, &end, "POST /g/other HTTP/1.1\r\n" HEAD TYPE "\r\n", "404");
	expect(&world, &end, "POST /request HTTP/1.1\r\n" HEAD TYPE "\r\n", "404");
	expect(&world, &end, "GET /g/request HTTP/1.1\r\n" HEAD TYPE "\r\n", "405");
	expect(&world, &end, "HEAD /g/request HTTP/1.1\r\n" HEAD TYPE "\r\n", "405");
	expect(&world, &end, "OPTIONS /g/request HTTP/1.1\r\n" HEAD TYPE "\r\n", "405");
	expect(&world, &end, "GET /other HTTP/1.1\r\n" HEAD TYPE "\r\n", "404");
	expect(&world, &end,
	        "POST /g/message HTTP/1.1\r\n" HEAD TYPE
	        "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",
	        "415");
	expect(&world, &end,
	        "POST /g/request HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer u\r\nShoal-From: http://c\r\n" TYPE
	        "\r\n",
	        "401");
	expect(&world, &end,
	        "POST /g/request HTTP/1.1\r\nHost: h\r\nShoal-From: http://c\r\n" TYPE "\r\n",
	        "401");
	expect(&world, &end, "POST /g/request HTTP/1.1\r\n" HEAD "\r\n", "415");
	expect(&world, &end,
	        "POST /g/request HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\nShoal-From: c\r\n" TYPE
	        "\r\n",
	        "400");
	expect(&world, &end,
	        "POST /g/request HTTP/1.1\r\n" HEAD TYPE "Content-Length: 99999999\r\n\r\n", "413");
	expect(&world, &end, "nonsense\r\n\r\n", "400");
	assert_int_equal(end.site.requests.count, 1);
	assert_int_equal(end.site.streams.count, 1);
	assert_int_equal(end.site.datagrams.count, 0);
	/* Enough refusals: the source has to wait, but not for what is allowed: others may be
	 * behind the same proxy. */
	const char *answer = "";
	for (unsigned i = 0; i < 40 && strstr(answer, " 429 ") == NULL; i++) {
		answer = told(&world, &end, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\r\n\r\n");
	}
	assert_non_null(strstr(answer, " 429 "));
	assert_non_null(strstr(answer, "\r\nRetry-After: "));
	expect(&world, &end, "POST /g/message HTTP/1.1\r\n" HEAD TYPE "Content-Length: 2\r\n\r\nhi",
	        "204");
	assert_int_equal(end.site.streams.count, 2);
	site_close(&end.site);
	world_close(&world);
}

/* It sends a byte now and then, and gets no more time for that. */
static void
who_trickles_is_cut_off(void **state)
{
	struct world world;
	struct shoal_transport transport;
	struct end end;

	(void)state;
	world_open(&world);
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end.site, &world, transport, "127.0.0.1:0");
	end.site.env.web.bind = "http://127.0.0.1:0";
	end.site.env.exchange_timeout_ms = 200;
	assert_int_equal(site_start(&end.site), 0);
	int fd = dial_from(&end, "127.0.0.1");
	say(fd, "POST /request HTTP/1.1\r\nHost:");
	char byte;
	for (unsigned i = 0; i < 4000 && recv(fd, &byte, 1, MSG_DONTWAIT) < 0; i++) {
		(void)!send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		world_rest(&world, 5);
	}
	assert_int_equal(end.site.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 1);
	close(fd);
	assert_string_equal(told(&world, &end, "", NULL), ""); /* says nothing at all */
	site_close(&end.site);
	world_close(&world);
}

/* A stop from inside any call of the host ends everything at once. */
static void
it_may_be_stopped_inside_any_call(void **state)
{
	(void)state;
	for (size_t at = 1; at <= 3; at++) {
		struct world world;
		struct end a, b;

		open_pair(&world, &a, &b);
		b.site.stop_at = at;
		site_send(&a.site, &b.addr, "x", 1);
		site_flush(&a.site);
		site_stream(&a.site, &b.addr, "x", 1);
		assert_int_equal(site_request(&a.site, &b.addr, 1, "x", 1, 2000), 0);
		UNTIL(&world, b.site.stopped);
		UNTIL(&world, a.site.results.count == 1);
		close_pair(&world, &a, &b);
	}
	for (size_t at = 1; at <= 2; at++) {
		struct world world;
		struct end a, b;

		open_pair(&world, &a, &b);
		a.site.stop_at = at;
		assert_int_equal(site_request(&a.site, &b.addr, 1, "x", 1, MINUTE), 0);
		assert_int_equal(site_request(&a.site, &b.addr, 2, "x", 1, MINUTE), 0);
		UNTIL(&world, a.site.stopped);
		close_pair(&world, &a, &b);
	}
}

static void
what_cannot_be_bound_is_said_with_what_to_do(void **state)
{
	static const struct {
		const char *bind, *words;
	} cases[] = {{"10.0.0.1:7", "neither http:// nor https://"},
	        {"http://host.example:1/x", "must be an address of this machine"},
	        {"https://127.0.0.1:0", "needs tls_cert and tls_key"},
	        {"http://192.0.2.1:0", "no interface of this machine has this address"}};
	struct shoal_transport transport;
	struct world world;
	struct site site;

	(void)state;
	world_open(&world);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(shoal_transport_http(&transport, NULL), 0);
		site_init(&site, &world, transport, "127.0.0.1:0");
		site.env.web.bind = cases[i].bind;
		assert_int_equal(site_start(&site), SHOAL_ERR_INVALID);
		if (strstr(site.why, cases[i].words) == NULL) {
			fail_msg("\"%s\" has no \"%s\"", site.why, cases[i].words);
		}
		site_close(&site);
	}
	world_close(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(requests_are_answered_and_the_asker_is_known_by_its_url),
	        cmocka_unit_test(datagrams_that_wait_go_together),
	        cmocka_unit_test(one_way_messages_arrive_in_order_and_are_counted_while_they_wait),
	        cmocka_unit_test(a_large_request_passes_and_a_larger_one_is_refused),
	        cmocka_unit_test(a_request_ends_with_what_became_of_it),
	        cmocka_unit_test(a_peer_that_was_started_again_is_asked_by_a_new_connection),
	        cmocka_unit_test(only_who_has_the_token_is_heard),
	        cmocka_unit_test(what_is_no_request_of_a_member_is_refused_with_its_status),
	        cmocka_unit_test(who_trickles_is_cut_off),
	        cmocka_unit_test(it_may_be_stopped_inside_any_call),
	        cmocka_unit_test(what_cannot_be_bound_is_said_with_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
