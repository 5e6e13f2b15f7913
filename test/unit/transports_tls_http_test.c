/* SPDX-License-Identifier: MIT */
/* The HTTP transport under TLS: who asks by a certificate is told apart, and who cannot show one,
 * or shows another one, is not talked to. */
#include "transports/http.h"
#include "transports_certs.h"
#include "transports_http_end.h"

static void
open_tls(struct end *end, struct world *world, const struct certs *certs, const char *name)
{
	static char crt[8][128], key[8][128], ca[8][128];
	static unsigned next;
	unsigned i = next++ % 8;
	struct shoal_transport transport;
	char file[64];

	snprintf(file, sizeof file, "%s.crt", name);
	snprintf(crt[i], sizeof crt[i], "%s", certs_path(certs, file));
	snprintf(file, sizeof file, "%s.key", name);
	snprintf(key[i], sizeof key[i], "%s", certs_path(certs, file));
	snprintf(ca[i], sizeof ca[i], "%s", certs_path(certs, "ca.crt"));
	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end->site, world, transport, "127.0.0.1:0");
	end->site.env.web.bind = "https://127.0.0.1:0";
	end->site.env.tls = (struct shoal_transport_tls){
	        .client_certs = true, .ca = ca[i], .cert = crt[i], .key = key[i]};
	if (site_start(&end->site) != 0) {
		fail_msg("%s", end->site.why);
	}
	assert_int_equal(transport.ops->url(transport.self, end->url, sizeof end->url), 0);
	assert_int_equal(shoal_addr_from_url(&end->addr, end->url), 0);
}

static void
who_asks_is_known_by_the_certificate(void **state)
{
	const struct certs_wish one = {.name = "one", .dns = "one.example", .ip = "127.0.0.1"};
	const struct certs_wish two = {.name = "two", .dns = "two.example", .ip = "127.0.0.1"};
	struct certs certs;
	struct world world;
	struct end a, b;
	char name[256];

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "one", &one);
	certs_make(&certs, "two", &two);
	world_open(&world);
	open_tls(&a, &world, &certs, "one");
	open_tls(&b, &world, &certs, "two");
	know(&a, &b);
	assert_int_equal(site_request(&a.site, &b.addr, 1, "x", 1, MINUTE), 0);
	UNTIL(&world, b.site.requests.count == 1);
	const struct shoal_transport *by = &b.site.transport;
	uint64_t exchange = last(&b.site.requests)->exchange;
	assert_string_equal(b.site.peer, "one.example");
	/* Nothing is told right now. */
	assert_int_equal(by->ops->peer(by->self, name, sizeof name), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(site_reply(&b.site, exchange, "y", 1), 0);
	UNTIL(&world, a.site.results.count == 1);
	assert_int_equal(last(&a.site.results)->code, 0);
	/* In clear to where TLS is spoken nothing passes. */
	assert_null(strstr(told(&world, &b, "POST /message HTTP/1.1\r\n\r\n", NULL), "HTTP/"));
	assert_int_equal(b.site.streams.count, 0);
	site_close(&a.site);
	site_close(&b.site);
	world_close(&world);
	certs_end(&certs);
}

