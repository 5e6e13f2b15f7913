/* SPDX-License-Identifier: MIT */
/* Connections that the application makes: an overlay of socket pairs inside of this process,
 * without a socket of the kernel's network, and functions that give what they should not. */
#include "transports_overlay.h"
#include "transports_tcp.h"

static void
make(struct site *site, struct world *world, struct overlay *overlay, struct exit *exit)
{
	make_site(site, world, "127.0.0.1:7946");
	exit->overlay = overlay;
	site->env.dialer = (struct shoal_transport_dialer){.dial = overlay_dial,
	        .listen = overlay_listen,
	        .accept = overlay_accept,
	        .arg = exit};
}

static void
members_of_an_overlay_need_no_sockets_of_the_kernel(void **state)
{
	static uint8_t large[300000];
	struct overlay overlay = {.blocks = true};
	struct exit exit[2];
	struct world world;
	struct site a, b;

	(void)state;
	world_open(&world);
	make(&a, &world, &overlay, &exit[0]);
	make(&b, &world, &overlay, &exit[1]);
	b.echo = true;
	assert_int_equal(site_start(&a), 0);
	assert_int_equal(site_start(&b), 0);
	struct shoal_addr own = with_port("fd00::1", 1);
	assert_true(shoal_addr_equal(&a.addr[0], &own));
	memset(large, 7, sizeof(large));
	assert_int_equal(site_request(&a, &b.addr[0], 1, large, sizeof(large), MINUTE), 0);
	assert_int_equal(site_request(&a, &b.addr[0], 2, "second", 6, MINUTE), 0);
	UNTIL(&world, a.results.count == 2);
	assert_int_equal(a.results.note[0].code, 0);
	assert_string_equal(last(&a.results)->text, "second");
	assert_true(shoal_addr_equal(&last(&b.requests)->from, &a.addr[0]));
	assert_int_equal(overlay.dialled, 1);
	/* A watch link, and its end. */
	assert_int_equal(site_watch(&a, &b.addr[0], 7, "watch", MINUTE), 0);
	UNTIL(&world, a.results.count == 3);
	site_stop(&b);
	UNTIL(&world, a.closed.count == 1);
	assert_int_equal(last(&a.closed)->code, SHOAL_ERR_CLOSED);
	/* Nobody is there. */
	struct shoal_addr nobody = with_port("fd00::1", 99);
	assert_int_equal(site_request(&a, &nobody, 3, "x", 1, MINUTE), 0);
	UNTIL(&world, a.results.count == 4);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_REFUSED);
	overlay_hang_up(&overlay);
	site_close(&a);
	site_close(&b);
	world_close(&world);
}

static void
what_an_overlay_fails_at_ends_as_such(void **state)
{
	static const struct {
		int fails, code;
		bool lies;
	} cases[] = {{SHOAL_ERR_UNREACHABLE, SHOAL_ERR_UNREACHABLE, false},
	        {SHOAL_ERR_LIMIT, SHOAL_ERR_LIMIT, false}, {-9999, SHOAL_ERR_SYSTEM, false},
	        {SHOAL_ERR_AGAIN, SHOAL_ERR_SYSTEM, false}, {0, SHOAL_ERR_SYSTEM, true}};
	struct shoal_addr to = with_port("fd00::1", 9);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct overlay overlay = {.count = 0};
		struct exit exit;
		struct world world;
		struct site a;

		world_open(&world);
		make(&a, &world, &overlay, &exit);
		assert_int_equal(site_start(&a), 0);
		overlay.fails = cases[i].fails;
		overlay.lies = cases[i].lies;
		assert_int_equal(site_request(&a, &to, 1, "x", 1, MINUTE), 0);
		UNTIL(&world, a.results.count == 1);
		assert_int_equal(last(&a.results)->code, cases[i].code);
		site_stop(&a);
		assert_int_not_equal(site_start(&a), 0);
		assert_non_null(strstr(a.why, "tcp 127.0.0.1:7946: listen of the dialer: "));
		overlay_hang_up(&overlay);
		site_close(&a);
		world_close(&world);
	}
}

/* What listen gives here: a descriptor that names a file only, or a socket of datagrams. */
static int given, kind;

static int
listen_badly(void *arg, const struct shoal_addr *at, struct shoal_addr *bound)
{
	(void)arg;
	*bound = *at;
	given = kind == 0 ? open("/", O_PATH | O_CLOEXEC)
	                  : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return given;
}

static void
a_descriptor_that_is_of_no_use_is_closed(void **state)
{
	(void)state;
	for (kind = 0; kind < 2; kind++) {
		struct world world;
		struct site site;

		world_open(&world);
		make_site(&site, &world, "127.0.0.1:7946");
		site.env.dialer.listen = listen_badly;
		assert_int_equal(site_start(&site), SHOAL_ERR_SYSTEM);
		assert_non_null(strstr(site.why, "listen of the dialer: what it gave is no "));
		assert_int_equal(fcntl(given, F_GETFD), -1);
		site_close(&site);
		world_close(&world);
	}
}

/* Members at URLs go the same way. */
static void
http_goes_by_the_overlay_too(void **state)
{
	struct overlay overlay = {.count = 0};
	struct exit exit[2];
	struct shoal_transport transport;
	struct shoal_addr to;
	struct world world;
	struct site site[2];
	char url[SHOAL_URL_MAX + 1];

	(void)state;
	world_open(&world);
	for (int i = 0; i < 2; i++) {
		if (shoal_transport_http(&transport, NULL) == SHOAL_ERR_UNSUPPORTED) {
			world_close(&world);
			return; /* a build without it */
		}
		site_init(&site[i], &world, transport, "127.0.0.1:7946");
		exit[i].overlay = &overlay;
		site[i].env.dialer = (struct shoal_transport_dialer){.dial = overlay_dial,
		        .listen = overlay_listen,
		        .accept = overlay_accept,
		        .arg = &exit[i]};
		site[i].env.web.bind = "http://127.0.0.1:0";
		site[i].env.web.url = i == 0 ? "http://[fd00::1]:1" : "http://[fd00::1]:2";
		assert_int_equal(site_start(&site[i]), 0);
		site[i].echo = true;
	}
	assert_int_equal(transport.ops->url(site[1].transport.self, url, sizeof(url)), 0);
	assert_int_equal(shoal_addr_from_url(&to, url), 0);
	assert_int_equal(transport.ops->know(site[0].transport.self, &to, url), 0);
	assert_int_equal(site_request(&site[0], &to, 1, "hello", 5, MINUTE), 0);
	UNTIL(&world, site[0].results.count == 1);
	assert_int_equal(last(&site[0].results)->code, 0);
	assert_int_equal(overlay.dialled, 1);
	overlay_hang_up(&overlay);
	site_close(&site[0]);
	site_close(&site[1]);
	world_close(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        TWICE(members_of_an_overlay_need_no_sockets_of_the_kernel),
	        cmocka_unit_test(what_an_overlay_fails_at_ends_as_such),
	        cmocka_unit_test(a_descriptor_that_is_of_no_use_is_closed),
	        cmocka_unit_test(http_goes_by_the_overlay_too),
	};

	return RUN(tests);
}
