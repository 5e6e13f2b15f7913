/* SPDX-License-Identifier: MIT */
/* The name in a certificate, as the host of a transport hears it: of HTTP over TLS, and of none in
 * clear. */
#include "transports_site.h"

#include "transports/channel.h"
#include "transports_certs.h"

#include <sys/socket.h>
#include <unistd.h>

static void
a_peer_of_https_is_known_by_its_certificate(void **state)
{
	const struct certs_wish wish = {.name = "x", .dns = "web-1.example", .ip = "127.0.0.1"};
	struct shoal_transport transport;
	struct shoal_addr to;
	struct world world;
	struct certs certs;
	struct site a, b;
	char url[SHOAL_URL_MAX + 1];

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "x", &wish);
	world_open(&world);
	for (int i = 0; i < 2; i++) {
		struct site *site = i == 0 ? &a : &b;

		assert_int_equal(shoal_transport_http(&transport, NULL), 0);
		site_init(site, &world, transport, "127.0.0.1:0");
		site->env.web.bind = "https://127.0.0.1:0";
		site->env.tls = (struct shoal_transport_tls){.client_certs = true,
		        .ca = certs_path(&certs, "ca.crt"),
		        .cert = certs_path(&certs, "x.crt"),
		        .key = certs_path(&certs, "x.key")};
		assert_int_equal(site_start(site), 0);
		site->echo = true;
	}
	assert_int_equal(transport.ops->url(b.transport.self, url, sizeof(url)), 0);
	assert_int_equal(shoal_addr_from_url(&to, url), 0);
	assert_int_equal(transport.ops->know(a.transport.self, &to, url), 0);
	assert_int_equal(site_request(&a, &to, 1, "hello", 5, 60000), 0);
	UNTIL(&world, a.results.count == 1);
	assert_int_equal(last(&a.results)->code, 0);
	assert_string_equal(b.peer, "web-1.example");
	assert_string_equal(a.peer, "web-1.example"); /* by its answer */
	b.peer[0] = '\0';
	assert_int_equal(
	        transport.ops->stream(a.transport.self, &to, (const uint8_t *)"word", 4), 0);
	UNTIL(&world, b.streams.count == 1);
	assert_string_equal(b.peer, "web-1.example");
	/* A new connection, whose certificate is not trusted any more: the reason is told. */
	char why[320];
	certs_renew(&certs);
	certs_make(&certs, "x", &wish);
	assert_int_equal(transport.ops->reload(a.transport.self, why, sizeof(why)), 0);
	site_stop(&b);
	b.env.web.bind = url;
	assert_int_equal(site_start(&b), 0);
	certs_renew(&certs);
	assert_int_equal(transport.ops->reload(a.transport.self, why, sizeof(why)), 0);
	assert_int_equal(
	        site_request(&a, &to, 2, "a question that is long enough for a reason", 43, 60000),
	        0);
	UNTIL(&world, a.results.count == 2);
	assert_int_equal(last(&a.results)->code, SHOAL_ERR_UNREACHABLE);
	assert_non_null(strstr(last(&a.results)->text, "its certificate is of no authority"));
	assert_int_equal(transport.ops->peer(b.transport.self, url, sizeof(url)),
	        SHOAL_ERR_NOT_FOUND); /* nothing is told */
	site_close(&a);
	site_close(&b);
	world_close(&world);
	certs_end(&certs);
}

static void
a_channel_in_clear_is_up_at_once_and_has_no_name(void **state)
{
	struct shoal_channel channel;
	enum shoal_tls_want want;
	char name[16];
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(shoal_channel_open(&channel, fd[0], NULL, NULL), 0);
	assert_int_equal(shoal_channel_greet(&channel, &want), 0);
	assert_int_equal(want, SHOAL_TLS_DONE);
	assert_int_equal(shoal_channel_write(&channel, "x", 1), 1);
	assert_int_equal(shoal_channel_waiting(&channel), 0);
	assert_int_equal(shoal_channel_flush(&channel), 0);
	assert_int_equal(shoal_channel_peer(&channel, name, sizeof(name)), SHOAL_ERR_NOT_FOUND);
	assert_string_equal(shoal_channel_why(&channel), "");
	shoal_channel_close(&channel);
	shoal_channel_close(&channel);
	assert_int_equal(recv(fd[1], name, 2, 0), 1);
	assert_int_equal(recv(fd[1], name, 2, 0), 0);
	close(fd[1]);
}

/* Also the end of the connection is one: not torn, as it is where something was left unread. */
static void
who_shows_no_certificate_reads_the_alert_and_then_the_end(void **state)
{
	const struct certs_wish wish = {.name = "x", .ip = "127.0.0.1"};
	struct shoal_channel server, client;
	struct shoal_tls *tls[2];
	enum shoal_tls_want want;
	char why[SHOAL_TLS_WHY];
	struct certs certs;
	uint8_t byte;
	int fd[2], code[2] = {0, 0};

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "x", &wish);
	const struct shoal_tls_files files = {.ca = certs_path(&certs, "ca.crt"),
	        .cert = certs_path(&certs, "x.crt"),
	        .key = certs_path(&certs, "x.key"),
	        .client_certs = true};
	const struct shoal_tls_files none = {.ca = files.ca, .verify = true};
	assert_int_equal(shoal_tls_new(&tls[0], NULL, &files, why, sizeof(why)), 0);
	assert_int_equal(shoal_tls_new(&tls[1], NULL, &none, why, sizeof(why)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(shoal_channel_open(&server, fd[0], tls[0], NULL), 0);
	assert_int_equal(shoal_channel_open(&client, fd[1], tls[1], "127.0.0.1"), 0);
	for (unsigned i = 0; i < 20 && code[0] == 0; i++) {
		assert_int_equal(shoal_channel_greet(&client, &want), 0);
		code[0] = shoal_channel_greet(&server, &want);
	}
	assert_int_equal(code[0], SHOAL_ERR_AUTH);
	assert_string_equal(shoal_channel_why(&server), "it gave no certificate");
	shoal_channel_close(&server);
	code[1] = shoal_channel_greet(&client, &want);
	assert_int_equal(code[1], SHOAL_ERR_AUTH);
	assert_non_null(strstr(shoal_channel_why(&client), "it may want a certificate"));
	assert_int_equal(recv(client.fd, &byte, 1, 0), 0);
	shoal_channel_close(&client);
	shoal_tls_free(tls[0]);
	shoal_tls_free(tls[1]);
	certs_end(&certs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_shows_no_certificate_reads_the_alert_and_then_the_end),
	        cmocka_unit_test(a_peer_of_https_is_known_by_its_certificate),
	        cmocka_unit_test(a_channel_in_clear_is_up_at_once_and_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