static void
another_name_or_authority_is_not_talked_to(void **state)
{
	const struct certs_wish good = {.name = "good", .ip = "127.0.0.1"};
	const struct certs_wish other = {.name = "other", .dns = "other.example"};
	struct certs certs;
	struct world world;
	struct end a, b;

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "good", &good);
	certs_make(&certs, "other", &other);
	world_open(&world);
	open_tls(&a, &world, &certs, "good");
	open_tls(&b, &world, &certs, "other");
	know(&a, &b);
	assert_int_equal(site_request(&a.site, &b.addr, 1, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 1);
	assert_int_equal(last(&a.site.results)->code, SHOAL_ERR_UNREACHABLE);
	assert_int_equal(a.site.logs, 1);
	assert_int_equal(b.site.requests.count, 0);
	UNTIL(&world, b.site.logs == 1); /* and what it was told */
	assert_non_null(strstr(b.site.log, "TLS from 127.0.0.1:"));
	assert_non_null(strstr(b.site.log, ": it refused the certificate of this side"));
	site_close(&a.site);
	/* By the name that all have, where members are dialled by address. */
	open_tls(&a, &world, &certs, "good");
	a.site.transport.ops->stop(a.site.transport.self);
	a.site.env.tls.name = "other.example";
	assert_int_equal(site_start(&a.site), 0);
	know(&a, &b);
	b.site.echo = true;
	assert_int_equal(site_request(&a.site, &b.addr, 2, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 1);
	assert_int_equal(last(&a.site.results)->code, 0);
	site_close(&a.site);
	site_close(&b.site);
	world_close(&world);
	certs_end(&certs);
}

static size_t
waiting(const struct end *end)
{
	struct shoal_http *http = end->site.transport.self;
	size_t count = 0;

	SHOAL_LIST_FOREACH (node, &http->handshakes.sources) {
		SHOAL_LIST_FOREACH (waits,
		        &SHOAL_LIST_ITEM(node, struct shoal_crowd_source, in_turn)->waiting) {
			count++;
		}
	}
	return count;
}

/* Of those that wait, how many look at whether they can write. all: as if each one's last step had
 * wanted that. */
static size_t
watching(const struct end *end, bool all)
{
	struct shoal_http *http = end->site.transport.self;
	size_t count = 0;

	SHOAL_LIST_FOREACH (node, &http->handshakes.sources) {
		SHOAL_LIST_FOREACH (waits,
		        &SHOAL_LIST_ITEM(node, struct shoal_crowd_source, in_turn)->waiting) {
			struct shoal_http_link *link =
			        SHOAL_LIST_ITEM(waits, struct shoal_http_link, channel.waits);
			if (all) {
				event_add(&link->writable, NULL);
				link->watches = true;
			}
			count += (size_t)event_pending(&link->writable, EV_WRITE, NULL) != 0;
		}
	}
	return count;
}

static void
handshakes_wait_for_their_turn_and_end_while_they_do(void **state)
{
	const struct certs_wish wish = {.name = "one", .ip = "127.0.0.1"};
	struct certs certs;
	struct world world;
	struct end a, b;
	int fd[2 * SHOAL_HANDSHAKES_A_TURN];

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "one", &wish);
	world_open(&world);
	open_tls(&a, &world, &certs, "one");
	open_tls(&b, &world, &certs, "one");
	know(&a, &b);
	b.site.echo = true;
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		fd[i] = dial_from(&b, "127.0.0.1");
		say(fd[i], "\x16\x03\x01\x01\x01");
	}
	UNTIL(&world, waiting(&b) > SHOAL_HANDSHAKES_A_TURN);
	assert_true(watching(&b, true) > SHOAL_HANDSHAKES_A_TURN);
	event_base_loop(world.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_true(waiting(&b) > 0);
	assert_int_equal(watching(&b, false), 0); /* it would be called in each turn until theirs */
	assert_int_equal(site_request(&a.site, &b.addr, 1, "x", 1, MINUTE), 0);
	UNTIL(&world, a.site.results.count == 1);
	assert_int_equal(last(&a.site.results)->code, 0);
	assert_int_equal(waiting(&b), 0);
	assert_int_equal(b.site.logs, 0);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		say(fd[i], "\x01");
	}
	UNTIL(&world, waiting(&b) > 0);
	site_stop(&b.site);
	assert_int_equal(waiting(&b), 0);
	struct shoal_http *http = b.site.transport.self;
	assert_false(event_pending(&http->handshakes.timer, EV_TIMEOUT, NULL));
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		close(fd[i]);
	}
	site_close(&a.site);
	site_close(&b.site);
	world_close(&world);
	certs_end(&certs);
}

/* A hello to a member that is bound to http://, twice: it is said once. */
static void
tls_to_where_none_is_spoken_is_said_in_the_log(void **state)
{
	struct world world;
	struct end b;

	(void)state;
	world_open(&world);
	open_end(&b, &world, "http://127.0.0.1:0", NULL);
	for (unsigned i = 0; i < 2; i++) {
		(void)told(&world, &b, "\x16\x03\x01\x01\x01", NULL);
	}
	assert_int_equal(b.site.logs, 1);
	assert_non_null(strstr(b.site.log, "it speaks TLS, and this member is bound to http://"));
	site_close(&b.site);
	world_close(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_asks_is_known_by_the_certificate),
	        cmocka_unit_test(tls_to_where_none_is_spoken_is_said_in_the_log),
	        cmocka_unit_test(handshakes_wait_for_their_turn_and_end_while_they_do),
	        cmocka_unit_test(another_name_or_authority_is_not_talked_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
